"""Critical length of a sweep against the horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from ._source import CubeDisplay, as_sweep
from ._style import PALETTE, finish

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ._source import SweepSource


class CriticalLengthDisplay(CubeDisplay):
    """Critical filter length against the horizon, with the slope that theory gives.

    Build it with `from_cube` or `from_estimator`.

    Parameters
    ----------
    cube : xarray.Dataset
        `PredictionRiskSweep.cube_`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.
    """

    _options = {"label": None}

    def __init__(self, cube: xr.Dataset) -> None:
        self.cube = cube

    @classmethod
    def from_cube(
        cls, cube: SweepSource, *, label: str | None = None, ax: Axes | None = None
    ) -> Self:
        """Plot the critical lengths of a sweep.

        Parameters
        ----------
        cube : xarray.Dataset, path-like or PredictionRiskSweep
            `PredictionRiskSweep.cube_`, a file it was written to, or the fitted sweep.
        label : str, default=None
            Name in the legend; None is "measured".
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        CriticalLengthDisplay
            Plotted.

        Raises
        ------
        NotFittedError, ValueError
            If the sweep is not fitted, or it is not the cube of one.
        """
        return cls(as_sweep(cube)).plot(label=label, ax=ax)

    def plot(self, *, label: str | None = "same", ax: Axes | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        label : str or None, default="same"
            Name in the legend; None is "measured", "same" as plotted before, at first None.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        CriticalLengthDisplay
            Itself, with `ax_` and `figure_`.
        """
        (given,) = self._as_before(label=label)
        ax = self._new_axes(ax, (6.4, 4.0))
        horizons, lengths = self.cube.horizon.values, self.cube.critical_length.values
        slope = self.cube.attrs["reference_slope"]
        known = np.flatnonzero(np.isfinite(lengths))
        theory = np.isfinite(slope) and len(known) > 0
        label = given or "measured"
        if theory:
            label += f" (line: slope {slope:.3g} per factor e)"
        # Several sweeps may be drawn into the same axes.
        n_drawn = sum(line.get_marker() == "o" for line in ax.lines)
        color = PALETTE[n_drawn % len(PALETTE)]
        ax.plot(horizons, lengths, "o", color=color, label=label)
        if theory:
            # Through the longest horizon, where the limit is closest.
            line = lengths[known[-1]] + slope * np.log(horizons / horizons[known[-1]])
            ax.plot(horizons, line, color=color, linewidth=1.2)
        ax.set_xscale("log")
        if np.isfinite(ax.dataLim.y1):
            ax.set_ylim(0, 1.08 * ax.dataLim.y1)
        ax.set_xlabel("horizon (steps)")
        ax.set_ylabel("critical filter length (steps)")
        ax.legend(frameon=False, fontsize=9)
        finish(ax)
        self.ax_ = ax
        self._plotted(ax, label=given)
        return self

    def _shown(self) -> str:
        lengths = ", ".join(f"{length:.3g}" for length in self.cube.critical_length.values)
        return f"critical lengths {lengths} at {self.cube.sizes['horizon']} horizons"
