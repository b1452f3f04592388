"""Displays: figures of a result cube."""

from ._assessment import AssessmentDisplay
from ._capacity import CapacityCurveDisplay

__all__ = ["AssessmentDisplay", "CapacityCurveDisplay"]
