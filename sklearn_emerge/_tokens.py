"""Tokens: what may be one, how they are counted, and columns for those who need them."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._typing import Floats

# Bytes of the columns of a regression on tokens, one each of the vocabulary.
MOST_BYTES_OF_COLUMNS = 2**32


def vocabulary_size(X: Floats, n_tokens: int | None = None, name: str = "X") -> int:
    """Return the size of the vocabulary of sequences after checking that they are tokens.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, 1)
        Integers from 0 on, or NaN where a step is missing.
    n_tokens : int or None, default=None
        Size of the vocabulary; None is one more than the largest token.
    name : str, default="X"
        The name used in messages.

    Returns
    -------
    int
    """
    if X.shape[2] != 1:
        raise ValueError(
            f"{name} has {X.shape[2]} channels; sequences of tokens are integers of shape "
            "(n_sequences, n_steps)."
        )
    tokens = X[:, :, 0]
    largest = int(np.nanmax(tokens, initial=0))
    n_tokens = largest + 1 if n_tokens is None else n_tokens
    # What is missing is nothing wrong: it compares as False.
    no_token = (tokens < 0) | (np.fmod(tokens, 1) > 0)
    wrong = no_token | (tokens >= n_tokens)
    if wrong.any():
        row, step = (int(i) for i in np.argwhere(wrong)[0])
        token = tokens[row, step]
        if no_token[row, step]:
            remedy = (
                "integers from 0 on. For symbols pass np.unique(X, return_inverse=True)[1]"
                ".reshape(X.shape), for quantities likelihood='gaussian'".replace("X", name)
            )
        else:
            remedy = (
                f"the integers 0 to {n_tokens - 1}. Pass n_tokens={largest + 1} to the "
                "predictor, or map what is outside of the vocabulary to a token of its own"
            )
        raise ValueError(
            f"{name}[{row}, {step}] is {token:g}, which is not a token; tokens are {remedy}."
        )
    return n_tokens


def token_type(n_tokens: int) -> np.dtype[Any]:
    """Return the smallest signed integers that hold a vocabulary.

    They have a sign so that differences and -1, which stands for no token, are what they seem.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary.

    Returns
    -------
    dtype

    Examples
    --------
    >>> from sklearn_emerge._tokens import token_type
    >>> token_type(27), token_type(256), token_type(50_000)
    (dtype('int8'), dtype('int16'), dtype('int32'))
    """
    return np.min_scalar_type(-n_tokens)


def check_room(n_bytes: float, most: int, n_tokens: int, who: str, what: str) -> None:
    """Raise a ValueError if what grows with the vocabulary takes too many bytes.

    Parameters
    ----------
    n_bytes, most : int
        What it takes, and what it may take.
    n_tokens : int
        Size of the vocabulary.
    who, what : str
        What has it, and what it is, in words.
    """
    if n_bytes > most:
        raise ValueError(
            f"n_tokens={n_tokens} is too large a vocabulary for {who}, whose {what} would take "
            f"{n_bytes / 2**30:.2g} GiB of at most {most / 2**30:g}; map rare tokens to one, pass "
            "fewer sequences if these are many, leave it out, or use a network, which looks "
            "tokens up."
        )


def as_indices(X: Floats) -> NDArray[np.intp]:
    """Return tokens of shape (..., 1), of which none is missing, as indices of shape (...)."""
    indices: NDArray[np.intp] = X[..., 0].astype(np.intp)
    return indices


def count_tokens(X: Floats, n_tokens: int) -> Floats:
    """Return how often each token occurs at each step, of shape (n_steps, n_tokens).

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, 1)
        Tokens, NaN where one is missing.
    n_tokens : int
        Size of the vocabulary.
    """
    tokens, n_steps = X[:, :, 0], X.shape[1]
    places = (tokens + n_tokens * np.arange(n_steps))[~np.isnan(tokens)].astype(np.intp)
    counts = np.bincount(places, minlength=n_steps * n_tokens).astype(np.float64)
    return counts.reshape(n_steps, n_tokens)


def indicators(X: Floats, n_tokens: int) -> Floats:
    """Turn tokens into channels, one a token of the vocabulary: columns of a regression.

    Parameters
    ----------
    X : ndarray of shape (..., 1)
        Tokens, NaN where one is missing.
    n_tokens : int
        Size of the vocabulary.

    Returns
    -------
    ndarray of shape (..., n_tokens)
        One where the token is, zero elsewhere; NaN where it is missing.
    """
    missing = np.isnan(X[..., 0])
    encoded = np.zeros((*X.shape[:-1], n_tokens))
    places = np.where(missing[..., np.newaxis], 0, X).astype(np.intp)
    np.put_along_axis(encoded, places, 1.0, axis=-1)
    encoded[missing] = np.nan
    return encoded


def check_tokens(tokens: ArrayLike, n_tokens: int) -> NDArray[np.integer]:
    """Validate one sequence of tokens and return it as an array of integers.

    Parameters
    ----------
    tokens : array-like of int of shape (n_steps,)
        Tokens.
    n_tokens : int
        Size of the vocabulary.

    Returns
    -------
    ndarray of int of shape (n_steps,)
    """
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or not (np.issubdtype(tokens.dtype, np.integer) or not tokens.size):
        raise ValueError(
            f"tokens={tokens.tolist()!r} must be one sequence of integers; decode rows one by one."
        )
    if tokens.size and not (tokens.min() >= 0 and tokens.max() < n_tokens):
        raise ValueError(
            f"tokens={tokens.tolist()} are not all tokens of this world; pass integers from 0 "
            f"to {n_tokens - 1}."
        )
    return tokens
