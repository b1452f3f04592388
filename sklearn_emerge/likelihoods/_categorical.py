"""Tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from .._families import Softmax
from .._missing import is_observed
from .._tokens import as_indices
from .._typing import Floats
from ._outcomes import SMALLEST_PROBABILITY, Outcomes

if TYPE_CHECKING:
    from .._losses import Loss


class Categorical(Outcomes):
    """Tokens, integers of shape (..., 1), whose means are the probabilities of each."""

    name = "categorical"
    tokens = True
    family = Softmax()

    def check(self, X: Floats) -> None:
        """Take what `vocabulary_size` lets pass: it finds what is no token."""

    def mean(self, output: Floats) -> Floats:
        """Return the probabilities that logits stand for."""
        return softmax(output, axis=-1)

    def possible(self, mean: Floats) -> Floats:
        """Return probabilities that sum to 1."""
        mean = np.clip(mean, 0.0, 1.0)
        return mean / mean.sum(axis=-1, keepdims=True)

    def is_mean(self, mean: Floats) -> bool | np.bool_:
        """Return whether all are probabilities that sum to 1."""
        return (mean >= 0).all() and np.allclose(mean.sum(axis=-1), 1)

    def frequency(self, total: Floats, count: float | Floats) -> Floats:
        """Return the share of each token, one more of each counted."""
        return (total + 1) / (count + total.shape[-1])

    def staying(self, past: Floats, following: Floats) -> float:
        """Return the share of tokens that are as the one before, one more of each outcome."""
        stays = int((following == past).sum())
        return (stays + 1) / (int(is_observed(following).sum()) + 2)

    def repeat(self, x: Floats, share: float | Floats, n_tokens: int = 1) -> Floats:
        """Return the share where the token is, the rest shared by all others."""
        if n_tokens == 1:
            return np.ones_like(x)
        mean = np.full((*x.shape[:-1], n_tokens), (1 - share) / (n_tokens - 1))
        np.put_along_axis(mean, as_indices(x)[..., np.newaxis], share, axis=-1)
        return mean

    def criterion(
        self, noise_std: float | Floats, scale: Floats, shape: Floats | None = None
    ) -> Loss:
        """Return the loss of logits."""
        from .._losses import CategoricalLoss

        return CategoricalLoss()

    def noise(
        self, n_channels: int, given: float | Floats | None, estimate: Callable[[], Floats]
    ) -> Floats:
        """Return NaN: tokens have no noise."""
        return np.full(n_channels, np.nan)

    def log_density(
        self,
        x: Floats,
        mean: Floats,
        noise_std: float | Floats | None = None,
        shape: Floats | None = None,
    ) -> Floats:
        """Return the log probability of the token that occurs, of shape (..., 1), in nats."""
        places = np.broadcast_to(as_indices(x)[..., np.newaxis], (*mean.shape[:-1], 1))
        chosen: Floats = np.take_along_axis(mean, places, axis=-1)
        return np.log(np.maximum(chosen, SMALLEST_PROBABILITY))

    def draw(
        self,
        mean: Floats,
        uniforms: Floats,
        noise_std: float | Floats | None = None,
        shape: Floats | None = None,
    ) -> Floats:
        """Return a token each, of shape (..., 1)."""
        below = mean.cumsum(axis=-1)
        # Outputs that are no tokens, and rounding, leave less than 1 for all tokens together.
        token = (below[..., :-1] < uniforms * below[..., -1:]).sum(axis=-1)
        return token[..., np.newaxis].astype(np.float64)
