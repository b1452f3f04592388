"""Excess risk of a sweep against the size of the learner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from ._source import CubeDisplay, as_sweep, known_option
from ._style import finish, set_legend, shades

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ._source import SweepSource


class PredictionRiskDisplay(CubeDisplay):
    """Excess risk against the size of the learner, one line a horizon.

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

    _options = {"quantity": "total_risk"}

    def __init__(self, cube: xr.Dataset) -> None:
        self.cube = cube

    @classmethod
    def from_cube(
        cls,
        cube: SweepSource,
        *,
        quantity: Literal["total_risk", "risk", "log1p"] = "total_risk",
        ax: Axes | None = None,
    ) -> Self:
        """Plot the risks of a sweep.

        Parameters
        ----------
        cube : xarray.Dataset, path-like or PredictionRiskSweep
            `PredictionRiskSweep.cube_`, a file it was written to, or the fitted sweep.
        quantity : {"total_risk", "risk", "log1p"}, default="total_risk"
            As in `plot`.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        PredictionRiskDisplay
            Plotted.

        Raises
        ------
        NotFittedError
            If the sweep is not fitted.
        ValueError
            If it is not the cube of a sweep, or the quantity is not known.
        """
        return cls(as_sweep(cube)).plot(quantity=quantity, ax=ax)

    def plot(
        self,
        *,
        quantity: Literal["total_risk", "risk", "log1p", "same"] = "same",
        ax: Axes | None = None,
    ) -> Self:
        """Plot.

        Parameters
        ----------
        quantity : {"total_risk", "risk", "log1p", "same"}, default="same"
            "total_risk": the total, with what is tolerated and the critical length of each
            horizon. "risk": per step. "log1p": the logarithm of one plus the risk averaged over
            the predicted steps, as in Figure 1 of *State space models, emergence, and ergodicity*.
            "same" is as plotted before, at first "total_risk".
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        PredictionRiskDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If the quantity is not known.
        """
        (quantity,) = self._as_before(quantity=quantity)
        labels = {
            "total_risk": "total excess risk (squared units of the data)",
            "risk": "excess risk per step (squared units of the data)",
            "log1p": "log(1 + excess risk per predicted step)",
        }
        known_option("quantity", quantity, tuple(labels))
        ax = self._new_axes(ax, (6.4, 4.0))
        from matplotlib.ticker import MaxNLocator

        cube = self.cube
        if quantity == "log1p":
            values = np.log1p(cube.total_risk / (cube.horizon - 1))
        else:
            values = cube[quantity].where(cube[quantity] > 0)
            ax.set_yscale("log")
        name = values.dims[0]
        sizes, horizons = values[name].values, values.horizon.values
        for j, color in enumerate(shades(len(horizons))):
            line = values.isel(horizon=j).values
            ax.plot(sizes, line, "o-", color=color, markersize=4, label=f"{horizons[j]:,} steps")
            critical = cube.critical_length.values[j]
            if quantity == "total_risk" and np.isfinite(critical):
                ax.plot(
                    critical, cube.attrs["tolerated_total_risk"], "D", color=color, markersize=7
                )
        if quantity == "total_risk":
            ax.axhline(
                cube.attrs["tolerated_total_risk"],
                color="black",
                linewidth=0.8,
                linestyle="--",
                label="tolerated; critical length",
            )
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        unit = " (steps)" if name == "length" else ""
        ax.set_xlabel(f"{name.replace('_', ' ')} of the learner{unit}")
        ax.set_ylabel(labels[quantity])
        set_legend(ax, "horizon")
        finish(ax)
        self.ax_ = ax
        self._plotted(ax, quantity=quantity)
        return self

    def _shown(self) -> str:
        n_sizes, n_horizons = self.cube.total_risk.shape
        name = self.cube.total_risk.dims[0]
        return f"risks of {n_sizes} values of {name}, at {n_horizons} horizons"
