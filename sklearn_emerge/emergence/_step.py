"""When a capability emerged in training."""

from numbers import Integral, Real

import xarray as xr
from sklearn.utils._param_validation import Interval, validate_params

from .._moved import renamed_argument


@renamed_argument("threshold", "level")
@validate_params(
    {
        "trajectory": [xr.DataArray],
        "level": [Interval(Real, None, None, closed="neither")],
        "n_sustained": [Interval(Integral, 1, None, closed="left")],
        "falling": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def emergence_step(
    trajectory: xr.DataArray, level: float, *, n_sustained: int = 3, falling: bool = False
) -> xr.DataArray:
    """Return the first update from which a measure stays beyond a level.

    Parameters
    ----------
    trajectory : xarray.DataArray
        A variable of the cube with the dimension ``step``. Steps at which it is NaN everywhere are
        left out: a measure may be taken at some of them only.
    level : float
        What has to be reached, in units of the measure. Where chance differs, take it from the
        trajectory: ``(accuracy - chance) / (1 - chance)``.
    n_sustained : int, default=3
        For how many recorded steps in a row. Crossings at the end that are not followed by so
        many do not count.
    falling : bool, default=False
        Whether the measure has to be at or below the level, as a loss, instead of at or
        above it.

    Returns
    -------
    xarray.DataArray
        Update of the first step of the first such run, without the dimension ``step``; NaN where
        there is none.

    Raises
    ------
    ValueError
        If there is no dimension ``step``, or an argument is out of range.

    Examples
    --------
    >>> import xarray as xr
    >>> from sklearn_emerge import emergence_step
    >>> accuracy = xr.DataArray(
    ...     [0.1, 0.9, 0.2, 0.8, 0.9, 0.9], dims="step", coords={"step": [0, 10, 20, 40, 80, 160]}
    ... )
    >>> emergence_step(accuracy, 0.5).item(), emergence_step(accuracy, 0.95).item()
    (40.0, nan)
    """
    if "step" not in trajectory.dims:
        raise ValueError(
            f"trajectory has the dimensions {', '.join(map(str, trajectory.dims))}, and no step; "
            "record one with EmergenceAssessment(record_at=...)."
        )
    recorded = trajectory.dropna("step", how="all")
    if recorded.sizes["step"]:
        trajectory = recorded
    beyond = trajectory <= level if falling else trajectory >= level
    # The last step of a window of so many steps that are all beyond.
    count = beyond.astype(int).rolling(step=n_sustained).sum()
    first = (count == n_sustained).shift(step=1 - n_sustained, fill_value=False)
    crossed = first.any("step")
    return trajectory.step.isel(step=first.argmax("step")).where(crossed).drop_vars("step")
