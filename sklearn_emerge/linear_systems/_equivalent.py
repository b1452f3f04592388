"""What a trained network is worth, in steps of memory of a linear filter."""

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import validate_params

from .._typing import Floats
from .._validation import as_numbers
from ..worlds import LinearSystemWorld
from ._filters import linear_filter_risk


@validate_params({"world": [LinearSystemWorld]}, prefer_skip_nested_validation=True)
def excess_risk(cube: xr.Dataset, world: LinearSystemWorld) -> xr.DataArray:
    r"""Return the excess risks of the networks of an assessment in a linear world.

    Under a Gaussian of known standard deviation s the risk over the T steps of a sequence is

    .. math:: \ell_T = 2 s^2 (T - 1) (\text{NLL} - \text{NLL}_{\text{optimal}}),

    because the first step is predicted from nothing by everybody.

    Parameters
    ----------
    cube : xarray.Dataset
        `EmergenceAssessment.cube_`, of this world and scored with its `noise_std`.
    world : LinearSystemWorld
        The world.

    Returns
    -------
    xarray.DataArray
        Total over the horizon, in squared units of the data, with the dimensions of ``cube.nll``
        but the condition, which is the structured world. Measured on finitely many sequences, it
        can fall below zero where a network is nearly optimal.

    Raises
    ------
    ValueError
        If the cube is not one, or `noise_std` of the world is not a number.

    Examples
    --------
    >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, LinearSystemWorld
    >>> from sklearn_emerge.linear_systems import excess_risk
    >>> world = LinearSystemWorld.random_walk(n_steps=20)
    >>> cube = EmergenceAssessment(
    ...     world, GRUPredictor(4, max_steps=5), n_train=50, n_eval=20, nulls=(),
    ...     baselines=("mean",), reservoir_sizes=None, probe=None, random_state=0, progress=False,
    ... ).fit().cube_
    >>> excess_risk(cube, world).dims
    ('mode', 'seed')
    """
    if not isinstance(cube, xr.Dataset) or not {"nll", "nll_optimal"} <= set(cube):
        raise ValueError(
            f"cube must be a Dataset with nll and nll_optimal; got {type(cube).__name__}. Pass "
            "EmergenceAssessment(world, ...).fit().cube_."
        )
    if isinstance(world.noise_std, str):
        raise ValueError(
            "The world does not know the standard deviation of its innovations, so that nats "
            "cannot be converted; use one channel and initial='steady'."
        )
    apart = (cube.nll - cube.nll_optimal).sel(condition="structured", drop=True)
    risk = 2 * world.noise_std**2 * (world.n_steps - 1) * apart
    return risk.assign_attrs(long_name="total excess risk", units="squared units of the data")


@validate_params({"world": [LinearSystemWorld]}, prefer_skip_nested_validation=True)
def equivalent_filter_length(
    risk: ArrayLike | xr.DataArray, world: LinearSystemWorld
) -> float | Floats | xr.DataArray:
    """Return the length of the best linear filter whose excess risk equals a given one.

    It says what a predictor is worth in steps of memory. Between two lengths the logarithm of the
    risk is interpolated.

    Parameters
    ----------
    risk : float, array-like or xarray.DataArray
        Total excess risks, in squared units of the data, for instance from `excess_risk`.
    world : LinearSystemWorld
        The world; its length is the horizon.

    Returns
    -------
    float, ndarray or xarray.DataArray
        Lengths. 0 if the risk is no smaller than without any memory; infinity if it is not above
        zero, where the predictor is as good as the Kalman filter; NaN for NaN.

    Raises
    ------
    ValueError
        If risks are no numbers, or the world has inputs or no steady filter.

    Examples
    --------
    >>> from sklearn_emerge import LinearSystemWorld
    >>> from sklearn_emerge.linear_systems import equivalent_filter_length, filter_risk
    >>> world = LinearSystemWorld.random_walk(0.1, 1.0, n_steps=100)
    >>> round(equivalent_filter_length(filter_risk(0.1, 1.0, 5, 100), world), 6)
    5.0
    """
    if isinstance(risk, xr.DataArray):
        lengths = equivalent_filter_length(risk.values, world)
        attributes = {"long_name": "equivalent filter length", "units": "steps"}
        return risk.copy(data=lengths).assign_attrs(attributes)
    risk = as_numbers(risk, "risk")
    if world.n_exogenous:
        raise ValueError(
            f"world has {world.n_exogenous} inputs, B={world.B!r}, but lengths are of filters of "
            "what is observed alone; pass the system without them, B=None."
        )
    system = world.system()[:4]
    positive = risk[risk > 0]
    curve = [linear_filter_risk(*system, 0, world.n_steps)]
    while positive.size and curve[-1] > positive.min() and len(curve) < world.n_steps - 1:
        curve.append(linear_filter_risk(*system, len(curve), world.n_steps))
    # Without its ties: a filter one step longer may be no better, as that of a rotation.
    falling = np.minimum.accumulate(curve)
    distinct = np.concatenate([[True], np.diff(falling) < 0])
    lengths = np.where(np.isnan(risk), np.nan, np.inf)
    heights = -np.log(falling[distinct])
    lengths[risk > 0] = np.interp(-np.log(positive), heights, np.flatnonzero(distinct))
    return lengths if lengths.ndim else float(lengths)
