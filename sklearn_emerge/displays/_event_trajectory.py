"""What a network can do, and a measure of it, over updates, with their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr

from ..geometry import collapse_floor, departure_step
from ..geometry._labels import as_mapping, check_labelled, check_steps, positions
from ..geometry._leads import compare_events
from ._source import Display, check_selected, select
from ._style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PINK,
    RED,
    literal,
    log_steps,
    set_legend,
)
from ._task_levels import finish_claim, measure_in_words, middle, selected, updates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLORS = (BLUE, GREEN, ORANGE, PINK)
_MISSING = {"departure": "does not depart"}
# A gain far below zero, of weights that are wrong and sure, is cut here.
_LOWEST = -0.5


class EventTrajectoryDisplay(Display):
    """Behaviours and a measure of one task-level over updates, with their events marked.

    Thin lines are seeds, thick ones their means. Circles mark where a behaviour emerged, triangles
    that point down the floor of the measure, and those that point up its departure. Dotted lines
    are medians of events over seeds, of which those without the event come last. Build it with
    `from_trajectories`.

    Parameters
    ----------
    behaviours : dict of str to DataArray of dimensions (seed, step)
        What the network can do, by name.
    measure : xarray.DataArray of dimensions (seed, step)
        The measure.
    events : dict of str to DataArray of dimension seed
        Updates of "floor", of "departure" and, by its name, of the emergence of each behaviour.
    title : str, default=""
        What is shown.

    Attributes
    ----------
    axes_ : ndarray of two matplotlib.axes.Axes
        Of behaviours and of the measure, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> import xarray as xr
    >>> from sklearn_emerge import EventTrajectoryDisplay, emergence_step
    >>> steps = {"step": [0, 20, 60, 100, 150, 200, 300, 400, 500]}
    >>> rankme = xr.DataArray(
    ...     [[40, 9, 5, 4, 5, 6, 8, 9, 9]], dims=("seed", "step"), coords=steps, name="rankme"
    ... )
    >>> exact = xr.DataArray(
    ...     [[0, 0, 0, 0, 0, 0, 0.2, 0.7, 0.9]], dims=("seed", "step"), coords=steps
    ... )
    >>> display = EventTrajectoryDisplay.from_trajectories(
    ...     {"exact match": exact}, rankme, emergence={"exact match": emergence_step(exact, 0.1)}
    ... )
    >>> [(name, event.item()) for name, event in display.events.items()]
    [('floor', 100.0), ('departure', 150.0), ('exact match', 300.0)]
    """

    def __init__(
        self,
        behaviours: Mapping[str, xr.DataArray],
        measure: xr.DataArray,
        events: Mapping[str, xr.DataArray],
        title: str = "",
    ) -> None:
        self.behaviours = behaviours
        self.measure = measure
        self.events = events
        self.title = title

    @classmethod
    def from_trajectories(
        cls,
        behaviours: xr.DataArray | Mapping[str, xr.DataArray],
        measure: xr.DataArray,
        *,
        emergence: xr.DataArray | Mapping[str, xr.DataArray] | None = None,
        departure: xr.DataArray | None = None,
        window: tuple[float, float] = (0, 200),
        axes: Sequence[Axes] | None = None,
        **selection: Any,
    ) -> Self:
        """Plot one task-level.

        Parameters
        ----------
        behaviours : xarray.DataArray or mapping of str to DataArray
            What the network can do, with the dimensions ``seed`` and ``step``, and others of which
            one is selected. Several by name, such as exact match and gain.
        measure : xarray.DataArray
            A variable of a cube with these dimensions.
        emergence : xarray.DataArray or mapping of str to DataArray, default=None
            Updates at which behaviours of these names emerged, as `emergence_step` returns them.
            None marks none.
        departure : xarray.DataArray, default=None
            Updates at which the measure departed; None is `departure_step` of it.
        window : (float, float), default=(0, 200)
            First and last update of the start of training, in which the floor lies.
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.
        **selection
            A value of each dimension besides, for instance ``task="COPY", level=3``.

        Returns
        -------
        EventTrajectoryDisplay
            Plotted.

        Raises
        ------
        ValueError
            If a dimension is missing, not known or left open, visits do not rise, an event is at
            none of them, an emergence is of no behaviour, or there are not two axes.
        """
        lines = as_mapping(behaviours, "behaviour")
        for name, each in (*lines.items(), ("measure", measure)):
            check_labelled(each, name, ["seed", "step"])
        grid = check_steps(measure.step.values, "step of measure")
        if departure is None:
            departure = departure_step(measure)
        events = {"floor": collapse_floor(measure, window=window).floor_step}
        events["departure"] = departure
        known = {} if emergence is None else as_mapping(emergence, "emergence")
        if len(known) == len(lines) == 1:
            # One behaviour alone needs no name.
            known = dict(zip(lines, known.values(), strict=True))
        for name in known:
            if name not in lines:
                raise ValueError(
                    f"emergence has {name!r}, and behaviours are {', '.join(lines)}; pass the same "
                    "names."
                )
        events |= known
        here = {name: _one(each, selection, name) for name, each in events.items()}
        for name, event in here.items():
            positions(event, grid, f"event {name!r}")
        return cls(
            {name: _one(each, selection, name) for name, each in lines.items()},
            _one(measure, selection, "measure"),
            here,
            selected(measure, selection),
        ).plot(axes)

    def plot(self, axes: Sequence[Axes] | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        EventTrajectoryDisplay
            Itself, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If there are not two axes.
        """
        if axes is not None and np.size(axes) != 2:
            raise ValueError(
                f"axes has {np.size(axes)} axes; pass two, for behaviours and for the measure."
            )
        is_own = axes is None
        panels: Any = np.ravel(self._new_axes(axes, (7.2, 4.8), n_rows=2, sharex=True))
        top, bottom = panels
        for i, (name, values) in enumerate(self.behaviours.items()):
            color = _COLORS[i % len(_COLORS)]
            _draw_lines(top, values, color, self._label(name, name))
            if name in self.events:
                self._mark(panels, values, name, ("o", color, "emerges"))
        name = self._label(measure_in_words(self.measure), "departure")
        _draw_lines(bottom, self.measure, BLACK, name)
        self._mark(panels[::-1], self.measure, "floor", ("v", "0.45", "floor"))
        self._mark(panels[::-1], self.measure, "departure", ("^", RED, "departs"))
        steps = self.measure.step.values
        lines = np.concatenate([each.values.ravel() for each in self.behaviours.values()])
        low, high = (find(lines) for find in (np.nanmin, np.nanmax))
        top.set_ylim(min(-0.03, max(low, _LOWEST)), max(1.03, 1.03 * high))
        top.set_ylabel(
            "share" if len(self.behaviours) > 1 else literal(next(iter(self.behaviours)))
        )
        bottom.set_ylabel(measure_in_words(self.measure, units=True))
        bottom.set_xlabel("updates of the optimiser")
        for ax in panels:
            log_steps(ax, steps)
            # Left of the first visit there is nothing.
            ax.set_xlim(left=steps[0] if steps[0] else -0.1 * steps[1])
            set_legend(ax)
        # The footer stands below the lower panel.
        finish_claim(panels[::-1], is_own, self._title(), self._footer())
        self.axes_ = panels
        self._plotted(top)
        return self

    def _mark(
        self, axes: Sequence[Axes], values: xr.DataArray, name: str, mark: tuple[str, Any, str]
    ) -> None:
        """Mark an event on the lines of seeds in the first axes, and its median in all."""
        event, ax, (marker, color, word) = self.events[name], axes[0], mark
        seen = event.notnull().values
        if not seen.any():
            return
        steps, at = event.values[seen], middle(event.values)
        heights = [
            seed.sel(step=step).item() for seed, step in zip(values[seen], steps, strict=True)
        ]
        told = updates(at) if np.isfinite(at) else f"in {seen.sum()} of {len(seen)} seeds"
        style = {"markersize": 5, "markeredgecolor": "white", "markeredgewidth": 0.5, "zorder": 3}
        ax.plot(steps, heights, marker, color=color, label=f"{word}: {told}", **style)
        for each in axes if np.isfinite(at) else ():
            each.axvline(at, color=color, linewidth=1, linestyle=":")

    def _label(self, name: str, event: str) -> str:
        """Return the name of a line, and that it has no event if no seed has one."""
        if event in self.events and self.events[event].isnull().all():
            return literal(f"{name}: {_MISSING.get(event, 'does not emerge')}")
        return literal(name)

    def _title(self) -> str:
        """Return in how many seeds the measure departs before each behaviour emerges."""
        measure = measure_in_words(self.measure)
        steps = self.measure.step.values.astype(float)
        d = positions(self.events["departure"], steps, "departure")
        before, never = [], []
        for name in self.behaviours:
            if name not in self.events:
                continue
            e = positions(self.events[name], steps, name)
            n_emerged = int(np.isfinite(e).sum())
            if n_emerged == 0:
                never.append(f"{literal(name)} does not emerge")
                continue
            early = int((compare_events(d, e, steps, 1)[0] == "early").sum())
            before.append(f"before {literal(name)} emerges in {early} of {n_emerged} seeds")
        told = f"{measure} departs {', '.join(before)}" if before else measure
        told = "; ".join([told, *never] if before or not never else never)
        return f"{self.title}: {told}" if self.title else told

    def _footer(self) -> str:
        """Return what lines and marks are, and how many events never were."""
        n_seeds, last = self.measure.sizes["seed"], self.measure.step.values[-1]
        seeds = f"Thin: {n_seeds} seeds; thick: mean. " if n_seeds > 1 else "1 seed. "
        said = (
            f"{seeds}Marks: events of seeds; dotted: their median, with those that never were last."
        )
        cut = [literal(name) for name, each in self.behaviours.items() if each.min() < _LOWEST]
        if cut:
            said += f" Cut at the frame: {', '.join(cut)} below {_LOWEST:g}."
        missing = [
            f"{literal(name)} in {int(event.isnull().sum())}"
            for name, event in self.events.items()
            if event.isnull().any()
        ]
        if missing:
            said += f" Not by {updates(last)} updates: {', '.join(missing)} of {n_seeds}."
        return said

    def _shown(self) -> str:
        told = ", ".join(
            f"{name} {updates(at) if np.isfinite(at) else 'never'}"
            for name, at in ((n, middle(e.values)) for n, e in self.events.items())
        )
        return f"{self.title or measure_in_words(self.measure)}: {told}"


def _one(values: xr.DataArray, selection: Mapping[str, Any], name: str) -> xr.DataArray:
    """Return values of what is selected, of dimensions seed and maybe step."""
    own = {dim: value for dim, value in selection.items() if dim in values.dims}
    # A dimension that was selected before needs no choice, but one that is not known does.
    left = {dim: value for dim, value in selection.items() if dim not in values.coords}
    here = select(values, own | left)
    kept = [dim for dim in ("seed", "step") if dim in here.dims]
    here = here.squeeze([d for d in here.dims if d not in kept and here.sizes[d] == 1])
    check_selected(here, [str(dim) for dim in here.dims if dim not in kept])
    return here.transpose(*kept).astype(float)


def _draw_lines(ax: Axes, values: xr.DataArray, color: Any, label: str) -> None:
    """Draw seeds and their mean, at the visits at which there is a value."""
    taken = values.dropna("step", how="all")
    steps, seeds = taken.step.values, taken.values
    ax.plot(steps, np.nanmean(seeds, axis=0), color=color, linewidth=1.8, label=label)
    if len(seeds) > 1:
        ax.plot(steps, seeds.T, color=color, linewidth=0.5, alpha=0.5)
