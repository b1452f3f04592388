"""The Kalman filter of a known linear system."""

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._docs import fill_doc
from .._missing import fill_missing, is_observed
from .._roles import exogenous_of
from .._typing import Floats
from ..dynamics import (
    check_covariance,
    check_input_matrix,
    check_system,
    check_transition,
    steady_filter,
)
from ..predictors._base import BasePredictor
from ._base import OptimalPredictor


@fill_doc
class KalmanPredictor(OptimalPredictor):
    r"""Predict by the Kalman filter of a known linear Gaussian system.

    .. math::

        x_{t+1} = A x_t + B u_t + b + w_t, \qquad y_t = C x_t + v_t, \qquad
        w_t \sim N(0, Q), \; v_t \sim N(0, R), \; x_0 \sim N(m, P),

    whose conditional mean :math:`C\,E[x_{t+1} \mid y_0 \ldots y_t]` no other predictor can beat in
    squared error, given the inputs :math:`u_0 \ldots u_t` if there are any. Where a step is missing
    there is no update, which is exact.

    Parameters
    ----------
    A : float or array-like of shape (n_states, n_states), default=1.0
        Transition matrix.
    C : float or array-like of shape (n_states,) or (n_channels, n_states), default=1.0
        %(C)s
    Q : float or array-like of shape (n_states, n_states), default=1.0
        %(Q)s
    R : float or array-like of shape (n_channels, n_channels), default=1.0
        %(R)s
    offset : float or array-like of shape (n_states,), default=0.0
        Drift b of the state per step.
    initial_mean : float or array-like of shape (n_states,), default=0.0
        Mean m of the first state.
    initial_covariance : "steady", float or array-like, default="steady"
        Covariance P of the first state. "steady" is that of the filter's steady state, the
        solution of the Riccati equation :math:`P = A (P - P C^\top S^{-1} C P) A^\top + Q` with
        :math:`S = C P C^\top + R`; gains are then the same at every step.
    B : float, array-like of shape (n_states,) or (n_states, n_inputs), or None, default=None
        What inputs add to the states at the next step; they are the last channels of X, which are
        seen and not predicted. None: there are none.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        Standard deviation of the Gaussian in units of the data, the same at every step.
        "estimate" takes the root mean square error on the training data; "auto" does so too, or
        in an assessment takes the world's.

    Attributes
    ----------
    gains_ : ndarray of shape (n_steps, n_states, n_channels)
        Kalman gain of each step.
    innovation_covariances_ : ndarray of shape (n_steps, n_channels, n_channels)
        Covariance of each step given those before.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    References
    ----------
    Kalman, R. E. (1960). A new approach to linear filtering and prediction problems.

    Examples
    --------
    >>> from sklearn_emerge import KalmanPredictor
    >>> X = [[0.0, 1.0, 2.0], [0.0, -1.0, 1.0]]
    >>> KalmanPredictor().fit(X).gains_.ravel().round(3).tolist()
    [0.618, 0.618, 0.618]
    >>> walk = KalmanPredictor(initial_covariance=1.0).fit(X)
    >>> walk.gains_.ravel().round(3).tolist()
    [0.5, 0.6, 0.615]
    >>> walk.predict([[2.0, 2.0, 2.0]]).round(3).tolist()
    [[1.0, 1.6, 1.846]]
    """

    takes_missing = True
    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        **{
            name: [Interval(Real, None, None, closed="neither"), "array-like"]
            for name in ("A", "C", "Q", "R", "offset", "initial_mean")
        },
        "B": [Interval(Real, None, None, closed="neither"), "array-like", None],
        "initial_covariance": [
            Interval(Real, None, None, closed="neither"),
            "array-like",
            StrOptions({"steady"}),
        ],
    }

    def __init__(
        self,
        A: ArrayLike = 1.0,
        C: ArrayLike = 1.0,
        Q: ArrayLike = 1.0,
        R: ArrayLike = 1.0,
        *,
        offset: ArrayLike = 0.0,
        initial_mean: ArrayLike = 0.0,
        initial_covariance: ArrayLike = "steady",
        B: ArrayLike | None = None,
        likelihood: str = "auto",
        noise_std: float | str = "auto",
    ) -> None:
        self.A = A
        self.C = C
        self.Q = Q
        self.R = R
        self.offset = offset
        self.initial_mean = initial_mean
        self.initial_covariance = initial_covariance
        self.B = B
        self.likelihood = likelihood
        self.noise_std = noise_std

    @property
    def n_exogenous(self) -> int:
        """Number of inputs, the columns of B."""
        return self._input_matrix().shape[1]

    def _input_matrix(self) -> Floats:
        return check_input_matrix(self.B, len(check_transition(self.A)))

    def _drive(self, X: Floats) -> Floats:
        """Return what inputs add to the states after each step."""
        exogenous = exogenous_of(X, self._n_exogenous)
        if np.isnan(exogenous).any():
            # Behind the last observed step, where nothing is scored.
            exogenous = fill_missing(exogenous, self._usual_exogenous)
        return exogenous @ self._input_matrix().T

    def _system(self, n_channels: int) -> tuple[Floats, ...]:
        """Return A, C, Q, R, b, m, P as arrays, after checking their shapes."""
        A, C, Q, R = check_system(self.A, self.C, self.Q, self.R, n_channels)
        means = []
        for name in ("offset", "initial_mean"):
            value = np.asarray(getattr(self, name), dtype=np.float64)
            if value.shape not in ((), (len(A),)) or not np.isfinite(value).all():
                raise ValueError(
                    f"{name} must be a finite number or finite and of shape ({len(A)},), one a "
                    f"state; got {getattr(self, name)!r}."
                )
            means.append(np.broadcast_to(value, len(A)))
        if isinstance(self.initial_covariance, str):
            P = steady_filter(A, C, Q, R).covariance
        else:
            P = check_covariance(self.initial_covariance, len(A), "initial_covariance")
        return A, C, Q, R, *means, P

    def _fit(self, X: Floats) -> None:
        self.gains_, self.innovation_covariances_ = self._gains(*self._targets(X).shape[1:])

    def _gains(self, n_steps: int, n_channels: int) -> tuple[Floats, Floats]:
        """Return gain and innovation covariance of each step."""
        A, C, Q, R, _, _, P = self._system(n_channels)
        gains, innovations = [], []
        for _ in range(n_steps):
            S = C @ P @ C.T + R
            if np.linalg.matrix_rank(S, hermitian=True) < n_channels:
                raise ValueError(
                    "A channel can be predicted without error from the others and the past, so "
                    "that the density is not finite; give it observation noise in R."
                )
            K = np.linalg.solve(S, C @ P).T
            # Joseph's form stays positive semidefinite.
            rest = np.eye(len(A)) - K @ C
            P = A @ (rest @ P @ rest.T + K @ R @ K.T) @ A.T + Q
            gains.append(K)
            innovations.append(S)
        return np.array(gains), np.array(innovations)

    def fill_missing(self, X: Floats) -> Floats:
        """Return X itself: nothing has to stand for what is missing.

        Parameters
        ----------
        X : ndarray of shape (n_sequences, n_steps, n_channels)
            Sequences, NaN where a step is missing.

        Returns
        -------
        ndarray of the same shape
        """
        return X

    def _predict(self, X: Floats) -> Floats:
        drive, X = self._drive(X), self._targets(X)
        observed = is_observed(X)
        if not observed.all():
            return self._predict_missing(X, drive, observed)
        A, C, _, _, b, m, _ = self._system(X.shape[2])
        state = np.broadcast_to(m, (len(X), len(A)))
        mean = np.empty_like(X)
        for t, K in enumerate(self._gains(*X.shape[1:])[0]):
            state = (state + (X[:, t] - state @ C.T) @ K.T) @ A.T + b + drive[:, t]
            mean[:, t] = state @ C.T
        return mean

    def _predict_missing(self, X: Floats, drive: Floats, observed: NDArray[np.bool_]) -> Floats:
        """Return the means with a gain of each sequence, zero where a step is missing."""
        system = self._system(X.shape[2])
        believed, mean = _prior(system, len(X)), np.empty_like(X)
        for t, seen in enumerate(observed.T):
            believed = _update(system, *believed, X[:, t], seen, drive[:, t])
            mean[:, t] = believed[0] @ system[1].T
        return mean

    def _begin(self, X: Floats) -> tuple[Floats, Any]:
        system = self._system(X.shape[2])
        believed, observed = _prior(system, len(X)), is_observed(X)
        for t, seen in enumerate(observed.T):
            believed = _update(system, *believed, X[:, t], seen)
        return believed[0] @ system[1].T, (system, *believed)

    def _advance(self, state: Any, x: Floats) -> tuple[Floats, Any]:
        system, mean, covariance = state
        believed = _update(system, mean, covariance, x, np.ones(len(x), dtype=bool))
        return believed[0] @ system[1].T, (system, *believed)


def _prior(system: tuple[Floats, ...], n_sequences: int) -> tuple[Floats, Floats]:
    """Return mean and covariance of the first state of each sequence."""
    *_, m, P = system
    return np.broadcast_to(m, (n_sequences, len(m))), np.broadcast_to(P, (n_sequences, *P.shape))


def _update(
    system: tuple[Floats, ...],
    state: Floats,
    P: Floats,
    y: Floats,
    seen: NDArray[np.bool_],
    drive: Floats | float = 0.0,
) -> tuple[Floats, Floats]:
    """Return mean and covariance of the next state of each sequence; no gain where none is seen."""
    A, C, Q, R, b, _, _ = system
    CP = C @ P
    K = np.linalg.solve(CP @ C.T + R, CP).swapaxes(1, 2)
    K = np.where(seen[:, np.newaxis, np.newaxis], K, 0.0)
    error = np.where(seen[:, np.newaxis], y - state @ C.T, 0.0)
    state = (state + (K @ error[:, :, np.newaxis])[:, :, 0]) @ A.T + b + drive
    rest = np.eye(len(A)) - K @ C
    P = A @ (rest @ P @ rest.swapaxes(1, 2) + K @ R @ K.swapaxes(1, 2)) @ A.T + Q
    return state, P
