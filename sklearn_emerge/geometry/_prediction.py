"""Whether a measure foretells when a task emerges, beyond the loss that is known by then."""

from itertools import product
from math import factorial
from numbers import Integral, Real

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, validate_params

from .._random import substream
from .._typing import Floats, RandomState
from .._validation import as_numbers
from ..inference import student_interval
from ._labels import (
    RUNS,
    TASK_LEVELS,
    aligned,
    check_labelled,
    check_only,
    check_steps,
    draw_orders,
    p_value,
    stack,
)
from ._shown import WholeTable, table_of

# Of which all but one tell how much a measure and an event go together.
_FEWEST_SEEDS = 3
# A measure that differs from a multiple of the loss by less than that is the loss.
_ROUNDING = 1e-9


@validate_params(
    {
        "measure": "no_validation",
        "nll": "no_validation",
        "emergence": "no_validation",
        "at": "no_validation",
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "random_state": "no_validation",
    },
    prefer_skip_nested_validation=True,
)
def prediction_beyond_loss(
    measure: xr.DataArray,
    nll: xr.DataArray,
    emergence: xr.DataArray,
    *,
    at: ArrayLike,
    confidence: float = 0.95,
    n_draws: int = 9999,
    random_state: RandomState = 0,
) -> WholeTable:
    r"""Return how well a measure at an update predicts emergence in other runs, beyond the loss.

    The loss of the answers of a task falls before the task emerges, and costs nothing. A measure
    is worth its price if it predicts what the loss at the same update does not. Three predictions
    of the emergence e of a task-level k in a run r are compared, each of which is fitted to the
    other runs:

    .. math::

        \text{mean:}\quad & \ln \hat e_{kr} = \mu_k \\
        \text{nll:}\quad & \ln \hat e_{kr} = \mu_k + b\,(\ell_{kr} - \bar\ell_k) \\
        \text{both:}\quad & \ln \hat e_{kr} = \mu_k + b\,(\ell_{kr} - \bar\ell_k)
        + c\,(m_{kr} - \bar m_k)

    with the loss :math:`\ell` and the measure m at the update, means over the other runs of the
    size, and slopes that all task-levels and sizes share.

    Parameters
    ----------
    measure : xarray.DataArray
        A measure at visits: dimensions ``step``, ``task`` and ``seed``, and maybe level and size.
        Of one that is positive take logarithms.
    nll : xarray.DataArray
        Loss of the answers, with the same dimensions, as "nll" of `answer_scores`. It may have
        other visits.
    emergence : xarray.DataArray
        Updates at which capabilities emerged, as `emergence_step` returns them, with the same
        dimensions but step; NaN where never.
    at : int or array-like of int
        Updates at which the measure is looked at, which both have visited.
    confidence : float, default=0.95
        Coverage of the interval over runs.
    n_draws : int, default=9999
        Permutations of runs, or all where they are no more.
    random_state : int, Generator or None, default=0
        Source of draws.

    Returns
    -------
    pandas.DataFrame
        By update:

        - ``error_mean``, ``error_nll``, ``error_both``: mean squared error of ln e of each of the
          three in the run that is left out, in squared natural logarithms;
        - ``r2_nll``, ``r2_both``: 1 - error / ``error_mean``, below 0 where the mean is better;
        - ``gain``: ``error_nll`` - ``error_both``, with ``low`` and ``high``, Student's interval
          over runs, and the ``p_value`` of a larger gain if the measure says nothing beyond the
          loss;
        - ``n_runs``, and ``n_task_levels`` that are predicted, summed over sizes;
        - ``n_censored``: task-levels of a run among these that did not emerge until the last
          visit;
        - ``n_emerged``, ``n_never``: task-levels of a size that are left out.

    Raises
    ------
    ValueError
        If a dimension is missing, not known or differs, there are fewer than three seeds, `at` is
        no visit of both, a value that is needed is not finite, an event is after the last visit of
        the loss, no task-level can be predicted, or an argument is out of range.

    See Also
    --------
    precursor_test : Whether a measure departs early, and with its task.

    Notes
    -----
    Task-levels are compared with themselves in other runs. That some tasks emerge late and have a
    high measure in all runs is no prediction here, since the mean over other runs knows it; see
    `concordance` for that.

    *Censored* task-levels, which emerge in some runs only, count at the last visit of the loss
    where they do not. So errors are those of ln min(e, last visit). A task-level that emerges in no
    run has nothing to predict, and is left out. So is one that has emerged by `at` in any run,
    since what has happened is not predicted; it is left out in all runs of the size, so that runs
    stay alike.

    The p-value permutes whole runs of what the loss does not explain of the measure, within each
    size, and predicts again (Smith's method, see Winkler et al., *NeuroImage* 92, 2014). It is
    approximate, and at least 1 / seeds! of one size. A gain is negative on average where there is
    nothing to be gained, since a slope has to be fitted, so that flips of its sign would find
    little. Rejections at .05 of normal events (1,000 simulations each), which half of the loss
    predicts, with as much noise:

    ==========================================  ====  ====  ====  ====  ====  ====
    seeds                                          4     4     5     5     6     6
    task-levels                                   12    24    12    24    12    24
    ==========================================  ====  ====  ====  ====  ====  ====
    the measure is half the loss, and noise      .03   .05   .05   .04   .05   .05
    runs differ in loss, measure and emergence   .04   .06   .07   .06   .06   .06
    e depends on half that noise, too            .55   .88   .82   .98   .93  1.00
    both of the last                             .33   .41   .45   .52   .50   .57
    ==========================================  ====  ====  ====  ====  ====  ====

    The interval is too narrow, since predictions of different runs are fitted to mostly the same
    others: at .95 it covers the mean gain in .76 to .88 of these simulations with 4 seeds, and in
    .84 to .95 with 6. p-values of several updates are not adjusted; see `adjust_p_values`.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import prediction_beyond_loss
    >>> rng = np.random.default_rng(0)
    >>> dims, steps = ("step", "task", "seed"), 100 * np.arange(41)
    >>> rankme, nll = (xr.DataArray(rng.normal(size=(41, 8, 5)), {"step": steps}, dims)
    ...                for _ in range(2))
    >>> ln_e = np.log(1000) + 0.2 * (nll + rankme).sel(step=100, drop=True)
    >>> emergence = 100 * np.ceil(np.exp(ln_e) / 100)
    >>> table = prediction_beyond_loss(rankme, nll, emergence, at=[100, 200])
    >>> table[["r2_nll", "r2_both", "p_value"]].round(2).values.tolist()
    [[0.62, 0.99, 0.01], [-0.07, -0.16, 0.72]]
    """
    visits = _common_visits(measure, nll, at)
    last = float(nll.dropna("step", how="all").step.max()) if nll.notnull().any() else 0.0
    _check_events(emergence, last)
    rows = {}
    for step in visits:
        rng = np.random.default_rng(substream(random_state, "prediction_beyond_loss"))
        m, ell = (each.sel(step=step, drop=True) for each in (measure, nll))
        arrays = aligned({"measure": m, "nll": ell}, emergence)
        m, ell, e = (stack(each)[0] for each in (*arrays.values(), emergence))
        rows[step] = _row(m, ell, e, step, last, confidence, n_draws, rng)
    return table_of(rows, "step")


