"""Gain of a network beside those of random cores of growing size, and of filters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .._docs import fill_doc
from ..assessment._labels import STRUCTURED
from ..assessment._words import (
    arm_in_words,
    baseline_in_words,
    has_own_baselines,
    in_digits,
    is_any_size,
    reservoir_in_words,
)
from ._assessment import shown_modes
from ._bands import band_of
from ._captions import interval_in_words, levels, panel_title, reference_name, seeds_in_words
from ._source import CubeDisplay, select, select_one
from ._style import (
    ARM_COLORS,
    GREEN,
    PINK,
    finish,
    frame,
    literal,
    set_title,
    write_names,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ..assessment._cube import CubeSource
    from ._style import LineStyle

CORES = GREEN
# Line styles of what is tried besides random cores and the best of all baselines.
_FILTERS: dict[str, LineStyle] = {
    "linear_filter": (0, (1, 3)),
    "time_varying_filter": (0, (4, 2, 1, 2)),
    "window": (0, (3, 1, 1, 1, 1, 1)),
}


class ReservoirCurveDisplay(CubeDisplay):
    """Gain of networks beside the curve of random cores by their size, and beside filters.

    Small points are the seeds of random cores, their line the mean, with a band. Coloured levels
    are networks, black ones filters and the best possible predictor. A network that is beyond the
    frame has its gain beside its name. Where the curve crosses the
    level of the network with all weights trained, the network is worth so many random units; the
    bar there is the interval of these. Build it with `from_cube` or `from_estimator`.

    Parameters
    ----------
    cube : xarray.Dataset
        One configuration of `EmergenceAssessment.cube_`, in the structured world.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
    >>> from sklearn_emerge import ReservoirCurveDisplay
    >>> cube = EmergenceAssessment(
    ...     OscillatorWorld(n_steps=24), GRUPredictor(2, max_steps=4), n_seeds=2, n_train=40,
    ...     n_eval=20, baselines=("mean",), nulls=(), probe=None, reservoir_sizes=(2, 8),
    ...     claims=("gain",), alpha=0.3, random_state=0, progress=False,
    ... ).fit().cube_
    >>> ReservoirCurveDisplay.from_cube(cube).ax_.get_xlabel()
    'units of a random core'
    """

    _options = {"modes": None}

    def __init__(self, cube: xr.Dataset) -> None:
        self.cube = cube

    @classmethod
    @fill_doc
    def from_cube(
        cls,
        cube: CubeSource,
        *,
        modes: str | Sequence[str] | None = None,
        ax: Axes | None = None,
        **selection: object,
    ) -> Self:
        """Plot one configuration of a cube.

        Parameters
        ----------
        cube : xarray.Dataset, path-like or EmergenceAssessment
            %(cube)s
        modes, ax
            As in `plot`.
        **selection
            A value for each parameter of the grid, for instance ``hidden_size=16``.

        Returns
        -------
        ReservoirCurveDisplay
            Plotted.

        Raises
        ------
        ValueError
            If it is not a cube, no random cores of several sizes were tried, or more than one
            configuration is left.
        """
        cube = select_one(cube, selection)
        if "nll_reservoir" not in cube or not cube.nll_reservoir.notnull().any():
            raise ValueError(
                "No random cores of several sizes were tried; assess with "
                "reservoir_sizes=(16, 32, 64, 128, 256, 512), or plot the gains of all baselines "
                "with AssessmentDisplay."
            )
        return cls(select(cube, {"condition": STRUCTURED})).plot(ax, modes=modes)

    def plot(self, ax: Axes | None = None, *, modes: str | Sequence[str] | None = "same") -> Self:
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.
        modes : sequence of str or None, default="same"
            The training modes to show. None is all but "random". "same" is as plotted before, at
            first None.

        Returns
        -------
        ReservoirCurveDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If a mode is not in the cube.
        """
        (given,) = self._as_before(modes=modes)
        cube, arms = self.cube, shown_modes(self.cube, given)
        ax = self._new_axes(ax, (7.6, 4.4))
        cores = self._cores()
        x, mean, band = cores.n_units.values, cores.mean("seed").values, band_of(cores)
        lines, window = self._levels(), self._filter_in_words("window")
        means = {
            mode: cube.delta_nll.sel(mode=mode).mean("seed", skipna=False).item() for mode in arms
        }
        # The reference is far below, as a window may be: the axis is of what is near to networks.
        low, high = frame(
            [*mean, means[arms[0]], *(gain for name, _, gain in lines if name != window)],
            [*cores.values.ravel(), *means.values(), *(gain for *_, gain in lines)],
        )
        room = 0.05 * (high - low)
        ax.set_xscale("log", base=2)
        ax.set_xlim(x[0] / 1.2, x[-1] * 1.2)
        ax.set_ylim(low - room, high + room)
        names, networks_beyond = [(mean[-1], "random cores", CORES)], []
        for name, style, gain in lines:
            ax.axhline(gain, color="black", linewidth=1.2, linestyle=style, zorder=1)
            names.append((gain, name, "0.2"))
        for mode, gain in means.items():
            color, name = ARM_COLORS.get(mode, PINK), f"network, {arm_in_words(mode)}"
            if not low - room <= gain <= high + room:
                # Its band alone would say nothing.
                networks_beyond.append((gain, f"{name}: {gain:.2g}", color))
                continue
            here = cube.sel(mode=mode)
            ax.axhspan(here.ci_low.item(), here.ci_high.item(), color=color, alpha=0.15, lw=0)
            ax.axhline(gain, color=color, linewidth=1.8, zorder=2)
            names.append((gain, name, color))
        ax.fill_between(x, *band, color=CORES, alpha=0.15, linewidth=0)
        ax.plot(x, cores.values.T, "o", color=CORES, markersize=3, alpha=0.5, markeredgewidth=0)
        ax.plot(x, mean, "D-", color=CORES, markersize=4.5, linewidth=1.8, zorder=4)
        if "full" in arms:
            self._draw_size(ax, means["full"])
        ax.set_xticks(x, [f"{size:g}" for size in x])
        ax.minorticks_off()
        ax.set_xlabel("units of a random core")
        ax.set_ylabel(f"gain over {reference_name(cube)} (nats per step)")
        worth = self._worth() if "full" in arms else ""
        set_title(ax, "\n".join(filter(None, [panel_title(cube, cube), worth])))
        finish(ax, self._footer(cores, "full" in arms))
        inside = [name for name in names if low - room <= name[0] <= high + room]
        write_names(ax, [*inside, *networks_beyond])
        self.ax_ = ax
        self._plotted(ax, modes=given)
        return self

    def _cores(self) -> xr.DataArray:
        """Return the gains of random cores; not every seed of networks has some."""
        gains = self.cube.nll_reference.mean("seed") - self.cube.nll_reservoir
        return gains.dropna("seed", how="all").transpose("seed", "n_units")

    def _levels(self) -> list[tuple[str, LineStyle, float]]:
        """Return names, line styles and gains of filters and of the best possible predictor."""
        cube = self.cube
        reference = cube.nll_reference.mean("seed")
        found = {name: (style, loss) for name, style, loss in levels(cube)}
        for name, style in _FILTERS.items():
            if name in cube.baseline:
                loss = cube.nll_baseline.sel(baseline=name).mean("seed")
                found.setdefault(self._filter_in_words(name), (style, loss))
        found.pop(reference_name(cube), None)
        return [(name, style, (reference - loss).item()) for name, (style, loss) in found.items()]

    def _filter_in_words(self, name: str) -> str:
        return literal(baseline_in_words(name, has_own_baselines(self._configuration())))

    def _configuration(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.cube.attrs.get("configuration", "{}"))
        return found

    def _footer(self, cores: xr.DataArray, has_size: bool) -> str:
        """Return what is drawn of seeds, and of which intervals."""
        cube = self.cube
        shown = cores.to_dataset(name="gain").assign_attrs(cube.attrs)
        said = [
            seeds_in_words([shown], "Random cores, points: ", "line and band"),
            seeds_in_words([cube], "Networks: ", "levels and bands", interval_in_words(cube)),
        ]
        if has_size and np.isfinite(self._size()[1]):
            alpha = self._configuration().get("alpha")
            share = "" if alpha is None else f"{100 * (1 - alpha):.3g}% "
            said.append(f"Bar: {share}interval of the size.")
        return " ".join(dict.fromkeys(said))

    def _size(self) -> list[float]:
        """Return the equivalent size of the network, and the ends of its interval."""
        names = [f"equivalent_reservoir_size{end}" for end in ("", "_low", "_high")]
        if "full" not in self.cube.mode or names[0] not in self.cube:
            return [np.nan] * 3
        return [self.cube[name].sel(mode="full").item() for name in names]

    def _draw_size(self, ax: Axes, gain: float) -> None:
        """Draw where the curve of cores crosses the level of the network, and the interval."""
        size, low, high = self._size()
        ends = np.clip([low, high], *ax.get_xlim())
        if np.isfinite(ends).all():
            ax.plot(ends, [gain, gain], color=CORES, linewidth=4, solid_capstyle="butt", zorder=5)
        if 0 < size < np.inf:
            bottom = ax.get_ylim()[0]
            ax.vlines(size, bottom, gain, color=CORES, linestyle=":", linewidth=1.4, zorder=3)
            ax.plot(size, gain, "o", color="white", markeredgecolor=CORES, markersize=7, zorder=6)

    def _worth(self) -> str:
        """Return how many random units the network is worth, in words; "" if it is not known."""
        size, low, high = self._size()
        if np.isnan(size):
            return ""
        sizes = self.cube.n_units.values.tolist()
        said = f"Worth {reservoir_in_words(size, sizes)} random units"
        if np.isnan(low):
            return said
        if is_any_size(low, high):
            return "How many random units it is worth cannot be told"
        first, last = (reservoir_in_words(end, sizes) for end in (low, high))
        return f"{said} (interval: {first if first == last else f'{first} to {last}'})"

    def _shown(self) -> str:
        gains = ", ".join(
            f"{size} units {in_digits(gain)[0]}"
            for size, gain in zip(
                self.cube.n_units.values, self._cores().mean("seed").values, strict=True
            )
        )
        said = f"gains of random cores over {reference_name(self.cube)}: {gains}"
        return ". ".join(filter(None, [said, self._worth()]))
