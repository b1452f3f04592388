"""How low a measure falls at the start of training, and whether sizes differ in that."""

import warnings
from numbers import Real

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats
from sklearn.utils._param_validation import Interval, validate_params

from .._typing import Floats
from .._validation import as_numbers
from ..inference import check_alpha
from ..inference._labelled import intervals, means
from ._events import check_window
from ._labels import aligned, check_labelled, check_steps


def collapse_floor(
    measure: xr.DataArray, *, window: tuple[float, float] = (0, 200), confidence: float = 0.95
) -> xr.Dataset:
    """Return the minimum of a measure at the start of training, with its mean over seeds.

    Parameters
    ----------
    measure : xarray.DataArray
        A variable of a cube with the dimensions ``seed`` and ``step``, and any others, such as
        task, level, size and layer.
    window : tuple of float, default=(0, 200)
        First and last update of the start.
    confidence : float, default=0.95
        Coverage of Student's interval over seeds.

    Returns
    -------
    xarray.Dataset
        ``floor`` and ``floor_step``, the update at which it was reached, by seed; ``mean``,
        ``low`` and ``high`` over seeds. The interval of one seed is NaN. Seeds without a value in
        the window are NaN and left out. The coordinate ``at_window_end`` of floors says whether
        that was the last visit in the window at which they were recorded.

    Raises
    ------
    ValueError
        If a dimension is missing, visits do not rise, there is none in the window, or an
        argument is out of range.

    Notes
    -----
    A floor ``at_window_end`` may not be one yet: the measure may fall on. Visits that are far
    apart miss the minimum, and floors are then too high.

    Examples
    --------
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import collapse_floor
    >>> coords = {"step": [0, 60, 100, 300]}
    >>> rankme = xr.DataArray(
    ...     [[40, 6, 4, 8], [38, 5, 6, 9]], dims=("seed", "step"), coords=coords
    ... )
    >>> floors = collapse_floor(rankme)
    >>> floors.floor.values.tolist(), floors.floor_step.values.tolist(), floors["mean"].item()
    ([4.0, 5.0], [100.0, 60.0], 4.5)
    """
    check_labelled(measure, "measure", ["seed", "step"])
    check_steps(measure.step.values, "step of measure")
    check_alpha(confidence, "confidence")
    first, last = check_window(window)
    inside = measure.astype(float).isel(
        step=((measure.step >= first) & (measure.step <= last)).values
    )
    if not inside.sizes["step"] or not inside.notnull().any():
        raise ValueError(
            f"window={window!r} holds no visit at which the measure was recorded; record some "
            "there, or widen it."
        )
    floor = inside.min("step")
    # Where nothing was recorded the place of the minimum is any.
    place = inside.fillna(np.inf).argmin("step")
    step = inside.step.astype(float).isel(step=place).drop_vars("step").where(floor.notnull())
    low, high = intervals(floor, confidence)
    found = xr.Dataset(
        {"floor": floor, "floor_step": step, "mean": means(floor), "low": low, "high": high}
    )
    found.floor.attrs["long_name"] = "collapse floor"
    found.floor_step.attrs["units"] = "updates"
    last = inside.step.where(inside.notnull()).max("step")
    found = found.assign_coords(at_window_end=step == last)
    found.at_window_end.attrs["long_name"] = "whether the floor is at the end of its window"
    return found


