"""Measures of fitted predictors: what the memory of a network, and the network, is worth."""

from ._exchange import exchange_states
from ._memory import memory_curve
from ._reservoir import equivalent_reservoir_size, reservoir_curve, reservoir_interval

__all__ = [
    "equivalent_reservoir_size",
    "exchange_states",
    "memory_curve",
    "reservoir_curve",
    "reservoir_interval",
]
