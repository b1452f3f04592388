"""A random walk with drift, observed in noise."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from .._typing import Floats
from ._base import World
from ._flow import RestPoints
from ._sample import Sample


class DriftWorld(World):
    r"""Linear drift: a noisy walk seen through noise.

    .. math:: x_{t+1} = x_t + v + \epsilon_t, \qquad y_t = x_t + \eta_t, \qquad x_0 = 0,

    with :math:`\epsilon_t \sim N(0, \sigma_{dyn}^2)` and
    :math:`\eta_t \sim N(0, \sigma_{obs}^2)`. World E1 of *Emergence Without Scale*.

    Parameters
    ----------
    velocity : float, default=0.03
        Drift per step, v.
    dynamics_std : float, default=0.005
        Standard deviation of the process noise per step.
    observation_std : float, default=0.02
        Standard deviation of the observation noise.
    n_steps : int, default=64
        Length of a sequence.

    Notes
    -----
    The predictive standard deviation `noise_std` is that of the innovations of the
    steady-state Kalman filter, 0.0227 with the defaults. The paper scores this world
    with 0.05; pass ``noise_std=0.05`` to the predictor for its variant. Networks receive
    :math:`y_t - y_0`.

    The velocity is a constant of the world and no part of the state: the latent alone goes on,
    by :math:`v` a step.

    Examples
    --------
    >>> from sklearn_emerge import DriftWorld
    >>> sample = DriftWorld().sample(3, random_state=0)
    >>> sample.X.shape, sample.latents.shape, sample.latent_names
    ((3, 64), (3, 64, 1), ('x',))
    """

    latent_kind = "continuous"
    latent_names = ("x",)
    input_scaling = "first"
    ceiling = "exact"
    _parameter_constraints = {
        "velocity": [Interval(Real, None, None, closed="neither")],
        "dynamics_std": [Interval(Real, 0, None, closed="left")],
        "observation_std": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        velocity: float = 0.03,
        dynamics_std: float = 0.005,
        observation_std: float = 0.02,
        n_steps: int = 64,
    ) -> None:
        self.velocity = velocity
        self.dynamics_std = dynamics_std
        self.observation_std = observation_std
        self.n_steps = n_steps

    @property
    def flow_kind(self) -> str:
        """The mean of what follows; exact without process noise."""
        return "mean" if self.dynamics_std else "exact"

    @property
    def noise_std(self) -> float:
        """Standard deviation of the steady-state Kalman innovations."""
        q, r = self.dynamics_std**2, self.observation_std**2
        # P = q/2 + sqrt(q^2/4 + q r) solves the scalar filter's Riccati equation.
        return float(np.sqrt(q / 2 + np.sqrt(q**2 / 4 + q * r) + r))

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        rng = np.random.default_rng(stream)
        steps = rng.normal(self.velocity, self.dynamics_std, (n_sequences, self.n_steps))
        steps[:, 0] = 0.0
        x = steps.cumsum(axis=1)
        X = x + rng.normal(0.0, self.observation_std, x.shape)
        return Sample(X, x[:, :, np.newaxis])

    def rest_points(self, start: int = 0) -> RestPoints | None:
        """Return no points, because a drift never rests.

        Parameters
        ----------
        start : int, default=0
            Has no effect.

        Returns
        -------
        RestPoints or None
            None without a velocity, where every state rests.
        """
        self._validate_params()
        return RestPoints(np.zeros((0, 1)), np.zeros((0, 1, 1))) if self.velocity else None

    def _move(self, latents: NDArray[Any], step: int) -> NDArray[Any]:
        return latents + self.velocity

    def _emit(self, latents: NDArray[Any]) -> NDArray[Any]:
        return latents[..., 0]

    def step_means(self) -> Floats:
        """Return the expected observation at each step, which is known."""
        return self.velocity * np.arange(self.n_steps, dtype=np.float64)
