"""Likelihoods of the next step given its predicted mean: an object each, looked up by name.

All that differs between them is here. What training minimises is in `_losses`, and is imported
where it is asked for: the rest does without torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, softmax, xlog1py, xlogy
from scipy.stats import norm

from ._logistic import LogisticFit, fit_logistic
from ._ridge import Moments, RidgeFit
from ._typing import Floats
from ._validation import encode_tokens

if TYPE_CHECKING:
    from ._losses import Loss

# Yields pairs of features (n_rows, n_features) and targets (n_rows, n_channels).
Chunks = Callable[[], Iterable[tuple[Floats, Floats]]]

# Predicted probabilities are kept this far from 0 and 1, so that one surprise stays finite.
_SMALLEST_PROBABILITY = 1e-6


class Likelihood(ABC):
    """What a family of distributions decides about: data, means, heads and scores.

    Attributes
    ----------
    name : str
        What the parameter `likelihood` of a predictor says.
    discrete : bool
        Whether observations have probabilities, and no densities.
    tokens : bool
        Whether sequences are tokens, which predictors see as channels, one a token of the
        vocabulary, of which one is 1 and the others 0.
    identity_link : bool
        Whether means are what a head makes of features, so that this can be in units other than
        those of the data.
    closed_form : bool
        Whether the best head is a ridge regression. Others are found by iteration, and have a
        method `shrink_head`, too.
    """

    name: str
    discrete = True
    tokens = False
    identity_link = False
    closed_form = False

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

    def possible(self, mean: Floats) -> Floats:
        """Return the possible means that are next to what a regression gives for means."""
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

    @abstractmethod
    def repeat(self, x: Floats, share: float | Floats) -> Floats:
        """Return the means if the next step is as the present one.

        Parameters
        ----------
        x : ndarray of shape (n_sequences, n_steps, n_channels)
            The present steps.
        share : float or ndarray of shape (n_channels,)
            Share of steps that are as the one before; other outcomes share the rest.

        Returns
        -------
        ndarray of the same shape as x
        """

    @abstractmethod
    def criterion(self, noise_std: float | Floats, scale: Floats) -> Loss:
        """Return what training minimises.

        Parameters
        ----------
        noise_std : float or ndarray of shape (n_channels,)
            Standard deviation of the noise of quantities, in units of the data.
        scale : ndarray of shape (n_channels,)
            What the data are divided by.

        Returns
        -------
        Loss
            Module of what a network gives and the targets, both of shape (n_sequences, n_steps,
            n_channels).
        """

    @abstractmethod
    def fit_head(self, ridge: RidgeFit, chunks: Chunks, moments: Moments) -> RidgeFit | LogisticFit:
        """Return the best linear readout of features, given the ridge regression on them.

        Parameters
        ----------
        ridge : RidgeFit
            From `fit_ridge`.
        chunks : callable
            Yields pairs of features (n_rows, n_features) and targets (n_rows, n_channels).
        moments : Moments
            Those of the ridge regression.

        Returns
        -------
        object
            With ``coef``, ``intercept`` and ``converged``.
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

    def criterion(self, noise_std: float | Floats, scale: Floats) -> Loss:
        """Return the loss on the scale of the data."""
        from ._losses import GaussianLoss

        return GaussianLoss(noise_std, scale)

    def fit_head(self, ridge: RidgeFit, chunks: Chunks, moments: Moments) -> RidgeFit:
        """Return the ridge regression."""
        return ridge

    def log_density(self, x: Floats, mean: Floats, noise_std: float | Floats) -> Floats:
        """Return the log density of each channel, in nats."""
        return norm.logpdf(x, mean, noise_std)


class _Logistic(Likelihood):
    """Probabilities of outcomes, whose heads are logistic or softmax regressions."""

    def fit_head(self, ridge: RidgeFit, chunks: Chunks, moments: Moments) -> LogisticFit:
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
    ) -> LogisticFit:
        """Return a regression that is shrunk towards a known one; see `fit_logistic`."""
        return fit_logistic(chunks, moments, penalty, categorical=self.tokens, known=known)


class Bernoulli(_Logistic):
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

    def criterion(self, noise_std: float | Floats, scale: Floats) -> Loss:
        """Return the loss of log odds."""
        from ._losses import BernoulliLoss

        return BernoulliLoss()

    def log_density(
        self, x: Floats, mean: Floats, noise_std: float | Floats | None = None
    ) -> Floats:
        """Return the log probability of each channel, in nats."""
        p = clip_probability(mean)
        return xlogy(x, p) + xlog1py(1 - x, -p)


class Categorical(_Logistic):
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

    def repeat(self, x: Floats, share: float | Floats) -> Floats:
        """Return the share where the token is, the rest shared by all others."""
        n_others = x.shape[2] - 1
        return np.where(x > 0, share, (1 - share) / n_others) if n_others else np.ones_like(x)

    def criterion(self, noise_std: float | Floats, scale: Floats) -> Loss:
        """Return the loss of logits."""
        from ._losses import CategoricalLoss

        return CategoricalLoss()

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
