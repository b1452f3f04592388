"""Stopping when held-out sequences are predicted no better."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback

from .._random import substream
from .._typing import Floats
from ._callbacks import StopTraining, means_of_parts
from ._net import batches_of
from ._observed import count_sequences, is_observed
from ._replicas import Replicas, rows_of_weights

# Losses of replicas and their gradients, given their weights and the rows of their batches.
CompiledLoss: TypeAlias = Callable[
    [torch.Tensor, NDArray[np.integer]], tuple[torch.Tensor, torch.Tensor]
]


@dataclass(frozen=True)
class EarlyStopping:
    """When training stops.

    Attributes
    ----------
    fraction : float
        Share of the units that are held out.
    every : int
        Updates between two looks at them.
    patience : int
        Looks in a row without a lower loss, after which training stops.
    """

    fraction: float
    every: int
    patience: int


class StopEarly(Callback):
    """Stop when the loss of held-out sequences stays, and keep the best weights.

    Replicas that train together stop one by one: one that has stopped keeps its best weights,
    and its losses do not count any more, while the others go on.

    Parameters
    ----------
    look : callable
        Returns the loss of the held-out sequences of each replica, given the net.
    when : EarlyStopping
        How often to look, and when to stop.

    Attributes
    ----------
    done_ : int
        Updates that were made, by the replica that made most.
    losses_ : list of ndarray of shape (n_replicas,)
        What was seen at each look.
    stopped_at_ : ndarray of shape (n_replicas,)
        Updates after which each has stopped; NaN while it goes on.
    """

    def __init__(self, look: Callable[[Any], Floats], when: EarlyStopping) -> None:
        self.look = look
        self.when = when

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start."""
        n_replicas = len(rows_of_weights(net.module_))
        self.done_ = 0
        self.losses_: list[Floats] = []
        # The best weights by name, after the first look.
        self.best_: Any = None
        self.lowest_ = np.full(n_replicas, np.inf)
        # Looks since the lowest.
        self.since_ = np.full(n_replicas, -1)
        self.stopped_at_ = np.full(n_replicas, np.nan)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Tell the others who has stopped, also when training goes on from a file."""
        net.stopped = ~np.isnan(self.stopped_at_)

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Count an update, and look at the held-out sequences from time to time."""
        self.done_ += 1
        if self.done_ % self.when.every == 0:
            self._look(net)
        if net.stopped.all():
            raise StopTraining
        if net.stopped.any():
            self._go_back(net, net.stopped)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Go back to the best weights."""
        if self.best_ is not None:
            self._go_back(net, np.full(len(self.lowest_), True))

    def of_parts(self, max_steps: int) -> Floats:
        """Return the mean losses in parts of the training, as `LossCurve.of_parts`."""
        losses = np.array(self.losses_).reshape(-1, len(self.lowest_))
        at = self.when.every * np.arange(1, len(losses) + 1)
        n_made = np.fmin(self.stopped_at_, self.done_) // self.when.every
        return means_of_parts(losses, at - 1, n_made, max_steps)

    def _look(self, net: Any) -> None:
        with torch.no_grad():
            losses = self.look(net)
        self.losses_.append(losses)
        better = ~net.stopped & (losses <= self.lowest_)
        self.since_ = np.where(losses < self.lowest_, 0, self.since_ + 1)
        self.lowest_ = np.where(better, losses, self.lowest_)
        state = net.module_.state_dict()
        if self.best_ is None or (better.all() and not isinstance(net.module_, Replicas)):
            self.best_ = {name: values.clone() for name, values in state.items()}
        elif better.any():
            rows = torch.from_numpy(better)
            self.best_["weights"][rows] = state["weights"][rows]
        stops = ~net.stopped & (self.since_ >= self.when.patience)
        self.stopped_at_[stops] = self.done_
        net.stopped = net.stopped | stops

    def _go_back(self, net: Any, chosen: Any) -> None:
        """Give the chosen replicas their best weights."""
        if isinstance(net.module_, Replicas):
            rows = torch.from_numpy(chosen)
            with torch.no_grad():
                net.module_.weights[rows] = self.best_["weights"][rows]
        else:
            net.module_.load_state_dict(self.best_)


class HeldOut:
    """The loss of held-out sequences, by torch.

    Parameters
    ----------
    X, y : torch.Tensor of shape (n_sequences, n_steps, n_inputs or n_outputs)
        The held-out sequences.
    """

    def __init__(self, X: torch.Tensor, y: torch.Tensor) -> None:
        self.X, self.y = X, y

    def __call__(self, net: Any) -> Floats:
        """Return the loss, as of one replica."""
        net.module_.eval()
        # In chunks of the size of batches, which fit into memory.
        parts = zip(self.X.split(net.batch_size), self.y.split(net.batch_size), strict=True)
        total = sum(count_sequences(y) * net.criterion_(net.infer(X), y).item() for X, y in parts)
        return np.array([total / count_sequences(self.y)])


class HeldOutRows:
    """The losses of held-out sequences of replicas, by a compiled loss.

    Parameters
    ----------
    compiled_loss : callable
        Returns the losses of replicas, and their gradients, given weights and rows.
    rows : ndarray of int of shape (n_replicas, n_held_out)
        The held-out sequences of each.
    y : torch.Tensor of shape (n_replicas or 1, n_sequences, n_steps, n_outputs)
        Targets.
    """

    def __init__(
        self, compiled_loss: CompiledLoss, rows: NDArray[np.integer], y: torch.Tensor
    ) -> None:
        self.compiled_loss, self.rows = compiled_loss, rows
        n_observed = is_observed(y).sum(dim=2).numpy()
        n_observed = np.broadcast_to(n_observed, (len(rows), y.shape[1]))
        self.n_observed = np.take_along_axis(n_observed, rows, axis=1)

    def __call__(self, net: Any) -> Floats:
        """Return the losses."""
        weights = rows_of_weights(net.module_)
        total = np.zeros(len(self.rows))
        for start in range(0, self.rows.shape[1], net.batch_size):
            part = slice(start, start + net.batch_size)
            losses = self.compiled_loss(weights, self.rows[:, part])[0].numpy()
            total += self.n_observed[:, part].sum(axis=1) * losses
        return total / self.n_observed.sum(axis=1)


class OnRows:
    """A compiled loss on some of the sequences of each replica.

    Parameters
    ----------
    compiled_loss : callable
        Returns the losses of replicas, and their gradients, given weights and rows.
    rows : ndarray of int of shape (n_replicas, n_left)
        The sequences of each.
    """

    def __init__(self, compiled_loss: CompiledLoss, rows: NDArray[np.integer]) -> None:
        self.compiled_loss, self.rows = compiled_loss, rows

    def __call__(
        self, weights: torch.Tensor, rows: NDArray[np.integer]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return losses and gradients, given places among these sequences."""
        return self.compiled_loss(weights, np.take_along_axis(self.rows, rows, axis=1))


