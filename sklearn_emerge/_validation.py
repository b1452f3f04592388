"""Checks of sequences and latents, with messages that say what to do."""

import numpy as np
from sklearn.utils.validation import validate_data


def as_numbers(values, name):
    """Return values as a float64 array; raise a ValueError if they are not real numbers."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values; drop them: {name}.compressed().")
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biufO":
            kind = "complex" if array.dtype.kind == "c" else f"of type {array.dtype}"
            raise TypeError(f"it is {kind}")
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}={values!r} is not a real number or matrix ({error}); pass numbers, or rows of "
            "equal length."
        ) from error


def check_finite(array, name):
    """Raise a ValueError that locates the first NaN or infinity of `array`, if there is one."""
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise ValueError(
            f"{name} contains NaN or inf: {name}[{', '.join(map(str, where))}] is {array[where]}, "
            f"and {int((~finite).sum())} of {array.size} values are not finite. Remove or "
            "interpolate them first."
        )


def check_sequences(estimator, X, *, reset, name="X"):
    """Validate sequences and return them as a float64 array of three dimensions.

    Parameters
    ----------
    estimator : estimator
        Receives `n_features_in_` (the number of steps) and `n_channels_` if `reset`;
        otherwise X must agree with them.
    X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        The sequences.
    reset : bool
        True in `fit`, which then also needs two sequences of two steps.
    name : str, default="X"
        The name used in messages.

    Returns
    -------
    ndarray of shape (n_sequences, n_steps, n_channels)
    """
    try:
        X = validate_data(
            estimator, X, reset=reset, allow_nd=True, dtype=np.float64, ensure_all_finite=False
        )
    except ValueError as error:
        if "got 1D array" in str(error):
            raise ValueError(
                f"{name} has shape {np.shape(X)}, but sequences are the rows of an array of shape "
                "(n_sequences, n_steps) or (n_sequences, n_steps, n_channels). Reshape your "
                f"data: one series alone is {name}.reshape(1, -1)."
            ) from None
        if "is expecting" not in str(error):
            raise
        raise ValueError(
            f"{error} The features are time steps: to predict sequences of another length, use "
            f"the copy that {type(estimator).__name__}.at_length(n_steps) returns."
        ) from None
    if X.ndim > 3:
        raise ValueError(
            f"{name} has {X.ndim} dimensions, shape {X.shape}; at most three are known: "
            "(n_sequences, n_steps, n_channels)."
        )
    if X.ndim == 2:
        X = X[:, :, np.newaxis]
    check_finite(X, name)
    n_sequences, n_steps, n_channels = X.shape
    if reset:
        if n_sequences < 2:
            raise ValueError(
                f"{name} holds one sequence (n_samples = 1, shape {X.shape[:2]}); sequences are "
                "the independent units, so at least 2 are needed. Cut a long recording into "
                "several sequences."
            )
        if n_steps < 2:
            raise ValueError(
                f"The sequences of {name} have 1 step (n_features = 1); at least 2 are needed "
                "to predict a next step."
            )
        estimator.n_channels_ = n_channels
    elif n_channels != estimator.n_channels_:
        raise ValueError(
            f"{name} has {n_channels} channels, but {type(estimator).__name__} was fitted with "
            f"{estimator.n_channels_}. Pass the channels seen in fit."
        )
    return X


def encode_tokens(X, n_tokens=None, name="X"):
    """Turn sequences of tokens into channels, one a token of the vocabulary.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, 1)
        Integers from 0 on.
    n_tokens : int or None, default=None
        Size of the vocabulary; None is one more than the largest token.
    name : str, default="X"
        The name used in messages.

    Returns
    -------
    ndarray of shape (n_sequences, n_steps, n_tokens)
        One where the token is, zero elsewhere.
    """
    if X.shape[2] != 1:
        raise ValueError(
            f"{name} has {X.shape[2]} channels; sequences of tokens are integers of shape "
            "(n_sequences, n_steps)."
        )
    tokens = X[:, :, 0]
    n_tokens = int(tokens.max()) + 1 if n_tokens is None else n_tokens
    if n_tokens < 1:
        raise ValueError(f"{name} has the token {tokens.max():g}; tokens are integers from 0 on.")
    wrong = (tokens < 0) | (tokens >= n_tokens) | (tokens != np.floor(tokens))
    if wrong.any():
        row, step = (int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"{name}[{row}, {step}] is {tokens[row, step]:g}, which is not a token; tokens are "
            f"the integers 0 to {n_tokens - 1}. Pass a larger n_tokens, or map what is outside "
            "of the vocabulary to a token of its own."
        )
    try:
        encoded = np.zeros((*tokens.shape, n_tokens))
    except MemoryError as error:
        raise ValueError(
            f"{name} with a vocabulary of {n_tokens} tokens takes {tokens.size * n_tokens * 8:.2g} "
            "bytes as channels, more than there are; map rare tokens to one, or pass fewer "
            "sequences."
        ) from error
    np.put_along_axis(encoded, tokens.astype(np.intp)[:, :, np.newaxis], 1.0, axis=2)
    return encoded


def check_tokens(tokens, n_tokens):
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


def check_latents(latents, X, name="latents"):
    """Validate latents against sequences and return them with three dimensions.

    Parameters
    ----------
    latents : array-like of shape (n_sequences,), (n_sequences, n_steps) or \
            (n_sequences, n_steps, n_latents)
        One latent a sequence (constant in time), one a step, or several a step.
    X : ndarray of shape (n_sequences, n_steps, ...)
        The sequences that the latents belong to.
    name : str, default="latents"
        The name used in messages.

    Returns
    -------
    ndarray of shape (n_sequences, n_steps, n_latents)
        Integer or boolean latents come back as integers (classes), others as float64.
    """
    latents = np.asarray(latents)
    n_sequences, n_steps = X.shape[:2]
    fits = latents.ndim in (1, 2, 3) and latents.shape[:2] == (n_sequences, n_steps)[: latents.ndim]
    if not fits:
        raise ValueError(
            f"{name} has shape {latents.shape}, which does not fit sequences of shape {X.shape}: "
            f"expected ({n_sequences},), ({n_sequences}, {n_steps}) or "
            f"({n_sequences}, {n_steps}, n_latents)."
        )
    if latents.dtype.kind in "biu":
        latents = latents.astype(np.int64)
    elif latents.dtype.kind == "f":
        latents = latents.astype(np.float64)
        check_finite(latents, name)
    else:
        raise ValueError(
            f"{name} has dtype {latents.dtype}. Unknown label type: use floats for quantities, "
            "integers for classes."
        )
    while latents.ndim < 3:
        latents = latents[..., np.newaxis]
    return np.broadcast_to(latents, (n_sequences, n_steps, latents.shape[2]))
