"""How an assessment reaches its figures and reports, which stand above it.

Nothing else in this room knows them. These are the only arrows upwards, and they stay: ``plot`` and
``report`` are methods because that is where one looks for them, and a registry that displays and
reports would enter themselves in would have to load them by a name in a text, which is the same
arrow where nobody sees it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._typing import PathLike

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ..displays._source import Display as Display
    from ._results import Results


def plot(assessment: Results, kind: str | None, options: dict[str, Any]) -> Display:
    """Plot a cube, see `EmergenceAssessment.plot`."""
    from ..displays._kinds import plot_cube

    return plot_cube(assessment, kind, options)


def draw_gains(cube: xr.Dataset, ax: Axes) -> None:
    """Draw the gains of one configuration."""
    from ..displays import AssessmentDisplay

    AssessmentDisplay.from_cube(cube, ax=ax)


def write_report(assessment: Results, path: PathLike) -> None:
    """Write a report, see `EmergenceAssessment.report`."""
    from ..reporting import report

    report(assessment, path)
