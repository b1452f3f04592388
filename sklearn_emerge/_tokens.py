"""Tokens: what may be one, and a channel for each."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._typing import Floats


def token_values(X: Floats, n_tokens: int | None = None, name: str = "X") -> tuple[Floats, int]:
    """Return sequences of tokens without their channel, and the size of the vocabulary.

    Parameters
    ----------
    X, n_tokens, name
        As of `encode_tokens`.

    Returns
    -------
    tokens : ndarray of shape (n_sequences, n_steps)
        Some token where one is missing.
    n_tokens : int
    """
    if X.shape[2] != 1:
        raise ValueError(
            f"{name} has {X.shape[2]} channels; sequences of tokens are integers of shape "
            "(n_sequences, n_steps)."
        )
    tokens = X[:, :, 0]
    missing = np.isnan(tokens)
    if missing.any():
        tokens = np.where(missing, np.nanmin(tokens), tokens)
    n_tokens = int(tokens.max()) + 1 if n_tokens is None else n_tokens
    no_token = (tokens < 0) | (tokens != np.floor(tokens))
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
                f"the integers 0 to {n_tokens - 1}. Pass n_tokens={int(tokens.max()) + 1} to the "
                "predictor, or map what is outside of the vocabulary to a token of its own"
            )
        raise ValueError(
            f"{name}[{row}, {step}] is {token:g}, which is not a token; tokens are {remedy}."
        )
    return tokens, n_tokens


def encode_tokens(X: Floats, n_tokens: int | None = None, name: str = "X") -> Floats:
    """Turn sequences of tokens into channels, one a token of the vocabulary.

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
    ndarray of shape (n_sequences, n_steps, n_tokens)
        One where the token is, zero elsewhere; NaN where it is missing.
    """
    tokens, n_tokens = token_values(X, n_tokens, name)
    missing = np.isnan(X[:, :, 0])
    try:
        encoded = np.zeros((*tokens.shape, n_tokens))
    except MemoryError as error:
        raise ValueError(
            f"{name} with a vocabulary of {n_tokens} tokens takes {tokens.size * n_tokens * 8:.2g} "
            "bytes as channels, more than there are; map rare tokens to one, or pass fewer "
            "sequences."
        ) from error
    np.put_along_axis(encoded, tokens.astype(np.intp)[:, :, np.newaxis], 1.0, axis=2)
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
