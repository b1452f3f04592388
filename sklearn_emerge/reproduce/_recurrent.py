"""Experiments of *Emergence Without Scale*, and some of our own beside them."""

from typing import Any

from ..predictors import GRUPredictor, RNNPredictor
from ..worlds import DriftWorld, LinearSystemWorld, OscillatorWorld, RegimeWorld, World
from ._declare import Experiment

_SIZES = {"hidden_size": [4, 8, 16, 32]}
_CLOCKS = {"time_channel": ["full_time", "no_time", "constant_time"]}
_MODELS = {
    name: model(16, max_steps=20_000, lr=1e-3)
    for name, model in (("rnn", RNNPredictor), ("gru", GRUPredictor))
}
_OSCILLATOR = OscillatorWorld()
_WORLDS: dict[str, tuple[str, World, dict[str, Any] | None, tuple[str, ...]]] = {
    # name: (name in the tables, world, grid, nulls)
    "oscillator": ("oscillator", _OSCILLATOR, _SIZES, ("resample",)),
    "oscillator-time": ("oscillator", _OSCILLATOR, _CLOCKS, ("resample",)),
    "oscillator-nonstationary": (
        "oscillator-nonstationary",
        OscillatorWorld(omega=(0.8, 1.2)),
        None,
        ("resample", "phase"),
    ),
    "oscillator-null": ("oscillator-null", _OSCILLATOR.null("shuffle"), None, ("resample",)),
    "regime-time": ("regime", RegimeWorld(), _CLOCKS, ("resample",)),
    "regime-null": ("regime-null", RegimeWorld().null("bernoulli"), None, ("resample",)),
    "drift": ("drift", DriftWorld(), None, ("resample", "phase")),
}
EXPERIMENTS = {
    f"{name}-{model_name}": Experiment(world_name, model_name, world, model, grid, nulls)
    for name, (world_name, world, grid, nulls) in _WORLDS.items()
    for model_name, model in _MODELS.items()
}
# Not in the paper: after how many updates do its networks of the regime world look like ours?
EXPERIMENTS |= {
    f"regime-updates-{model_name}": Experiment(
        "regime-updates",
        model_name,
        RegimeWorld(),
        model,
        {"max_steps": [4000, 6000, 8000, 12_000]},
        modes=("full",),
        protocols=("published",),
    )
    for model_name, model in _MODELS.items()
}
# Not in a source either: what memory is a trained network worth on a random walk in noise?
EXPERIMENTS |= {
    f"random-walk-{model_name}": Experiment(
        "random-walk",
        model_name,
        LinearSystemWorld.random_walk(),
        model,
        {"world__Q": [1.0, 0.1, 0.01]},
        protocols=("corrected",),
    )
    for model_name, model in _MODELS.items()
}
