"""Zeros and ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, xlog1py, xlogy

from .._families import Logistic
from .._typing import Floats
from ._base import first_of
from ._outcomes import Outcomes, clip_probability

if TYPE_CHECKING:
    from .._losses import Loss


class Bernoulli(Outcomes):
    """Zeros and ones, whose means are the probabilities of a one."""

    name = "bernoulli"
    family = Logistic()

    def check(self, X: Floats) -> None:
        """Raise a ValueError unless X is made of zeros and ones."""
        wrong = (X != 0) & (X != 1) & ~np.isnan(X)
        if wrong.any():
            raise ValueError(
                f"likelihood='bernoulli' is for zeros and ones, but {first_of(X, wrong)}; use "
                "likelihood='gaussian' or binarise X."
            )

    def mean(self, output: Floats) -> Floats:
        """Return the probabilities that log odds stand for."""
        return expit(output)

    def clip(self, mean: Floats) -> Floats:
        """Return probabilities inside [1e-6, 1 - 1e-6]."""
        return clip_probability(mean)

    def possible(self, mean: Floats) -> Floats:
        """Return probabilities inside [0, 1]."""
        return np.clip(mean, 0.0, 1.0)

    def is_mean(self, mean: Floats) -> bool | np.bool_:
        """Return whether all are probabilities."""
        return (mean >= 0).all() and (mean <= 1).all()

    def frequency(self, total: Floats, count: float | Floats) -> Floats:
        """Return the share of ones, one more of each outcome counted."""
        return (total + 1) / (count + 2)

    def repeat(self, x: Floats, share: float | Floats) -> Floats:
        """Return the share where there is a one, the rest elsewhere."""
        return np.where(x > 0, share, 1 - share)

    def criterion(
        self, noise_std: float | Floats, scale: Floats, shape: Floats | None = None
    ) -> Loss:
        """Return the loss of log odds."""
        from .._losses import BernoulliLoss

        return BernoulliLoss()

    def log_density(
        self,
        x: Floats,
        mean: Floats,
        noise_std: float | Floats | None = None,
        shape: Floats | None = None,
    ) -> Floats:
        """Return the log probability of each channel, in nats."""
        p = clip_probability(mean)
        return xlogy(x, p) + xlog1py(1 - x, -p)

    def draw(
        self,
        mean: Floats,
        uniforms: Floats,
        noise_std: float | Floats | None = None,
        shape: Floats | None = None,
    ) -> Floats:
        """Return zeros and ones."""
        return (uniforms > 1 - mean).astype(np.float64)
