"""Likelihoods of the next step given its predicted mean: an object each, looked up by name."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from scipy.special import expit, softmax, xlog1py, xlogy
from scipy.stats import norm

from ._typing import Floats
from ._validation import encode_tokens

# Predicted probabilities are kept this far from 0 and 1, so that one surprise stays finite.
_SMALLEST_PROBABILITY = 1e-6


class Likelihood(ABC):
    """What a family of distributions decides about: data, means, heads and scores.

    Attributes
    ----------
    name : str
        What the parameter `likelihood` of a predictor says.
    discrete : bool
        Whether means are probabilities.
    tokens : bool
        Whether sequences are tokens, which predictors see as channels, one a token of the
        vocabulary, of which one is 1 and the others 0.
    """

    name: str
    discrete = True
    tokens = False

    @abstractmethod
    def check(self, X: Floats) -> None:
        """Raise a ValueError unless X is made of what the likelihood is for.

        Parameters
        ----------
        X : ndarray of shape (n_sequences, n_steps, n_channels)
            Sequences for training.
        """

    def encode(self, X: Floats, n_tokens: int | None) -> Floats:
        """Return sequences as the channels whose means are predicted.

        Parameters
        ----------
        X : ndarray of shape (n_sequences, n_steps, n_channels)
            Sequences.
        n_tokens : int or None
            Size of the vocabulary, of tokens; None takes it from X.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_channels or n_tokens)

        Raises
        ------
        ValueError
            If they are no tokens, or not of the vocabulary.
        """
        return X

    @abstractmethod
    def mean(self, output: Floats) -> Floats:
        """Return the means, given what a head makes of features: the inverse of the link.

        Parameters
        ----------
        output : ndarray of shape (..., n_channels)
            What is linear in the features.

        Returns
        -------
        ndarray of the same shape
        """

    def clip(self, mean: Floats) -> Floats:
        """Return means that a predictor gives away: probabilities inside [1e-6, 1 - 1e-6]."""
        return mean

    @abstractmethod
    def is_mean(self, mean: Floats) -> bool | np.bool_:
        """Return whether an array of shape (..., n_channels) can be a mean."""

    @abstractmethod
    def frequency(self, total: Floats, count: float | Floats) -> Floats:
        """Return total / count; of probabilities by Laplace's rule, so that none is 0 or 1.

        Parameters
        ----------
        total : ndarray
            Sums of the observations.
        count : float or ndarray
            How many there were.

        Returns
        -------
        ndarray
        """

    def noise(self, n_channels: int, given: float | None, estimate: Callable[[], Floats]) -> Floats:
        """Return the standard deviation of the noise of each channel, NaN where there is none.

        Parameters
        ----------
        n_channels : int
            How many channels.
        given : float or None
            The one of all channels, in units of the data; None takes that of `estimate`.
        estimate : callable
            Returns those that the data show, of shape (n_channels,).

        Returns
        -------
        ndarray of shape (n_channels,)
        """
        return estimate() if given is None else np.full(n_channels, float(given))

    @abstractmethod
    def log_density(self, x: Floats, mean: Floats, noise_std: float | Floats) -> Floats:
        """Return the log density of each observation, in nats.

        Parameters
        ----------
        x, mean : ndarray of shape (n_sequences, n_steps, n_channels)
            Observations and their predicted means.
        noise_std : float or ndarray of shape (n_channels,)
            Standard deviation of the noise of quantities, in units of the data.

        Returns
        -------
        ndarray of the same shape
            Summed over the channels it is the log density of a step.
        """


class Gaussian(Likelihood):
    """Quantities, around whose means there is noise of a standard deviation each channel."""

    name = "gaussian"
    discrete = False

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

    def log_density(self, x: Floats, mean: Floats, noise_std: float | Floats) -> Floats:
        """Return the log density of each channel, in nats."""
        return norm.logpdf(x, mean, noise_std)


class Bernoulli(Likelihood):
    """Zeros and ones, whose means are the probabilities of a one."""

    name = "bernoulli"

    def check(self, X: Floats) -> None:
        """Raise a ValueError unless X is made of zeros and ones."""
        if not ((X == 0) | (X == 1)).all():
            other = X[(X != 0) & (X != 1)][0]
            raise ValueError(
                f"likelihood='bernoulli' is for zeros and ones, but X contains {other}; use "
                "likelihood='gaussian' or binarise X."
            )

    def mean(self, output: Floats) -> Floats:
        """Return the probabilities that log odds stand for."""
        return expit(output)

    def clip(self, mean: Floats) -> Floats:
        """Return probabilities inside [1e-6, 1 - 1e-6]."""
        return clip_probability(mean)

    def is_mean(self, mean: Floats) -> bool | np.bool_:
        """Return whether all are probabilities."""
        return (mean >= 0).all() and (mean <= 1).all()

    def frequency(self, total: Floats, count: float | Floats) -> Floats:
        """Return the share of ones, one more of each outcome counted."""
        return (total + 1) / (count + 2)

    def log_density(
        self, x: Floats, mean: Floats, noise_std: float | Floats | None = None
    ) -> Floats:
        """Return the log probability of each channel, in nats."""
        p = clip_probability(mean)
        return xlogy(x, p) + xlog1py(1 - x, -p)


class Categorical(Likelihood):
    """Tokens, whose means are the probabilities of each."""

    name = "categorical"
    tokens = True

    def check(self, X: Floats) -> None:
        """Take what `encode` has made: it finds what is no token."""

    def encode(self, X: Floats, n_tokens: int | None) -> Floats:
        """Return one channel a token."""
        return encode_tokens(X, n_tokens)

    def mean(self, output: Floats) -> Floats:
        """Return the probabilities that logits stand for."""
        return softmax(output, axis=-1)

    def is_mean(self, mean: Floats) -> bool | np.bool_:
        """Return whether all are probabilities that sum to 1."""
        return (mean >= 0).all() and np.allclose(mean.sum(axis=-1), 1)

    def frequency(self, total: Floats, count: float | Floats) -> Floats:
        """Return the share of each token, one more of each counted."""
        return (total + 1) / (count + total.shape[-1])

    def noise(self, n_channels: int, given: float | None, estimate: Callable[[], Floats]) -> Floats:
        """Return NaN: tokens have no noise."""
        return np.full(n_channels, np.nan)

    def log_density(
        self, x: Floats, mean: Floats, noise_std: float | Floats | None = None
    ) -> Floats:
        """Return the log probability of each token that occurs, 0 of others, in nats."""
        return xlogy(x, np.maximum(mean, _SMALLEST_PROBABILITY))


LIKELIHOODS = {each.name: each for each in (Gaussian(), Bernoulli(), Categorical())}


def clip_probability(p: Floats) -> Floats:
    """Keep probabilities inside [1e-6, 1 - 1e-6]."""
    return np.clip(p, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
