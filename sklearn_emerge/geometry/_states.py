"""Matrices of hidden states, one row a sample, as measures of geometry take them."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Floats
from .._validation import as_numbers, check_finite


def check_states(Z: ArrayLike, at_least: int = 2) -> Floats:
    """Return states as a float64 matrix, or raise a ValueError that says what to pass.

    Parameters
    ----------
    Z : array-like of shape (n_rows, n_units)
        Hidden states.
    at_least : int, default=2
        Rows that are needed.
    """
    # Of tensors and arrays alike; float16 and bfloat16 are two bytes of floats.
    kind = str(getattr(Z, "dtype", "")).removeprefix("torch.")
    if kind in ("float16", "bfloat16"):
        raise ValueError(
            f"Z is in half precision ({kind}), whose rounding errors have a rank of their own. "
            "Compute the states in single precision, for instance with module.float()."
        )
    if getattr(Z, "requires_grad", False):
        raise ValueError("Z is a tensor that requires a gradient. Pass Z.detach().")
    states = as_numbers(Z, "Z")
    if states.ndim != 2 or not states.size:
        raise ValueError(
            f"Z has shape {states.shape}, but must have rows and units, (n_rows, n_units). Take "
            "the states of one step, Z[:, step], or all of them, "
            "np.reshape(Z, (-1, np.shape(Z)[-1]))."
        )
    if len(states) < at_least:
        raise ValueError(
            f"Z has {len(states)} row(s), and at least {at_least} are needed. Pass the states of "
            "more samples; rows are samples, and columns are units."
        )
    check_finite(states, "Z")
    return states


def without_rounding(values: NDArray[Any], Z: Floats) -> Floats:
    """Return singular values of Z or of centred Z, zero where they are rounding errors."""
    floor = max(Z.shape) * np.finfo(np.float64).eps * np.linalg.norm(Z)
    return np.where(values > floor, values, 0.0)
