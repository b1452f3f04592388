"""Operators: what a predictor does when it is left alone, against the flow of its world."""

from ._attractors import attractor
from ._conjugacy import conjugacy_error
from ._state_r2 import state_r2
from ._valid_time import valid_time

__all__ = ["attractor", "conjugacy_error", "state_r2", "valid_time"]
