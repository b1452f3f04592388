"""How accuracies of single networks vary around a curve: the law that the bootstrap draws from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from .._typing import Floats

if TYPE_CHECKING:
    from ._fit import Data

# Half the width of the cell in which an accuracy is seen, as a share of the range.
_CELL = 0.005
# Share of the largest possible variance, m (1 - m); 1 is a network at one of both ends.
_SHARES = 1 - np.append(np.geomspace(1 - 1e-5, 1e-3, 120), 1e-6)
# Networks that jump have at least this share; those of a smooth curve have about a tenth.
_JUMP = 0.5


def are_replicated(data: Data) -> bool:
    """Return whether the data are rates of several networks a capacity, which differ."""
    low, high = _levels(data)
    return data.trials is None and len(np.unique(data.x)) < len(data.x) and low < high


def draw_networks(
    data: Data, mean: Floats, spread: float, n_draws: int, rng: np.random.Generator
) -> Floats:
    """Draw accuracies of networks around the means of a curve.

    Networks that learn one by one are at the lower or the upper level, so that they vary most
    where the curve is half way and not at all at its ends; others vary alike everywhere. Of a
    beta distribution, whose variance is a share of the largest possible one, and a normal one of
    the same spread at every capacity, that is drawn from under which the accuracies seen are more
    likely. The share has the largest likelihood, too: variances within a capacity would
    be too small just where three networks happen to have the same fate.

    Parameters
    ----------
    data : Data
        One data set.
    mean : ndarray of shape (n,)
        Means of the curve.
    spread : float
        Standard deviation around it.
    n_draws : int
        Data sets to draw.
    rng : Generator
        Random numbers.

    Returns
    -------
    ndarray of shape (n_draws, n)
        Rates.
    """
    beta, normal = _log_likelihoods(data, mean, spread)
    if normal >= beta.max():
        return mean + spread * rng.standard_normal((n_draws, len(mean)))
    low, high = _levels(data)
    share = _SHARES[beta.argmax()]
    return low + (high - low) * rng.beta(*_beta(data, mean, share), (n_draws, len(mean)))


def draw_jumps(data: Data, mean: Floats, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draw networks of which each is at the lower or the upper level, with these means."""
    low, high = _levels(data)
    share = np.clip((mean - low) / (high - low), 0, 1)
    jumped: Floats = rng.binomial(1, share, (n_draws, len(mean))).astype(float)
    return low + (high - low) * jumped


def jump_p_value(data: Data, mean: Floats, spread: float) -> float:
    """Return the p-value of a likelihood-ratio test that networks are at one of both levels."""
    beta, normal = _log_likelihoods(data, mean, spread)
    ratio = 2 * (max(beta.max(), normal) - beta[_SHARES >= _JUMP].max())
    return float(stats.chi2.sf(ratio, 1))


def _levels(data: Data) -> tuple[float, float]:
    """Return the lower and the upper end of what networks reach, known or seen."""
    low = data.rate.min() if data.chance is None else data.chance
    high = data.rate.max() if data.asymptote is None else data.asymptote
    return low, high


def _beta(data: Data, mean: Floats, share: float | Floats) -> tuple[Floats, Floats]:
    """Return the parameters of beta distributions with these means and share of variance."""
    low, high = _levels(data)
    m = np.clip((mean - low) / (high - low), 1e-6, 1 - 1e-6)
    return m * (1 / share - 1), (1 - m) * (1 / share - 1)


def _log_likelihoods(data: Data, mean: Floats, spread: float) -> tuple[Floats, float]:
    """Return the log-likelihood of beta laws, for each share, and that of the normal one."""
    low, high = _levels(data)
    y = np.clip((data.rate[0] - low) / (high - low), 0, 1)
    beta = stats.beta(*_beta(data, mean, _SHARES[:, np.newaxis]))
    normal = stats.norm((mean - low) / (high - low), max(spread / (high - low), 1e-9))
    return _log_likelihood(y, beta.cdf), float(_log_likelihood(y, normal.cdf))


def _log_likelihood(y: Floats, cdf: Callable[[Floats], Floats]) -> Floats:
    """Return the log-probability of the cells of accuracies; those at the ends are open."""
    above = np.where(y > 1 - _CELL, np.inf, y + _CELL)
    below = np.where(y < _CELL, -np.inf, y - _CELL)
    return np.log(np.maximum(cdf(above) - cdf(below), 1e-300)).sum(axis=-1)
