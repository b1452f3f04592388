"""Error of forecasts that go on by themselves, against how far ahead they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .._docs import fill_doc
from .._typing import Floats
from ..assessment._case import observation_of
from ..assessment._labels import STRUCTURED
from ..assessment._left_alone import final_errors
from ..assessment._words import ARMS, NULLS, arm_in_words, condition_in_words, in_digits
from ._assessment import shown_modes
from ._captions import panel_title
from ._source import CubeDisplay, select, select_one
from ._style import (
    ALTERNATIVE_STYLE,
    ARM_COLORS,
    CEILINGS,
    GREEN,
    PALETTE,
    RED,
    SKY,
    finish_panels,
    frame,
    literal,
    plain_ticks,
    set_legend,
    set_title,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ..assessment._cube import CubeSource
    from ._style import Color, LineStyle

# What networks are compared with, by the end of its name in a cube.
_COMPARED: dict[str, tuple[str, LineStyle]] = {
    "linear": ("best linear predictor", ALTERNATIVE_STYLE),
    "reservoir": ("echo-state network", "-."),
    "optimal": CEILINGS["exact"],
}
_NULL_COLORS = (RED, SKY, GREEN)
_MORE_STYLES: tuple[LineStyle, ...] = ((0, (8, 3)), (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
_QUANTITIES = (
    "Error: root mean square over the first steps, median over sequences; of several channels in "
    "units of their standard deviation."
)
EITHER = (
    "Error: root mean square over the first steps, median over sequences (of outcomes and counts "
    "their mean); of several channels in units of their standard deviation."
)
_SHARES = "Error: root mean square over the first steps and over sequences."
_NO_ERROR = "The best possible forecast is what others are compared with: its error is 0."
# Decades beyond what networks are compared with, from which on errors leave the frame.
_FAR = 1.0
_BEYOND = "Lines that leave the frame go on above it."


class ForecastErrorDisplay(CubeDisplay):
    """Error of predictors that are left alone, against the number of steps ahead.

    A panel is a prompt, of so many steps that were seen. Thick lines are medians over seeds, thin
    ones the seeds; black ones are what networks are compared with, medians over seeds. Build it
    with `from_errors`, `from_cube` or `from_estimator`.

    Parameters
    ----------
    errors : dict of str to xarray.DataArray of dimensions (seed, prompt, horizon)
        Errors as of `flow_errors`, by the name to show, by training mode, or by kind of the null
        that a network was trained in.
    compared : dict of str to xarray.DataArray of dimensions (seed, prompt, horizon), default=None
        Those of what networks are compared with: "linear", "reservoir", "optimal", or another name
        to show.
    title, footer : str, default=None
        Above and below.
    units : str, default="unit of the data"
        Of the errors.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_prompts,)
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.
    lines_ : dict of str to list of matplotlib.lines.Line2D
        The thick lines of each name, one a panel in which it is drawn.

    Examples
    --------
    >>> from sklearn_emerge import ForecastErrorDisplay, LinearFilterPredictor, OscillatorWorld
    >>> from sklearn_emerge.operators import flow_errors
    >>> world = OscillatorWorld(n_steps=64)
    >>> train, evaluation = world.split(100, 50, random_state=0)
    >>> errors = {
    ...     f"{lags} lags": flow_errors(LinearFilterPredictor(lags).fit(train.X), evaluation)
    ...     for lags in (4, 16)
    ... }
    >>> best = flow_errors(world.optimal_predictor(), evaluation)
    >>> display = ForecastErrorDisplay.from_errors(errors, compared={"optimal": best})
    >>> [ax.get_title(loc="left") for ax in display.axes_]
    ['8 steps seen', '16 steps seen', '32 steps seen']
    >>> display.axes_[0].get_xlabel(), display.axes_[0].get_ylabel()
    ('over the first ... steps ahead', 'error when left alone (unit of the data)')
    """

    def __init__(
        self,
        errors: dict[str, xr.DataArray],
        compared: dict[str, xr.DataArray] | None = None,
        title: str | None = None,
        footer: str | None = None,
        units: str = "unit of the data",
    ) -> None:
        self.errors = errors
        self.compared = compared
        self.title = title
        self.footer = footer
        self.units = units

    @classmethod
    def from_errors(
        cls,
        errors: xr.DataArray | dict[str, xr.DataArray],
        *,
        compared: dict[str, xr.DataArray] | None = None,
        axes: Sequence[Axes] | None = None,
    ) -> Self:
        """Plot errors of forecasts.

        Parameters
        ----------
        errors : xarray.DataArray or dict of str to xarray.DataArray
            What `flow_errors` has returned, or several by the name to show; of several seeds with a
            dimension ``seed``.
        compared : dict of str to xarray.DataArray, default=None
            Those of what is drawn black: "linear", "reservoir", "optimal", or another name to show.
        axes : sequence of matplotlib.axes.Axes, default=None
            Where to plot, one a prompt; None makes a figure.

        Returns
        -------
        ForecastErrorDisplay
            Plotted.

        Raises
        ------
        ValueError
            If errors have other dimensions, there are none, or there are fewer axes than prompts.
        """
        given = errors if isinstance(errors, dict) else {"network": errors}
        by_seed, others = (
            {name: _by_seed(name, each) for name, each in some.items()}
            for some in (given, compared or {})
        )
        if not given:
            raise ValueError("errors is empty; pass what flow_errors returns, by the name to show.")
        first = next(iter(given.values()))
        several = max(each.sizes["seed"] for each in by_seed.values()) > 1
        seeds = "Thick lines: medians over seeds." if several else ""
        units = first.attrs.get("units", "unit of the data")
        return cls(by_seed, others, None, f"{seeds} {EITHER}".strip(), units).plot(axes)

    @classmethod
    @fill_doc
    def from_cube(
        cls,
        cube: CubeSource,
        *,
        modes: str | Sequence[str] | None = None,
        axes: Sequence[Axes] | None = None,
        **selection: object,
    ) -> Self:
        """Plot the networks of one configuration, and what they are compared with.

        Parameters
        ----------
        cube : xarray.Dataset, path-like or EmergenceAssessment
            %(cube)s
        modes : sequence of str, default=None
            The training modes to show. None is all but "random".
        axes : sequence of matplotlib.axes.Axes, default=None
            Where to plot, one a prompt; None makes a figure.
        **selection
            A value for each parameter of the grid, for instance ``hidden_size=16``.

        Returns
        -------
        ForecastErrorDisplay
            Plotted: the networks trained in the world by their mode, those trained with all weights
            in each null, the best linear predictor, an echo-state network and the best possible
            predictor, as far as they were measured.

        Raises
        ------
        ValueError
            If no network was left alone, more than one configuration is left, or there are fewer
            axes than prompts.
        """
        cube = select_one(cube, selection)
        if "flow_error" not in cube or not cube.flow_error.notnull().any():
            raise ValueError(
                "No network was left alone; assess with claims that have 'dynamics' among them, in "
                "a world where something can go on by itself, with operator_evidence='flow'."
            )
        modes = shown_modes(cube, modes)
        here = select(cube.flow_error, {"condition": STRUCTURED})
        found = {mode: here.sel(mode=mode, drop=True) for mode in modes}
        if "full" in modes:
            nulls = [name for name in cube.condition.values.tolist() if name != STRUCTURED]
            others = cube.flow_error.sel(mode="full", drop=True)
            found |= {null: others.sel(condition=null, drop=True) for null in nulls}
        names = [name for name in _COMPARED if f"flow_error_{name}" in cube]
        compared = {name: cube[f"flow_error_{name}"] for name in names}
        footer, units = _said(cube)
        title = panel_title(cube)
        return cls(found, compared, title, footer, units).plot(axes)

    def plot(self, axes: Sequence[Axes] | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes, default=None
            Where to plot, one a prompt; None makes a figure, or takes the last one of its own if
            nothing else was drawn into it.

        Returns
        -------
        ForecastErrorDisplay
            Itself, with `axes_`, `figure_` and `lines_`.

        Raises
        ------
        ValueError
            If there are fewer or more axes than prompts.
        """
        prompts, is_own = self._prompts(), axes is None
        panels = self._axes_by_prompt(axes, prompts, (2.4 * len(prompts) + 2.8, 4.0))
        self.lines_: dict[str, list[Any]] = {}
        for ax, prompt in zip(panels, prompts, strict=True):
            self._draw(ax, prompt)
            set_title(ax, f"{prompt} steps seen")
        low, high = self._frame()
        for i, ax in enumerate(panels):
            ax.set_ylim(low, high)
            plain_ticks(ax)
            ax.set_xlabel("over the first ... steps ahead")
            if i:
                ax.tick_params(labelleft=False)
        panels[0].set_ylabel(f"error when left alone ({literal(self.units)})")
        set_legend(panels[-1])
        # What is farther away would make differences of the others unreadable.
        beyond = any(
            (line.get_ydata() > high).any() for lines in self.lines_.values() for line in lines
        )
        footer = " ".join(filter(None, [self.footer, _BEYOND if beyond else ""]))
        finish_panels(panels, is_own, self.title, footer)
        self.axes_ = panels
        self._plotted(panels[0])
        return self

    def _prompts(self) -> list[int]:
        """Return the prompts of which there are errors."""
        some = [each.notnull().any(("seed", "horizon")) for each in self.errors.values()]
        return sorted({p for each in some for p in each.prompt.values[each.values].tolist()})

    def _draw(self, ax: Axes, prompt: int) -> None:
        """Draw the lines of one prompt."""
        for name, color in zip(self.errors, _colors(list(self.errors)), strict=True):
            x, seeds = _finite(self.errors[name], prompt)
            label = _in_words(name) if x.size else f"{_in_words(name)}: diverged"
            style: dict[str, Any] = {"linewidth": 2.0, "label": label, "zorder": 3}
            median = np.median(seeds, axis=0) if x.size else np.empty(0)
            (line,) = ax.plot(x, median, color=color, **style)
            self.lines_.setdefault(name, []).append(line)
            if len(seeds) > 1:
                ax.plot(x, seeds.T, color=color, linewidth=0.5, alpha=0.5)
        more = iter(_MORE_STYLES * len(self.compared or {}))
        for name, errors in (self.compared or {}).items():
            words, style_of_line = _COMPARED.get(name, (name, None))
            x, seeds = _finite(errors, prompt)
            shown = x.size and (seeds > 0).any()
            if shown:
                median = np.median(seeds, axis=0)
                (line,) = ax.plot(
                    x,
                    median,
                    color="black",
                    linewidth=1.2,
                    linestyle=style_of_line or next(more),
                    label=literal(words),
                )
                self.lines_.setdefault(name, []).append(line)
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        some = [each.dropna("horizon", how="all").horizon for each in self.errors.values()]
        horizons = np.unique(np.concatenate(some))
        # Those that are powers of two have room.
        ax.set_xticks(horizons, [str(h) if _has_room(h, horizons) else "" for h in horizons])
        ax.minorticks_off()

    def _frame(self) -> tuple[float, float]:
        """Return the range of errors: of what is compared, and of the first network."""
        first = next(iter(self.errors))
        names = [first, *(name for name in self.compared or {} if name in self.lines_)]
        needed, shown = (
            np.concatenate([np.empty(0), *(np.log10(y[y > 0]) for y in map(_heights, some))])
            for some in (
                [line for name in names for line in self.lines_[name]],
                [line for lines in self.lines_.values() for line in lines],
            )
        )
        low, high = frame(needed, needed, least=0.5)
        near = np.append(
            shown[np.abs(shown - (low + high) / 2) < _FAR + (high - low) / 2], [low, high]
        )
        low, high = near.min(), near.max()
        room = 0.04 * (high - low)
        return 10 ** (low - room), 10 ** (high + room)

    def _shown(self) -> str:
        return errors_in_words({**self.errors, **(self.compared or {})})


