"""Missing steps: NaN in all channels of a step that was not observed.

What is missing neither counts nor teaches: it has no score, and no part in means, moments and
losses. What a predictor sees in its place is what `fill_missing` puts there, the same for all.
"""

import numpy as np

from ._typing import Floats


def is_observed(X: Floats) -> np.ndarray:
    """Return which steps are observed, of shape (n_sequences, n_steps).

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        Sequences; a step that is NaN in one channel counts as missing altogether.
    """
    missing = np.isnan(X.reshape(*X.shape[:2], -1))
    # Most sequences are complete, which is quicker to see.
    return ~missing.any(axis=2) if missing.any() else np.ones(X.shape[:2], dtype=bool)


def without_partly(X: Floats) -> Floats:
    """Return sequences in which steps that are NaN in some channels are NaN in all."""
    observed = is_observed(X)
    if observed.all() or np.isnan(X[~observed]).all():
        return X
    return np.where(observed[:, :, np.newaxis], X, np.nan)


def observed_only(X: Floats) -> Floats:
    """Return the observed steps as one sequence, for statistics over all steps.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        Sequences.

    Returns
    -------
    ndarray of shape (1, n_observed, n_channels)
        If nothing is missing, X itself: its statistics are then the same to the last bit.
    """
    observed = is_observed(X)
    return X if observed.all() else X[observed][np.newaxis]


def mean_of_steps(X: Floats) -> Floats:
    """Return the mean of each step over the sequences in which it is observed; 0 if in none.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        Sequences.

    Returns
    -------
    ndarray of shape (n_steps, n_channels)
    """
    n_observed = np.maximum(is_observed(X).sum(axis=0), 1)
    return np.nansum(X, axis=0) / n_observed[:, np.newaxis]


def fill_missing(X: Floats, start: Floats) -> Floats:
    """Return sequences as predictors see them: each missing step as the last observed one.

    Nothing of the future is in it, and every value is one that occurs: a token, or zero or one.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        Sequences, NaN where a step is missing.
    start : ndarray of shape (n_channels,)
        What stands before the first observed step, see `usual_step`.

    Returns
    -------
    ndarray of the same shape
        If nothing is missing, X itself.
    """
    observed = is_observed(X)
    if observed.all():
        return X
    steps = np.where(observed, np.arange(X.shape[1]), -1)
    last = np.maximum.accumulate(steps, axis=1)[:, :, np.newaxis]
    filled = np.take_along_axis(X, np.maximum(last, 0), axis=1)
    return np.where(last < 0, start, filled)


def usual_step(X: Floats, discrete: bool, tokens: bool) -> Floats:
    """Return what stands for steps before the first observed one: the mean of the data.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        Training sequences.
    discrete, tokens : bool
        Of outcomes that have probabilities it is the one next to the mean; of tokens the most
        frequent.

    Returns
    -------
    ndarray of shape (n_channels,)
    """
    mean = observed_only(X).mean(axis=(0, 1))
    if tokens:
        return np.eye(len(mean))[mean.argmax()]
    return np.round(mean) if discrete else mean
