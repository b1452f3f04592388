"""
Assess a world
==============

A small network predicts a noisy oscillator well.
How much of that did training add?
This tutorial asks the question from the first line of code to a verdict, in a simulated world,
where the answer can be checked.
"""

# %%
# A world
# -------
#
# A *world* draws sequences and knows what they are made of.
# Here a point turns on a cycle, and one of its coordinates is observed in noise.
# Its state, x and y, is *latent*: networks never see it.

import matplotlib.pyplot as plt

from sklearn_emerge import OscillatorWorld

world = OscillatorWorld(n_steps=60)
sample = world.sample(3, random_state=0)

figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
ax.plot(sample.X.T)
ax.set_xlabel("step")
ax.set_ylabel("observation")
print(world)

# %%
# A prediction has a price
# ------------------------
#
# A predictor is an estimator as in scikit-learn.
# Entry t of `predict` is the mean of step t + 1, given the steps up to t.
# The score is the log-likelihood of what comes, in nats per step: more is better.

from sklearn_emerge import (
    GRUPredictor,
    LinearFilterPredictor,
    PersistencePredictor,
)

train, evaluation = world.split(500, 200, random_state=0)
gru = GRUPredictor(hidden_size=8, max_steps=400, lr=0.02, random_state=0)
models = {
    "as the last step": PersistencePredictor(noise_std=0.05),
    "linear filter": LinearFilterPredictor(16, noise_std=0.05),
    "trained GRU": gru.set_params(noise_std=0.05),
    "best possible": world.optimal_predictor(),
}
scores = {
    name: float(model.fit(train.X).score(evaluation.X))
    for name, model in models.items()
}
{name: round(score, 2) for name, score in scores.items()}

# %%
# The GRU is better than the last step again, by far.
# That alone is no reason to speak of learning: the linear filter is better, too.
# And nobody knows yet what the network would predict without training.

assert scores["trained GRU"] > scores["as the last step"] + 0.3
assert scores["linear filter"] > scores["as the last step"] + 0.3
assert scores["best possible"] == max(scores.values())

# %%
# The assessment
# --------------
#
# `EmergenceAssessment` makes all comparisons at once.
# It trains a network for each seed, in the world and in `nulls <../glossary.html#nulls>`__, in which
# one kind of structure is destroyed.
# Each network has an untrained twin with the same initial weights.
# Both get the best linear head, so that the twin has a fair chance.
# Filters, windows of inputs and random networks are fitted as alternatives.
# Here is a small one, with three of its questions.

from sklearn_emerge import EmergenceAssessment

quick = EmergenceAssessment(
    world,
    GRUPredictor(hidden_size=8, max_steps=300, lr=0.02),
    baselines=("mean", "persistence", "linear_filter"),
    claims=("gain", "prediction", "core"),
    nulls=(),
    probe=None,
    reservoir_sizes=None,
    n_train=200,
    n_eval=100,
    random_state=0,
    progress=False,
).fit()
columns = ["claim_effect", "claim_low", "claim_high", "claim_state"]
quick.cube_[columns].to_dataframe()[columns].round(3)

# %%
# A verdict follows from *claims*, and each claim is a difference that is tested over seeds.
# It **holds** if it is significantly above a margin, **fails** if it is significantly below it, and
# is **open** otherwise.
# This assessment leaves most of them out, to end in seconds, and trains for few updates.
# So it must not decide, and it says why:

print(quick.verdict_)
print(quick.verdict_reason_.partition(";")[0])

assert quick.cube_.claim_state.sel(claim="gain").item() == "holds"
assert quick.verdict_ == "undecided"

# %%
# All claims
# ----------
#
# With all claims it takes a minute or two: leave out what is set to little or nothing above.
# Such a result is stored, of a GRU of 16 units and sequences of 256 steps.
# `load_cube` reads it.

from sklearn_emerge import explain, load_cube

cube = load_cube("../../datasets/cubes/oscillator-gru-corrected.nc").sel(
    hidden_size=16
)
text = explain(cube)
print(text.partition("\n\nWords")[0])

# %%
# The verdict is *operator*: it needs prediction, core, order, memory and dynamics.
# Representations fail, because the untrained core shows the latents as well.

state = cube.claim_state.to_series()
assert cube.verdict.item() == "operator"
assert (
    state[["prediction", "core", "order", "memory", "dynamics"]] == "holds"
).all()
assert (state[["representation x", "representation y"]] == "fails").all()

# %%
# The figure has all gains in the world and in its null.
# Points are seeds; the dotted line is the best alternative without a trained network.

from sklearn_emerge import AssessmentDisplay

display = AssessmentDisplay.from_cube(cube)

# %%
# How much was there to learn?
# ----------------------------
#
# The best possible predictor of this world is known.
# The trained network has nearly all of its gain.
# The untrained twin has two thirds of it, without having learned anything but its head.

share = cube.efficiency.sel(condition="structured").mean("seed")
assert share.sel(mode="full") > 0.98
assert 0.6 < share.sel(mode="readout") < 0.7
share.to_series().round(2)

# %%
# Where to go on
# --------------
#
# - `Reading a verdict <plot_6_reading_a_verdict.html>`__ has three other verdicts, in words.
# - `Your own trials <plot_2_your_own_trials.html>`__ asks the same of recordings.
# - `How does an assessment decide? <../how-to/how-it-decides.html>`__ has each claim as a formula.
