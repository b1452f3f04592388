"""Inference along the dimension ``seed`` of labelled arrays, whatever their other dimensions are.

NaN is a seed without a value, and is left out; see `complete`. Where fewer than two values are
left, or one is infinite, the result is NaN.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .._typing import Floats
from ._bounds import bounds_along, sign_flip_bounds
from ._intervals import bootstrap_interval, student_ends
from ._multiplicity import adjust_p_values
from ._power import find_seeds, spread_of
from ._resampled import corrected_resampled_interval, corrected_resampled_test
from ._shares import share_interval
from ._sign_flips import MAX_AUTO, exact_p_values, sign_flip_test

SEED = "seed"
# A fixed stream: the same cube gives the same verdict.
_FIXED: dict[str, Any] = {"random_state": 0}
# Intervals of means of rows by name, for a confidence.
INTERVALS: dict[str, Callable[[float], Callable[[Floats], Floats]]] = {
    "student": lambda confidence: lambda rows: student_ends(rows, confidence),
    "bootstrap": lambda confidence: _each(
        lambda each: bootstrap_interval(each, confidence=confidence, **_FIXED)
    ),
}
# Takes rows with as many values each, and returns a number a row, or several such arrays.
OfRows = Callable[[Floats], Any]
# Patterns of signs that are held at once.
_BATCH = 2**20


def complete(values: xr.DataArray) -> xr.DataArray:
    """Return values where each seed has a finite one, and NaN elsewhere."""
    return values.where(np.isfinite(values).all(SEED))


def means(values: xr.DataArray) -> xr.DataArray:
    """Return means over seeds, which one value is enough for."""
    return _along_seeds(lambda rows: rows.mean(axis=1), values, at_least=1)


def intervals(
    values: xr.DataArray,
    confidence: float,
    kind: str = "student",
    units: tuple[int, int] | None = None,
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the ends of the interval of the mean.

    Parameters
    ----------
    values : xarray.DataArray with a dimension seed
        Differences.
    confidence : float
        Coverage of both ends together.
    kind : {"student", "bootstrap"}, default="student"
        Interval for independent seeds.
    units : (int, int) or None, default=None
        Recordings that each seed trains on and holds out, which take the corrected interval; None
        if seeds are independent.

    Returns
    -------
    low, high : xarray.DataArray
    """
    if units is not None:
        n_train, n_test = units
        function = _each(
            lambda each: corrected_resampled_interval(each, n_train, n_test, confidence=confidence)
        )
    else:
        function = INTERVALS[kind](confidence)
    return _along_seeds(function, values, n_results=2)


