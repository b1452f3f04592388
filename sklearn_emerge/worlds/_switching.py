"""Linear systems that take turns."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval

from .._typing import Floats
from ..dynamics import (
    check_system,
    check_transitions,
    rests_at_origin_alone,
    switching_moments,
)
from ._base import World
from ._flow import RestPoints
from ._sample import Sample

_NUMBER_OR_MATRIX = [Interval(Real, None, None, closed="neither"), "array-like"]


class SwitchingLinearWorld(World):
    r"""A switching linear system: the law of the state is that of a regime, which is hidden.

    .. math::

        x_{t+1} = A_{z_{t+1}} x_t + w_t, \qquad y_t = C x_t + v_t, \qquad
        w_t \sim N(0, Q), \; v_t \sim N(0, R),

    where the regime z is a Markov chain. It is stationary: regime and state are drawn with their
    long-run probabilities and covariances at the first step. The latents are the states, and an
    indicator, 0.0 or 1.0, of each regime but the first.

    Parameters
    ----------
    A : array-like of shape (n_regimes,) or (n_regimes, n_states, n_states), default=(0.95, -0.8)
        Transition of the state in each regime, numbers or matrices. One regime is allowed.
    C : float or array-like of shape (n_states,) or (n_channels, n_states), default=1.0
        Observation matrix; a number is that number times the identity, which observes all states.
    Q : float or array-like of shape (n_states, n_states), default=1.0
        Covariance of the process noise; a number is that number times the identity.
    R : float or array-like of shape (n_channels, n_channels), default=0.1
        Covariance of the observation noise; a number is that number times the identity.
    transition : float or array-like of shape (n_regimes, n_regimes), default=0.95
        Probability that the regime stays, with all others equally likely where it does not; or a
        matrix whose row i has the probabilities of what follows regime i.
    n_steps : int, default=100
        Length of a sequence.

    Raises
    ------
    ValueError
        When sequences are drawn: for matrices that do not fit together, if the variance of the
        state grows without bound, or if some regime cannot be reached from another.

    Notes
    -----
    The best possible predictor weighs all sequences of regimes, whose number grows exponentially,
    so that with several regimes there is no ceiling. With one regime it is the Kalman filter, and
    the ceiling is exact. `noise_std` is estimated for every predictor.

    The flow is that of the regime in which latents are, the nearest where indicators are neither 0
    nor 1. It stays, as there is no telling when it changes: samples move along the flow, and noise,
    until they switch.

    References
    ----------
    Ghahramani, Z., and Hinton, G. E. (2000). Variational learning for switching state-space
    models. Neural Computation, 12(4), 831-864.

    Examples
    --------
    In one of its regimes values go on as they were, in the other they change their sign:

    >>> import numpy as np
    >>> from sklearn_emerge import SwitchingLinearWorld
    >>> sample = SwitchingLinearWorld().sample(400, random_state=0)
    >>> sample.latent_names
    ('x', 'regime 1')
    >>> x, regime = sample.latents[:, :-1, 0], sample.latents[:, 1:, 1]
    >>> following = sample.latents[:, 1:, 0]
    >>> slopes = [np.polyfit(x[regime == k], following[regime == k], 1)[0] for k in (0, 1)]
    >>> np.round(slopes, 2).tolist()
    [0.95, -0.8]
    """

    latent_kind = "continuous"
    output_scaling = "standard"
    _parameter_constraints = {
        "A": ["array-like"],
        "C": _NUMBER_OR_MATRIX,
        "Q": _NUMBER_OR_MATRIX,
        "R": _NUMBER_OR_MATRIX,
        "transition": [Interval(Real, 0, 1, closed="both"), "array-like"],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        A: ArrayLike = (0.95, -0.8),
        C: ArrayLike = 1.0,
        Q: ArrayLike = 1.0,
        R: ArrayLike = 0.1,
        transition: ArrayLike = 0.95,
        n_steps: int = 100,
    ) -> None:
        self.A = A
        self.C = C
        self.Q = Q
        self.R = R
        self.transition = transition
        self.n_steps = n_steps

    @property
    def latent_names(self) -> tuple[str, ...]:
        """Names of the states, "x" or "x1", "x2", ..., and of each regime but the first."""
        A, _ = check_transitions(self.A, self.transition)
        n_regimes, n_states = A.shape[:2]
        states = ["x"] if n_states == 1 else [f"x{i + 1}" for i in range(n_states)]
        return (*states, *(f"regime {k}" for k in range(1, n_regimes)))

    @property
    def ceiling(self) -> str | None:
        """What is known of the best score: "exact" with one regime, and None with several."""
        return "exact" if len(self.system()[0]) == 1 else None

    @property
    def flow_kind(self) -> str:
        """Noisy, as regimes change; exact of one regime without process noise."""
        A, _ = check_transitions(self.A, self.transition)
        return "noisy" if len(A) > 1 or np.any(self.Q) else "exact"

    def system(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Return the matrices of the system.

        Returns
        -------
        A, C, Q, R, transition : tuple of ndarray
            Of shapes (n_regimes, n_states, n_states), (n_channels, n_states), (n_states,
            n_states), (n_channels, n_channels) and (n_regimes, n_regimes).

        Raises
        ------
        ValueError
            If they do not describe a system.
        """
        A, transition = check_transitions(self.A, self.transition)
        _, C, Q, R = check_system(A[0], self.C, self.Q, self.R)
        return A, C, Q, R, transition

    def stationary(self) -> tuple[Floats, Floats]:
        """Return the long-run probabilities of the regimes, and the covariance of the state.

        Returns
        -------
        probabilities : ndarray of shape (n_regimes,)
        covariances : ndarray of shape (n_regimes, n_states, n_states)
            Of the state, whose mean is zero, given the regime.

        Raises
        ------
        ValueError
            If there are none, see Raises of the class.
        """
        A, _, Q, _, transition = self.system()
        return switching_moments(A, transition, Q)

    def rest_points(self, start: int = 0) -> RestPoints | None:
        """Return the origin in each regime.

        Parameters
        ----------
        start : int, default=0
            Has no effect.

        Returns
        -------
        RestPoints or None
            With the Jacobians of the regime that stays. None if the transition of a regime has an
            eigenvalue of 1: a line of states rests.
        """
        A, _ = check_transitions(self.A, self.transition)
        if not all(map(rests_at_origin_alone, A)):
            return None
        n_regimes, n_states = A.shape[:2]
        indicators = np.eye(n_regimes)[:, 1:]
        points = np.concatenate([np.zeros((n_regimes, n_states)), indicators], axis=1)
        jacobians = np.zeros((n_regimes, points.shape[1], points.shape[1]))
        jacobians[:, :n_states, :n_states] = A
        jacobians[:, n_states:, n_states:] = np.eye(n_regimes - 1)
        return RestPoints(points, jacobians)

    def _move(self, latents: NDArray[Any], step: int) -> NDArray[Any]:
        A, _ = check_transitions(self.A, self.transition)
        x, indicators = np.split(latents, [A.shape[1]], axis=1)
        weights = np.concatenate([1 - indicators.sum(axis=1, keepdims=True), indicators], axis=1)
        # Indicators that were decoded are not 0 or 1: the nearest regime.
        moved = np.einsum("nij,nj->ni", A[weights.argmax(axis=1)], x)
        return np.concatenate([moved, indicators], axis=1)

    def _emit(self, latents: NDArray[Any]) -> NDArray[Any]:
        A, C, *_ = self.system()
        return latents[..., : A.shape[1]] @ (C[0] if len(C) == 1 else C.T)

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        A, C, Q, R, transition = self.system()
        probabilities, covariances = self.stationary()
        rng = np.random.default_rng(stream)
        n_regimes, n_states = A.shape[:2]

        def draw(covariance: Floats, *size: int) -> Floats:
            mean = np.zeros(len(covariance))
            # By eigenvalues, because covariances may be singular.
            return rng.multivariate_normal(mean, covariance, size, method="eigh")

        regime = np.empty((n_sequences, self.n_steps), dtype=np.int64)
        regime[:, 0] = rng.choice(n_regimes, n_sequences, p=probabilities)
        x = np.empty((n_sequences, self.n_steps, n_states))
        starts = np.stack([draw(covariance, n_sequences) for covariance in covariances])
        x[:, 0] = starts[regime[:, 0], np.arange(n_sequences)]
        noise = draw(Q, n_sequences, self.n_steps - 1)
        # The last bound is 1, which no draw reaches, but for rounding.
        bounds = transition.cumsum(axis=1)[:, :-1]
        chances = rng.random(regime.shape)
        for t in range(1, self.n_steps):
            regime[:, t] = (chances[:, t, np.newaxis] >= bounds[regime[:, t - 1]]).sum(axis=1)
            moved = np.einsum("nij,nj->ni", A[regime[:, t]], x[:, t - 1])
            x[:, t] = moved + noise[:, t - 1]
        X = x @ C.T + draw(R, n_sequences, self.n_steps)
        indicators = regime[:, :, np.newaxis] == np.arange(1, n_regimes)
        return Sample(X[:, :, 0] if len(C) == 1 else X, np.concatenate([x, indicators], axis=2))

    def _step_means(self) -> Floats:
        n_channels = len(self.system()[1])
        return np.zeros(self.n_steps if n_channels == 1 else (self.n_steps, n_channels))
