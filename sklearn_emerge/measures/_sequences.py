"""What a measure is taken of: sequences, and which of their steps are scored."""

from collections.abc import Mapping
from numbers import Integral

import numpy as np


def sequences_of(predictor, sample, n_sequences):
    """Return sequences as a predictor takes them, and which of their steps are scored.

    Parameters
    ----------
    predictor : predictor
        Fitted.
    sample : Bunch or array-like
        Sequences, or a Bunch with sequences ``X`` and, in worlds of tokens, ``counts``, which of
        them are scored.
    n_sequences : int or None
        How many of them, the first ones; None is all.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        The sequences, checked.
    scored : ndarray of bool of shape (n_sequences, n_steps - 1)
        Whether what follows a step is scored.
    """
    whole = isinstance(n_sequences, Integral) and n_sequences >= 1
    if n_sequences is not None and not whole:
        raise ValueError(
            f"n_sequences={n_sequences!r} is no number of sequences; pass an integer of at least "
            "1, or None for all."
        )
    bunch = isinstance(sample, Mapping)
    X = predictor._check(sample["X"] if bunch else sample)[:n_sequences]
    if bunch and "counts" in sample:
        return X, np.asarray(sample["counts"])[:n_sequences, 1:]
    return X, np.ones((len(X), X.shape[1] - 1), dtype=bool)


def negative_log_likelihood(predictor, sample):
    """Return the nats per step; where a world says which steps count, of those alone.

    Parameters
    ----------
    predictor : predictor
        Fitted.
    sample : Bunch
        Sequences X and, for worlds of tokens, ``counts``, which of them count.

    Returns
    -------
    float
    """
    if "counts" not in sample:
        return -predictor.score(sample.X)
    return -float(predictor.score_steps(sample.X)[sample.counts[:, 1:]].mean())
