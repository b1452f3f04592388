"""Inputs that drive what is predicted, as rows of sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._roles import join


def with_inputs(
    X: NDArray[Any], inputs: NDArray[Any], delay: int = 1, *, feedback: bool = True
) -> NDArray[Any]:
    r"""Return sequences with inputs as their last channels, as predictors and worlds take them.

    Row t of sequences holds what is known when the targets of row t + 1 are predicted. So inputs
    that act on the next step, as in :math:`x_{t+1} = f(x_t, u_t)`, stand where they were recorded,
    and those that act on the same step, as in :math:`x_t = f(x_{t-1}, u_t)`, one row before.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_targets)
        What is predicted.
    inputs : ndarray of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_inputs)
        What drives it.
    delay : {0, 1}, default=1
        Steps after which inputs act. 1: :math:`x_{t+1}` is predicted from
        :math:`u_0, \ldots, u_t`. 0: from :math:`u_0, \ldots, u_{t+1}`.
    feedback : bool, default=True
        Whether predictors see X. False is a task; with a delay of 0, rows then begin one step
        before the first of X, so that this is predicted, too, from the first input.

    Returns
    -------
    ndarray of shape (n_sequences, n_rows, n_targets + n_inputs)
        As many rows as steps, or, of a task with a delay of 0, one more, whose first has the first
        targets, which nobody sees or predicts. With a delay of 0 the last row has the last inputs
        again, which nothing is predicted from; with feedback the first inputs are left out, as X at
        the first step is not predicted.

    Raises
    ------
    ValueError
        If both differ in sequences or steps, or the delay is neither 0 nor 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.worlds import with_inputs
    >>> X, U = np.array([[1, 2, 3]]), np.array([[10, 20, 30]])
    >>> with_inputs(X, U)[0].tolist()
    [[1, 10], [2, 20], [3, 30]]
    >>> with_inputs(X, U, delay=0)[0].tolist()
    [[1, 20], [2, 30], [3, 30]]
    >>> with_inputs(X, U, delay=0, feedback=False)[0].tolist()
    [[1, 10], [1, 20], [2, 30], [3, 30]]
    """
    X, inputs = np.asarray(X), np.asarray(inputs)
    if inputs.ndim not in (2, 3) or inputs.shape[:2] != X.shape[:2] or not inputs.size:
        raise ValueError(
            f"inputs has shape {inputs.shape}, but X has shape {X.shape}; pass inputs of the same "
            "sequences and steps, of shape (n_sequences, n_steps) or (n_sequences, n_steps, "
            "n_inputs)."
        )
    if delay not in (0, 1):
        raise ValueError(
            f"delay={delay!r} is neither 0 (inputs act on the step at which they are recorded) nor "
            "1 (on the next); shift inputs that act later by themselves, for instance "
            "np.roll(inputs, 1, axis=1) with zeros in the first step."
        )
    targets, inputs = (each.reshape(*each.shape[:2], -1) for each in (X, inputs))
    if delay == 0 and feedback:
        inputs = np.concatenate([inputs[:, 1:], inputs[:, -1:]], axis=1)
    elif delay == 0:
        targets = np.concatenate([targets[:, :1], targets], axis=1)
        inputs = np.concatenate([inputs, inputs[:, -1:]], axis=1)
    return join(targets, inputs)


def of_rows(values: NDArray[Any], delay: int, feedback: bool) -> NDArray[Any]:
    """Return what is known of each step, as latents, at each row of `with_inputs`.

    A row knows the inputs of its step; the last, if there is one more, is as the one before.
    """
    if delay or feedback:
        return values
    return np.concatenate([values, values[:, -1:]], axis=1)


def known_in_rows(known: NDArray[np.bool_], delay: int, feedback: bool) -> NDArray[np.bool_]:
    """Return whether that is known at each row: not in one more, which repeats an input."""
    rows = of_rows(known, delay, feedback).copy()
    rows[:, known.shape[1] :] = False
    return rows
