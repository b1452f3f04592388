"""
Your trained network
====================

You have trained a network in torch, with code of your own, and it predicts well.
What did its training add?
This tutorial assesses networks as they are: nothing in them is trained again.
"""

# %%
# Networks, one a seed
# --------------------
#
# One network cannot say whether training again would give the same.
# So train several, from other initial weights.
# Here five small GRUs learn to predict a noisy oscillator, in plain torch.

import torch
from torch import nn

from sklearn_emerge import OscillatorWorld

world = OscillatorWorld(n_steps=32)


def train(seed):
    """Train a core and a head of your own, and return the core."""
    torch.manual_seed(seed)
    core, head = nn.GRU(1, 8, batch_first=True), nn.Linear(8, 1)
    X = torch.tensor(world.sample(300, random_state=1000 + seed).X)[
        ..., None
    ].float()
    optimiser = torch.optim.Adam(
        [*core.parameters(), *head.parameters()], lr=0.02
    )
    for _ in range(200):
        loss = ((head(core(X[:, :-1])[0]) - X[:, 1:]) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return core


networks = [train(seed) for seed in range(5)]

# %%
# How they are assessed
# ---------------------
#
# `ModulePredictor.from_trained` takes a module and never changes it.
# A new head is fitted in closed form, to the network and to its untrained twin alike, so that the
# difference is due to the core.
# Evaluation data must be new: sequences of your training would score what was learned by heart.
#
# In a null nobody knows what your network would have learned.
# There, new networks are trained, by `max_steps` and `lr` of the predictor; choose them as yours
# were.

from sklearn_emerge import EmergenceAssessment, ModulePredictor

assessment = EmergenceAssessment(
    world,
    [
        ModulePredictor.from_trained(each, max_steps=200, lr=0.02)
        for each in networks
    ],
    baselines=("mean", "persistence", "linear_filter"),
    claims=("gain", "prediction", "core", "order"),
    nulls=("resample",),
    probe=None,
    reservoir_sizes=None,
    n_train=200,
    n_eval=100,
    random_state=0,
    progress=False,
).fit()
columns = ["claim_effect", "claim_low", "claim_high", "claim_state"]
assessment.cube_[columns].to_dataframe()[columns].round(3)

# %%
# What was found
# --------------

print(assessment.verdict_)
display = assessment.plot()

# %%
# The networks gain over the trivial baselines.
# But a linear filter predicts no worse, so that for this prediction no network was needed.
# That is often so after short training on short sequences: train longer, and ask again.
# Whether they are better than their untrained twins is another claim, *core*: look at its row.

state = assessment.cube_.claim_state.to_series()
assert state["gain"] == "holds"
assert state["prediction"] == "fails"
assert assessment.verdict_ == "learned, not beyond a linear filter"

# %%
# A single network
# ----------------
#
# One network shows effects, and gets no verdict.

import warnings

with warnings.catch_warnings():
    warnings.simplefilter(
        "ignore"
    )  # says that one seed cannot reach the level of the tests
    alone = EmergenceAssessment(
        world,
        networks[:1],
        baselines=("mean", "persistence"),
        nulls=(),
        probe=None,
        reservoir_sizes=None,
        n_train=200,
        n_eval=100,
        random_state=0,
        progress=False,
    ).fit()
print(alone.verdict_reason_.partition(";")[0])

assert alone.verdict_ == "undecided"

# %%
# Out again
# ---------
#
# `predictor` returns the network behind any number, here the untrained twin of the fourth network.

twin = assessment.predictor(mode="readout", seed=3)
nll = assessment.cube_.nll.sel(
    condition="structured", mode="readout", seed=3
).item()
assert -twin.score(assessment.evaluation(seed=3).X) == nll

# %%
# `How do I assess networks that I have trained? <../how-to/trained-networks.html>`__ has what is
# taken besides modules: weights, networks of skorch, and heads of your own.
