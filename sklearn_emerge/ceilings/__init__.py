"""Ceilings: predictors that know the law of a world, and that no other can beat."""

# What registers the predictor of a world.
from . import (  # noqa: F401
    _algorithmic,
    _bernoulli,
    _drift,
    _linear_system,
    _noisy_periodic,
    _nulls,
    _switching,
)
from ._exchangeable import ExchangeablePredictor
from ._flip_flop import FlipFlopPredictor
from ._kalman import KalmanPredictor
from ._of_world import best_predictor
from ._oscillator import OscillatorPredictor
from ._regime import RegimePredictor

__all__ = [
    "ExchangeablePredictor",
    "FlipFlopPredictor",
    "KalmanPredictor",
    "OscillatorPredictor",
    "RegimePredictor",
    "best_predictor",
]
