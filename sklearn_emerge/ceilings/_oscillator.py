"""The posterior over the initial state of the oscillator."""

from functools import cache
from numbers import Integral, Real
from typing import Any

import numpy as np
from numba import njit
from scipy.special import softmax
from sklearn.utils._param_validation import Interval

from .._docs import fill_doc
from .._threads import computed_ahead
from .._typing import Floats
from ..dynamics import euler_step, frequencies_of
from ..predictors._base import BasePredictor
from ..recurrence import Compiled
from ..worlds import OscillatorWorld
from ._base import OptimalPredictor
from ._of_world import best_predictor

# Sequences that are filtered at once.
_CHUNK = 256
# Standard deviations that a grid reaches to both sides.
_REACH = 4.5
# Standard deviation of the posterior that a grid still resolves, in steps of the grid.
_NARROWEST = 0.45
_FAR = 1e3


@fill_doc
class OscillatorPredictor(OptimalPredictor):
    r"""Predict by the posterior over the initial state of the oscillator world.

    The dynamics are deterministic, :math:`z_t = f_t(z_0)`, so that

    .. math::

        E[y_{t+1} \mid y_0 \ldots y_t] = \int x_{t+1}(z_0)\, p(z_0 \mid y_0 \ldots y_t)\, dz_0,

    an integral over two dimensions. It is computed on a grid along the principal axes of the
    posterior, laid anew as the posterior narrows. It is accurate to 1e-6 nats per step where the
    world states an exact ceiling; further away, raise `n_grid` until the score stays.

    Parameters
    ----------
    omega : float or pair of float, default=1.0
        Angular frequency of the world, in radians per unit of time. A pair makes it change linearly
        over the sequence.
    time_step : float, default=0.05
        Length of an Euler step in units of time.
    initial_std : float, default=0.1
        Standard deviation of both coordinates at the start.
    observation_std : float, default=0.05
        Standard deviation of the observation noise.
    n_grid : int, default=15
        Points of the grid along each axis, over 4.5 standard deviations to both sides.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s

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
        self,
        omega: float | tuple[float, float] = 1.0,
        time_step: float = 0.05,
        initial_std: float = 0.1,
        observation_std: float = 0.05,
        *,
        n_grid: int = 15,
        likelihood: str = "auto",
        noise_std: float | str = "auto",
    ) -> None:
        self.omega = omega
        self.time_step = time_step
        self.initial_std = initial_std
        self.observation_std = observation_std
        self.n_grid = n_grid
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _predict(self, X: Floats) -> Floats:
        y = self._one_channel(X)
        chunks = [y[i : i + _CHUNK] for i in range(0, len(y), _CHUNK)]
        return np.concatenate(list(computed_ahead(self._filter, chunks)))[:, :, np.newaxis]

    def _forecast(self, X: Floats, n_steps: int) -> Floats:
        """Return the means of steps to come: the posterior after the prompt, moved on."""
        y = self._one_channel(X)
        chunks = [self._filter(y[i : i + _CHUNK], n_steps - 1) for i in range(0, len(y), _CHUNK)]
        return np.concatenate(chunks)[:, X.shape[1] - 1 :, np.newaxis]

    def _filter(self, y: Floats, n_more: int = 0) -> Floats:
        """Return the mean after each step, and of more steps than the next one after the last."""
        n_sequences, n_steps = y.shape
        # A frequency that drifts keeps its pace beyond the length of training.
        first, last = frequencies_of(self.omega, 2)
        frequencies = first + (last - first) * np.arange(n_steps + n_more) / (self.n_steps_ - 1)
        axis = np.linspace(-_REACH, _REACH, self.n_grid)
        grid = np.stack([g.ravel() for g in np.meshgrid(axis, axis)])
        # A start that is certain is a narrow one, too.
        prior_std: Any = max(self.initial_std, np.finfo(np.float32).eps * self.observation_std)
        center = np.zeros((n_sequences, 2, 1))
        spread = np.broadcast_to(prior_std * np.eye(2), (n_sequences, 2, 2))
        mean = np.empty((n_sequences, n_steps + n_more))
        advance = _make_advance()
        done = 0
        while done < n_steps:
            # So often that the posterior stays wider than a step of the grid.
            end = min(n_steps, done + max(1, done // 4))
            start = center + spread @ grid
            x, v = start[:, 0].copy(), start[:, 1].copy()
            log_weight = -(start**2).sum(axis=1) / (2 * prior_std**2)
            for t in range(end):
                advance(
                    x, v, log_weight, y[:, t], self.observation_std, frequencies[t], self.time_step
                )
                if t >= done:
                    mean[:, t] = _weighted(log_weight, x)
            weight = softmax(log_weight, axis=1)[:, np.newaxis]
            self._check_grid(weight, grid, end)
            center = (weight * start).sum(axis=2, keepdims=True)
            apart = start - center
            covariance = (weight * apart) @ apart.swapaxes(1, 2)
            # A floor far below what one observation could resolve keeps it invertible.
            covariance += 1e-24 * np.eye(2)
            spread = np.linalg.cholesky(covariance)
            done = end
        for t in range(n_steps, n_steps + n_more):
            # An observation of infinite noise says nothing.
            advance(x, v, log_weight, y[:, -1], np.inf, frequencies[t], self.time_step)
            mean[:, t] = _weighted(log_weight, x)
        return mean

    def _check_grid(self, weight: Floats, grid: Floats, n_seen: int) -> None:
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


@cache
def _make_advance() -> Any:
    """Return `_advance`, compiled on its first call."""
    return Compiled(_advance, nogil=True)


def _advance(
    x: Floats,
    y: Floats,
    log_weight: Floats,
    observed: Floats,
    observation_std: float,
    frequency: float,
    time_step: float,
) -> None:
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


def _weighted(log_weight: Floats, x: Floats) -> Floats:
    """Return the mean of each row, of given weights up to a factor."""
    # Quicker than softmax, which is called at every step.
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    mean: Floats = np.einsum("ik,ik->i", weight, x) / weight.sum(axis=1)
    return mean


@best_predictor.register
def of_oscillator(world: OscillatorWorld) -> BasePredictor:
    """Return the posterior of an oscillator."""
    return OscillatorPredictor(
        world.omega, world.time_step, world.initial_std, world.observation_std
    )
