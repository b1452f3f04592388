"""What probes can score: quantities that vary, classes of several units, and folds of these."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import PredefinedSplit, StratifiedGroupKFold

from ._typing import Floats

# Differences between quantities, relative to the largest, that are no more than rounding.
_ROUNDING = 1e-14
# Classes, units, or places of rows.
Numbers = NDArray[np.integer]


def known_latents(
    latents: NDArray[Any], observed: NDArray[np.bool_] | None, burn_in: int = 0
) -> NDArray[Any]:
    """Return latents whose values at steps that are not observed are those of observed ones.

    What can be scored, and which classes there are, is then known from all steps.

    Parameters
    ----------
    latents : ndarray of shape (n_sequences, n_steps - burn_in, n_latents)
        Latents.
    observed : ndarray of bool of shape (n_sequences, n_steps) or None
        Which steps are observed; None is all.
    burn_in : int, default=0
        Steps that were left out at the start.

    Returns
    -------
    ndarray of the shape of `latents`
    """
    if observed is None:
        return latents
    observed = observed[:, burn_in:]
    first = latents[np.arange(len(latents)), observed.argmax(axis=1)]
    return np.where(observed[:, :, np.newaxis], latents, first[:, np.newaxis])


def count_classes(latent: Numbers, units: Numbers | None = None) -> tuple[Numbers, Numbers]:
    """Return the classes of a latent, and in how many units each of them occurs.

    Parameters
    ----------
    latent : ndarray of int of shape (n_sequences, n_steps)
        One latent.
    units : ndarray of int of shape (n_sequences,), default=None
        The unit of each sequence; None is the sequence.

    Returns
    -------
    classes, n_units : ndarray
    """
    classes = np.unique(latent)
    units = np.arange(len(latent)) if units is None else units
    found = [(latent == label).any(axis=1) for label in classes]
    return classes, np.array([len(np.unique(units[each])) for each in found])


def can_be_scored(latent: NDArray[Any], units: Numbers | None = None) -> bool:
    """Return whether quantities vary, or two classes occur in at least two units each.

    Parameters
    ----------
    latent : ndarray of shape (n_sequences, n_steps)
        One latent.
    units : ndarray of int of shape (n_sequences,), default=None
        As in `count_classes`.

    Returns
    -------
    bool
    """
    if latent.dtype.kind == "f":
        latent = in_range(latent)
        return bool(np.ptp(latent) > _ROUNDING * np.abs(latent).max())
    return bool((count_classes(latent, units)[1] > 1).sum() > 1)


def in_range(latent: Floats) -> Floats:
    """Return quantities whose squares neither over- nor underflow; others times a power of 2."""
    exponent = np.frexp(np.abs(latent).max())[1]
    return latent if abs(exponent) < 400 else np.ldexp(latent, -exponent)


def class_folds(latent: Numbers, units: Numbers, n_splits: int) -> list[tuple[Numbers, Numbers]]:
    """Return folds (train, test) with at least two classes in every training part."""
    target, groups = latent.ravel(), np.repeat(units, latent.shape[1])
    classes, n_units = count_classes(latent, units)
    # Every class must be in enough units to be in each training fold: fewer folds if not.
    n_splits = min(n_splits, int(n_units[n_units > 1].min()))
    common = classes[n_units.argmax()]
    # What occurs in one unit only can be in one part only, wherever that is.
    strata = np.where(np.isin(target, classes[n_units == 1]), common, target)
    folds = list(StratifiedGroupKFold(n_splits).split(target, strata, groups))
    if all(len(test) and len(np.unique(target[train])) > 1 for train, test in folds):
        return folds
    # In the order of their share of one class, at least two neighbours have that class, and at
    # least two neighbours have another. Dealt out in turn, neighbours are in different folds.
    share = np.bincount(groups, target == common) / np.bincount(groups)
    order = share.argsort(kind="stable")
    fold = np.empty_like(order)
    fold[order] = np.arange(len(order)) % n_splits
    return list(PredefinedSplit(fold[groups]).split())
