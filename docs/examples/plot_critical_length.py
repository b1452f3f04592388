"""
How long must a filter be?
==========================

A random walk is seen in noise.
How many of the last values does a filter need, so that it loses little over many steps?
Nothing is simulated: risks of filters in linear systems are known exactly.
"""

import matplotlib.pyplot as plt

from sklearn_emerge import (
    CriticalLengthDisplay,
    LinearSystemWorld,
    PredictionRiskDisplay,
)
from sklearn_emerge.linear_systems import PredictionRiskSweep

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.2), layout="constrained"
)
sweep = PredictionRiskSweep(
    LinearSystemWorld.random_walk(0.1),
    None,
    range(1, 21),
    [100, 1000, 10_000, 100_000],
).fit()
PredictionRiskDisplay.from_estimator(sweep, ax=left)
lengths = {}
for ratio in (1.0, 0.1, 0.01):
    walk = LinearSystemWorld.random_walk(ratio)
    sweep = PredictionRiskSweep(
        walk, None, range(1, 80), [10**k for k in range(2, 7)]
    ).fit()
    CriticalLengthDisplay.from_estimator(
        sweep, label=f"q/r = {ratio:g}", ax=right
    )
    lengths[ratio] = sweep.cube_.critical_length

# %%
# The length that is needed grows with the logarithm of the horizon, and with the noise that has to
# be averaged out.

assert (lengths[0.01] > lengths[0.1]).all()
assert (lengths[0.1] > lengths[1.0]).all()
