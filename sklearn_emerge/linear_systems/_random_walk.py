"""What a filter of finite length loses on a random walk observed in noise, in closed form."""

from bisect import bisect_left
from numbers import Integral, Real
from typing import Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._docs import fill_doc
from ._filters import MAX_STEPS

_WALK = {
    "q": [Interval(Real, 0, None, closed="neither")],
    "r": [Interval(Real, 0, None, closed="left")],
    "horizon": [Interval(Integral, 1, MAX_STEPS, closed="both")],
    "padding": [StrOptions({"zero", "drop"})],
}


@fill_doc
@validate_params(
    {**_WALK, "length": [Interval(Integral, 0, MAX_STEPS, closed="both")]},
    prefer_skip_nested_validation=True,
)
def filter_risk(
    q: float, r: float, length: int, horizon: int, *, padding: Literal["zero", "drop"] = "zero"
) -> float:
    r"""Return the excess risk of the best filter of a given length on a noisy random walk.

    For :math:`x_{t+1} = x_t + w_t`, :math:`y_t = x_t + v_t` with variances q and r, and the
    filter in its steady state, it is the minimum over all filters :math:`F_1 \ldots F_h`, the same
    at every step, of

    .. math::

        \ell_T = \sum_{t=1}^{T} E\left(\sum_{k=1}^{h} F_k y_{t-k} - E[y_t \mid y_1 \ldots y_{t-1}]
        \right)^2 = \frac{S \rho^{2h}}{\frac{2}{K^2 (T-h)(T-h-1)}
        + \sum_{j=1}^{h} \frac{\rho^{2(h-j)}}{T-j}},

    where :math:`\rho = 1 + \lambda/2 - \sqrt{\lambda + \lambda^2/4}` with :math:`\lambda = q/r`,
    :math:`K = 1 - \rho` is the gain of the Kalman filter and :math:`S = q / K^2` the variance of
    its innovations.

    Parameters
    ----------
    q : float
        Variance of a step of the walk, positive.
    r : float
        Variance of the observation noise, not negative.
    length : int
        Length h of the filter, at least 0.
    horizon : int
        Number of steps T, at least 1.
    padding : {"zero", "drop"}, default="zero"
        "zero": steps before the first count as zero. "drop": only steps after the first h are
        scored.

    Returns
    -------
    float
        Total over the horizon, in squared units of the observations. Divided by 2 S it is the
        Kullback-Leibler divergence from the filter's predictions to the truth, in nats.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    The risk per step, divided by T, tends to :math:`S (1 - \rho^2) \rho^{2h} / (1 - \rho^{2h})`
    for every length from 1 on. Theorem 4.1 of *State space models, emergence, and ergodicity* says
    that it diverges for lengths below order log T. It does not: persistence (h = 1, F = 1) has
    :math:`\ell_T = \rho^2 S (T - 1)`. What diverges there is the total.

    References
    ----------
    %(state_space_models)s

    Examples
    --------
    >>> from sklearn_emerge.linear_systems import filter_risk
    >>> S = 2.6180339887  # variance of the innovations at q = r = 1
    >>> [round(filter_risk(1.0, 1.0, h, 100) / S, 6) for h in (2, 3, 4)]
    [1.740691, 0.246961, 0.035556]
    """
    rho, K, S = _steady_walk(q, r)
    h, T = int(length), int(horizon)
    if h >= T - 1:
        return 0.0
    if padding == "zero":
        # Terms too small to count are left out, so that long filters cost nothing.
        n_terms = h if rho == 0 else int(min(h, 1 + np.ceil(np.log(1e-18) / (2 * np.log(rho)))))
        back = np.arange(n_terms)
        memory = (rho ** (2.0 * back) / (T - (h - back))).sum()
        unit_root = 2 / (K**2 * (T - h) * (T - h - 1))
        return float(S * rho ** (2 * h) / (unit_root + memory))
    memory = 1.0 if rho == 0 else -np.expm1(2 * h * np.log(rho)) / (K * (1 + rho))
    return float(S * (T - h) * rho ** (2 * h) / (2 / (K**2 * (T - h - 1)) + memory))


@validate_params(
    {**_WALK, "tol": [Interval(Real, 0, None, closed="neither")]},
    prefer_skip_nested_validation=True,
)
def critical_filter_length(
    q: float, r: float, horizon: int, tol: float = 1.0, *, padding: Literal["zero", "drop"] = "zero"
) -> int:
    r"""Return the shortest filter that loses at most a tolerance on a noisy random walk.

    .. math:: h^* = \min \{h : \ell_T(h) \le \text{tol} \cdot S\} \approx
        \frac{\log(1 + T (1 - \rho^2) / \text{tol})}{2 \log(1 / \rho)},

    found exactly, by bisection on `filter_risk`.

    Parameters
    ----------
    q : float
        Variance of a step of the walk, positive.
    r : float
        Variance of the observation noise, not negative.
    horizon : int
        Number of steps T, at least 1.
    tol : float, default=1.0
        Tolerated total excess risk in units of the variance S of the innovations; 1 is half a
        nat over the whole horizon.
    padding : {"zero", "drop"}, default="zero"
        As in `filter_risk`.

    Returns
    -------
    int
        The length.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    It grows by :math:`1 / (2 \log(1/\rho))` per factor e of the horizon. *State space models,
    emergence, and ergodicity* prints :math:`1 / |\log(1 - \rho)|`, which falls as the noise grows,
    against its own text.

    Examples
    --------
    >>> from sklearn_emerge.linear_systems import critical_filter_length
    >>> [critical_filter_length(0.1, 1.0, T) for T in (100, 1000, 10000)]
    [6, 10, 14]
    """
    tolerated = tol * _steady_walk(q, r)[2]

    def suffices(length: int) -> bool:
        return filter_risk(q, r, length, horizon, padding=padding) <= tolerated

    # The length grows with the logarithm of the horizon: look for a bound from below.
    bound = 1
    while bound < horizon and not suffices(bound):
        bound *= 2
    return bisect_left(range(min(bound, horizon) + 1), True, key=suffices)


def _steady_walk(q: float, r: float) -> tuple[float, float, float]:
    """Return rho, the gain K and the innovation variance S of the steady filter."""
    ratio = q / r if r > 0 else np.inf
    if r > 0 and not 1e-300 < ratio < 1e300:
        raise ValueError(
            f"q={q!r} and r={r!r} are too different to compute with; pass r=0 for a walk without "
            "noise, or a larger q."
        )
    # The textbook form cancels where the walk dwarfs the noise.
    rho = 2 / (2 + ratio + np.sqrt(ratio) * np.sqrt(ratio + 4))
    K = np.sqrt(rho * ratio) if r > 0 else 1.0
    return rho, K, q / K**2
