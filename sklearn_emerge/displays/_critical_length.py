"""Critical length of a sweep against the horizon."""

import numpy as np

from ._style import new_axes


class CriticalLengthDisplay:
    """Critical filter length against the horizon, with the slope that theory gives.

    Build it with `from_sweep`.

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

    def __init__(self, cube):
        self.cube = cube

    @classmethod
    def from_sweep(cls, sweep, *, label=None, ax=None):
        """Plot the critical lengths of a sweep.

        Parameters
        ----------
        sweep : PredictionRiskSweep
            Fitted.
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
        NotFittedError
            If the sweep is not fitted.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(sweep)
        return cls(sweep.cube_).plot(label=label, ax=ax)

    def plot(self, *, label=None, ax=None):
        """Plot.

        Parameters
        ----------
        label : str, default=None
            Name in the legend; None is "measured".
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        CriticalLengthDisplay
            Itself, with `ax_` and `figure_`.
        """
        ax = new_axes(ax, (6.4, 4.0))
        horizons, lengths = self.cube.horizon.values, self.cube.critical_length.values
        slope = self.cube.attrs["reference_slope"]
        known = np.flatnonzero(np.isfinite(lengths))
        theory = np.isfinite(slope) and len(known) > 0
        label = label or "measured"
        if theory:
            label += f" (line: slope {slope:.3g} per factor e)"
        (points,) = ax.plot(horizons, lengths, "o", label=label)
        if theory:
            # Through the longest horizon, where the limit is closest.
            line = lengths[known[-1]] + slope * np.log(horizons / horizons[known[-1]])
            ax.plot(horizons, line, color=points.get_color(), linewidth=1.2)
        ax.set_xscale("log")
        if np.isfinite(ax.dataLim.y1):
            ax.set_ylim(0, 1.08 * ax.dataLim.y1)
        ax.set_xlabel("horizon (steps)")
        ax.set_ylabel("critical filter length (steps)")
        ax.legend(frameon=False, fontsize=9)
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
