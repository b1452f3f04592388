"""The skorch net that trains modules, and how it is made."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import Dataset
from torch import nn

from .._random import substream
from ..networks import by_kernel, products_in
from ._adam import Adam
from ._batches import ShuffledBatches, ShuffledRows
from ._callbacks import StopTraining
from ._history import QuickHistory
from ._replicas import rows_of_weights, set_gradient

if TYPE_CHECKING:
    from ._job import Optimisation, TrainingJob


class Net(NeuralNet):
    """A skorch net that can be interrupted, and that can compute its loss by a compiled kernel.

    With a `compiled_loss` a batch is the rows of its sequences, and the kernel computes losses
    and gradients from preloaded data.

    skorch takes every KeyboardInterrupt for a wish to stop early and returns the half-trained
    net as if it were done. Here only those that a user's callbacks raise at the end of an epoch
    (as `skorch.callbacks.EarlyStopping` does) stop training; Ctrl-C interrupts the program.
    """

    compiled_loss = None
    # Which replicas have stopped early, see `StopEarly`; the others go on.
    stopped = False
    # Whether callbacks of a user watch: they may ask to stop by a KeyboardInterrupt, freeze
    # weights, hook onto them, and look at the optimiser.
    watched = False
    _checkpoint = None
    # Parts that compiled kernels compute in training.
    attentions: Sequence[Any] = ()
    # Precision of the products in training, "float32" or "bfloat16".
    precision = "float32"

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return the batches; in training with a `compiled_loss`, those of rows."""
        if training and self.compiled_loss is not None:
            options = {"batch_size": self.batch_size} | self.get_params_for("iterator_train")
            return ShuffledRows(dataset, **options)
        return super().get_iterator(dataset, training=training)

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Compute the output for a batch."""
        with products_in(self.precision, self.device):
            return super().infer(x, **fit_params)

    def _step_optimizer(self, step_fn: Any) -> None:
        if self.watched or not isinstance(self.optimizer_, Adam):
            super()._step_optimizer(step_fn)
        else:
            self.optimizer_.update(step_fn)

    def _zero_grad_optimizer(self, *args: Any, **kwargs: Any) -> None:
        # The gradient of a kernel replaces the one that is there, but where autograd brings it.
        if self.compiled_loss is None or self.watched:
            super()._zero_grad_optimizer(*args, **kwargs)

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute loss and gradients of a batch."""
        if self.compiled_loss is None:
            with by_kernel(self.attentions):
                step = super().train_step_single(batch, **fit_params)
            # Without outputs, which skorch would keep until those of the next batch are there.
            return step | {"y_pred": None}
        # Autograd takes longer than the kernel of a small network, and has nothing to find out.
        rows = np.atleast_2d(batch[0].numpy())
        losses, gradient = self.compiled_loss(rows_of_weights(self.module_), rows)
        set_gradient(self.module_, gradient)
        self.replica_losses_ = losses.tolist()
        return {"loss": losses.sum(), "y_pred": None}

    def train_on(self, X: torch.Tensor, y: torch.Tensor, checkpoint: Any = None) -> None:
        """Train from the present weights, or from a checkpoint, on preloaded tensors."""
        self._checkpoint = checkpoint
        if checkpoint is None or not checkpoint.restore(self):
            self.notify("on_train_begin", X=X, y=y)
        if checkpoint is None or not checkpoint.finished:
            with suppress(StopTraining):
                self.fit_loop(X, y, epochs=self.max_epochs - len(self.history))
            if checkpoint is not None:
                checkpoint.write(self, finished=True)
        self.notify("on_train_end", X=X, y=y)
        self._checkpoint = None

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call the callbacks, and keep the state after an epoch."""
        if not self.watched:
            getattr(self, method_name)(self, **kwargs)
            # Most do nothing at most occasions, and a small network would wait for them all.
            for _, callback in self.callbacks_:
                if getattr(type(callback), method_name) is not getattr(Callback, method_name):
                    getattr(callback, method_name)(self, **kwargs)
        else:
            try:
                super().notify(method_name, **kwargs)
            except KeyboardInterrupt as stop:
                if method_name == "on_epoch_end":
                    raise StopTraining from stop
                raise
        if method_name == "on_epoch_end" and self._checkpoint is not None:
            self._checkpoint.keep(self)


def batches_of(job: TrainingJob) -> np.random.SeedSequence:
    """Return the stream of the batches of a job."""
    return substream(job.stream, "batches")


def make_net(
    module: nn.Module,
    loss: nn.Module,
    streams: Any,
    n_sequences: int,
    optimisation: Optimisation,
    callbacks: Sequence[Any] = (),
    watched: bool = False,
) -> Net:
    """Return a skorch net, initialised.

    Parameters
    ----------
    module : torch.nn.Module
        What is trained.
    loss : torch.nn.Module
        What is minimised.
    streams : list of SeedSequence
        Stream of the batches of each replica.
    n_sequences : int
        Training sequences.
    optimisation : Optimisation
        How it is trained.
    callbacks : sequence of skorch callbacks, default=()
        Callbacks.
    watched : bool, default=False
        Whether some are a user's, see `Net`.

    Returns
    -------
    Net
    """
    max_steps, batch_size = optimisation.max_steps, optimisation.batch_size
    # skorch prints nothing here, has no split to validate with, and of several replicas the mean
    # loss of an epoch says nothing, see `ReplicaHistory`.
    unused = ["print_log", "valid_loss"] + (["train_loss"] if len(streams) > 1 else [])
    net = Net(
        module,
        criterion=loss,
        optimizer=optimisation.optimizer,
        **{f"optimizer__{name}": value for name, value in optimisation.optimizer_options.items()},
        lr=optimisation.lr,
        batch_size=batch_size,
        max_epochs=-(-max_steps // -(-n_sequences // batch_size)),
        dataset=Dataset,
        iterator_train=ShuffledBatches,
        iterator_train__rngs=[np.random.default_rng(stream) for stream in streams],
        iterator_train__max_steps=max_steps,
        train_split=None,
        callbacks=list(callbacks),
        **{f"callbacks__{name}": None for name in unused},
        history=QuickHistory(),
        device=optimisation.device,
        verbose=0,
    )
    net.precision = optimisation.precision
    net.watched = watched
    return net.initialize()
