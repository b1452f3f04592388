"""A nonlinear oscillator, observed in noise."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from .._typing import Floats
from .._validation import check_integer
from ..dynamics import euler_cycle, euler_rest_jacobian, euler_step, frequencies_of
from ._base import World
from ._flow import Cycle, RestPoints
from ._sample import Sample


class OscillatorWorld(World):
    r"""A Hopf oscillator near its limit cycle; one coordinate is observed in noise.

    .. math::

        \dot x = (1 - r^2) x - \omega y, \qquad \dot y = (1 - r^2) y + \omega x, \qquad
        r^2 = x^2 + y^2,

    integrated by explicit Euler steps from a small random start, observed as
    :math:`x_t + \eta_t`. World E3 of *Emergence Without Scale*. The latents are (x, y)
    before each step; they are the whole state, and their flow is exact.

    Parameters
    ----------
    omega : float or pair of float, default=1.0
        Angular frequency, in radians per unit of time. A pair makes it change linearly over
        the sequence; ``(0.8, 1.2)`` is the nonstationary world of the paper.
    time_step : float, default=0.05
        Length of an Euler step in units of time.
    initial_std : float, default=0.1
        Standard deviation of both coordinates at the start.
    observation_std : float, default=0.05
        Standard deviation of the observation noise.
    n_steps : int, default=256
        Length of a sequence.

    Examples
    --------
    >>> from sklearn_emerge import OscillatorWorld
    >>> sample = OscillatorWorld(omega=(0.8, 1.2)).sample(2, random_state=0)
    >>> sample.X.shape, sample.latents.shape, sample.latent_names
    ((2, 256), (2, 256, 2), ('x', 'y'))
    """

    latent_kind = "continuous"
    latent_names = ("x", "y")
    flow_kind = "exact"
    _parameter_constraints = {
        "omega": [Interval(Real, None, None, closed="neither"), "array-like"],
        "time_step": [Interval(Real, 0, None, closed="neither")],
        "initial_std": [Interval(Real, 0, None, closed="left")],
        "observation_std": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        omega: float | tuple[float, float] = 1.0,
        time_step: float = 0.05,
        initial_std: float = 0.1,
        observation_std: float = 0.05,
        n_steps: int = 256,
    ) -> None:
        self.omega = omega
        self.time_step = time_step
        self.initial_std = initial_std
        self.observation_std = observation_std
        self.n_steps = n_steps

    @property
    def noise_std(self) -> float:
        """Standard deviation of the observation noise: the state itself is predictable."""
        return self.observation_std

    @property
    def ceiling(self) -> str | None:
        """What is known of the best score: "exact" where the posterior is easy to compute.

        That is, with a start of at most three times the observation noise and within half the
        limit cycle, and a frequency of at least one half; None elsewhere.
        """
        frequencies = np.abs(frequencies_of(self.omega, 2))
        easy = self.initial_std <= min(3 * self.observation_std, 0.5) and frequencies.min() >= 0.5
        return "exact" if easy else None

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        frequencies = frequencies_of(self.omega, self.n_steps)
        rng = np.random.default_rng(stream)
        x, y = rng.normal(0.0, self.initial_std, (2, n_sequences))
        latents = np.empty((n_sequences, self.n_steps, 2))
        for t, frequency in enumerate(frequencies):
            latents[:, t, 0], latents[:, t, 1] = x, y
            x, y = euler_step(x, y, frequency, self.time_step)
        X = latents[:, :, 0] + rng.normal(0.0, self.observation_std, latents.shape[:2])
        return Sample(X, latents)

    def rest_points(self, start: int = 0) -> RestPoints | None:
        """Return the origin, where the oscillator rests, and how it leaves it.

        Parameters
        ----------
        start : int, default=0
            The step whose frequency is taken.

        Returns
        -------
        RestPoints or None
            None without a frequency, where all states of modulus 1 rest, too.
        """
        self._validate_params()
        check_integer(start, "start", 0)
        frequency = self._frequency(start)
        if frequency == 0:
            return None
        jacobian = euler_rest_jacobian(frequency, self.time_step)
        return RestPoints(np.zeros((1, 2)), jacobian[np.newaxis])

    def cycle(self) -> Cycle | None:
        """Return the limit cycle of the Euler steps.

        Returns
        -------
        Cycle or None
            None if the frequency changes, or steps are too long for a stable cycle.
        """
        self._validate_params()
        first, last = frequencies_of(self.omega, 2)
        found = euler_cycle(first, self.time_step) if first == last else None
        return found and Cycle(found.period, found.radius)

    def _frequency(self, step: int) -> float:
        """Return the frequency of the step from `step` on."""
        frequencies = frequencies_of(self.omega, self.n_steps)
        if frequencies[0] == frequencies[-1]:
            return frequencies[0]
        if step >= self.n_steps:
            raise ValueError(
                f"omega={self.omega!r} changes over n_steps={self.n_steps} steps and is not known "
                f"at step {step}; take start + n_steps of at most {self.n_steps}."
            )
        return frequencies[step]

    def _move(self, latents: NDArray[Any], step: int) -> NDArray[Any]:
        x, y = latents.T
        moved = euler_step(x, y, self._frequency(step), self.time_step)
        return np.stack(moved, axis=1)

    def _emit(self, latents: NDArray[Any]) -> NDArray[Any]:
        return latents[..., 0]

    def step_means(self) -> Floats:
        """Return the expected observation at each step, which is known."""
        return np.zeros(self.n_steps)
