"""Operators: what a predictor does to its state, and whether it goes on as its world does."""

from ._attractors import attractor
from ._conjugacy import conjugacy_error
from ._exponents import lyapunov
from ._fixed_points import FixedPoints, fixed_points
from ._forecasts import flow_errors
from ._lyapunov import lyapunov_exponents, lyapunov_spectrum
from ._rest_point import rest_point
from ._skill import log_error_ratio, log_margin_ratio, operator_skill
from ._state_r2 import state_r2
from ._targets import target_of
from ._valid_time import valid_time

__all__ = [
    "FixedPoints",
    "attractor",
    "conjugacy_error",
    "fixed_points",
    "flow_errors",
    "log_error_ratio",
    "log_margin_ratio",
    "lyapunov",
    "lyapunov_exponents",
    "lyapunov_spectrum",
    "operator_skill",
    "rest_point",
    "state_r2",
    "target_of",
    "valid_time",
]
