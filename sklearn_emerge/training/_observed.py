"""Losses of sequences with missing steps, whose targets are NaN there."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .._losses import Loss
from .._typing import Floats
from ..recurrence import Layout, scan


class ObservedLoss(nn.Module):
    """The mean of a loss over the observed targets of a batch.

    What is missing has no part in it, so that the gradient with respect to the output there is
    exactly zero.

    Parameters
    ----------
    loss : Loss
        Averages over sequences and steps.
    """

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over observed steps, summed over channels."""
        observed = is_observed(target)
        return self.loss(output[observed][None], target[observed][None])

    @property
    def no_kernel(self) -> str:
        """As of the loss."""
        return self.loss.no_kernel

    @property
    def tokens(self) -> bool:
        """As of the loss."""
        return self.loss.tokens

    def at_best_noise(self, losses: Floats) -> Floats:
        """Return what mean losses are under the noise that is best for them, as the loss does."""
        return self.loss.at_best_noise(losses)


def is_observed(target: torch.Tensor) -> torch.Tensor:
    """Return which targets (..., n_outputs) of a tensor are observed."""
    return ~target[..., 0].isnan()


def count_sequences(target: torch.Tensor) -> float:
    """Return the number of sequences, each as far as its targets are observed."""
    return int(is_observed(target).sum()) / target.shape[1]


class ObservedScanLoss:
    """As `ScanLoss`, of targets some of which are missing.

    The scan goes forward and backward in two runs of the kernel, with the loss by torch between.

    Parameters
    ----------
    layout : Layout
        Kind and sizes.
    X, y : torch.Tensor of shape (n_replicas or 1, n_sequences, n_steps, n_inputs or n_outputs)
        Inputs and targets: of each replica, or shared by all.
    losses : list of ObservedLoss
        One a replica.
    n_threads : int
        Threads of the scan.
    """

    def __init__(
        self,
        layout: Layout,
        X: torch.Tensor,
        y: torch.Tensor,
        losses: Sequence[ObservedLoss],
        n_threads: int,
    ) -> None:
        self.layout, self.X, self.y = layout, X, y
        self.losses, self.n_threads = losses, n_threads

    def __call__(
        self, weights: torch.Tensor, rows: NDArray[np.integer]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the losses of replicas on rows (n_replicas, batch), and their gradients."""
        inputs = _chosen(self.X, rows)

        def output(weights: torch.Tensor) -> torch.Tensor:
            return scan(inputs, weights, self.layout, self.n_threads)

        return _with_gradient(self.losses, output, weights, _chosen(self.y, rows))


class ObservedHeadLoss:
    """As `HeadLoss`, of targets some of which are missing.

    Parameters
    ----------
    states : torch.Tensor of shape (n_replicas, n_sequences, n_steps, n_hidden)
        Hidden states.
    y, losses
        As in `ObservedScanLoss`.
    """

    def __init__(
        self, states: torch.Tensor, y: torch.Tensor, losses: Sequence[ObservedLoss]
    ) -> None:
        self.states, self.y, self.losses = states, y, losses

    def __call__(
        self, weights: torch.Tensor, rows: NDArray[np.integer]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the losses of replicas on rows (n_replicas, batch), and their gradients."""
        n_hidden, n_outputs = self.states.shape[3], self.y.shape[3]
        states = _chosen(self.states, rows)

        def output(weights: torch.Tensor) -> torch.Tensor:
            matrices = weights[:, : n_outputs * n_hidden].reshape(-1, n_outputs, n_hidden)
            products = torch.einsum("rbth,roh->rbto", states, matrices)
            return products + weights[:, None, None, n_outputs * n_hidden :]

        return _with_gradient(self.losses, output, weights, _chosen(self.y, rows))


def _chosen(data: torch.Tensor, rows: NDArray[np.integer]) -> torch.Tensor:
    """Return the rows of each replica, (n_replicas, batch, ...)."""
    return torch.stack([data[min(i, len(data) - 1)][each] for i, each in enumerate(rows)])


def _with_gradient(
    losses: Sequence[ObservedLoss],
    output: Callable[[torch.Tensor], torch.Tensor],
    weights: torch.Tensor,
    target: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of each replica, and its gradient with respect to its weights."""
    weights = weights.detach().requires_grad_()
    with torch.enable_grad():
        pairs = zip(losses, output(weights), target, strict=True)
        found = torch.stack([loss(*pair) for loss, *pair in pairs])
        (gradient,) = torch.autograd.grad(found.sum(), weights)
    return found.detach(), gradient
