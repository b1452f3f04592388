"""What a measure is taken of: sequences, and which of their steps are scored."""

from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Floats
from ..predictors import BasePredictor
from ..worlds import Sample

# Probabilities that are held at once, 128 MB of them.
_AT_ONCE = 2**24


def sequences_of(
    predictor: BasePredictor, sample: Sample | ArrayLike, n_sequences: int | None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return sequences as a predictor takes them, and which of their steps are scored.

    Parameters
    ----------
    predictor : predictor
        Fitted.
    sample : Sample or array-like
        Sequences, or a Sample of them, which says what is scored.
    n_sequences : int or None
        How many of them, the first ones; None is all.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        The sequences, checked, with what the predictor sees in place of missing steps. Predictors
        take them as they are.
    scored : ndarray of bool of shape (n_sequences, n_steps - 1)
        Whether what follows a step is scored, and observed.
    """
    whole = isinstance(n_sequences, Integral) and n_sequences >= 1
    if n_sequences is not None and not whole:
        raise ValueError(
            f"n_sequences={n_sequences!r} is no number of sequences; pass an integer of at least "
            "1, or None for all."
        )
    given: Any = sample
    sample = Sample(**given) if isinstance(given, Mapping) else Sample(given)
    X = predictor.encode(sample.X)[:n_sequences]
    scored = predictor._observed(X)[:, 1:]
    if sample.scored is not None:
        scored = scored & np.asarray(sample.scored)[:n_sequences, 1:]
    return predictor.fill_missing(X), scored


def negative_log_likelihood(predictor: BasePredictor, sample: Sample) -> float:
    """Return the nats per step; where a world says which steps are scored, of those alone.

    Parameters
    ----------
    predictor : predictor
        Fitted.
    sample : Sample
        Sequences.

    Returns
    -------
    float
    """
    if sample.scored is None:
        return -predictor.score(sample.X)
    return -float(predictor.score_steps(sample.X)[scored_steps(sample)].mean())


def scored_steps(sample: Sample) -> NDArray[np.bool_]:
    """Return which steps after the first are scored, where a world says so, and observed."""
    scored = sample.scored[:, 1:]
    return scored if sample.observed is None else scored & sample.observed[:, 1:]


def in_parts(shape: tuple[int, ...], n_outcomes: int | None) -> Iterator[slice]:
    """Yield rows of which the probabilities of all outcomes at all steps fit into memory.

    Parameters
    ----------
    shape : tuple of int
        Numbers of rows and of steps.
    n_outcomes : int or None
        Outcomes of a step; None is one.
    """
    n_rows, n_steps = shape
    n_each = max(1, _AT_ONCE // max(1, n_steps * (n_outcomes or 1)))
    for first in range(0, n_rows, n_each):
        yield slice(first, first + n_each)
