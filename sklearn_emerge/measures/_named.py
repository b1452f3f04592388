"""Values of a measure as a labelled array."""

import xarray as xr


def named(values, coords, names, long_name, units):
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
