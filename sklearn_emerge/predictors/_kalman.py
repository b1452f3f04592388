"""The Kalman filter of a known linear system."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from ._base import BasePredictor
from ._optimal import OptimalPredictor


class KalmanPredictor(OptimalPredictor):
    r"""Predict by the Kalman filter of a known linear Gaussian system.

    .. math::

        x_{t+1} = A x_t + b + w_t, \qquad y_t = C x_t + v_t, \qquad
        w_t \sim N(0, Q), \; v_t \sim N(0, R), \; x_0 \sim N(m, P),

    whose conditional mean :math:`C\,E[x_{t+1} \mid y_0 \dots y_t]` no other predictor can beat in
    squared error. Gains start from the initial state and so change with time.

    Parameters
    ----------
    transition : float or array-like of shape (n_states, n_states), default=1.0
        Transition matrix A.
    observation : float or array-like of shape (n_channels, n_states), default=1.0
        Observation matrix C.
    transition_covariance : float or array-like of shape (n_states, n_states), default=1.0
        Covariance Q of the process noise.
    observation_covariance : float or array-like of shape (n_channels, n_channels), default=1.0
        Covariance R of the observation noise, positive definite.
    offset : float or array-like of shape (n_states,), default=0.0
        Drift b of the state per step.
    initial_mean : float or array-like of shape (n_states,), default=0.0
        Mean m of the first state.
    initial_covariance : float or array-like of shape (n_states, n_states), default=1.0
        Covariance P of the first state.
    likelihood : {"auto", "gaussian", "bernoulli"}, default="auto"
        Likelihood of `score`. "auto" is Gaussian, or in an assessment that of the world.
    noise_std : float, "estimate" or "auto", default="auto"
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
    >>> walk = KalmanPredictor().fit([[0.0, 1.0, 2.0], [0.0, -1.0, 1.0]])
    >>> walk.gains_.ravel().round(3).tolist()
    [0.5, 0.6, 0.615]
    >>> walk.predict([[2.0, 2.0, 2.0]]).round(3).tolist()
    [[1.0, 1.6, 1.846]]
    """

    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        **{
            name: [Interval(Real, None, None, closed="neither"), "array-like"]
            for name in (
                "transition", "observation", "transition_covariance", "observation_covariance",
                "offset", "initial_mean", "initial_covariance",
            )
        },
    }  # fmt: skip

    def __init__(
        self,
        transition=1.0,
        observation=1.0,
        transition_covariance=1.0,
        observation_covariance=1.0,
        *,
        offset=0.0,
        initial_mean=0.0,
        initial_covariance=1.0,
        likelihood="auto",
        noise_std="auto",
    ):
        self.transition = transition
        self.observation = observation
        self.transition_covariance = transition_covariance
        self.observation_covariance = observation_covariance
        self.offset = offset
        self.initial_mean = initial_mean
        self.initial_covariance = initial_covariance
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _system(self, n_channels):
        """Return A, C, Q, R, b, m, P as arrays, after checking their shapes."""
        A = np.atleast_2d(np.asarray(self.transition, dtype=np.float64))
        n = len(A)
        shapes = {
            "transition": (n, n),
            "observation": (n_channels, n),
            "transition_covariance": (n, n),
            "observation_covariance": (n_channels, n_channels),
            "offset": (n,),
            "initial_mean": (n,),
            "initial_covariance": (n, n),
        }
        arrays = []
        for name, shape in shapes.items():
            value = np.asarray(getattr(self, name), dtype=np.float64)
            if value.ndim == 0:
                one_state = len(shape) == 1 or shape[0] == shape[1]
                value = np.full(shape, value) if len(shape) == 1 else value * np.eye(*shape)
                fits = one_state or shape == (1, 1)
            else:
                fits = value.shape == shape
            if not fits or not np.isfinite(value).all():
                raise ValueError(
                    f"{name} must be finite and of shape {shape} for X with {n_channels} "
                    f"channel{'s' * (n_channels > 1)} and a transition of shape {A.shape}; got "
                    f"{getattr(self, name)!r}."
                )
            arrays.append(value)
        for name, value in zip(shapes, arrays, strict=True):
            if name.endswith("covariance"):
                smallest = np.linalg.eigvalsh((value + value.T) / 2)[0]
                tolerance = 1e-12 * max(1.0, np.abs(value).max())
                noise = name == "observation_covariance"
                if (
                    not np.allclose(value, value.T)
                    or smallest < -tolerance
                    or (noise and smallest <= 0)
                ):
                    raise ValueError(
                        f"{name}={getattr(self, name)!r} must be a covariance; pass a symmetric, "
                        f"positive {'definite' if noise else 'semidefinite'} matrix."
                    )
        return arrays

    def _fit(self, X):
        self.gains_, self.innovation_covariances_ = self._gains(*X.shape[1:])

    def _gains(self, n_steps, n_channels):
        """Return gain and innovation covariance of each step."""
        A, C, Q, R, _, _, P = self._system(n_channels)
        gains, innovations = [], []
        for _ in range(n_steps):
            S = C @ P @ C.T + R
            K = np.linalg.solve(S, C @ P).T
            # Joseph's form stays positive semidefinite.
            rest = np.eye(len(A)) - K @ C
            P = A @ (rest @ P @ rest.T + K @ R @ K.T) @ A.T + Q
            gains.append(K)
            innovations.append(S)
        return np.array(gains), np.array(innovations)

    def _predict(self, X):
        A, C, _, _, b, m, _ = self._system(X.shape[2])
        state = np.broadcast_to(m, (len(X), len(A)))
        mean = np.empty_like(X)
        for t, K in enumerate(self._gains(*X.shape[1:])[0]):
            state = (state + (X[:, t] - state @ C.T) @ K.T) @ A.T + b
            mean[:, t] = state @ C.T
        return mean