def errors_in_words(errors: Mapping[str, xr.DataArray]) -> str:
    """Return the error of each predictor over the longest horizon, the median over seeds."""
    ends = []
    for name, each in errors.items():
        words = _COMPARED[name][0] if name in _COMPARED else _in_words(name)
        error = final_errors(each).median("seed").item()
        ends.append(f"{words} {in_digits(error)[0] if np.isfinite(error) else error}")
    return f"error left alone over the longest horizon: {', '.join(ends)}"


def _by_seed(name: str, errors: Any) -> xr.DataArray:
    """Return errors with a dimension of seeds, or raise a ValueError."""
    dims = set(getattr(errors, "dims", ()))
    if dims not in ({"prompt", "horizon"}, {"seed", "prompt", "horizon"}):
        said = f"has the dimensions {', '.join(map(str, errors.dims))}" if dims else "has none"
        raise ValueError(
            f"The errors {name!r} are to have the dimensions prompt and horizon, and seed if there "
            f"are several; what was passed {said}. Pass what flow_errors returns."
        )
    by_seed: xr.DataArray = errors if "seed" in dims else errors.expand_dims("seed")
    return by_seed


def _finite(errors: xr.DataArray, prompt: int) -> tuple[Floats, Floats]:
    """Return horizons and the errors (n_seeds, n_horizons) of a prompt, where some are finite."""
    if prompt not in errors.prompt:
        return np.empty(0), np.empty((0, 0))
    here = errors.sel(prompt=prompt).transpose("seed", "horizon")
    here = here.dropna("seed", how="all").dropna("horizon", how="any")
    seeds = here.values
    finite = np.isfinite(np.median(seeds, axis=0)) if len(seeds) else np.zeros(0, bool)
    return here.horizon.values[finite], seeds[:, finite]


