"""Gain against a parameter of the grid, such as the number of hidden units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from .._docs import fill_doc
from .._typing import Floats
from ..assessment._cube import cube_of
from ..assessment._words import arm_in_words
from ._arms import mark_beyond
from ._assessment import shown_modes
from ._captions import (
    arms_in_words,
    assessed,
    footer,
    levels,
    panel_title,
    readable,
    reference_name,
)
from ._source import CubeDisplay, check_selected, parameters, select
from ._style import ARM_COLORS, GREEN, finish, frame, literal, set_title, write_names

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ..assessment._cube import CubeSource
    from ._style import LineStyle


# Between arms, as a share of the least distance of two values.
_SHIFT = 0.06


class CapacityCurveDisplay(CubeDisplay):
    """Predictive gain against one parameter, by training mode, with intervals.

    Points are seeds, lines and bars their mean and its interval; intervals that leave the frame
    end in an arrow. Arms stand side by side at each value. Black lines are the best possible
    predictor and the best of all baselines, the grey one, at 0, is the reference. Build it with
    `from_cube` or `from_estimator`.

    Parameters
    ----------
    cube : xarray.Dataset
        One condition of `EmergenceAssessment.cube_`, with no other grid than the parameter.
    parameter : str
        The parameter along the horizontal axis.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.
    """

    _options = {"modes": None}

    def __init__(self, cube: xr.Dataset, parameter: str) -> None:
        self.cube = cube
        self.parameter = parameter

    @classmethod
    @fill_doc
    def from_cube(
        cls,
        cube: CubeSource,
        parameter: str | None = None,
        *,
        condition: str = "structured",
        modes: str | Sequence[str] | None = None,
        ax: Axes | None = None,
        **selection: object,
    ) -> Self:
        """Plot the gains of a cube against one of its parameters.

        Parameters
        ----------
        cube : xarray.Dataset, path-like or EmergenceAssessment
            %(cube)s
        parameter : str, default=None
            A parameter of the grid; None is "hidden_size", or the only one.
        condition : str, default="structured"
            The structured world or one of its nulls.
        modes, ax
            As in `plot`.
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
        cube = select(cube_of(cube), selection)
        known = parameters(cube)
        if parameter is None and known:
            parameter = "hidden_size" if "hidden_size" in known else known[0]
        if parameter not in known:
            raise ValueError(
                f"parameter={parameter!r} is not one of the cube; it has "
                f"{', '.join(known) or 'none: give EmergenceAssessment a param_grid'}."
            )
        check_selected(cube, [name for name in known if name != parameter])
        cube = select(cube, {"condition": condition}).sortby(parameter)
        return cls(cube, parameter).plot(ax, modes=modes)

    def plot(self, ax: Axes | None = None, *, modes: str | Sequence[str] | None = "same") -> Self:
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.
        modes : sequence of str or None, default="same"
            The training modes to show. None is all but "random", whose untrained head loses so
            much that the loss says nothing. "same" is as plotted before, at first None.

        Returns
        -------
        CapacityCurveDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If a mode is not in the cube.
        """
        cube = self.cube
        (given,) = self._as_before(modes=modes)
        modes = shown_modes(cube, given)
        ax = self._new_axes(ax, (6.8, 4.2))
        values = cube[self.parameter].values
        numeric = np.issubdtype(values.dtype, np.number)
        x = values if numeric else np.arange(len(values))
        lines = self._levels()
        means = cube.delta_nll.mean("seed", skipna=False).sel(mode=modes)
        needed = [0.0, *means.sel(mode=modes[0]).values, *(v for *_, gains in lines for v in gains)]
        drawn = [cube[name].sel(mode=modes) for name in ("ci_low", "ci_high", "delta_nll")]
        shown = np.concatenate([each.values.ravel() for each in drawn])
        low, high = frame(needed, shown)
        margin = 0.05 * (high - low)
        ends = low - margin, high + margin
        ax.set_ylim(ends)
        names = [(0.0, f"reference: {reference_name(cube)}", "0.4")]
        ax.axhline(0, color="0.5", linewidth=0.8, zorder=1)
        for name, style, gains in lines:
            ax.plot(x, gains, color="black", linewidth=1.2, linestyle=style, label=name, zorder=1)
            names.append((gains[-1], name, "0.2"))
        for m, mode in enumerate(modes):
            places = _beside(x, numeric, m - (len(modes) - 1) / 2)
            self._draw_mode(ax, places, mode, "-" if numeric else "none")
            names.append(
                (means.sel(mode=mode).values[-1], arm_in_words(mode), ARM_COLORS.get(mode, GREEN))
            )
        _set_values(ax, x, values)
        ax.set_xlabel(readable(self.parameter))
        ax.set_ylabel("gain over the reference (nats per step)")
        set_title(ax, panel_title(cube))
        beyond = (shown < ends[0]) | (shown > ends[1])
        finish(ax, footer(cube, modes, "Triangles: beyond the frame." if beyond.any() else ""))
        # They make axes narrower, not lower.
        write_names(ax, names)
        self.ax_ = ax
        self._plotted(ax, modes=given)
        return self

    def _levels(self) -> list[tuple[str, LineStyle, Floats]]:
        """Return names, line styles and gains of the other predictors that are compared."""
        cube = self.cube
        return [
            (name, style, (cube.nll_reference.mean("seed") - loss).values)
            for name, style, loss in levels(cube)
            if name != reference_name(cube)
        ]

    def _draw_mode(self, ax: Axes, x: NDArray[Any], mode: str, style: str) -> None:
        """Draw the seeds of an arm, their means and the intervals of these."""
        here = self.cube.sel(mode=mode)
        color = ARM_COLORS.get(mode, GREEN)
        seeds = here.delta_nll.transpose(self.parameter, "seed").values
        low, high = here.ci_low.values, here.ci_high.values
        ends = ax.get_ylim()
        ax.plot(x, seeds, "o", color=color, markersize=3, alpha=0.5, markeredgewidth=0)
        mean = seeds.mean(axis=1)
        error = np.abs(np.vstack([mean - low, high - mean]))
        ax.errorbar(
            x,
            mean,
            error,
            color=color,
            linewidth=1.8,
            linestyle=style,
            marker="D",
            markersize=4,
            label=mode,
        )
        for each in zip(x, mean, np.column_stack([seeds, mean, low, high]), strict=True):
            mark_beyond(ax, *each, ends, color)
        if style == "-":
            # What leaves the frame steeply would end nowhere.
            edges = np.clip(mean, *ends)
            for i in np.flatnonzero((edges[:-1] != mean[:-1]) != (edges[1:] != mean[1:])):
                ax.plot(x[i : i + 2], edges[i : i + 2], ":", color=color, linewidth=1.2)

    def _shown(self) -> str:
        gains = "; ".join(
            f"{value}: {arms_in_words(self.cube.sel({self.parameter: value}))}"
            for value in self.cube[self.parameter].values.tolist()
        )
        return (
            f"gains of {assessed(self.cube)} by {readable(self.parameter)}: {gains}; "
            f"{self.cube.sizes['seed']} seeds"
        )


def _beside(x: NDArray[Any], numeric: bool, shift: float) -> NDArray[Any]:
    """Return places beside those of an axis, so that intervals of arms do not hide each other."""
    if not numeric:
        return x + 0.16 * shift
    is_log = _is_log(x)
    places = np.log2(x) if is_log else x.astype(float)
    places = places + _SHIFT * shift * (np.diff(places).min() if len(x) > 1 else 1.0)
    return 2**places if is_log else places


def _is_log(x: NDArray[Any]) -> bool:
    """Return whether numbers are drawn as doublings, which those above zero are."""
    return bool((x > 0).all())


def _set_values(ax: Axes, x: NDArray[Any], values: NDArray[Any]) -> None:
    """Write the values of the parameter at their places; numbers above zero are doublings."""
    if not np.issubdtype(values.dtype, np.number):
        ax.set_xticks(x, [literal(value) for value in values])
        ax.set_xlim(-0.5, len(x) - 0.5)
        return
    if _is_log(x):
        ax.set_xscale("log", base=2)
        ax.minorticks_off()
    ax.set_xticks(x, [f"{value:g}" for value in values])
