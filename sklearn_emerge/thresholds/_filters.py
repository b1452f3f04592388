"""What a filter of finite length loses on any linear system."""

from numbers import Integral

import numpy as np
from scipy.linalg import cholesky, eigh, lapack, qr, solve_triangular
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._linear_system import check_system, steady_filter

_ARGUMENTS = {
    "length": [Interval(Integral, 0, None, closed="left")],
    "horizon": [Interval(Integral, 1, None, closed="left")],
    "padding": [StrOptions({"zero", "drop"})],
}
# Powers of ten by which states may grow: their squares, times others, must fit in float64.
_MAX_GROWTH = 50


@validate_params({**_ARGUMENTS, "coef": ["array-like", None]}, prefer_skip_nested_validation=True)
def linear_filter_risk(A, C, Q, R, length, horizon, *, coef=None, padding="zero"):
    r"""Return the excess risk of the best filter of a given length on a linear system.

    The total over the horizon of the squared distance between the prediction of a
    time-invariant filter and that of the Kalman filter,

    .. math:: \ell_T = \min_F \sum_{t=1}^{T} E \Big\| \sum_{k=1}^{h} F_k y_{t-k}
        - E[y_t \mid y_1 \dots y_{t-1}] \Big\|^2 .

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

    References
    ----------
    Ziemann, I., Matni, N. and Pappas, G. J. (2025). State space models, emergence, and
    ergodicity: how many parameters are needed for stable predictions? PMLR 283.

    Examples
    --------
    A local linear trend needs two steps; with one the risk per step grows with the horizon.

    >>> from sklearn_emerge.thresholds import linear_filter_risk
    >>> trend = [[1.0, 1.0], [0.0, 1.0]], [1.0, 0.0], 0.1, 1.0
    >>> [round(linear_filter_risk(*trend, 1, T) / T) for T in (1000, 10000, 100000)]
    [17, 167, 1667]
    >>> [round(linear_filter_risk(*trend, 2, T) / T, 2) for T in (1000, 10000, 100000)]
    [3.42, 3.87, 3.92]
    """
    equations = _equations(A, C, Q, R, length, horizon, padding)
    if coef is None:
        return _solve(*equations)[1]
    matrix, target, n_channels = equations
    coef = np.asarray(coef, dtype=np.float64)
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
def best_filter(A, C, Q, R, length, horizon, *, padding="zero"):
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
    >>> from sklearn_emerge.thresholds import best_filter
    >>> best_filter(1.0, 1.0, 0.1, 1.0, 3, horizon=1000).ravel().round(3).tolist()
    [0.382, 0.321, 0.291]
    """
    matrix, target, n_channels = _equations(A, C, Q, R, length, horizon, padding)
    coef = np.zeros((int(length), n_channels, n_channels))
    found = _solve(matrix, target, n_channels)[0].reshape(-1, n_channels, n_channels)
    coef[: len(found)] = found
    return coef


def _equations(A, C, Q, R, length, horizon, padding):
    """Return the weighted equations that a filter should fulfil: matrix, target, n_channels.

    The sum of squares of ``matrix @ coef - target`` is the risk.
    """
    A, C, Q, R = check_system(A, C, Q, R)
    steady = steady_filter(A, C, Q, R)
    # Nothing is longer than the past.
    h, d = min(int(length), int(horizon) - 1), len(C)
    n = int(horizon) - 1 - h
    check_growth(A, horizon)
    powers = np.empty((h + 1, *C.shape))
    powers[0] = C
    for j in range(h):
        powers[j + 1] = powers[j] @ A
    # Innovations up to h steps ago, one block row each: that of j steps ago reaches y with
    # C A^(j-1) L, and its weight is the root of the number of steps that have it.
    S = steady.innovation_covariance
    root = cholesky(S, lower=True)
    response = root.T @ (powers @ steady.gain).transpose(0, 2, 1)
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
    tail = square_root(power_sums(A, steady.gain @ S @ steady.gain.T, n)[1]).T
    seen = powers[:h][::-1].transpose(2, 0, 1).reshape(len(A), h * d)
    matrix = np.vstack([matrix, tail @ seen])
    target = np.vstack([target, tail @ powers[h].T])
    return matrix, target, d


def check_growth(A, horizon):
    """Raise a ValueError if the states outgrow float64."""
    growth = np.log10(max(np.abs(np.linalg.eigvals(A)).max(), 1.0))
    if growth * horizon > _MAX_GROWTH:
        raise ValueError(
            f"horizon={horizon} is too long for a system whose states grow by a factor of "
            f"{10**growth:.4g} each step; take at most {int(_MAX_GROWTH / growth)} steps."
        )


def power_sums(A, G, n):
    """Return the sums over i < n of A^i G A^i' and of (n - i) A^i G A^i', by doubling n."""
    simple, double, power, m = np.zeros_like(A), np.zeros_like(A), np.eye(len(A)), 0
    for bit in bin(n)[2:]:
        double = double + m * simple + power @ double @ power.T
        simple = simple + power @ simple @ power.T
        power, m = power @ power, 2 * m
        if bit == "1":
            simple = G + A @ simple @ A.T
            double, power, m = double + simple, power @ A, m + 1
    return simple, double


def square_root(W):
    """Return V with W = V V', accurate for states of very different growth."""
    scale = np.sqrt(np.diag(W))
    scale[scale == 0] = 1.0
    W = W / np.outer(scale, scale)
    try:
        return scale[:, np.newaxis] * cholesky(W, lower=True)
    except np.linalg.LinAlgError:
        # A state that no noise reaches makes it singular.
        values, vectors = eigh(W)
        return scale[:, np.newaxis] * vectors * np.sqrt(np.maximum(values, 0))


def _solve(matrix, target, n_channels):
    """Return the least-squares solution and its sum of squares.

    The rows of unstable modes outweigh the others by many orders of magnitude, and what is left
    over in the light ones is the answer. Householder's method keeps them apart if the heaviest
    rows come first and columns are pivoted; a singular value decomposition would not.
    """
    n_unknown = matrix.shape[1]
    if n_unknown == 0:
        return np.zeros((0, n_channels)), float((target**2).sum())
    order = np.argsort(-np.abs(matrix).max(axis=1), kind="stable")
    (factors, tau), triangle, pivots = qr(matrix[order], mode="raw", pivoting=True)
    rotated, _, _ = lapack.dormqr("L", "T", factors, tau, target[order], 64 * n_channels)
    solution = np.empty((n_unknown, n_channels))
    solution[pivots] = solve_triangular(triangle[:n_unknown], rotated[:n_unknown])
    return solution, float((rotated[n_unknown:] ** 2).sum())
