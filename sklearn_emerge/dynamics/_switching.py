"""Linear systems that take turns by a Markov chain."""

import numpy as np
from numpy.typing import ArrayLike

from .._typing import Floats
from ._linear_system import check_transition


def check_transitions(A: ArrayLike, transition: ArrayLike) -> tuple[Floats, Floats]:
    """Return the matrices of all regimes and the probabilities of their transitions.

    Parameters
    ----------
    A : array-like of shape (n_regimes,) or (n_regimes, n_states, n_states)
        A number or a matrix a regime.
    transition : float or array-like of shape (n_regimes, n_regimes)
        The probability that a regime stays, with all others equally likely; or row i has the
        probabilities of what follows regime i.

    Returns
    -------
    A : ndarray of shape (n_regimes, n_states, n_states)
    transition : ndarray of shape (n_regimes, n_regimes)
    """
    matrices = np.asarray(A, dtype=np.float64)
    if matrices.ndim not in (1, 3) or not len(matrices):
        raise ValueError(
            f"A={A!r} must be numbers, one a regime, or square matrices, one a regime; for a "
            "single regime pass [A]."
        )
    matrices = np.stack([check_transition(matrix) for matrix in matrices])
    n_regimes = len(matrices)
    chances = np.asarray(transition, dtype=np.float64)
    if chances.ndim == 0 and 0 <= chances <= 1:
        stay, leave = float(chances), (1 - float(chances)) / max(n_regimes - 1, 1)
        # A single regime has no other to go to.
        chances = np.eye(n_regimes) * (stay - leave) + leave if n_regimes > 1 else np.eye(1)
    proper = chances.shape == (n_regimes, n_regimes) and (chances >= 0).all()
    if not proper or np.abs(chances.sum(axis=1) - 1).max() > 1e-9:
        raise ValueError(
            f"transition={transition!r} must be the probability that a regime stays, or a matrix "
            f"of shape ({n_regimes}, {n_regimes}), a row and a column for each regime of A, whose "
            "rows are probabilities that sum to 1."
        )
    return matrices, chances


def switching_moments(A: Floats, transition: Floats, Q: Floats) -> tuple[Floats, Floats]:
    r"""Return the stationary probabilities of regimes, and the covariance of the state in each.

    The second moments :math:`S_k = E[x x^\top; z = k]` solve

    .. math:: S_k = A_k \Big(\sum_j p_{jk} S_j\Big) A_k^\top + \pi_k Q,

    for the state that moves as :math:`x_{t+1} = A_{z_{t+1}} x_t + w_t`. A state drawn with them
    has them at all later steps (Costa, Fragoso and Marques, 2005, chapter 3).

    Parameters
    ----------
    A : ndarray of shape (n_regimes, n_states, n_states)
        Transition matrix of each regime.
    transition : ndarray of shape (n_regimes, n_regimes)
        Probabilities of what follows each regime.
    Q : ndarray of shape (n_states, n_states)
        Covariance of the process noise.

    Returns
    -------
    probabilities : ndarray of shape (n_regimes,)
    covariances : ndarray of shape (n_regimes, n_states, n_states)
        Of the state given the regime, :math:`S_k / \pi_k`.

    Raises
    ------
    ValueError
        If the chain has regimes that do not come back, or the state has no finite variance.
    """
    n_regimes, n_states = A.shape[:2]
    equations = np.vstack([np.eye(n_regimes) - transition.T, np.ones(n_regimes)])
    probabilities, _, rank, _ = np.linalg.lstsq(equations, np.eye(n_regimes + 1)[-1])
    if rank < n_regimes or probabilities.min() < 1e-12:
        raise ValueError(
            f"transition={transition.tolist()} has regimes that are never left or that do not come "
            "back, so that where it is in the long run is not known; let every regime be reached "
            "from every other."
        )
    size = n_states**2
    # Row by row, vec(A S A^T) is kron(A, A) vec(S).
    squares = np.stack([np.kron(matrix, matrix) for matrix in A])
    step = np.einsum("jk,kab->kajb", transition, squares).reshape(n_regimes * size, -1)
    radius = np.abs(np.linalg.eigvals(step)).max()
    if radius >= 1:
        raise ValueError(
            f"The variance of the state grows without bound: from step to step by {radius:.4g}, "
            "which must be below 1. Take smaller entries in A, or other probabilities in "
            "transition."
        )
    driven = np.outer(probabilities, Q.ravel()).ravel()
    moments = np.linalg.solve(np.eye(len(step)) - step, driven).reshape(A.shape)
    covariances = moments / probabilities[:, np.newaxis, np.newaxis]
    return probabilities, (covariances + covariances.transpose(0, 2, 1)) / 2
