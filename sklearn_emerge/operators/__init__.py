"""Operators: whether a predictor that is left alone does what its world does."""

from ._forecasts import flow_errors, target_of
from ._skill import log_error_ratio, log_margin_ratio, operator_skill

__all__ = [
    "flow_errors",
    "log_error_ratio",
    "log_margin_ratio",
    "operator_skill",
    "target_of",
]
