"""Risks of learners in linear systems in the limit of infinitely many training sequences."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import lstsq
from sklearn.base import clone

from .._typing import Floats
from ..predictors import (
    BasePredictor,
    FiniteFilterPredictor,
    RestrictedLinearPredictor,
    TruncatedKalmanPredictor,
)
from ..worlds import LinearSystemWorld, World
from ._filters import (
    best_filter,
    check_growth,
    compress,
    linear_filter_risk,
    power_sum_roots,
    solve_rows,
)

# Of a learner, the horizon that it is trained for, and that of the risk.
Risk = Callable[[BasePredictor, int, int], float]
_LEARNERS = (FiniteFilterPredictor, TruncatedKalmanPredictor, RestrictedLinearPredictor)


def exact_risk(world: World, learner: BasePredictor) -> Risk:
    """Return the function of (learner, training horizon, horizon) that computes a risk."""
    if not isinstance(world, LinearSystemWorld) or not isinstance(learner, _LEARNERS):
        raise ValueError(
            f"method='exact' is for {', '.join(cls.__name__ for cls in _LEARNERS)} in a "
            f"LinearSystemWorld, not for {type(learner).__name__} in {type(world).__name__}; use "
            "method='monte_carlo'."
        )
    A, C, Q, R, initial = world.system()
    if isinstance(learner, RestrictedLinearPredictor):
        if not np.array_equal(C, np.eye(len(A))) or R.any():
            raise ValueError(
                "RestrictedLinearPredictor predicts from observed states; use a world with C=1.0 "
                "and R=0.0."
            )
        return _restricted_risk(A, Q, initial)
    if not isinstance(world.initial, str) or world.initial != "steady":
        raise ValueError(
            f"method='exact' is for the steady filter, not for initial={world.initial!r}; use "
            "initial='steady' or method='monte_carlo'."
        )
    if getattr(learner, "alpha", 0.0):
        raise ValueError(
            f"alpha={learner.alpha!r}: a penalty has no effect in the limit of many sequences, "
            "which method='exact' computes; use alpha=0.0 or method='monte_carlo'."
        )
    system = A, C, Q, R

    def filter_risk(learner: Any, trained: int, horizon: int) -> float:
        padding = getattr(learner, "padding", "zero")
        if isinstance(learner, FiniteFilterPredictor):
            coef = None
            if trained != horizon:
                coef = best_filter(*system, learner.length, trained, padding=padding)
        else:
            # It learns nothing from the sequences.
            coef = clone(learner).fit(np.zeros((2, 2, len(C)))).coef_
        return linear_filter_risk(*system, learner.length, horizon, coef=coef, padding=padding)

    return filter_risk


def _restricted_risk(A: Floats, Q: Floats, initial: Floats) -> Risk:
    """Return the function that computes the risk of a restricted linear predictor.

    With G the sum of E x_t x_t' over the steps, it is the squared norm of (M - A) G^(1/2).
    """
    start, noise = (_symmetric_root(covariance) for covariance in (initial, Q))

    def moments(horizon: int) -> Floats:
        check_growth(A, horizon)
        # E x_t x_t' is A^(t-1) P_1 A^(t-1)' plus the sum of A^i Q A^i' over i < t - 1.
        roots = (
            power_sum_roots(A, start, horizon - 1)[0],
            power_sum_roots(A, noise, horizon - 2)[1],
        )
        return compress(np.hstack(roots))

    def risk(learner: Any, trained: int, horizon: int) -> float:
        root = moments(trained)
        found = learner.closest(root, A @ root, solve=_solve_graded)
        if trained != horizon:
            root = moments(horizon)
        left = (found - A) @ root
        # What is left of an exact fit is rounding, entry by entry: states grow differently.
        rounding = 1e-12 * (np.abs(found) + np.abs(A)) @ np.abs(root)
        left[np.abs(left) <= rounding] = 0.0
        total = float((left**2).sum())
        if learner.family == "low_rank" and 0 < total < (1e-10 * np.linalg.norm(A @ root)) ** 2:
            raise ValueError(
                f"horizon={horizon} is too long for family='low_rank' in this system: the risk is "
                "lost in the rounding of its fastest mode. Take shorter horizons."
            )
        return total

    return risk


def _symmetric_root(covariance: Floats) -> Floats:
    """Return the symmetric root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def _solve_graded(matrix: Floats, target: Floats) -> Floats:
    """Return the least-squares solution of equations of very different weight."""
    try:
        return solve_rows(matrix, target)[0]
    except np.linalg.LinAlgError:
        # States that are always zero.
        return lstsq(matrix, target)[0]
