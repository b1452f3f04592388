"""Groups: which sequences belong to one independent unit, such as an animal or a session."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._validation import as_array


def check_groups(groups: ArrayLike, n_sequences: int) -> NDArray[np.intp]:
    """Validate the labels of groups and return them as numbers.

    Parameters
    ----------
    groups : array-like of shape (n_sequences,)
        One label a sequence: integers, text, or whatever else can be told apart.
    n_sequences : int
        How many sequences there are.

    Returns
    -------
    ndarray of int of shape (n_sequences,)
        Groups in the order in which they come first, from 0 on.

    Raises
    ------
    ValueError
        If there is not one label a sequence, one is missing, or all are the same.
    """
    from pandas import factorize, isna

    values = np.asarray(as_array(groups, "groups"), dtype=object)
    if values.shape != (n_sequences,):
        raise ValueError(
            f"groups has shape {values.shape}, but there are {n_sequences} sequences; pass one "
            f"label a sequence, shape ({n_sequences},), where several make one, as animal and "
            "session do, as one text."
        )
    missing = isna(values)
    if missing.any():
        where = int(missing.argmax())
        raise ValueError(
            f"groups[{where}] is missing ({values[where]}), and so are {int(missing.sum())} of "
            f"{len(values)} labels. Leave these sequences out (of all that belongs to them), or "
            "give each the label of its group."
        )
    codes, labels = factorize(values)
    if len(labels) < 2:
        raise ValueError(
            f"groups has one label, {labels[0]!r}, for all {n_sequences} sequences, but at least 2 "
            "are needed: sequences of a group are never in training and evaluation at once. Pass "
            "labels of smaller units, or groups=None if the sequences are independent."
        )
    numbers: NDArray[np.intp] = codes
    return numbers
