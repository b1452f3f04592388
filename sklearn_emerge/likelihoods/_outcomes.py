"""What likelihoods of outcomes share: logistic heads, and probabilities on no edge."""

from __future__ import annotations

import numpy as np

from .._families import Family
from .._glm import GLMFit, fit_glm
from .._moments import Moments
from .._ridge import RidgeFit
from .._typing import Floats
from ._base import Chunks, Likelihood

# Predicted probabilities are kept this far from 0 and 1, so that one surprise stays finite.
SMALLEST_PROBABILITY = 1e-6


class Outcomes(Likelihood):
    """Probabilities of outcomes, whose heads are logistic or softmax regressions.

    Attributes
    ----------
    family : Family
        Which of the two.
    """

    family: Family
    means_in_words = "probabilities (for tokens they sum to 1)"

    def fit_head(self, ridge: RidgeFit, chunks: Chunks, moments: Moments) -> GLMFit:
        """Return a regression with the penalty of the ridge regression."""
        # One penalty for all that vary; the variance of zeros and ones is a quarter at most.
        variance = ridge.scale[moments.n_features :] ** 2
        varying = variance < 0.5
        penalty = np.exp(np.log((ridge.penalty * variance)[varying]).mean()) if varying.any() else 1
        return self.shrink_head(chunks, moments, penalty)

    def shrink_head(
        self,
        chunks: Chunks,
        moments: Moments,
        penalty: float,
        known: tuple[Floats, Floats] | None = None,
    ) -> GLMFit:
        """Return a regression that is shrunk towards a known one; see `fit_glm`."""
        return fit_glm(chunks, moments, penalty, self.family, known)


def clip_probability(p: Floats) -> Floats:
    """Keep probabilities inside [1e-6, 1 - 1e-6]."""
    return np.clip(p, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
