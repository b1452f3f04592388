"""The energy distance of two clouds of points."""

import numpy as np
from scipy.spatial.distance import cdist

from .._typing import Floats


def energy_distance(x: Floats, y: Floats) -> float:
    r"""Estimate the energy distance of the laws of points, without bias.

    .. math:: 2 E|X - Y| - E|X - X'| - E|Y - Y'|,

    in the unit of the points, is 0 if both laws are the same, and positive else. Means are over
    pairs of points of different sequences alone, as those of one depend on each other; so the
    estimate can be below 0.

    Parameters
    ----------
    x, y : ndarray of shape (n_sequences, n_points, n_dims)
        Points of each sequence. Sequences of the same number may depend on each other, too.

    Returns
    -------
    float
        Infinite if a point is.
    """
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return np.inf
    return 2 * _mean_distance(x, y) - _mean_distance(x, x) - _mean_distance(y, y)


def _mean_distance(x: Floats, y: Floats) -> float:
    """Return the mean distance of points of different sequences."""
    n, m, n_dims = x.shape
    distances = cdist(x.reshape(-1, n_dims), y.reshape(-1, n_dims)).reshape(n, m, n, m)
    by_sequence = distances.mean(axis=(1, 3))
    return float((by_sequence.sum() - np.trace(by_sequence)) / (n * (n - 1)))
