"""What a likelihood decides about."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from .._glm import GLMFit
from .._missing import is_observed
from .._moments import Moments
from .._ridge import RidgeFit
from .._typing import Floats

if TYPE_CHECKING:
    from .._losses import Loss

# Yields pairs of features (n_rows, n_features) and targets (n_rows, n_channels).
Chunks = Callable[[], Iterable[tuple[Floats, Floats]]]
# Returns observations and their predicted means, both (..., n_channels); NaN is not observed.
Pairs = Callable[[], tuple[Floats, Floats]]


def first_of(X: Floats, wrong: np.ndarray) -> str:
    """Return where the first wrong value of sequences is, and what it is, in words."""
    sequence, step, channel = (int(i) for i in np.argwhere(wrong)[0])
    of_several = f", channel {channel}" if X.shape[2] > 1 else ""
    return (
        f"sequence {sequence} of X has {X[sequence, step, channel]:g} at step {step}{of_several} "
        f"(all counted from 0), one of {int(wrong.sum())} such values"
    )


class Likelihood(ABC):
    """What a family of distributions decides about: data, means, heads and scores.

    Attributes
    ----------
    name : str
        What the parameter `likelihood` of a predictor says.
    discrete : bool
        Whether observations have probabilities, and no densities.
    tokens : bool
        Whether sequences are tokens: integers in one channel, whose means are a probability for
        each of the vocabulary.
    counts : bool
        Whether observations are counts, of which equal ones are no states.
    identity_link : bool
        Whether means are what a head makes of features, so that this can be in units other than
        those of the data.
    closed_form : bool
        Whether the best head is a ridge regression. Others are found by iteration, and have a
        method `shrink_head`, too.
    means_in_words : str
        What means are.
    """

    name: str
    discrete = True
    tokens = False
    counts = False
    identity_link = False
    closed_form = False
    means_in_words = "numbers"

    @abstractmethod
    def check(self, X: Floats) -> None:
        """Raise a ValueError unless X is made of what the likelihood is for.

        Parameters
        ----------
        X : ndarray of shape (n_sequences, n_steps, n_channels)
            Sequences for training, NaN where a step is missing.
        """

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
        """Return means that a predictor gives away: inside a range in which scores are finite."""
        return mean

    def possible(self, mean: Floats) -> Floats:
        """Return the possible means that are next to what a regression gives for means."""
        return mean

    @abstractmethod
    def is_mean(self, mean: Floats) -> bool | np.bool_:
        """Return whether an array of shape (..., n_channels) can be a mean."""

    @abstractmethod
    def frequency(self, total: Floats, count: float | Floats) -> Floats:
        """Return total / count; by Laplace's rule, or one like it, what is on no edge.

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

    def staying(self, past: Floats, following: Floats) -> Floats | float:
        """Return what `repeat` needs to know: the share of steps that are as the one before.

        Parameters
        ----------
        past : ndarray of shape (n_sequences, n_steps, n_channels)
            Steps as predictors see them, with something in place of what is missing.
        following : ndarray of shape (n_sequences, n_steps, n_channels)
            The next step of each, NaN where it is missing.

        Returns
        -------
        ndarray of shape (n_channels,), or float for tokens
        """
        stays = (following == past).sum(axis=(0, 1))
        return self.frequency(stays, int(is_observed(following).sum()))

    @abstractmethod
    def repeat(self, x: Floats, share: float | Floats) -> Floats:
        """Return the means if the next step is as the present one.

        Parameters
        ----------
        x : ndarray of shape (n_sequences, n_steps, n_channels)
            The present steps.
        share : float or ndarray of shape (n_channels,)
            From `staying`; other outcomes share the rest.

        Returns
        -------
        ndarray of the same shape as x
            Of tokens, whose `repeat` is asked for the size of the vocabulary, too, a probability
            for each.
        """

    @abstractmethod
    def criterion(self, noise_std: float | Floats, scale: Floats, shape: Floats) -> Loss:
        """Return what training minimises.

        Parameters
        ----------
        noise_std : float or ndarray of shape (n_channels,)
            Standard deviation of the noise of quantities, in units of the data.
        scale : ndarray of shape (n_channels,)
            What the data are divided by.
        shape : ndarray of shape (n_channels,)
            From `settle`.

        Returns
        -------
        Loss
            Module of what a network gives and the targets, both of shape (n_sequences, n_steps,
            n_channels); of tokens logits (n_sequences, n_steps, n_tokens) and tokens
            (n_sequences, n_steps, 1).
        """

    @abstractmethod
    def fit_head(self, ridge: RidgeFit, chunks: Chunks, moments: Moments) -> RidgeFit | GLMFit:
        """Return the best linear readout of features, given the ridge regression on them.

        Parameters
        ----------
        ridge : RidgeFit
            From `fit_ridge`.
        chunks : callable
            Yields pairs of features (n_rows, n_features) and targets (n_rows, n_channels), of
            tokens (n_rows, 1).
        moments : Moments
            Those of the ridge regression.

        Returns
        -------
        object
            With ``coef``, ``intercept`` and ``converged``.
        """

    def noise(
        self, n_channels: int, given: float | Floats | None, estimate: Callable[[], Floats]
    ) -> Floats:
        """Return the standard deviation of the noise of each channel, NaN where there is none.

        Parameters
        ----------
        n_channels : int
            How many channels.
        given : float, ndarray of shape (n_channels,) or None
            The one of all channels or of each, in units of the data; None takes `estimate`.
        estimate : callable
            Returns those that the data show, of shape (n_channels,).

        Returns
        -------
        ndarray of shape (n_channels,)
        """
        if given is None:
            return estimate()
        return np.broadcast_to(np.asarray(given, dtype=np.float64), n_channels).copy()

    def settle(self, noise_std: Floats, given: bool, pairs: Pairs) -> tuple[Floats, Floats]:
        """Return the noise and what else the density has for parameters, by training data.

        Parameters
        ----------
        noise_std : ndarray of shape (n_channels,)
            From `noise`, or a standard deviation of the data before there are predictions.
        given : bool
            Whether it was given, and stays.
        pairs : callable
            Returns observations and their predicted means, both of shape (..., n_channels).

        Returns
        -------
        noise_std : ndarray of shape (n_channels,)
        shape : ndarray of shape (n_channels,)
            What gives the density its shape: the dispersion of negative binomial counts, the
            degrees of freedom of Student's t; NaN of others.
        """
        return noise_std, np.full(np.shape(noise_std), np.nan)

    @abstractmethod
    def log_density(
        self, x: Floats, mean: Floats, noise_std: float | Floats, shape: Floats | None = None
    ) -> Floats:
        """Return the log density of each observation, in nats.

        Parameters
        ----------
        x, mean : ndarray of shape (n_sequences, n_steps, n_channels)
            Observations and their predicted means; of tokens (n_sequences, n_steps, 1) and
            (n_sequences, n_steps, n_tokens).
        noise_std : float or ndarray of shape (n_channels,)
            Standard deviation of the noise of quantities, in units of the data.
        shape : ndarray of shape (n_channels,), default=None
            From `settle`, for those that have one.

        Returns
        -------
        ndarray of the shape of x
            Summed over the channels it is the log density of a step.
        """

    @abstractmethod
    def draw(
        self, mean: Floats, uniforms: Floats, noise_std: float | Floats, shape: Floats | None = None
    ) -> Floats:
        """Return observations by the inverse of the distribution function.

        Parameters
        ----------
        mean : ndarray of shape (..., n_channels)
            Predicted means, as `clip` returns them.
        uniforms : ndarray of shape (..., n_channels), or (..., 1) for tokens
            Numbers between 0 and 1, exclusively; larger ones give larger observations.
        noise_std : float or ndarray of shape (n_channels,)
            Standard deviation of the noise of quantities, in units of the data.
        shape : ndarray of shape (n_channels,), default=None
            From `settle`, for those that have one.

        Returns
        -------
        ndarray of shape (..., n_channels)
            As predictors see them: of tokens integers, of shape (..., 1).
        """
