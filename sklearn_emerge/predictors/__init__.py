"""Predictors of the next step: baselines and neural networks under one contract."""

import warnings

from tqdm import TqdmWarning

with warnings.catch_warnings():
    # In a notebook without ipywidgets, when skorch is imported, which would show no bar anyway.
    warnings.simplefilter("ignore", TqdmWarning)
    import tqdm.auto  # noqa: F401

from .._moved import moved_names
from ._autoregressive import AutoregressivePredictor
from ._base import BasePredictor
from ._baselines import MarkovPredictor, MeanPredictor, PersistencePredictor
from ._echo_state import EchoStatePredictor
from ._filters import FiniteFilterPredictor, TruncatedKalmanPredictor
from ._linear_filter import LinearFilterPredictor
from ._module import ModulePredictor
from ._recurrent import GRUPredictor, LSTMPredictor, RNNPredictor
from ._restricted import RestrictedLinearPredictor
from ._seasonal import SeasonalPredictor
from ._time_varying_filter import TimeVaryingFilterPredictor
from ._transformer import TransformerPredictor
from ._window import WindowPredictor

__all__ = [
    "AutoregressivePredictor",
    "BasePredictor",
    "EchoStatePredictor",
    "FiniteFilterPredictor",
    "GRUPredictor",
    "LSTMPredictor",
    "LinearFilterPredictor",
    "MarkovPredictor",
    "MeanPredictor",
    "ModulePredictor",
    "PersistencePredictor",
    "RNNPredictor",
    "RestrictedLinearPredictor",
    "SeasonalPredictor",
    "TimeVaryingFilterPredictor",
    "TransformerPredictor",
    "TruncatedKalmanPredictor",
    "WindowPredictor",
]

# They have a room of their own.
_MOVED = ("ExchangeablePredictor", "KalmanPredictor", "OscillatorPredictor", "RegimePredictor")
__getattr__ = moved_names(__name__, dict.fromkeys(_MOVED, "ceilings"))
