"""What happens between the updates of a training: skorch callbacks.

What they change in training has names that end with an underscore: that is kept in checkpoints.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skorch.callbacks import Callback
from torch import nn

from .._typing import Floats
from ._history import QuickHistory
from ._replicas import Replicas

# Parts of a training whose mean losses are kept.
N_PARTS = 20


class StopTraining(Exception):
    """A callback has asked to stop."""


class ClipEachGradient(Callback):
    """Scale the gradient of each parameter on its own to at most a given norm.

    Parameters
    ----------
    norm : float
        The norm.
    """

    def __init__(self, norm: float) -> None:
        self.norm = norm

    def on_grad_computed(self, net: Any, named_parameters: Any, **kwargs: Any) -> None:
        """Scale the gradients."""
        for _, parameter in named_parameters:
            if parameter.grad is not None:
                nn.utils.clip_grad_norm_(parameter, self.norm)


def losses_of_update(net: Any) -> list[float]:
    """Return the losses of the last update, one a replica."""
    if net.compiled_loss is None:
        return [net.history[-1, "batches", -1, "train_loss"]]
    return net.replica_losses_


def means_of_parts(losses: Floats, updates: NDArray[Any], n_made: Any, max_steps: int) -> Floats:
    """Return the means of losses in parts of a training, NaN where there are none.

    Parameters
    ----------
    losses : ndarray of shape (n_losses, n_replicas)
        Losses of some updates.
    updates : ndarray of int of shape (n_losses,)
        Their numbers, from 0 on.
    n_made : int or ndarray of int of shape (n_replicas,)
        How many of them each replica has made; the others do not count.
    max_steps : int
        Updates of the whole training.

    Returns
    -------
    ndarray of shape (n_replicas, N_PARTS)
    """
    means = np.full((losses.shape[1], N_PARTS), np.nan)
    most = max(max_steps, N_PARTS)
    for part, inside in enumerate(np.array_split(np.arange(most) * max_steps // most, N_PARTS)):
        places = np.flatnonzero(np.isin(updates, inside))
        made = np.broadcast_to(places[:, np.newaxis] < n_made, (len(places), len(means)))
        n, total = made.sum(axis=0), losses[places].sum(axis=0, where=made)
        np.divide(total, n, out=means[:, part], where=n > 0)
    return means


class LossCurve(Callback):
    """Keep the losses of all updates."""

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start."""
        self.losses_: list[Any] = []
        self.n_made_ = 0

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Keep the losses of an update."""
        self.losses_.append(losses_of_update(net))
        # Of a plain boolean, as it is most of the time, numpy takes longer.
        self.n_made_ = self.n_made_ + (1 - net.stopped)

    def of_parts(self, max_steps: int) -> Floats:
        """Return the mean losses in parts of the training, NaN where no update was made.

        Parameters
        ----------
        max_steps : int
            Updates of the whole training, of which the parts are as equal as can be. With fewer
            updates than parts, each stands for several parts.

        Returns
        -------
        ndarray of shape (n_replicas, N_PARTS)
        """
        losses = np.array(self.losses_)
        return means_of_parts(losses, np.arange(len(losses)), self.n_made_, max_steps)


class RecordTrajectory(Callback):
    """Call a function at chosen updates.

    Parameters
    ----------
    at : sequence of int
        Updates.
    visit : callable
        Called with the number of updates made and the mean loss of each replica over the updates
        since the last visit (None if there were none).
    max_steps : int
        Updates of the whole training. Where it ends earlier, the remaining visits see the
        weights of its end.
    """

    def __init__(self, at: Sequence[int], visit: Callable[..., Any], max_steps: int) -> None:
        self.at = at
        self.visit = visit
        self.max_steps = max_steps

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start."""
        self.done_ = 0
        self.losses_: list[Any] = []
        self._visit(net)

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Count an update."""
        self.done_ += 1
        self.losses_.append(losses_of_update(net))
        self._visit(net)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Visit what training has left, if it has stopped early."""
        if isinstance(net.module_, Replicas):
            net.module_.distribute()
        for step in self.at:
            if self.done_ < step <= self.max_steps:
                self.visit(step, None)

    def _visit(self, net: Any) -> None:
        if self.done_ in self.at:
            if isinstance(net.module_, Replicas):
                net.module_.distribute()
            losses: Any = np.mean(self.losses_, axis=0) if self.losses_ else None
            if np.any(net.stopped):
                losses = np.where(net.stopped, np.nan, losses)
            self.visit(self.done_, losses)
            self.losses_ = []


