"""Networks that see the last inputs alone."""

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
    windows = sliding_window_view(inputs[:, 1:], k, axis=1).swapaxes(2, 3)
    last = compute(windows.reshape(-1, k, inputs.shape[2]))[:, -1]
    return last.reshape(len(inputs), -1, last.shape[1])
