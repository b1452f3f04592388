"""Linear Gaussian systems: checks of their matrices, and the steady state of their filter."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, schur, solve_discrete_are

from .._typing import Floats
from .._validation import as_numbers

# Eigenvalues of a defective matrix are off by a root of the machine precision: those of a Jordan
# block of size three by about 6e-6.
EIGENVALUE_TOLERANCE = 1e-4
# What is left over below this share of what it is part of is rounding.
_ROUNDING = 1e-9


def _as_array(value: ArrayLike, name: str) -> Floats:
    """Return a float array of at most two dimensions; raise a ValueError if it is not one."""
    array = as_numbers(value, name)
    if array.ndim > 2 or not array.size or not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be a finite number or a finite matrix; got one of shape {array.shape}: "
            f"{array.tolist()!r}."
        )
    return array


def check_transition(A: ArrayLike) -> Floats:
    """Return the transition matrix as an array; raise a ValueError if it is not one."""
    A = _as_array(A, "A")
    if A.ndim == 1 or (A.ndim == 2 and A.shape[0] != A.shape[1]):
        raise ValueError(
            f"A must be a number or a square matrix; got one of shape {A.shape}: {A.tolist()!r}."
        )
    return np.atleast_2d(A)


def check_observation(C: ArrayLike, n_states: int) -> Floats:
    """Return the observation matrix as an array; a number times the identity, or one row."""
    C = _as_array(C, "C")
    if C.ndim == 0:
        C = C * np.eye(n_states)
    C = np.atleast_2d(C)
    if C.shape[1] != n_states:
        raise ValueError(
            f"C must have one column for each of the {n_states} states of A (shape "
            f"(n_channels, {n_states})); got shape {C.shape}: {C.tolist()!r}."
        )
    return C


def check_covariance(value: ArrayLike, size: int, name: str) -> Floats:
    """Return a covariance as an array; a number times the identity, or a matrix."""
    covariance = _as_array(value, name)
    if covariance.ndim == 0:
        covariance = covariance * np.eye(size)
    if covariance.shape != (size, size):
        raise ValueError(
            f"{name} must be a number or a matrix of shape ({size}, {size}); got shape "
            f"{covariance.shape}: {covariance.tolist()!r}."
        )
    # Relative, so that units do not matter.
    tolerance = 1e-12 * np.abs(covariance).max()
    symmetric = np.abs(covariance - covariance.T).max() <= tolerance
    if not symmetric or np.linalg.eigvalsh(covariance)[0] < -tolerance:
        raise ValueError(
            f"{name}={np.asarray(value).tolist()!r} is not a covariance; pass a symmetric, "
            "positive semidefinite matrix or a number of at least 0."
        )
    return (covariance + covariance.T) / 2


def check_system(
    A: ArrayLike, C: ArrayLike, Q: ArrayLike, R: ArrayLike, n_channels: int | None = None
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the matrices of a system as arrays of fitting shapes, for data of n_channels."""
    A = check_transition(A)
    C = check_observation(C, len(A))
    if n_channels is not None and len(C) != n_channels:
        raise ValueError(
            f"C has {len(C)} rows, one a channel, but X has {n_channels} "
            f"channel{'s' * (n_channels > 1)}; pass the rows that belong to X."
        )
    return A, C, check_covariance(Q, len(A), "Q"), check_covariance(R, len(C), "R")


def check_input_matrix(B: ArrayLike | None, n_states: int) -> Floats:
    """Return B as an array of shape (n_states, n_inputs); without inputs if it is None."""
    if B is None:
        return np.zeros((n_states, 0))
    try:
        matrix = np.asarray(B, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"B={B!r} is not made of numbers: {error}.") from error
    if matrix.ndim < 2:
        # One input, which drives one state or several.
        matrix = matrix.reshape(-1, 1)
    if matrix.ndim != 2 or len(matrix) != n_states or not matrix.size:
        raise ValueError(
            f"B has shape {np.shape(B)}, but A has {n_states} states; pass shape ({n_states},) of "
            f"one input or ({n_states}, n_inputs)."
        )
    if not np.isfinite(matrix).all():
        raise ValueError(f"B={B!r} must be finite; pass what each input adds to each state.")
    return matrix


