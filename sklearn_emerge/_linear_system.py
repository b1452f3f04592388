"""Linear Gaussian systems: checks of their matrices, and the steady state of their filter."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, solve_discrete_are

# Eigenvalues of a defective matrix are off by a root of the machine precision: those of a Jordan
# block of size three by about 6e-6.
EIGENVALUE_TOLERANCE = 1e-4


def check_transition(A):
    """Return the transition matrix as an array; raise a ValueError if it is not one."""
    A = np.asarray(A, dtype=np.float64)
    square = A.ndim == 0 or (A.ndim == 2 and A.shape[0] == A.shape[1] and A.size)
    if not square or not np.isfinite(A).all():
        raise ValueError(
            f"A must be a finite number or a finite square matrix; got one of shape {A.shape}: "
            f"{A.tolist()!r}."
        )
    return np.atleast_2d(A)


def check_observation(C, n_states):
    """Return the observation matrix as an array; a number times the identity, or one row."""
    C = np.asarray(C, dtype=np.float64)
    if C.ndim == 0:
        C = C * np.eye(n_states)
    if C.ndim == 1:
        C = C[np.newaxis]
    if C.ndim != 2 or C.shape[1] != n_states or not len(C) or not np.isfinite(C).all():
        raise ValueError(
            f"C must be finite and have one column for each of the {n_states} states of A (shape "
            f"(n_channels, {n_states})); got shape {C.shape}: {C.tolist()!r}."
        )
    return C


def check_covariance(value, size, name):
    """Return a covariance as an array; a number times the identity, or a matrix."""
    covariance = np.asarray(value, dtype=np.float64)
    if covariance.ndim == 0:
        covariance = covariance * np.eye(size)
    if covariance.shape != (size, size) or not np.isfinite(covariance).all():
        raise ValueError(
            f"{name} must be a finite number or a finite matrix of shape ({size}, {size}); got "
            f"shape {np.shape(value)}: {np.asarray(value).tolist()!r}."
        )
    tolerance = 1e-12 * max(1.0, np.abs(covariance).max())
    symmetric = np.allclose(covariance, covariance.T)
    if not symmetric or np.linalg.eigvalsh(covariance)[0] < -tolerance:
        raise ValueError(
            f"{name}={value!r} is not a covariance; pass a symmetric, positive semidefinite "
            "matrix or a number of at least 0."
        )
    return (covariance + covariance.T) / 2


def check_system(A, C, Q, R):
    """Return the matrices of a system as arrays of fitting shapes."""
    A = check_transition(A)
    C = check_observation(C, len(A))
    return A, C, check_covariance(Q, len(A), "Q"), check_covariance(R, len(C), "R")


def check_detectable(A, C):
    """Raise a ValueError if a mode that does not decay is invisible to the observations."""
    for value in np.linalg.eigvals(A):
        if abs(value) < 1 - EIGENVALUE_TOLERANCE:
            continue
        pencil = np.vstack([A - value * np.eye(len(A)), C])
        tolerance = EIGENVALUE_TOLERANCE * max(1.0, np.abs(pencil).max())
        if np.linalg.svd(pencil, compute_uv=False)[-1] < tolerance:
            raise ValueError(
                f"The pair (A, C) is not detectable: the mode of A with eigenvalue {value:.4g} "
                "does not decay and C does not see it, so that its uncertainty grows without "
                "bound. Observe it through C, or take it out of A."
            )


@dataclass(frozen=True)
class SteadyFilter:
    """The Kalman filter of a system in its steady state.

    Attributes
    ----------
    covariance : ndarray of shape (n_states, n_states)
        Covariance of the state given all observations before it, P.
    innovation_covariance : ndarray of shape (n_channels, n_channels)
        S = C P C' + R.
    gain : ndarray of shape (n_states, n_channels)
        Gain of the one-step predictor, L = A P C' S^-1.
    radius : float
        Spectral radius of A - L C, the rate at which the filter forgets.
    """

    covariance: np.ndarray
    innovation_covariance: np.ndarray
    gain: np.ndarray
    radius: float


def steady_filter(A, C, Q, R):
    """Return the steady state of the Kalman filter of a checked system."""
    check_detectable(A, C)
    try:
        P = solve_discrete_are(A.T, C.T, Q, R)
        P = (P + P.T) / 2
        S = C @ P @ C.T + R
        gain = np.linalg.solve(S, C @ P @ A.T).T
        radius = float(np.abs(np.linalg.eigvals(A - gain @ C)).max())
        # The solution of the equation is that of the filter only if the filter is stable.
        found = np.isfinite(P).all() and radius < 1
    except LinAlgError:
        found = False
    if not found:
        raise ValueError(
            "The Kalman filter of this system has no steady state: a mode of A of modulus 1 gets "
            f"no process noise, or observations are free of noise and redundant (A={A.tolist()}, "
            f"C={C.tolist()}, Q={Q.tolist()}, R={R.tolist()}). Add noise to that mode in Q or "
            "to the channel in R; in a world, or for a Kalman filter, you can give the initial "
            "covariance instead."
        )
    return SteadyFilter(P, S, gain, radius)
