"""What the channels of sequences are for: the first are predicted, the last may be exogenous.

Exogenous channels drive what is predicted: they are seen, but never predicted. Row t holds what is
known when the targets of row t + 1 are predicted.
"""

import numpy as np

from ._missing import is_observed, without_partly
from ._typing import Floats


def targets_of(X: Floats, n_exogenous: int) -> Floats:
    """Return the channels that are predicted, the first; X itself if all are."""
    return X[:, :, : X.shape[2] - n_exogenous] if n_exogenous else X


def exogenous_of(X: Floats, n_exogenous: int) -> Floats:
    """Return the channels that are seen and never predicted, the last."""
    return X[:, :, X.shape[2] - n_exogenous :]


def join(targets: Floats, exogenous: Floats) -> Floats:
    """Return both in their order; targets themselves if there is nothing else."""
    return np.concatenate([targets, exogenous], axis=2) if exogenous.shape[2] else targets


def check_channels(X: Floats, n_exogenous: int, name: str) -> None:
    """Raise a ValueError unless there is something to predict."""
    if n_exogenous >= X.shape[2]:
        raise ValueError(
            f"n_exogenous={n_exogenous}, but {name} has {X.shape[2]} "
            f"channel{'s' * (X.shape[2] > 1)}, of which at least the first is to be predicted; "
            f"pass n_exogenous={X.shape[2] - 1} or less, or {name} of the targets and, behind "
            "them, the exogenous channels, of shape (n_sequences, n_steps, n_channels)."
        )


def without_partly_missing(X: Floats, n_exogenous: int, name: str) -> Floats:
    """Return sequences whose targets are NaN in all channels of a step, or in none.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        Sequences, NaN where a step is missing.
    n_exogenous : int
        How many of the last channels are exogenous.
    name : str
        The name used in messages.

    Returns
    -------
    ndarray of the same shape

    Raises
    ------
    ValueError
        If an exogenous value is missing before an observed target, which it may drive.
    """
    targets = targets_of(X, n_exogenous)
    whole = without_partly(targets)
    if not n_exogenous:
        return whole
    exogenous = exogenous_of(X, n_exogenous)
    observed = is_observed(targets)
    # Whether something is observed after each step.
    later = np.zeros_like(observed)
    later[:, :-1] = np.logical_or.accumulate(observed[:, :0:-1], axis=1)[:, ::-1]
    unknown = ~is_observed(exogenous) & later
    if unknown.any():
        row, step = (int(i) for i in np.argwhere(unknown)[0])
        raise ValueError(
            f"An exogenous channel of {name}[{row}, {step}] is NaN, and so it is at "
            f"{int(unknown.sum())} of {unknown.size} steps before an observed target, which it "
            "may drive; inputs have to be known there. Fill them in, or make the targets of all "
            "later steps of such a sequence NaN."
        )
    return X if whole is targets else join(whole, exogenous)
