"""Fixed points of a recurrent predictor in closed loop, and points at which it hardly moves."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from .._random import substream
from .._typing import Floats, RandomState
from .._validation import check_integer
from ..predictors import BasePredictor
from ._loops import closed_loop, left_alone

# Newton's method: steps, the longest of them, and that after which there is nothing left but
# rounding; the largest distance that a fixed point may move, and that at which two are one.
_N_NEWTON, _LONGEST, _LAST = 60, 0.5, 1e-12
_AT_REST, _SAME = 1e-10, 1e-5
# A point is far from those visited at so many times their own largest distance from their mean.
_FAR = 2.0
# A closed loop has left at so many times the largest distance of driven states from zero.
_GONE = 1e3
# Speed of a slow point, as a share of the median of visited ones; searches, and steps of each.
_SLOW, _N_SLOW, _N_LEAST = 0.01, 8, 200


@dataclass(frozen=True, eq=False)
class FixedPoints:
    """States that a predictor in closed loop does not move, and those that it hardly moves.

    Attributes
    ----------
    states : ndarray of shape (n_points, n_state)
        The fixed points, as `recurrent_states` has them; no rows if there are none.
    outputs : ndarray of shape (n_points, n_channels)
        What is predicted there, in units of the data.
    jacobians : ndarray of shape (n_points, n_state, n_state)
        Derivatives of the closed loop there.
    eigenvalues : ndarray of complex of shape (n_points, n_state)
        Those of the Jacobians, the largest modulus first. A modulus above 1 is a direction in which
        states leave, by that factor a step, and an angle of a pair one by which they turn.
    slow_states : ndarray of shape (n_slow, n_state)
        States at which the distance moved is at a minimum, below a hundredth of the median of the
        sequences, but not zero.
    slow_outputs : ndarray of shape (n_slow, n_channels)
        What is predicted there, in units of the data.
    speeds : ndarray of shape (n_slow,)
        Distances that slow states move in a step.
    """

    states: Floats
    outputs: Floats
    jacobians: Floats
    eigenvalues: Any
    slow_states: Floats
    slow_outputs: Floats
    speeds: Floats

    @property
    def growth(self) -> Floats:
        """Logarithm of the largest modulus of each fixed point, in nats a step."""
        with np.errstate(divide="ignore"):
            return np.log(np.abs(self.eigenvalues[:, 0]))

    @property
    def angle(self) -> Floats:
        """Angle of the eigenvalue with the largest modulus, from 0 to pi, in radians a step."""
        return np.abs(np.angle(self.eigenvalues[:, 0]))

    @property
    def stable(self) -> Any:
        """Whether states near each fixed point end there."""
        return self.growth < 0


def fixed_points(
    model: BasePredictor,
    X: ArrayLike,
    *,
    clock: float | None = None,
    n_steps: int = 256,
    n_starts: int = 64,
    random_state: RandomState = None,
) -> FixedPoints:
    r"""Find the states that a predictor does not move when it is left alone.

    They solve :math:`G(h) = h`, where :math:`G` is the closed loop (see `jacobians`), by Newton's
    method with steps :math:`(I - DG)^{-1} (G(h) - h)` of at most .5, from states that sequences
    visit, from states that are visited when it is left alone behind them, and from zero. Slow
    points are local minima of :math:`|G(h) - h|^2` that are no fixed points, by the method of
    Levenberg and Marquardt.

    Parameters
    ----------
    model : predictor
        A fitted predictor that goes on from a state, see `recurrent_states`.
    X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        Sequences, of any length, such as it was fitted to.
    clock : float or None, default=None
        Where the clock stands, from 0 to 1, of a predictor whose clock runs
        (``time_channel="full_time"``).
    n_steps : int, default=256
        Steps in closed loop behind each sequence.
    n_starts : int, default=64
        How many searches begin at states of the sequences, and how many at those behind them.
    random_state : int, SeedSequence, Generator, RandomState or None, default=None
        Stream of the choice of starts.

    Returns
    -------
    FixedPoints
        What moves by less than 1e-10; points less than 1e-5 apart are one. They are in order of
        their distance from the mean of the visited states. Those that are farther from it than
        twice the farthest of these are left out.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If the predictor has no closed loop, the loop changes with time as its clock runs, it
        differs between the sequences, as it does with ``input_scaling="first"``, or an argument is
        out of range.

    See Also
    --------
    lyapunov_spectrum : How fast differences grow elsewhere.

    Notes
    -----
    Newton's method finds unstable points as well as stable ones, and what it accepts is one to
    rounding; but nothing says that there are no others. The rest points of a world are
    ``world.rest_points()``: compare the point whose output is nearest to what these emit.

    References
    ----------
    Sussillo, D. and Barak, O. (2013). Opening the black box: low-dimensional dynamics in
    high-dimensional recurrent neural networks. Neural Computation 25, 626-649.

    Examples
    --------
    The oscillator leaves where it rests, turning, and so does a random core that follows it:

    >>> import numpy as np
    >>> from sklearn_emerge import EchoStatePredictor, OscillatorWorld
    >>> from sklearn_emerge.operators import fixed_points
    >>> X = OscillatorWorld(n_steps=100).sample(200, random_state=0).X
    >>> model = EchoStatePredictor(32, random_state=0).fit(X)
    >>> found = fixed_points(model, X[:50], n_steps=50, n_starts=16, random_state=0)
    >>> nearest = np.abs(found.outputs[:, 0]).argmin()  # Where it predicts rest.
    >>> bool(found.stable[nearest]), bool(found.angle[nearest] > 0)
    (False, True)
    """
    check_integer(n_steps, "n_steps")
    check_integer(n_starts, "n_starts")
    if isinstance(clock, str):
        raise ValueError(
            f"clock={clock!r}: a loop that changes with time has no fixed points; pass a number "
            "from 0 to 1, where the clock stands."
        )
    runs = getattr(model, "time_channel", None) == "full_time"
    if runs and clock is None:
        raise ValueError(
            f"The clock of this {type(model).__name__} runs (time_channel='full_time'), so that "
            "its closed loop changes with time and has no fixed points; pass clock=0.5, or another "
            "number from 0 to 1, where it is to stand, or fit it with time_channel=None."
        )
    model, running = closed_loop(model, X, n_steps, clock)
    _check_one_map(model, running)
    loop = _Map(model, running)
    driven, closed = _visited(model, running, X, n_steps)
    visited = np.concatenate([np.zeros((1, driven.shape[1])), driven, closed])
    center = visited.mean(axis=0)
    reach = _FAR * np.linalg.norm(visited - center, axis=1).max()
    random = np.random.default_rng(substream(random_state, "starts"))
    starts = [visited[:1], *(_some(states, n_starts, random) for states in (driven, closed))]
    slow = _descend(loop, _some(visited, _N_SLOW, random))
    # What ends at a fixed point is one of them.
    found = _newton(loop, np.concatenate([*starts, slow]))
    states = _distinct(loop, _near(found, center, reach), _AT_REST)
    speed = _SLOW * np.median(loop.speed(driven))
    slow = _near(slow, center, reach)
    slow = _distinct(loop, slow[loop.speed(slow) > _AT_REST], speed, states)
    jacobians = loop.step(states)[1]
    values = np.linalg.eigvals(jacobians).astype(complex)
    order = np.argsort(-np.abs(values), axis=1, kind="stable")
    return FixedPoints(
        states,
        loop.output(states),
        jacobians,
        np.take_along_axis(values, order, axis=1),
        slow,
        loop.output(slow),
        loop.speed(slow),
    )


class _Map:
    """The closed loop as a map of states, (n_points, n_state), at one time."""

    def __init__(self, model: Any, running: Any) -> None:
        self.model, self.running = model, running

    def _at(self, states: Floats) -> Any:
        first = np.repeat(self.running.first[:1], len(states), axis=0)
        return self.running._replace(state=states, first=first)

    def step(self, states: Floats) -> tuple[Floats, Floats]:
        """Return where states go, and the derivatives."""
        following, by_state = self.model._closed_step(self._at(states))
        return following.state, by_state

    def moved(self, states: Floats) -> Floats:
        """Return how states change."""
        at = self._at(states)
        following: Floats = self.model._after_step(at, self.model._read(at)[0]).state
        return following - states

    def speed(self, states: Floats) -> Floats:
        """Return the distance that states move."""
        return np.sqrt((self.moved(states) ** 2).sum(axis=1))

    def output(self, states: Floats) -> Floats:
        """Return what is predicted."""
        output: Floats = self.model._read(self._at(states))[0]
        return output


def _check_one_map(model: Any, running: Any) -> None:
    """Raise a ValueError if inputs are counted from first steps that differ."""
    counted = getattr(model, "input_scaling_", None) == "first"
    if counted and (running.first != running.first[:1]).any():
        raise ValueError(
            "With input_scaling='first' each sequence has a closed loop of its own: inputs "
            "are counted from its first step; pass one of them, X[:1]."
        )


def _visited(model: Any, running: Any, X: ArrayLike, n_steps: int) -> tuple[Floats, Floats]:
    """Return the states of sequences, and those in closed loop behind them, as rows."""
    driven = model.recurrent_states(X)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = islice(left_alone(model, running, n_steps), 1, None)
        closed = np.array([each.state for each in steps])
        driven, closed = (states.reshape(-1, driven.shape[2]) for states in (driven, closed))
        # Where an unstable loop has gone says nothing.
        most = _GONE * np.linalg.norm(driven, axis=1).max()
        return driven, closed[np.linalg.norm(closed, axis=1) <= most]


def _some(states: Floats, n: int, random: np.random.Generator) -> Floats:
    """Return some of the rows."""
    return states[random.choice(len(states), min(n, len(states)), replace=False)]


def _newton(loop: _Map, states: Floats) -> Floats:
    """Return where the steps of Newton's method end that start at states."""
    eye, ends = np.eye(states.shape[1]), []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(_N_NEWTON):
            following, by_state = loop.step(states)
            moved = _solve(eye - by_state, following - states)
            length = np.linalg.norm(moved, axis=1, keepdims=True)
            states = states + moved * np.minimum(1, _LONGEST / np.maximum(length, _LONGEST))
            finite, ended = np.isfinite(states).all(axis=1), length[:, 0] < _LAST
            ends.append(states[ended])
            states = states[finite & ~ended]
            if not len(states):
                break
    return np.concatenate([*ends, states])


