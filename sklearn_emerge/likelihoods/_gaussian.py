"""Quantities with Gaussian noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri
from scipy.stats import norm

from .._moments import Moments
from .._ridge import RidgeFit
from .._typing import Floats
from ._base import Chunks, Likelihood

if TYPE_CHECKING:
    from .._losses import Loss


class Gaussian(Likelihood):
    """Quantities, around whose means there is noise of a standard deviation each channel."""

    name = "gaussian"
    discrete = False
    identity_link = True
    closed_form = True

    def check(self, X: Floats) -> None:
        """Take every number."""

    def mean(self, output: Floats) -> Floats:
        """Return the output itself."""
        return output

    def is_mean(self, mean: Floats) -> bool | np.bool_:
        """Return True."""
        return True

    def frequency(self, total: Floats, count: float | Floats) -> Floats:
        """Return the mean."""
        return total / count

    def repeat(self, x: Floats, share: float | Floats) -> Floats:
        """Return the present steps, however seldom they stay."""
        return x.copy()

    def criterion(
        self, noise_std: float | Floats, scale: Floats, shape: Floats | None = None
    ) -> Loss:
        """Return the loss on the scale of the data."""
        from .._losses import GaussianLoss

        return GaussianLoss(noise_std, scale)

    def fit_head(self, ridge: RidgeFit, chunks: Chunks, moments: Moments) -> RidgeFit:
        """Return the ridge regression."""
        return ridge

    def log_density(
        self, x: Floats, mean: Floats, noise_std: float | Floats, shape: Floats | None = None
    ) -> Floats:
        """Return the log density of each channel, in nats."""
        return norm.logpdf(x, mean, noise_std)

    def draw(
        self, mean: Floats, uniforms: Floats, noise_std: float | Floats, shape: Floats | None = None
    ) -> Floats:
        """Return quantities."""
        return mean + noise_std * ndtri(uniforms)
