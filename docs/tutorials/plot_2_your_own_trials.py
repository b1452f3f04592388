"""
Your own trials
===============

You have recorded trials, and wonder whether a network learns their dynamics.
This tutorial takes arrays to a verdict: what the independent units are, what the network is
compared with, and how many trials it would take to decide.
"""

# %%
# Trials, and who they are from
# -----------------------------
#
# Rows are trials, columns are steps.
# These are made up: a hand reaches and is held back, in noise.
# The movement is the same law in each trial; how strongly it starts differs.
# Eight people make six trials each.

import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(0)
person = np.repeat(np.arange(8), 6)
start = rng.normal(1.0, 0.3, size=person.size) + 0.2 * person
angle, decay = 0.4, 0.97
steps = np.arange(50)
speed = (
    start[:, np.newaxis]
    * decay**steps
    * np.cos(angle * steps + rng.normal(size=(48, 1)))
)
X = speed + 0.1 * rng.normal(size=speed.shape)

figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
ax.plot(X[::12].T)
ax.set_xlabel("step")
ax.set_ylabel("speed, of four people")

# %%
# Trials of one person are not independent.
# `ArrayWorld` takes `groups`, and then whole people are held out, never trials of people that a
# network has seen.
# Say also what was measured beside it: `latents` are decoded from hidden states.

from sklearn_emerge import ArrayWorld

trials = ArrayWorld(
    X, latents=speed, latent_names=("speed",), groups=person
)

# %%
# What is planned
# ---------------
#
# `plan` says what a fit would do, and how small a p-value can become, before anything is trained.
# Few trials are learned by heart, so that training stops when held-out trials are predicted no
# better: `early_stopping`.

from sklearn_emerge import EmergenceAssessment, GRUPredictor

assessment = EmergenceAssessment(
    trials,
    GRUPredictor(
        hidden_size=8, max_steps=600, lr=0.02, early_stopping=True
    ),
    baselines=("mean", "persistence", "linear_filter"),
    claims=("gain", "prediction", "core", "representation"),
    nulls=(),
    reservoir_sizes=None,
    random_state=0,
    progress=False,
)
print(assessment.plan())

# %%
# What is found
# -------------

assessment.fit()
print(assessment.explain().partition("\n\nWords")[0])

# %%
# How to read it
# --------------
#
# The network gains over the trivial baselines, and so it has learned something.
# Whether it is better than a linear filter is *open*: eight people are few, and the bounds are wide.
# *Open* is no "no".
# Report the bounds, and the number of people that would decide it.
#
# Note the last row.
# The speed can be decoded from the trained states nearly perfectly, and as well from the last
# inputs: that is no representation that training built.

claims = assessment.cube_
assert assessment.verdict_ == "undecided"
assert claims.claim_state.sel(claim="gain").item() == "holds"
assert claims.claim_state.sel(claim="prediction").item() == "open"
assert (
    claims.claim_state.sel(claim="representation speed").item() == "fails"
)

display = assessment.plot()

# %%
# Here the truth is known, because the trials are made up: the law is linear, so that no network can
# be much better than a linear filter.
# More people would show that, with the verdict *learned, not beyond a linear filter*.
#
# What to do with your own
# ------------------------
#
# - Say what is independent, by `groups`: sessions, animals, people.
# - Steps may be missing, as NaN, and trials may differ in length.
# - Leave `claims`, `nulls`, `baselines` and `reservoir_sizes` as they are: here most were left out, to
#   end in seconds.
# - `Recordings that others have made <../recordings.html>`__ has four real data sets, with all claims.