def _solve(matrices: Floats, sides: Floats) -> Floats:
    """Return the solutions, and the shortest of those where a matrix is singular."""
    columns = sides[:, :, np.newaxis]
    singular = np.linalg.slogdet(matrices)[0] == 0
    found: Floats = np.empty_like(columns)
    found[~singular] = np.linalg.solve(matrices[~singular], columns[~singular])
    found[singular] = np.linalg.pinv(matrices[singular]) @ columns[singular]
    return found[:, :, 0]


def _descend(loop: _Map, states: Floats) -> Floats:
    """Return local minima of the distance moved, by the method of Levenberg and Marquardt."""
    eye = np.eye(states.shape[1])

    def residual(state: Floats) -> Floats:
        return loop.moved(state[np.newaxis])[0]

    def slopes(state: Floats) -> Floats:
        return loop.step(state[np.newaxis])[1][0] - eye

    options = dict(method="lm", max_nfev=_N_LEAST, xtol=1e-10, ftol=1e-10, gtol=1e-10)
    ends = [least_squares(residual, state, slopes, **options) for state in states]
    # What has not ended is on its way.
    return np.array([end.x for end in ends if end.success]).reshape(-1, states.shape[1])


def _near(states: Floats, center: Floats, reach: float) -> Floats:
    """Return states that are near those visited, in order of their distance from the mean."""
    distance = np.linalg.norm(states - center, axis=1)
    order = np.argsort(distance, kind="stable")
    return states[order][distance[order] <= reach]


def _distinct(loop: _Map, states: Floats, most: float, others: Floats | None = None) -> Floats:
    """Return states that move by less than `most`, one of those that are close to each other."""
    kept = [] if others is None else list(others)
    n_others = len(kept)
    for state in states[loop.speed(states) < most]:
        if all(np.linalg.norm(state - other) > _SAME for other in kept):
            kept.append(state)
    return np.array(kept[n_others:]).reshape(-1, states.shape[1])
