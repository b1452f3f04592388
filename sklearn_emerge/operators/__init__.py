"""Operators: what a predictor does to its state, driven and left alone, and what its world does."""

from ._attractors import attractor
from ._conjugacy import conjugacy_error
from ._fixed_points import FixedPoints, fixed_points
from ._lyapunov import lyapunov_exponents, lyapunov_spectrum
from ._state_r2 import state_r2
from ._valid_time import valid_time

__all__ = [
    "FixedPoints",
    "attractor",
    "conjugacy_error",
    "fixed_points",
    "lyapunov_exponents",
    "lyapunov_spectrum",
    "state_r2",
    "valid_time",
]
