"""The best possible predictors of worlds whose law is known: Bayesian filters."""

from numbers import Integral, Real

import numpy as np
from numba import njit
from scipy.special import softmax
from sklearn.utils._param_validation import Interval

from ..worlds._oscillator import euler_step, frequencies_of
from ._base import BasePredictor

# Sequences that are filtered at once.
_CHUNK = 256
# Standard deviations that a grid reaches to both sides.
_REACH = 4.5
# Standard deviation of the posterior that a grid still resolves, in steps of the grid.
_NARROWEST = 0.45
_FAR = 1e3


class OptimalPredictor(BasePredictor):
    """What the optimal predictors share: they know the law and learn nothing but the noise."""

    def _fit(self, X):
        pass

    def _one_channel(self, X):
        if X.shape[2] != 1:
            raise ValueError(
                f"{type(self).__name__} is for one channel, and X has {X.shape[2]}; pass X of "
                "shape (n_sequences, n_steps)."
            )
        return X[:, :, 0]


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


class RegimePredictor(OptimalPredictor):
    r"""Predict by the exact filter of the regime world.

    Over hypotheses h about the first regime (and, with ``known_phase=False``, about the steps
    that had passed since the last flip before the start, uniform over the period),

    .. math::

        P(s_{t+1} = 1 \mid s_0 \dots s_t) = \sum_h P(h \mid s_0 \dots s_t)
        \, P(s_{t+1} = 1 \mid s_t, r_{t+1}(h)).

    Parameters
    ----------
    period : int, default=32
        Steps between flips of the regime.
    stay_probability : pair of float, default=(0.9, 0.6)
        Probability that the state stays the same in regime 0 and in regime 1.
    known_phase : bool, default=True
        Whether the times of the flips are known. A predictor without a clock does not know them.
    likelihood : {"auto", "gaussian", "bernoulli"}, default="auto"
        Likelihood of `score`. "auto" is Gaussian, or in an assessment that of the world.
    noise_std : float, "estimate" or "auto", default="auto"
        Standard deviation of the Gaussian in units of the data. "estimate" takes the root mean
        square error on the training data; "auto" does so too, or in an assessment takes the
        world's.

    Attributes
    ----------
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Notes
    -----
    Values above one half count as one. With unknown phase it is the optimum for flips at a
    uniformly random time; where they always come at multiples of the period, as in
    `RegimeWorld`, a predictor could learn their times by counting.

    Examples
    --------
    >>> from sklearn_emerge import RegimePredictor
    >>> RegimePredictor(stay_probability=(0.9, 0.5)).fit([[0, 0], [1, 1]]).predict([[1, 1]])
    array([[0.7       , 0.75714286]])
    """

    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "period": [Interval(Integral, 1, None, closed="left")],
        "stay_probability": ["array-like"],
        "known_phase": ["boolean"],
    }

    def __init__(
        self, period=32, stay_probability=(0.9, 0.6), *, known_phase=True, likelihood="auto",
        noise_std="auto",
    ):  # fmt: skip
        self.period = period
        self.stay_probability = stay_probability
        self.known_phase = known_phase
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _predict(self, X):
        state = self._one_channel(X) > 0.5
        n_steps = state.shape[1]
        stay = np.asarray(self.stay_probability, dtype=np.float64)
        if stay.shape != (2,) or not ((stay >= 0) & (stay <= 1)).all():
            raise ValueError(
                f"stay_probability={self.stay_probability!r} must be two probabilities, one a "
                "regime, each in [0, 1]."
            )
        phase = np.arange(1 if self.known_phase else self.period)
        flips = (np.arange(n_steps + 1) + phase[:, np.newaxis]) // self.period
        regimes = np.concatenate([flips % 2, (1 + flips) % 2])
        stays = stay[regimes]
        mean = np.empty(X.shape)
        for start in range(0, len(X), _CHUNK):
            s = state[start : start + _CHUNK]
            stayed = np.zeros((len(s), n_steps, 1), dtype=bool)
            stayed[:, 1:, 0] = s[:, 1:] == s[:, :-1]
            with np.errstate(divide="ignore"):
                step = np.where(stayed, np.log(stays.T[:-1]), np.log1p(-stays.T[:-1]))
            step[:, 0] = 0.0
            evidence = step.cumsum(axis=1)
            # Data that are impossible in every regime leave the hypotheses as they were.
            evidence[np.isneginf(evidence).all(axis=2)] = 0.0
            stay_next = (softmax(evidence, axis=2) * stays.T[1:]).sum(axis=2)
            mean[start : start + _CHUNK, :, 0] = np.where(s, stay_next, 1 - stay_next)
        return mean


