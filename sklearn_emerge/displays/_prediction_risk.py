"""Excess risk of a sweep against the size of the learner."""

import numpy as np

from ._style import new_axes


class PredictionRiskDisplay:
    """Excess risk against the size of the learner, one line a horizon.

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
    def from_sweep(cls, sweep, *, quantity="total_risk", ax=None):
        """Plot the risks of a sweep.

        Parameters
        ----------
        sweep : PredictionRiskSweep
            Fitted.
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
            If the quantity is not known.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(sweep)
        return cls(sweep.cube_).plot(quantity=quantity, ax=ax)

    def plot(self, *, quantity="total_risk", ax=None):
        """Plot.

        Parameters
        ----------
        quantity : {"total_risk", "risk", "log1p"}, default="total_risk"
            "total_risk": the total, with what is tolerated and the critical length of each
            horizon. "risk": per step. "log1p": the logarithm of one plus the risk averaged over
            the predicted steps, as in Figure 1 of the source.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        PredictionRiskDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If the quantity is not known.
        """
        labels = {
            "total_risk": "total excess risk (squared units of the data)",
            "risk": "excess risk per step (squared units of the data)",
            "log1p": "log(1 + excess risk per predicted step)",
        }
        if quantity not in labels:
            raise ValueError(
                f"quantity={quantity!r} is not known; choose from {', '.join(labels)}."
            )
        ax = new_axes(ax, (6.4, 4.0))
        from matplotlib import colormaps
        from matplotlib.ticker import MaxNLocator

        cube = self.cube
        if quantity == "log1p":
            values = np.log1p(cube.total_risk / (cube.horizon - 1))
        else:
            values = cube[quantity].where(cube[quantity] > 0)
            ax.set_yscale("log")
        name = values.dims[0]
        sizes, horizons = values[name].values, values.horizon.values
        colors = colormaps["viridis"](np.linspace(0, 0.85, len(horizons)))
        for j, color in enumerate(colors):
            line = values.isel(horizon=j).values
            ax.plot(sizes, line, "o-", color=color, markersize=4, label=f"{horizons[j]:,} steps")
            critical = cube.critical_length.values[j]
            if quantity == "total_risk" and np.isfinite(critical):
                ax.plot(
                    critical, cube.attrs["tolerated_total_risk"], "D", color=color, markersize=7
                )
        if quantity == "total_risk":
            ax.axhline(
                cube.attrs["tolerated_total_risk"], color="black", linewidth=0.8, linestyle="--",
                label="tolerated; critical length",
            )  # fmt: skip
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        unit = " (steps)" if name == "length" else ""
        ax.set_xlabel(f"{name.replace('_', ' ')} of the learner{unit}")
        ax.set_ylabel(labels[quantity])
        ax.legend(title="horizon", frameon=False, fontsize=9)
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
