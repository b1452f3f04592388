"""Neural predictors: a torch network under the contract of a predictor."""

import warnings
from copy import deepcopy
from numbers import Integral, Real

import numpy as np
import torch
from scipy.special import expit
from sklearn.base import TransformerMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from skorch.dataset import Dataset
from torch import nn

from .._random import seed_sequence, substream
from .._validation import check_sequences
from ._base import BasePredictor, center_and_scale
from ._network import (
    BernoulliLoss,
    GaussianLoss,
    Net,
    SequenceNetwork,
    ShuffledBatches,
    check_core,
    check_device,
    isolated_torch,
    orthogonalise_recurrent_weights,
    recurrent_weights,
    scramble_recurrent_weights,
)

TRAINING_MODES = ("full", "readout", "random", "scrambled")
TIME_CHANNELS = ("full_time", "no_time", "constant_time")
# Sequences that pass through the network at once outside training.
_CHUNK = 1024


# No pandas output: hidden states have three dimensions.
class NeuralPredictor(TransformerMixin, BasePredictor, auto_wrap_output_keys=None):
    """What all neural predictors share; subclasses implement `_build_core`.

    Scaling, the clock, the training modes and the batches live here; a subclass only says
    which torch module turns inputs into hidden states.
    """

    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "training": [StrOptions(set(TRAINING_MODES))],
        "max_steps": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "input_scaling": [StrOptions({"auto", "standard", "first"}), None],
        "output_scaling": [StrOptions({"auto", "standard"}), None],
        "time_channel": [StrOptions(set(TIME_CHANNELS)), None],
        "device": [str],
        "callbacks": [list, None],
        "random_state": ["random_state", np.random.Generator, np.random.SeedSequence],
    }

    def __init__(
        self,
        *,
        training="full",
        max_steps=1000,
        batch_size=64,
        lr=1e-3,
        likelihood="auto",
        noise_std="auto",
        input_scaling="auto",
        output_scaling="auto",
        time_channel="full_time",
        device="cpu",
        callbacks=None,
        random_state=None,
    ):
        self.training = training
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.lr = lr
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.input_scaling = input_scaling
        self.output_scaling = output_scaling
        self.time_channel = time_channel
        self.device = device
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
        check_is_fitted(self)
        X = check_sequences(self, X, reset=False)
        return self._forward(X, SequenceNetwork.hidden)

    @property
    def n_parameters_(self):
        """Number of weights of the network, head included."""
        return sum(parameter.numel() for parameter in self.net_.module_.parameters())

    def _fit(self, X):
        check_device(self.device)
        stream = seed_sequence(self.random_state)
        self._learn_scaling(X)
        with isolated_torch(substream(stream, "torch"), self.device):
            network = self._initial_network(X.shape[2])
            inputs = torch.as_tensor(self._inputs(X)[:, :-1], dtype=torch.float32)
            targets = (X[:, 1:] - self.output_center_) / self.output_scale_
            targets = torch.as_tensor(targets, dtype=torch.float32)
            self.net_ = self._wrap(network, len(X), substream(stream, "batches"))
            self.net_.initialize()
            if self.training != "random" and self.max_steps > 0:
                self.net_.train_on(inputs.to(self.device), targets.to(self.device))
            if self.training == "scrambled":
                rng = np.random.default_rng(substream(stream, "scramble"))
                scramble_recurrent_weights(network.core, rng)
        if not all(torch.isfinite(weight).all() for weight in network.parameters()):
            warnings.warn(
                f"Training of {type(self).__name__} diverged: weights are not finite after "
                f"{self.max_steps} steps with lr={self.lr}. Lower lr.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _learn_scaling(self, X):
        """Take the constants of input and output scaling from the training data."""
        center, spread = center_and_scale(X)
        self.input_scaling_ = "standard" if self.input_scaling == "auto" else self.input_scaling
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

    def _initial_network(self, n_channels):
        """Build the network; its weights depend on the random stream alone, not on the mode."""
        n_inputs = n_channels + (self.time_channel is not None)
        core = self._build_core(n_inputs)
        if self.training == "scrambled" and not recurrent_weights(core):
            raise ValueError(
                "training='scrambled' permutes the recurrent weights, but the module has no "
                "parameter named 'weight_hh...'; choose another training mode."
            )
        orthogonalise_recurrent_weights(core)
        return SequenceNetwork(core, check_core(core, n_inputs), n_channels).to(self.device)

    def _wrap(self, network, n_sequences, stream):
        """Return the skorch net that trains the network."""
        if self.training == "readout":
            network.freeze_core()
        if self.likelihood_ == "bernoulli":
            criterion = BernoulliLoss()
        else:
            estimated = self.noise_std in ("auto", "estimate")
            noise_std = self.output_scale_ if estimated else self.noise_std
            criterion = GaussianLoss(noise_std, self.output_scale_)
        return Net(
            network,
            criterion=criterion,
            optimizer=torch.optim.Adam,
            lr=self.lr,
            batch_size=self.batch_size,
            max_epochs=-(-self.max_steps // -(-n_sequences // self.batch_size)),
            dataset=Dataset,
            iterator_train=ShuffledBatches,
            iterator_train__stream=stream,
            iterator_train__max_steps=self.max_steps,
            train_split=None,
            callbacks=clone(self.callbacks, safe=False),
            callbacks__print_log=None,
            device=self.device,
            verbose=0,
        )

    def _predict(self, X):
        output = self._forward(X, SequenceNetwork.forward)
        if self.likelihood_ == "bernoulli":
            return expit(output)
        return output * self.output_scale_ + self.output_center_

    def _forward(self, X, function):
        """Apply a function of the network to sequences, in chunks, without gradients.

        In double precision: rounding then hides in the last digits, whatever the chunk.
        """
        network = deepcopy(self.net_.module_).double().eval()
        chunks = []
        with isolated_torch(seed_sequence(0), self.device), torch.no_grad():
            for start in range(0, len(X), _CHUNK):
                inputs = self._inputs(X[start : start + _CHUNK])
                inputs = torch.as_tensor(inputs, dtype=torch.float64, device=self.device)
                chunks.append(function(network, inputs).cpu().numpy())
        return np.concatenate(chunks)


class ModulePredictor(NeuralPredictor):
    """Next-step predictor around a torch module of your own.

    The module turns inputs into hidden states; scaling, clock, linear head, training modes
    and likelihood are those of `GRUPredictor`.

    Parameters
    ----------
    module : callable
        Called with the number of input channels (one more than the channels of the data if
        there is a clock); returns a `torch.nn.Module` that maps (n_sequences, n_steps,
        n_inputs) to hidden states (n_sequences, n_steps, n_hidden) or to a tuple that starts
        with them. It must be causal, which is checked. Matrices named `weight_hh...` are made
        orthogonal, and are those that ``training="scrambled"`` permutes.
    training : {"full", "readout", "random", "scrambled"}, default="full"
        Train everything; the head alone; nothing; or everything, and then permute the entries
        of the recurrent weights. All start from the same weights for the same `random_state`.
    max_steps : int, default=1000
        Updates of the optimiser.
    batch_size : int, default=64
        Sequences an update.
    lr : float, default=1e-3
        Step size of Adam.
    likelihood : {"auto", "gaussian", "bernoulli"}, default="auto"
        See `GRUPredictor`.
    noise_std : float, "estimate" or "auto", default="auto"
        See `GRUPredictor`.
    input_scaling : {"auto", "standard", "first", None}, default="auto"
        See `GRUPredictor`.
    output_scaling : {"auto", "standard", None}, default="auto"
        See `GRUPredictor`.
    time_channel : {"full_time", "no_time", "constant_time", None}, default="full_time"
        See `GRUPredictor`.
    device : str, default="cpu"
        Device of torch.
    callbacks : list of skorch callbacks or None, default=None
        Copies are used; their state after the fit is in ``net_.callbacks_``.
    random_state : int, Generator, SeedSequence or None, default=None
        Stream of initial weights and batches.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; ``net_.history`` has the loss of each epoch.
    n_parameters_ : int
        Number of weights, head included.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> from functools import partial
    >>> from torch import nn
    >>> from sklearn_emerge import ModulePredictor
    >>> from sklearn_emerge.datasets import make_drift
    >>> X = make_drift(20, random_state=0).X
    >>> core = partial(nn.GRU, hidden_size=3, batch_first=True)
    >>> ModulePredictor(core, max_steps=2, random_state=0).fit(X).transform(X).shape
    (20, 64, 3)
    """

    _parameter_constraints = {**NeuralPredictor._parameter_constraints, "module": [callable]}

    def __init__(
        self,
        module,
        *,
        training="full",
        max_steps=1000,
        batch_size=64,
        lr=1e-3,
        likelihood="auto",
        noise_std="auto",
        input_scaling="auto",
        output_scaling="auto",
        time_channel="full_time",
        device="cpu",
        callbacks=None,
        random_state=None,
    ):
        super().__init__(
            training=training,
            max_steps=max_steps,
            batch_size=batch_size,
            lr=lr,
            likelihood=likelihood,
            noise_std=noise_std,
            input_scaling=input_scaling,
            output_scaling=output_scaling,
            time_channel=time_channel,
            device=device,
            callbacks=callbacks,
            random_state=random_state,
        )
        self.module = module

    def _build_core(self, n_inputs):
        core = self.module(n_inputs)
        if not isinstance(core, nn.Module):
            raise ValueError(
                f"module={self.module!r} returned {type(core).__name__} when called with the "
                f"number of inputs, {n_inputs}; it must return a torch.nn.Module."
            )
        return core