def count_held_out(fraction: float, n_units: int, units: str = "sequences") -> int:
    """Return how many units are held out; raise a ValueError if none is, or none is left."""
    n_held_out = round(fraction * n_units)
    if not 0 < n_held_out < n_units:
        raise ValueError(
            f"validation_fraction={fraction} of {n_units} {units} is {n_held_out}: some have "
            f"to be held out and some left. Pass more {units} or another fraction."
        )
    return n_held_out


def rows_held_out(job: Any) -> list[NDArray[np.integer]]:
    """Return which sequences of a job are held out, and which are left.

    Parameters
    ----------
    job : TrainingJob
        With early stopping. Which units are held out is drawn from a stream of its own.

    Returns
    -------
    held_out, left : ndarray of int
        Rows.

    Raises
    ------
    ValueError
        If nothing would be held out, or nothing left.
    """
    n_sequences, fraction = len(job.sequences), job.optimisation.early_stopping.fraction
    unit, n_units, name = np.arange(n_sequences), n_sequences, "sequences"
    if job.groups is not None:
        labels, unit = np.unique(job.groups, return_inverse=True)
        n_units, name = len(labels), "groups"
    n_held_out = count_held_out(fraction, n_units, name)
    order = np.random.default_rng(substream(batches_of(job), "validation")).permutation(n_units)
    # One unit after another, in this order.
    place = order.argsort()[unit]
    rows = place.argsort(kind="stable")
    return np.split(rows, [np.count_nonzero(place < n_held_out)])
