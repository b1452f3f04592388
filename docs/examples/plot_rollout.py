"""
Left alone: forecasts against the truth
=======================================

A network that predicts the next step may only correct itself by what it sees.
Left alone, its own predictions enter in place of what comes.
Here a trained GRU, its untrained twin and a linear filter go on behind 30 steps of an oscillator.
"""

from sklearn.base import clone

from sklearn_emerge import (
    GRUPredictor,
    LinearFilterPredictor,
    OscillatorWorld,
    RolloutDisplay,
)

train, unseen = OscillatorWorld(n_steps=160).split(
    1000, 100, random_state=0
)
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
display = RolloutDisplay.from_estimator(models, unseen, prompt=30)

# %%
# Over all sequences the trained network stays nearer to what comes than both others.

errors = {
    name: error.isel(prompt=0, horizon=-1).item()
    for name, error in display.errors.items()
}
assert errors["trained GRU"] < 0.5 * min(
    errors["untrained twin"], errors["linear filter"]
)
{name: round(error, 3) for name, error in errors.items()}
