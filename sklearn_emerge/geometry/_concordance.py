"""Whether a measure orders tasks as they emerge."""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, validate_params

from .._random import substream
from .._typing import Floats, RandomState
from ..inference._shares import share_interval
from ._labels import draw_orders, p_value
from ._pairs import order_of, permuted, stacked, tasks_of
from ._shown import WholeTable, table_of

BETWEEN = "between classes"


@validate_params(
    {
        "measure": "no_validation",
        "emergence": "no_validation",
        "late_when": [str],
        "classes": [Mapping, None],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "random_state": "no_validation",
    },
    prefer_skip_nested_validation=True,
)
def concordance(
    measure: xr.DataArray,
    emergence: xr.DataArray,
    *,
    late_when: str,
    classes: Mapping[str, Sequence[str]] | None = None,
    confidence: float = 0.95,
    n_draws: int = 9999,
    random_state: RandomState = 0,
) -> WholeTable:
    r"""Return in what share of pairs of task-levels a measure has the order of emergence.

    .. math:: C = (1 + \tau) / 2

    with Kendall's tau over the pairs of a run, and the mean over runs.

    Parameters
    ----------
    measure : xarray.DataArray
        One number a task-level and run, such as a floor: the dimension ``task``, and maybe level,
        size and seed. A run is a seed of a size.
    emergence : xarray.DataArray
        Updates at which capabilities emerged, with the same dimensions; NaN where never, which is
        later than all others. Pairs of which neither emerged, or both at the same visit, have no
        order and are left out. Pairs that are equal in the measure count half.
    late_when : {"high", "low"}
        The direction, stated beforehand: whether a high or a low measure goes with a late
        emergence. 27% in one direction are 73% in the other.
    classes : mapping of str to sequence of str or None, default=None
        Tasks of each class. Pairs are then those within each, and those between them. None takes
        all tasks for one class, "all".
    confidence : float, default=0.95
        Coverage of the interval over runs, given these tasks. It is between 0 and 1: Wilson's,
        with as many independent task-levels as concordances of runs differ by (Korn and Graubard,
        1998), and with Student's quantile. NaN for one run.
    n_draws : int, default=9999
        Permutations of labels, or all where they are no more.
    random_state : int, Generator or None, default=0
        Source of draws.

    Returns
    -------
    pandas.DataFrame
        By class: ``concordance``, ``low``, ``high``, ``p_value`` and ``n_pairs``. The p-value is
        that of a larger concordance if labels of task-levels mean nothing: those of all classes
        are permuted the same way in all runs, since tasks are as hard in one run as in the next.
        NaN where no pair has an order, with a warning.

    Raises
    ------
    ValueError
        If a dimension is missing, not known or differs, there is one task-level, the measure is
        not finite, nothing emerges, a class has a task that there is not or that is in another
        class, or an argument is out of range.

    Warns
    -----
    UserWarning
        If no pair of a class has an order.

    Notes
    -----
    Pairs of a few tasks are not independent, and neither are runs: a binomial test over them
    rejects up to half of true nulls.

    Examples
    --------
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import concordance
    >>> dims = ("seed", "task")
    >>> floor = xr.DataArray([[2, 3, 5, 8], [2, 4, 6, 7]], dims=dims)
    >>> emergence = xr.DataArray([[100, 300, 200, 900], [100, 200, 400, 800]], dims=dims)
    >>> table = concordance(floor, emergence, late_when="high")
    >>> table.round(3)[["concordance", "p_value", "n_pairs"]].values.tolist()
    [[0.917, 0.083, 12.0]]
    """
    measure, emergence = stacked(measure, emergence, late_when, ())
    d, e = (order_of(_runs(each)) for each in (measure, emergence))
    rows = {}
    for name, mask in _masks(tasks_of(measure), classes).items():
        rng = np.random.default_rng(substream(random_state, "concordance", name))
        members = np.flatnonzero(mask.any(axis=1))
        inside = np.ix_(np.arange(len(d)), members, members)
        rows[name] = _of_pairs(
            d[inside], e[inside] * mask[np.ix_(members, members)], confidence, n_draws, rng
        )
        if not rows[name]["n_pairs"]:
            why, remedy = "it has one task and level", "Take more tasks into it"
            if mask.any():
                why = "none of its pairs has emerged at two visits, or one of it alone, in any run"
                remedy = "Train longer, or visit more often"
            warnings.warn(f"The concordance of {name!r} is NaN: {why}. {remedy}.", stacklevel=3)
    return table_of(rows, "class")


def _runs(values: xr.DataArray) -> Floats:
    """Return values of shape (n_runs, n_task_levels)."""
    values = values.transpose(..., "task_level")
    return values.values.reshape(-1, values.sizes["task_level"])


def _masks(
    tasks: list[object], classes: Mapping[str, Sequence[str]] | None
) -> dict[str, NDArray[np.bool_]]:
    """Return which pairs are of each class, and which are between two."""
    if classes is None:
        return {"all": ~np.eye(len(tasks), dtype=bool)}
    class_of: dict[object, str] = {}
    for name, members in classes.items():
        for task in members:
            if task not in tasks:
                known = ", ".join(dict.fromkeys(map(str, tasks)))
                raise ValueError(f"classes has {task!r} in {name!r}, but tasks are {known}.")
            if task in class_of:
                raise ValueError(f"classes has {task!r} in {class_of[task]!r} and in {name!r}.")
            class_of[task] = name
    names = np.array([class_of.get(task, "") for task in tasks])
    known_pairs = (names[:, np.newaxis] != "") & (names[np.newaxis, :] != "")
    same = names[:, np.newaxis] == names[np.newaxis, :]
    masks = {}
    for name in classes:
        inside = names == name
        masks[name] = np.outer(inside, inside) & ~np.eye(len(tasks), dtype=bool)
    if len(classes) > 1:
        masks[BETWEEN] = known_pairs & ~same
    return masks


def _of_pairs(
    d: Floats, e: Floats, confidence: float, n_draws: int, rng: np.random.Generator
) -> dict[str, float]:
    """Return a row of the table, of orders of shape (n_runs, n_task_levels, n_task_levels)."""
    n_pairs = np.abs(e).sum(axis=(1, 2)) / 2
    some = n_pairs > 0
    if not some.any():
        return dict.fromkeys(("concordance", "low", "high", "p_value"), np.nan) | {"n_pairs": 0}
    d, e = d[some], e[some] / (2 * n_pairs[some])[:, np.newaxis, np.newaxis]
    of_run = (1 + (d * e).sum(axis=(1, 2))) / 2
    low = high = np.nan
    if len(of_run) > 1:
        # Pairs are not independent, but task-levels can be.
        n_units = (np.abs(e).sum(axis=(0, 2)) > 0).sum()
        low, high = share_interval(of_run, n_units=n_units, confidence=confidence)
    orders, _ = draw_orders(e.shape[-1], n_draws, rng)
    null = np.array([(permuted(d, labels) * e).sum() for labels in orders])
    return {
        "concordance": float(of_run.mean()),
        "low": low,
        "high": high,
        "p_value": float(p_value(null)),
        "n_pairs": int(n_pairs.sum()),
    }
