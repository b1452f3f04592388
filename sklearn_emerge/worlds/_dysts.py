"""Chaotic flows of another package."""

from collections.abc import Sequence
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from sklearn.utils._param_validation import Interval

from .._names import did_you_mean
from .._typing import Floats
from ._base import World
from ._sample import Sample

# Most periods that pass before the first step that is shown, and how far states are moved from the
# initial state of the package, in standard deviations.
_SETTLING, _APART = 20.0, 1e-2


class DystsWorld(World):
    """A chaotic flow of the package dysts, by its name, observed in noise.

    The package has more than 100 flows, with their parameters and periods (Gilpin, 2021). It is
    optional: ``pip install "sklearn-emerge[worlds]"``. The latents are all coordinates without
    noise.

    Parameters
    ----------
    system : str, default="Lorenz"
        Name of a flow, as a class of ``dysts.flows``. Maps and equations with a delay are refused.
    channels : sequence of int, default=(0,)
        The coordinates that are observed, counted from 0, a channel each.
    observation_std : float, default=0.05
        Standard deviation of the observation noise, in standard deviations of each coordinate.
    points_per_period : float, default=25.0
        Steps in a period of the flow, as the package states it.
    n_steps : int, default=200
        Length of a sequence.

    Raises
    ------
    ImportError
        When something is asked of the flow and dysts is not installed.
    ValueError
        If the package has no flow of that name, or it has no such coordinate; when sequences are
        drawn, if its law does not take many states at once, as of 3 flows in 129, or the
        integration does not come to an end.

    Notes
    -----
    Sequences are integrated here, all at once, by an adaptive method of eighth order (DOP853).
    States start beside the initial state of the package, by a hundredth of a standard deviation,
    and move for 10 to 20 periods before the first that is shown, each for a time of its own:
    chaos forgets the common start. Coordinates without bounds are wrapped, as the package does.
    There is no ceiling, because no filter of a chaotic flow has a closed form; `noise_std` is
    estimated for every predictor. The flow is exact, up to the integration, which chaos magnifies;
    where coordinates are wrapped they are not the whole state, and there is none.

    References
    ----------
    Gilpin, W. (2021). Chaos as an interpretable benchmark for forecasting and data-driven
    modelling. NeurIPS Datasets and Benchmarks.

    Examples
    --------
    Needs dysts:

    >>> from sklearn_emerge import DystsWorld
    >>> sample = DystsWorld("Rossler").sample(5, random_state=0)  # doctest: +SKIP
    >>> sample.X.shape, sample.latent_names  # doctest: +SKIP
    ((5, 200), ('x1', 'x2', 'x3'))
    """

    latent_kind = "continuous"
    output_scaling = "standard"
    _parameter_constraints = {
        "system": [str],
        "channels": ["array-like"],
        "observation_std": [Interval(Real, 0, None, closed="neither")],
        "points_per_period": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        system: str = "Lorenz",
        channels: Sequence[int] = (0,),
        observation_std: float = 0.05,
        points_per_period: float = 25.0,
        n_steps: int = 200,
    ) -> None:
        self.system = system
        self.channels = channels
        self.observation_std = observation_std
        self.points_per_period = points_per_period
        self.n_steps = n_steps

    @property
    def latent_names(self) -> tuple[str, ...]:
        """Names of the coordinates: "x1", "x2", ..."""
        return tuple(f"x{i + 1}" for i in range(_flow_of(self.system).dimension))

    @property
    def flow_kind(self) -> str | None:
        """Exact, but for coordinates that are wrapped."""
        return None if hasattr(_flow_of(self.system), "_postprocessing") else "exact"

    def _move(self, latents: NDArray[Any], step: int) -> NDArray[Any]:
        flow = _flow_of(self.system)
        _check_velocity(flow, latents[:2])
        # Of laws that take many states at once only those of wrapped coordinates depend on time.
        return self._solution(flow, latents, [flow.period / self.points_per_period], 1.0)[0]

    def _emit(self, latents: NDArray[Any]) -> NDArray[Any]:
        channels = self._observed_of(_flow_of(self.system))
        shown = latents[..., channels]
        return shown[..., 0] if len(channels) == 1 else shown

    def _observed_of(self, flow: Any) -> list[int]:
        """Return the coordinates that are observed, checked."""
        channels = list(self.channels)
        if not channels or not set(channels) <= set(range(flow.dimension)):
            raise ValueError(
                f"channels={self.channels!r} must be some of the coordinates of {self.system}, "
                f"which are 0 to {flow.dimension - 1}."
            )
        return channels

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        flow = _flow_of(self.system)
        channels = self._observed_of(flow)
        rng = np.random.default_rng(stream)
        spread = np.broadcast_to(flow.std, flow.dimension)
        starts = flow.ic + _APART * spread * rng.normal(size=(n_sequences, flow.dimension))
        _check_velocity(flow, starts[:2])
        # Each for a time of its own: all together would go on turning in step for long.
        pace = rng.uniform(0.5, 1.0, (n_sequences, 1))
        states = self._solution(flow, starts, [_SETTLING * flow.period], pace)[0]
        shown = np.arange(self.n_steps) * flow.period / self.points_per_period
        latents = self._solution(flow, states, shown, 1.0).swapaxes(0, 1)
        if hasattr(flow, "_postprocessing"):
            latents = np.stack(flow._postprocessing(*np.moveaxis(latents, 2, 0)), axis=2)
        X = latents[:, :, channels]
        X = X + self.observation_std * spread[channels] * rng.normal(size=X.shape)
        return Sample(X[:, :, 0] if len(channels) == 1 else X, latents)

    def _solution(
        self, flow: Any, states: NDArray[Any], times: Any, pace: float | Floats
    ) -> NDArray[Any]:
        """Return states of shape (n_times, n_sequences, n_coordinates) at some times."""

        def velocity(time: float, flat: Floats) -> Floats:
            return (pace * _velocity(flow, flat.reshape(states.shape), time)).ravel()

        solution = solve_ivp(
            velocity,
            (0.0, times[-1]),
            states.ravel(),
            method="DOP853",
            t_eval=times,
            rtol=1e-7,
            atol=np.tile(1e-7 * np.broadcast_to(flow.std, states.shape[1]), len(states)),
        )
        if not solution.success or not np.isfinite(solution.y).all():
            raise ValueError(
                f"system={self.system!r} could not be integrated ({solution.message}); take "
                "another flow, or draw trajectories by the package itself for an ArrayWorld."
            )
        return solution.y.T.reshape(-1, *states.shape)


