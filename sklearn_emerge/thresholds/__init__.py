"""Thresholds: of accuracy in capacity, and of memory and parameters in linear systems."""

from ..measures import equivalent_reservoir_size, reservoir_curve, reservoir_interval
from ._capacity import count_flops, effective_capacity, module_capacity, network_capacity
from ._curve import EmergenceCurve
from ._curve_cube import fit_curve
from ._equivalent import equivalent_filter_length, excess_risk
from ._filters import best_filter, linear_filter_risk
from ._gate import gate_activation, head_gates
from ._random_walk import critical_filter_length, filter_risk
from ._stability import orbit_dimension, stability_threshold
from ._sweep import PredictionRiskSweep

__all__ = [
    "EmergenceCurve",
    "PredictionRiskSweep",
    "best_filter",
    "count_flops",
    "critical_filter_length",
    "effective_capacity",
    "equivalent_filter_length",
    "equivalent_reservoir_size",
    "excess_risk",
    "filter_risk",
    "fit_curve",
    "gate_activation",
    "head_gates",
    "linear_filter_risk",
    "module_capacity",
    "network_capacity",
    "orbit_dimension",
    "reservoir_curve",
    "reservoir_interval",
    "stability_threshold",
]
