"""Displays: figures of a result cube, of a sweep, or of a network."""

from ._assessment import AssessmentDisplay
from ._attention import AttentionDisplay
from ._capacity import CapacityCurveDisplay
from ._critical_length import CriticalLengthDisplay
from ._decoding import DecodingDisplay
from ._emergence_curve import EmergenceCurveDisplay
from ._forecast_error import ForecastErrorDisplay
from ._lyapunov import LyapunovDisplay
from ._memory import MemoryDisplay
from ._phase_portrait import PhasePortraitDisplay
from ._prediction_risk import PredictionRiskDisplay
from ._trajectory import TrajectoryDisplay

__all__ = [
    "AssessmentDisplay",
    "AttentionDisplay",
    "CapacityCurveDisplay",
    "CriticalLengthDisplay",
    "DecodingDisplay",
    "EmergenceCurveDisplay",
    "ForecastErrorDisplay",
    "LyapunovDisplay",
    "MemoryDisplay",
    "PhasePortraitDisplay",
    "PredictionRiskDisplay",
    "TrajectoryDisplay",
]