@lru_cache
def _flow_of(name: str) -> Any:
    """Return a flow of the package, with its parameters, period and initial state."""
    try:
        from dysts import flows
        from dysts.base import DynSys
    except ImportError as error:
        raise ImportError(
            f'DystsWorld needs dysts ({error}); run pip install "sklearn-emerge[worlds]".'
        ) from error
    known = {
        each.__name__: each
        for each in vars(flows).values()
        if isinstance(each, type) and issubclass(each, DynSys) and each is not DynSys
    }
    if name not in known:
        raise ValueError(
            f"system={name!r} is not a flow of dysts.flows, which has {len(known)}, such as "
            f"'Lorenz' and 'Rossler'; maps and equations with a delay are not taken."
            f"{did_you_mean(name, known)}"
        )
    return known[name]()


def _velocity(flow: Any, states: NDArray[Any], time: float) -> NDArray[Any]:
    """Return the velocity of each state, one a row, of a law that is written for single numbers."""
    from dysts.base import DynSys

    if type(flow).rhs is not DynSys.rhs:
        return np.array([flow.rhs(state, time) for state in states])
    parts = flow._rhs(*states.T, time, *flow.param_list)
    return np.stack(np.broadcast_arrays(*parts), axis=1)


def _check_velocity(flow: Any, states: NDArray[Any]) -> None:
    """Raise a ValueError if the law of a flow does not take many states at once."""
    reason = None
    try:
        alike = np.allclose(_velocity(flow, states, 0.0), [flow.rhs(each, 0.0) for each in states])
    except Exception as error:
        # Which one depends on the law, and on whether it is compiled.
        alike, reason = False, error
    if not alike:
        raise ValueError(
            f"system={flow.name!r} has a law that does not take many states at once; take another "
            "flow, or draw trajectories by the package itself for an ArrayWorld."
        ) from reason