@validate_params(
    {
        "floor": "no_validation",
        "n_parameters": "no_validation",
        "ratio": [Interval(Real, 1, None, closed="neither")],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
    },
    prefer_skip_nested_validation=True,
)
def scale_invariance(
    floor: xr.DataArray,
    n_parameters: ArrayLike | None = None,
    *,
    ratio: float = 1.25,
    confidence: float = 0.95,
) -> xr.Dataset:
    r"""Return whether floors have a trend with size, as an equivalence, and whether sizes differ.

    The slope of ln floor on ln parameters, by least squares over runs, has to lie within

    .. math:: \pm \frac{\ln \text{ratio}}{\ln (P_\text{max} / P_\text{min})},

    so that along the trend the floor changes by less than the ratio over the whole range. A
    coefficient of variation that looks small shows nothing: one of .08 over five sizes has a 95%
    interval of .05 to .23.

    Floors without a trend can still differ, as where they rise and fall again, and a difference
    can be shown where no trend is. `p_difference` is of the F test that the mean of ln floor is
    the same at all sizes. A large one shows no equality.

    Parameters
    ----------
    floor : xarray.DataArray
        Floors with the dimension ``size``, and mostly ``seed``, as `collapse_floor` returns them.
        Each is a run; NaN are left out.
    n_parameters : array-like of shape (n_sizes,), default=None
        Number of parameters of each size, in the order of those of `floor`, or a DataArray with
        their labels. None is the coordinate of this name, which `join_sizes` makes.
    ratio : float, default=1.25
        Largest change that counts as none.
    confidence : float, default=0.95
        Coverage of Student's interval of the slope.

    Returns
    -------
    xarray.Dataset
        ``slope``, ``low``, ``high``, ``margin``, ``verdict`` and ``p_difference``, without size
        and seed. The verdict is "no trend" if the interval lies inside of the margin, "trend" if
        it lies outside of it, and else "undecided". NaN and "undecided" with fewer than three
        runs. `p_difference` is NaN if no size has two runs that differ. Of what `collapse_floor`
        returns there is ``n_at_window_end``, too: how many floors are at the end of their window.
        These may be no floors, and a trend of them no trend of floors.

    Raises
    ------
    ValueError
        If there is no dimension ``size``, or one ``step``, sizes are not all different or fewer
        than two, or have floors in fewer than two, a floor is not above zero, or an argument is
        out of range.

    Warns
    -----
    UserWarning
        If a size has no floor at all, which is left out.

    Notes
    -----
    Both the interval and the F test take ln floor of runs to be normal, with one variance. The
    slope takes it to be a line in ln parameters, too; the F test does not.

    Examples
    --------
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import scale_invariance
    >>> floor = xr.DataArray(
    ...     [[[2.0, 2.1], [1.9, 2.0], [2.1, 1.95]], [[2.0, 2.1], [5.0, 5.2], [2.1, 1.95]]],
    ...     dims=("task", "size", "seed"), coords={"task": ["COPY", "ADD"]},
    ... )
    >>> found = scale_invariance(floor, [1e5, 1e6, 1e7], ratio=2)
    >>> found.verdict.values.tolist(), found.p_difference.values.round(4).tolist()
    (['no trend', 'undecided'], [0.5359, 0.0003])
    """
    check_labelled(floor, "floor", ["size"])
    if "step" in floor.dims:
        raise ValueError(
            "floor has the dimension step, as a measure has before its floor is taken; pass "
            "collapse_floor(floor).floor."
        )
    parameters = as_numbers(_parameters_of(floor, n_parameters), "n_parameters")
    if parameters.shape != (floor.sizes["size"],):
        raise ValueError(
            f"n_parameters has shape {parameters.shape}, but there are {floor.sizes['size']} "
            "sizes; pass a number for each."
        )
    if len(parameters) < 2 or len(set(parameters)) < len(parameters) or (parameters <= 0).any():
        raise ValueError(
            f"n_parameters={parameters.tolist()} must be different numbers above zero, of at "
            "least 2 sizes."
        )
    if (floor <= 0).any():
        raise ValueError(
            f"floor has the value {floor.min().item():g}, which has no logarithm; leave out what "
            "is constant by construction, such as the embedding layer."
        )
    with_floor = _sizes_with_floor(floor)
    log_size = np.log(parameters)
    # What is left out has no part in the range either.
    margin = float(np.log(ratio) / np.ptp(log_size[with_floor]))
    runs = [dim for dim in ("size", "seed") if dim in floor.dims]

    def line_of(floors: Floats) -> tuple[float, float, float, float]:
        x = np.broadcast_to(log_size.reshape(-1, *[1] * (len(runs) - 1)), floors.shape)
        seen = np.isfinite(floors)
        x, y = x[seen], np.log(floors[seen])
        return *_slope(x, y, confidence), _p_difference(x, y)

    slope, low, high, p_value = xr.apply_ufunc(
        line_of,
        floor.astype(float),
        input_core_dims=[runs],
        output_core_dims=[[]] * 4,
        vectorize=True,
        output_dtypes=[float] * 4,
    )
    verdict = xr.full_like(slope, "undecided", dtype=object)
    verdict = verdict.where(~((low > -margin) & (high < margin)), "no trend")
    verdict = verdict.where(~((low > margin) | (high < -margin)), "trend")
    found = {"slope": slope, "low": low, "high": high, "margin": margin, "verdict": verdict}
    found["p_difference"] = p_value
    if "at_window_end" in floor.coords:
        at_end = floor.at_window_end.broadcast_like(floor) & floor.notnull()
        found["n_at_window_end"] = at_end.sum(runs)
    return xr.Dataset(found)


def _parameters_of(floor: xr.DataArray, n_parameters: ArrayLike | None) -> ArrayLike:
    """Return numbers of parameters in the order of the sizes of a floor."""
    if n_parameters is None:
        if "n_parameters" not in floor.coords:
            raise ValueError(
                "floor has no coordinate n_parameters, as what join_sizes returns has; pass "
                "n_parameters, the number of each size."
            )
        return floor.n_parameters.values
    if isinstance(n_parameters, xr.DataArray) and "size" in n_parameters.indexes:
        if "size" not in floor.indexes:
            raise ValueError(
                "n_parameters has labels of size and floor has none; pass n_parameters.values if "
                "the order is the same."
            )
        return aligned({"n_parameters": n_parameters}, floor["size"])["n_parameters"].values
    return n_parameters


def _sizes_with_floor(floor: xr.DataArray) -> NDArray[np.bool_]:
    """Return which sizes have floors; raise a ValueError if fewer than two, warn if not all."""
    seen: NDArray[np.bool_] = floor.notnull().any([d for d in floor.dims if d != "size"]).values
    with_floor, without = (
        ", ".join(str(size) for size in floor["size"].values[which]) for which in (seen, ~seen)
    )
    if seen.sum() < 2:
        raise ValueError(
            f"floor has values of {int(seen.sum())} of {len(seen)} sizes ({with_floor or 'none'}), "
            "and at least 2 are needed. Layers can differ between sizes: take last_block(measure)."
        )
    if not seen.all():
        warnings.warn(
            f"floor has no values of the sizes {without}, which are left out.", stacklevel=4
        )
    return seen


def _slope(x: Floats, y: Floats, confidence: float) -> tuple[float, float, float]:
    """Return the slope of y on x and Student's interval."""
    if len(x) < 3 or np.ptp(x) == 0:
        return np.nan, np.nan, np.nan
    x, y = x - x.mean(), y - y.mean()
    slope = float((x @ y) / (x @ x))
    freedom = len(x) - 2
    error = np.sqrt(((y - slope * x) ** 2).sum() / freedom / (x @ x))
    half = float(error * special.stdtrit(freedom, (1 + confidence) / 2))
    return slope, slope - half, slope + half


def _p_difference(x: Floats, y: Floats) -> float:
    """Return the p-value of the F test that y has the same mean at each x."""
    groups = [y[x == place] for place in np.unique(x)]
    if len(groups) < 2 or not any(np.ptp(group) > 0 for group in groups):
        return np.nan
    return float(stats.f_oneway(*groups).pvalue)
