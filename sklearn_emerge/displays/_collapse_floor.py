"""How low a measure falls at the start of training, over tasks and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from ..geometry import collapse_floor, rankme_of_noise, scale_invariance
from ..geometry._labels import RUNS, TASK_LEVELS, check_labelled, check_only
from ..inference import adjust_p_values
from ..inference._labelled import intervals, means
from ._source import Display
from ._style import (
    SMALL,
    colors_of,
    finish,
    literal,
    plain_ticks,
    set_legend,
    set_title,
    shades,
)
from ._task_levels import by_task_level, measure_in_words, measure_key, task_levels, with_dims

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Names of so many task-levels are listed.
_MOST_NAMES = 6
# Adjusted p-values up to this show that sizes differ.
_ALPHA = 0.05
# A bar is cut where it is so many times lower or higher than all seeds.
_FAR = 4.0


class CollapseFloorDisplay(Display):
    """Floors of a measure by task-level, sizes side by side, with what noise would have.

    Diamonds are means over seeds, bars their intervals, points the seeds. Where all floors are
    above zero the axis is logarithmic, means are geometric, and intervals are those of the mean of
    ln floor. Dashed lines are states without any structure. Of several sizes the title says in how
    many task-levels the floor has a trend with size, and in how many none, as an equivalence
    (`scale_invariance`), and the footer in how many sizes differ. Build it with `from_measure`.

    Parameters
    ----------
    floors : xarray.Dataset
        What `collapse_floor` returns.
    label : str
        The measure, with its units.
    invariance : xarray.Dataset, default=None
        What `scale_invariance` returns.
    noise : sequence of float, default=()
        What noise has, by size or the same for all.
    noise_name : str, default=""
        What noise that is.
    said : str, default=""
        What the footer has to say of window and equivalence.
    confidence : float, default=0.95
        Coverage of the intervals.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_emerge import CollapseFloorDisplay
    >>> rankme = xr.DataArray(
    ...     [[[40, 5, 7], [44, 4, 8]], [[38, 9, 12], [37, 8, 9]]], dims=("task", "seed", "step"),
    ...     coords={"task": ["COPY", "ADD"], "step": [0, 100, 200]}, name="rankme",
    ... )
    >>> display = CollapseFloorDisplay.from_measure(rankme, n_rows=200, n_units=64)
    >>> display.ax_.get_ylabel(), display.noise_name
    ('floor of RankMe (directions)', 'noise: 200 rows, 64 units')
    """

    def __init__(
        self,
        floors: xr.Dataset,
        label: str,
        invariance: xr.Dataset | None = None,
        noise: Sequence[float] = (),
        noise_name: str = "",
        said: str = "",
        confidence: float = 0.95,
    ) -> None:
        self.floors = floors
        self.label = label
        self.invariance = invariance
        self.noise = noise
        self.noise_name = noise_name
        self.said = said
        self.confidence = confidence

    @classmethod
    def from_measure(
        cls,
        measure: xr.DataArray,
        *,
        n_rows: int | None = None,
        n_units: ArrayLike | None = None,
        window: tuple[float, float] = (0, 200),
        ratio: float = 1.25,
        confidence: float = 0.95,
        ax: Axes | None = None,
    ) -> Self:
        """Plot the floors of a measure.

        Parameters
        ----------
        measure : xarray.DataArray
            A variable of a cube with the dimensions ``task``, ``seed`` and ``step``, and mostly
            level and size, with the coordinate ``n_parameters`` along size that `join_sizes` gives
            it. One layer of it.
        n_rows : int, default=None
            Rows of which the measure was taken.
        n_units : int or array-like of shape (n_sizes,), default=None
            Units of the states, for what noise would have: RankMe also needs `n_rows`. None draws
            none.
        window : (float, float), default=(0, 200)
            First and last update of the start of training, see `collapse_floor`.
        ratio : float, default=1.25
            Largest change over all sizes that counts as none, see `scale_invariance`.
        confidence : float, default=0.95
            Coverage of all intervals.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        CollapseFloorDisplay
            Plotted.

        Raises
        ------
        ValueError
            If a dimension is missing or not known, sizes have no numbers of parameters or a floor
            of several is not above zero, the noise of the measure is not known, or an argument is
            out of range.
        """
        check_labelled(measure, "measure", ["task", "seed", "step"])
        check_only(measure, "measure", [*TASK_LEVELS, *RUNS, "step"])
        noise, noise_name = _noise(measure, n_rows, n_units)
        floors = collapse_floor(measure, window=window, confidence=confidence)
        invariance = None
        if measure.sizes.get("size", 1) > 1:
            if "n_parameters" not in measure.coords:
                raise ValueError(
                    "measure has several sizes, and no numbers of parameters; take it from what "
                    'join_sizes returns, or pass measure.assign_coords(n_parameters=("size", '
                    "[...]))."
                )
            invariance = scale_invariance(
                floors.floor, measure.n_parameters.values, ratio=ratio, confidence=confidence
            )
        said = _in_words(floors.at_window_end, window, ratio if invariance is not None else None)
        label = f"floor of {measure_in_words(measure, units=True)}"
        return cls(floors, label, invariance, noise, noise_name, said, confidence).plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        CollapseFloorDisplay
            Itself, with `ax_` and `figure_`.
        """
        floors = self.floors
        rows = task_levels(floors.floor)
        ax = self._new_axes(ax, (min(max(2.6 + 0.24 * len(rows), 5.0), 8.4), 4.0))
        seeds = by_task_level(floors.floor)
        mean, low, high = (by_task_level(each)[..., 0] for each in self._means())
        sizes = with_dims(floors.floor, "size")["size"].values.tolist()
        colors = shades(len(sizes)) if len(sizes) > 1 else colors_of(["full"])
        least, most = np.nanmin(seeds), np.nanmax(seeds)
        if self._is_log():
            ends = np.clip([low, high], least / _FAR, most * _FAR).ravel()
            shown = np.concatenate([[least, most], ends, self.noise])
            ax.set_yscale("log")
            ax.set_ylim(np.nanmin(shown) / 1.2, np.nanmax(shown) * 1.25)
            plain_ticks(ax)
        else:
            ax.set_ylim(min(least, 0), max(most, *self.noise, 1) * 1.08)
        bottom, top = ax.get_ylim()
        n_cut = int(((low < bottom) | (high > top)).sum())
        for j, (size, color) in enumerate(zip(sizes, colors, strict=True)):
            x = np.arange(len(rows)) + 0.7 * ((j + 0.5) / len(sizes) - 0.5)
            ax.vlines(x, low[:, j], high[:, j], color=color, linewidth=1.2)
            ax.plot(
                np.repeat(x, seeds.shape[2]),
                seeds[:, j].ravel(),
                "o",
                color=color,
                markersize=3.5,
                alpha=0.5,
                markeredgewidth=0,
            )
            ax.plot(
                x,
                mean[:, j],
                "D",
                color=color,
                markersize=4.5,
                markeredgecolor="white",
                markeredgewidth=0.6,
                label=literal(size) if len(sizes) > 1 else None,
            )
        self._draw_noise(ax, colors)
        _name_places(ax, floors.floor)
        ax.set_ylabel(self.label)
        if len(sizes) > 1 or len(self.noise):
            set_legend(ax, "size" if len(sizes) > 1 else None)
        if len(self.noise):
            # The name is that of all of them.
            ax.get_legend().get_lines()[-1].set_color("0.4")
        set_title(ax, self._title(rows))
        finish(ax, self._footer(rows, n_cut))
        self.ax_ = ax
        self._plotted(ax)
        return self

    def _is_log(self) -> bool:
        """Return whether all that is shown has a logarithm."""
        return bool(self.floors.floor.min() > 0) and all(each > 0 for each in self.noise)

    def _means(self) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
        """Return means over seeds with their intervals, geometric ones on a logarithmic axis."""
        if not self._is_log():
            return self.floors["mean"], self.floors.low, self.floors.high
        # That of the mean itself can reach below zero, which such an axis cannot show.
        logs = np.log(self.floors.floor)
        low, high = intervals(logs, self.confidence)
        return np.exp(means(logs)), np.exp(low), np.exp(high)

    def _draw_noise(self, ax: Axes, colors: Any) -> None:
        """Draw what noise has, in the colours of sizes if there is one each."""
        by_size = len(self.noise) == len(colors) > 1
        for i, height in enumerate(self.noise):
            color, name = colors[i] if by_size else "0.4", None if i else self.noise_name
            ax.axhline(height, color=color, linewidth=1, linestyle="--", label=name)

    def _title(self, rows: list[str]) -> str:
        """Return whether floors have a trend with size, or where they are lowest and highest."""
        if self.invariance is None:
            mean = by_task_level(self._means()[0])[:, 0, 0]
            lowest, highest = np.nanargmin(mean), np.nanargmax(mean)
            return (
                f"Floors from {mean[lowest]:.3g} ({rows[lowest]}) to {mean[highest]:.3g} "
                f"({rows[highest]})"
            )
        verdicts = self._verdicts()
        same, differ = (int((verdicts == v).sum()) for v in ("no trend", "trend"))
        n_open = len(verdicts) - same - differ
        late = by_task_level(self.floors.at_window_end).any(axis=(1, 2))
        falling = int(((verdicts == "trend") & late).sum())
        doubt = f" (in {falling} of these, runs may still fall)" if falling else ""
        return (
            f"Floors of {len(verdicts)} task-levels: trend with size in {differ}{doubt}, no trend "
            f"in {same}, undecided in {n_open}"
        )

    def _verdicts(self) -> np.ndarray[Any, np.dtype[np.object_]]:
        """Return the verdict on each task-level."""
        assert self.invariance is not None
        verdicts = with_dims(self.invariance.verdict, *TASK_LEVELS).transpose(*TASK_LEVELS)
        return verdicts.values.ravel()

    def _footer(self, rows: list[str], n_cut: int) -> str:
        """Return what is drawn, how many bars are cut, and what was found of sizes."""
        n_seeds = self.floors.sizes["seed"]
        if n_seeds == 1:
            said = ["1 seed, and no interval."]
        else:
            mean, of = ("geometric mean", ", of ln floor") if self._is_log() else ("mean", "")
            interval = f"{100 * self.confidence:.3g}% interval (Student's{of})"
            said = [f"Points: {n_seeds} seeds; diamonds, bars: {mean}, {interval}."]
        if n_cut:
            said.append(f"{n_cut} of the bars cut at the frame.")
        said.append(self.said)
        if self.invariance is not None:
            p = adjust_p_values(self.invariance.p_difference.values)
            if np.isfinite(p).any():
                said.append(
                    f"Sizes differ in {int((p <= _ALPHA).sum())} of {np.isfinite(p).sum()} "
                    f"task-levels (F test of ln floor, at {_ALPHA:g} by Holm over these)."
                )
            names = np.array(rows)[self._verdicts() == "trend"].tolist()
            if names:
                more = len(names) - _MOST_NAMES
                listed = ", ".join(names[:_MOST_NAMES])
                said.append(f"Trend with size: {listed}{f' and {more} more' if more > 0 else ''}.")
        return " ".join(said)

    def _shown(self) -> str:
        return f"{self.label} of {len(task_levels(self.floors.floor))} task-levels"