def _heights(line: Any) -> Floats:
    return np.asarray(line.get_ydata(), dtype=float)


def _has_room(horizon: int, horizons: Floats) -> bool:
    """Return whether a number may stand at a horizon: the last, or one far enough below it."""
    last = int(max(horizons))
    return horizon == last or (horizon * 1.5 < last and int(np.log2(horizon)) % 2 == 0)


def _colors(names: Sequence[str]) -> list[Color]:
    """Return the colours of lines: arms have theirs, nulls others, and what else there is all."""
    nulls = iter(_NULL_COLORS * len(names))
    others = iter(PALETTE[:-1] * len(names))
    return [
        ARM_COLORS[name] if name in ARMS else next(nulls) if name in NULLS else next(others)
        for name in names
    ]


def _in_words(name: str) -> str:
    """Return the name of a line."""
    if name in NULLS:
        return f"all weights, trained with {condition_in_words(name)}"
    return literal(arm_in_words(name))


def _said(cube: xr.Dataset) -> tuple[str, str]:
    """Return what a footer has to say, and the units of errors."""
    configuration: Mapping[str, Any] = json.loads(cube.attrs.get("configuration", "{}"))
    discrete = observation_of(configuration) in ("binary", "token")
    n_seeds = cube.sizes["seed"]
    seeds = f"Thin lines: {n_seeds} seeds; thick and black lines: medians over seeds."
    parts = [seeds if n_seeds > 1 else "1 seed.", _SHARES if discrete else _QUANTITIES]
    if "flow_error_optimal" in cube and not cube.flow_error_optimal.fillna(0).any():
        parts.append(_NO_ERROR)
    return " ".join(parts), "probability" if discrete else "unit of the data"
