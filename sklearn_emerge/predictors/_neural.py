"""Neural predictors: a torch network under the contract of a predictor."""

import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn

from .._missing import is_observed, mean_of_steps
from .._moments import MOST_BYTES_OF_MOMENTS, bytes_of_moments
from .._random import seed_sequence, substream
from .._roles import join, targets_of
from .._typing import Floats, RandomState
from ..networks import (
    SequenceNetwork,
    check_core,
    check_device,
    is_finite,
    recurrent_weights,
    scramble_recurrent_weights,
)
from ..recurrence import choose_engine
from ..training import (
    N_PARTS,
    CosineDecay,
    EarlyStopping,
    Head,
    ObservedLoss,
    Optimisation,
    TrainingContext,
    TrainingJob,
    TrainingResult,
    check_callbacks,
    fit_head,
    isolated_torch,
)
from ._base import BasePredictor, warn_unless_converged
from ._evaluation import NetworkEvaluation
from ._fit import train
from ._places import PlaceEvaluation
from ._roles import ROLES
from ._scale import center_and_scale
from ._stepping import CellRollouts, cell_and_head

# Integers that single precision holds.
_MOST_TOKENS = 2**24
TIME_CHANNELS = ("full_time", "no_time", "constant_time")


# No pandas output: hidden states have three dimensions.
class NeuralPredictor(
    TransformerMixin,
    PlaceEvaluation,
    NetworkEvaluation,
    CellRollouts,
    BasePredictor,
    auto_wrap_output_keys=None,
):
    """What all neural predictors share; subclasses implement `_build_core`.

    Scaling, the clock, the training modes and the batches live here; a subclass only says
    which torch module turns inputs into hidden states.
    """

    training_modes: tuple[str, ...] = ("full", "readout", "random", "scrambled")
    knows_tokens = True
    takes_missing = True
    # Whether torch may use all its threads; small recurrent networks are faster with one.
    _many_threads = False
    # Whether all that training changes is known, so that it can go on from a file.
    _resumable = True
    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "n_tokens": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        **ROLES,
        "head": [StrOptions({"exact", "sgd"})],
        "training": [StrOptions(set(training_modes))],
        "max_steps": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, 2**63 - 1, closed="both")],
        # What single precision can hold; the first step of Adam is ten times as large.
        "lr": [Interval(Real, 1.4e-45, 3.4e37, closed="both")],
        "lr_schedule": [StrOptions({"cosine"}), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "validation_steps": [Interval(Integral, 1, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
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
        training: str = "full",
        head: str = "exact",
        max_steps: int = 1000,
        batch_size: int = 64,
        lr: float = 1e-3,
        lr_schedule: str | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_steps: int = 20,
        n_iter_no_change: int = 10,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        n_tokens: int | str = "auto",
        n_exogenous: int | str = "auto",
        feedback: bool | str = "auto",
        input_scaling: str | None = "auto",
        output_scaling: str | None = "auto",
        time_channel: str | None = "full_time",
        device: str = "cpu",
        engine: str = "auto",
        callbacks: Sequence[Any] | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.training = training
        self.head = head
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_steps = validation_steps
        self.n_iter_no_change = n_iter_no_change
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_tokens = n_tokens
        self.n_exogenous = n_exogenous
        self.feedback = feedback
        self.input_scaling = input_scaling
        self.output_scaling = output_scaling
        self.time_channel = time_channel
        self.device = device
        self.engine = engine
        self.callbacks = callbacks
        self.random_state = random_state

    def _build_core(self, n_inputs: int) -> nn.Module:
        """Return the torch module that maps inputs to hidden states."""
        raise NotImplementedError

    @property
    def capacity_facts_(self) -> dict[str, int]:
        """What the capacity of the network depends on beside its operations.

        A dictionary of ``n_heads`` and ``n_layers`` of attention (1 of other networks), ``bits`` of
        a weight in training, and ``n_inputs`` of a step, among which a token is one number.
        """
        check_is_fitted(self)
        n_inputs = len(self.input_center_) + (self.time_channel is not None)
        return {"n_heads": 1, "n_layers": 1, "bits": 32, "n_inputs": n_inputs}

    @property
    def _tokens_seen(self) -> int | None:
        """Size of the vocabulary if tokens enter, as the first number of the inputs."""
        return self.n_tokens_ if self._has_tokens and self._feedback else None

    @property
    def _n_columns(self) -> int:
        """How many columns the first matrix has: inputs, and one for each token."""
        n_tokens = self._tokens_seen
        n_inputs = len(self.input_center_) + (self.time_channel is not None)
        return n_inputs if n_tokens is None else n_inputs - 1 + n_tokens

    @property
    def n_parameters_(self) -> int:
        """Number of weights of the network, head included."""
        return sum(parameter.numel() for parameter in self.network_.parameters())

    def _validate_params(self) -> None:
        super()._validate_params()
        check_callbacks(self.callbacks)

    def _fit(self, X: Floats) -> None:
        train([self], [X], TrainingContext(n_threads=self._n_threads))

    def training_job(self, X: Floats, groups: Any = None) -> TrainingJob:
        """Return the training of the initial network, whose weights depend on the stream alone.

        Parameters
        ----------
        X : ndarray of shape (n_sequences, n_steps, n_channels)
            Sequences, as `prepare` returns them.
        groups : array-like of shape (n_sequences,), default=None
            The unit of each sequence, which early stopping holds out as a whole.

        Returns
        -------
        TrainingJob

        Raises
        ------
        ValueError
            If the network cannot be built.

        Examples
        --------
        >>> from sklearn_emerge import GRUPredictor
        >>> from sklearn_emerge.datasets import make_drift
        >>> model = GRUPredictor(3, max_steps=2)
        >>> job = model.training_job(model.prepare(make_drift(20, random_state=0).X))
        >>> job.trained, job.network.head
        ('all', Linear(in_features=3, out_features=1, bias=True))
        """
        check_device(self.device)
        self.head_: Head | None = None
        self.converged_ = True
        self.training_loss_ = self.validation_loss_ = np.full(N_PARTS, np.nan)
        self.stopped_at_ = np.nan
        self.seed_sequence_ = seed_sequence(self.random_state)
        self._learn_scaling(X)
        targets = self._targets(X)
        with isolated_torch(substream(self.seed_sequence_, "torch"), self.device):
            try:
                network = self._initial_network(self._n_means(X))
            except (RuntimeError, MemoryError, OverflowError, TypeError) as error:
                reason, own = str(error).partition("\n")[0], " ".join(repr(self).split())
                raise ValueError(
                    f"The network of {own} cannot be built for {X.shape[2]} "
                    f"channel{'s' * (X.shape[2] > 1)}: {reason}. Choose smaller sizes, or another "
                    "module."
                ) from error
            estimated = self._estimates_noise
            noise_std, shape = self._likelihood.settle(
                self.output_scale_ if estimated else np.asarray(self.noise_std, dtype=np.float64),
                not estimated,
                lambda: (targets, mean_of_steps(targets)),
            )
            loss = self._likelihood.criterion(noise_std, self.output_scale_, shape)
        observed = is_observed(targets)[:, 1:]
        if not observed.all():
            loss = ObservedLoss(loss)
            # A batch has something to predict.
            some = observed.any(axis=1)
            X, groups = X[some], None if groups is None else np.asarray(groups)[some]
        self.engine_ = self._choose_engine(network.core, loss.no_kernel, X.shape[1])
        return TrainingJob(
            network,
            self._trained(),
            loss,
            X,
            self._tensors,
            self.seed_sequence_,
            self._optimisation(),
            engine=self.engine_,
            callbacks=self._training_callbacks(),
            own_callbacks=clone(self.callbacks, safe=False) or [],
            resumable=self._resumable,
            groups=groups,
        )

    def _choose_engine(self, core: nn.Module, no_kernel: str, n_steps: int) -> str:
        """Return what computes the training."""
        return choose_engine(
            self.engine,
            core,
            device=self.device,
            no_kernel=no_kernel,
            n_steps=n_steps,
            max_steps=self.max_steps,
            n_tokens=self.n_tokens_ if self._has_tokens else 0,
        )

    def _trained(self) -> str:
        """Return which weights are trained, see `TrainingJob`."""
        if self.training == "random" or self.max_steps == 0:
            return "nothing"
        if self.training == "readout":
            return "head" if self._head_trains else "nothing"
        return "all"

    def _optimisation(self) -> Optimisation:
        """Return how they are trained."""
        stops = self.validation_fraction, self.validation_steps, self.n_iter_no_change
        return Optimisation(
            self.max_steps,
            self.batch_size,
            self.lr,
            self.device,
            early_stopping=EarlyStopping(*stops) if self.early_stopping else None,
        )

    def _training_callbacks(self) -> list[Any]:
        """Return callbacks that belong to the training itself."""
        return [CosineDecay(self.max_steps)] if self.lr_schedule == "cosine" else []

    def _fit_head(self, X: Floats) -> None:
        """Fit the head to the hidden states, if it is to be and can; that of the network stays."""
        # Of weights that have diverged there is none, whatever there was before.
        self.head_, self.converged_ = None, True
        if self._head_trains or self.training == "random" or not is_finite(self.network_):
            return

        def states(part: Floats) -> Floats:
            return self._forward(self.fill_missing(part), hidden=True)

        n_features = self.network_.head.in_features
        head, ridge = fit_head(
            states,
            X,
            n_features,
            self._likelihood,
            self._targets,
            n_tokens=self.n_tokens_ if self._has_tokens else None,
        )
        # In units of the output of the network.
        center, scale = self.output_center_, self.output_scale_
        self.head_ = Head(head.coef / scale, (head.intercept - center) / scale, head.converged)
        self.head_error_, self.converged_ = ridge.error, head.converged

    @property
    def _head_trains(self) -> bool:
        """Whether the head is that of the training, and none in closed form."""
        return self.head == "sgd" or self._too_many_tokens

    @property
    def _too_many_tokens(self) -> bool:
        """Whether the regression of a head would take too much memory."""
        n_tokens = self.n_tokens_ if self._has_tokens else 0
        return bytes_of_moments(0, n_tokens) > MOST_BYTES_OF_MOMENTS

    def _check_vocabulary(self, n_tokens: int) -> None:
        if n_tokens > _MOST_TOKENS:
            raise ValueError(
                f"n_tokens={n_tokens} is more than {_MOST_TOKENS}, the largest number of tokens "
                "that single precision tells apart; map rare tokens to one."
            )
        if self.head == "exact" and self._too_many_tokens:
            warnings.warn(
                f"n_tokens={n_tokens} is too large a vocabulary for a head in closed form, whose "
                f"moments would take {bytes_of_moments(0, n_tokens) / 2**30:.2g} GiB of at most "
                f"{MOST_BYTES_OF_MOMENTS / 2**30:g}: the head is that of the training, as with "
                "head='sgd'.",
                UserWarning,
                stacklevel=4,
            )

    def _square_error(self, X: Floats) -> Floats:
        return super()._square_error(X) if self.head_ is None else self.head_error_

    def _end(self, job: TrainingJob, result: TrainingResult) -> None:
        """Keep what was trained."""
        network = job.network
        self.network_, self.net_ = network, result.net
        self.stopped_at_ = result.stopped_at
        curves = {"training_loss_": result.losses, "validation_loss_": result.held_out}
        for name, losses in curves.items():
            if losses is not None:
                # In nats per step of what is scored.
                losses = job.loss.at_best_noise(losses) if self._estimates_noise else losses
                setattr(self, name, losses)
        if not is_finite(network):
            warnings.warn(
                f"Training of {type(self).__name__} diverged: weights are not finite after "
                f"{self.max_steps} steps with lr={self.lr}. Lower lr.",
                ConvergenceWarning,
                stacklevel=5,
            )
        self._fit_head(job.sequences)
        if self.head_ is not None:
            with torch.no_grad():
                network.head.weight.copy_(torch.from_numpy(self.head_.coef.T))
                network.head.bias.copy_(torch.from_numpy(self.head_.intercept))
        warn_unless_converged(self, "units", stacklevel=5)
        if self.training == "scrambled":
            rng = np.random.default_rng(substream(self.seed_sequence_, "scramble"))
            scramble_recurrent_weights(network.core, rng)

    def _learn_scaling(self, X: Floats) -> None:
        """Take the constants of input and output scaling from the training data."""
        self.input_scaling_ = "standard" if self.input_scaling == "auto" else self.input_scaling
        if self._has_tokens:
            # Tokens have no scale.
            self.input_scaling_ = None
            center, spread = np.zeros(self.n_tokens_), np.ones(self.n_tokens_)
            seen = center_and_scale(self._seen(X), recorded=False)
        else:
            center, spread = center_and_scale(self._targets(X))
            seen = self._scaling(X)
        scaled: Any = np.full(len(seen[0]), self.input_scaling_ == "standard")
        if self._n_exogenous:
            # Those of tokens, and behind differences from the first step, have a scale.
            scaled[-self._n_exogenous :] = self.input_scaling is not None
        self.input_center_ = np.where(scaled, seen[0], 0.0)
        self.input_scale_ = np.where(scaled, seen[1], 1.0)
        scaled = self.output_scaling in ("auto", "standard") and self._likelihood.identity_link
        self.output_center_ = center if scaled else np.zeros_like(center)
        self.output_scale_ = spread if scaled else np.ones_like(spread)

    def _inputs(self, X: Floats, begin: int = 0, first: Floats | None = None) -> Floats:
        """Scale what is seen and append the clock.

        X may be the steps from `begin` on of sequences whose first step is `first`.
        """
        X, start = self._seen(X), self.input_center_
        if self.input_scaling_ == "first" and self._feedback:
            n_exogenous = self._n_exogenous
            first = targets_of(X[:, :1] if first is None else first, n_exogenous)
            exogenous = start[len(start) - n_exogenous :]
            start = join(first, np.broadcast_to(exogenous, (len(X), 1, n_exogenous)))
        channels = [(X - start) / self.input_scale_]
        if self.time_channel is not None:
            n_sequences, n_steps, _ = X.shape
            clock = {
                "full_time": self._running_clock(begin + n_steps)[begin:],
                "no_time": np.zeros(n_steps),
                "constant_time": np.full(n_steps, 0.5),
            }[self.time_channel]
            channels.append(np.broadcast_to(clock[:, np.newaxis], (n_sequences, n_steps, 1)))
        return np.concatenate(channels, axis=2)

    def _tensors(self, X: Floats) -> tuple[torch.Tensor, torch.Tensor]:
        """Return inputs and targets for training; of missing steps the targets are NaN."""
        targets = self._targets(X)[:, 1:]
        if not self._has_tokens:
            targets = (targets - self.output_center_) / self.output_scale_
        return tuple(
            torch.as_tensor(data, dtype=torch.float32, device=self.device)
            for data in (self._inputs(self.fill_missing(X))[:, :-1], targets)
        )

    def _initial_network(self, n_targets: int) -> SequenceNetwork:
        """Build the network; its weights depend on the random stream alone, not on the mode."""
        n_inputs, n_tokens = self._n_columns, self._tokens_seen
        core = self._build_core(n_inputs)
        if self.training == "scrambled" and not recurrent_weights(core):
            raise ValueError(
                "training='scrambled' permutes the recurrent weights, but the module has no "
                "parameter named 'weight_hh...'; choose another training mode."
            )
        clock, driven = self.time_channel is not None, self._n_exogenous
        n_of_task = driven + clock if driven and self._feedback else None
        n_hidden = check_core(core, n_inputs, n_of_task, n_tokens)
        return SequenceNetwork(core, n_hidden, n_targets, n_tokens).to(self.device)

    def _predict(self, X: Floats) -> Floats:
        return self._mean(self._forward(X))

    def _cell_and_head(self) -> Any:
        return cell_and_head(self.network_, self.head_)

    def _units(self) -> tuple[Any, Any]:
        scale, n_tokens = self.input_scale_, self._tokens_seen
        if n_tokens is not None:
            scale = np.append(np.ones(n_tokens), scale[1:])
        return scale, self.output_scale_

    def _predict_from(self, X: Floats, k: int) -> Floats:
        """Return the predicted means if the state is zero before the last k inputs.

        Steps with no more than k inputs have the ordinary prediction. The clock and, with
        input_scaling="first", the first observation are inputs of every step.
        """
        if k >= X.shape[1]:
            return self._predict(X)
        later = self._mean(self._forward(X, window=k))
        return np.concatenate([self._predict(X[:, :k]), later], axis=1)

    def _mean(self, output: Floats) -> Floats:
        """Return the means of the next steps, given outputs of the head."""
        if self._likelihood.identity_link:
            output = output * self.output_scale_ + self.output_center_
        return self._likelihood.mean(output)
