"""Operators: what a predictor does that is left alone, and what happens to its state."""

from ._fixed_points import FixedPoints, fixed_points
from ._forecasts import flow_errors, target_of
from ._lyapunov import lyapunov_exponents, lyapunov_spectrum
from ._skill import log_error_ratio, log_margin_ratio, operator_skill

__all__ = [
    "FixedPoints",
    "fixed_points",
    "flow_errors",
    "log_error_ratio",
    "log_margin_ratio",
    "lyapunov_exponents",
    "lyapunov_spectrum",
    "operator_skill",
    "target_of",
]
