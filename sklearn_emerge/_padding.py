"""Recordings of unequal length, and masks of what was recorded, as arrays with NaN."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def is_uneven(rows: Any) -> bool:
    """Return whether something is a list of arrays that differ in their number of steps alone."""
    of_objects = isinstance(rows, np.ndarray) and rows.dtype == object and rows.ndim == 1
    if not (isinstance(rows, list | tuple) or of_objects):
        return False
    if any(np.ma.isMaskedArray(row) or isinstance(row, str) for row in rows):
        return False
    try:
        arrays = [np.asarray(row) for row in rows]
    except ValueError:
        return False
    if any(array.dtype.kind not in "biuf" or not array.ndim for array in arrays):
        return False
    lengths, shapes = {len(array) for array in arrays}, {array.shape[1:] for array in arrays}
    return len(lengths) > 1 and len(shapes) == 1


def even(rows: Any, n_steps: int = 0) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return arrays of unequal length as one array, and which of its steps are beyond their ends.

    Parameters
    ----------
    rows : list of array-like, each of shape (n_steps_i,) or (n_steps_i, n_channels)
        The arrays, as `is_uneven` takes them.
    n_steps : int, default=0
        The least number of steps of the result.

    Returns
    -------
    array : ndarray of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        With zeros of their type beyond the ends, so that integers stay integers.
    missing : ndarray of bool of shape (n_sequences, n_steps)
    """
    arrays = [np.asarray(row) for row in rows]
    lengths = np.array([len(array) for array in arrays])
    missing = np.arange(max(n_steps, lengths.max())) >= lengths[:, np.newaxis]
    kind = (
        np.result_type(*arrays) if all(array.dtype.kind in "biuf" for array in arrays) else object
    )
    array = np.zeros((*missing.shape, *arrays[0].shape[1:]), dtype=kind)
    array[~missing] = np.concatenate(arrays)
    return array, missing


def lengths_of(rows: Any) -> NDArray[np.intp] | None:
    """Return the numbers of steps of a list of arrays, of equal or unequal length, else None."""
    of_objects = isinstance(rows, np.ndarray) and rows.dtype == object and rows.ndim == 1
    if not (of_objects or isinstance(rows, list | tuple)) or not all(map(np.ndim, rows)):
        return None
    return np.array([len(row) for row in rows])


def missing_steps(
    shape: tuple[int, ...], lengths: ArrayLike | None = None, observed: ArrayLike | None = None
) -> NDArray[np.bool_]:
    """Return which steps are missing by lengths and a mask, after checking these.

    Parameters
    ----------
    shape : tuple
        Number of sequences and of steps.
    lengths : array-like of int of shape (n_sequences,), default=None
        How many steps of each sequence were recorded.
    observed : array-like of bool of shape (n_sequences, n_steps), default=None
        Which steps were.

    Returns
    -------
    ndarray of bool of shape (n_sequences, n_steps)

    Raises
    ------
    ValueError
        If they do not fit.
    """
    n_sequences, n_steps = shape
    missing = np.zeros(shape, dtype=bool)
    if lengths is not None:
        lengths = np.asarray(lengths)
        if lengths.shape != (n_sequences,):
            raise ValueError(
                f"lengths has shape {lengths.shape}, but X has {n_sequences} sequences; pass one "
                f"integer a sequence, of shape ({n_sequences},)."
            )
        if lengths.dtype.kind not in "iu":
            raise ValueError(
                f"lengths has dtype {lengths.dtype}, but lengths are numbers of steps; pass "
                "integers, np.asarray(lengths).astype(int)."
            )
        wrong = np.flatnonzero((lengths < 2) | (lengths > n_steps))
        if wrong.size:
            raise ValueError(
                f"lengths[{wrong[0]}]={lengths[wrong[0]]} is out of range for sequences of "
                f"{n_steps} steps; pass integers from 2 to {n_steps}, and leave out sequences that "
                "are shorter, keep = np.asarray(lengths) >= 2."
            )
        missing |= np.arange(n_steps) >= lengths[:, np.newaxis]
    if observed is not None:
        observed = np.asarray(observed)
        if observed.shape != (n_sequences, n_steps):
            remedy = "observed.all(axis=2)" if observed.ndim == 3 else "one value a step"
            raise ValueError(
                f"observed has shape {observed.shape}, but X has {n_sequences} sequences of "
                f"{n_steps} steps; pass {remedy}, of shape {(n_sequences, n_steps)}."
            )
        if observed.dtype != bool:
            raise ValueError(
                f"observed has dtype {observed.dtype}, but says of each step whether it was "
                "recorded; pass booleans, np.asarray(observed).astype(bool) if nonzero is true."
            )
        missing |= ~observed
    return missing
