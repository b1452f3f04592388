"""
Left alone: forecasts against the truth
=======================================

A network that predicts the next step may only correct itself by what it sees.
Left alone, its own predictions enter in place of what comes.
Here a trained GRU, its untrained twin and a linear filter go on behind 30 steps of an oscillator.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone

from sklearn_emerge import (
    GRUPredictor,
    LinearFilterPredictor,
    OscillatorWorld,
)

world = OscillatorWorld(n_steps=160)
train, unseen = world.split(1000, 100, random_state=0)
gru = GRUPredictor(
    16, max_steps=1500, lr=0.01, time_channel=None, random_state=0
)
models = {
    "trained GRU": gru.fit(train.X),
    "untrained twin": clone(gru)
    .set_params(training="readout")
    .fit(train.X),
    "linear filter": LinearFilterPredictor(32).fit(train.X),
}

seen, ahead = 30, 130
truth = world.emission(
    world.flow(unseen.latents[:, seen - 1], ahead, start=seen - 1)
)
forecasts = {
    name: model.rollout(unseen.X[:, :seen], ahead)
    for name, model in models.items()
}

figure, axes = plt.subplots(
    3, 1, figsize=(8, 6), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, forecast) in zip(axes, forecasts.items(), strict=True):
    ax.plot(unseen.X[0], color="0.8", label="what is observed")
    ax.plot(
        np.arange(seen, seen + ahead),
        truth[0],
        "k--",
        label="without noise",
    )
    ax.plot(
        np.arange(seen, seen + ahead),
        forecast[0],
        color="C0",
        label="forecast",
    )
    ax.axvline(seen, color="0.5", linewidth=1)
    ax.set_title(name, loc="left")
figure.legend(
    *axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=3
)
axes[-1].set_xlabel("step")

# %%
# Over all sequences the trained network is nearer to the truth than both others.

errors = {
    name: np.sqrt(np.mean((each - truth) ** 2))
    for name, each in forecasts.items()
}
assert errors["trained GRU"] < 0.5 * min(
    errors["untrained twin"], errors["linear filter"]
)
{name: round(float(error), 3) for name, error in errors.items()}