def share_intervals(
    shares: xr.DataArray, n_units: int, confidence: float
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the ends of the interval of a mean share, see `share_interval`."""
    return _along_seeds(
        _each(lambda each: share_interval(each, n_units=n_units, confidence=confidence)),
        shares,
        n_results=2,
    )


def bounds(
    values: xr.DataArray,
    confidence: float,
    n_flips: int | None = None,
    units: tuple[int, int] | None = None,
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the lower and upper bound of the centre, with a confidence of each on its own.

    Parameters
    ----------
    values, units
        As in `intervals`.
    confidence : float
        Coverage of a bound.
    n_flips : int or None, default=None
        As in `p_values`.

    Returns
    -------
    low, high : xarray.DataArray
    """
    if units is not None:
        # At a level of a half, both bounds are the mean.
        return intervals(values, max(2 * confidence - 1, np.finfo(float).eps), units=units)
    draws = _FIXED if n_flips is None else _FIXED | {"n_draws": n_flips}

    def of_rows(rows: Floats) -> Floats:
        if rows.shape[1] <= MAX_AUTO:
            return bounds_along(rows, confidence)
        return _each(lambda each: sign_flip_bounds(each, confidence=confidence, **draws))(rows)

    return _along_seeds(of_rows, values, n_results=2)


def p_values(
    values: xr.DataArray, n_flips: int | None = None, units: tuple[int, int] | None = None
) -> xr.DataArray:
    """Return the p-values of means above zero.

    Parameters
    ----------
    values, units
        As in `intervals`.
    n_flips : int or None, default=None
        Patterns of signs that are drawn at random; None enumerates all where that is possible.

    Returns
    -------
    xarray.DataArray
    """
    return _along_seeds(_p_values_of_rows(n_flips, units), values)


def _p_values_of_rows(n_flips: int | None, units: tuple[int, int] | None) -> OfRows:
    """Return what `p_values` asks about rows."""
    if units is not None:
        return _each(lambda each: corrected_resampled_test(each, *units).pvalue)
    draws: dict[str, Any] = {} if n_flips is None else {"method": "monte-carlo", "n_draws": n_flips}

    def of_rows(rows: Floats) -> Floats:
        if n_flips is None and rows.shape[1] <= MAX_AUTO:
            return exact_p_values(rows, np.abs(rows).max(axis=1))
        return _each(lambda each: sign_flip_test(each, **_FIXED, **draws).pvalue)(rows)

    return of_rows


def least_certain(
    differences: Mapping[str, xr.DataArray],
    n_flips: int | None = None,
    units: tuple[int, int] | None = None,
) -> xr.DataArray:
    """Return the number of the difference that is least certain to be above zero.

    It is the one with the largest p-value; of those that are more likely below zero the one that is
    most certain to be, and of several with the same p-values that with the least mean.

    Parameters
    ----------
    differences : mapping of str to DataArray
        By name, all with the same dimensions.
    n_flips, units
        As in `p_values`.
    """
    return _of_all(partial(_least_certain, n_flips=n_flips, units=units), differences, [])


def least_of(
    differences: Mapping[str, xr.DataArray],
    margin: float = 0.0,
    n_flips: int | None = None,
    units: tuple[int, int] | None = None,
) -> xr.DataArray:
    """Return that of `least_certain` above a margin, one value a seed; NaN where one of them is.

    All have to be above the margin, each at the level of the test: where the least certain one is,
    all are. The least of them in each seed would be below it by chance, where all are a little
    above.
    """

    def values(together: Floats) -> Floats:
        # Of the same seeds: one that is certain in more of them may not be so in those that are
        # left.
        together = np.where(np.isnan(together).any(axis=0), np.nan, together)
        least = _least_certain(together - margin, n_flips, units)
        return np.take_along_axis(together, least[np.newaxis, ..., np.newaxis], axis=0)[0]

    return _of_all(values, differences, [SEED])


def _of_all(
    function: Callable[..., Any], differences: Mapping[str, xr.DataArray], dims: Sequence[str]
) -> xr.DataArray:
    """Return what a function says of all differences (n_differences, ..., n_seeds)."""
    return xr.apply_ufunc(
        lambda *each: function(np.stack(np.broadcast_arrays(*each))),
        *differences.values(),
        input_core_dims=[[SEED]] * len(differences),
        output_core_dims=[dims],
        join="exact",
    )


def _least_certain(
    together: Floats, n_flips: int | None, units: tuple[int, int] | None
) -> NDArray[np.integer]:
    """Return `least_certain` of differences (n_differences, ..., n_seeds)."""
    p_values = partial(_of_seeds, _p_values_of_rows(n_flips, units))
    above, below = (np.nan_to_num(p_values(each), nan=1.0) for each in (together, -together))
    above = above.clip(max=0.5)
    below = np.where(above == above.max(axis=0), below, np.inf)
    known = ~np.isnan(together)
    # Of values that are infinite on both sides there is no mean.
    with np.errstate(invalid="ignore"):
        means = np.where(known, together, 0.0).sum(axis=-1) / known.sum(axis=-1)
    least = (below == below.min(axis=0)) & ~np.isnan(means)
    return np.where(least, means, np.inf).argmin(axis=0)


def adjust(p_values: xr.DataArray, correction: str | None, family: Sequence[str]) -> xr.DataArray:
    """Return p-values adjusted over the dimensions of a family, for all others on their own."""
    adjusted = xr.apply_ufunc(
        lambda each: adjust_p_values(each, correction),
        p_values,
        input_core_dims=[family],
        output_core_dims=[family],
        vectorize=True,
        output_dtypes=[np.float64],
    )
    return adjusted.transpose(*p_values.dims)


def seeds_to_find(
    values: xr.DataArray, alpha: float, n_tests: int, correction: str | None
) -> xr.DataArray:
    """Return how many seeds find a mean of this size, see `required_seeds`.

    NaN where a seed has no finite value, the mean is not positive, or the values are all the same,
    which does not say how seeds differ.
    """
    if values.sizes[SEED] == 1:
        return xr.full_like(values.isel({SEED: 0}, drop=True), np.nan)

    def needed(values: Floats) -> Floats:
        effect, spread = values.mean(axis=-1), spread_of(values)
        unclear = (effect > 0) & (spread > 0)
        found = np.full(effect.shape, np.nan)
        found[unclear] = find_seeds(effect[unclear] / spread[unclear], alpha, n_tests, correction)
        return found

    return xr.apply_ufunc(needed, complete(values), input_core_dims=[[SEED]])


def _along_seeds(
    function: OfRows, values: xr.DataArray, n_results: int = 1, at_least: int = 2
) -> Any:
    """Return what a function says of the values of all seeds, at each place.

    The function takes rows with as many values each, and returns an array (of `n_results`, if there
    are several) of a number a row.
    """
    return xr.apply_ufunc(
        lambda values: _of_seeds(function, values, n_results, at_least),
        values,
        input_core_dims=[[SEED]],
        output_core_dims=[[]] * n_results,
    )


def _of_seeds(function: OfRows, values: Floats, n_results: int = 1, at_least: int = 2) -> Any:
    """Return the same of an array whose last axis is that of seeds."""
    rows = values.reshape(-1, values.shape[-1])
    found = np.full((n_results, len(rows)), np.nan)
    known = ~np.isnan(rows)
    counts = np.where(np.isinf(rows).any(axis=1), 0, known.sum(axis=1))
    for n in np.unique(counts[counts >= at_least]):
        (places,) = np.nonzero(counts == n)
        # Patterns of signs are many: not those of all rows at once.
        size = max(1, _BATCH >> min(n, MAX_AUTO))
        for start in range(0, len(places), size):
            here = places[start : start + size]
            found[:, here] = function(rows[here][known[here]].reshape(-1, n))
    results = found.reshape(n_results, *values.shape[:-1])
    return results[0] if n_results == 1 else tuple(results)


def _each(function: Callable[[Floats], Any]) -> Callable[[Floats], Floats]:
    """Return a function of rows that asks one of a single row about each."""
    return lambda rows: np.array([function(row) for row in rows], float).T
