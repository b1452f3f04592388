"""Values of a measure as a labelled array."""

from collections.abc import Mapping
from typing import Any

import xarray as xr
from numpy.typing import NDArray


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
