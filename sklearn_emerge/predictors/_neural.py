"""Neural predictors: a torch network under the contract of a predictor."""

import warnings
from copy import deepcopy
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from scipy.special import expit, softmax
from sklearn.base import TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._random import seed_sequence, substream
from .._validation import encode_tokens
from ..recurrence import LANES, choose_engine, run_forward
from ._base import BasePredictor, center_and_scale
from ._fit import train
from ._half_precision import products_in
from ._heads import Head, fit_head
from ._isolation import isolated_torch
from ._network import (
    SequenceNetwork,
    check_callbacks,
    check_core,
    check_device,
    is_finite,
    recurrent_weights,
    rows_of_weights,
    scramble_recurrent_weights,
)
from ._training import BernoulliLoss, CategoricalLoss, GaussianLoss
from ._windows import last_of_windows

TIME_CHANNELS = ("full_time", "no_time", "constant_time")
# Sequences that pass through the network at once outside training.
_CHUNK = 1024
# Bytes that the compiled scan may take for the states of a chunk.
_CHUNK_BYTES = 2**28


# No pandas output: hidden states have three dimensions.
class NeuralPredictor(TransformerMixin, BasePredictor, auto_wrap_output_keys=None):
    """What all neural predictors share; subclasses implement `_build_core`.

    Scaling, the clock, the training modes and the batches live here; a subclass only says
    which torch module turns inputs into hidden states.
    """

    training_modes = ("full", "readout", "random", "scrambled")
    _knows_tokens = True
    # Whether torch may use all its threads; small recurrent networks are faster with one.
    _many_threads = False
    # Whether all that training changes is known, so that it can go on from a file.
    _resumable = True
    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "n_tokens": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "head": [StrOptions({"exact", "sgd"})],
        "training": [StrOptions(set(training_modes))],
        "max_steps": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, 2**63 - 1, closed="both")],
        # What single precision can hold; the first step of Adam is ten times as large.
        "lr": [Interval(Real, 1.4e-45, 3.4e37, closed="both")],
        "input_scaling": [StrOptions({"auto", "standard", "first"}), None],
        "output_scaling": [StrOptions({"auto", "standard"}), None],
        "time_channel": [StrOptions(set(TIME_CHANNELS)), None],
        "device": [str],
        "engine": [StrOptions({"auto", "numba", "torch"})],
        "callbacks": [list, None],
        "random_state": ["random_state", np.random.Generator, np.random.SeedSequence],
    }

    def __init__(
        self,
        *,
        training="full",
        head="sgd",
        max_steps=1000,
        batch_size=64,
        lr=1e-3,
        likelihood="auto",
        noise_std="auto",
        n_tokens="auto",
        input_scaling="auto",
        output_scaling="auto",
        time_channel="full_time",
        device="cpu",
        engine="auto",
        callbacks=None,
        random_state=None,
    ):
        self.training = training
        self.head = head
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.lr = lr
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_tokens = n_tokens
        self.input_scaling = input_scaling
        self.output_scaling = output_scaling
        self.time_channel = time_channel
        self.device = device
        self.engine = engine
        self.callbacks = callbacks
        self.random_state = random_state

    def _build_core(self, n_inputs):
        """Return the torch module that maps inputs to hidden states."""
        raise NotImplementedError

    def transform(self, X):
        """Return the hidden states.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_hidden)
            Entry t is the state after the steps up to t.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`.
        """
        return self._states(X, 1)

    # Numbers of the layers that hidden states can be taken from.
    _layers = (1,)

    def _states(self, X, layer, outputs=False):
        """Return the hidden states of a layer, or what the head makes of them."""
        return self._forward(self._check(X), hidden=not outputs)

    def generate(self, X, n_steps):
        """Continue sequences of tokens by the most probable token, again and again.

        Parameters
        ----------
        X : array-like of int of shape (n_sequences, n_prompt)
            The beginnings, of any length from 1 on.
        n_steps : int
            How many tokens to add.

        Returns
        -------
        ndarray of int of shape (n_sequences, n_steps)
            The tokens that were added.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If the predictor was not trained on tokens, or X is not made of tokens.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_emerge import GRUPredictor
        >>> X = np.arange(300).reshape(30, 10) % 3  # 0 1 2 0 1 2 ...
        >>> model = GRUPredictor(
        ...     8, likelihood="categorical", max_steps=200, lr=0.02, random_state=0
        ... ).fit(X)
        >>> model.generate([[0, 1], [2, 0]], 5)
        array([[2, 0, 1, 2, 0],
               [1, 2, 0, 1, 2]])
        """
        check_is_fitted(self)
        if self.likelihood_ != "categorical":
            raise ValueError(
                f"generate continues tokens, and this {type(self).__name__} was trained with "
                f"likelihood={self.likelihood_!r}; fit it with likelihood='categorical'."
            )
        if not isinstance(n_steps, Integral) or n_steps < 0:
            raise ValueError(f"n_steps={n_steps!r} must be an integer of at least 0.")
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] < 1:
            raise ValueError(
                f"X has shape {X.shape}; beginnings are the rows of an array of shape "
                "(n_sequences, n_prompt) with at least one token each."
            )
        encoded = encode_tokens(X[:, :, np.newaxis].astype(np.float64), self.n_tokens_)
        for _ in range(n_steps):
            # What is most probable does not hang on the last digits: the precision of training.
            output = self._forward(encoded[:, -self._memory :], exact=False)
            output = output[:, -1, : self.n_tokens_]
            following = np.eye(self.n_tokens_)[output.argmax(axis=1)]
            encoded = np.concatenate([encoded, following[:, np.newaxis]], axis=1)
        return encoded[:, X.shape[1] :].argmax(axis=2)

    # How many of the last steps the next one depends on; 0 is all.
    _memory = 0

    @property
    def n_parameters_(self):
        """Number of weights of the network, head included."""
        return sum(parameter.numel() for parameter in self.network_.parameters())

    def _validate_params(self):
        super()._validate_params()
        check_callbacks(self.callbacks)

    def _fit(self, X):
        train([self], [X])

    def _begin(self, X):
        """Return the initial network; its weights depend on the random stream alone."""
        check_device(self.device)
        self.head_ = None
        self.seed_sequence_ = seed_sequence(self.random_state)
        self._learn_scaling(X)
        with isolated_torch(substream(self.seed_sequence_, "torch"), self.device):
            try:
                network = self._initial_network(X.shape[2])
            except (RuntimeError, MemoryError, OverflowError, TypeError) as error:
                reason, own = str(error).partition("\n")[0], " ".join(repr(self).split())
                raise ValueError(
                    f"The network of {own} cannot be built for {X.shape[2]} "
                    f"channel{'s' * (X.shape[2] > 1)}: {reason}. Choose smaller sizes, or another "
                    "module."
                ) from error
        self.engine_ = choose_engine(
            self.engine,
            network.core,
            device=self.device,
            likelihood=self.likelihood_,
            n_steps=X.shape[1],
            max_steps=self.max_steps,
        )
        return network

    @property
    def _exact_head(self):
        """Whether the head is fitted in closed form, once the core is what it will be."""
        return self.head == "exact" and self.training != "random"

    def _fit_head(self, X):
        """Fit the head to the hidden states, if it is to be and can; that of the network stays."""
        # Of weights that have diverged there is none, whatever there was before.
        self.head_ = None
        if not self._exact_head or not is_finite(self.network_):
            return

        def states(part):
            return self._forward(part, hidden=True)

        head, ridge = fit_head(states, X, self.network_.head.in_features, self.likelihood_)
        if self.likelihood_ == "gaussian":
            # In units of the output of the network.
            center, scale = self.output_center_, self.output_scale_
            head = Head(head.coef / scale, (head.intercept - center) / scale)
        self.head_, self.head_error_ = head, ridge.error

    def _square_error(self, X):
        return super()._square_error(X) if self.head_ is None else self.head_error_

    def _end(self, network, net, X):
        """Keep what was trained."""
        self.network_, self.net_ = network, net
        if not is_finite(network):
            warnings.warn(
                f"Training of {type(self).__name__} diverged: weights are not finite after "
                f"{self.max_steps} steps with lr={self.lr}. Lower lr.",
                ConvergenceWarning,
                stacklevel=5,
            )
        self._fit_head(X)
        if self.head_ is not None:
            with torch.no_grad():
                network.head.weight.copy_(torch.from_numpy(self.head_.coef.T))
                network.head.bias.copy_(torch.from_numpy(self.head_.intercept))
            if not self.head_.converged:
                warnings.warn(
                    f"The head of {type(self).__name__} has not converged (see head_.converged): "
                    "its loss is all but flat in some direction. Fit more sequences, or fewer "
                    "units.",
                    ConvergenceWarning,
                    stacklevel=5,
                )
        if self.training == "scrambled":
            rng = np.random.default_rng(substream(self.seed_sequence_, "scramble"))
            scramble_recurrent_weights(network.core, rng)

    def _learn_scaling(self, X):
        """Take the constants of input and output scaling from the training data."""
        center, spread = center_and_scale(X)
        self.input_scaling_ = "standard" if self.input_scaling == "auto" else self.input_scaling
        if self.likelihood_ == "categorical":
            # Tokens have no scale.
            self.input_scaling_ = None
        self.input_center_, self.input_scale_ = np.zeros_like(center), np.ones_like(spread)
        if self.input_scaling_ == "standard":
            self.input_center_, self.input_scale_ = center, spread
        scaled = self.output_scaling in ("auto", "standard") and self.likelihood_ == "gaussian"
        self.output_center_ = center if scaled else np.zeros_like(center)
        self.output_scale_ = spread if scaled else np.ones_like(spread)

    def _inputs(self, X):
        """Scale the observations and append the clock."""
        start = X[:, :1] if self.input_scaling_ == "first" else self.input_center_
        channels = [(X - start) / self.input_scale_]
        if self.time_channel is not None:
            n_sequences, n_steps, _ = X.shape
            clock = {
                "full_time": np.arange(n_steps) / (self.n_steps_ - 1),
                "no_time": np.zeros(n_steps),
                "constant_time": np.full(n_steps, 0.5),
            }[self.time_channel]
            channels.append(np.broadcast_to(clock[:, np.newaxis], (n_sequences, n_steps, 1)))
        return np.concatenate(channels, axis=2)

    def _tensors(self, X):
        """Return inputs and targets for training."""
        targets = (X[:, 1:] - self.output_center_) / self.output_scale_
        return tuple(
            torch.as_tensor(data, dtype=torch.float32, device=self.device)
            for data in (self._inputs(X)[:, :-1], targets)
        )

    def _initial_network(self, n_channels):
        """Build the network; its weights depend on the random stream alone, not on the mode."""
        n_inputs = n_channels + (self.time_channel is not None)
        core = self._build_core(n_inputs).float()
        if self.training == "scrambled" and not recurrent_weights(core):
            raise ValueError(
                "training='scrambled' permutes the recurrent weights, but the module has no "
                "parameter named 'weight_hh...'; choose another training mode."
            )
        return SequenceNetwork(core, check_core(core, n_inputs), n_channels).to(self.device)

    def _make_criterion(self):
        """Return the loss that is minimised."""
        if self.likelihood_ == "bernoulli":
            return BernoulliLoss()
        if self.likelihood_ == "categorical":
            return CategoricalLoss()
        estimated = self.noise_std in ("auto", "estimate")
        noise_std = self.output_scale_ if estimated else self.noise_std
        return GaussianLoss(noise_std, self.output_scale_)

    def _net_options(self):
        """Return options of the optimiser, see `make_net`."""
        return {}

    def _net_callbacks(self):
        """Return callbacks that belong to the training itself."""
        return []

    def _predict(self, X):
        return self._mean(self._forward(X))

    def _predict_from(self, X, k):
        """Return the predicted means if the state is zero before the last k inputs.

        Steps with no more than k inputs have the ordinary prediction. The clock and, with
        input_scaling="first", the first observation are inputs of every step.
        """
        if k >= X.shape[1]:
            return self._predict(X)
        later = self._mean(self._forward(X, window=k))
        return np.concatenate([self._predict(X[:, :k]), later], axis=1)

    def _mean(self, output):
        """Return the means of the next steps, given outputs of the head."""
        if self.likelihood_ == "bernoulli":
            return expit(output)
        if self.likelihood_ == "categorical":
            return softmax(output, axis=2)
        return output * self.output_scale_ + self.output_center_

    def _forward(self, X, *, hidden=False, read=None, exact=True, window=None):
        """Return outputs or hidden states of the network, computed in chunks of sequences.

        With `window` they are those of the last step of each window of so many steps, the first
        left out, see `last_of_windows`.

        Whatever the chunk, a sequence gives the same numbers: the compiled scan computes every
        lane alike, and torch computes in double precision, so that rounding hides in the last
        digits (unless `exact` is False, which takes the precision of training).
        """
        # A head in closed form has more digits than that of the network.
        head = self.head_ if read is None and not hidden else None
        hidden = hidden or head is not None
        if read is None:
            read = SequenceNetwork.hidden if hidden else SequenceNetwork.__call__
        n_hidden, n_outputs = self.network_.head.in_features, self.network_.head.out_features
        n_columns = n_hidden if hidden and head is None else n_outputs
        n_sequences, n_steps, _ = X.shape
        n_results = n_steps if window is None else n_steps - window
        result = np.empty((n_sequences, n_results, n_columns))
        if self.engine_ == "numba":
            needed = self.network_.layout.bytes_of(n_steps, np.float32)
            size, compute = min(_CHUNK, max(LANES, _CHUNK_BYTES // needed)), self._by_scan(hidden)
        else:
            size, compute = _CHUNK, self._by_torch(read, exact)
        if window is not None:
            # As many steps at once as otherwise.
            size = max(1, size * n_steps // (n_results * window))
        for start in range(0, n_sequences, size):
            chunk = slice(start, start + size)
            inputs = self._inputs(X[chunk])
            values = compute(inputs) if window is None else last_of_windows(compute, inputs, window)
            result[chunk] = values if head is None else head.output(values)
        return result

    def _by_scan(self, hidden):
        """Return a function that computes outputs or hidden states by the compiled scan."""
        weights = rows_of_weights(self.network_).detach().numpy()
        layout, n_threads = self.network_.layout, torch.get_num_threads()

        def compute(inputs):
            inputs = inputs[np.newaxis].astype(np.float32)
            return run_forward(inputs, weights, layout, n_threads)[1 if hidden else 0][0]

        return compute

    def _by_torch(self, read, exact):
        """Return a function that computes by torch what is read from (network, inputs)."""
        dtype = torch.float64 if exact else torch.float32
        precision = "float32" if exact else getattr(self, "precision", "float32")
        n_threads = torch.get_num_threads() if self._many_threads else 1
        isolated = partial(isolated_torch, seed_sequence(0), self.device, n_threads)
        with isolated():
            network = deepcopy(self.network_).to(dtype).eval()

        def compute(inputs):
            with isolated(), torch.no_grad(), products_in(precision, self.device):
                inputs = torch.as_tensor(inputs, dtype=dtype, device=self.device)
                return read(network, inputs).to("cpu", dtype).numpy()

        return compute
