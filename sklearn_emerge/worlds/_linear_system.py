"""A linear Gaussian system."""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._docs import fill_doc
from .._typing import Floats
from ..dynamics import (
    check_covariance,
    check_input_matrix,
    check_system,
    check_transition,
    rests_at_origin_alone,
    steady_filter,
)
from ._base import World
from ._driven import with_inputs
from ._flow import RestPoints
from ._sample import Sample

_NUMBER_OR_MATRIX = [Interval(Real, None, None, closed="neither"), "array-like"]


@fill_doc
class LinearSystemWorld(World):
    r"""A linear system, driven by noise and observed in noise.

    .. math::

        x_{t+1} = A x_t + B u_t + w_t, \qquad y_t = C x_t + v_t, \qquad
        w_t \sim N(0, Q), \; v_t \sim N(0, R), \; x_1 \sim N(0, P_1).

    The latents are the states x. With the default initial covariance the Kalman filter is in its
    steady state from the first step, which is the setting of *State space models, emergence, and
    ergodicity* (Ziemann, Matni and Pappas, 2025).

    Parameters
    ----------
    A : float or array-like of shape (n_states, n_states), default=1.0
        Transition matrix.
    C : float or array-like of shape (n_states,) or (n_channels, n_states), default=1.0
        Observation matrix; a number is that number times the identity, which observes all states.
    Q : float or array-like of shape (n_states, n_states), default=0.1
        Covariance of the process noise, in squared units of the state; a number is that number
        times the identity.
    R : float or array-like of shape (n_channels, n_channels), default=1.0
        Covariance of the observation noise, in squared units of the data; a number is that number
        times the identity.
    n_steps : int, default=100
        Length of a sequence.
    initial : {"steady", "zero"}, float or array-like, default="steady"
        Covariance :math:`P_1` of the first state. "steady": that of the state given an infinite
        past, the solution of the filter's Riccati equation. "zero": the first state is zero.
    B : float, array-like of shape (n_states,) or (n_states, n_inputs), or None, default=None
        What inputs :math:`u_t` add to the states at the next step. They are white,
        :math:`u_t \sim N(0, I)`, and exogenous: the last channels of X, which are seen and not
        predicted. None: there are none.

    Notes
    -----
    `noise_std`, the standard deviation of the predictive likelihood, is that of the innovations
    if there is one channel and the filter is steady; otherwise every predictor is scored with its
    own root mean square error.

    Without noise, and with inputs at their mean, states go on as :math:`A^k x`, which is also what
    they are expected to be.

    Errors are raised for matrices that do not fit together, are not finite or not positive
    semidefinite, and with ``initial="steady"`` for pairs (A, C) that are not detectable.

    References
    ----------
    %(state_space_models)s

    Examples
    --------
    >>> from sklearn_emerge import LinearSystemWorld
    >>> world = LinearSystemWorld([[1.0, 1.0], [0.0, 1.0]], [1.0, 0.0], 0.1, 1.0, n_steps=50)
    >>> sample = world.sample(3, random_state=0)
    >>> sample.X.shape, sample.latents.shape, sample.latent_names
    ((3, 50), (3, 50, 2), ('x1', 'x2'))
    >>> round(LinearSystemWorld.random_walk(1.0, 1.0).noise_std ** 2, 4)
    2.618
    """

    latent_kind = "continuous"
    output_scaling = "standard"
    ceiling = "exact"
    _parameter_constraints = {
        "A": _NUMBER_OR_MATRIX,
        "C": _NUMBER_OR_MATRIX,
        "Q": _NUMBER_OR_MATRIX,
        "R": _NUMBER_OR_MATRIX,
        "n_steps": [Interval(Integral, 2, None, closed="left")],
        "initial": [StrOptions({"steady", "zero"}), *_NUMBER_OR_MATRIX],
        "B": [*_NUMBER_OR_MATRIX, None],
    }

    def __init__(
        self,
        A: ArrayLike = 1.0,
        C: ArrayLike = 1.0,
        Q: ArrayLike = 0.1,
        R: ArrayLike = 1.0,
        n_steps: int = 100,
        *,
        initial: ArrayLike | str = "steady",
        B: ArrayLike | None = None,
    ) -> None:
        self.A = A
        self.C = C
        self.Q = Q
        self.R = R
        self.n_steps = n_steps
        self.initial = initial
        self.B = B

    @classmethod
    def random_walk(cls, q: float = 0.1, r: float = 1.0, n_steps: int = 100) -> Self:
        """Return a random walk observed in noise.

        Parameters
        ----------
        q : float, default=0.1
            Variance of a step of the walk.
        r : float, default=1.0
            Variance of the observation noise.
        n_steps : int, default=100
            Length of a sequence.

        Returns
        -------
        LinearSystemWorld
            With A = C = 1, Q = q and R = r.

        Raises
        ------
        ValueError
            If a variance is negative.
        """
        _check_variances(q=q, r=r)
        return cls(1.0, 1.0, q, r, n_steps)

    @classmethod
    def local_linear_trend(
        cls, level: float = 0.1, slope: float = 0.1, r: float = 1.0, n_steps: int = 100
    ) -> Self:
        """Return a walk whose slope is itself a random walk, observed in noise.

        Parameters
        ----------
        level : float, default=0.1
            Variance of the noise of the level, per step.
        slope : float, default=0.1
            Variance of the noise of the slope, per step.
        r : float, default=1.0
            Variance of the observation noise.
        n_steps : int, default=100
            Length of a sequence.

        Returns
        -------
        LinearSystemWorld
            With states level and slope.

        Raises
        ------
        ValueError
            If a variance is negative.
        """
        _check_variances(level=level, slope=slope, r=r)
        return cls([[1.0, 1.0], [0.0, 1.0]], [[1.0, 0.0]], np.diag([level, slope]), r, n_steps)

    @classmethod
    def jordan_block(
        cls, size: int, eigenvalue: float = 1.0, q: float = 0.1, r: float = 1.0, n_steps: int = 100
    ) -> Self:
        """Return a system with one Jordan block, of which the first state is observed.

        Parameters
        ----------
        size : int
            Size of the block, at least 1.
        eigenvalue : float, default=1.0
            Its eigenvalue.
        q : float, default=0.1
            Variance of the process noise of every state.
        r : float, default=1.0
            Variance of the observation noise.
        n_steps : int, default=100
            Length of a sequence.

        Returns
        -------
        LinearSystemWorld
            With `size` states.

        Raises
        ------
        ValueError
            If the size is below 1, the eigenvalue is not real, or a variance is negative.
        """
        if not isinstance(size, Integral) or size < 1:
            raise ValueError(f"size={size!r} is not the size of a block; pass an integer >= 1.")
        if not isinstance(eigenvalue, Real):
            raise ValueError(f"eigenvalue={eigenvalue!r} must be a real number.")
        _check_variances(q=q, r=r)
        A = eigenvalue * np.eye(size) + np.eye(size, k=1)
        return cls(A, np.eye(1, size), q, r, n_steps)

    @property
    def latent_names(self) -> tuple[str, ...]:
        """Names of the states: "x", or "x1", "x2", ..."""
        n_states = len(np.atleast_2d(np.asarray(self.A)))
        return ("x",) if n_states == 1 else tuple(f"x{i + 1}" for i in range(n_states))

    @property
    def noise_std(self) -> float | str:
        """Standard deviation of the innovations of the steady filter, or "estimate"."""
        A, C, Q, R = check_system(self.A, self.C, self.Q, self.R)
        if len(C) > 1 or not isinstance(self.initial, str) or self.initial != "steady":
            return "estimate"
        return float(np.sqrt(steady_filter(A, C, Q, R).innovation_covariance[0, 0]))

    @property
    def flow_kind(self) -> str:
        """The mean of what follows; noisy with inputs, exact without these and process noise."""
        if self.B is not None:
            return "noisy"
        return "mean" if np.any(self.Q) else "exact"

    @property
    def n_exogenous(self) -> int:
        """Number of inputs."""
        return check_input_matrix(self.B, len(check_transition(self.A))).shape[1]

    @property
    def null_kinds(self) -> tuple[str, ...]:
        """All nulls; that of exchanged inputs if there are some."""
        return super().null_kinds if self.B is None else (*super().null_kinds, "exchange")

    def system(self) -> tuple[Floats, Floats, Floats, Floats, Any]:
        """Return the matrices of the system.

        Returns
        -------
        A, C, Q, R, initial : tuple of ndarray
            Of shapes (n_states, n_states), (n_channels, n_states), (n_states, n_states),
            (n_channels, n_channels) and (n_states, n_states).

        Raises
        ------
        ValueError
            If they do not describe a system, see Notes.
        """
        A, C, Q, R = check_system(self.A, self.C, self.Q, self.R)
        if isinstance(self.initial, str):
            steady = self.initial == "steady"
            initial = steady_filter(A, C, Q, R).covariance if steady else np.zeros_like(A)
        else:
            initial = check_covariance(self.initial, len(A), "initial")
        return A, C, Q, R, initial

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        A, C, Q, R, initial = self.system()
        rng = np.random.default_rng(stream)
        n_states, n_channels = len(A), len(C)
        B = check_input_matrix(self.B, n_states)

        def draw(covariance: Floats, *size: int) -> Floats:
            mean = np.zeros(len(covariance))
            # By eigenvalues, because covariances may be singular.
            return rng.multivariate_normal(mean, covariance, size, method="eigh")

        x = np.empty((n_sequences, self.n_steps, n_states))
        x[:, 0] = draw(initial, n_sequences)
        noise = draw(Q, n_sequences, self.n_steps - 1)
        if self.B is not None:
            inputs = rng.standard_normal((n_sequences, self.n_steps, B.shape[1]))
            noise = noise + inputs[:, :-1] @ B.T
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(1, self.n_steps):
                x[:, t] = x[:, t - 1] @ A.T + noise[:, t - 1]
            X = x @ C.T + draw(R, n_sequences, self.n_steps)
        if not np.isfinite(X).all():
            raise ValueError(
                f"The states exceed the range of float64 within n_steps={self.n_steps}, because A "
                f"has an eigenvalue of modulus {np.abs(np.linalg.eigvals(A)).max():.3g}; take "
                "shorter sequences."
            )
        if self.B is not None:
            return Sample(with_inputs(X, inputs), x)
        return Sample(X[:, :, 0] if n_channels == 1 else X, x)

    def rest_points(self, start: int = 0) -> RestPoints | None:
        """Return the origin, where the system rests.

        Parameters
        ----------
        start : int, default=0
            Has no effect.

        Returns
        -------
        RestPoints or None
            None if A has an eigenvalue of 1, as that of a random walk: a line of states rests.
        """
        A = check_transition(self.A)
        alone = rests_at_origin_alone(A)
        return RestPoints(np.zeros((1, len(A))), A[np.newaxis]) if alone else None

    def _move(self, latents: NDArray[Any], step: int) -> NDArray[Any]:
        return latents @ check_transition(self.A).T

    def _emit(self, latents: NDArray[Any]) -> NDArray[Any]:
        C = check_system(self.A, self.C, self.Q, self.R)[1]
        # Inputs make an axis of channels.
        return latents @ (C[0] if len(C) == 1 and self.B is None else C.T)

    def step_means(self) -> Floats:
        """Return the expected observation at each step, which is known."""
        n_channels = len(check_system(self.A, self.C, self.Q, self.R)[1])
        return np.zeros(self.n_steps if n_channels == 1 else (self.n_steps, n_channels))


def _check_variances(**variances: Any) -> None:
    """Raise a ValueError that names the variance that is none."""
    for name, value in variances.items():
        if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
            raise ValueError(f"{name}={value!r} is not a variance; pass a number of at least 0.")
