"""Whether a measure is a precursor of capabilities, or only early."""

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from scipy import special
from sklearn.utils._param_validation import Interval, validate_params

from .._random import substream
from .._typing import Floats, RandomState
from ..inference import check_correction, sign_flip_test, student_interval
from ._coupling import (
    correlation,
    coupling_p_value,
    jackknife_interval,
    ranks_of_runs,
    specificity,
    specificity_p_value,
)
from ._labels import (
    RUNS,
    TASK_LEVELS,
    aligned,
    as_mapping,
    check_labelled,
    check_only,
    check_seeds,
    check_steps,
    positions,
    stack,
)
from ._leads import compare_events
from ._shown import WholeTable
from ._verdict import Events, all_equal, verdicts_on


class PrecursorResult(NamedTuple):
    """Answers, one a row, and the verdict on each measure."""

    answers: WholeTable
    verdicts: WholeTable

    def __repr__(self) -> str:
        """Return both tables as text of 80 columns."""
        return f"{self.answers}\n\n{self.verdicts}"


@validate_params(
    {
        "departure": "no_validation",
        "emergence": "no_validation",
        "steps": "no_validation",
        "null_departure": "no_validation",
        "n_intervals": [Interval(Integral, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "correction": [str, None],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "random_state": "no_validation",
    },
    prefer_skip_nested_validation=True,
)
def precursor_test(
    departure: xr.DataArray | Mapping[str, xr.DataArray],
    emergence: xr.DataArray | Mapping[str, xr.DataArray],
    steps: ArrayLike,
    *,
    null_departure: xr.DataArray | Mapping[str, xr.DataArray] | None = None,
    n_intervals: int = 1,
    alpha: float = 0.05,
    correction: str | None = "holm",
    n_draws: int = 9999,
    random_state: RandomState = 0,
) -> PrecursorResult:
    r"""Test whether a measure is a precursor of capabilities, by four answers.

    1. *order*: is the mean of ln (emergence / departure) over the task-levels of a run above zero?
       Student over runs, two-sided; of runs that are all equal, by flipping signs. Events within
       `n_intervals` count as zero.
    2. *null world*: does the measure depart earlier than in a world in which nothing can emerge, or
       is that the start of any training? The mean of ln (departure there / departure here) of a
       run, by flipping signs over runs that have the same seed, one-sided.
    3. *coupling*: do runs in which the measure of a task departs late see that task emerge late?

       .. math:: T = \sum_{\text{size, task-level, seed}} z^d z^e,

       with z the ranks over seeds within a size and a task-level, standardised, without the mean of
       each run, by permuting whole runs of d against e within each size, one-sided.
    4. *specificity*: is T of the own task above that of measures of other tasks? By permuting task
       labels, the same way in all runs, one-sided.

    Parameters
    ----------
    departure : xarray.DataArray or mapping of str to DataArray
        Updates at which measures departed, by name, as `departure_step` returns them: dimensions
        ``task`` and ``seed``, and mostly level and size. NaN is a measure that did not depart
        until the last visit; leave out runs that failed.
    emergence : xarray.DataArray or mapping of str to DataArray
        Updates at which capabilities emerged, by behaviour, such as exact match and gain. An answer
        has to hold for all of them.
    steps : array-like of shape (n_visits,)
        Updates of the visits at which all were recorded.
    null_departure : xarray.DataArray, mapping of str to DataArray or None, default=None
        The same as `departure` in the null world, such as "permuted". Without it no measure is a
        precursor.
    n_intervals : int, default=1
        Events that lie no more than so many intervals between visits apart are synchronous.
    alpha : float, default=0.05
        Level of a verdict, over all measures.
    correction : str or None, default="holm"
        Over measures, see `adjust_p_values`.
    n_draws : int, default=9999
        Permutations, or flips of signs, where there are too many to take all.
    random_state : int, Generator or None, default=0
        Source of draws.

    Returns
    -------
    PrecursorResult
        Named tuple of two DataFrames.

        answers : by measure, behaviour and answer: ``effect``, its interval ``low`` to ``high`` at
        1 - `alpha`, and ``p_value``. Effects are logarithms of ratios for order and null world,
        and rank correlations for coupling and specificity, whose intervals leave out a run at a
        time.

        verdicts : by measure: ``verdict``, ``p_value`` (the largest of the three that a precursor
        needs, over behaviours), ``p_adjusted`` over measures, ``seeds_needed`` and ``reason``.

    Raises
    ------
    ValueError
        If a dimension is missing, not known or differs, there is one seed, visits do not rise, an
        event is at none of them, nothing emerges at all, or an argument is out of range.

    See Also
    --------
    leads : The pairs, and what no emergence follows.

    Notes
    -----
    A measure is a "precursor" if order, null world and coupling are all significant; else "early"
    or "late" if the order is; "synchronous" if the interval of its order lies within the mean
    interval between visits; else "undecided", with the number of seeds that would find an order
    of the size seen with probability .8. Where one event of a pair never was, it counts at the last
    visit, and comes last in ranks: it is not dropped.

    The coupling is exact where runs are independent and approximate where runs are quick or slow in
    everything. Rejections at .05 of normal events (4,000 simulations each, standard error .008 or
    less):

    =====================  ====  ====  ====  ====  ====  ====
    seeds                     4     4     5     5     6     6
    task-levels              12    24    12    24    12    24
    =====================  ====  ====  ====  ====  ====  ====
    independent             .04   .04   .05   .05   .05   .06
    with a common pace      .04   .05   .06   .05   .06   .06
    e = d / 2 + noise       .48   .77   .77   .96   .87   .99
    correlation .5          .57   .86   .86   .99   .94  1.00
    =====================  ====  ====  ====  ====  ====  ====

    No p-value of the coupling is below 1 / seeds! for one size, and none of the null world below
    :math:`2^{-runs}`: five seeds are the fewest at .05 for one measure.
    Of m measures with Holm's correction the level is .05 / m, and two need six.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import precursor_test
    >>> steps = np.arange(0, 2001, 10)
    >>> draw = np.random.default_rng(0).integers
    >>> dims = ("task", "seed")
    >>> departure = xr.DataArray(10 * draw(10, 30, (12, 6)), dims=dims)
    >>> follows = precursor_test(departure, 4 * departure, steps, null_departure=2 * departure)
    >>> unrelated = xr.DataArray(10 * draw(60, 150, (12, 6)), dims=dims)
    >>> alone = precursor_test(departure, unrelated, steps, null_departure=2 * departure)
    >>> follows.verdicts.verdict.item(), alone.verdicts.verdict.item()
    ('precursor', 'early')
    >>> alone.verdicts.reason.item()
    'coupling is not shown (p = 0.92)'
    """
    check_correction(correction)
    events = _events(departure, emergence, null_departure, steps)
    stream = substream(random_state, "precursor_test")
    rows: dict[tuple[str, str, str], dict[str, float]] = {}
    margins: dict[tuple[str, str], float] = {}
    orders: dict[tuple[str, str], Floats] = {}
    for measure, d in events.departure.items():
        null = _against_null(d, events.null.get(measure), events.steps, alpha, n_draws, stream)
        for behaviour, e in events.emergence.items():
            key = (measure, behaviour)
            orders[key], margins[key] = _order_of_runs(d, e, events.steps, n_intervals)
            found = {"order": _student(orders[key], alpha), "null world": null}
            found |= _coupled(d, e, alpha, n_draws, stream)
            rows |= {(*key, answer): row for answer, row in found.items()}
    answers = pd.DataFrame.from_dict(rows, orient="index")
    answers.index = pd.MultiIndex.from_tuples(rows, names=["measure", "behaviour", "answer"])
    return PrecursorResult(
        WholeTable(answers), verdicts_on(answers, events, orders, margins, alpha, correction)
    )


def _events(departure: Any, emergence: Any, null_departure: Any, steps: ArrayLike) -> Events:
    """Return events at their visits, or raise a ValueError."""
    grid = check_steps(steps, "steps")
    kinds = {
        "departure": as_mapping(departure, "departure"),
        "emergence": as_mapping(emergence, "emergence"),
        "null_departure": {},
    }
    if null_departure is not None:
        null = as_mapping(null_departure, "departure")
        if isinstance(null_departure, xr.DataArray) and len(kinds["departure"]) == 1:
            # One measure alone needs no name.
            null = dict(zip(kinds["departure"], null.values(), strict=True))
        if set(null) != set(kinds["departure"]):
            raise ValueError(
                f"null_departure has the measures {', '.join(null)}, and departure "
                f"{', '.join(kinds['departure'])}; pass the same."
            )
        kinds["null_departure"] = null
    like = next(iter(kinds["departure"].values()))
    found: dict[str, dict[str, Floats]] = {}
    for kind, arrays in kinds.items():
        for name, each in arrays.items():
            check_labelled(each, f"{kind} {name!r}", ["task", "seed"])
            check_only(each, f"{kind} {name!r}", [*TASK_LEVELS, *RUNS])
            check_seeds(each, f"{kind} {name!r}")
        arrays = aligned(arrays, like)
        found[kind] = {
            name: stack(each.copy(data=positions(each, grid, f"{kind} {name!r}")))[0]
            for name, each in arrays.items()
        }
    for name, each in found["emergence"].items():
        if not np.isfinite(each).any():
            raise ValueError(
                f"emergence {name!r} has no events at all, and nothing can be a precursor of them. "
                "Train longer, or lower the level of emergence_step."
            )
    return Events(found["departure"], found["null_departure"], found["emergence"], grid)


def _order_of_runs(d: Floats, e: Floats, steps: Floats, n_intervals: int) -> tuple[Floats, float]:
    """Return the mean log lead of each run with an event, and what one interval is on average."""
    kind, lead = compare_events(d, e, steps, n_intervals)
    lead = np.where(kind == "synchronous", 0.0, lead)
    seen = ~np.isnan(lead)
    total = np.where(seen, lead, 0.0).sum(axis=(1, 2))
    n_pairs = seen.sum(axis=(1, 2))
    of_run = total[n_pairs > 0] / n_pairs[n_pairs > 0]
    times = np.log(np.where(steps > 0, steps, steps[1]))
    first = np.minimum(d, e)[seen].astype(int)
    # From a visit to the next; the last has none after it.
    intervals = np.append(np.diff(times), times[-1] - times[-2])
    return of_run, float(intervals[first].mean()) if first.size else np.nan


def _student(values: Floats, alpha: float) -> dict[str, float]:
    """Return a mean over runs with Student's interval and two-sided p-value."""
    if len(values) < 2:
        return _row(values.mean() if len(values) else np.nan)
    low, high = student_interval(values, confidence=1 - alpha)
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    if all_equal(values):
        # Visits are few, and equal runs say nothing of how runs differ: only their signs count.
        return _row(mean, low, high, 1.0 if mean == 0 else 0.5 ** (len(values) - 1))
    return _row(mean, low, high, 2 * special.stdtr(len(values) - 1, -abs(mean) / error))


def _against_null(
    d: Floats,
    null: Floats | None,
    steps: Floats,
    alpha: float,
    n_draws: int,
    stream: np.random.SeedSequence,
) -> dict[str, float]:
    """Return by how much departures are earlier than in the null world."""
    if null is None:
        return _row(np.nan)
    times = np.log(np.where(steps > 0, steps, steps[1]))
    last = len(steps) - 1
    here, there = (times[np.minimum(a, last).astype(int)] for a in (d, null))
    of_run = (there - here).mean(axis=(1, 2)).ravel()
    low, high = student_interval(of_run, confidence=1 - alpha)
    # The same draws for all measures, whatever their order.
    rng = np.random.default_rng(substream(stream, "null world"))
    test = sign_flip_test(of_run, n_draws=n_draws, random_state=rng)
    return _row(test.statistic, low, high, test.pvalue)


def _coupled(
    d: Floats, e: Floats, alpha: float, n_draws: int, stream: np.random.SeedSequence
) -> dict[str, dict[str, float]]:
    """Return coupling and specificity."""
    n_tasks, n_seeds = d.shape[1], d.shape[3]
    first, second = (list(a.reshape(len(a), -1, n_seeds)) for a in (d, e))
    ranks_d, ranks_e = ([ranks_of_runs(a) for a in each] for each in (first, second))
    found = {}
    statistics: dict[str, Callable[[list[Floats], list[Floats]], float]] = {
        "coupling": correlation,
        "specificity": lambda a, b: specificity(a, b, n_tasks),
    }
    for answer, statistic in statistics.items():
        # The same draws for all measures, whatever their order.
        rng = np.random.default_rng(stream)
        effect = statistic(ranks_d, ranks_e)
        if np.isnan(effect):
            # Nothing differs over seeds, or there is one task.
            found[answer] = _row(np.nan, p_value=1.0 if answer == "coupling" else np.nan)
            continue
        if answer == "coupling":
            p_value = float(coupling_p_value(ranks_d, ranks_e, n_draws, rng))
        else:
            p_value = specificity_p_value(ranks_d, ranks_e, n_tasks, n_draws, rng)
        # No correlation is beyond 1, and no difference of two beyond 2.
        most = 1.0 if answer == "coupling" else 2.0
        low, high = np.clip(jackknife_interval(statistic, first, second, 1 - alpha), -most, most)
        found[answer] = _row(effect, low, high, p_value)
    return found


def _row(
    effect: float, low: float = np.nan, high: float = np.nan, p_value: float = np.nan
) -> dict[str, float]:
    """Return a row of answers."""
    return {"effect": effect, "low": low, "high": high, "p_value": p_value}
