"""Cubes of different models side by side: by how much their claims differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from .._typing import Floats
from ..inference import check_alpha, check_correction
from ..inference._labelled import adjust, complete, intervals, means, p_values
from ._concat import SEED, differing, seed_keys
from ._cube import check_claimed, cube_of
from ._grid import CONFIGURATION
from ._labels import grid_of
from ._notes import noted
from ._shown import Table

if TYPE_CHECKING:
    from ._cube import CubeSource

_PAIR = "pair"
_COLUMNS = {
    "effect_first, effect_second": "mean of the claim's difference over seeds of each cube",
    "difference": "first minus second, with its interval",
    "p_value": "two-sided",
    "n_first, n_second": "seeds of each",
    "paired": "whether these are the same seeds",
}


def compare_cubes(
    cubes: Mapping[str, CubeSource], *, alpha: float = 0.05, correction: str | None = "holm"
) -> pd.DataFrame:
    r"""Compare the claims of several cubes, of different models for instance.

    Of every claim that two cubes have, in every configuration that they have, it tells the mean
    effect of each and their difference. Seeds of the same `random_state` and number draw their data
    and weights from the same streams. They are paired: the difference of each pair has Student's
    interval, and its p-value is that of the sign-flip test, doubled. Of seeds of different
    `random_state`, which are independent, interval and p-value are Welch's, with variances
    :math:`s^2` and numbers :math:`n` of seeds of their own,

    .. math:: t = \frac{\bar x_1 - \bar x_2}{\sqrt{s_1^2 / n_1 + s_2^2 / n_2}}.

    Seeds of recordings are splits of the same data. Where they are the same splits, the corrected
    resampled interval and test take the place of these; where they are not, there is none.

    Parameters
    ----------
    cubes : dict of str to xarray.Dataset, path-like or EmergenceAssessment
        At least two, by the names to show: cubes, the files they were written to, or fitted
        assessments, with the same parameters in their grids.
    alpha : float, default=0.05
        Intervals cover the difference with probability 1 - `alpha`.
    correction : str or None, default="holm"
        Correction over the pairs and the configurations, for each claim; see `adjust_p_values`.

    Returns
    -------
    pandas.DataFrame
        A row a configuration, claim and pair of cubes (the levels "first" and "second" of its
        index). Columns are ``effect_first``, ``effect_second``, ``difference``, ``ci_low``,
        ``ci_high`` (nats per step; of representations scores, of dynamics nats), ``p_value``,
        ``p_value_adjusted``, ``n_first``, ``n_second`` and ``paired``. What they are is in
        ``attrs["caption"]``, and printed below the table; `alpha` and `correction` are in
        ``attrs``, too.

    Raises
    ------
    NotFittedError
        If one is an assessment that has not been fitted.
    FileNotFoundError
        If there is no such file.
    ValueError
        If there are fewer than two, one is not a cube, grids have no configuration in common, or
        `alpha` or `correction` is not as described; or if seeds are neither pairs nor independent:
        they share data (`shared_data`) or are splits of recordings, which are not the same in both.

    See Also
    --------
    CubeComparisonDisplay : The same as a figure.
    concat_cubes : Join seeds or configurations of the same model.

    Notes
    -----
    A gain is counted from the reference of its own cube. Where references are not the same, the
    caption says so, and differences of gains are differences from these, too. What several
    alternatives are asked for (order, memory, dynamics, representation), a claim is about the one
    that is least certain to be exceeded, which may be another one in each cube.

    That one claim holds in one cube and not in the other does not show that they differ. The
    difference does.

    Examples
    --------
    >>> from sklearn_emerge import EmergenceAssessment, OscillatorWorld, compare_cubes
    >>> from sklearn_emerge import GRUPredictor, RNNPredictor
    >>> options = dict(
    ...     n_train=20, n_eval=10, nulls=(), baselines=("mean",), reservoir_sizes=None, probe=None,
    ...     random_state=0, progress=False,
    ... )
    >>> world = OscillatorWorld(n_steps=20)
    >>> cubes = {
    ...     "gru": EmergenceAssessment(world, GRUPredictor(2, max_steps=5), **options).fit(),
    ...     "rnn": EmergenceAssessment(world, RNNPredictor(2, max_steps=5), **options).fit(),
    ... }
    >>> table = compare_cubes(cubes)
    >>> table.index.names, table.index[0]
    (FrozenList(['claim', 'first', 'second']), ('gain', 'gru', 'rnn'))
    >>> bool(table.paired.all()), int(table.n_first.iloc[0])
    (True, 6)
    """
    check_alpha(alpha)
    check_correction(correction)
    read = read_several(cubes)
    compared = [
        _compared(Pair.of(read, first, second), alpha) for first, second in combinations(read, 2)
    ]
    table = xr.concat(compared, pd.Index(range(len(compared)), name=_PAIR), join="outer")
    grid = grid_of(next(iter(read.values())))
    table["p_value_adjusted"] = adjust(table.p_value, correction, [_PAIR, *grid])
    found = _frame(table, grid, read, alpha)
    found.attrs |= {"alpha": alpha, "correction": correction}
    return found


@dataclass(frozen=True)
class Pair:
    """The same configurations of two cubes, and how their seeds belong together.

    Attributes
    ----------
    first, second : xarray.DataArray
        What their claims are about, of each seed; of pairs, the first of each belongs to the first.
    paired : bool
        Whether seeds are the same.
    units : (int, int) or None
        Recordings that a seed of both trains on and holds out.
    """

    first: xr.DataArray
    second: xr.DataArray
    paired: bool
    units: tuple[int, int] | None

    @classmethod
    def of(cls, cubes: Mapping[str, xr.Dataset], *names: str) -> Pair:
        """Return two cubes of several; a ValueError says if they cannot be compared."""
        two = [cubes[name] for name in names]
        runs = [json.loads(cube.attrs["configuration"]) for cube in two]
        keys = [seed_keys(cube) for cube in two]
        common = [key for key in keys[0] if key in keys[1]]
        _check_independent(names, two, runs, paired=bool(common))
        first, second = _aligned(names, two)
        if common:
            first, second = (
                each.isel(seed=[of.index(key) for key in common])
                for each, of in zip((first, second), keys, strict=True)
            )
        units = runs[0].get("units")
        return cls(first, second, bool(common), None if units is None else tuple(units))


def read_several(cubes: Mapping[str, CubeSource]) -> dict[str, xr.Dataset]:
    """Return the cubes by name, after checking that they are several."""
    if not isinstance(cubes, Mapping) or hasattr(cubes, "data_vars") or len(cubes) < 2:
        raise ValueError(
            f"cubes={type(cubes).__name__} must be a dict of at least two cubes by name, for "
            "instance {'gru': first, 'rnn': second}."
        )
    read = {}
    for name, source in cubes.items():
        with noted(f"This happened with the cube {name!r}."):
            read[str(name)] = check_claimed(cube_of(source))
    (first, cube), *others = read.items()
    for name, other in others:
        if set(grid_of(other)) != set(grid_of(cube)):
            raise ValueError(
                f"The cube {name!r} has the grid {grid_of(other)}, and {first!r} has "
                f"{grid_of(cube)}; select one value of what the other lacks, "
                "cube.sel(parameter=value)."
            )
        for label in (label for label, each in cube.coords.items() if _is_drawn(each)):
            ours, theirs = xr.align(cube[label], other.get(label, xr.DataArray()), join="inner")
            if not np.array_equal(ours, theirs):
                raise ValueError(
                    f"The configurations of {name!r} and {first!r} were drawn, and have other "
                    f"{label}; draw both from the same param_grid by the same random_state."
                )
    return read


def _is_drawn(coordinate: xr.DataArray) -> bool:
    """Return whether this is a parameter of configurations that were drawn."""
    return coordinate.dims == (CONFIGURATION,) and coordinate.name != CONFIGURATION


def _check_independent(
    names: Sequence[str],
    cubes: Sequence[xr.Dataset],
    runs: Sequence[dict[str, Any]],
    paired: bool,
) -> None:
    """Raise a ValueError if seeds are neither independent nor pairs."""
    recorded = any(run.get("units") is not None for run in runs)
    shared = any(run["shared_data"] for run in runs)
    if not recorded and not shared:
        return
    settings = [
        {key: run.get(key) for key in ("world", "n_sequences", "shared_data", "units")}
        for run in runs
    ]
    found = [name for name, *_ in differing(*settings)]
    if paired and not found:
        return
    what = "are splits of recordings" if recorded else "share their data (shared_data=True)"
    why = "they are not of the same random_state"
    if paired:
        why = f"these are not the same ({', '.join(found)})"
    raise ValueError(
        f"Seeds of {names[0]!r} and {names[1]!r} {what}, and {why}: they are neither pairs nor "
        "independent. Assess both on the same data with the same random_state."
    )


def _aligned(
    names: Sequence[str], cubes: Sequence[xr.Dataset]
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return what claims are about in both cubes, where they have the same labels."""
    first, second = (complete_claims(cube) for cube in cubes)
    first, second = xr.align(first, second, join="inner", exclude=[SEED])
    for dim, size in first.sizes.items():
        if not size:
            ours, theirs = (cube[dim].values.tolist() for cube in cubes)
            raise ValueError(
                f"{names[0]!r} and {names[1]!r} have no {dim} in common: {ours} and {theirs}."
            )
    return first, second.transpose(*first.dims)


