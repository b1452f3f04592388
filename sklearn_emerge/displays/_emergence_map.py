"""When capabilities emerge: a map of task-levels by sizes or seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from ..geometry._labels import check_labelled, check_steps
from ._source import Display
from ._style import GREY, RED, SMALL, finish_panels, literal, set_title, settle
from ._task_levels import (
    by_task_level,
    check_events,
    measure_in_words,
    measure_key,
    middle,
    task_levels,
    updates,
    with_dims,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from .._typing import Floats

# Share of the height of the colour bar that is for what never was.
_NEVER = 0.07


class EmergenceMapDisplay(Display):
    """When each capability emerges, task-levels in rows and sizes or seeds in columns.

    Colours are updates, on a logarithmic scale, and grey is what did not emerge until the last
    visit. With several sizes a column is a size, and a colour the median over its seeds, of which
    those that never saw it emerge come last; else a column is a seed. What emerges where nothing
    can, and what departs without an emergence, is marked. Build it with `from_events`.

    Parameters
    ----------
    emergence : dict of str to DataArray
        Updates at which capabilities emerged, by behaviour; a panel each.
    steps : ndarray of shape (n_visits,)
        Updates of visits.
    null_emergence : dict of str to DataArray, default=None
        The same in a world in which nothing can emerge.
    departure : xarray.DataArray, default=None
        Updates at which a measure departed.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        A panel each behaviour, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_emerge import EmergenceMapDisplay
    >>> emergence = xr.DataArray(
    ...     [[100, 200], [400, np.nan]], dims=("task", "seed"), coords={"task": ["COPY", "ADD"]}
    ... )
    >>> display = EmergenceMapDisplay.from_events(emergence, steps=[0, 100, 200, 400, 800])
    >>> display.axes_[0].get_title(loc="left")
    'emergence: 3 of 4 emerged'
    """

    def __init__(
        self,
        emergence: Mapping[str, xr.DataArray],
        steps: Floats,
        null_emergence: Mapping[str, xr.DataArray] | None = None,
        departure: xr.DataArray | None = None,
    ) -> None:
        self.emergence = emergence
        self.steps = steps
        self.null_emergence = null_emergence
        self.departure = departure

    @classmethod
    def from_events(
        cls,
        emergence: xr.DataArray | Mapping[str, xr.DataArray],
        steps: ArrayLike,
        *,
        null_emergence: xr.DataArray | Mapping[str, xr.DataArray] | None = None,
        departure: xr.DataArray | None = None,
        axes: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Plot events.

        Parameters
        ----------
        emergence : xarray.DataArray or mapping of str to DataArray
            Updates at which capabilities emerged, as `emergence_step` returns them, with the
            dimensions ``task``, and mostly level, size and seed; NaN where never. Several by name,
            such as exact match and gain, are panels side by side.
        steps : array-like of shape (n_visits,)
            Updates of the visits at which they were recorded, such as ``cube.step``.
        null_emergence : xarray.DataArray or mapping of str to DataArray, default=None
            The same, with the same names, in a world in which nothing can emerge, such as
            "permuted": each event there is false.
        departure : xarray.DataArray, default=None
            Updates at which a measure departed, as `departure_step` returns them. One that no
            emergence follows is a false alarm.
        axes : matplotlib.axes.Axes or sequence of them, default=None
            One a behaviour; None makes a figure.

        Returns
        -------
        EmergenceMapDisplay
            Plotted.

        Raises
        ------
        ValueError
            If a dimension is missing, not known or differs, visits do not rise, an event is at none
            of them, the null has other behaviours, or there are fewer or more axes than these.
        """
        grid = check_steps(steps, "steps")
        found = check_events(emergence, "emergence", grid)
        like = next(iter(found.values()))
        null = None
        if null_emergence is not None:
            null = check_events(null_emergence, "null_emergence", grid, like)
            if len(found) == len(null) == 1:
                # One behaviour alone needs no name.
                null = dict(zip(found, null.values(), strict=True))
            if set(null) != set(found):
                raise ValueError(
                    f"null_emergence has the behaviours {', '.join(null)}, and emergence "
                    f"{', '.join(found)}; pass the same."
                )
        if departure is not None:
            check_labelled(departure, "departure", ["task"])
            named = {"departure": departure.rename(measure_key(departure))}
            (departure,) = check_events(named, "departure", grid, like).values()
        return cls(found, grid, null, departure).plot(axes)

    def plot(self, axes: Axes | Sequence[Axes] | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        axes : matplotlib.axes.Axes or sequence of them, default=None
            One a behaviour; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        EmergenceMapDisplay
            Itself, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If there are fewer or more axes than behaviours.
        """
        from matplotlib import colormaps
        from matplotlib.colors import LogNorm

        n_panels = len(self.emergence)
        if axes is not None and np.size(axes) != n_panels:
            raise ValueError(
                f"axes has {np.size(axes)} axes for {n_panels} behaviours, "
                f"{', '.join(self.emergence)}; pass one each."
            )
        first = next(iter(self.emergence.values()))
        rows, columns = task_levels(first), self._columns(first)
        width = 2.3 + n_panels * max(0.32 * len(columns), 1.7)
        is_own = axes is None
        figsize = (min(width, 10.0), max(1.5 + 0.19 * len(rows), 3.0))
        panels: Any = np.ravel(self._new_axes(axes, figsize, n_panels, sharey=True))
        times = np.concatenate([by_task_level(e).ravel() for e in self.emergence.values()])
        start = self.steps[self.steps > 0][0]
        least = np.nanmin(np.maximum(times, start)) if np.isfinite(times).any() else start
        norm = LogNorm(min(least, self.steps[-2]), self.steps[-1])
        colors = colormaps["viridis_r"].with_extremes(over=GREY + "66")
        titles = []
        for ax, (behaviour, emergence) in zip(panels, self.emergence.items(), strict=True):
            n_emerged = int(emergence.notnull().sum())
            titles.append(f"{literal(behaviour)}: {n_emerged} of {emergence.size} emerged")
            mesh = self._draw_panel(ax, behaviour, emergence, norm, colors)
            ax.set_xticks(np.arange(len(columns)), columns, fontsize=SMALL)
            ax.set_xlabel("size" if self._by_size(first) else "seed")
        panels[0].set_yticks(np.arange(len(rows)), rows, fontsize=SMALL)
        panels[0].set_ylabel(
            "task and level" if first.sizes.get("level", 1) > 1 else "task", fontsize=9
        )
        self._draw_bar(panels, mesh)
        _make_upright(panels)
        for ax in panels[1:]:
            ax.tick_params(axis="y", labelleft=False)
        for ax, title in zip(panels, titles, strict=True):
            set_title(ax, title)
        finish_panels(panels, is_own, footer=self._footer(first))
        self.axes_ = panels
        self._plotted(panels[0])
        return self

    def _by_size(self, events: xr.DataArray) -> bool:
        return events.sizes.get("size", 1) > 1

    def _columns(self, events: xr.DataArray) -> list[str]:
        """Return the names of columns."""
        dim = "size" if self._by_size(events) else "seed"
        return [literal(name) for name in with_dims(events, dim)[dim].values.tolist()]

    def _table(self, events: xr.DataArray) -> Floats:
        """Return events of shape (n_rows, n_columns, n_seeds)."""
        found = by_task_level(events)
        return found if self._by_size(events) else found[:, 0, :, np.newaxis]

    def _draw_panel(
        self, ax: Axes, behaviour: str, emergence: xr.DataArray, norm: Any, colors: Any
    ) -> Any:
        """Draw the cells of one behaviour, and what is marked in them."""
        table = self._table(emergence)
        shown = np.maximum(middle(table, axis=2), norm.vmin)
        shown = np.where(np.isnan(shown), np.inf, shown)
        # A number beyond the scale has the colour of what is over it.
        n_rows, n_columns = shown.shape
        mesh = ax.pcolormesh(
            np.arange(n_columns + 1) - 0.5,
            np.arange(n_rows + 1) - 0.5,
            np.minimum(shown, 10 * norm.vmax),
            norm=norm,
            cmap=colors,
            edgecolors="white",
            linewidth=1,
        )
        # From above, as a table is read.
        ax.set_ylim(n_rows - 0.5, -0.5)
        ax.tick_params(length=0)
        emerged = np.isfinite(table).sum(axis=2)
        n_seeds = table.shape[2]
        size = min(SMALL, 0.7 * 72 * 0.19)
        for i, j in zip(*np.nonzero((emerged < n_seeds) & (n_seeds > 1)), strict=True):
            dark = np.isfinite(shown[i, j]) and norm(shown[i, j]) > 0.45
            ax.text(
                j,
                i,
                f"{emerged[i, j]}/{n_seeds}",
                ha="center",
                va="center",
                fontsize=size - 1,
                color="white" if dark else "black",
            )
        for events, marker, right in self._marks(behaviour, emergence):
            place = np.argwhere(events)
            if len(place):
                x = place[:, 1] + (0.36 if right else -0.36)
                style = {"color": RED, "markeredgecolor": "white", "markeredgewidth": 0.5}
                ax.plot(x, place[:, 0], marker, markersize=6, **style)
        return mesh

    def _marks(self, behaviour: str, emergence: xr.DataArray) -> list[tuple[Any, str, bool]]:
        """Return where marks are, which, and whether they stand on the right of a cell."""
        found: list[tuple[Any, str, bool]] = []
        if self.null_emergence is not None:
            false = np.isfinite(self._table(self.null_emergence[behaviour])).any(axis=2)
            found.append((false, "X", False))
        if self.departure is not None:
            departed = np.isfinite(self._table(self.departure))
            alarm = (departed & ~np.isfinite(self._table(emergence))).any(axis=2)
            found.append((alarm, "^", True))
        return found

    def _draw_bar(self, axes: Sequence[Axes], mesh: Any) -> None:
        """Draw the colours of updates, and the grey of what never was."""
        bar = axes[0].figure.figure.colorbar(
            mesh,
            ax=list(axes),
            extend="max",
            extendrect=True,
            extendfrac=_NEVER,
            aspect=18,
            pad=0.03,
        )
        low, high = mesh.norm.vmin, mesh.norm.vmax
        # The highest tick would stand at the name of the grey.
        decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.log10(high))
        ratio = high / low
        parts = [1] if ratio > 2000 else [1, 3] if ratio > 50 else [1, 2, 5]
        ticks = np.outer(decades, parts).ravel()
        ticks = ticks[(ticks >= low) & (ticks < high * (low / high) ** 0.08)]
        bar.set_ticks(ticks, labels=[updates(tick) for tick in ticks])
        bar.minorticks_off()
        bar.ax.tick_params(labelsize=SMALL)
        bar.outline.set_visible(False)
        # Above the bar it would meet titles of panels.
        bar.set_label("updates", fontsize=9)
        bar.ax.annotate(
            f"not by {updates(high)}",
            (1, 1 + _NEVER / 2),
            (4, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            annotation_clip=False,
        )

    def _footer(self, events: xr.DataArray) -> str:
        """Return what colours and marks are, and how many events are false."""
        n_seeds = with_dims(events, "seed").sizes["seed"]
        last = f"by {updates(self.steps[-1])} updates"
        nothing = all(each.isnull().all() for each in self.emergence.values())
        said = [f"Nothing emerged {last}." if nothing else f"Grey: not {last}."]
        if self._by_size(events) and n_seeds > 1:
            said.append(
                f"Colour: median of {n_seeds} seeds, those that never saw it last; fractions: "
                "those that did."
            )
        if self.null_emergence is not None:
            told = ", ".join(
                f"{int(each.notnull().sum())} of {each.size} ({literal(name)})"
                for name, each in self.null_emergence.items()
            )
            said.append(f"Crosses: false events, in the null world: {told}.")
        if self.departure is not None:
            n_departed = int(self.departure.notnull().sum())
            told = ", ".join(
                f"{int((self.departure.notnull() & each.isnull()).sum())} of {n_departed} "
                f"({literal(name)})"
                for name, each in self.emergence.items()
            )
            measure = measure_in_words(self.departure)
            said.append(f"Triangles: false alarms, {measure} departed alone: {told}.")
        return " ".join(said)

    def _shown(self) -> str:
        told = ", ".join(
            f"{name} {int(each.notnull().sum())} of {each.size}"
            for name, each in self.emergence.items()
        )
        return f"emerged by {updates(self.steps[-1])} updates: {told}"


def _make_upright(axes: Sequence[Axes]) -> None:
    """Turn the names of columns where they would touch."""
    settle(axes[0])
    for ax in axes:
        labels = ax.get_xticklabels()
        widest = max((label.get_window_extent().width for label in labels), default=0)
        if widest > 0.95 * ax.bbox.width / max(len(labels), 1):
            ax.tick_params(axis="x", labelrotation=90)
