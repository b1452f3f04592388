"""Laws of worlds, in numpy and scipy alone: linear systems, an oscillator, a chaotic flow."""

from ._linear_system import (
    EIGENVALUE_TOLERANCE,
    check_covariance,
    check_detectable,
    check_input_matrix,
    check_observation,
    check_system,
    check_transition,
    memory_radius,
    observability,
    persistent_modes,
    rests_at_origin_alone,
    steady_filter,
)
from ._lorenz import (
    lorenz_flow,
    lorenz_jacobian,
    lorenz_rest_points,
    runge_kutta_rest_jacobian,
    runge_kutta_step,
)
from ._oscillator import (
    LimitCycle,
    euler_cycle,
    euler_rest_jacobian,
    euler_step,
    frequencies_of,
)
from ._switching import check_transitions, switching_moments

__all__ = [
    "EIGENVALUE_TOLERANCE",
    "LimitCycle",
    "check_covariance",
    "check_detectable",
    "check_input_matrix",
    "check_observation",
    "check_system",
    "check_transition",
    "check_transitions",
    "euler_cycle",
    "euler_rest_jacobian",
    "euler_step",
    "frequencies_of",
    "lorenz_flow",
    "lorenz_jacobian",
    "lorenz_rest_points",
    "memory_radius",
    "observability",
    "persistent_modes",
    "rests_at_origin_alone",
    "runge_kutta_rest_jacobian",
    "runge_kutta_step",
    "steady_filter",
    "switching_moments",
]
