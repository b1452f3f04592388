"""Predictors of the next step: baselines and neural networks under one contract."""

from ._baselines import (
    AutoregressivePredictor,
    MarkovPredictor,
    MeanPredictor,
    PersistencePredictor,
)
from ._neural import ModulePredictor
from ._recurrent import GRUPredictor, LSTMPredictor, RNNPredictor

__all__ = [
    "AutoregressivePredictor",
    "GRUPredictor",
    "LSTMPredictor",
    "MarkovPredictor",
    "MeanPredictor",
    "ModulePredictor",
    "PersistencePredictor",
    "RNNPredictor",
]
