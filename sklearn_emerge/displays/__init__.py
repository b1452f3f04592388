"""Displays: figures of a result cube."""

from ._assessment import AssessmentDisplay
from ._capacity import CapacityCurveDisplay
from ._decoding import DecodingDisplay

__all__ = ["AssessmentDisplay", "CapacityCurveDisplay", "DecodingDisplay"]
