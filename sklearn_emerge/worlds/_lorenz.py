"""A chaotic flow, observed in noise."""

from itertools import combinations
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._typing import Floats
from ..dynamics import (
    lorenz_flow,
    lorenz_jacobian,
    lorenz_rest_points,
    runge_kutta_rest_jacobian,
    runge_kutta_step,
)
from ._base import World
from ._flow import RestPoints
from ._sample import Sample

# Longest step of the integration, and how long states move at most before the first that is shown,
# in units of time.
_LONGEST, _SETTLING = 0.0125, 20.0
_CHANNELS = {"".join(some) for n in (1, 2, 3) for some in combinations("xyz", n)}


class LorenzWorld(World):
    r"""The flow of Lorenz on its attractor; one coordinate or more are observed in noise.

    .. math::

        \dot x = \sigma (y - x), \qquad \dot y = x (\rho - z) - y, \qquad
        \dot z = x y - \beta z,

    observed as :math:`x_t + \eta_t`. With the defaults it is chaotic: its largest Lyapunov
    exponent is .906 per unit of time, so that an error grows tenfold in 51 steps. The latents are
    (x, y, z) without noise.

    Parameters
    ----------
    sigma : float, default=10.0
        Rate at which x follows y, at least 0.
    rho : float, default=28.0
        The drive, at least 0: at rest below 1, chaotic at the default.
    beta : float, default=2.6666666666666665
        Rate at which z decays, at least 0.
    time_step : float, default=0.05
        Time from one observation to the next.
    observation_std : float, default=0.5
        Standard deviation of the observation noise, in units of the coordinates; x itself has
        7.9.
    channels : {"x", "y", "z", "xy", "xz", "yz", "xyz"}, default="x"
        The coordinates that are observed, a channel each.
    n_steps : int, default=200
        Length of a sequence.

    Raises
    ------
    ValueError
        When sequences are drawn: if the states exceed the range of float64, which happens with
        parameters for which steps of the integration are too long.

    Notes
    -----
    It is integrated by the method of Runge and Kutta of fourth order, in equal steps of at most
    0.0125 units of time. States start at random near the attractor, and move for 10 to 20 units of
    time before the first that is shown, so that they are on it and at any of its phases.

    There is no ceiling: the best possible predictor is a filter of a chaotic flow, which has no
    closed form. For the same reason `noise_std` is estimated for every predictor. By the symmetry
    :math:`(x, y, z) \to (-x, -y, z)` of the flow, z is uncorrelated with all of x and its past: no
    linear filter of x knows anything of it.

    References
    ----------
    Lorenz, E. N. (1963). Deterministic nonperiodic flow. Journal of the Atmospheric Sciences, 20,
    130-141.

    Sprott, J. C. (2003). Chaos and Time-Series Analysis. Oxford University Press. (The exponent.)

    Examples
    --------
    On the attractor z lies around 23.5:

    >>> from sklearn_emerge import LorenzWorld
    >>> world = LorenzWorld()
    >>> sample = world.sample(400, random_state=0)
    >>> sample.X.shape, sample.latent_names
    ((400, 200), ('x', 'y', 'z'))
    >>> sample.latents[:, :, 2].mean().round().item()
    24.0

    It turns around two of its rest points:

    >>> world.rest_points().points.round(2).tolist()
    [[0.0, 0.0, 0.0], [-8.49, -8.49, 27.0], [8.49, 8.49, 27.0]]
    """

    latent_kind = "continuous"
    latent_names = ("x", "y", "z")
    flow_kind = "exact"
    output_scaling = "standard"
    _parameter_constraints = {
        "sigma": [Interval(Real, 0, None, closed="left")],
        "rho": [Interval(Real, 0, None, closed="left")],
        "beta": [Interval(Real, 0, None, closed="left")],
        "time_step": [Interval(Real, 0, None, closed="neither")],
        "observation_std": [Interval(Real, 0, None, closed="neither")],
        "channels": [StrOptions(_CHANNELS)],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        sigma: float = 10.0,
        rho: float = 28.0,
        beta: float = 8 / 3,
        time_step: float = 0.05,
        observation_std: float = 0.5,
        channels: str = "x",
        n_steps: int = 200,
    ) -> None:
        self.sigma = sigma
        self.rho = rho
        self.beta = beta
        self.time_step = time_step
        self.observation_std = observation_std
        self.channels = channels
        self.n_steps = n_steps

    def rest_points(self, start: int = 0) -> RestPoints | None:
        """Return the states at which the flow rests.

        Parameters
        ----------
        start : int, default=0
            Has no effect.

        Returns
        -------
        RestPoints or None
            The origin and, if `rho` is above 1, the middles of both wings; None if `sigma` or
            `beta` is 0, where a line of states rests.
        """
        self._validate_params()
        law = self.sigma, self.rho, self.beta
        points = lorenz_rest_points(*law)
        if points is None:
            return None
        n_parts = self._n_parts()
        parts = [
            runge_kutta_rest_jacobian(lorenz_jacobian(point, *law), self.time_step / n_parts)
            for point in points
        ]
        return RestPoints(points, np.linalg.matrix_power(parts, n_parts))

    def _move(self, latents: NDArray[Any], step: int) -> NDArray[Any]:
        n_parts = self._n_parts()
        return self._moved(latents.T, n_parts, self.time_step / n_parts).T

    def _emit(self, latents: NDArray[Any]) -> NDArray[Any]:
        shown = latents[..., ["xyz".index(name) for name in self.channels]]
        return shown[..., 0] if len(self.channels) == 1 else shown

    def _n_parts(self) -> int:
        """Return how many steps of the integration are one of a sequence."""
        return int(np.ceil(self.time_step / _LONGEST))

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        rng = np.random.default_rng(stream)
        state = rng.normal(0.0, 10.0, (3, n_sequences))
        state[2] += max(self.rho - 1, 0.0)
        # Each for a time of its own: all together would go on turning in step for long.
        pace = _LONGEST * rng.uniform(0.5, 1.0, n_sequences)
        n_parts = self._n_parts()
        latents = np.empty((n_sequences, self.n_steps, 3))
        with np.errstate(over="ignore", invalid="ignore"):
            state = self._moved(state, round(_SETTLING / _LONGEST), pace)
            for t in range(self.n_steps):
                latents[:, t] = state.T
                state = self._moved(state, n_parts, self.time_step / n_parts)
        if not np.isfinite(latents).all():
            raise ValueError(
                f"The states exceed the range of float64 with sigma={self.sigma}, "
                f"rho={self.rho}, beta={self.beta}: the flow is too fast for steps of "
                f"{_LONGEST} units of time; take smaller ones of these, whose units are 1 / time."
            )
        shown = latents[:, :, ["xyz".index(name) for name in self.channels]]
        X = shown + rng.normal(0.0, self.observation_std, shown.shape)
        return Sample(X[:, :, 0] if len(self.channels) == 1 else X, latents)

    def _moved(self, state: NDArray[Any], n_parts: int, time_step: float | Floats) -> NDArray[Any]:
        """Return states after some steps of the integration."""

        def flow(state: NDArray[Any]) -> NDArray[Any]:
            return lorenz_flow(state, self.sigma, self.rho, self.beta)

        for _ in range(n_parts):
            state = runge_kutta_step(flow, state, time_step)
        return state
