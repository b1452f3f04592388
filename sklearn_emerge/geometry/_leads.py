"""Whether a measure departs before a capability emerges, pair by pair, with nothing left out."""

from collections.abc import Mapping
from numbers import Integral

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy import stats
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._typing import Floats
from ._labels import aligned, as_mapping, check_labelled, check_steps, positions
from ._shown import WholeTable, table_of

KINDS = ("early", "synchronous", "late", "false alarm", "missed", "neither")


@validate_params(
    {
        "departure": "no_validation",
        "emergence": "no_validation",
        "steps": "no_validation",
        "n_intervals": [Interval(Integral, 0, None, closed="left")],
        "pairs": [StrOptions({"own", "other"})],
    },
    prefer_skip_nested_validation=True,
)
def leads(
    departure: xr.DataArray,
    emergence: xr.DataArray | Mapping[str, xr.DataArray],
    steps: ArrayLike,
    *,
    n_intervals: int = 1,
    pairs: str = "own",
) -> xr.Dataset:
    """Return by how much departures of a measure lead emergences, and where one of the two is not.

    Parameters
    ----------
    departure : xarray.DataArray
        Updates at which the measure departed, as `departure_step` returns them; NaN where it never
        did.
    emergence : xarray.DataArray or mapping of str to DataArray
        Updates at which capabilities emerged, as `emergence_step` returns them, with the same
        dimensions. Several by name, such as exact match and gain: a lead has to be stated against
        both.
    steps : array-like of shape (n_visits,)
        Updates of the visits at which both were recorded, such as ``cube.step``.
    n_intervals : int, default=1
        Events that lie no more than so many intervals between visits apart are synchronous. 0 takes
        every difference for a lead, as *The Geometric Anatomy of Capability Emergence* seems to.
    pairs : {"own", "other"}, default="own"
        "own" pairs each task with itself. "other" pairs the measure of each task
        (``measured_task``) with the emergence of every other one, which no measure of a task can
        foretell.

    Returns
    -------
    xarray.Dataset
        By ``behaviour`` and the dimensions of events:

        - ``kind``: "early", "synchronous", "late"; "false alarm" where a departure is not followed
          by an emergence, "missed" where an emergence has no departure, "neither";
        - ``log_lead``: ln (emergence / departure). Where one of the two never was it counts at the
          last visit, so that the lead is at least as large as that; NaN where neither was. An event
          at update 0 counts at the first visit after it;
        - ``censored``: whether one of the two never was.

    Raises
    ------
    ValueError
        If a dimension is missing or differs, visits do not rise, an event is at none of them, or
        there are no events at all.

    See Also
    --------
    count_leads : How many there are of each kind.
    precursor_test : What these leads show.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import leads
    >>> departure = xr.DataArray([100, 100, 200, 100, np.nan], dims="task")
    >>> emergence = xr.DataArray([300, 150, 100, np.nan, 200], dims="task")
    >>> found = leads(departure, emergence, [0, 100, 150, 200, 300, 400])
    >>> found.kind.values.tolist()
    [['early', 'synchronous', 'late', 'false alarm', 'missed']]
    >>> found.log_lead.values.round(2).tolist()
    [[1.1, 0.41, -0.69, 1.39, -0.69]]
    """
    check_labelled(departure, "departure", ["task"])
    grid = check_steps(steps, "steps")
    behaviours = as_mapping(emergence, "emergence")
    for name, each in behaviours.items():
        check_labelled(each, f"emergence {name!r}", ["task"])
    behaviours = aligned(behaviours, departure)
    if not departure.notnull().any() and not any(e.notnull().any() for e in behaviours.values()):
        raise ValueError(
            "departure and emergence are NaN everywhere: there are no events at all. Train longer, "
            "or lower the level of emergence_step."
        )
    later = xr.concat(list(behaviours.values()), xr.Variable("behaviour", list(behaviours)))
    first = departure.reset_coords(drop=True)
    if pairs == "other":
        if first.sizes["task"] < 2:
            raise ValueError('pairs="other" needs at least 2 tasks; departure has one.')
        first = first.rename(task="measured_task")
    first, later = xr.broadcast(first, later)
    later = later.transpose("behaviour", ...)
    first = first.transpose(*later.dims)
    d, e = positions(first, grid, "departure"), positions(later, grid, "emergence")
    kind, log_lead = compare_events(d, e, grid, n_intervals)
    like = later.drop_attrs()
    found = xr.Dataset(
        {
            "kind": like.copy(data=kind),
            "log_lead": like.copy(data=log_lead),
            "censored": like.copy(data=np.isinf(d) != np.isinf(e)),
        }
    )
    if pairs == "other":
        n_tasks = later.sizes["task"]
        other = xr.DataArray(~np.eye(n_tasks, dtype=bool), dims=("task", "measured_task"))
        found["kind"] = found.kind.where(other, "")
        found["log_lead"] = found.log_lead.where(other)
        found["censored"] = found.censored & other
    found.log_lead.attrs.update(long_name="ln(emergence / departure)", units="1")
    return found