class OscillatorPredictor(OptimalPredictor):
    r"""Predict by the posterior over the initial state of the oscillator world.

    The dynamics are deterministic, :math:`z_t = f_t(z_0)`, so that

    .. math::

        E[y_{t+1} \mid y_0 \dots y_t] = \int x_{t+1}(z_0)\, p(z_0 \mid y_0 \dots y_t)\, dz_0,

    an integral over two dimensions. It is computed on a grid along the principal axes of the
    posterior, laid anew as the posterior narrows. It is accurate to 1e-6 nats per step where the
    world states an exact ceiling; further away, raise `n_grid` until the score stays.

    Parameters
    ----------
    omega : float or pair of float, default=1.0
        See `OscillatorWorld`.
    time_step : float, default=0.05
        See `OscillatorWorld`.
    initial_std : float, default=0.1
        See `OscillatorWorld`.
    observation_std : float, default=0.05
        See `OscillatorWorld`.
    n_grid : int, default=15
        Points of the grid along each axis, over 4.5 standard deviations to both sides.
    likelihood : {"auto", "gaussian", "bernoulli"}, default="auto"
        Likelihood of `score`. "auto" is Gaussian, or in an assessment that of the world.
    noise_std : float, "estimate" or "auto", default="auto"
        Standard deviation of the Gaussian in units of the data. "estimate" takes the root mean
        square error on the training data; "auto" does so too, or in an assessment takes the
        world's.

    Attributes
    ----------
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Raises
    ------
    ValueError
        From `predict` and `score`, if the grid is too coarse for the posterior.

    Examples
    --------
    >>> from sklearn_emerge import OscillatorPredictor, OscillatorWorld
    >>> X = OscillatorWorld(n_steps=64).sample(50, random_state=0).X
    >>> bool(OscillatorPredictor().fit(X).noise_std_[0] < 0.06)
    True
    """

    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "omega": [Interval(Real, None, None, closed="neither"), "array-like"],
        "time_step": [Interval(Real, 0, None, closed="neither")],
        "initial_std": [Interval(Real, 0, None, closed="left")],
        "observation_std": [Interval(Real, 0, None, closed="neither")],
        "n_grid": [Interval(Integral, 3, None, closed="left")],
    }

    def __init__(
        self, omega=1.0, time_step=0.05, initial_std=0.1, observation_std=0.05, *, n_grid=15,
        likelihood="auto", noise_std="auto",
    ):  # fmt: skip
        self.omega = omega
        self.time_step = time_step
        self.initial_std = initial_std
        self.observation_std = observation_std
        self.n_grid = n_grid
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _predict(self, X):
        y = self._one_channel(X)
        chunks = [self._filter(y[i : i + _CHUNK]) for i in range(0, len(y), _CHUNK)]
        return np.concatenate(chunks)[:, :, np.newaxis]

    def _filter(self, y):
        n_sequences, n_steps = y.shape
        # A frequency that drifts keeps its pace beyond the length of training.
        first, last = frequencies_of(self.omega, 2)
        frequencies = first + (last - first) * np.arange(n_steps) / (self.n_steps_ - 1)
        axis = np.linspace(-_REACH, _REACH, self.n_grid)
        grid = np.stack([g.ravel() for g in np.meshgrid(axis, axis)])
        # A start that is certain is a narrow one, too.
        prior_std = max(self.initial_std, np.finfo(np.float32).eps * self.observation_std)
        center = np.zeros((n_sequences, 2, 1))
        spread = np.broadcast_to(prior_std * np.eye(2), (n_sequences, 2, 2))
        mean = np.empty_like(y)
        done = 0
        while done < n_steps:
            # So often that the posterior stays wider than a step of the grid.
            end = min(n_steps, done + max(1, done // 4))
            start = center + spread @ grid
            x, v = start[:, 0].copy(), start[:, 1].copy()
            log_weight = -(start**2).sum(axis=1) / (2 * prior_std**2)
            for t in range(end):
                _advance(
                    x, v, log_weight, y[:, t], self.observation_std, frequencies[t], self.time_step
                )
                if t >= done:
                    mean[:, t] = (softmax(log_weight, axis=1) * x).sum(axis=1)
            weight = softmax(log_weight, axis=1)[:, np.newaxis]
            self._check_grid(weight, grid, end)
            center = (weight * start).sum(axis=2, keepdims=True)
            apart = start - center
            covariance = (weight * apart) @ apart.swapaxes(1, 2)
            # A floor far below what one observation could resolve keeps it invertible.
            covariance += 1e-24 * np.eye(2)
            spread = np.linalg.cholesky(covariance)
            done = end
        return mean

    def _check_grid(self, weight, grid, n_seen):
        """Raise a ValueError if the posterior falls between the points of the grid."""
        apart = grid - (weight @ grid.T).swapaxes(1, 2)
        spread = np.sqrt(np.linalg.eigvalsh((weight * apart) @ apart.swapaxes(1, 2))[:, 0])
        if np.median(spread) < _NARROWEST * 2 * _REACH / (self.n_grid - 1):
            raise ValueError(
                f"n_grid={self.n_grid} is too coarse for observation_std={self.observation_std!r} "
                f"and initial_std={self.initial_std!r}: after {n_seen} steps the posterior is "
                "narrower than a step of the grid. Raise n_grid."
            )


_euler_step = njit(euler_step)


@njit(cache=True)
def _advance(x, y, log_weight, observed, observation_std, frequency, time_step):
    """Weigh the states (n_sequences, n_states) by an observation, and move them on, in place."""
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            error = (observed[i] - x[i, k]) / observation_std
            log_weight[i, k] -= error * error / 2
            x[i, k], y[i, k] = _euler_step(x[i, k], y[i, k], frequency, time_step)
            # Explicit steps from far outside the limit cycle run away; no data come from there.
            if not abs(x[i, k]) + abs(y[i, k]) < _FAR:
                x[i, k] = y[i, k] = 0.0
                log_weight[i, k] = -np.inf


class ExchangeablePredictor(BasePredictor):
    r"""Predict by the sum of the steps so far: the best linear predictor of shuffled sequences.

    In an exchangeable sequence the order says nothing, so that a linear predictor can use the sum
    of what has been seen only:

    .. math:: \hat y_{t+1} = \mu + k_t \sum_{s \le t} (y_s - \mu).

    A mean that differs between sequences makes :math:`k_t` positive, drawing values without
    replacement makes it negative. Nonlinear predictors may do better still.

    Parameters
    ----------
    likelihood : {"auto", "gaussian", "bernoulli"}, default="auto"
        Likelihood of `score`. "auto" is Gaussian, or in an assessment that of the world.
    noise_std : float, "estimate" or "auto", default="auto"
        Standard deviation of the Gaussian in units of the data. "estimate" takes the root mean
        square error on the training data; "auto" does so too, or in an assessment takes the
        world's.

    Attributes
    ----------
    mean_ : ndarray of shape (n_channels,)
        Training mean, :math:`\mu`.
    coefs_ : ndarray of shape (n_steps - 1, n_channels)
        Coefficients :math:`k_t`, by least squares on the mean of all steps to come.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> from sklearn_emerge import ExchangeablePredictor
    >>> model = ExchangeablePredictor().fit([[0, 1, 2], [2, 1, 0], [1, 0, 2]])
    >>> model.coefs_.ravel().tolist()
    [-0.5, -1.0]
    """

    def __init__(self, *, likelihood="auto", noise_std="auto"):
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _fit(self, X):
        self.mean_ = X.mean(axis=(0, 1))
        apart = X - self.mean_
        seen = apart.cumsum(axis=1)
        to_come = (seen[:, -1:] - seen)[:, :-1]
        to_come /= np.arange(X.shape[1] - 1, 0, -1)[:, np.newaxis]
        seen = seen[:, :-1]
        power = (seen**2).sum(axis=0)
        slope = (seen * to_come).sum(axis=0)
        self.coefs_ = np.divide(slope, power, out=np.zeros_like(power), where=power > 0)

    def _predict(self, X):
        seen = (X - self.mean_).cumsum(axis=1)
        # After the end of training the last coefficient stays.
        coefs = self.coefs_[np.minimum(np.arange(X.shape[1]), len(self.coefs_) - 1)]
        return self.mean_ + coefs * seen
