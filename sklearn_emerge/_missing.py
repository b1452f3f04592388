"""Missing steps: NaN in all channels of a step that was not observed.

What is missing neither counts nor teaches: it has no score, and no part in means, moments and
losses. What a predictor sees in its place is what `fill_missing` puts there, the same for all.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._typing import Floats


def is_observed(X: Floats) -> NDArray[np.bool_]:
    """Return which steps are observed, of shape (n_sequences, n_steps).

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        Sequences; a step that is NaN in one channel counts as missing altogether.
    """
    missing: Any = np.isnan(X.reshape(*X.shape[:2], -1))
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


def mean_of_steps(X: NDArray[Any], observed: NDArray[np.bool_] | None = None) -> Floats:
    """Return the mean of each step over the sequences in which it is observed.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        Sequences.
    observed : ndarray of bool of shape (n_sequences, n_steps), default=None
        Which steps are observed; None are those that are not NaN.

    Returns
    -------
    ndarray of shape (n_steps,) or (n_steps, n_channels)
        Of a step that is observed in no sequence the mean of all that are.
    """
    observed = is_observed(X) if observed is None else observed
    n_observed = observed.sum(axis=0).reshape(-1, *(1,) * (X.ndim - 2))
    mean = np.nansum(X, axis=0) / np.maximum(n_observed, 1)
    return mean if n_observed.all() else np.where(n_observed, mean, X[observed].mean(axis=0))


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
    known = observed_only(X)
    if tokens:
        return np.array([np.bincount(known.ravel().astype(np.intp)).argmax()], dtype=np.float64)
    mean = known.mean(axis=(0, 1))
    return np.round(mean) if discrete else mean