def _common_visits(measure: xr.DataArray, nll: xr.DataArray, at: ArrayLike) -> list[float]:
    """Return updates to look at, or raise a ValueError where one is no visit of both."""
    for name, each in (("measure", measure), ("nll", nll)):
        check_labelled(each, name, ["step", "task", "seed"])
        check_only(each, name, ("step", *TASK_LEVELS, *RUNS))
        if name == "nll" or each.sizes["step"] != 1:
            check_steps(each.step.values, f"step of {name}")
    wanted = np.atleast_1d(as_numbers(at, "at"))
    for name, each in (("measure", measure), ("nll", nll)):
        other = np.setdiff1d(wanted, each.step.values)
        if other.size or wanted.ndim > 1 or not wanted.size:
            known = ", ".join(f"{step:g}" for step in each.step.values)
            raise ValueError(
                f"at={at!r} must be updates at which {name} was recorded; choose from {known}."
            )
    return [each.item() for each in measure.step.sel(step=wanted).values]


def _check_events(emergence: xr.DataArray, last: float) -> None:
    """Raise a ValueError unless emergences can be predicted."""
    check_labelled(emergence, "emergence", ["task", "seed"])
    check_only(emergence, "emergence", (*TASK_LEVELS, *RUNS))
    if emergence.sizes["seed"] < _FEWEST_SEEDS:
        raise ValueError(
            f"emergence has {emergence.sizes['seed']} seed(s), and predictions of a run that are "
            f"fitted to others need at least {_FEWEST_SEEDS}, better 5; train more with n_seeds."
        )
    latest = float(emergence.max())
    if latest > last:
        raise ValueError(
            f"emergence has an event at {latest:g}, after the last visit of nll at {last:g}; take "
            "both from one cube."
        )


