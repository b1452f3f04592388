"""By how much a measure leads capabilities, beside pairs that cannot tell anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from .._typing import Floats, RandomState
from ..geometry import count_leads, leads, precursor_test
from ..geometry._labels import check_labelled, check_steps
from ._source import Display
from ._style import BLUE, ORANGE, PINK, inches, literal, settle, wrap
from ._task_levels import (
    check_events,
    counted,
    finish_claim,
    measure_in_words,
    measure_key,
    updates,
    with_dims,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..geometry._precursor import PrecursorResult

# Pairs from below: with departures of the null world, of different tasks, and of the same.
_PAIRS = {
    "null": ("null\nworld", PINK),
    "other": ("other\ntasks", ORANGE),
    "own": ("own\ntask", BLUE),
}
_VERDICTS = {"precursor": "a precursor"}
# Logarithms to the base 2 that a bar is wide, the height of the highest, and the size of words.
_BIN, _HIGH, _WORDS = 0.25, 0.56, 7.5


class LeadsDisplay(Display):
    """How many times later a capability emerges than a measure departs, pair by pair.

    Above are pairs of the measure and the emergence of a task, below them pairs of different tasks,
    which no measure of a task can foretell, and pairs with the departures of a world in which
    nothing can emerge. Bars are shares of pairs; pale are pairs of which one event never was, and
    which counts at the last visit. All pairs are counted in words. The title is the verdict of
    `precursor_test`. Build it with `from_events`.

    Parameters
    ----------
    found : dict of str to Dataset
        What `leads` returns, of the pairs "own", "other" and "null".
    measure : str
        The measure in words.
    last : float
        Update of the last visit.
    result : PrecursorResult, default=None
        What `precursor_test` returns; None if it cannot be had.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        A panel each behaviour, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> import xarray as xr
    >>> from sklearn_emerge import LeadsDisplay
    >>> dims = "seed", "task"
    >>> departure = xr.DataArray([[100, 150], [100, 200]], dims=dims, name="rankme")
    >>> emergence = xr.DataArray([[300, 400], [400, 300]], dims=dims)
    >>> steps = [0, 100, 150, 200, 300, 400]
    >>> display = LeadsDisplay.from_events(departure, emergence, steps)
    >>> display
    <LeadsDisplay: RankMe leads emergence in 3 of 4 pairs>
    """

    def __init__(
        self,
        found: Mapping[str, xr.Dataset],
        measure: str,
        last: float,
        result: PrecursorResult | None = None,
    ) -> None:
        self.found = found
        self.measure = measure
        self.last = last
        self.result = result

    @classmethod
    def from_events(
        cls,
        departure: xr.DataArray,
        emergence: xr.DataArray | Mapping[str, xr.DataArray],
        steps: ArrayLike,
        *,
        null_departure: xr.DataArray | None = None,
        n_intervals: int = 1,
        random_state: RandomState = 0,
        axes: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Plot the leads of a measure.

        Parameters
        ----------
        departure : xarray.DataArray
            Updates at which the measure departed, as `departure_step` returns them, with the
            dimension ``task``, and mostly level, size and seed; NaN where it never did.
        emergence : xarray.DataArray or mapping of str to DataArray
            Updates at which capabilities emerged, as `emergence_step` returns them, with the same
            dimensions; several by name, such as exact match and gain.
        steps : array-like of shape (n_visits,)
            Updates of the visits at which both were recorded.
        null_departure : xarray.DataArray, default=None
            Departures in the null world, such as "permuted".
        n_intervals : int, default=1
            Events no more than so many visits apart are synchronous, see `leads`.
        random_state : int, Generator or None, default=0
            Source of the draws of `precursor_test`.
        axes : matplotlib.axes.Axes or sequence of them, default=None
            One a behaviour; None makes a figure.

        Returns
        -------
        LeadsDisplay
            Plotted.

        Raises
        ------
        ValueError
            If a dimension is missing, not known or differs, visits do not rise, an event is at none
            of them, there are no events at all, or there are fewer or more axes than behaviours.
        """
        grid = check_steps(steps, "steps")
        check_labelled(departure, "departure", ["task"])
        # What is selected of the measure is its name.
        key = measure_key(departure)
        (departure,) = check_events({key: departure.rename(key)}, "departure", grid).values()
        behaviours = check_events(emergence, "emergence", grid, departure)
        measured = {"own": departure}
        if null_departure is not None:
            (null,) = check_events(null_departure, "null_departure", grid, departure).values()
            measured["null"] = null
        found = {
            pairs: leads(each, behaviours, grid, n_intervals=n_intervals)
            for pairs, each in measured.items()
        }
        if departure.sizes["task"] > 1:
            found["other"] = leads(
                departure, behaviours, grid, n_intervals=n_intervals, pairs="other"
            )
        result = None
        enough = departure.sizes.get("seed", 1) > 1
        if enough and all(each.notnull().any() for each in behaviours.values()):
            result = precursor_test(
                {key: departure},
                behaviours,
                grid,
                null_departure={key: measured["null"]} if "null" in measured else None,
                n_intervals=n_intervals,
                random_state=random_state,
            )
        return cls(found, measure_in_words(departure), grid[-1], result).plot(axes)

    def plot(self, axes: Axes | Sequence[Axes] | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        axes : matplotlib.axes.Axes or sequence of them, default=None
            One a behaviour; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        LeadsDisplay
            Itself, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If there are fewer or more axes than behaviours.
        """
        behaviours = self._behaviours()
        if axes is not None and np.size(axes) != len(behaviours):
            raise ValueError(
                f"axes has {np.size(axes)} axes for {len(behaviours)} behaviours, "
                f"{', '.join(behaviours)}; pass one each."
            )
        is_own = axes is None
        figsize = (1.0 + 3.4 * len(behaviours), 1.7 + 0.75 * len(self.found))
        panels: Any = np.ravel(
            self._new_axes(axes, figsize, len(behaviours), sharex=True, sharey=True)
        )
        shown = [pairs for pairs in _PAIRS if pairs in self.found]
        ends = self._ends()
        for ax, behaviour in zip(panels, behaviours, strict=True):
            for row, pairs in enumerate(shown):
                # Not through the counts, which stand above the bars.
                ax.plot([0, 0], [row, row + _HIGH], color="0.4", linewidth=0.8)
                one = self.found[pairs].sel(behaviour=behaviour)
                _draw_row(ax, row, one, _PAIRS[pairs][1])
            ax.set_xlim(ends)
            ax.set_ylim(-0.05, len(shown))
            ax.set_yticks(np.arange(len(shown)) + _HIGH / 2, [_PAIRS[p][0] for p in shown])
            ax.tick_params(axis="y", length=0, labelsize=9)
            _name_ratios(ax)
            ax.set_xlabel("update of emergence / of departure", fontsize=9)
            ax.set_title(literal(behaviour), loc="left", fontsize=9)
        settle(panels[0])
        for ax, behaviour in zip(panels, behaviours, strict=True):
            for row, pairs in enumerate(shown):
                ax.annotate(
                    wrap(_in_words(self._counts(pairs).loc[behaviour]), inches(ax)[0], _WORDS),
                    (0.01, row + 0.97),
                    xycoords=ax.get_yaxis_transform(),
                    va="top",
                    fontsize=_WORDS,
                    linespacing=1.1,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
                )
        finish_claim(panels, is_own, self._title(), self._footer(answers=is_own))
        self.axes_ = panels
        self._plotted(panels[0])
        return self

    def _behaviours(self) -> list[str]:
        return [str(name) for name in self.found["own"].behaviour.values]

    def _counts(self, pairs: str) -> pd.DataFrame:
        return count_leads(self.found[pairs])

    def _ends(self) -> tuple[float, float]:
        """Return the ends of the axis, as logarithms to the base 2, with a place for no lead."""
        all_leads = np.concatenate([each.log_lead.values.ravel() for each in self.found.values()])
        all_leads = all_leads[np.isfinite(all_leads)] / np.log(2)
        return min(all_leads.min(), -1) - _BIN, max(all_leads.max(), 1) + _BIN

    def _title(self) -> str:
        """Return the verdict on the measure, or why there is none."""
        if self.result is not None:
            verdict = self.result.verdicts.iloc[0]
            word = _VERDICTS.get(verdict.verdict, verdict.verdict)
            # What keeps a measure from being a precursor does not make it early.
            mark = ";" if word == "early" else ":"
            return f"{self.measure} is {word}{mark} {verdict.reason}"
        own = self.found["own"]
        if with_dims(own.kind, "seed").sizes["seed"] < 2:
            return f"{self.measure}: one seed, of which there is no test"
        counts = self._counts("own")
        emerged = counts[["early", "synchronous", "late", "missed"]].sum(axis=1)
        names = " and ".join(literal(name) for name in emerged.index[emerged == 0])
        return (
            f"{self.measure}: by {updates(self.last)} updates there is no event of {names} that it "
            "could lead"
        )

    def _footer(self, answers: bool) -> str:
        """Return what bars are, and what was found of each answer."""
        said = (
            f"Bars: shares of pairs; pale: one of the two not by {updates(self.last)} updates, "
            "where it counts; black lines: medians of all pairs with bars."
        )
        if self.result is None or not answers:
            return said
        for behaviour in self._behaviours():
            found = self.result.answers.xs(behaviour, level="behaviour").droplevel("measure")
            told = ", ".join(
                _answer(str(name), row) for name, row in found.iterrows() if np.isfinite(row.effect)
            )
            said += f" {literal(behaviour)}: {told}."
        return said

    def _shown(self) -> str:
        counts = self._counts("own")
        told = ", ".join(
            f"{name} in {row.early:.0f} of {_n_emerged(row)} pairs"
            for name, row in counts.iterrows()
        )
        return f"{self.measure} leads {told}"


def _n_emerged(row: Any) -> int:
    """Return how many emergences there are among counts of pairs."""
    return int(row["early"] + row["synchronous"] + row["late"] + row["missed"])


def _in_words(row: Any) -> str:
    """Return counts of pairs in words; none of them is left out."""
    n_emerged = _n_emerged(row)
    share = f" ({100 * row['precursor_rate']:.0f}%)" if n_emerged else ""
    said = [f"leads {row['early']:.0f} of {n_emerged}{share}"]
    for kind in ("false alarm", "missed", "neither"):
        number = int(row[kind])
        if number:
            said.append(counted(number, kind) if kind == "false alarm" else f"{number:,} {kind}")
    return ", ".join(said)


def _answer(name: str, row: Any) -> str:
    """Return an answer in words, with its p-value; orders are ratios."""
    ratio = name in ("order", "null world")
    effect = f"x {np.exp(row.effect):.2g}" if ratio else f"{row.effect:+.2f}"
    p = "p < 0.001" if row.p_value < 0.001 else f"p = {row.p_value:.2g}"
    return f"{name} {effect} ({p})"


def _draw_row(ax: Axes, row: int, one: xr.Dataset, color: str) -> None:
    """Draw the distribution of the leads of some pairs, and their median."""
    values = one.log_lead.values.ravel() / np.log(2)
    seen = np.isfinite(values)
    values, censored = values[seen], one.censored.values.ravel()[seen]
    if not len(values):
        return
    first = np.floor(values.min() / _BIN + 0.5) - 0.5
    edges: Floats = _BIN * np.arange(first, values.max() / _BIN + 1.5)
    whole, part = (np.histogram(v, edges)[0] for v in (values[~censored], values[censored]))
    unit = _HIGH / (whole + part).max()
    style = {"width": _BIN * 0.92, "align": "edge", "color": color, "linewidth": 0}
    ax.bar(edges[:-1], unit * whole, bottom=row, **style)
    ax.bar(edges[:-1], unit * part, bottom=row + unit * whole, alpha=0.3, **style)
    ax.plot([np.median(values)] * 2, [row, row + _HIGH], color="black", linewidth=1.2)
    ax.axhline(row, color="0.8", linewidth=0.6)


def _name_ratios(ax: Axes) -> None:
    """Write ratios at whole powers of two."""
    low, high = ax.get_xlim()
    powers = np.arange(np.ceil(low), high + 1e-9)
    powers = powers[powers % max(int(np.ceil(len(powers) / 8)), 1) == 0]
    names = [f"{2**p:.0f}" if p >= 0 else f"1/{2**-p:.0f}" for p in powers]
    ax.set_xticks(powers, names)
