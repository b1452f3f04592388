"""Counts whose mean itself is linear, not its logarithm."""

import numpy as np

from .._moments import Moments
from .._ridge import RidgeFit
from .._typing import Floats
from ._base import Chunks
from ._poisson import Poisson


class LinearCounts(Poisson):
    """Counts, whose mean is linear in features as far as that is more than a least mean.

    Their regression is that of least squares. What they are scored by is the likelihood that they
    are fitted for.

    Parameters
    ----------
    least : ndarray of shape (n_channels,)
        The least mean of each channel.
    """

    identity_link = True
    closed_form = True

    def __init__(self, least: Floats) -> None:
        self.least = least

    def mean(self, output: Floats) -> Floats:
        """Return the output where it is more than the least mean."""
        return np.maximum(output, self.least)

    def fit_head(self, ridge: RidgeFit, chunks: Chunks, moments: Moments) -> RidgeFit:  # type: ignore[override]
        """Return the ridge regression."""
        return ridge
