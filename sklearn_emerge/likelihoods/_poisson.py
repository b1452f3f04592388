"""Counts whose variance is their mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, xlogy
from scipy.stats import poisson

from .._families import Counts
from .._glm import GLMFit, fit_glm
from .._moments import Moments
from .._ridge import RidgeFit
from .._typing import Floats
from ._base import Chunks, Likelihood, first_of

if TYPE_CHECKING:
    from .._losses import Loss

# Predicted means are kept inside, so that one surprise stays finite.
_SMALLEST_MEAN, _LARGEST_MEAN = 1e-6, 1e9


class Poisson(Likelihood):
    """Counts, the logarithm of whose mean is linear in features."""

    name = "poisson"
    counts = True
    means_in_words = "numbers above 0"

    def check(self, X: Floats) -> None:
        """Raise a ValueError unless X is made of counts."""
        wrong = (X < 0) | ((np.floor(X) != X) & ~np.isnan(X))
        if wrong.any():
            raise ValueError(
                f"likelihood={self.name!r} is for counts, integers from 0 on, but "
                f"{first_of(X, wrong)}; pass counts, or use "
                "likelihood='gaussian' (or 'student_t') for quantities."
            )

    def mean(self, output: Floats) -> Floats:
        """Return the means whose logarithms are given."""
        return np.exp(np.clip(output, np.log(_SMALLEST_MEAN), np.log(_LARGEST_MEAN)))

    def clip(self, mean: Floats) -> Floats:
        """Return means inside [1e-6, 1e9]."""
        return np.clip(mean, _SMALLEST_MEAN, _LARGEST_MEAN)

    def possible(self, mean: Floats) -> Floats:
        """Return means of at least 1e-6."""
        return np.maximum(mean, _SMALLEST_MEAN)

    def is_mean(self, mean: Floats) -> bool | np.bool_:
        """Return whether all are above 0."""
        return (mean > 0).all()

    def frequency(self, total: Floats, count: float | Floats) -> Floats:
        """Return the mean, half an event more counted: the posterior mean under Jeffreys' prior."""
        return (total + 0.5) / count

    def staying(self, past: Floats, following: Floats) -> Floats:
        """Return the mean of what follows a 0, of which there may be one more."""
        after_zero = (past == 0) & ~np.isnan(following)
        total = np.where(after_zero, following, 0.0).sum(axis=(0, 1))
        return self.frequency(total, np.maximum(after_zero.sum(axis=(0, 1)), 1))

    def repeat(self, x: Floats, share: float | Floats) -> Floats:
        """Return the present counts; after a 0, which is no mean, what is given."""
        return np.where(x > 0, x, share)

    def criterion(
        self, noise_std: float | Floats, scale: Floats, shape: Floats | None = None
    ) -> Loss:
        """Return the loss of logarithms of means."""
        from .._losses import CountLoss

        return CountLoss(np.zeros(len(scale)))

    def noise(
        self, n_channels: int, given: float | Floats | None, estimate: Callable[[], Floats]
    ) -> Floats:
        """Return NaN: the mean says how much counts vary."""
        return np.full(n_channels, np.nan)

    def fit_head(self, ridge: RidgeFit, chunks: Chunks, moments: Moments) -> GLMFit:
        """Return a regression with the penalties of the ridge regression, one a channel."""
        n = moments.n_features
        folds = np.flatnonzero(moments.counts)
        mean = (moments.mean(folds) + moments.origin)[n:]
        # Of what is 0 everywhere, which needs no coefficients, no penalty was chosen.
        penalty = np.where(mean > 0, ridge.penalty, 1.0) * self.possible(mean)
        return self.shrink_head(chunks, moments, penalty)

    def shrink_head(
        self,
        chunks: Chunks,
        moments: Moments,
        penalty: float | Floats,
        known: tuple[Floats, Floats] | None = None,
    ) -> GLMFit:
        """Return a regression that is shrunk towards a known one; see `fit_glm`."""
        return fit_glm(chunks, moments, penalty, Counts(), known)

    def log_density(
        self,
        x: Floats,
        mean: Floats,
        noise_std: float | Floats | None = None,
        shape: Floats | None = None,
    ) -> Floats:
        """Return the log probability of each count, in nats."""
        mean = self.clip(mean)
        return xlogy(x, mean) - mean - gammaln(x + 1)

    def draw(
        self,
        mean: Floats,
        uniforms: Floats,
        noise_std: float | Floats | None = None,
        shape: Floats | None = None,
    ) -> Floats:
        """Return counts."""
        return poisson.ppf(uniforms, mean)
