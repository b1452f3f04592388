"""A recurrent layer with a linear head as one differentiable function of its weights."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from ._kernels import LANES, make_kernels, sizes


@dataclass(frozen=True)
class Layout:
    """Kind and sizes of a layer, and the order of its weights in a flat row.

    Attributes
    ----------
    kind : int
        RNN, GRU or LSTM of `_kernels`.
    n_hidden, n_inputs, n_outputs : int
        Hidden units, input channels, outputs of the head.
    """

    kind: int
    n_hidden: int
    n_inputs: int
    n_outputs: int

    def allocate(self, n_tasks, n_steps, dtype):
        """Return arrays for hidden states and what else the backward scan needs."""
        saved = sizes(self.kind, self.n_hidden)[3]
        return (
            np.empty((n_tasks, n_steps + 1, self.n_hidden, LANES), dtype),
            np.empty((n_tasks, n_steps + 1, saved, LANES), dtype),
        )


class Workspace:
    """Arrays that are used again at every update: to allocate them anew costs a tenth of it."""

    def __init__(self):
        self._free = {}

    def take(self, layout, n_tasks, n_steps, dtype):
        """Return a key and arrays for a forward scan."""
        key = (layout, n_tasks, n_steps, dtype)
        stock = self._free.setdefault(key, [])
        return key, stock.pop() if stock else layout.allocate(n_tasks, n_steps, dtype)

    def give_back(self, key, arrays):
        """Take arrays back after the backward scan."""
        self._free.setdefault(key, []).append(arrays)


def scan(inputs, weights, layout, n_threads=1, workspace=None):
    """Apply a recurrent layer and its head to sequences, for several replicas at once.

    Parameters
    ----------
    inputs : torch.Tensor of shape (n_replicas, n_sequences, n_steps, n_inputs)
        Sequences, in single or double precision.
    weights : torch.Tensor of shape (n_replicas, n_weights)
        Per replica: input weights, recurrent weights and both biases in the layout of torch,
        weights and bias of the head.
    layout : Layout
        Kind and sizes.
    n_threads : int, default=1
        Threads over replicas and blocks of sequences. The result does not depend on it.
    workspace : Workspace, default=None
        Where to find arrays used before; None allocates them.

    Returns
    -------
    torch.Tensor of shape (n_replicas, n_sequences, n_steps, n_outputs)
        Output of the head after each step, from an initial state of zero.
    """
    return _Scan.apply(inputs, weights, layout, n_threads, workspace or Workspace())


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs, weights, layout, n_threads, workspace):
        x, w = inputs.detach().contiguous().numpy(), weights.detach().contiguous().numpy()
        n_replicas, batch, n_steps, _ = x.shape
        n_blocks = -(-batch // LANES)
        n_tasks = n_replicas * n_blocks
        key, (hidden, saved) = workspace.take(layout, n_tasks, n_steps, x.dtype)
        output = np.empty((n_replicas, batch, n_steps, layout.n_outputs), x.dtype)
        forward, _ = make_kernels(layout.kind, layout.n_hidden, layout.n_inputs, layout.n_outputs)
        run_tasks(
            lambda first, last: forward(x, w, output, hidden, saved, first, last, n_blocks),
            n_tasks,
            n_threads,
        )
        ctx.save_for_backward(inputs, weights)
        ctx.rest = (layout, n_threads, workspace, key, (hidden, saved))
        return torch.from_numpy(output)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_output):
        inputs, weights = ctx.saved_tensors
        layout, n_threads, workspace, key, (hidden, saved) = ctx.rest
        x, w = inputs.detach().contiguous().numpy(), weights.detach().contiguous().numpy()
        g = d_output.contiguous().numpy()
        n_replicas, batch, _, _ = x.shape
        n_blocks = -(-batch // LANES)
        n_tasks = n_replicas * n_blocks
        d_weights = np.empty((n_tasks, w.shape[1]), w.dtype)
        with_d_x = ctx.needs_input_grad[0]
        d_x = np.empty_like(x if with_d_x else x[:0])
        _, backward = make_kernels(layout.kind, layout.n_hidden, layout.n_inputs, layout.n_outputs)
        run_tasks(
            lambda first, last: backward(
                x, w, g, hidden, saved, d_weights, d_x, with_d_x, first, last, n_blocks
            ),
            n_tasks,
            n_threads,
        )
        workspace.give_back(key, (hidden, saved))
        total = d_weights.reshape(n_replicas, n_blocks, -1).sum(axis=1)
        return (torch.from_numpy(d_x) if with_d_x else None), torch.from_numpy(total), *3 * (None,)


_pools = {}
# Threads do not survive a fork.
os.register_at_fork(after_in_child=_pools.clear)


def run_tasks(run, n_tasks, n_threads):
    """Run tasks on threads, in contiguous ranges; this thread takes one of them."""
    n_threads = min(n_threads, n_tasks)
    bounds = [n_tasks * thread // n_threads for thread in range(n_threads + 1)]
    if n_threads > 1 and n_threads not in _pools:
        _pools[n_threads] = ThreadPoolExecutor(n_threads - 1, thread_name_prefix="scan")
    others = [_pools[n_threads].submit(run, first, last) for first, last in pairwise(bounds[1:])]
    run(bounds[0], bounds[1])
    for other in others:
        other.result()
