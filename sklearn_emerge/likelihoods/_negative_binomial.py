"""Counts that vary more than their mean says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaln, digamma, gammaln, xlogy
from scipy.stats import nbinom

from .._families import Counts
from .._glm import GLMFit, fit_glm
from .._moments import Moments
from .._typing import Floats
from ._base import Chunks, Pairs
from ._poisson import Poisson

if TYPE_CHECKING:
    from .._losses import Loss

# Between which dispersions are searched; what is less is 0.
_RANGE = 1e-6, 1e9
# Regression and dispersion are found in turns, until the dispersion changes by less, relatively.
_N_TURNS, _CHANGE = 20, 1e-6


class NegativeBinomial(Poisson):
    r"""Counts of variance :math:`\mu + \alpha \mu^2`, of which a mean :math:`\mu` is predicted.

    The dispersion :math:`\alpha` of a channel is that of greatest likelihood given the predicted
    means of the training data; 0, where counts vary no more than Poisson counts.
    """

    name = "negative_binomial"

    def criterion(
        self, noise_std: float | Floats, scale: Floats, shape: Floats | None = None
    ) -> Loss:
        """Return the loss of logarithms of means."""
        from .._losses import CountLoss

        return CountLoss(np.zeros(len(scale)) if shape is None else shape)

    def settle(self, noise_std: Floats, given: bool, pairs: Pairs) -> tuple[Floats, Floats]:
        """Return the noise as it is, and the dispersions."""
        x, mean = pairs()
        return noise_std, dispersions(x, self.clip(mean))

    def shrink_head(
        self,
        chunks: Chunks,
        moments: Moments,
        penalty: float | Floats,
        known: tuple[Floats, Floats] | None = None,
    ) -> GLMFit:
        """Return a regression and, with it, the dispersion that suit each other best."""
        fit = fit_glm(chunks, moments, penalty, Counts(), known)
        before = np.zeros(len(fit.intercept))
        for _ in range(_N_TURNS):
            pairs = [(y, self.mean(rows @ fit.coef + fit.intercept)) for rows, y in chunks()]
            y, mean = (np.concatenate(each) for each in zip(*pairs, strict=True))
            found = dispersions(y, mean)
            if np.allclose(found, before, rtol=_CHANGE, atol=_RANGE[0]):
                break
            fit, before = fit_glm(chunks, moments, penalty, Counts(found), known), found
        return fit

    def log_density(
        self,
        x: Floats,
        mean: Floats,
        noise_std: float | Floats | None = None,
        shape: Floats | None = None,
    ) -> Floats:
        """Return the log probability of each count, in nats."""
        alpha = np.zeros(np.shape(x)[-1]) if shape is None else shape
        mean = self.clip(mean)
        some = np.where(alpha > 0, alpha, 1.0)
        grown = np.log1p(some * mean)
        # The beta function, because differences of gamma functions lose all digits.
        chosen = -np.log(np.maximum(x, 1.0)) - betaln(np.maximum(x, 1.0), 1 / some)
        density = np.where(x > 0, chosen, 0.0) - grown / some + xlogy(x, some * mean) - x * grown
        poisson = xlogy(x, mean) - mean - gammaln(x + 1)
        return np.where(alpha > 0, density, poisson)

    def draw(
        self,
        mean: Floats,
        uniforms: Floats,
        noise_std: float | Floats | None = None,
        shape: Floats | None = None,
    ) -> Floats:
        """Return counts."""
        counts = super().draw(mean, uniforms)
        alpha = np.broadcast_to(0.0 if shape is None else shape, mean.shape)
        some = alpha > 0
        counts[some] = nbinom.ppf(
            uniforms[some], 1 / alpha[some], 1 / (1 + alpha[some] * mean[some])
        )
        return counts


def dispersions(x: Floats, mean: Floats) -> Floats:
    r"""Return the dispersion of greatest likelihood of each channel, given means.

    It is where the derivative of the log-likelihood vanishes, with :math:`r = 1 / \alpha`:

    .. math:: \sum_i \psi(x_i + r) - \psi(r) - \log(1 + \alpha \mu_i)
              - \frac{x_i - \mu_i}{r + \mu_i} = 0,

    and 0 if counts vary no more than Poisson counts, :math:`\sum (x - \mu)^2 \le \sum x`.

    Parameters
    ----------
    x, mean : ndarray of shape (..., n_channels)
        Counts, NaN where there is none, and their means.

    Returns
    -------
    ndarray of shape (n_channels,)
        0, too, where all counts are: the likelihood then has no maximum.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.likelihoods._negative_binomial import dispersions
    >>> x = np.random.default_rng(0).negative_binomial(2, 0.4, size=(100_000, 1))  # mean 3
    >>> dispersions(x, np.full(x.shape, 3.0)).round(1).tolist()
    [0.5]
    """
    x, mean = x.reshape(-1, x.shape[-1]), np.broadcast_to(mean, x.shape).reshape(-1, x.shape[-1])
    return np.array([_dispersion(*each) for each in zip(x.T, mean.T, strict=True)])


def _dispersion(x: Floats, mean: Floats) -> float:
    seen = np.isfinite(x)
    x, mean = x[seen], mean[seen]
    if not x.any() or ((x - mean) ** 2).sum() <= x.sum():
        return 0.0
    # There are few different counts.
    counts, times = np.unique(x, return_counts=True)

    def slope(log_alpha: float) -> float:
        # By r. Nearer to 0 it is a difference of numbers that are all but equal.
        r = np.exp(-log_alpha)
        of_counts = times @ (digamma(counts + r) - digamma(r))
        return of_counts - (np.log1p(mean / r) + (x - mean) / (r + mean)).sum()

    low, high = np.log(_RANGE)
    return float(np.exp(brentq(slope, low, high, xtol=1e-12))) if slope(low) < 0 else 0.0
