"""Linear systems: exact risks of filters, and the memory and parameters that a system needs."""

from .._moved import moved_names
from ._equivalent import equivalent_filter_length, excess_risk
from ._filters import best_filter, linear_filter_risk
from ._random_walk import critical_filter_length, filter_risk
from ._stability import orbit_dimension, shortest_stable_length
from ._sweep import PredictionRiskSweep

__all__ = [
    "PredictionRiskSweep",
    "best_filter",
    "critical_filter_length",
    "equivalent_filter_length",
    "excess_risk",
    "filter_risk",
    "linear_filter_risk",
    "orbit_dimension",
    "shortest_stable_length",
]

__getattr__ = moved_names(
    __name__, {"stability_threshold": "linear_systems.shortest_stable_length"}
)
