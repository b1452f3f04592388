"""Whether deeper layers fall lower, and whether they do so earlier."""

from numbers import Real

import numpy as np
import xarray as xr
from sklearn.utils._param_validation import Interval, validate_params

from ..inference._labelled import means, p_values, share_intervals
from ._events import check_window
from ._floors import collapse_floor
from ._labels import RUNS, TASK_LEVELS, check_labelled, check_only, check_seeds

# Slopes this small beside the values that they come from are rounding.
_TIE = 1e-12


@validate_params(
    {
        "measure": "no_validation",
        "window": [tuple, list],
        "nearly": [Interval(Real, 1, None, closed="left")],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
    },
    prefer_skip_nested_validation=True,
)
def layer_order(
    measure: xr.DataArray,
    *,
    window: tuple[float, float] = (0, 200),
    nearly: float = 1.1,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Return whether deeper layers have lower floors, and whether they reach them earlier.

    These are two claims. "gradient": the slope of the floor over depth is negative. "propagation":
    the slope over depth of the update at which a layer is first within `nearly` times its floor is
    negative. Of each run it is the share of task-levels of which that holds; a slope of zero counts
    half. Two layers agree by chance half the time, so that the share is tested against a half.

    Parameters
    ----------
    measure : xarray.DataArray
        A variable of a cube with the dimensions ``layer``, ``seed`` and ``step``, and mostly task,
        level and size. Depth is the coordinate ``depth`` of the layers if there is one, for each
        size or for all, else their numbers, else their order. Sizes may have different layers: one
        that is NaN in all runs of a size is none of it. Pass outputs of blocks: a floor after the
        final norm is another quantity, and an embedding layer can be constant.
    window : tuple of float, default=(0, 200)
        First and last update of the start of training, see `collapse_floor`.
    nearly : float, default=1.1
        Multiple of the floor at which it counts as reached.
    confidence : float, default=0.95
        Coverage of the interval over runs, which is between 0 and 1: Wilson's, with as many
        independent task-levels as the shares of runs differ by (Korn and Graubard, 1998), and with
        Student's quantile.

    Returns
    -------
    xarray.Dataset
        By ``claim`` (and size): ``run_share`` of each run, its ``share`` (mean), ``low`` and
        ``high`` over runs, and the ``p_value`` of a sign-flip test that the share is above a half,
        the direction stated beforehand. Runs in which nothing was recorded are NaN, and sizes
        with fewer than two layers.

    Raises
    ------
    ValueError
        If a dimension is missing or not known, there are fewer than two layers or seeds, visits do
        not rise, or an argument is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import layer_order
    >>> of_run = [[9, 6, 5, 5], [9, 4, 3, 3]]  # layer 1, then layer 2, which is lower and as early
    >>> rankme = xr.DataArray(
    ...     [of_run] * 5, dims=("seed", "layer", "step"), coords={"step": [0, 50, 100, 150]}
    ... )
    >>> found = layer_order(rankme)
    >>> found.share.sel(claim="gradient").item(), found.share.sel(claim="propagation").item()
    (1.0, 0.5)
    >>> found.p_value.sel(claim="gradient").item()
    0.03125
    """
    check_labelled(measure, "measure", ["layer", "seed", "step"])
    check_only(measure, "measure", [*TASK_LEVELS, *RUNS, "layer", "step"])
    check_seeds(measure, "measure")
    if measure.sizes["layer"] < 2:
        raise ValueError("measure has one layer, and an order needs at least 2; record more.")
    first, last = check_window(window)
    floor = collapse_floor(measure, window=window).floor
    inside = measure.isel(step=((measure.step >= first) & (measure.step <= last)).values)
    # Beyond a positive floor; of a negative one (a loss of curvature) the tenth is added, too.
    reached = inside <= floor + (nearly - 1) * np.abs(floor)
    arrival = inside.step.astype(float).isel(step=reached.argmax("step")).drop_vars("step")
    depth = _depth(measure)
    claims = {"gradient": floor, "propagation": arrival.where(floor.notnull())}
    over = [dim for dim in TASK_LEVELS if dim in measure.dims]
    run_share = xr.concat(
        [_deeper_is_less(values, depth).mean(over) for values in claims.values()],
        xr.Variable("claim", list(claims)),
    )
    n_units = int(np.prod([measure.sizes[dim] for dim in over]))
    low, high = share_intervals(run_share, n_units, confidence)
    return xr.Dataset(
        {
            "run_share": run_share,
            "share": means(run_share),
            "low": low,
            "high": high,
            "p_value": p_values(run_share - 0.5),
        }
    )


def _depth(measure: xr.DataArray) -> xr.DataArray:
    """Return the depths of layers, of each size if they differ."""
    for name in ("depth", "layer"):
        coordinate = measure.coords.get(name)
        along_layers = coordinate is not None and set(coordinate.dims) - {"size"} == {"layer"}
        if along_layers and coordinate.dtype.kind in "iuf":
            return coordinate.astype(float).reset_coords(drop=True)
    return xr.DataArray(np.arange(measure.sizes["layer"], dtype=float), dims="layer")


def _deeper_is_less(values: xr.DataArray, depth: xr.DataArray) -> xr.DataArray:
    """Return 1 where values fall with depth, 0 where they rise, one half where neither."""
    # Layers of which a size has nothing in any run are none of its own.
    own = values.notnull().any([dim for dim in values.dims if dim not in ("size", "layer")])
    centred = (depth - depth.where(own).mean("layer")).where(own, 0.0)
    slope = (values.where(own, 0.0) * centred).sum("layer", skipna=False)
    slope = slope.where(own.sum("layer") > 1)
    size = (np.abs(values) * np.abs(centred)).sum("layer")
    sign = np.sign(slope.where(np.abs(slope) > _TIE * size, 0.0)).where(slope.notnull())
    return (1 - sign) / 2
