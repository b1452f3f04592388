"""Predictors of the next step: baselines and neural networks under one contract."""

from ._baselines import (
    AutoregressivePredictor,
    MarkovPredictor,
    MeanPredictor,
    PersistencePredictor,
)
from ._kalman import KalmanPredictor
from ._neural import ModulePredictor
from ._optimal import ExchangeablePredictor, RegimePredictor
from ._oscillator import OscillatorPredictor
from ._recurrent import GRUPredictor, LSTMPredictor, RNNPredictor

__all__ = [
    "AutoregressivePredictor",
    "ExchangeablePredictor",
    "GRUPredictor",
    "KalmanPredictor",
    "LSTMPredictor",
    "MarkovPredictor",
    "MeanPredictor",
    "ModulePredictor",
    "OscillatorPredictor",
    "PersistencePredictor",
    "RNNPredictor",
    "RegimePredictor",
]
