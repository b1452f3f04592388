"""A random recurrent core with a head in closed form."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import eigs
from sklearn.base import TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions

from .._docs import fill_doc
from .._random import seed_sequence, substream
from .._typing import Floats, RandomState
from ..networks import LeakyCell
from ..training import parts
from ._alternative import FeaturePredictor, filled_up
from ._last_inputs import last_of_windows
from ._stepping import CellRollouts

# Between which hyper-parameters are drawn, evenly by their logarithm.
RANGES = {"spectral_radius": (0.7, 1.1), "leak": (0.1, 1.0), "input_scale": (0.1, 1.0)}
# The most units that they are chosen with. With 64 instead, cores of 512 units lose .001 nats in a
# chain of regimes.
N_TUNED = 128
# From here on all eigenvalues take longer than the largest.
_MANY_UNITS = 256


@fill_doc
class EchoStatePredictor(
    TransformerMixin, CellRollouts, FeaturePredictor, auto_wrap_output_keys=None
):
    r"""Predict the next step by a linear head on a random recurrent core, which is not trained.

    .. math:: x_t = (1 - a) x_{t-1} + a \tanh(W x_{t-1} + V u_t + b),

    with standardised observations u (and the clock), leak a and random normal weights: an
    echo-state network. The head is a ridge regression; logistic under the Bernoulli and softmax
    regression under the categorical likelihood. What memory and nonlinearity do without training.

    Of many training sequences some are used, evenly: at least 1,000, and so many that there are
    500 steps for each unit, of which more would gain no more than about .001 nats a step.

    Parameters
    ----------
    n_units : int, default=100
        Number of units.
    spectral_radius : float or "auto", default="auto"
        Largest absolute eigenvalue of W. "auto" draws it between .7 and 1.1.
    leak : float or "auto", default="auto"
        Leak a, at most 1. "auto" draws it between .1 and 1.
    input_scale : float or "auto", default="auto"
        Standard deviation of the entries of V and b. "auto" draws it between .1 and 1.
    n_draws : int, default=8
        Number of random cores, each with what is "auto" drawn log-uniformly, of which the best by
        cross-validation on at most 150 sequences is used. If nothing is "auto", there is one. With
        more than 128 units they are drawn with 128, and a core of the size asked for takes over
        the hyper-parameters of the best.
    time_channel : {"full_time", None}, default=None
        "full_time" adds the clock :math:`t / (T - 1)` to the inputs.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std_held_out)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous)s
    feedback : bool or "auto", default="auto"
        %(feedback)s
    random_state : int, SeedSequence, Generator, RandomState or None, default=None
        %(random_weights)s

    Attributes
    ----------
    spectral_radius_, leak_, input_scale_ : float
        The hyper-parameters in use.
    recurrent_weights_ : ndarray of shape (n_units, n_units)
        The transpose of W.
    input_weights_ : ndarray of shape (n_inputs, n_units)
        The transpose of V.
    bias_ : ndarray of shape (n_units,)
        The bias b.
    head_ : object
        The linear readout: `coef` (n_units, n_channels), `intercept` (n_channels,).
    n_parameters_ : int
        %(n_head_parameters_)s
    cv_error_ : ndarray of shape (n_channels,)
        %(cv_error_)s
    converged_ : bool
        %(head_converged_)s
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    References
    ----------
    Jaeger, H. and Haas, H. (2004). Harnessing nonlinearity: predicting chaotic systems and saving
    energy in wireless communication. Science 304, 78-80.

    Examples
    --------
    >>> from sklearn_emerge import EchoStatePredictor, OscillatorWorld
    >>> X = OscillatorWorld(n_steps=32).sample(100, random_state=0).X
    >>> model = EchoStatePredictor(20, random_state=0).fit(X)
    >>> model.transform(X).shape, model.n_parameters_
    ((100, 32, 20), 21)
    """

    _parameter_constraints = {
        **FeaturePredictor._parameter_constraints,
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "spectral_radius": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "leak": [Interval(Real, 0, 1, closed="right"), StrOptions({"auto"})],
        "input_scale": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state", np.random.Generator, np.random.SeedSequence],
    }

    def __init__(
        self,
        n_units: int = 100,
        spectral_radius: float | str = "auto",
        leak: float | str = "auto",
        input_scale: float | str = "auto",
        n_draws: int = 8,
        *,
        time_channel: str | None = None,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        n_tokens: int | str = "auto",
        n_exogenous: int | str = "auto",
        feedback: bool | str = "auto",
        random_state: RandomState = None,
    ) -> None:
        self.n_units = n_units
        self.spectral_radius = spectral_radius
        self.leak = leak
        self.input_scale = input_scale
        self.n_draws = n_draws
        self.time_channel = time_channel
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_tokens = n_tokens
        self.n_exogenous = n_exogenous
        self.feedback = feedback
        self.random_state = random_state

    def transform(self, X: ArrayLike) -> Floats:
        """Return the states of the core.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_units)
            Entry t is the state after step t.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`.
        """
        return self._features_of(self.encode(X)).astype(np.float64)

    def _choose(self, X: Floats) -> None:
        # A generator would go on with each call.
        self.stream_ = seed_sequence(self.random_state)
        values = [getattr(self, name) for name in RANGES]
        n_draws = self.n_draws if "auto" in values else 1
        n_tuned = min(self.n_units, N_TUNED)
        cores = [self._draw(k, n_tuned) for k in range(n_draws)]
        best = self._best_of(X, cores) if n_draws > 1 else cores[0]
        self.__dict__.update(best if n_tuned == self.n_units else self._draw(0, self.n_units, best))

    def _draw(self, k: int, n_units: int, like: Any = None) -> Any:
        """Return the core of a draw, by attributes; its hyper-parameters may be those of another.

        The weights of a draw do not hang on whether its hyper-parameters are given.
        """
        random = np.random.default_rng(substream(self.stream_, "core", k))
        core: dict[str, Any] = {}
        for name, (low, high) in RANGES.items():
            drawn = np.exp(random.uniform(np.log(low), np.log(high)))
            value = like[f"{name}_"] if like else getattr(self, name)
            core[f"{name}_"] = float(drawn if value == "auto" else value)
        n_inputs = len(self.center_) + self._clock(1).size
        recurrent = random.normal(size=(n_units, n_units))
        scale = core["input_scale_"]
        core["recurrent_weights_"] = core["spectral_radius_"] / _radius(recurrent) * recurrent
        core["input_weights_"] = scale * random.normal(size=(n_inputs, n_units))
        core["bias_"] = scale * random.normal(size=n_units)
        return core

    def _predict_from(self, X: Floats, k: int) -> Floats:
        """Return the predicted means if the state is zero before the last k inputs.

        Steps with no more than k inputs have the ordinary prediction.
        """
        if k >= X.shape[1]:
            return self._predict(X)
        states = [
            last_of_windows(self._states, self._inputs(part), k)
            for part in parts(X, len(self.head_.coef) * k)
        ]
        later = self.head_.mean(np.concatenate(states), self._likelihood)
        return np.concatenate([self._predict(X[:, :k]), later], axis=1)

    def _inputs(self, X: Floats, begin: int = 0, first: Floats | None = None) -> Floats:
        """Return what enters at the steps from `begin` on, whatever the first step was."""
        clock = self._clock(begin + X.shape[1])[begin:]
        clock = np.broadcast_to(clock, (len(X), *clock.shape))
        return np.concatenate([self._standardise(X), clock], axis=2)

    def _features(self, X: Floats) -> NDArray[Any]:
        return self._states(self._inputs(X))

    def _cell_and_head(self) -> Any:
        weights = self.input_weights_, self.recurrent_weights_, self.bias_
        return LeakyCell(*weights, leak=self.leak_), self.head_.coef, self.head_.intercept

    def _units(self) -> tuple[Any, Any]:
        # The head predicts on the scale of the data.
        return self.scale_, 1.0

    def _mean(self, output: Floats) -> Floats:
        return self._likelihood.mean(output)

    def _states(self, inputs: Floats) -> NDArray[np.float32]:
        """Return the states of the core after each step; as networks do, it runs in float32."""
        n_sequences, n_steps, n_inputs = inputs.shape
        parts_of_row = self.recurrent_weights_, self.input_weights_, self.bias_
        n_units, leak = len(self.recurrent_weights_), np.float32(self.leak_)
        # State, inputs and a one in a row, so that one product drives the next state.
        n_rows = filled_up(n_sequences)
        row = np.zeros((n_rows, n_units + n_inputs + 1), dtype=np.float32)
        state, entering, row[:, -1] = row[:, :n_units], row[:, n_units:-1], 1
        weights = np.vstack(parts_of_row).astype(np.float32)
        states = np.empty((n_sequences, n_steps, n_units), dtype=np.float32)
        change = np.empty((n_rows, n_units), dtype=np.float32)
        for t in range(n_steps):
            entering[:n_sequences] = inputs[:, t]
            np.matmul(row, weights, out=change)
            np.tanh(change, out=change)
            change -= state
            change *= leak
            state += change
            states[:, t] = state[:n_sequences]
        return states


def _radius(matrix: Floats) -> float:
    """Return the largest absolute eigenvalue of a matrix of random entries."""
    if len(matrix) < _MANY_UNITS:
        return np.abs(np.linalg.eigvals(matrix)).max()
    # The outermost alone, quicker; from the same start at every call.
    start = np.ones(len(matrix))
    return np.abs(eigs(matrix, k=6, ncv=80, v0=start, return_eigenvectors=False)).max()
