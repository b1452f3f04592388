"""
Paths of a network that is left alone
=====================================

A network without a clock is trained on an oscillator, then left alone.
`PhasePortraitDisplay` draws its paths in the plane of the latents, beside the world's and those of
its untrained twin.
"""

from sklearn.base import clone

from sklearn_emerge import (
    GRUPredictor,
    OscillatorWorld,
    PhasePortraitDisplay,
)
from sklearn_emerge.operators import fixed_points

world = OscillatorWorld(n_steps=128)
train, unseen = world.split(1000, 200, random_state=0)
gru = GRUPredictor(
    16, max_steps=1500, lr=0.01, time_channel=None, random_state=0
).fit(train.X)
twin = clone(gru).set_params(training="readout").fit(train.X)
display = PhasePortraitDisplay.from_estimator(
    gru, unseen, twin=twin, n_steps=200
)

# %%
# The network leaves its rest point as the world does, and its twin hardly does.

growth = {}
for name, model in {"trained": gru, "twin": twin}.items():
    found = fixed_points(model, unseen.X[:50], random_state=0)
    growth[name] = found.growth[abs(found.outputs[:, 0]).argmin()].item()
assert growth["trained"] > 0.03 > 0.02 > growth["twin"]
growth
