"""What errors of forecasts say: of the gap that linear filters leave, how much is closed."""

from collections.abc import Callable
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .._typing import Floats

# Numbers, arrays of them, or what `flow_errors` returns.
Errors: TypeAlias = float | NDArray[Any] | xr.DataArray
# Below this share of the squared error of the optimal predictor linear filters leave no room.
_LEAST_ROOM = 0.05


def operator_skill(error: Errors, error_linear: Errors, error_optimal: Errors = 0.0) -> Any:
    r"""Return how much of the gap between linear filters and the optimum forecasts close.

    .. math:: 1 - \frac{e^2 - e_\text{opt}^2}{e_\text{lin}^2 - e_\text{opt}^2},

    where of errors by prompt and horizon :math:`e^2` is the mean over prompts at the last horizon.
    It is 0 of the best linear filter that goes on by itself and 1 of the optimal predictor, and
    has no bound below: test `log_margin_ratio` and `log_error_ratio` instead.

    Parameters
    ----------
    error : float, ndarray or DataArray
        Errors of a predictor, as `flow_errors` returns them. Dimensions prompt and horizon are
        reduced; without them numbers are e itself.
    error_linear : float, ndarray or DataArray
        Those of the best linear filter.
    error_optimal : float, ndarray or DataArray, default=0.0
        Those of the optimal predictor. They are 0 where the target is its own forecast.

    Returns
    -------
    float, ndarray or DataArray
        Broadcast over all dimensions that are left. NaN where there is no room, because
        :math:`e_\text{lin}^2 - e_\text{opt}^2` is less than 5% of :math:`e_\text{opt}^2`, or 0.

    Raises
    ------
    ValueError
        If an error is negative.

    Notes
    -----
    Where the target is the forecast of the optimal predictor, there is room unless linear filters
    have no error at all, so that NaN does not tell that one is nearly optimal. So it is in the
    drift world: there ``flow_errors(..., target="flow")`` tells.

    Examples
    --------
    >>> from sklearn_emerge.operators import operator_skill
    >>> round(operator_skill(0.056, 0.394, 0.027), 3)
    0.984
    >>> operator_skill([0.1, 0.2], 0.101, 0.1).tolist()
    [nan, nan]
    """
    squares = _squares(error=error, error_linear=error_linear, error_optimal=error_optimal)
    return _labelled(_skill, squares, "operator skill", "1")


def log_margin_ratio(
    error: Errors, error_linear: Errors, error_optimal: Errors = 0.0, *, margin: float = 0.5
) -> Any:
    r"""Return by how much the logarithm of errors is below that which a margin asks for.

    .. math::

        \tfrac12 \ln\left[(1 - \kappa) e_\text{lin}^2 + \kappa e_\text{opt}^2\right] - \ln e,

    which is above 0 if forecasts close more than the share :math:`\kappa` of the gap that linear
    filters leave, that is, if `operator_skill` is above :math:`\kappa`. One number a seed is what a
    test of signs takes: logarithms have no outliers where the skill of a forecast that fails has.

    Parameters
    ----------
    error : float, ndarray or DataArray
        Errors of a predictor, as in `operator_skill`.
    error_linear : float, ndarray or DataArray
        Those of the best linear filter.
    error_optimal : float, ndarray or DataArray, default=0.0
        Those of the optimal predictor.
    margin : float, default=0.5
        The share :math:`\kappa`, from 0 to 1. 0 asks for a smaller error than linear filters have.

    Returns
    -------
    float, ndarray or DataArray
        In nats. Infinite where one of the two errors is 0 or infinite, and 0 where both are the
        same.

    Raises
    ------
    ValueError
        If an error is negative, or the margin is out of range.

    Notes
    -----
    It has a value also where linear filters leave no room, which `operator_skill` tells.

    Examples
    --------
    >>> from sklearn_emerge.operators import log_margin_ratio
    >>> round(log_margin_ratio(0.056, 0.394, 0.027), 3)
    1.607
    >>> log_margin_ratio([0.5, 1.0, 2.0], 1.0, margin=0.0).round(3).tolist()
    [0.693, 0.0, -0.693]
    """
    if isinstance(margin, bool) or not isinstance(margin, Real) or not 0 <= margin <= 1:
        raise ValueError(f"margin={margin!r} must be a number from 0 to 1.")
    squares = _squares(error=error, error_linear=error_linear, error_optimal=error_optimal)
    # An infinite error times 0 is no number.
    parts = [part for part in ((1 - margin, 1), (margin, 2)) if part[0]]

    def ratio(*squares: Floats) -> Floats:
        return _half_log_ratio(squares[0], sum(share * squares[i] for share, i in parts))

    return _labelled(ratio, squares, "log error below what the margin asks for", "nat")


def log_error_ratio(error: Errors, error_other: Errors) -> Any:
    r"""Return by how much the logarithm of errors is below that of another predictor.

    .. math:: \ln e_\text{other} - \ln e,

    for instance of the untrained twin, or of a network that was trained on a null.

    Parameters
    ----------
    error : float, ndarray or DataArray
        Errors of a predictor, as in `operator_skill`.
    error_other : float, ndarray or DataArray
        Those of the other one, with the same seeds and prompts.

    Returns
    -------
    float, ndarray or DataArray
        In nats; above 0 if the first is nearer to the world. Infinite where one of the two errors
        is 0 or infinite, and 0 where both are the same.

    Raises
    ------
    ValueError
        If an error is negative.

    Examples
    --------
    >>> from sklearn_emerge.operators import log_error_ratio
    >>> log_error_ratio([0.1, 0.2], [0.2, 0.1]).round(3).tolist()
    [0.693, -0.693]
    """
    squares = _squares(error=error, error_other=error_other)
    return _labelled(_half_log_ratio, squares, "log error below that of another", "nat")


def _skill(square: Floats, linear: Floats, optimal: Floats) -> Floats:
    room = linear - optimal
    skill: Floats = np.where(
        (room > 0) & (room >= _LEAST_ROOM * optimal), 1 - (square - optimal) / room, np.nan
    )
    return skill


def _half_log_ratio(below: Floats, above: Any) -> Floats:
    """Return half the logarithm of above / below; of equal ones, 0 and infinity too, it is 0."""
    ratio: Floats = np.where(above == below, 0.0, (np.log(above) - np.log(below)) / 2)
    return ratio


def _squares(**errors: Errors) -> list[Any]:
    """Return squared errors, the mean over prompts at the last horizon, after checking them."""
    squares = []
    for name, given in errors.items():
        values: Any = given if isinstance(given, xr.DataArray) else np.asarray(given, np.float64)
        if (values < 0).any():
            raise ValueError(
                f"{name} has {float(values.min()):g}, but errors are roots of squares and at least "
                "0; pass what flow_errors returns."
            )
        square = values**2
        if isinstance(square, xr.DataArray) and "horizon" in square.dims:
            square = square.isel(horizon=-1, drop=True)
        if isinstance(square, xr.DataArray) and "prompt" in square.dims:
            square = square.mean("prompt", skipna=False)
        squares.append(square)
    return squares


def _labelled(function: Callable[..., Floats], squares: list[Any], name: str, units: str) -> Any:
    """Return a function of squared errors, broadcast; with labels if one of them has labels."""
    with np.errstate(divide="ignore", invalid="ignore"):
        result = xr.apply_ufunc(function, *squares)
    if isinstance(result, xr.DataArray):
        return result.assign_attrs(long_name=name, units=units)
    return float(result) if np.ndim(result) == 0 else result
