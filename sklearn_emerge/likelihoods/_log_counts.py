"""Counts, the logarithm of whose mean is linear, kept from running away."""

from dataclasses import replace

import numpy as np

from .._glm import GLMFit
from .._moments import Moments
from .._ridge import RidgeFit
from .._typing import Floats
from ._base import Chunks
from ._poisson import Poisson


class LogCounts(Poisson):
    """Counts whose means are no larger than what was counted, with a least penalty.

    What is linear in many counts may be large in a sequence where more happens than in training,
    and its exponential is beyond all that was ever seen.

    Parameters
    ----------
    likelihood : Poisson
        The likelihood that heads are fitted for.
    most : ndarray of shape (n_channels,)
        The largest mean of each channel.
    penalty : float
        The least penalty, in the units of `fit_ridge`, where 1 halves the coefficient of a feature
        alone.
    """

    def __init__(self, likelihood: Poisson, most: Floats, penalty: float) -> None:
        self.likelihood = likelihood
        self.most = most
        self.penalty = penalty

    def mean(self, output: Floats) -> Floats:
        """Return the means whose logarithms are given, as far as they are no larger."""
        return np.minimum(self.likelihood.mean(output), self.most)

    def fit_head(self, ridge: RidgeFit, chunks: Chunks, moments: Moments) -> GLMFit:
        """Return a regression with the penalties of the ridge regression, or the least one."""
        penalty = np.maximum(ridge.penalty, self.penalty)
        return self.likelihood.fit_head(replace(ridge, penalty=penalty), chunks, moments)

    def shrink_head(
        self,
        chunks: Chunks,
        moments: Moments,
        penalty: float | Floats,
        known: tuple[Floats, Floats] | None = None,
    ) -> GLMFit:
        """Return a regression that is shrunk towards a known one; see `fit_glm`."""
        return self.likelihood.shrink_head(chunks, moments, penalty, known)
