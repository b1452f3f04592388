"""What did training add to a small sequence model? Assessment in the style of scikit-learn.

Every public name is importable from here and is loaded on first use, so that
``import sklearn_emerge`` stays quick and worlds can be sampled without importing torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0.dev0"

_HOMES = {
    "AlgorithmicWorld": "worlds",
    "ArrayWorld": "worlds",
    "BernoulliWorld": "worlds",
    "DriftWorld": "worlds",
    "DystsWorld": "worlds",
    "FlipFlopWorld": "worlds",
    "FunctionWorld": "worlds",
    "GymnasiumWorld": "worlds",
    "LinearSystemWorld": "worlds",
    "LorenzWorld": "worlds",
    "NestedConditionalWorld": "worlds",
    "NoisyPeriodicWorld": "worlds",
    "OscillatorWorld": "worlds",
    "RecordingWorld": "worlds",
    "RegimeWorld": "worlds",
    "SwitchingLinearWorld": "worlds",
    "TriangleWorld": "worlds",
    "cut": "worlds",
    "read_recordings": "worlds",
    "AutoregressivePredictor": "predictors",
    "EchoStatePredictor": "predictors",
    "ExchangeablePredictor": "ceilings",
    "FiniteFilterPredictor": "predictors",
    "FlipFlopPredictor": "ceilings",
    "GRUPredictor": "predictors",
    "KalmanPredictor": "ceilings",
    "LSTMPredictor": "predictors",
    "LinearFilterPredictor": "predictors",
    "MarkovPredictor": "predictors",
    "MeanPredictor": "predictors",
    "ModulePredictor": "predictors",
    "OscillatorPredictor": "ceilings",
    "PersistencePredictor": "predictors",
    "RNNPredictor": "predictors",
    "RegimePredictor": "ceilings",
    "RestrictedLinearPredictor": "predictors",
    "SeasonalPredictor": "predictors",
    "TimeVaryingFilterPredictor": "predictors",
    "TransformerPredictor": "predictors",
    "TruncatedKalmanPredictor": "predictors",
    "WindowPredictor": "predictors",
    "CheckpointSeries": "checkpoints",
    "EmergenceCurve": "emergence",
    "EmergenceAssessment": "assessment",
    "compare_cubes": "assessment",
    "concat_cubes": "assessment",
    "emergence_step": "emergence",
    "explain": "assessment",
    "judge_cube": "assessment",
    "load_cube": "assessment",
    "summarise": "assessment",
    "AssessmentDisplay": "displays",
    "AttentionDisplay": "displays",
    "CapacityCurveDisplay": "displays",
    "CollapseFloorDisplay": "displays",
    "CriticalLengthDisplay": "displays",
    "CubeComparisonDisplay": "displays",
    "DecodingDisplay": "displays",
    "EmergenceCurveDisplay": "displays",
    "EmergenceMapDisplay": "displays",
    "EventTrajectoryDisplay": "displays",
    "ForecastErrorDisplay": "displays",
    "LayerProfileDisplay": "displays",
    "LeadsDisplay": "displays",
    "LyapunovDisplay": "displays",
    "MemoryDisplay": "displays",
    "NullsDisplay": "displays",
    "PhasePortraitDisplay": "displays",
    "PredictionRiskDisplay": "displays",
    "RatesDisplay": "displays",
    "ReservoirCurveDisplay": "displays",
    "RolloutDisplay": "displays",
    "TrajectoryDisplay": "displays",
    "make_probe": "probes",
    "report": "reporting",
}
_MODULES = (
    "assessment",
    "ceilings",
    "checkpoints",
    "datasets",
    "displays",
    "emergence",
    "geometry",
    "inference",
    "linear_systems",
    "measures",
    "operators",
    "predictors",
    "probes",
    "reporting",
    "reproduce",
    "serving",
    "tasks",
    "testing",
    "thresholds",
    "worlds",
)

__all__ = ["__version__", *_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    """Import a public name the first time it is asked for."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
