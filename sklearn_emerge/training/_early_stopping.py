"""Stopping when held-out sequences are predicted no better."""

import numpy as np
import torch
from skorch.callbacks import Callback

from .._random import substream
from ._callbacks import StopTraining
from ._observed import count_sequences


class StopEarly(Callback):
    """Stop when the loss of held-out sequences stays, and keep the best weights.

    Parameters
    ----------
    X, y : torch.Tensor of shape (n_sequences, n_steps, n_inputs or n_outputs)
        The held-out sequences.
    every : int
        Updates between two looks at them.
    patience : int
        Looks in a row without a lower loss, after which training stops.
    """

    def __init__(self, X, y, every, patience):
        self.X = X
        self.y = y
        self.every = every
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        """Start."""
        self.done_, self.losses_, self.best_ = 0, [], None

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        """Count an update, and look at the held-out sequences from time to time."""
        self.done_ += 1
        if self.done_ % self.every:
            return
        net.module_.eval()
        with torch.no_grad():
            # In chunks of the size of batches, which fit into memory.
            parts = zip(self.X.split(net.batch_size), self.y.split(net.batch_size), strict=True)
            total = sum(
                count_sequences(y) * net.criterion_(net.infer(X), y).item() for X, y in parts
            )
        self.losses_.append(total / count_sequences(self.y))
        if self.losses_[-1] == min(self.losses_):
            self.best_ = {name: w.clone() for name, w in net.module_.state_dict().items()}
        elif len(self.losses_) - 1 - int(np.argmin(self.losses_)) >= self.patience:
            raise StopTraining

    def on_train_end(self, net, **kwargs):
        """Go back to the best weights."""
        if self.best_ is not None:
            net.module_.load_state_dict(self.best_)


def count_held_out(fraction, n_sequences):
    """Return how many sequences are held out; raise a ValueError if none is, or none is left."""
    n_held_out = round(fraction * n_sequences)
    if not 0 < n_held_out < n_sequences:
        raise ValueError(
            f"validation_fraction={fraction} of {n_sequences} sequences is {n_held_out}: some have "
            "to be held out and some left. Pass more sequences or another fraction."
        )
    return n_held_out


def hold_out(X, y, stream, *, fraction, every, patience):
    """Return the training sequences without some, and a callback that looks at those.

    Parameters
    ----------
    X, y : torch.Tensor of shape (n_sequences, n_steps, n_inputs or n_outputs)
        Inputs and targets.
    stream : SeedSequence
        Which sequences are held out is drawn from a stream of its own below it.
    fraction : float
        Share of the sequences to hold out.
    every, patience : int
        As in `StopEarly`.

    Returns
    -------
    X, y : torch.Tensor
        Those that are left.
    callback : StopEarly
        For the others.

    Raises
    ------
    ValueError
        If nothing would be held out, or nothing left.
    """
    n_held_out = count_held_out(fraction, len(X))
    order = np.random.default_rng(substream(stream, "validation")).permutation(len(X))
    held_out, left = (torch.as_tensor(rows) for rows in np.split(order, [n_held_out]))
    return X[left], y[left], StopEarly(X[held_out], y[held_out], every, patience)
