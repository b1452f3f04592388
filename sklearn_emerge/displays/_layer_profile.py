"""A measure over the layers of a network, at its floor and at the end of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr

from ..geometry import collapse_floor, layer_order
from ..geometry._labels import TASK_LEVELS, check_labelled, check_only
from ._bands import band_of
from ._source import Display
from ._style import GREY, PALETTE, SMALL, Color, literal, plain_ticks, shades, write_names
from ._task_levels import finish_claim, measure_in_words, updates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Names of layers after the final normalisation, in cubes and of checkpoints, and of those before
# the first block.
_AFTER_NORM = ("hidden", "norm")
_BEFORE_BLOCKS = ("embedding",)


class LayerProfileDisplay(Display):
    """A measure over layers by task, on the left at the floor and on the right at the end.

    Points are means over levels and seeds, bars the intervals over seeds. Lines join the outputs of
    blocks. The state after the final normalisation is another quantity, and stands apart as an open
    point; so does the embedding. The title says whether deeper blocks fall lower (`layer_order`).
    Build it with `from_measure`.

    Parameters
    ----------
    floor, end : xarray.DataArray of dimensions (task, layer, seed)
        The measure at its floor and at the last visit, the mean over levels.
    label : str
        The measure, with its units.
    window : (float, float), default=(0, 200)
        First and last update of the start of training.
    last : float, default=0.0
        Update of the last visit.
    order : xarray.Dataset, default=None
        What `layer_order` returns of the outputs of blocks.

    Attributes
    ----------
    axes_ : ndarray of two matplotlib.axes.Axes
        At the floor and at the end, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_emerge import LayerProfileDisplay
    >>> values = np.array([[[[0, 0, 0], [40, 5, 9], [30, 4, 8], [30, 5, 9]]] * 5])
    >>> rankme = xr.DataArray(
    ...     values, dims=("task", "seed", "layer", "step"), name="rankme",
    ...     coords={"task": ["COPY"], "step": [0, 100, 900],
    ...             "layer": ["embedding", "layer 1 output", "layer 2 output", "hidden"]},
    ... )
    >>> display = LayerProfileDisplay.from_measure(rankme)
    >>> [ax.get_title() for ax in display.axes_]
    ['at the floor, updates 0 to 200', 'at the end, update 900']
    """

    def __init__(
        self,
        floor: xr.DataArray,
        end: xr.DataArray,
        label: str,
        window: tuple[float, float] = (0, 200),
        last: float = 0.0,
        order: xr.Dataset | None = None,
    ) -> None:
        self.floor = floor
        self.end = end
        self.label = label
        self.window = window
        self.last = last
        self.order = order

    @classmethod
    def from_measure(
        cls,
        measure: xr.DataArray,
        *,
        window: tuple[float, float] = (0, 200),
        axes: Sequence[Axes] | None = None,
    ) -> Self:
        """Plot a measure of all layers.

        Parameters
        ----------
        measure : xarray.DataArray
            A variable of a cube with the dimensions ``task``, ``layer``, ``seed`` and ``step``, and
            mostly level, of one size. Layers are in their order: "embedding", outputs of blocks,
            and after the final normalisation "hidden" or "norm".
        window : (float, float), default=(0, 200)
            First and last update of the start of training, see `collapse_floor`.
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        LayerProfileDisplay
            Plotted.

        Raises
        ------
        ValueError
            If a dimension is missing or not known, nothing was recorded in the window, or there are
            not two axes.
        """
        check_labelled(measure, "measure", ["task", "layer", "seed", "step"])
        if measure.sizes.get("size") == 1:
            measure = measure.isel(size=0)
        check_only(measure, "measure", [*TASK_LEVELS, "layer", "seed", "step"])
        # Layers that a network of this size does not have.
        measure = measure.astype(float).dropna("layer", how="all").dropna("step", how="all")
        floor = collapse_floor(measure, window=window).floor
        blocks = measure.isel(layer=_are_blocks(measure.layer.values.tolist()))
        order = None
        if blocks.sizes["layer"] > 1 and measure.sizes["seed"] > 1:
            order = layer_order(blocks, window=window)
        levels = [dim for dim in measure.dims if dim == "level"]
        found = [
            each.mean(levels).transpose("task", "layer", "seed")
            for each in (floor, measure.isel(step=-1))
        ]
        label = measure_in_words(measure, units=True)
        return cls(found[0], found[1], label, window, measure.step.values[-1], order).plot(axes)

    def plot(self, axes: Sequence[Axes] | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        LayerProfileDisplay
            Itself, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If there are not two axes.
        """
        if axes is not None and np.size(axes) != 2:
            raise ValueError(
                f"axes has {np.size(axes)} axes; pass two, for the floor and for the end."
            )
        is_own = axes is None
        panels: Any = np.ravel(self._new_axes(axes, (7.6, 4.0), 2, sharey=True))
        # What is the same in all rows, such as the embedding of one token, has no direction at all.
        constant = self._constant()
        floor, end = (each.isel(layer=~constant) for each in (self.floor, self.end))
        layers, tasks = floor.layer.values.tolist(), floor.task.values.tolist()
        colors = _colors(len(tasks))
        first, last = self.window
        titles = (
            f"at the floor, updates {updates(first)} to {updates(last)}",
            f"at the end, update {updates(self.last)}",
        )
        for ax, values, title in zip(panels, (floor, end), titles, strict=True):
            for color, each in zip(colors, values, strict=True):
                _draw_profile(ax, each, color)
            ax.set_title(title, fontsize=9)
            ax.set_xlim(-0.4, len(layers) - 0.6)
            ax.set_xticks(range(len(layers)), _in_words(layers), fontsize=SMALL)
            ax.set_xlabel("layer")
        panels[0].set_ylabel(self.label)
        shown = xr.concat([floor, end], "time").mean("seed").values
        if (shown[np.isfinite(shown)] > 0).all():
            for ax in panels:
                ax.set_yscale("log")
                ax.set_ylim(np.nanmin(shown) / 1.25, np.nanmax(shown) * 1.25)
                plain_ticks(ax)
        finish_claim(panels, is_own, self._title(), self._footer())
        names = zip(end.mean("seed").values[:, -1], tasks, colors, strict=True)
        # Lines to names begin at the points of the last layer.
        right = panels[-1].get_xlim()[1]
        write_names(
            panels[-1],
            [(height, literal(task), color) for height, task, color in names],
            len(layers) - 0.93,
            right + 0.04 * len(layers),
        )
        self.axes_ = panels
        self._plotted(panels[0])
        return self

    def _constant(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which layers are 0 throughout."""
        is_zero = [(each == 0).all(("task", "seed")).values for each in (self.floor, self.end)]
        return is_zero[0] & is_zero[1]

    def _title(self) -> str:
        """Return whether deeper blocks have lower floors, and whether they reach them earlier."""
        n_blocks = int(np.sum(_are_blocks(self.floor.layer.values.tolist())))
        if self.order is None:
            few = "one block" if n_blocks < 2 else "one seed"
            return f"Of {few} there is no order of layers" if n_blocks else "No outputs of blocks"
        said = []
        for claim, words in (
            ("gradient", "have lower floors"),
            ("propagation", "reach them earlier"),
        ):
            one = self.order.sel(claim=claim)
            said.append(
                f"{words} in {100 * one.share.item():.0f}% of task-levels "
                f"(p = {one.p_value.item():.2g})"
            )
        return f"Deeper blocks {' and '.join(said)}"

    def _footer(self) -> str:
        n_seeds = self.floor.sizes["seed"]
        bars = (
            f"bars: 95% interval over {n_seeds} seeds (Student's), cut at the frame"
            if n_seeds > 1
            else "1 seed"
        )
        layers = self.floor.layer.values.tolist()
        lines = "lines join blocks; " if sum(_are_blocks(layers)) > 1 else ""
        said = f"Points: mean over levels and seeds; {lines}{bars}. "
        if any(layer in _AFTER_NORM for layer in layers):
            said += "Open: after the final normalisation, which is another quantity. "
        constant = self.floor.layer.values[self._constant()].tolist()
        if constant:
            said += f"Not shown: {literal(', '.join(map(str, constant)))}, 0 throughout. "
        if self.order is not None:
            said += "p: sign flips over seeds, against half."
        return said.strip()

    def _shown(self) -> str:
        return (
            f"{self.label} of {self.floor.sizes['layer']} layers, {self.floor.sizes['task']} tasks"
        )


def _colors(n_tasks: int) -> list[Color]:
    """Return colours of tasks, which have no order; eight of them can be told apart."""
    apart = [*PALETTE, GREY]
    return list(apart[:n_tasks]) if n_tasks <= len(apart) else shades(n_tasks)


def _are_blocks(layers: Sequence[Any]) -> list[bool]:
    """Return which layers are outputs of blocks."""
    return [str(layer) not in (*_AFTER_NORM, *_BEFORE_BLOCKS) for layer in layers]


def _in_words(layers: Sequence[Any]) -> list[str]:
    """Return what layers are; blocks have their numbers."""
    few = sum(_are_blocks(layers)) <= 4
    words = []
    for layer in map(str, layers):
        if layer in _AFTER_NORM:
            words.append("after\nnorm")
        elif layer in _BEFORE_BLOCKS:
            words.append("em-\nbedding" if not few else "embed-\nding")
        else:
            number = layer.removeprefix("layer ").removesuffix(" output")
            words.append(literal(f"block\n{number}" if few else number))
    return words


def _draw_profile(ax: Axes, values: xr.DataArray, color: Any) -> None:
    """Draw the means of one task over layers, and their intervals."""
    layers = values.layer.values.tolist()
    mean = values.mean("seed").values
    blocks = np.array(_are_blocks(layers))
    x = np.arange(len(layers))
    ax.plot(x[blocks], mean[blocks], "o-", color=color, markersize=4, linewidth=1.4)
    for i in x[~blocks]:
        fill = "white" if layers[i] in _AFTER_NORM else color
        ax.plot(i, mean[i], "o", color=color, markersize=4.5, markerfacecolor=fill, zorder=3)
    if values.sizes["seed"] > 1:
        ax.vlines(x, *band_of(values), color=color, linewidth=1)
