"""Values of a measure as a labelled array."""

from collections.abc import Mapping
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from ..predictors._neural import NeuralPredictor


def named(
    values: NDArray[Any],
    coords: Mapping[str, Any],
    names: Mapping[str, str],
    long_name: str,
    units: str,
) -> xr.DataArray:
    """Return values as a DataArray whose dimensions say in words what they are.

    Parameters
    ----------
    values : array-like
        Numbers, an axis for each coordinate.
    coords : dict of str to sequence
        The dimensions and their labels.
    names : dict of str to str
        The dimensions in words.
    long_name, units : str
        What the values are.

    Returns
    -------
    xarray.DataArray
    """
    result = xr.DataArray(values, coords, dims=list(coords))
    for name, words in names.items():
        result[name].attrs["long_name"] = words
    return result.assign_attrs(long_name=long_name, units=units)


def with_depth(values: xr.DataArray, predictor: NeuralPredictor) -> xr.DataArray:
    """Return values with the depths of their layers, by which networks of other sizes compare.

    Parameters
    ----------
    values : xarray.DataArray
        With the dimension layer: numbers of layers, or places.
    predictor : NeuralPredictor
        The network.

    Returns
    -------
    xarray.DataArray
        With the coordinate ``depth`` along layers: the number of a layer by that of the last. The
        embedding has 0, all places of a block that of its output, and "hidden", which the head
        reads, 1, before a final normalisation and after it. NaN where a place is of no layer.
    """
    depth = [
        predictor._depth_of_place(each) if isinstance(each, str) else each / predictor.layers_[-1]
        for each in values.layer.values.tolist()
    ]
    words = {"long_name": "layer, as a share of all layers", "units": "1"}
    return values.assign_coords(depth=("layer", depth, words))