def _row(
    m: Floats,
    ell: Floats,
    e: Floats,
    step: float,
    last: float,
    confidence: float,
    n_draws: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return a row of the table, of arrays of shape (n_sizes, n_tasks, n_levels, n_seeds)."""
    emerged = (e <= step).any(axis=-1)
    never = np.isnan(e).all(axis=-1)
    kept = np.logical_not(emerged | never)
    if not kept.any():
        raise ValueError(
            f"emergence has no event to predict at {step:g}: {emerged.sum()} task-levels have "
            f"emerged by then in some run, and {never.sum()} never do. Pass another update as at."
        )
    for name, each in (("measure", m), ("nll", ell)):
        n_missing = int((~np.isfinite(each[kept])).sum())
        if n_missing:
            raise ValueError(
                f"{name} is not finite at {n_missing} of {each[kept].size} places at {step:g}; "
                "leave out runs or task-levels that have none, or pass another update as at."
            )
    logs = np.log(np.where(np.isnan(e), last, e))
    loss, what, event = (_by_run(each, kept) for each in (ell, m, logs))
    n_sizes, n_seeds = len(e), e.shape[-1]
    orders = _orders_within(n_sizes, n_seeds, n_draws, rng)
    errors = _errors(loss, what, event, orders, n_seeds)
    # Of runs of sizes that predict something.
    used = np.repeat(kept.reshape(n_sizes, -1).sum(axis=1), n_seeds)
    of_mean, of_nll, of_both = (each[..., used > 0] for each in errors)
    gains = of_nll - of_both
    by_run = gains[0] / used[used > 0]
    low, high = student_interval(by_run, confidence=confidence)
    n_pairs = int(used.sum())
    mean, alone, both = (each[0].sum() / n_pairs for each in (of_mean, of_nll, of_both))
    return {
        "error_mean": mean,
        "error_nll": alone,
        "error_both": both,
        "r2_nll": 1 - alone / mean if mean > 0 else np.nan,
        "r2_both": 1 - both / mean if mean > 0 else np.nan,
        "gain": alone - both,
        "low": low,
        "high": high,
        "p_value": float(p_value(gains.sum(axis=-1))),
        "n_runs": int((used > 0).sum()),
        "n_task_levels": int(kept.sum()),
        "n_censored": int(np.isnan(e[kept]).sum()),
        "n_emerged": int(emerged.sum()),
        "n_never": int((never & ~emerged).sum()),
    }


def _by_run(values: Floats, kept: NDArray[np.bool_]) -> Floats:
    """Return deviations from means over the runs of a size, a row a run and a column a task-level.

    Task-levels of other sizes, and those that are left out, are zero.
    """
    n_sizes, n_seeds = len(values), values.shape[-1]
    deviations = np.zeros(values.shape)
    deviations[kept] = values[kept] - values[kept].mean(axis=-1, keepdims=True)
    rows = np.zeros((n_sizes, n_seeds, n_sizes, kept[0].size))
    for size, each in enumerate(deviations):
        rows[size, :, size] = each.reshape(-1, n_seeds).T
    return rows.reshape(n_sizes * n_seeds, -1)


def _orders_within(
    n_sizes: int, n_seeds: int, n_draws: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return permutations of runs within sizes; the first changes nothing."""
    firsts = n_seeds * np.arange(n_sizes)
    if factorial(n_seeds) ** n_sizes <= n_draws:
        each, _ = draw_orders(n_seeds, n_draws, rng)
        return np.array([np.concatenate(order) for order in product(*(each + f for f in firsts))])
    runs = (np.arange(n_seeds) + firsts[:, np.newaxis])[np.newaxis]
    drawn = rng.permuted(np.tile(runs, (n_draws, 1, 1)), axis=2)
    return np.concatenate([runs, drawn]).reshape(1 + n_draws, -1)


def _errors(
    loss: Floats, what: Floats, event: Floats, orders: NDArray[np.int64], n_seeds: int
) -> tuple[Floats, Floats, Floats]:
    """Return summed squared errors of the three predictions of each run from the others.

    Parameters
    ----------
    loss, what, event : ndarray of shape (n_runs, n_task_levels)
        What `_by_run` returns, of the loss, the measure and the logarithm of the emergence.
    orders : ndarray of int of shape (n_orders, n_runs)
        Runs whose measure takes the place of that of each run.
    n_seeds : int
        Runs of a size.

    Returns
    -------
    of_mean, of_nll, of_both : ndarray of shape (n_orders, n_runs)
    """
    # What the loss does not explain of the measure; with the loss it predicts the same.
    size = (what**2).sum()
    square = (loss**2).sum()
    what = what - (what * loss).sum() / square * loss if square > 0 else what
    runs = np.arange(len(loss))
    ee, el, ll = ((a * b).sum(axis=1) for a, b in ((event, event), (event, loss), (loss, loss)))
    em, lm = ((what @ each.T)[orders, runs] for each in (event, loss))
    mm = (what**2).sum(axis=1)[orders]
    # Deviations from means without a run are so many times those from means with it.
    more = n_seeds / (n_seeds - 1)

    def of_others(products: Floats) -> Floats:
        """Return sums of products of deviations over the runs that are not left out."""
        return products.sum(axis=-1, keepdims=True) - more * products

    from_loss = _ratio(of_others(el), of_others(ll), ll.sum())
    # The measure without the loss, among the other runs.
    share = _ratio(of_others(lm), of_others(ll), ll.sum())
    rest = of_others(mm) - share * of_others(lm)
    slope = _ratio(of_others(em) - share * of_others(el), rest, size)
    b, c = from_loss - slope * share, slope
    of_nll = ee - 2 * from_loss * el + from_loss**2 * ll
    of_both = ee - 2 * b * el - 2 * c * em + b**2 * ll + 2 * b * c * lm + c**2 * mm
    shape = orders.shape
    errors = [more**2 * np.broadcast_to(each, shape) for each in (ee, of_nll, of_both)]
    return errors[0], errors[1], errors[2]


def _ratio(top: Floats, bottom: Floats, scale: float) -> Floats:
    """Return slopes; zero where there is nothing but rounding to take one from."""
    some = bottom > _ROUNDING * scale
    return np.divide(top, bottom, out=np.zeros(np.broadcast(top, bottom).shape), where=some)
