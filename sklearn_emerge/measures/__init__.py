"""Measures of fitted predictors: what the memory of a network is worth."""

from ._exchange import exchange_states
from ._memory import memory_curve

__all__ = ["exchange_states", "memory_curve"]
