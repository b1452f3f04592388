"""Gain against a parameter of the grid, such as the number of hidden units."""

import numpy as np

from ._style import (
    CEILING_LABELS,
    GREEN,
    MODE_COLORS,
    as_cube,
    finish,
    new_axes,
    parameters,
    select,
)


class CapacityCurveDisplay:
    """Predictive gain against one parameter, by training mode, with intervals.

    Build it with `from_cube`.

    Parameters
    ----------
    delta_nll : xarray.DataArray of dimensions (mode, parameter, seed)
        Gains over the reference baseline, in nats per step.
    ci_low, ci_high : xarray.DataArray of dimensions (mode, parameter)
        Interval of the mean.
    parameter : str
        The parameter along the horizontal axis.
    condition : str, default="structured"
        Shown in the title.
    ceiling : xarray.DataArray of dimension (parameter), default=None
        Gain of the best possible predictor, drawn as a line; NaN where it is not known.
    ceiling_kind : str, default="exact"
        "bound" if it is only the best predictor known.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.
    """

    def __init__(
        self,
        delta_nll,
        ci_low,
        ci_high,
        parameter,
        condition="structured",
        ceiling=None,
        ceiling_kind="exact",
    ):
        self.delta_nll = delta_nll
        self.ci_low = ci_low
        self.ci_high = ci_high
        self.parameter = parameter
        self.condition = condition
        self.ceiling = ceiling
        self.ceiling_kind = ceiling_kind

    @classmethod
    def from_cube(
        cls, cube, parameter="hidden_size", *, condition="structured", ax=None, **selection
    ):
        """Plot the gains of a cube against one of its parameters.

        Parameters
        ----------
        cube : xarray.Dataset or path-like
            `EmergenceAssessment.cube_`, or the file it was written to.
        parameter : str, default="hidden_size"
            A parameter of the grid.
        condition : str, default="structured"
            The structured world or one of its nulls.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.
        **selection
            A value for each other parameter of the grid.

        Returns
        -------
        CapacityCurveDisplay
            Plotted.

        Raises
        ------
        ValueError
            If it is not a cube, or the parameter, the condition or the selection is not in it.
        """
        cube = select(as_cube(cube), {**selection})
        if parameter not in parameters(cube):
            raise ValueError(
                f"parameter={parameter!r} is not one of the cube; it has "
                f"{', '.join(parameters(cube)) or 'none: give EmergenceAssessment a param_grid'}."
            )
        other = [name for name in parameters(cube) if name != parameter]
        if other:
            raise ValueError(
                f"The cube also varies {other[0]!r}; choose one value, for instance "
                f"{other[0]}={cube[other[0]].values[0]!r}."
            )
        cube = select(cube, {"condition": condition})
        cube = cube.sortby(parameter)
        ceiling = (cube.nll_reference - cube.nll_optimal).mean("seed")
        kind = cube.ceiling.values[0]
        intervals = cube.ci_low, cube.ci_high
        return cls(cube.delta_nll, *intervals, parameter, condition, ceiling, kind).plot(ax=ax)

    def plot(self, ax=None):
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        CapacityCurveDisplay
            Itself, with `ax_` and `figure_`.
        """
        ax = new_axes(ax, (6.4, 4.0))
        values = self.delta_nll[self.parameter].values
        numeric = np.issubdtype(values.dtype, np.number)
        x = values if numeric else np.arange(len(values))
        for mode in self.delta_nll.mode.values.tolist():
            color = MODE_COLORS.get(mode, GREEN)
            seeds = self.delta_nll.sel(mode=mode).transpose(self.parameter, "seed").values
            low, high = (bound.sel(mode=mode).values for bound in (self.ci_low, self.ci_high))
            mean = seeds.mean(axis=1)
            error = np.abs(np.vstack([mean - low, high - mean]))
            ax.plot(x, seeds, "o", color=color, markersize=3, alpha=0.5)
            ax.errorbar(x, mean, error, color=color, capsize=4, linewidth=1.8, label=mode)
        highest = float(self.delta_nll.max())
        if self.ceiling is not None and self.ceiling.notnull().any():
            label = CEILING_LABELS[self.ceiling_kind]
            ax.plot(x, self.ceiling.values, color="black", linewidth=1.2, label=label)
            highest = max(highest, float(self.ceiling.max()))
        if numeric and (x > 0).all():
            ax.set_xscale("log", base=2)
            ax.minorticks_off()
        ax.set_xticks(x, [str(value) for value in values])
        ax.set_xlabel(self.parameter.replace("__", " ").replace("_", " "))
        ax.set_title(f"capacity curve, {self.condition}", loc="left", fontsize=11)
        finish(ax, self.delta_nll.min(), highest)
        self.ax_, self.figure_ = ax, ax.figure
        return self
