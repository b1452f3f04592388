"""Ceilings: predictors that know the law of a world, and that no other can beat."""

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
