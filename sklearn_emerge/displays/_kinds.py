"""The displays of an assessment by the name of what they show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..assessment._cube import cube_of
from ._assessment import AssessmentDisplay
from ._capacity import CapacityCurveDisplay
from ._decoding import DecodingDisplay
from ._forecast_error import ForecastErrorDisplay
from ._memory import MemoryDisplay
from ._source import CubeDisplay, known_option, parameters
from ._trajectory import TrajectoryDisplay

if TYPE_CHECKING:
    from ..assessment._cube import CubeSource

KINDS: dict[str, type[CubeDisplay]] = {
    "gains": AssessmentDisplay,
    "capacity": CapacityCurveDisplay,
    "decoding": DecodingDisplay,
    "memory": MemoryDisplay,
    "forecast": ForecastErrorDisplay,
    "trajectory": TrajectoryDisplay,
}


def plot_cube(cube: CubeSource, kind: str | None, options: Mapping[str, Any]) -> CubeDisplay:
    """Return the display of a kind, plotted; see `EmergenceAssessment.plot`."""
    if kind is None:
        cube = cube_of(cube)
        left = {name for name in parameters(cube) if cube.sizes[name] > 1} - set(options)
        kind = "capacity" if left else "gains"
    known_option("kind", kind, tuple(KINDS))
    return KINDS[kind].from_cube(cube, **options)
