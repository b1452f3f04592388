"""When a measure departed from where the start of training had brought it."""

from numbers import Integral, Real

import numpy as np
import xarray as xr
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from ..emergence import emergence_step
from ._labels import check_labelled, check_steps

# Of fewer visits a standard deviation says nothing.
_FEWEST = 3


@validate_params(
    {
        "measure": "no_validation",
        "reference": [StrOptions({"minimum", "mean"})],
        "rise": [Interval(Real, 0, None, closed="neither")],
        "window": [tuple, list],
        "n_sd": [Interval(Real, 0, None, closed="neither")],
        "n_sustained": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def departure_step(
    measure: xr.DataArray,
    *,
    reference: str = "minimum",
    rise: float = 0.25,
    window: tuple[float, float] = (50, 200),
    n_sd: float = 3.0,
    n_sustained: int = 3,
) -> xr.DataArray:
    r"""Return the first update from which a measure stays away from where it had been.

    .. math:: x_t \ge (1 + d) \min_{s \le t} x_s

    with d the `rise`, or, of measures without a minimum,
    :math:`|x_t - \bar x| > k \sigma`, with mean and standard deviation of the visits in a window
    and k = `n_sd`. Either has to hold at `n_sustained` visits in a row. Neither knows what comes
    later, as a share of the later maximum would.

    Parameters
    ----------
    measure : xarray.DataArray
        A variable of a cube with the dimension ``step``. Visits at which it is NaN everywhere are
        left out: a measure may be taken at some visits only.
    reference : {"minimum", "mean"}, default="minimum"
        "minimum" is for measures above zero that fall and rise again, such as RankMe.
    rise : float, default=0.25
        Share of the running minimum, used with "minimum".
    window : tuple of float, default=(50, 200)
        First and last update of the window, used with "mean". Departures come after it.
    n_sd : float, default=3.0
        Standard deviations, used with "mean".
    n_sustained : int, default=3
        Visits in a row.

    Returns
    -------
    xarray.DataArray
        Update of the first such visit, without the dimension ``step``; NaN where the measure never
        departs. It is known to one interval between visits.

    Raises
    ------
    ValueError
        If there is no dimension ``step``, visits do not rise, a measure with a "minimum" is
        negative, fewer than three visits are in the window, or an argument is out of range.

    See Also
    --------
    sklearn_emerge.emergence_step : The same of what a network can do.

    Notes
    -----
    A noisy measure departs late, and one that is taken at every tenth visit cannot depart
    between: compare measures on a common grid.

    Examples
    --------
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import departure_step
    >>> steps = [0, 20, 60, 100, 150, 200, 300]
    >>> rankme = xr.DataArray([40, 9, 5, 4, 5, 6, 8], dims="step", coords={"step": steps})
    >>> departure_step(rankme).item()
    150.0
    """
    check_labelled(measure, "measure", ["step"])
    steps = check_steps(measure.step.values, "step of measure")
    measure = measure.astype(float).dropna("step", how="all")
    if measure.sizes["step"] == 0:
        raise ValueError("measure is NaN at all visits; pass one that was recorded.")
    if reference == "minimum":
        if (measure < 0).any():
            raise ValueError(
                f"measure has the value {measure.min().item():g}, and a rise is a share of its "
                'minimum; pass reference="mean" for measures that can be negative.'
            )
        lowest = xr.apply_ufunc(
            np.fmin.accumulate,
            measure,
            input_core_dims=[["step"]],
            output_core_dims=[["step"]],
            kwargs={"axis": -1},
        )
        # A measure that stays at zero has not risen.
        beyond = (measure >= (1 + rise) * lowest) & (measure > lowest)
    else:
        first, last = check_window(window)
        inside = measure.where((measure.step >= first) & (measure.step <= last), drop=True)
        fewest = int(inside.notnull().sum("step").min()) if inside.sizes["step"] else 0
        if fewest < _FEWEST:
            raise ValueError(
                f"window={window!r} holds {fewest} visits of a measure that has visits from "
                f"{steps[0]:g} to {steps[-1]:g}, and needs {_FEWEST}; record more, or widen it."
            )
        away = np.abs(measure - inside.mean("step")) > n_sd * inside.std("step", ddof=1)
        beyond = away & (measure.step > last)
    departed = emergence_step(beyond.astype(float), 1.0, n_sustained=n_sustained)
    return departed.rename(measure.name).assign_attrs(long_name="departure", units="updates")


def check_window(window: tuple[float, float]) -> tuple[float, float]:
    """Return the first and last update of a window, or raise a ValueError."""
    ends = tuple(window)
    numbers = len(ends) == 2 and all(isinstance(end, Real) for end in ends)
    if not numbers or not ends[0] < ends[1]:
        raise ValueError(f"window={window!r} must be two updates that rise, like (0, 200).")
    return float(ends[0]), float(ends[1])
