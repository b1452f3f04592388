"""Ceilings: predictors that know the law of a world, and that no other can beat."""

# What registers the predictor of a world.
from . import _bernoulli, _drift, _linear_system, _nulls  # noqa: F401
from ._exchangeable import ExchangeablePredictor
from ._kalman import KalmanPredictor
from ._of_world import best_predictor
from ._oscillator import OscillatorPredictor
from ._regime import RegimePredictor

__all__ = [
    "ExchangeablePredictor",
    "KalmanPredictor",
    "OscillatorPredictor",
    "RegimePredictor",
    "best_predictor",
]
