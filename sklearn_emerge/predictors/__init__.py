"""Predictors of the next step: baselines and neural networks under one contract."""

from ._baselines import (
    AutoregressivePredictor,
    MarkovPredictor,
    MeanPredictor,
    PersistencePredictor,
)
from ._filters import FiniteFilterPredictor, TruncatedKalmanPredictor
from ._kalman import KalmanPredictor
from ._module import ModulePredictor
from ._optimal import ExchangeablePredictor, RegimePredictor
from ._oscillator import OscillatorPredictor
from ._recurrent import GRUPredictor, LSTMPredictor, RNNPredictor
from ._restricted import RestrictedLinearPredictor
from ._transformer import TransformerPredictor

__all__ = [
    "AutoregressivePredictor",
    "ExchangeablePredictor",
    "FiniteFilterPredictor",
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
    "RestrictedLinearPredictor",
    "TransformerPredictor",
    "TruncatedKalmanPredictor",
]
