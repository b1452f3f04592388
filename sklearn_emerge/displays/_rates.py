"""How often something was found in simulations, beside the level that a test promises."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Self

import numpy as np

from ._source import Display
from ._style import PALETTE, finish, literal, set_title

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_COLUMNS = "setting", "rate", "assessments"


class RatesDisplay(Display):
    """Rates of simulations with their binomial intervals, beside a nominal level.

    A row is a setting; its point is the rate, its bar the exact interval of Clopper and Pearson. At
    the right is how many simulations said so, out of how many. Build it with `from_table`.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each setting, with the columns "setting", "rate", "assessments" (the number of
        simulations), "low", "high" and, if there is more than one kind, "kind".
    nominal : float, default=None
        The level that a test promises.
    what : str, default="rate"
        What the rates are of.
    title : str, default=None
        Above it.
    footer : str, default=None
        Below it.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_emerge import RatesDisplay
    >>> table = pd.DataFrame(
    ...     {"setting": ["white noise", "cycle"], "rate": [0.0, 0.05], "assessments": [200, 100]}
    ... )
    >>> display = RatesDisplay.from_table(table, nominal=0.05, what="false verdicts")
    >>> display.table.high.round(3).tolist()
    [0.018, 0.113]
    >>> display.ax_.get_xlabel()
    'false verdicts (share of simulations)'
    """

    def __init__(
        self,
        table: pd.DataFrame,
        nominal: float | None = None,
        what: str = "rate",
        title: str | None = None,
        footer: str | None = None,
    ) -> None:
        self.table = table
        self.nominal = nominal
        self.what = what
        self.title = title
        self.footer = footer

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame,
        *,
        nominal: float | None = None,
        what: str = "rate",
        title: str | None = None,
        confidence: float = 0.95,
        ax: Axes | None = None,
    ) -> Self:
        """Plot rates of a table.

        Parameters
        ----------
        table : pandas.DataFrame
            A row for each setting, from top to bottom, with the columns "setting", "rate" and
            "assessments", the number of simulations; with "kind" each kind has a colour.
        nominal : float, default=None
            The level that a test promises, drawn as a line.
        what : str, default="rate"
            What the rates are of, for the axis.
        title : str, default=None
            What to write above.
        confidence : float, default=0.95
            Coverage of the intervals.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        RatesDisplay
            Plotted.

        Raises
        ------
        ValueError
            If a column is missing, there is no row, a setting stands in several rows of one kind, a
            rate is none of so many simulations, a row has no kind, or `nominal` or `confidence` is
            not between 0 and 1.
        """
        from scipy.stats import binomtest

        for name, share in (("nominal", nominal), ("confidence", confidence)):
            if share is not None and not (isinstance(share, Real) and 0 < share < 1):
                raise ValueError(f"{name}={share!r} is no share; pass a number between 0 and 1.")
        table, counts = _checked(table)
        of = table.assessments.to_numpy(int)
        ends = [binomtest(k, n).proportion_ci(confidence) for k, n in zip(counts, of, strict=True)]
        low, high = np.transpose(ends)
        footer = f"Bars: exact {100 * confidence:g}% intervals of a binomial share."
        return cls(table.assign(low=low, high=high), nominal, what, title, footer).plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        RatesDisplay
            Itself, with `ax_` and `figure_`.
        """
        table, n_rows = self.table, len(self.table)
        kinds = table["kind"] if "kind" in table else np.full(n_rows, "")
        several = len(set(kinds)) > 1
        ax = self._new_axes(ax, (9.0 if several else 7.6, 0.27 * n_rows + 1.7))
        heights = np.arange(n_rows)
        if self.nominal is not None:
            name = f"nominal level, {self.nominal:g}"
            ax.axvline(self.nominal, color="black", linestyle="--", linewidth=1.0, label=name)
        for kind, color in zip(dict.fromkeys(kinds), PALETTE * n_rows, strict=False):
            here = np.asarray(kinds) == kind
            rate, low, high = (
                table[name].to_numpy(float)[here] for name in ("rate", "low", "high")
            )
            ax.hlines(heights[here], low, high, color=color, linewidth=2.0, alpha=0.55)
            label = literal(kind) if several else None
            ax.plot(rate, heights[here], "o", color=color, label=label, clip_on=False, zorder=3)
        ax.set_yticks(heights, [literal(setting) for setting in table.setting], fontsize=8)
        said = [f"{k * n:.0f} of {n}" for k, n in zip(table.rate, table.assessments, strict=True)]
        counts = ax.secondary_yaxis("right")
        counts.set_yticks(heights, said, fontsize=8, color="0.35")
        counts.tick_params(length=0, pad=7)
        counts.spines["right"].set_visible(False)
        ax.tick_params(axis="y", length=0, pad=7)
        ax.grid(axis="y", color="0.92", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.set_ylim(n_rows - 0.4, -0.6)
        # From none on, and never beyond all.
        top = max(table.high.max(), 2 * (self.nominal or 0))
        ax.set_xlim(0, 1 if top > 0.8 else 1.05 * top)
        ax.set_xlabel(f"{literal(self.what)} (share of simulations)")
        if several or self.nominal is not None:
            # Of this axes alone: others of the figure may have names of their own.
            names = ax.get_legend_handles_labels()
            ax.figure.legend(*names, loc="outside upper right", ncols=1, frameon=False, fontsize=9)
        if self.title:
            set_title(ax, literal(self.title))
        finish(ax, self.footer)
        self.ax_ = ax
        self._plotted(ax)
        return self

    def _shown(self) -> str:
        rates = self.table.rate
        beside = "" if self.nominal is None else f", nominal {self.nominal:g}"
        return (
            f"{self.what} of {len(rates)} settings, {rates.min():.3g} to {rates.max():.3g}{beside}"
        )


def _checked(table: pd.DataFrame) -> tuple[pd.DataFrame, list[int]]:
    """Return a table with its counts, or raise a ValueError that says what is wrong with it."""
    missing = [name for name in _COLUMNS if name not in getattr(table, "columns", ())]
    if missing or not len(table):
        said = f"has no column {missing[0]!r}" if missing else "has no rows"
        raise ValueError(
            f"table {said}; pass a DataFrame with the columns {', '.join(_COLUMNS)}, with a row "
            "for each setting."
        )
    table = table.reset_index(drop=True)
    rates, n = table.rate.to_numpy(float), table.assessments.to_numpy(float)
    counts = rates * n
    whole = (np.abs(counts - np.round(counts)) < 1e-3) & (n == np.round(n))
    wrong = ~((rates >= 0) & (rates <= 1) & (n >= 1) & whole)
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"rate={rates[i]:g} in {table.setting[i]!r} is none of {n[i]:g} simulations; pass the "
            "share of these that said so, from 0 to 1, and a whole number of assessments."
        )
    if "kind" in table and table["kind"].isna().any():
        i = int(np.flatnonzero(table["kind"].isna())[0])
        raise ValueError(
            f"{table.setting[i]!r} has no kind; give each setting one, or leave it out."
        )
    _check_different(table)
    return table, np.round(counts).astype(int).tolist()


def _check_different(table: pd.DataFrame) -> None:
    """Raise a ValueError if rows have the same label and colour, as of several tests."""
    shown = [name for name in ("kind", "setting") if name in table]
    doubled = table[table.duplicated(shown)]
    if not len(doubled):
        return
    same = table[(table[shown] == doubled[shown].iloc[0]).all(axis=1)]
    differing = [
        name
        for name in table.columns.drop([*_COLUMNS, *shown], errors="ignore")
        if same[name].nunique() > 1 and same[name].dtype.kind not in "iuf"
    ]
    remedy = "give each row another setting"
    if differing:
        name = differing[0]
        remedy = f"select one {name}, as by table[table[{name!r}] == {same[name].iloc[0]!r}]"
    raise ValueError(f"The setting {same.setting.iloc[0]!r} stands in {len(same)} rows; {remedy}.")
