"""A periodic signal, observed in noise."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from .._typing import Floats
from ._base import World
from ._flow import Cycle, RestPoints
from ._sample import Sample


class NoisyPeriodicWorld(World):
    r"""A cycle of known period, whose amplitude and phase differ from sequence to sequence.

    .. math::

        x_t = r \cos(2 \pi t / P + \phi), \qquad y_t = x_t + \eta_t, \qquad
        \eta_t \sim N(0, \sigma^2),

    with a uniform phase :math:`\phi` and an amplitude r of Rayleigh's distribution, so that the
    in-phase part x and the quadrature :math:`r \sin(2 \pi t / P + \phi)` are normal. These two are
    the latents.

    Parameters
    ----------
    period : float, default=20.0
        Steps of a cycle, P, more than 2.
    amplitude : float, default=1.0
        Root mean square of r.
    observation_std : float, default=0.5
        Standard deviation of the observation noise.
    n_steps : int, default=100
        Length of a sequence.

    Notes
    -----
    In-phase part and quadrature are the state of a linear system, a rotation without noise, so
    that the Kalman filter is the best possible predictor: the ceiling is exact. It finds amplitude
    and phase from all observations so far, with an error that falls as the square root of their
    number; `noise_std` is what it tends to, the observation noise. A network with a finite memory
    has to be a resonator with little damping.

    Examples
    --------
    The best predictor's error, at the beginning and after five cycles:

    >>> from sklearn_emerge import NoisyPeriodicWorld
    >>> world = NoisyPeriodicWorld()
    >>> best = world.optimal_predictor()
    >>> errors = best.innovation_covariances_[[0, 99], 0, 0] ** 0.5
    >>> errors.round(2).tolist()
    [0.87, 0.51]
    >>> world.sample(3, random_state=0).latent_names
    ('in phase', 'quadrature')
    """

    latent_kind = "continuous"
    latent_names = ("in phase", "quadrature")
    flow_kind = "exact"
    ceiling = "exact"
    _parameter_constraints = {
        "period": [Interval(Real, 2, None, closed="neither")],
        "amplitude": [Interval(Real, 0, None, closed="left")],
        "observation_std": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        period: float = 20.0,
        amplitude: float = 1.0,
        observation_std: float = 0.5,
        n_steps: int = 100,
    ) -> None:
        self.period = period
        self.amplitude = amplitude
        self.observation_std = observation_std
        self.n_steps = n_steps

    @property
    def noise_std(self) -> float:
        """Standard deviation of the observation noise: the cycle itself is predictable."""
        return self.observation_std

    def system(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Return the cycle as a linear system, see `LinearSystemWorld`.

        Returns
        -------
        A, C, Q, R, initial : tuple of ndarray
            Of shapes (2, 2), (1, 2), (2, 2), (1, 1) and (2, 2): a rotation by a step, without
            process noise.
        """
        angle = 2 * np.pi / self.period
        A = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        R = np.array([[self.observation_std**2]])
        return A, np.eye(1, 2), np.zeros((2, 2)), R, self.amplitude**2 / 2 * np.eye(2)

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        rng = np.random.default_rng(stream)
        # Both parts at the first step are normal, which makes the amplitude Rayleigh's.
        cosine, sine = rng.normal(0.0, self.amplitude / np.sqrt(2), (2, n_sequences, 1))
        angles = 2 * np.pi / self.period * np.arange(self.n_steps)
        latents = np.stack(
            [
                cosine * np.cos(angles) - sine * np.sin(angles),
                sine * np.cos(angles) + cosine * np.sin(angles),
            ],
            axis=2,
        )
        X = latents[:, :, 0] + rng.normal(0.0, self.observation_std, latents.shape[:2])
        return Sample(X, latents)

    def rest_points(self, start: int = 0) -> RestPoints | None:
        """Return the origin, around which all cycles turn.

        Parameters
        ----------
        start : int, default=0
            Has no effect.

        Returns
        -------
        RestPoints
        """
        self._validate_params()
        return RestPoints(np.zeros((1, 2)), self.system()[0][np.newaxis])

    def cycle(self) -> Cycle | None:
        """Return the cycle, whose amplitude is that of each sequence.

        Returns
        -------
        Cycle
        """
        self._validate_params()
        return Cycle(float(self.period), None)

    def _move(self, latents: NDArray[Any], step: int) -> NDArray[Any]:
        return latents @ self.system()[0].T

    def _emit(self, latents: NDArray[Any]) -> NDArray[Any]:
        return latents[..., 0]

    def _step_means(self) -> Floats:
        return np.zeros(self.n_steps)
