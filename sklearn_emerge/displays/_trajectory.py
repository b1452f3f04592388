"""Measures in the course of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from ..assessment._cube import cube_of
from ..assessment._words import arm_in_words, condition_in_words, in_digits
from ..inference._labelled import complete
from ._assessment import shown_modes
from ._bands import band_of
from ._captions import levels, loss_bounds, panel_title, readable, seeds_in_words
from ._source import CubeDisplay, check_selected, known_option, select
from ._style import (
    colors_of,
    finish,
    literal,
    log_steps,
    set_legend,
    set_title,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from ..assessment._cube import CubeSource
    from ._arms import Level
    from ._style import Color

_WORDS = {"mode": arm_in_words, "condition": condition_in_words}
_LEGENDS = {"mode": "weights trained", "condition": None}
_LOSSES = ("nll", "train_loss")
_LABELS = {"train_loss": "training loss"}
# Accuracies are shares.
_BOUNDS = {"accuracy": (0.0, 1.0)}


class TrajectoryDisplay(CubeDisplay):
    """A measure against the updates of training, one line an entry of a dimension.

    Lines are means over seeds, bands their 95% intervals (Student's; none for one seed), thin
    lines the seeds. Build it with `from_cube` or `from_estimator`.

    Parameters
    ----------
    trajectory : xarray.DataArray of dimensions (lines, seed, step)
        The measure; the first dimension names the lines.
    levels : sequence of (str, line style, float), default=()
        Names, line styles and heights of what is compared.
    title, footer : str, default=None
        Above and below.
    bounds : (float or None, float or None), default=(None, None)
        The values that are possible; bands end there.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.
    lines_ : dict of str to matplotlib.lines.Line2D
        The lines of the means.

    Examples
    --------
    >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
    >>> from sklearn_emerge import TrajectoryDisplay
    >>> cube = EmergenceAssessment(
    ...     OscillatorWorld(n_steps=20), GRUPredictor(2, max_steps=8), nulls=(), n_train=20,
    ...     n_eval=10, record_at=[0, 4, 8], baselines=("mean",), reservoir_sizes=None, probe=None,
    ...     random_state=0, progress=False,
    ... ).fit().cube_
    >>> display = TrajectoryDisplay.from_cube(cube)
    >>> list(display.lines_), display.ax_.get_ylabel()
    (['full', 'readout'], 'negative log-likelihood (nat/step)')
    """

    _options = {"xscale": "linear"}

    def __init__(
        self,
        trajectory: xr.DataArray,
        levels: Sequence[Level] = (),
        title: str | None = None,
        footer: str | None = None,
        bounds: tuple[float | None, float | None] = (None, None),
    ) -> None:
        self.trajectory = trajectory
        self.levels = levels
        self.title = title
        self.footer = footer
        self.bounds = bounds

    @classmethod
    def from_cube(
        cls,
        cube: CubeSource,
        measure: str = "nll",
        *,
        along: str = "mode",
        bounds: tuple[float | None, float | None] | None = None,
        xscale: Literal["linear", "log"] = "linear",
        ax: Axes | None = None,
        **selection: Any,
    ) -> Self:
        """Plot a measure of a cube.

        Parameters
        ----------
        cube : xarray.Dataset, path-like or EmergenceAssessment
            With trajectories, from ``EmergenceAssessment(record_at=...)``: its `cube_`, the file
            it was written to, or the fitted assessment.
        measure : str, default="nll"
            Name of the measure, "nll" or "train_loss" or one of your own.
        along : str, default="mode"
            Dimension whose entries are the lines, for instance "task", "mode" or "condition". Of
            losses, the mode "random" is left out unless it is selected: it is far above.
        bounds : (float or None, float or None), default=None
            The least and largest value that is possible. None is what is known: losses of discrete
            data are not below 0, accuracies between 0 and 1.
        xscale, ax
            As in `plot`.
        **selection
            A value for each other dimension, or several along the lines. The structured condition,
            the mode "full" and what has one value only are selected unless told otherwise.

        Returns
        -------
        TrajectoryDisplay
            Plotted; of the loss, with those of the best of all baselines and of the best predictor.

        Raises
        ------
        ValueError
            If there is no such measure or dimension, or a dimension is left open.
        """
        cube = cube_of(cube)
        trajectory = _recorded(cube, measure)
        _check_lines(trajectory, along, selection)
        chosen: dict[str, Any] = {"condition": "structured", "mode": "full"} | selection
        if along in selection:
            chosen[along] = np.atleast_1d(selection[along]).tolist()
        elif along == "mode" and measure in _LOSSES:
            chosen["mode"] = shown_modes(cube, None)
        else:
            chosen.pop(along, None)
        trajectory = select(trajectory, chosen)
        open_ = [dim for dim in trajectory.dims if dim not in (along, "seed", "step")]
        trajectory = trajectory.squeeze([dim for dim in open_ if trajectory.sizes[dim] == 1])
        check_selected(trajectory, [dim for dim in open_ if dim in trajectory.dims])
        possible = loss_bounds(cube) if measure in _LOSSES else _BOUNDS.get(measure)
        display = cls(
            trajectory.transpose(along, "seed", "step"),
            _levels(cube, chosen, along) if measure == "nll" else (),
            panel_title(cube, trajectory),
            _footer(cube, trajectory),
            bounds or possible or (None, None),
        )
        return display.plot(ax, xscale=xscale)

    def plot(
        self, ax: Axes | None = None, *, xscale: Literal["linear", "log", "same"] = "same"
    ) -> Self:
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.
        xscale : {"linear", "log", "same"}, default="same"
            Of the updates. On a logarithmic axis there is a place for those before the first.
            "same" is as plotted before, at first "linear".

        Returns
        -------
        TrajectoryDisplay
            Itself, with `ax_`, `figure_` and `lines_`.

        Raises
        ------
        ValueError
            If the scale is not known.
        """
        (xscale,) = self._as_before(xscale=xscale)
        known_option("xscale", xscale, ("linear", "log"))
        ax = self._new_axes(ax, (7.2, 4.2))
        along = str(self.trajectory.dims[0])
        steps, measure = self.trajectory.step.values, self._measure()
        self.lines_ = {}
        names = self.trajectory[along].values.tolist()
        for name, color, values in zip(names, colors_of(names), self.trajectory, strict=True):
            label, values = literal(_WORDS.get(along, str)(name)), complete(values).dropna("step")
            if values.sizes["step"]:
                self.lines_[str(name)] = self._draw_line(ax, values, color, label)
            elif measure == "nll":
                # Of weights that are not trained by updates there is no other measure.
                ax.plot([], [], color=color, label=f"{label}: diverged")
        for name, style, height in self.levels:
            ax.axhline(height, color="black", linewidth=1.0, linestyle=style, label=name)
        if len(steps) == 1:
            ax.set_xticks(steps)
        elif xscale == "log":
            log_steps(ax, steps)
        ax.set_xlabel("updates of the optimiser")
        ax.set_ylabel(self._measure_in_words())
        # What is part of a measure needs no title.
        title = None if along.endswith("_item") else readable(along)
        set_legend(ax, _LEGENDS.get(along, title))
        if self.title:
            set_title(ax, self.title)
        finish(ax, self.footer)
        self.ax_ = ax
        self._plotted(ax, xscale=xscale)
        return self

    def _measure(self) -> str:
        return str(self.trajectory.name or "").removesuffix("_trajectory")

    def _measure_in_words(self) -> str:
        """Return the measure with its units."""
        measure, said = self._measure(), self.trajectory.attrs
        name = _LABELS.get(measure, said.get("long_name", measure))
        name = name.removesuffix(" in the course of training")
        units = said.get("units", "1")
        return literal(name if units == "1" else f"{name} ({units})")

    def _draw_line(self, ax: Axes, values: xr.DataArray, color: Color, label: str) -> Line2D:
        """Draw the mean of all seeds, its band and the seeds, and return the line of the mean."""
        steps, seeds = values.step.values, values.values
        one_step = self.trajectory.sizes["step"] == 1
        style = {"markersize": 5 if one_step else 3, "linewidth": 1.8, "label": label}
        (line,) = ax.plot(steps, seeds.mean(axis=0), "o-", color=color, **style)
        if len(seeds) > 1:
            band = band_of(values, self.bounds)
            if one_step:
                ax.vlines(steps, *band, color=color, linewidth=1.8)
                ax.plot(steps, seeds.T, "o", color=color, markersize=3, alpha=0.5)
            else:
                ax.fill_between(steps, *band, color=color, alpha=0.15, linewidth=0)
                ax.plot(steps, seeds.T, color=color, linewidth=0.5, alpha=0.5)
        return line

    def _shown(self) -> str:
        along, steps = str(self.trajectory.dims[0]), self.trajectory.step.values
        ends = []
        for name, values in zip(
            self.trajectory[along].values.tolist(), self.trajectory, strict=True
        ):
            means = values.mean("seed").dropna("step").values
            if len(means):
                first, last = in_digits(means[0], means[-1])
                ends.append(f"{_WORDS.get(along, str)(name)} {first} to {last}")
        updates = f"from update {steps[0]} to {steps[-1]}"
        return f"{self._measure() or 'measure'} {updates}: {', '.join(ends) or 'none'}"


def _recorded(cube: xr.Dataset, measure: str) -> xr.DataArray:
    """Return the trajectory of a measure, at the updates at which it was taken."""
    known = [str(v).removesuffix("_trajectory") for v in cube if str(v).endswith("_trajectory")]
    if measure not in known:
        raise ValueError(
            f"measure={measure!r} has not been recorded; the cube has "
            f"{', '.join(known) or 'none, assess with record_at=...'}."
        )
    trajectory = cube[f"{measure}_trajectory"]
    taken = trajectory.dropna("step", how="all")
    return taken if taken.sizes["step"] else trajectory


def _check_lines(trajectory: xr.DataArray, along: str, selection: Mapping[str, Any]) -> None:
    """Raise a ValueError unless lines can differ along a dimension, all else being selected."""
    for dim in ("seed", "step"):
        if dim in (along, *selection):
            raise ValueError(
                f"{dim!r} cannot be the dimension along which lines differ, nor be selected: a "
                "line is the mean over all seeds at all steps. Select from the cube before, "
                f"for instance cube.isel({dim}=[0])."
            )
    if along not in trajectory.dims:
        raise ValueError(
            f"along={along!r} is not a dimension of the trajectory, which has "
            f"{', '.join(trajectory.dims)}."
        )


def _footer(cube: xr.Dataset, trajectory: xr.DataArray) -> str:
    """Return what is drawn of seeds; with one step there are no lines."""
    if trajectory.sizes["step"] == 1:
        return seeds_in_words([cube], "Small points: ", "large points and bars")
    return seeds_in_words([cube], "Thin lines: ", "lines and bands")


def _levels(cube: xr.Dataset, chosen: Mapping[str, Any], along: str) -> Sequence[Level]:
    """Return the levels of a loss, if they are the same for all lines."""
    dims = [dim for dim in cube.nll_optimal.dims if dim != "seed"]
    if along in dims:
        return ()
    here = cube.sel({dim: chosen[dim] for dim in dims if dim in chosen})
    here = here.squeeze([dim for dim in dims if dim not in chosen])
    return [(name, style, loss.item()) for name, style, loss in levels(here) if loss.notnull()]
