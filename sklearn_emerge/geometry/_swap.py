"""Whether a measure turns where the order of emergence turns from one size to another."""

from itertools import combinations
from numbers import Integral, Real

import numpy as np
import xarray as xr
from sklearn.utils._param_validation import Interval, validate_params

from .._random import substream
from .._typing import Floats, RandomState
from ..inference._shares import share_interval
from ._labels import draw_orders, p_value
from ._pairs import order_of, permuted, stacked
from ._shown import WholeTable, table_of

_NAMES = (
    *("score_each", "low_each", "high_each", "p_each"),
    *("score_both", "low_both", "high_both"),
    *("q", "chance_both"),
)


@validate_params(
    {
        "measure": "no_validation",
        "emergence": "no_validation",
        "late_when": [str],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "random_state": "no_validation",
    },
    prefer_skip_nested_validation=True,
)
def swap_test(
    measure: xr.DataArray,
    emergence: xr.DataArray,
    *,
    late_when: str,
    confidence: float = 0.95,
    n_draws: int = 999,
    random_state: RandomState = 0,
) -> WholeTable:
    r"""Return whether a measure has the order of pairs that emerge in another one at another size.

    Pairs of task-levels whose order of emergence differs between two sizes are scored in two ways,
    whose levels of chance differ:

    - at each size separately: chance is a half;
    - both must be right: chance is q / 2, with q the share of these pairs whose order by the
      measure turns. It is near 0 of a measure that orders pairs alike at all sizes, and 1/4 of
      noise.

    Without equal measures, each = both + (1 - q) / 2: both is beyond its chance by as much as each
    is, so that one p-value is that of either.

    Parameters
    ----------
    measure : xarray.DataArray
        One number a task-level and run: dimensions ``task`` and ``size``, and maybe level and
        seed. Runs of the same seed are compared between sizes.
    emergence : xarray.DataArray
        Updates at which capabilities emerged, with the same dimensions; NaN where never, which is
        later than all. A pair of which neither emerged, or both at the same visit, has no order.
    late_when : {"high", "low"}
        The direction, stated beforehand, see `concordance`.
    confidence : float, default=0.95
        Coverage of the intervals over runs.
    n_draws : int, default=999
        Permutations of labels, or all where they are no more.
    random_state : int, Generator or None, default=0
        Source of draws.

    Returns
    -------
    pandas.DataFrame
        By pair of sizes, and "all" of them: ``n_pairs`` whose order of emergence differs,
        ``score_each`` with ``low_each``, ``high_each`` and ``p_each``, ``score_both`` with
        ``low_both`` and ``high_both``, ``q`` and ``chance_both``. Scores and q are means over runs
        that have such pairs, and their intervals Wilson's over these runs, as those of
        `concordance`; NaN with one run. An order that is equal in the measure counts half at a
        size. `p_each` is that of a larger score if labels of task-levels mean nothing, permuted
        the same way in all runs. NaN where there are no such pairs.

    Notes
    -----
    In simulations of 3, 5 and 10 runs, two sizes of 8 or four of 24 task-levels, with and without
    a relation, 95% intervals held the score of 300 runs of the same tasks in 98 to 100%.

    Raises
    ------
    ValueError
        If a dimension is missing, not known or differs, there is one size or one task-level, the
        measure is not finite, nothing emerges, or an argument is out of range.

    Examples
    --------
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import swap_test
    >>> dims, coords = ("size", "task"), {"size": ["2x64", "2x128"], "task": ["COPY", "ADD", "MOD"]}
    >>> emergence = xr.DataArray([[100, 300, 200], [100, 200, 300]], dims=dims, coords=coords)
    >>> floor = xr.DataArray([[2, 5, 4], [2, 5, 4]], dims=dims, coords=coords)
    >>> table = swap_test(floor, emergence, late_when="high")
    >>> table.loc["all", ["n_pairs", "score_each", "score_both", "q", "chance_both"]].tolist()
    [1.0, 0.5, 0.0, 0.0, 0.0]
    """
    measure, emergence = stacked(measure, emergence, late_when, ("size",))
    if measure.sizes["size"] < 2:
        raise ValueError("measure has one size, and a swap is between two; train another.")
    sizes = list(measure["size"].values.tolist())
    if "seed" not in measure.dims:
        measure, emergence = measure.expand_dims("seed"), emergence.expand_dims("seed")
    d, e = (
        order_of(a.transpose("size", "seed", "task_level").values) for a in (measure, emergence)
    )
    rng = np.random.default_rng(substream(random_state, "swap_test"))
    orders, _ = draw_orders(d.shape[-1], n_draws, rng)
    pairs = list(combinations(range(len(sizes)), 2))
    # A pair of task-levels is there twice; one of the two is enough.
    swapped = np.stack([np.triu(e[a] * e[b] < 0) for a, b in pairs])
    n_pairs = swapped.sum(axis=(2, 3))
    either = swapped | swapped.swapaxes(2, 3)
    n_units = either.any(axis=(1, 3)).sum(axis=1)
    scores = np.empty((len(orders), *n_pairs.shape, 3))
    for k, labels in enumerate(orders):
        by_measure = permuted(d, labels)
        for j, (a, b) in enumerate(pairs):
            scores[k, j] = _scores(by_measure[a], by_measure[b], e[a], e[b], swapped[j])
    rows = {
        f"{sizes[a]}, {sizes[b]}": _row(scores[:, j], n_pairs[j], int(n_units[j]), confidence)
        for j, (a, b) in enumerate(pairs)
    }
    n_all = int(either.any(axis=(0, 1, 3)).sum())
    rows["all"] = _row(scores.sum(axis=1), n_pairs.sum(axis=0), n_all, confidence)
    return table_of(rows, "sizes")


def _scores(d_a: Floats, d_b: Floats, e_a: Floats, e_b: Floats, swapped: Floats) -> Floats:
    """Return what each run has of swapped pairs of two sizes: right at each, at both, turned."""
    right_a, right_b = (1 + d_a * e_a) / 2, (1 + d_b * e_b) / 2
    found = [(right_a + right_b) / 2, (right_a == 1) & (right_b == 1), d_a * d_b < 0]
    return np.stack([(each * swapped).sum(axis=(1, 2)) for each in found], axis=-1)


def _row(scores: Floats, n_pairs: Floats, n_units: int, confidence: float) -> dict[str, float]:
    """Return a row of the table, of sums by permutation, the first of which is none, and run."""
    some = n_pairs > 0
    if not some.any():
        return {"n_pairs": 0} | dict.fromkeys(_NAMES, np.nan)
    shares = scores[:, some] / n_pairs[some][:, np.newaxis]
    means = shares.mean(axis=1)
    row = {"n_pairs": int(n_pairs.sum())} | dict.fromkeys(_NAMES, np.nan)
    row["p_each"] = float(p_value(means[:, 0]))
    for i, name in enumerate(("each", "both")):
        row[f"score_{name}"] = float(means[0, i])
        if some.sum() > 1:
            # Pairs are not independent, but task-levels can be.
            row[f"low_{name}"], row[f"high_{name}"] = share_interval(
                shares[0, :, i], n_units=n_units, confidence=confidence
            )
    return row | {"q": float(means[0, 2]), "chance_both": float(means[0, 2]) / 2}
