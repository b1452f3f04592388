"""Intervals of means over seeds, of what cubes have no intervals of."""

import numpy as np
import xarray as xr

from .._typing import Floats
from ..inference._labelled import complete, intervals
from ._style import ends_of

# What `seeds_in_words` says of them.
_CONFIDENCE = 0.95


def band_of(
    values: xr.DataArray, bounds: tuple[float | None, float | None] = (None, None)
) -> Floats:
    """Return the ends of Student's 95% interval of the mean over seeds, within what is possible.

    Parameters
    ----------
    values : xarray.DataArray with a dimension seed
        What is shown.
    bounds : (float or None, float or None), default=(None, None)
        The values that are possible.

    Returns
    -------
    ndarray of shape (2, ...)
        The low and the high ends; NaN where a seed has no value, or there is one only.
    """
    return np.clip(intervals(complete(values), _CONFIDENCE), *ends_of(bounds))
