"""Loss against how many of the last inputs a network sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from .._docs import fill_doc
from .._typing import Floats
from ..assessment._words import arm_in_words, in_digits
from ..inference._labelled import complete
from ._assessment import shown_modes
from ._bands import band_of
from ._captions import levels, loss_bounds, panel_title, reference_name, seeds_in_words
from ._source import CubeDisplay, select, select_one
from ._style import (
    ALTERNATIVE_STYLE,
    CEILINGS,
    SMALL,
    colors_of,
    ends_of,
    finish,
    frame,
    inches,
    set_legend,
    set_title,
    settle,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from ..assessment._cube import CubeSource

_LEVEL_STYLES = (ALTERNATIVE_STYLE, (0, (1, 3)), (0, (5, 1, 1, 1, 1, 1)), (0, (8, 3)))
# Of no predictor that is compared.
_LONGEST_STYLE = "-."
_REFERENCE = "reference: "
_NOTE, _OF_OTHERS = "Dash-dotted: with the longest window.", " Black: other predictors."
# How many times as high as what is compared the frame may be.
_HIGHEST = 5
# Inches of a number that stands for a point beyond the frame, with its arrow.
_NUMBER = 0.45


class MemoryDisplay(CubeDisplay):
    """Loss of networks against the number of last inputs that they see.

    Lines are means over seeds, bands their 95% intervals (Student's; none for one seed),
    dash-dotted lines the loss with the longest window, which is the ordinary loss unless windows
    stop before. Black lines are the predictors that are compared. Losses that are so high that
    these could not be told apart stand above the frame, as numbers.
    Build it with `from_curve`, `from_cube` or `from_estimator`.

    Parameters
    ----------
    curves : dict of str to xarray.DataArray of dimensions (seed, window)
        Losses in nats per step by the name to show, or by training mode.
    baselines : dict of str to float
        Losses of predictors that are compared, by the name to show.
    title, footer : str, default=None
        Above and below.
    bounds : (float or None, float or None), default=(None, None)
        The losses that are possible; bands end there.

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
    >>> from sklearn_emerge import GRUPredictor, MemoryDisplay, OscillatorWorld
    >>> from sklearn_emerge.measures import memory_curve
    >>> X = OscillatorWorld(n_steps=20).sample(40, random_state=0).X
    >>> model = GRUPredictor(2, max_steps=20, random_state=0).fit(X)
    >>> display = MemoryDisplay.from_curve(memory_curve(model, X), baselines={"best": -1.5})
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('last inputs that are seen (steps)', 'negative log-likelihood (nat/step)')
    """

    def __init__(
        self,
        curves: dict[str, xr.DataArray],
        baselines: dict[str, float],
        title: str | None = None,
        footer: str | None = None,
        bounds: tuple[float | None, float | None] = (None, None),
    ) -> None:
        self.curves = curves
        self.baselines = baselines
        self.title = title
        self.footer = footer
        self.bounds = bounds

    @classmethod
    def from_curve(
        cls,
        curve: xr.DataArray | dict[str, xr.DataArray],
        *,
        baselines: dict[str, float] | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Plot memory curves.

        Parameters
        ----------
        curve : xarray.DataArray or dict of str to xarray.DataArray
            What `memory_curve` has returned, or several by the name to show; of several seeds
            with a dimension ``seed``.
        baselines : dict of str to float, default=None
            Losses of other predictors, in nats per step, by the name to show.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        MemoryDisplay
            Plotted.

        Raises
        ------
        ValueError
            If a curve has other dimensions.
        """
        curves = curve if isinstance(curve, dict) else {"network": curve}
        for name, each in curves.items():
            if set(each.dims) not in ({"window"}, {"seed", "window"}):
                raise ValueError(
                    f"The curve {name!r} has the dimensions {', '.join(map(str, each.dims))}; "
                    "pass curves over window, and seed if there are several."
                )
        by_seed = {
            name: (each if "seed" in each.dims else each.expand_dims("seed"))
            for name, each in curves.items()
        }
        note = f"{_NOTE}{_OF_OTHERS if baselines else ''}"
        return cls(by_seed, dict(baselines or {}), footer=note).plot(ax=ax)

    @classmethod
    @fill_doc
    def from_cube(
        cls,
        cube: CubeSource,
        measure: str | None = None,
        *,
        condition: str = "structured",
        modes: Sequence[str] | None = None,
        step: int | None = None,
        ax: Axes | None = None,
        **selection: object,
    ) -> Self:
        """Plot what an assessment has measured, one line a training mode.

        Parameters
        ----------
        cube : xarray.Dataset, path-like or EmergenceAssessment
            %(cube)s
        measure : str, default=None
            The name that `memory_curve` has in the `measures` of the assessment, to show it in the
            course of training. None shows what is measured at its end, in the structured world.
        condition : str, default="structured"
            The condition to show.
        modes : sequence of str, default=None
            The training modes to show. None is all but "random", whose loss is far above.
        step : int, default=None
            The update to show; None is the last one that was recorded.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.
        **selection
            A value for each parameter of the grid, for instance ``hidden_size=16``.

        Returns
        -------
        MemoryDisplay
            Plotted, with the mean losses of the reference, of the best baseline and, if it is
            known, of the best predictor.

        Raises
        ------
        ValueError
            If there are no such curves in the cube, or more than one configuration is left.
        """
        cube = select_one(cube, selection)
        modes = shown_modes(cube, modes)
        if measure is None:
            shown = _at_the_end(cube, condition, step)
        else:
            shown = _recorded(cube, measure, condition, step)
        here = select(cube, {"condition": condition})
        losses = {name: loss.item() for name, _, loss in reversed(levels(here))}
        reference = f"{_REFERENCE}{reference_name(here)}"
        losses[reference] = here.nll_reference.mean("seed").item()
        losses = {name: loss for name, loss in losses.items() if np.isfinite(loss)}
        display = cls(
            {mode: shown.sel(mode=mode) for mode in modes},
            losses,
            panel_title(here, here),
            f"{seeds_in_words([cube], '', 'lines and bands')} {_NOTE}"
            + _OF_OTHERS * bool(losses.keys() - {reference}),
            loss_bounds(cube),
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        MemoryDisplay
            Itself, with `ax_`, `figure_` and `lines_`.
        """
        ax = self._new_axes(ax, (7.2, 4.2))
        curves = {
            name: complete(curve.dropna("seed", how="all")).dropna("window")
            for name, curve in self.curves.items()
        }
        self.lines_ = {}
        for color, (name, curve) in zip(colors_of(list(curves)), curves.items(), strict=True):
            label = arm_in_words(name)
            if not curve.size:
                ax.plot([], [], color=color, label=f"{label}: diverged")
                continue
            mean = curve.transpose("seed", "window").values.mean(axis=0)
            style = {"color": color, "markersize": 4, "label": label}
            (self.lines_[name],) = ax.plot(curve.window.values, mean, "o-", **style)
            ax.axhline(mean[-1], color=color, linewidth=0.8, linestyle=_LONGEST_STYLE)
        self._draw_levels(ax)
        bands = {
            name: band_of(curves[name], self.bounds)
            for name in self.lines_
            if curves[name].sizes["seed"] > 1
        }
        low, high = self._frame(bands)
        ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        for name, band in bands.items():
            _draw_band(ax, self.lines_[name], band)
        ax.set_xscale("log", base=2)
        windows = np.unique(np.concatenate([curve.window for curve in self.curves.values()]))
        ax.set_xticks(windows)
        ax.minorticks_off()
        ax.set_xlabel("last inputs that are seen (steps)")
        ax.set_ylabel("negative log-likelihood (nat/step)")
        set_legend(ax)
        if self.title is not None:
            set_title(ax, self.title)
        beyond = [line for line in self.lines_.values() if max(line.get_ydata()) > high]
        note = "Triangles: losses above the frame." if beyond else ""
        finish(ax, f"{self.footer or ''} {note}".strip() or None)
        _label_windows(ax, windows)
        _write_beyond(ax, beyond, (low, high))
        self.ax_ = ax
        self._plotted(ax)
        return self

    def _draw_levels(self, ax: Axes) -> None:
        """Draw the losses of the predictors that are compared."""
        for i, (name, loss) in enumerate(self.baselines.items()):
            style = dict(CEILINGS.values()).get(name, _LEVEL_STYLES[i % len(_LEVEL_STYLES)])
            color = "black"
            if name.startswith(_REFERENCE):
                # As in the figures of gains, where it is at 0.
                style, color = "-", "0.5"
            ax.axhline(loss, color=color, linewidth=1.0, linestyle=style, label=name)

    def _frame(self, bands: Mapping[str, Floats]) -> tuple[float, float]:
        """Return the range of losses, with room for the first of the bands."""
        means = [line.get_ydata() for line in self.lines_.values()]
        needed = [*self.baselines.values()]
        for mean in means:
            needed += [mean[-1], mean.min()]
        # Losses from short windows are what memory is worth. They leave the frame only where
        # what they are compared with could not be told apart any more.
        whole = np.concatenate([needed, *means])
        if not self.baselines or np.ptp(whole) <= _HIGHEST * np.ptp(needed):
            needed = [*whole]
        # Where all networks have diverged, there are no means.
        first = next(iter(self.lines_), "")
        shown = np.concatenate([np.empty(0), *means, *bands.get(first, ())])
        return frame(needed, shown, bounds=ends_of(self.bounds))

    def _shown(self) -> str:
        ends = []
        for name, curve in self.curves.items():
            loss = curve.mean("seed").dropna("window")
            if loss.size:
                (first,), (last,) = (in_digits(loss.values[i]) for i in (0, -1))
                windows = loss.window.values
                ends.append(
                    f"{arm_in_words(name)} {first} from {windows[0]}, {last} from {windows[-1]}"
                )
        return f"loss in nats per step by the last inputs seen: {'; '.join(ends) or 'none'}"


def _draw_band(ax: Axes, line: Line2D, band: Floats) -> None:
    """Draw a band as far as its line is in the frame: without it, a band says nothing."""
    top = ax.get_ylim()[1]
    windows, mean = line.get_data()
    windows, mean, *ends = _with_crossings(windows, np.vstack([mean, band]), top)
    style = {"color": line.get_color(), "alpha": 0.15, "linewidth": 0}
    ax.fill_between(windows, *ends, where=mean <= top + 1e-9, **style)


def _label_windows(ax: Axes, windows: NDArray[np.integer]) -> None:
    """Write the last of the windows, and of the others those that have room."""
    places = ax.transData.transform([(k, 0) for k in windows])[:, 0] / ax.figure.figure.dpi
    labels, next_place = [], np.inf
    for window, place in zip(windows[::-1], places[::-1], strict=True):
        has_room = place < next_place - 0.09 * len(str(windows[-1])) - 0.05
        labels.append(str(window) if has_room else "")
        next_place = place if has_room else next_place
    ax.set_xticks(windows, labels[::-1])


def _with_crossings(x: Floats, rows: Floats, height: float) -> list[Floats]:
    """Return rows over x with the points added where the first one crosses a height."""
    x, first = np.log2(x), rows[0] - height
    before = np.flatnonzero(first[:-1] * first[1:] < 0)
    share = first[before] / (first[before] - first[before + 1])
    all_x = np.sort(np.append(x, x[before] + share * np.diff(x)[before]))
    return [2**all_x, *(np.interp(all_x, x, row) for row in rows)]


def _write_beyond(ax: Axes, lines: Sequence[Line2D], ends: tuple[float, float]) -> None:
    """Write the values of points that are above the frame in a row for each line, above the others.

    The first one and what has room after it.
    """
    low, high = ends
    row = 1.4 * SMALL / 72 / inches(ax)[1]
    room = min(0.05 + row * len(lines), 0.5)
    if lines:
        ax.set_ylim(top=high + (high - low) * 1.05 * room / (1 - room))
        settle(ax)
    for i, line in enumerate(lines):
        height, taken = 1 - row * (i + 0.5), -np.inf
        for window, loss in line.get_xydata():
            place = ax.transData.transform((window, 0))[0] / ax.figure.figure.dpi
            if loss <= high or place < taken + _NUMBER:
                continue
            taken, style = place, {"color": line.get_color(), "zorder": 3}
            ax.plot(window, height, "^", markersize=5, transform=ax.get_xaxis_transform(), **style)
            ax.annotate(
                f"{loss:.3g}",
                (window, height),
                (5, 0),
                xycoords=ax.get_xaxis_transform(),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
                **style,
            )


def _at_the_end(cube: xr.Dataset, condition: str, step: int | None) -> xr.DataArray:
    """Return the curves that are measured when training has ended."""
    if "nll_memory" not in cube:
        raise ValueError(
            "measure=None: memory was not measured at the end of training; assess with claims that "
            "have 'memory' among them."
        )
    if condition != "structured" or step is not None:
        raise ValueError(
            f"condition={condition!r}, step={step}: without a measure, memory is measured at the "
            "end of training, in the structured world alone; record it with record_at=[...] and "
            "measures={'memory': memory_curve}, and pass measure='memory'."
        )
    return cube.nll_memory


def _recorded(cube: xr.Dataset, measure: str, condition: str, step: int | None) -> xr.DataArray:
    """Return the curves that were recorded in the course of training, at one update."""
    recorded = cube.get(f"{measure}_trajectory")
    if recorded is None or "window" not in recorded.dims:
        raise ValueError(
            f"measure={measure!r} is no memory curve of this cube; assess with record_at=[...] and "
            "measures={'memory': memory_curve}."
        )
    step = recorded.step.values[-1] if step is None else step
    return select(recorded, {"condition": condition, "step": step})
