"""The last inputs, and networks that see them alone."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .._missing import fill_missing, observed_only
from .._roles import exogenous_of, join, targets_of
from .._tokens import MOST_BYTES_OF_COLUMNS, check_room, indicators, vocabulary_size
from .._typing import Floats

# Columns of a window of inputs that a probe reads, at most: each token has as many as there are.
_MOST_COLUMNS = 512


def last_of_windows(compute: Callable[[Floats], NDArray[Any]], inputs: Floats, k: int) -> Floats:
    """Return what a network computes at the last step of each window, the first left out.

    Parameters
    ----------
    compute : callable
        Turns inputs (n_rows, n_steps, n_inputs), each row on its own from a state of zero, into
        values (n_rows, n_steps, n_values).
    inputs : ndarray of shape (n_sequences, n_steps, n_inputs)
        Inputs, with the clock if there is one: each window has that of its own steps.
    k : int
        Steps of a window, fewer than `n_steps`.

    Returns
    -------
    ndarray of shape (n_sequences, n_steps - k, n_values)
        Entry i is of the window that ends with step k + i.
    """
    # Nobody writes to them, but torch warns of arrays that cannot be written to.
    windows = sliding_window_view(inputs[:, 1:], k, axis=1, writeable=True).swapaxes(2, 3)
    last = compute(windows.reshape(-1, k, inputs.shape[2]))[:, -1]
    return last.reshape(len(inputs), -1, last.shape[1])


def last_inputs(X: Floats, n: int) -> Floats:
    """Return the last inputs at each step, the latest first; zeros before the first.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        Sequences.
    n : int
        How many inputs.

    Returns
    -------
    ndarray of shape (n_sequences, n_steps, n, n_channels)
    """
    before = np.zeros((len(X), n - 1, X.shape[2]))
    padded = np.concatenate([before, X], axis=1)
    return sliding_window_view(padded, n, axis=1)[..., ::-1].swapaxes(2, 3)


def window_of(
    X: Floats,
    n_lags: int,
    time_channel: str | None,
    n_tokens: int | str | None,
    *,
    n_exogenous: int = 0,
    feedback: bool = True,
) -> Floats:
    """Return the last inputs at each step, and the clock, in place of hidden states.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps[, n_channels])
        Sequences.
    n_lags : int
        How many inputs, as far as a probe can read so many.
    time_channel : str or None
        None leaves the clock out.
    n_tokens : int, "auto" or None
        Size of the vocabulary if they are tokens; None if they are quantities.
    n_exogenous : int, default=0
        How many of the last channels are exogenous.
    feedback : bool, default=True
        Whether the others are seen, too.

    Returns
    -------
    ndarray of shape (n_sequences, n_steps, n_columns)
    """
    X = X.reshape(*X.shape[:2], -1)
    X, exogenous = targets_of(X, n_exogenous), exogenous_of(X, n_exogenous)
    if n_tokens is not None:
        X = X.astype(np.float64)
        size = vocabulary_size(X, None if isinstance(n_tokens, str) else n_tokens)
        n_bytes = 8.0 * X.size * size
        check_room(n_bytes, MOST_BYTES_OF_COLUMNS, size, "a window of inputs", "columns")
        X = indicators(X, size)
    seen = [X, exogenous] if feedback and n_exogenous else [X if feedback else exogenous]
    seen = [fill_missing(each, observed_only(each).mean(axis=(0, 1))) for each in seen]
    X = join(*seen) if len(seen) > 1 else seen[0]
    n = max(1, min(n_lags, X.shape[1], _MOST_COLUMNS // X.shape[2]))
    window = last_inputs(X - X.mean(axis=(0, 1)), n).reshape(*X.shape[:2], -1)
    if time_channel is None:
        return window
    clock = np.broadcast_to(np.linspace(0, 1, X.shape[1])[:, np.newaxis], (*X.shape[:2], 1))
    return np.concatenate([window, clock], axis=2)


def windows_of(X: Floats, n_lags: int, *args: Any, **options: Any) -> Iterator[Floats]:
    """Yield the last input alone, and as many as are asked for, as `window_of` returns them.

    Of many channels many lags are so many columns that a probe of them may find less than one of
    the last input.
    """
    for n in sorted({1, n_lags}):
        yield window_of(X, n, *args, **options)
