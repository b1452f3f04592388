"""Laws of worlds, in numpy and scipy alone: linear systems, and a step of the oscillator."""

from ._linear_system import (
    EIGENVALUE_TOLERANCE,
    check_covariance,
    check_detectable,
    check_observation,
    check_system,
    check_transition,
    memory_radius,
    observability,
    persistent_modes,
    steady_filter,
)
from ._oscillator import euler_step, frequencies_of

__all__ = [
    "EIGENVALUE_TOLERANCE",
    "check_covariance",
    "check_detectable",
    "check_observation",
    "check_system",
    "check_transition",
    "euler_step",
    "frequencies_of",
    "memory_radius",
    "observability",
    "persistent_modes",
    "steady_filter",
]
