"""Likelihoods of the next step given its predicted mean."""

import numpy as np
from scipy.special import xlog1py, xlogy
from scipy.stats import norm

LIKELIHOODS = ("gaussian", "bernoulli", "categorical")

# Predicted probabilities are kept this far from 0 and 1, so that one surprise stays finite.
_SMALLEST_PROBABILITY = 1e-6


def log_density(x, mean, likelihood, noise_std):
    """Return the log density of each observation, in nats.

    Parameters
    ----------
    x, mean : ndarray of shape (n_sequences, n_steps, n_channels)
        Observations and their predicted means.
    likelihood : {"gaussian", "bernoulli", "categorical"}
        The family. Categorical channels are the tokens, one of them 1 and the others 0.
    noise_std : float or ndarray of shape (n_channels,)
        Standard deviation of the Gaussian, in units of the data.

    Returns
    -------
    ndarray of the same shape
        Summed over the channels it is the log density of a step.
    """
    if likelihood == "gaussian":
        return norm.logpdf(x, mean, noise_std)
    if likelihood == "categorical":
        return xlogy(x, np.maximum(mean, _SMALLEST_PROBABILITY))
    p = clip_probability(mean)
    return xlogy(x, p) + xlog1py(1 - x, -p)


def clip_probability(p):
    """Keep probabilities inside [1e-6, 1 - 1e-6]."""
    return np.clip(p, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)


def frequency(total, count, likelihood):
    """Return total / count; for probabilities with one more of each outcome.

    Parameters
    ----------
    total, count : float or ndarray
        Sum of the observations and how many there were.
    likelihood : {"gaussian", "bernoulli", "categorical"}
        Laplace's rule applies to all but "gaussian", so that no probability is 0 or 1.

    Returns
    -------
    float or ndarray
    """
    if likelihood == "bernoulli":
        return (total + 1) / (count + 2)
    if likelihood == "categorical":
        return (total + 1) / (count + total.shape[-1])
    return total / count