class ReplicaHistory(Callback):
    """Keep the losses of replicas by epoch.

    Means are taken at the end: in the course of training small networks would wait for them.
    """

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start."""
        self.losses_: list[list[float]] = []
        self.sizes_: list[int] = []
        self.epochs_: list[Any] = []

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Keep the losses of a batch."""
        self.losses_.append(net.replica_losses_)
        self.sizes_.append(batch[0].shape[-1])

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Keep where an epoch ends."""
        self.epochs_.append((len(self.sizes_), net.history[-1, "dur"], net.stopped))

    def of_replicas(self) -> list[QuickHistory]:
        """Return the history of each replica: the epochs, without their batches."""
        n_replicas, ends = len(self.losses_[0]), [end for end, *_ in self.epochs_]
        starts, losses = [0, *ends][:-1], np.array(self.losses_)
        sizes = np.array(self.sizes_)[:, np.newaxis]
        # An epoch has a batch at least; what comes after the last end is of no whole one.
        n_made = max(ends, default=0)
        sums, totals = (
            np.add.reduceat(each[:n_made], np.array(starts, dtype=int))
            for each in (losses * sizes, sizes)
        )
        n_batches = np.diff(ends, prepend=0).tolist()
        going_on = [~np.broadcast_to(stopped, n_replicas) for *_, stopped in self.epochs_]
        histories = []
        for replica, means in enumerate((sums / totals).T.tolist()):
            history = QuickHistory()
            for epoch, goes_on in enumerate(going_on):
                if goes_on[replica]:
                    history.append(
                        {
                            "batches": [],
                            "epoch": epoch + 1,
                            "train_batch_count": n_batches[epoch],
                            "train_loss": means[epoch],
                            "dur": self.epochs_[epoch][1],
                        }
                    )
            histories.append(history)
        return histories


class LowerPrecision(Callback):
    """Train in single precision at first, and in half precision after some updates.

    Parameters
    ----------
    after : int
        Updates in single precision.
    """

    def __init__(self, after: int) -> None:
        self.after = after

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start in single precision."""
        self.done_ = 0
        net.precision = "float32"

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Count an update."""
        self.done_ += 1
        if self.done_ == self.after:
            net.precision = "bfloat16"


class CosineDecay(Callback):
    r"""Let the step size fall along half a cosine, :math:`lr (1 + \cos(\pi k / K)) / 2`.

    Not by a scheduler of torch: its state holds the optimiser itself, and a training that goes on
    from a file has another.

    Parameters
    ----------
    max_steps : int
        Updates K of the whole training; the first has the number k = 0 and the whole step size.
    """

    def __init__(self, max_steps: int) -> None:
        self.max_steps = max_steps

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Start."""
        self.done_ = 0

    def on_batch_begin(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Set the step size of an update."""
        share = (1 + np.cos(np.pi * self.done_ / self.max_steps)) / 2
        for group in net.optimizer_.param_groups:
            group["lr"] = float(net.lr * share)

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Count an update."""
        self.done_ += 1


def check_callbacks(callbacks: Iterable[Any] | None) -> None:
    """Raise a ValueError unless skorch can call all callbacks."""
    for callback in callbacks or ():
        named = isinstance(callback, tuple | list) and len(callback) == 2
        each = callback[1] if named else callback
        if isinstance(each, type):
            known = issubclass(each, Callback)
        else:
            known = each is None or isinstance(each, Callback)
        if not known:
            raise ValueError(
                f"callbacks has {callback!r}, which is no callback; pass objects of classes that "
                "derive from skorch.callbacks.Callback."
            )
