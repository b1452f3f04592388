"""How accuracies of single networks vary around a curve: the law that the bootstrap draws from."""

import numpy as np
from scipy import stats

# Half the width of the cell in which an accuracy is seen, as a share of the range.
_CELL = 0.005
# Share of the largest possible variance, m (1 - m); 1 is a network at one of both ends.
_SHARES = 1 - np.append(np.geomspace(1 - 1e-5, 1e-3, 120), 1e-6)


def are_replicated(data):
    """Return whether the data are rates of several networks a capacity, which differ."""
    low, high = _levels(data)
    return data.trials is None and len(np.unique(data.x)) < len(data.x) and low < high


def draw_networks(data, mean, spread, n_draws, rng):
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
    low, high = _levels(data)
    place = (mean - low) / (high - low)
    m = np.clip(place, 1e-6, 1 - 1e-6)
    y = np.clip((data.rate[0] - low) / (high - low), 0, 1)
    a, b = (part * (1 / _SHARES[:, np.newaxis] - 1) for part in (m, 1 - m))
    beta = _log_likelihood(y, lambda ends: stats.beta.cdf(ends, a, b))
    scale = max(spread / (high - low), 1e-9)
    normal = _log_likelihood(y, lambda ends: stats.norm.cdf(ends, place, scale))
    if normal >= beta.max():
        return mean + spread * rng.standard_normal((n_draws, len(mean)))
    i = beta.argmax()
    return low + (high - low) * rng.beta(a[i], b[i], (n_draws, len(mean)))


def draw_jumps(data, mean, n_draws, rng):
    """Draw networks of which each is at the lower or the upper level, with these means."""
    low, high = _levels(data)
    share = np.clip((mean - low) / (high - low), 0, 1)
    return low + (high - low) * rng.binomial(1, share, (n_draws, len(mean)))


def _levels(data):
    """Return the lower and the upper end of what networks reach, known or seen."""
    low = data.rate.min() if data.chance is None else data.chance
    high = data.rate.max() if data.ceiling is None else data.ceiling
    return low, high


def _log_likelihood(y, cdf):
    """Return the log-probability of the cells of accuracies; those at the ends are open."""
    above = np.where(y > 1 - _CELL, np.inf, y + _CELL)
    below = np.where(y < _CELL, -np.inf, y - _CELL)
    return np.log(np.maximum(cdf(above) - cdf(below), 1e-300)).sum(axis=-1)
