"""
Worlds and their nulls
======================

A world draws sequences.
A `null <../glossary.html#nulls>`__ of it has the same values, and lacks one kind of structure.
What a network gains in a null it cannot owe to that structure.
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_emerge import DriftWorld, LorenzWorld, OscillatorWorld

worlds = {
    "oscillator": OscillatorWorld(n_steps=120),
    "Lorenz": LorenzWorld(n_steps=120),
    "drift": DriftWorld(n_steps=120),
}
figure, axes = plt.subplots(
    3, 3, figsize=(10, 6), sharex=True, sharey="row", layout="constrained"
)
for row, (name, world) in zip(axes, worlds.items(), strict=True):
    for ax, kind in zip(row, (None, "resample", "shuffle"), strict=True):
        drawn = world if kind is None else world.null(kind)
        ax.plot(drawn.sample(2, random_state=1).X.T, linewidth=1)
    row[0].set_ylabel(name)
for ax, title in zip(
    axes[0], ("the world", "order destroyed", "steps shuffled"), strict=True
):
    ax.set_title(title)
for ax in axes[-1]:
    ax.set_xlabel("step")

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


for world in worlds.values():
    assert correlation(world) > 0.7
    assert abs(correlation(world.null("resample"))) < 0.1
    assert abs(correlation(world.null("shuffle"))) < 0.2
