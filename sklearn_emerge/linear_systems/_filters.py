"""What a filter of finite length loses on any linear system."""

import warnings
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cholesky, lapack, qr, schur, solve_triangular
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._docs import fill_doc
from .._typing import Floats
from .._validation import as_numbers
from ..dynamics import EIGENVALUE_TOLERANCE, check_system, steady_filter

# Integers up to this are exact in float64.
MAX_STEPS = 2**53
_ARGUMENTS = {
    "length": [Interval(Integral, 0, MAX_STEPS, closed="both")],
    "horizon": [Interval(Integral, 1, MAX_STEPS, closed="both")],
    "padding": [StrOptions({"zero", "drop"})],
}
# Powers of ten by which states may grow: their squares, times others, must fit in float64.
_MAX_GROWTH = 50
# Growth rates whose ratio over the horizon exceeds e^this are kept apart.
_APART = 7.0
# Columns that a root may have, in units of its rows.
_MAX_COLUMNS = 12


@fill_doc
@validate_params({**_ARGUMENTS, "coef": ["array-like", None]}, prefer_skip_nested_validation=True)
def linear_filter_risk(
    A: ArrayLike,
    C: ArrayLike,
    Q: ArrayLike,
    R: ArrayLike,
    length: int,
    horizon: int,
    *,
    coef: ArrayLike | None = None,
    padding: Literal["zero", "drop"] = "zero",
) -> float:
    r"""Return the excess risk of the best filter of a given length on a linear system.

    The total over the horizon of the squared distance between the prediction of a
    time-invariant filter and that of the Kalman filter,

    .. math:: \ell_T = \min_F \sum_{t=1}^{T} E \left\| \sum_{k=1}^{h} F_k y_{t-k}
        - E[y_t \mid y_1 \ldots y_{t-1}] \right\|^2 .

    In the innovations :math:`e_t` of the steady filter, whose covariance is S, the difference is
    :math:`\sum_j c_j e_{t-j}` with :math:`c_j` linear in F; the sum over the lags beyond h is a
    quadratic form found by doubling, so that the cost depends on the length and not on the
    horizon.

    Parameters
    ----------
    A : float or array-like of shape (n_states, n_states)
        Transition matrix.
    C : float or array-like of shape (n_states,) or (n_channels, n_states)
        Observation matrix.
    Q : float or array-like of shape (n_states, n_states)
        Covariance of the process noise.
    R : float or array-like of shape (n_channels, n_channels)
        Covariance of the observation noise.
    length : int
        Length h of the filter, at least 0.
    horizon : int
        Number of steps T, at least 1.
    coef : array-like of shape (length,) or (length, n_channels, n_channels), default=None
        Risk of this filter instead of the best one, most recent step first;
        ``coef[k, i, j]`` weights channel i of the step k back for channel j.
    padding : {"zero", "drop"}, default="zero"
        "zero": steps before the first count as zero. "drop": only steps after the first h are
        scored.

    Returns
    -------
    float
        Total over the horizon and the channels, in squared units of the observations.

    Raises
    ------
    ValueError
        If an argument is out of range, the system has no steady filter, or its states grow by
        more than a factor 1e50 over the horizon.

    Warns
    -----
    UserWarning
        If an eigenvalue is so close to modulus 1 that rounding may have moved it off.

    References
    ----------
    %(state_space_models)s

    Examples
    --------
    A local linear trend needs two steps; with one the risk per step grows with the horizon.

    >>> from sklearn_emerge.linear_systems import linear_filter_risk
    >>> trend = [[1.0, 1.0], [0.0, 1.0]], [1.0, 0.0], 0.1, 1.0
    >>> [round(linear_filter_risk(*trend, 1, T) / T) for T in (1000, 10000, 100000)]
    [17, 167, 1667]
    >>> [round(linear_filter_risk(*trend, 2, T) / T, 2) for T in (1000, 10000, 100000)]
    [3.42, 3.87, 3.92]
    """
    matrix, target, n_channels = _equations(A, C, Q, R, length, horizon, padding)
    if padding == "drop" and length >= horizon:
        return 0.0  # no step is scored
    if coef is None:
        return float((solve_rows(matrix, target)[1] ** 2).sum())
    coef = as_numbers(coef, "coef")
    if n_channels == 1 and coef.ndim == 1:
        coef = coef[:, np.newaxis, np.newaxis]
    if coef.shape != (length, n_channels, n_channels) or not np.isfinite(coef).all():
        raise ValueError(
            f"coef must be finite and of shape ({length}, {n_channels}, {n_channels}) for "
            f"length={length} and {n_channels} channels; got shape {coef.shape}."
        )
    used = coef[: matrix.shape[1] // n_channels].reshape(-1, n_channels)
    return float(((matrix @ used - target) ** 2).sum())


@validate_params(_ARGUMENTS, prefer_skip_nested_validation=True)
def best_filter(
    A: ArrayLike,
    C: ArrayLike,
    Q: ArrayLike,
    R: ArrayLike,
    length: int,
    horizon: int,
    *,
    padding: Literal["zero", "drop"] = "zero",
) -> Floats:
    """Return the filter of a given length that loses least on a linear system.

    Parameters
    ----------
    A, C, Q, R : float or array-like
        The system, as in `linear_filter_risk`.
    length : int
        Length of the filter, at least 0.
    horizon : int
        Number of steps for which it is the best, at least 1.
    padding : {"zero", "drop"}, default="zero"
        As in `linear_filter_risk`.

    Returns
    -------
    ndarray of shape (length, n_channels, n_channels)
        Coefficients, most recent step first; ``[k, i, j]`` weights channel i of the step k back
        for channel j.

    Raises
    ------
    ValueError
        As in `linear_filter_risk`.

    Examples
    --------
    >>> from sklearn_emerge.linear_systems import best_filter
    >>> best_filter(1.0, 1.0, 0.1, 1.0, 3, horizon=1000).ravel().round(3).tolist()
    [0.382, 0.321, 0.291]
    """
    matrix, target, n_channels = _equations(A, C, Q, R, length, horizon, padding)
    coef = np.zeros((int(length), n_channels, n_channels))
    found = solve_rows(matrix, target)[0].reshape(-1, n_channels, n_channels)
    coef[: len(found)] = found
    return coef


def _equations(
    A: ArrayLike,
    C: ArrayLike,
    Q: ArrayLike,
    R: ArrayLike,
    length: int,
    horizon: int,
    padding: Literal["zero", "drop"],
) -> tuple[Floats, Floats, int]:
    """Return the weighted equations that a filter should fulfil: matrix, target, n_channels.

    The sum of squares of ``matrix @ coef - target`` is the risk.
    """
    A, C, Q, R = check_system(A, C, Q, R)
    check_growth(A, horizon)
    warn_of_rounding(A, horizon)
    steady = steady_filter(A, C, Q, R)
    A, turn = graded_coordinates(A, horizon)
    C, gain = C @ turn, turn.T @ steady.gain
    # Nothing is longer than the past.
    h, d = min(int(length), int(horizon) - 1), len(C)
    n = int(horizon) - 1 - h
    powers = np.empty((h + 1, *C.shape))
    powers[0] = C
    for j in range(h):
        powers[j + 1] = powers[j] @ A
    # Innovations up to h steps ago, one block row each: that of j steps ago reaches y with
    # C A^(j-1) L, and its weight is the root of the number of steps that have it.
    S = steady.innovation_covariance
    root = cholesky(S, lower=True)
    response = root.T @ (powers @ gain).transpose(0, 2, 1)
    lags = np.arange(1, h + 1)
    scored = horizon - (lags if padding == "zero" else np.full(h, h))
    weights = np.sqrt(np.maximum(scored, 0)).reshape(-1, 1, 1)
    target = (weights * response[:h]).reshape(h * d, d)
    # F_k weights an innovation j steps ago itself if j = k, and through the states if j > k.
    reached = np.concatenate([np.zeros((1, d, d)), root.T[np.newaxis], response])
    blocks = reached[np.maximum(lags[:, np.newaxis] - lags + 1, 0)]
    matrix = (weights[..., np.newaxis] * blocks).transpose(0, 2, 1, 3).reshape(h * d, h * d)
    if n <= 0:
        return matrix, target, d
    # All further lags see the filter through (sum_k F_k C A^(h-k) - C A^h) only.
    tail = power_sum_roots(A, gain @ root, n)[1].T
    seen = powers[:h][::-1].transpose(2, 0, 1).reshape(len(A), h * d)
    matrix = np.vstack([matrix, tail @ seen])
    target = np.vstack([target, tail @ powers[h].T])
    return matrix, target, d


def check_growth(A: Floats, horizon: int) -> None:
    """Raise a ValueError if the states outgrow float64."""
    growth = np.log10(max(np.abs(np.linalg.eigvals(A)).max(), 1.0))
    if growth * horizon > _MAX_GROWTH:
        raise ValueError(
            f"horizon={horizon} is too long for a system whose states grow by a factor of "
            f"{10**growth:.4g} each step; take at most {int(_MAX_GROWTH / growth)} steps."
        )


def warn_of_rounding(A: Floats, horizon: int) -> None:
    """Warn if eigenvalues are close to modulus 1 and not on it, so that it matters."""
    moduli = np.abs(np.linalg.eigvals(A))
    apart = np.abs(moduli - 1)
    doubtful = moduli[(apart > 1e-12) & (apart < EIGENVALUE_TOLERANCE) & (apart * horizon > 0.1)]
    if len(doubtful):
        warnings.warn(
            f"A has an eigenvalue of modulus {doubtful[0]:.8g}, which makes a difference over "
            f"{horizon} steps. If it is 1 but for rounding, as those of a Jordan block can be, the "
            "risk may not be that of your system: write A in coordinates in which the block "
            "is exact, or take shorter horizons.",
            stacklevel=4,
        )


def graded_coordinates(A: Floats, horizon: int) -> tuple[Floats, Floats]:
    """Return A in coordinates in which modes of very different growth do not mix, and the turn.

    A Schur form with the fastest modes first, ``turn.T @ A @ turn``: in any other coordinates all
    states grow as fast as the fastest mode, and the slow ones are lost in their rounding. Where
    the growth over the horizon is alike, coordinates stay as they are, for turning rounds, too.
    """
    moduli = np.maximum(np.sort(np.abs(np.linalg.eigvals(A)))[::-1], 1.0)
    apart = horizon * np.diff(-np.log(moduli)) > _APART
    if not apart.any():
        return A, np.eye(len(A))
    fast = np.flatnonzero(apart)[0]
    bound = np.sqrt(moduli[fast] * moduli[fast + 1])
    form, turn, size = schur(A, sort=lambda real, imag: np.hypot(real, imag) > bound)
    rest, further = graded_coordinates(form[size:, size:], horizon)
    form[size:, size:], form[size:, :size] = rest, 0.0
    form[:size, size:] = form[:size, size:] @ further
    turn[:, size:] = turn[:, size:] @ further
    return form, turn


def power_sum_roots(A: Floats, root: Floats, n: int) -> tuple[Floats, Floats]:
    """Return V with V V' the sum over i < n of A^i G A^i', and of (n - i) A^i G A^i'.

    G is ``root @ root.T``. By doubling n, and on roots throughout: sums themselves would lose
    what is below the root of the machine precision.
    """
    simple = double = np.zeros((len(A), 1))
    power, m = np.eye(len(A)), 0
    for bit in bin(n)[2:]:
        double = _join(double, np.sqrt(m) * simple, power @ double)
        simple = _join(simple, power @ simple)
        power, m = power @ power, 2 * m
        if bit == "1":
            simple = _join(root, A @ simple)
            double, power, m = _join(double, simple), power @ A, m + 1
    return compress(simple), compress(double)


def _join(*roots: Floats) -> Floats:
    """Return V, with V V' the sum of those of the given roots, of a limited number of columns."""
    joined = np.hstack(roots)
    return joined if joined.shape[1] <= _MAX_COLUMNS * len(joined) else compress(joined)


def compress(root: Floats) -> Floats:
    """Return V of no more columns than rows, heaviest first, with the same V V'."""
    triangle, pivots = qr(root.T, mode="r", pivoting=True)
    result = np.empty((len(root), min(triangle.shape)))
    result[pivots] = triangle[: len(root)].T
    return result


def solve_rows(matrix: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Return the least-squares solution and what is left over, in rotated rows.

    The rows of unstable modes outweigh the others by many orders of magnitude, and what is left
    over in the light ones is the answer. Householder's method keeps them apart if the heaviest
    rows come first and columns are pivoted; a singular value decomposition would not.
    """
    n_unknown, n_targets = matrix.shape[1], target.shape[1]
    if n_unknown == 0:
        return np.zeros((0, n_targets)), target
    order = np.argsort(-np.abs(matrix).max(axis=1), kind="stable")
    (factors, tau), triangle, pivots = qr(matrix[order], mode="raw", pivoting=True)
    rotated, _, _ = lapack.dormqr("L", "T", factors, tau, target[order], 64 * n_targets)
    solution = np.empty((n_unknown, n_targets))
    solution[pivots] = solve_triangular(triangle[:n_unknown], rotated[:n_unknown])
    return solution, rotated[n_unknown:]
