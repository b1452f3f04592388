"""A claim of several cubes side by side, and by how much each pair differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from .._names import did_you_mean
from ..assessment._claims import DYNAMICS, REPRESENTATION
from ..assessment._comparison import Pair, compare_cubes, complete_claims, read_several
from ._arms import Arm, Group, Groups, width_of
from ._bands import band_of
from ._captions import of_splits, seeds_in_words
from ._source import Display, check_selected, parameters, select
from ._style import BLACK, colors_of, finish, literal

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ..assessment._cube import CubeSource


class CubeComparisonDisplay(Display):
    """The effect of one claim in several cubes, beside the differences of each pair of them.

    Left, points are seeds, with their mean and its interval; the line at 0 is no effect. Right,
    they are differences of seeds that are pairs; of others there is the mean with Welch's
    interval alone. Above them are p-values of `compare_cubes`, adjusted over pairs. Build it with
    `from_cubes`.

    Parameters
    ----------
    cubes : dict of str to xarray.Dataset
        One configuration of each cube by the name to show.
    claim : str
        The claim.
    table : pandas.DataFrame
        What `compare_cubes` says of these cubes.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (2,)
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> from sklearn_emerge import CubeComparisonDisplay, EmergenceAssessment, OscillatorWorld
    >>> cubes = {
    ...     name: EmergenceAssessment(
    ...         OscillatorWorld(n_steps=20), name, param_grid={"max_steps": [2]}, n_train=20,
    ...         n_eval=10, nulls=(), baselines=("mean",), reservoir_sizes=None, probe=None,
    ...         random_state=0, progress=False,
    ...     ).fit()
    ...     for name in ("gru", "rnn")
    ... }
    >>> display = CubeComparisonDisplay.from_cubes(cubes, "core")
    >>> [ax.get_title(loc="left") for ax in display.axes_]
    ['Claim: core', 'Difference of pairs']
    """

    def __init__(self, cubes: Mapping[str, xr.Dataset], claim: str, table: pd.DataFrame) -> None:
        self.cubes = cubes
        self.claim = claim
        self.table = table

    @classmethod
    def from_cubes(
        cls,
        cubes: Mapping[str, CubeSource],
        claim: str = "gain",
        *,
        alpha: float = 0.05,
        correction: str | None = "holm",
        axes: Sequence[Axes] | None = None,
        **selection: object,
    ) -> Self:
        """Plot one claim of one configuration of several cubes.

        Parameters
        ----------
        cubes, alpha, correction
            As in `compare_cubes`. What is selected is a family of its own: p-values are adjusted
            over the pairs that are shown.
        claim : str, default="gain"
            A claim that all cubes have, such as "prediction" or "representation x".
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.
        **selection
            A value for each parameter of the grid, for instance ``hidden_size=16``.

        Returns
        -------
        CubeComparisonDisplay
            Plotted.

        Raises
        ------
        ValueError
            As in `compare_cubes`; if one of them does not have the claim, or more than one
            configuration is left.
        """
        read = read_several(cubes)
        for name, cube in read.items():
            known = cube.claim.values.tolist()
            if claim not in known:
                raise ValueError(
                    f"claim={claim!r} was not tested in {name!r}, which has {', '.join(known)}."
                    f"{did_you_mean(claim, known)}"
                )
        ones = {}
        for name, cube in read.items():
            one = select(cube, selection)
            one = one.squeeze([each for each in parameters(one) if one.sizes[each] == 1])
            check_selected(one, parameters(one))
            ones[name] = one
        # One value of a parameter that was not named may be another one in each.
        plain = {name: _without_settings(one) for name, one in ones.items()}
        table = compare_cubes(plain, alpha=alpha, correction=correction)
        return cls(plain, claim, table).plot(axes)

    def plot(self, axes: Sequence[Axes] | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        CubeComparisonDisplay
            Itself, with `axes_` and `figure_`.
        """
        colors = dict(zip(self.cubes, colors_of(list(self.cubes)), strict=True))
        effects = [
            Group(literal(name), [Arm("", str(colors[name]), values.values, *band_of(values))])
            for name, values in self._values().items()
        ]
        differences = [self._difference(*names) for names in combinations(self.cubes, 2)]
        widths = [width_of(groups, 0.75) + 1.3 for groups in (effects, differences)]
        size = sum(widths) + 0.6, 4.2
        axes = self._new_axes(axes, size, n_columns=2, width_ratios=widths)
        left, right = self.axes_ = np.asarray(axes)
        left.set_title(f"Claim: {literal(self.claim)}", loc="left", fontsize=10)
        right.set_title("Difference of pairs", loc="left", fontsize=10)
        left.set_ylabel(f"effect ({_unit(self.claim)})")
        right.set_ylabel(f"difference of effects ({_unit(self.claim)})")
        means = [arm.mean for group in effects for arm in group.arms]
        ends = [end for group in differences for arm in group.arms for end in (arm.low, arm.high)]
        here = Groups(left, effects, needed=[0.0, *means])
        there = Groups(right, differences, needed=[0.0, *ends])
        said = seeds_in_words(list(self.cubes.values()), "Points: ", "diamonds and bars")
        finish(left, f"{said} {here.notes}".strip())
        finish(right, f"{self._tested()} {there.notes}".strip())
        for ax, drawn in ((left, here), (right, there)):
            ax.axhline(0, color="0.5", linewidth=0.8, zorder=0)
            drawn.draw()
        self._plotted(left)
        return self

    def _values(self) -> dict[str, xr.DataArray]:
        """Return the differences that the claim is about, one a seed, of each cube."""
        return {
            name: complete_claims(cube).sel(claim=self.claim) for name, cube in self.cubes.items()
        }

    def _difference(self, first: str, second: str) -> Group:
        """Return the difference of a pair, and of its seeds if these are pairs, too."""
        row = self.table.loc[(self.claim, first, second)]
        pair = Pair.of(self.cubes, first, second)
        seeds = np.array([row.difference])
        if pair.paired:
            ours, theirs = (each.sel(claim=self.claim).values for each in (pair.first, pair.second))
            seeds = ours - theirs
        note = f"p = {row.p_value_adjusted:.2g}"
        arm = Arm("", BLACK, seeds, row.ci_low, row.ci_high, note, points=pair.paired)
        return Group(literal(f"{first} - {second}"), [arm])

    def _tested(self) -> str:
        """Return what is drawn of differences, and what their p-values are."""
        paired = set(self.table.paired.loc[self.claim].tolist())
        alpha, correction = (self.table.attrs[name] for name in ("alpha", "correction"))
        interval, test = "Student's", "sign flips of pairs"
        if any(map(of_splits, self.cubes.values())):
            # These are always pairs.
            interval = test = "corrected resampled t"
        said = "Points: pairs of seeds. " if True in paired else ""
        said += f"Diamonds and bars: mean and {100 * (1 - alpha):.3g}% interval"
        if paired == {True, False}:
            interval += "; without points: independent seeds, Welch's"
            test += ", or Welch's t"
        elif False in paired:
            interval, test = "independent seeds, Welch's", "Welch's t"
        by = "not adjusted" if correction is None else f"adjusted ({correction})"
        said += f" ({interval}). p: {test}, two-sided, {by}."
        if interval != test and True in paired:
            said += " An interval and a p-value of different tests can disagree."
        return said

    def _shown(self) -> str:
        rows = self.table.loc[self.claim].itertuples()
        said = (f"{' - '.join(row.Index)}: {row.difference:.2g}" for row in rows)
        return f"{self.claim} of {', '.join(self.cubes)}; {'; '.join(said)}"


def _without_settings(cube: xr.Dataset) -> xr.Dataset:
    """Return a configuration of a cube without the values of the grid that it has."""
    return cube.drop_vars([name for name, each in cube.coords.items() if not each.ndim])


def _unit(claim: str) -> str:
    """Return the unit of the effect of a claim."""
    if claim == DYNAMICS:
        return "nats"
    return "score" if claim.startswith(REPRESENTATION) else "nats per step"
