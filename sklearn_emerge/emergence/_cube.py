"""The emergence curve of what a cube holds."""

from typing import Literal

import numpy as np
import xarray as xr

from .._moved import renamed_argument
from .._validation import as_numbers
from ._curve import EmergenceCurve


@renamed_argument("ceiling", "asymptote")
def fit_curve(
    scores: xr.DataArray,
    capacity: str | xr.DataArray,
    *,
    n_trials: int | None = None,
    chance: float | Literal["fit"] = 0.0,
    asymptote: float | Literal["fit"] = 1.0,
) -> EmergenceCurve:
    """Fit an `EmergenceCurve` to scores out of a cube; every network is a point.

    Parameters
    ----------
    scores : xarray.DataArray
        What grows with capacity: accuracies, efficiencies, gains. Select one condition and mode;
        seeds and all parameters of the grid that are left are points. Those that are not finite
        are left out.
    capacity : str or xarray.DataArray
        A coordinate of the scores, such as ``"hidden_size"``, or a variable of the cube, such as
        ``cube.n_parameters``, with no dimensions that the scores lack.
    n_trials : int, default=None
        Trials behind each score, which is then fitted as a number of successes. Networks of one
        capacity mostly differ more than trials of one network do: None, which fits by least
        squares, is then right.
    chance : float or "fit", default=0.0
        Score without any capacity. Scores in other units than rates, such as gains in nats, need
        "fit" for both ends.
    asymptote : float or "fit", default=1.0
        Score with unlimited capacity.

    Returns
    -------
    EmergenceCurve
        Fitted.

    Raises
    ------
    ValueError
        If scores or capacity are not as described, or see `EmergenceCurve.fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.emergence import fit_curve
    >>> from sklearn_emerge.linear_systems import PredictionRiskSweep
    >>> cube = PredictionRiskSweep(param_range=range(1, 13)).fit().cube_
    >>> solved = 1 / (1 + cube.total_risk.sel(horizon=1000))  # half where the risk is tolerated
    >>> curve = fit_curve(solved, "length")
    >>> round(curve.location_), round(float(cube.critical_length.sel(horizon=1000)))
    (10, 10)
    """
    if not isinstance(scores, xr.DataArray):
        raise ValueError(
            f"scores must be a DataArray out of a cube, for instance cube.efficiency; got "
            f"{type(scores).__name__}. For arrays there is EmergenceCurve.fit."
        )
    if isinstance(capacity, str):
        if capacity not in scores.coords:
            raise ValueError(
                f"capacity={capacity!r} is not a coordinate of the scores, which have "
                f"{', '.join(map(str, scores.coords)) or 'none'}."
            )
        capacity = scores[capacity]
    if not isinstance(capacity, xr.DataArray) or not set(capacity.dims) <= set(scores.dims):
        raise ValueError(
            f"capacity must be the name of a coordinate, or a DataArray whose dimensions are among "
            f"{', '.join(map(str, scores.dims))}; got {capacity!r}."
        )
    size, score = (part.values.ravel() for part in xr.broadcast(capacity, scores))
    points = np.stack([as_numbers(size, "capacity"), as_numbers(score, "scores")])
    size, score = points[:, np.isfinite(points).all(axis=0)]
    return EmergenceCurve(chance, asymptote).fit(size[:, np.newaxis], score, n_trials)