def complete_claims(cube: xr.Dataset) -> xr.DataArray:
    """Return what claims are about, NaN where a seed has nothing to say but of a latent."""
    values = cube.claim_difference.drop_vars(
        [name for name in cube.claim_difference.coords if name not in cube.claim_difference.dims]
    )
    latent = values.claim.astype(str).str.startswith("representation")
    return values.where(latent, complete(values))


def _compared(pair: Pair, alpha: float) -> xr.Dataset:
    """Return effects, their difference, its interval and its p-value, along claims and the grid."""
    first, second = pair.first, pair.second
    if pair.paired:
        second = second.assign_coords(seed=first.seed)
        differences = first - second
        # Of a latent, seeds that one of them cannot score are left out of both.
        first, second = first.where(differences.notnull()), second.where(differences.notnull())
        low, high = intervals(differences, 1 - alpha, units=pair.units)
        above, below = (p_values(each, units=pair.units) for each in (differences, -differences))
        p_value = (2 * np.minimum(above, below)).clip(max=1)
    else:
        low, high, p_value = xr.apply_ufunc(
            lambda a, b: _welch(a, b, 1 - alpha),
            first.rename(seed="seed_first"),
            second.rename(seed="seed_second"),
            input_core_dims=[["seed_first"], ["seed_second"]],
            output_core_dims=[[]] * 3,
            vectorize=True,
            output_dtypes=[np.float64] * 3,
        )
    effects = means(first), means(second)
    return xr.Dataset(
        {
            "effect_first": effects[0],
            "effect_second": effects[1],
            "difference": effects[0] - effects[1],
            "ci_low": low,
            "ci_high": high,
            "p_value": p_value,
            "n_first": first.notnull().sum(SEED),
            "n_second": second.notnull().sum(SEED),
            "paired": xr.full_like(low, pair.paired, bool),
        }
    )