def _noise(
    measure: xr.DataArray, n_rows: int | None, n_units: ArrayLike | None
) -> tuple[list[float], str]:
    """Return what noise has of as many rows and units, and its name, or raise a ValueError."""
    if n_units is None:
        return [], ""
    key, n_sizes = measure_key(measure), measure.sizes.get("size", 1)
    units = np.ravel(n_units).tolist()
    if len(units) not in (1, n_sizes):
        raise ValueError(
            f"n_units has {len(units)} numbers for {n_sizes} sizes; pass one each, or one for all."
        )
    least, most = min(units), max(units)
    name = f"{least} units" if least == most else f"{least} to {most} units"
    if key == "participation_ratio":
        # It has no bias of few rows.
        return [float(d) for d in units], f"noise: {name}"
    if key != "rankme":
        raise ValueError(
            f"what noise has is known of rankme and participation_ratio, not of {key!r}; leave out "
            "n_units, or rename the measure, for instance with measure.rename('rankme')."
        )
    if n_rows is None:
        raise ValueError("RankMe of noise depends on the number of rows as well; pass n_rows=200.")
    return [rankme_of_noise(n_rows, d) for d in units], f"noise: {n_rows:,} rows, {name}"


def _name_places(ax: Axes, values: xr.DataArray) -> None:
    """Write the names of task-levels below an axis, and those of tasks once each."""
    tasks = [literal(task) for task in values.task.values.tolist()]
    levels = values.level.values.tolist() if values.sizes.get("level", 1) > 1 else []
    n_levels = max(len(levels), 1)
    centres = (np.arange(len(tasks)) + 0.5) * n_levels - 0.5
    ax.tick_params(axis="x", which="both", length=0)
    ax.set_xlim(-0.5, len(tasks) * n_levels - 0.5)
    for place in centres[1:] - n_levels / 2:
        ax.axvline(place, color="0.85", linewidth=0.6, zorder=0)
    if levels:
        # The name of a task stands below its middle level.
        ax.xaxis.remove_overlapping_locs = False
        ax.set_xticks(np.arange(len(tasks) * n_levels), levels * len(tasks), fontsize=SMALL)
        ax.tick_params(axis="x", which="minor", pad=14)
        ax.set_xlabel("level and task")
    else:
        ax.set_xlabel("task")
    ax.set_xticks(centres, tasks, fontsize=SMALL, minor=bool(levels))


def _in_words(late: xr.DataArray, window: tuple[float, float], ratio: float | None) -> str:
    """Return where floors are from, how many may be none yet, and what counts as the same."""
    said = f"Floors: least of updates {window[0]:g} to {window[1]:g}."
    if late.any():
        said += f" {int(late.sum())} of {late.size} are at the last of these, and may be no floors."
    if ratio is not None:
        said += f" No trend: the interval of its slope stays within a factor of {ratio:g}."
    return said
