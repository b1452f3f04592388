"""The last inputs, and networks that see them alone."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def last_of_windows(compute, inputs, k):
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


def last_inputs(X, n):
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
