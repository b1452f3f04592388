"""Where `emergence`, `linear_systems` and measures of capacity and of gates were."""

from ._moved import moved_names

_HOMES = {
    "EmergenceCurve": "emergence",
    "PredictionRiskSweep": "linear_systems",
    "best_filter": "linear_systems",
    "count_flops": "measures",
    "critical_filter_length": "linear_systems",
    "effective_capacity": "measures.capacity",
    "equivalent_filter_length": "linear_systems",
    "equivalent_reservoir_size": "measures",
    "excess_risk": "linear_systems",
    "filter_risk": "linear_systems",
    "fit_curve": "emergence",
    "gate_activation": "measures.attention_gate",
    "head_gates": "measures.attention_head_gates",
    "linear_filter_risk": "linear_systems",
    "module_capacity": "measures",
    "network_capacity": "measures",
    "orbit_dimension": "linear_systems",
    "reservoir_curve": "measures",
    "reservoir_interval": "measures",
    "stability_threshold": "linear_systems.shortest_stable_length",
}

__all__ = sorted(_HOMES)
__getattr__ = moved_names(__name__, _HOMES)
