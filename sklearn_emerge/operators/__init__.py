"""Operators: what a recurrent predictor does to its state, driven and when it is left alone."""

from ._fixed_points import FixedPoints, fixed_points
from ._lyapunov import lyapunov_exponents, lyapunov_spectrum

__all__ = [
    "FixedPoints",
    "fixed_points",
    "lyapunov_exponents",
    "lyapunov_spectrum",
]
