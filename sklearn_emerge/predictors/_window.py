"""Random features of a window of the last steps."""

from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, StrOptions

from .._docs import fill_doc
from .._missing import observed_only
from .._random import substream
from .._typing import Floats, RandomState
from ._alternative import FeaturePredictor, filled_up
from ._last_inputs import last_inputs

_MOST_STEPS = 32
_MOST_COLUMNS = 512
_SCALES = (0.3, 0.6, 1.2, 2.4)
# Random features that the scale is chosen with.
_N_TUNED = 50


@fill_doc
class WindowPredictor(FeaturePredictor):
    r"""Predict the next step from features of a window of the last ones, without recurrence.

    A linear head on the window itself, on random features :math:`\tanh(v_j \cdot w + b_j)` of it,
    and on an intercept for each step whose window begins before the data, where zeros
    (of standardised data) stand in. For data of two values, taken as signs s, products are added:
    :math:`s_t s_{t-k}`, :math:`s_{t-k} s_{t-k-1}` (whether a step was a repeat) and :math:`s_t
    s_{t-k} s_{t-k-1}`. Ridge regression; logistic under the Bernoulli and softmax regression under
    the categorical likelihood. What a memory of fixed length does without any dynamics.

    Of many training sequences some are used, evenly: at least 1,000, and so many that there are
    500 steps for each feature, of which more would gain no more than about .001 nats a step.

    Parameters
    ----------
    window : int or "auto", default="auto"
        Steps of the window. "auto" is 32, or less where sequences are shorter or where that would
        be more than 512 numbers.
    n_features : int, default=200
        Number of random features.
    input_scale : float or "auto", default="auto"
        Standard deviation of what enters tanh, for white data. "auto" takes the best of .3, .6,
        1.2 and 2.4, by cross-validation on at most 150 sequences, with the first 50 of the random
        features.
    time_channel : {"full_time", None}, default=None
        "full_time" adds the clock :math:`t / (T - 1)` to the window.
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
    window_ : int
        Steps of the window.
    input_scale_ : float
        The input scale in use.
    binary_ : bool
        Whether each channel had two values in training, so that there are products.
    head_ : object
        The linear readout: `coef` (n_columns, n_channels), `intercept` (n_channels,).
    n_parameters_ : int
        %(n_head_parameters_)s
    cv_error_ : ndarray of shape (n_channels,)
        %(cv_error_)s
    converged_ : bool
        %(head_converged_)s
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> from sklearn_emerge import OscillatorWorld, WindowPredictor
    >>> X = OscillatorWorld(n_steps=32).sample(100, random_state=0).X
    >>> model = WindowPredictor(8, n_features=20, random_state=0).fit(X)
    >>> model.n_parameters_  # 8 of the window, 20 random, 7 of early steps, the intercept
    36
    """

    _parameter_constraints = {
        **FeaturePredictor._parameter_constraints,
        "window": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_features": [Interval(Integral, 0, None, closed="left")],
        "input_scale": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "random_state": ["random_state", np.random.Generator, np.random.SeedSequence],
    }

    def __init__(
        self,
        window: int | str = "auto",
        n_features: int = 200,
        input_scale: float | str = "auto",
        *,
        time_channel: str | None = None,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        n_tokens: int | str = "auto",
        n_exogenous: int | str = "auto",
        feedback: bool | str = "auto",
        random_state: RandomState = None,
    ) -> None:
        self.window = window
        self.n_features = n_features
        self.input_scale = input_scale
        self.time_channel = time_channel
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_tokens = n_tokens
        self.n_exogenous = n_exogenous
        self.feedback = feedback
        self.random_state = random_state

    def _choose(self, X: Floats) -> None:
        n_steps, n_channels = self._seen(X).shape[1:]
        if self.window == "auto":
            most = min(_MOST_STEPS, n_steps - 1, _MOST_COLUMNS // n_channels)
            self.window_ = max(1, most)
        elif self.window < n_steps:
            self.window_ = int(self.window)
        else:
            raise ValueError(
                f"window={self.window} is longer than the past of any step of sequences of "
                f"{n_steps} steps; use at most window={n_steps - 1}, or window='auto'."
            )
        known = observed_only(self._seen(X))
        low, high = known.min(axis=(0, 1)), known.max(axis=(0, 1))
        two_values = ((low == known) | (high == known)).all()
        self.binary_ = not self._likelihood.tokens and bool(two_values)
        if self.binary_:
            self.center_, self.scale_ = (low + high) / 2, np.where(low < high, (high - low) / 2, 1)
            if self._feedback:
                self.target_scale_ = self.scale_[: len(self.target_scale_)]
        n_inputs = self.window_ * n_channels + self._clock(1).size
        random = np.random.default_rng(substream(self.random_state, "window"))
        self.weights_ = random.normal(size=(n_inputs, self.n_features)) / np.sqrt(n_inputs)
        self.bias_ = random.uniform(-1.0, 1.0, self.n_features)
        self.input_scale_ = 1.0 if self.input_scale == "auto" else float(self.input_scale)
        if self.input_scale == "auto" and self.n_features:
            some = {"weights_": self.weights_[:, :_N_TUNED], "bias_": self.bias_[:_N_TUNED]}
            candidates = [{"input_scale_": scale, **some} for scale in _SCALES]
            self.input_scale_ = self._best_of(X, candidates)["input_scale_"]

    def _features(self, X: Floats) -> Floats:
        n_sequences, n_steps, _ = X.shape
        past = last_inputs(self._standardise(X), self.window_)
        products = []
        if self.binary_:
            now, stays = past[:, :, :1], past[:, :, :-1] * past[:, :, 1:]
            products = [now * past[:, :, 1:], now * stays[:, :, 1:], stays]
        past, *products = (part.reshape(n_sequences, n_steps, -1) for part in (past, *products))
        n_past, n_early = past.shape[2], self.window_ - 1
        n_inputs = n_past + self._clock(1).size
        sizes = [n_inputs, len(self.bias_), n_early, *(part.shape[2] for part in products)]
        ends = np.cumsum(sizes)
        # As networks do. Room for all at once: to put parts together would copy them.
        columns = np.empty((n_sequences, n_steps, ends[-1]), dtype=np.float32)
        inputs, hidden, early, *rest = np.split(columns, ends[:-1], axis=2)
        inputs[:, :, :n_past] = past
        inputs[:, :, n_past:] = self._clock(n_steps)
        weights = (self.input_scale_ * self.weights_).astype(np.float32)
        n_rows = n_sequences * n_steps
        rows = np.zeros((filled_up(n_rows), n_inputs), dtype=np.float32)
        rows[:n_rows] = inputs.reshape(n_rows, n_inputs)
        drive = (rows @ weights)[:n_rows].reshape(n_sequences, n_steps, -1)
        drive += self.bias_.astype(np.float32)
        hidden[...] = np.tanh(drive, out=drive)
        # An intercept for each step whose window begins before the data.
        early[...] = np.eye(n_steps, n_early)
        for part, product in zip(rest, products, strict=True):
            part[...] = product
        return columns
