"""Which recordings are for training and which for evaluation, if sequences have classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Sequences, units or classes.
Numbers = NDArray[np.integer]


def unit_classes(latents: NDArray[Any] | None, units: Numbers) -> Numbers | None:
    """Return the class of each unit, a sequence or a group, by which recordings are divided.

    Parameters
    ----------
    latents : ndarray of shape (n_sequences, n_steps, n_latents) or None
        Latents; integers are classes.
    units : ndarray of int of shape (n_sequences,)
        The unit of each sequence, numbered from 0 on.

    Returns
    -------
    ndarray of int of shape (n_units,) or None
        The number of its combination of all latents that have one class a unit if each
        combination occurs in at least three units, else the first of these latents. A latent
        that is the same in all units, or in no two, does not count; None if none counts.
    """
    if latents is None or latents.dtype.kind == "f":
        return None
    first = np.unique(units, return_index=True)[1]
    constant = (latents == latents[first[units], :1]).all(axis=(0, 1))
    labels = latents[first, 0][:, constant].T
    labels = [each for each in labels if 1 < len(np.unique(each)) < len(each)]
    if not labels:
        return None
    _, combination, n_units = np.unique(
        np.stack(labels), axis=1, return_inverse=True, return_counts=True
    )
    return combination.ravel() if n_units.min() > 2 else labels[0]


def divide(rows: Numbers, classes: Numbers, n_train: int, n_eval: int) -> Numbers:
    """Divide sequences so that every class is in both parts, where it can be.

    Parameters
    ----------
    rows : ndarray of int of shape (n_sequences,)
        The sequences in random order.
    classes : ndarray of int of shape (n_sequences,)
        The class of each sequence, by its number.
    n_train, n_eval : int
        How many sequences of each part.

    Returns
    -------
    ndarray of int of shape (n_train + n_eval,)
        Sequences for training, in random order, then those for evaluation. Among the first of
        evaluation, however many, the classes are as frequent as among all; but of a class of at
        least three sequences two come first, because a probe needs two.
    """
    order = spread(classes[rows], 3)
    train = np.sort(order[len(order) - n_train :])
    return rows[np.concatenate([train, order[:n_eval]])]


def spread(classes: Numbers, least: int) -> Numbers:
    """Return the places of units in an order in which classes are spread evenly.

    Parameters
    ----------
    classes : ndarray of int of shape (n_units,)
        The class of each unit, in random order.
    least : int
        Of classes of at least so many units two come first.

    Returns
    -------
    ndarray of int of shape (n_units,)
        Places. Among the first, however many, the classes are as frequent as among all.
    """
    _, first, label, size = np.unique(
        classes, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty_like(label)
    rank[label.argsort(kind="stable")] = np.concatenate([np.arange(n) for n in size])
    size = size[label]
    # The units of a class are spread from 0 to 1.
    place = np.where((rank == 1) & (size >= least), 0, rank / np.maximum(size - 1, 1))
    return np.lexsort((rank, first[label], place))
