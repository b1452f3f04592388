"""Emergence: the curve of a score against capacity, and the update at which one is reached."""

from ._cube import fit_curve
from ._curve import EmergenceCurve
from ._step import emergence_step

__all__ = ["EmergenceCurve", "emergence_step", "fit_curve"]
