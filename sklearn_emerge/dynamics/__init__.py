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
    steady_filter,
)
from ._lorenz import lorenz_flow, runge_kutta_step
from ._oscillator import euler_step, frequencies_of
from ._switching import check_transitions, switching_moments

__all__ = [
    "EIGENVALUE_TOLERANCE",
    "check_covariance",
    "check_detectable",
    "check_input_matrix",
    "check_observation",
    "check_system",
    "check_transition",
    "check_transitions",
    "euler_step",
    "frequencies_of",
    "lorenz_flow",
    "memory_radius",
    "observability",
    "persistent_modes",
    "runge_kutta_step",
    "steady_filter",
    "switching_moments",
]
