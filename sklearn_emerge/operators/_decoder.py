"""Linear maps between driven states and latents, fitted by folds of whole units."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._groups import check_groups
from .._moments import Moments
from .._ridge import RidgeFit, fit_ridge
from .._typing import Floats
from ..predictors import BasePredictor
from ..worlds import Sample
from ..worlds._sample import rows_of

_N_FOLDS = 5


def driven_states(predictor: BasePredictor, sample: Sample) -> Floats:
    """Return the hidden states that sequences drive a predictor to.

    Parameters
    ----------
    predictor : predictor
        Fitted.
    sample : Sample
        Sequences, of any length.

    Returns
    -------
    ndarray of shape (n_sequences, n_steps, n_hidden)

    Raises
    ------
    ValueError
        If the predictor has no hidden states.
    """
    model: Any = predictor
    if not hasattr(model, "transform"):
        raise ValueError(
            f"{type(model).__name__} has no hidden states to decode from; pass a network, such as "
            "a GRUPredictor, or an EchoStatePredictor."
        )
    model = model.at_length(sample.X.shape[1])
    return np.asarray(model.transform(sample.X), dtype=np.float64)


def units_of(sample: Sample) -> NDArray[np.intp]:
    """Return the number of the unit of each sequence."""
    n = len(sample.X)
    return np.arange(n) if sample.groups is None else check_groups(sample.groups, n)


def halves(sample: Sample) -> tuple[NDArray[np.bool_], Sample]:
    """Return which sequences are in the first half of the units, and a sample of these.

    Raises
    ------
    ValueError
        If there are fewer than four units.
    """
    units = units_of(sample)
    if units.max() < 3:
        raise ValueError(
            f"sample has {units.max() + 1} units, of which half are left for the decoder; pass at "
            "least 4, or fit_on=another sample."
        )
    first = units < (units.max() + 1) // 2
    return first, rows_of(sample, first)


def fit_map(
    features: Floats, targets: Floats, units: NDArray[np.integer], burn_in: int = 1
) -> tuple[RidgeFit, Moments, NDArray[np.integer]]:
    """Fit a ridge regression of all steps, and one without each fold of units.

    Parameters
    ----------
    features, targets : ndarray of shape (n_sequences, n_steps, n_features or n_targets)
        What is read, and what is to be found.
    units : ndarray of int of shape (n_sequences,)
        The unit of each sequence, from 0 on.
    burn_in : int, default=1
        Steps left out at the start of each sequence.

    Returns
    -------
    fit : RidgeFit
        With the penalty that predicts the folds left out best, target by target.
    moments : Moments
        What it was fitted to.
    folds : ndarray of int of shape (n_sequences,)
        The fold of each sequence.

    Raises
    ------
    ValueError
        If there are fewer than two units.
    """
    n_units = units.max() + 1
    if n_units < 2:
        raise ValueError(
            f"sample has {n_units} unit to fit a decoder to, of which some are left out in turn; "
            "pass more sequences, or fit_on=another sample."
        )
    folds = units % min(_N_FOLDS, n_units)
    n_features, n_targets = features.shape[2], targets.shape[2]
    moments = Moments(folds.max() + 1, n_features, n_targets)
    for fold in range(folds.max() + 1):
        rows = folds == fold
        moments.add(
            fold,
            features[rows, burn_in:].reshape(-1, n_features),
            targets[rows, burn_in:].reshape(-1, n_targets).astype(np.float64),
        )
    return fit_ridge(moments), moments, folds