def _welch(first: Floats, second: Floats, confidence: float) -> tuple[float, float, float]:
    """Return Welch's interval of the difference of two means, and its p-value."""
    first, second = (each[~np.isnan(each)] for each in (first, second))
    if min(len(first), len(second)) < 2 or not np.isfinite([*first, *second]).all():
        return (np.nan,) * 3
    result = stats.ttest_ind(first, second, equal_var=False)
    low, high = result.confidence_interval(confidence)
    return low, high, result.pvalue


def _frame(
    table: xr.Dataset, grid: Sequence[str], cubes: Mapping[str, xr.Dataset], alpha: float
) -> Table:
    """Return the comparisons as a table that prints itself with its caption."""
    pairs = list(combinations(cubes, 2))
    frame = table.to_dataframe(dim_order=[*grid, "claim", _PAIR])
    # Of pairs that have other claims or configurations there is nothing.
    frame = frame.dropna(subset=["n_first"]).reset_index()
    frame["first"], frame["second"] = zip(*(pairs[i] for i in frame.pop(_PAIR)), strict=True)
    frame = frame.set_index([*grid, "claim", "first", "second"])
    frame = frame.astype({"n_first": int, "n_second": int, "paired": bool})
    order = ["effect_first", "effect_second", "difference", "ci_low", "ci_high", "p_value"]
    found = Table(frame[[*order, "p_value_adjusted", "n_first", "n_second", "paired"]])
    found.attrs["caption"] = _caption(cubes, alpha)
    return found


def _caption(cubes: Mapping[str, xr.Dataset], alpha: float) -> str:
    """Return what the columns are, and whether gains are counted from the same reference."""
    said = [f"{name}: {words}" for name, words in _COLUMNS.items()]
    said.append(f"ci: two-sided interval, of {100 * (1 - alpha):g}%")
    references = {
        name: sorted(set(cube.reference.sel(condition="structured").values.ravel().tolist()))
        for name, cube in cubes.items()
    }
    if len(set(map(tuple, references.values()))) > 1:
        each = ", ".join(f"{name}: {' or '.join(found)}" for name, found in references.items())
        said.append(f"gains are over different references ({each})")
    return f"A row a claim and pair of cubes. {'; '.join(said)}."