def rests_at_origin_alone(A: Floats) -> bool:
    """Return whether no state but the origin rests: none of the eigenvalues of A is 1."""
    singular = np.linalg.svd(np.eye(len(A)) - A, compute_uv=False)
    # Not more than rounding: of a long Jordan block it is small for eigenvalues well below 1.
    rounding = 10 * len(A) * np.finfo(np.float64).eps
    return bool(singular[-1] > rounding * max(1.0, singular[0]))


def persistent_modes(
    A: Floats, C: Floats, bound: float = 1 - EIGENVALUE_TOLERANCE
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return A and C on the invariant subspace of the modes of modulus `bound` or more."""
    triangle, vectors, n_modes = schur(A, output="complex", sort=lambda value: abs(value) >= bound)
    return triangle[:n_modes, :n_modes], C @ vectors[:, :n_modes]


def observability(A: NDArray[np.inexact], C: NDArray[np.inexact]) -> tuple[int, int]:
    """Return the dimension of what C sees of a system, and the number of steps that it takes.

    Directions are added one by one, the new ones of a step being those of the last step times A
    without what is known already; only what is left over relative to itself counts, so that
    neither units nor the growth of powers matter.
    """
    basis = np.zeros((0, len(A)), dtype=np.result_type(A, C))
    fresh, steps = C, 0
    while True:
        added = []
        for row in fresh:
            left = row
            for _ in range(2):  # twice is enough to be orthogonal
                left = left - (left @ basis.conj().T) @ basis
            if np.linalg.norm(left) > _ROUNDING * np.linalg.norm(row) > 0:
                added.append(left / np.linalg.norm(left))
                basis = np.vstack([basis, added[-1]])
        if not added:
            return len(basis), steps
        fresh, steps = np.array(added) @ A, steps + 1


def check_detectable(A: Floats, C: Floats) -> None:
    """Raise a ValueError if a mode that does not decay is invisible to the observations."""
    dynamics, seen = persistent_modes(A, C)
    if len(dynamics) and observability(dynamics, seen)[0] < len(dynamics):
        values = ", ".join(f"{np.real_if_close(value):.4g}" for value in np.diag(dynamics))
        raise ValueError(
            "The pair (A, C) is not detectable: A has modes that do not decay (eigenvalues "
            f"{values}), and C does not see all of them, so that their uncertainty grows without "
            "bound. Observe them through C, or take them out of A."
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

    covariance: Floats
    innovation_covariance: Floats
    gain: Floats
    radius: float


def steady_filter(A: Floats, C: Floats, Q: Floats, R: Floats) -> SteadyFilter:
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
    except (LinAlgError, ValueError):
        # Depending on what is singular, the solver says so in either way.
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


def memory_radius(A: Floats, C: Floats, gain: Floats) -> float:
    """Return the rate at which the coefficients C (A - L C)^(k-1) L of the filter decay.

    Modes of A - L C that the gain does not reach or that C does not see have no part in it.
    """
    closed = A - gain @ C
    radius = 0.0
    if not gain.any() or not C.any():
        # All coefficients are zero: where A is, the past says nothing of what follows.
        return radius
    for value in np.linalg.eigvals(closed):
        shifted = closed - value * np.eye(len(A))
        tolerance = 1e-8 * max(1.0, np.abs(closed).max())
        scaled = (
            np.hstack([shifted, gain / np.linalg.norm(gain)]),
            np.vstack([shifted, C / np.linalg.norm(C)]),
        )
        if all(np.linalg.svd(pencil, compute_uv=False)[-1] > tolerance for pencil in scaled):
            radius = max(radius, abs(value))
    return float(radius)
