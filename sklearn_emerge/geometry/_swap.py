"""Whether a measure turns where the order of emergence turns from one size to another."""

from itertools import combinations
from numbers import Integral
from typing import NamedTuple

import numpy as np
import xarray as xr
from sklearn.utils._param_validation import Interval, validate_params

from .._random import substream
from .._typing import Floats, RandomState
from ._labels import draw_orders, p_value
from ._pairs import order_of, permuted, stacked
from ._shown import WholeTable, table_of


class Scores(NamedTuple):
    """Sums over pairs: right at each size (the mean of both), right at both, turned."""

    each: float
    both: float
    turned: float


@validate_params(
    {
        "measure": "no_validation",
        "emergence": "no_validation",
        "late_when": [str],
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
    n_draws: int = 999,
    random_state: RandomState = 0,
) -> WholeTable:
    r"""Return whether a measure has the order of pairs that emerge in another one at another size.

    Pairs of task-levels whose order of emergence differs between two sizes are scored in two ways,
    whose levels of chance differ:

    - at each size separately: chance is a half;
    - both must be right: chance is q / 2, with q the share of these pairs whose order by the
      measure turns. It is near 0 of a measure that does not depend on size, and 1/4 of noise.

    Without equal measures, each = both + (1 - q) / 2.

    Parameters
    ----------
    measure : xarray.DataArray
        One number a task-level and run: dimensions ``task`` and ``size``, and maybe level and
        seed. Runs of the same seed are compared between sizes.
    emergence : xarray.DataArray
        Updates at which capabilities emerged, with the same dimensions; NaN where never. A pair
        of which neither emerged, or both at the same visit, has no order.
    late_when : {"high", "low"}
        The direction, stated beforehand, see `concordance`.
    n_draws : int, default=999
        Permutations of labels, or all where they are no more.
    random_state : int, Generator or None, default=0
        Source of draws.

    Returns
    -------
    pandas.DataFrame
        By pair of sizes, and "all" of them: ``n_pairs`` whose order of emergence differs,
        ``score_each`` and its ``p_each``, ``score_both`` and its ``p_both``, ``q`` and
        ``chance_both``. An order that is equal in the measure counts half at a size. P-values are
        those of larger scores if labels of task-levels mean nothing, permuted the same way in all
        runs. NaN where there are no such pairs.

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
    n_pairs = swapped.sum(axis=(1, 2, 3))
    scores = np.empty((len(orders), len(pairs), 3))
    for k, labels in enumerate(orders):
        by_measure = permuted(d, labels)
        for j, (a, b) in enumerate(pairs):
            scores[k, j] = _scores(by_measure[a], by_measure[b], e[a], e[b], swapped[j])
    rows = {
        f"{sizes[a]}, {sizes[b]}": _row(scores[:, j], n_pairs[j]) for j, (a, b) in enumerate(pairs)
    }
    rows["all"] = _row(scores.sum(axis=1), n_pairs.sum())
    return table_of(rows, "sizes")


def _scores(d_a: Floats, d_b: Floats, e_a: Floats, e_b: Floats, swapped: Floats) -> Scores:
    """Return sums over swapped pairs of one pair of sizes."""
    right_a, right_b = (1 + d_a * e_a) / 2, (1 + d_b * e_b) / 2
    return Scores(
        each=float(((right_a + right_b) / 2)[swapped].sum()),
        both=float(((right_a == 1) & (right_b == 1))[swapped].sum()),
        turned=float((d_a * d_b < 0)[swapped].sum()),
    )


def _row(scores: Floats, n_pairs: int) -> dict[str, float]:
    """Return a row of the table, of sums by permutation, the first of which is none."""
    names = ("score_each", "p_each", "score_both", "p_both", "q", "chance_both")
    if n_pairs == 0:
        return {"n_pairs": 0} | dict.fromkeys(names, np.nan)
    each, both, turned = scores[0] / n_pairs
    p_each, p_both = (float(p_value(scores[:, i])) for i in (0, 1))
    found = (each, p_each, both, p_both, turned, turned / 2)
    return {"n_pairs": int(n_pairs)} | {k: float(v) for k, v in zip(names, found, strict=True)}
