"""Displays: figures of a result cube, of a sweep, or of a network."""

from ._assessment import AssessmentDisplay
from ._attention import AttentionDisplay
from ._capacity import CapacityCurveDisplay
from ._collapse_floor import CollapseFloorDisplay
from ._critical_length import CriticalLengthDisplay
from ._cube_comparison import CubeComparisonDisplay
from ._decoding import DecodingDisplay
from ._emergence_curve import EmergenceCurveDisplay
from ._emergence_map import EmergenceMapDisplay
from ._event_trajectory import EventTrajectoryDisplay
from ._forecast_error import ForecastErrorDisplay
from ._layer_profile import LayerProfileDisplay
from ._leads import LeadsDisplay
from ._lyapunov import LyapunovDisplay
from ._memory import MemoryDisplay
from ._nulls import NullsDisplay
from ._phase_portrait import PhasePortraitDisplay
from ._prediction_risk import PredictionRiskDisplay
from ._rates import RatesDisplay
from ._reservoir_curve import ReservoirCurveDisplay
from ._rollout import RolloutDisplay
from ._trajectory import TrajectoryDisplay

__all__ = [
    "AssessmentDisplay",
    "AttentionDisplay",
    "CapacityCurveDisplay",
    "CollapseFloorDisplay",
    "CriticalLengthDisplay",
    "CubeComparisonDisplay",
    "DecodingDisplay",
    "EmergenceCurveDisplay",
    "EmergenceMapDisplay",
    "EventTrajectoryDisplay",
    "ForecastErrorDisplay",
    "LayerProfileDisplay",
    "LeadsDisplay",
    "LyapunovDisplay",
    "MemoryDisplay",
    "NullsDisplay",
    "PhasePortraitDisplay",
    "PredictionRiskDisplay",
    "RatesDisplay",
    "ReservoirCurveDisplay",
    "RolloutDisplay",
    "TrajectoryDisplay",
]
