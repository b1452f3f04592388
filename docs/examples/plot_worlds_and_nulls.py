"""
Worlds and their nulls
======================

A world draws sequences.
A `null <../glossary.html#nulls>`__ of it has the same values, and lacks one kind of structure.
What a network gains in a null it cannot owe to that structure.
"""

import numpy as np

from sklearn_emerge import (
    DriftWorld,
    LorenzWorld,
    NullsDisplay,
    OscillatorWorld,
)

oscillator, lorenz = OscillatorWorld(n_steps=120), LorenzWorld(n_steps=120)
kinds = ["resample", "shuffle"]
display = NullsDisplay.from_world(oscillator, kinds=kinds)

# %%
# The number above is the loss of the predictor that knows the law, where one is known.
# Any world can be shown so, for instance one in which nobody knows the best predictor:

NullsDisplay.from_world(lorenz, kinds=kinds)

# %%
# Where the order is destroyed, values are exchanged between sequences: each step has the values
# that it has in the world.
# Where steps are shuffled, each sequence keeps its own values.
# In both, a step says little or nothing of the next one.


def correlation(world):
    """Correlate each step with the next one, across sequences."""
    X = world.sample(500, random_state=0).X
    now, after = (
        part - part.mean(axis=0) for part in (X[:, 20:-1], X[:, 21:])
    )
    return (now * after).sum() / np.sqrt((now**2).sum() * (after**2).sum())


assert display.losses["structured"] < display.losses["resample"]
for world in (oscillator, lorenz, DriftWorld(n_steps=120)):
    assert correlation(world) > 0.7
    assert abs(correlation(world.null("resample"))) < 0.1
    assert abs(correlation(world.null("shuffle"))) < 0.2