def compare_events(d: Floats, e: Floats, steps: Floats, n_intervals: int) -> tuple[Floats, Floats]:
    """Return the kind and the log lead of pairs of events.

    Parameters
    ----------
    d, e : ndarray
        Visits of departure and emergence, infinite where there is none.
    steps : ndarray of shape (n_visits,)
        Updates of visits.
    n_intervals : int
        Events that lie no more than so many intervals between visits apart are synchronous.

    Returns
    -------
    kind : ndarray of object
    log_lead : ndarray of float
    """
    last = len(steps) - 1
    departed, emerged = np.isfinite(d), np.isfinite(e)
    # An event that never was counts at the last visit.
    at_d, at_e = np.minimum(d, last).astype(int), np.minimum(e, last).astype(int)
    both, apart = departed & emerged, at_e - at_d
    kind = np.select(
        [
            both & (apart > n_intervals),
            both & (apart < -n_intervals),
            both,
            departed,
            emerged,
        ],
        ["early", "late", "synchronous", "false alarm", "missed"],
        "neither",
    ).astype(object)
    times = np.log(np.where(steps > 0, steps, steps[1]))
    return kind, np.where(departed | emerged, times[at_e] - times[at_d], np.nan)


def count_leads(found: xr.Dataset, *, confidence: float = 0.95) -> WholeTable:
    """Return how many pairs of events are of each kind.

    Parameters
    ----------
    found : xarray.Dataset
        What `leads` returns.
    confidence : float, default=0.95
        Coverage of the interval of Clopper and Pearson.

    Returns
    -------
    pandas.DataFrame
        A row a behaviour: the number of each kind; ``precursor_rate``, the share of emergences
        that the measure led, with ``low`` and ``high`` as if pairs were independent;
        ``false_alarm_rate``, the share of departures that no emergence followed. NaN where there
        are none.

    Raises
    ------
    ValueError
        If `found` is not of `leads`, or the confidence is impossible.

    Notes
    -----
    The precursor rate is what *The Geometric Anatomy of Capability Emergence* reports. It shows
    nothing alone: it is 1.00 of independent curves whose departures are early everywhere. Tasks of
    a run are not independent either. Compare it with that of ``leads(..., pairs="other")``, and see
    `precursor_test`.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import count_leads, leads
    >>> departure = xr.DataArray([100, 100, 100, 100], dims="task")
    >>> emergence = xr.DataArray([300, 200, np.nan, 100], dims="task")
    >>> table = count_leads(leads(departure, emergence, [0, 100, 150, 200, 300]))
    >>> table[["early", "synchronous", "false alarm"]].values.tolist()
    [[2, 1, 1]]
    >>> table[["precursor_rate", "low", "high", "false_alarm_rate"]].round(3).values.tolist()
    [[0.667, 0.094, 0.992, 0.25]]
    """
    if not isinstance(found, xr.Dataset) or "kind" not in found:
        raise ValueError("found must be a Dataset with kind; pass what leads returns.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence!r} must lie between 0 and 1, like 0.95.")
    rows = {}
    for behaviour in found.behaviour.values:
        kinds = found.kind.sel(behaviour=behaviour).values
        row = {kind: int((kinds == kind).sum()) for kind in KINDS}
        n_emerged = sum(row[kind] for kind in ("early", "synchronous", "late", "missed"))
        n_departed = sum(row[kind] for kind in ("early", "synchronous", "late", "false alarm"))
        rate = low = high = np.nan
        if n_emerged:
            exact = stats.binomtest(row["early"], n_emerged)
            low, high = exact.proportion_ci(confidence, method="exact")
            rate = row["early"] / n_emerged
        rows[str(behaviour)] = row | {
            "precursor_rate": rate,
            "low": float(low),
            "high": float(high),
            "false_alarm_rate": row["false alarm"] / n_departed if n_departed else np.nan,
        }
    return table_of(rows, "behaviour")
