"""The compiled kernels as differentiable functions of the weights of replicas."""

from dataclasses import dataclass

import numpy as np
import torch

from ._head_kernels import make_head_kernel
from ._kernels import BACKWARD, FORWARD, TRAIN, make_kernel, sizes
from ._team import Team, team_size
from ._vector import LANES, aligned

# Bytes of states that stay in the cache.
_CACHE = 2**22


@dataclass(frozen=True)
class Layout:
    """Kind and sizes of a layer, and the order of its weights in a flat row.

    A row holds input weights, recurrent weights and both biases in the layout of torch, then
    weights and bias of the head.

    Attributes
    ----------
    kind : int
        RNN, GRU or LSTM of `_kernels`.
    n_hidden, n_inputs, n_outputs : int
        Hidden units, columns of the input weights, outputs of the head.
    n_tokens : int, default=0
        The first columns of the input weights that are those of tokens. If there are any, inputs
        have the token, as a number, and behind it what else enters.
    """

    kind: int
    n_hidden: int
    n_inputs: int
    n_outputs: int
    n_tokens: int = 0

    @property
    def n_channels(self):
        """Inputs beside the token."""
        return self.n_inputs - self.n_tokens

    @property
    def shape(self):
        """All sizes, in the order in which the kernel takes them."""
        rows = sizes(self.kind, self.n_hidden, self.n_channels)
        return self.n_hidden, self.n_channels, self.n_outputs, *rows, self.n_tokens

    def kernel(self, tokens=False):
        """Return the compiled kernel, the same for all layers of a kind.

        Parameters
        ----------
        tokens : bool, default=False
            Whether targets are tokens, if inputs are not.
        """
        return make_kernel(self.kind, tokens or self.n_tokens > 0)

    def allocate(self, n_slots, n_steps, dtype):
        """Return arrays for the states of tasks and for what else their way back needs."""
        *_, saved, z = sizes(self.kind, self.n_hidden, self.n_channels)
        found = ((n_steps + 1) * rows * LANES for rows in (z, saved))
        return tuple(aligned(n_slots * n, dtype).reshape(n_slots, n) for n in found)

    def bytes_of(self, n_steps, dtype):
        """Return the memory that the states of one sequence take."""
        *_, saved, z = sizes(self.kind, self.n_hidden, self.n_channels)
        return (n_steps + 1) * (saved + z) * np.dtype(dtype).itemsize

    def hidden(self, zs, batch, n_steps, last=False):
        """Return hidden states (n_replicas, batch, n_steps, n_hidden) from the states of tasks.

        With `last`, of the last step alone.
        """
        n_blocks = count_blocks(batch)
        z = zs.reshape(-1, n_blocks, n_steps + 1, zs.shape[1] // (n_steps + 1) // LANES, LANES)
        hidden = z[:, :, n_steps if last else 1 :, self.n_channels + 1 :]
        hidden = hidden.transpose(0, 1, 4, 2, 3)
        return hidden.reshape(-1, n_blocks * LANES, hidden.shape[3], self.n_hidden)[:, :batch]


def count_blocks(batch):
    """Return the number of blocks of lanes that a batch fills."""
    return -(-batch // LANES)


def _runner(
    layout,
    mode,
    x,
    rows,
    weights,
    states,
    *,
    targets=None,
    ratio=None,
    bernoulli=False,
    output=None,
    losses=None,
    d_weights=None,
    d_x=None,
    tokens=False,
):
    """Return what runs the kernel, see `Team`, with empty arrays for what a mode ignores.

    In training states are a row a thread, and else a row a task.
    """
    tokens = tokens or layout.n_tokens > 0
    none = np.empty((0, 0, 0), x.dtype)
    if targets is None:
        targets = none.astype(np.int32) if tokens else none
    ratio = np.ones((0, 0), x.dtype) if ratio is None else ratio
    losses = np.empty(0) if losses is None else losses
    d_weights = np.empty((0, 0), x.dtype) if d_weights is None else d_weights
    output, d_x_or_none = (none if array is None else array for array in (output, d_x))
    kernel = layout.kernel(tokens)
    before = mode, d_x is not None, layout.shape, x, targets, rows, weights, ratio, bernoulli
    after = output, losses, d_weights, d_x_or_none

    def run(thread, shared, n_tasks):
        slot = thread if mode == TRAIN else -1
        kernel(*before, *states, slot, *after, shared, n_tasks)

    return run


def _flat(array):
    """Return an array of replicas with replicas and sequences in one axis, and their rows."""
    n_replicas, batch = array.shape[:2]
    rows = np.arange(n_replicas * batch).reshape(n_replicas, batch)
    return array.reshape(-1, *array.shape[2:]), rows


def run_forward(inputs, weights, layout, n_threads=1, last=False):
    """Apply a recurrent layer and its head to sequences.

    Parameters
    ----------
    inputs : ndarray of shape (n_replicas, n_sequences, n_steps, n_inputs)
        Sequences, in single or double precision; of tokens see `Layout`.
    weights : ndarray of shape (n_replicas, n_weights)
        See `Layout`.
    layout : Layout
        Kind and sizes.
    n_threads : int, default=1
        Threads over replicas and blocks of sequences. The result does not depend on it.
    last : bool, default=False
        Whether to return the last step alone, which takes less time: states lie in another order.

    Returns
    -------
    output : ndarray of shape (n_replicas, n_sequences, n_steps or 1, n_outputs)
        Output of the head after each step, from an initial state of zero.
    hidden : ndarray of shape (n_replicas, n_sequences, n_steps or 1, n_hidden)
        Hidden states after each step.
    """
    n_replicas, batch, n_steps, _ = inputs.shape
    steps = slice(-1 if last else 0, None)
    shape = n_replicas, batch, 1 if last else n_steps
    output = np.empty((*shape, layout.n_outputs), inputs.dtype)
    hidden = np.empty((*shape, layout.n_hidden), inputs.dtype)
    # A block for each thread, or several: new memory takes longer than what is computed in it.
    least = LANES * n_threads
    bytes_of_least = n_replicas * least * layout.bytes_of(n_steps, inputs.dtype)
    size = least * max(1, _CACHE // bytes_of_least)
    for start in range(0, batch, size):
        part = inputs[:, start : start + size]
        found, (zs, _) = _forward_pass(part, weights, layout, n_threads)
        output[:, start : start + size] = found[:, :, steps]
        hidden[:, start : start + size] = layout.hidden(zs, *part.shape[1:3], last)
    return output, hidden


def _forward_pass(inputs, weights, layout, n_threads):
    """Return the output and what the way back needs."""
    n_replicas, batch, n_steps, _ = inputs.shape
    x, rows = _flat(np.ascontiguousarray(inputs))
    n_tasks = n_replicas * count_blocks(batch)
    states = layout.allocate(n_tasks, n_steps, x.dtype)
    output = np.empty((n_replicas * batch, n_steps, layout.n_outputs), x.dtype)
    weights = np.ascontiguousarray(weights)
    run = _runner(layout, FORWARD, x, rows, weights, states, output=output)
    Team(run, n_threads).work(n_tasks, batch)
    return output.reshape(n_replicas, batch, n_steps, layout.n_outputs), states


def scan(inputs, weights, layout, n_threads=1):
    """Apply a recurrent layer and its head to sequences, for several replicas at once.

    Parameters
    ----------
    inputs : torch.Tensor of shape (n_replicas, n_sequences, n_steps, n_inputs)
        Sequences, in single or double precision.
    weights : torch.Tensor of shape (n_replicas, n_weights)
        See `Layout`.
    layout : Layout
        Kind and sizes, without tokens.
    n_threads : int, default=1
        Threads over replicas and blocks of sequences. The result does not depend on it.

    Returns
    -------
    torch.Tensor of shape (n_replicas, n_sequences, n_steps, n_outputs)
        Output of the head after each step, from an initial state of zero. Differentiable, once,
        with respect to `inputs` and `weights`.
    """
    return _Scan.apply(inputs, weights, layout, n_threads)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs, weights, layout, n_threads):
        output, states = _forward_pass(
            inputs.detach().numpy(), weights.detach().numpy(), layout, n_threads
        )
        ctx.save_for_backward(inputs, weights)
        ctx.rest = layout, n_threads, states
        return torch.from_numpy(output)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_output):
        inputs, weights = ctx.saved_tensors
        layout, n_threads, states = ctx.rest
        x, rows = _flat(inputs.detach().contiguous().numpy())
        targets, _ = _flat(d_output.contiguous().numpy())
        w = weights.detach().contiguous().numpy()
        n_replicas, batch = rows.shape
        n_tasks = n_replicas * count_blocks(batch)
        d_weights = np.empty((n_tasks, w.shape[1]), w.dtype)
        d_x = np.empty_like(x) if ctx.needs_input_grad[0] else None
        arrays = {"targets": targets, "d_weights": d_weights, "d_x": d_x}
        run = _runner(layout, BACKWARD, x, rows, w, states, **arrays)
        Team(run, n_threads).work(n_tasks, batch)
        d_inputs = None if d_x is None else torch.from_numpy(d_x.reshape(inputs.shape))
        return d_inputs, torch.from_numpy(_per_replica(d_weights, n_replicas)), None, None


def _per_replica(tasks, n_replicas):
    """Add up what the tasks of each replica have found."""
    return tasks.reshape(n_replicas, -1, *tasks.shape[1:]).sum(axis=1)


class _CompiledLoss:
    """Losses of replicas on rows of preloaded data; subclasses run a kernel.

    Parameters
    ----------
    y : ndarray of shape (n_replicas or 1, n_sequences, n_steps, n_outputs)
        Targets, in single precision: of each replica, or shared by all. Of tokens there is one
        output, NaN where it is missing, which has no part in the loss.
    ratio : ndarray of shape (n_replicas, n_outputs) or None
        One over the standard deviation of the Gaussian likelihood; None is Bernoulli.
    constant : ndarray of shape (n_replicas,)
        What is added to the losses.
    n_threads : int
        Threads over replicas and blocks of sequences. The result does not depend on it.
    tokens : bool, default=False
        Whether targets are tokens, and outputs their logits.
    """

    def __init__(self, y, ratio, constant, n_threads, tokens=False):
        self.constant, self.n_threads, self.tokens = constant, n_threads, tokens
        self.bernoulli = ratio is None
        # In single precision for tokens, too: another type would compile the kernel once more.
        self.ratio = np.ones((len(constant), y.shape[3]), y.dtype) if ratio is None else ratio
        if tokens:
            missing = np.isnan(y)
            self.n_observed = np.count_nonzero(~missing, axis=(2, 3))
            y = np.where(missing, -1, y).astype(np.int32)
        self.y = y
        # Threads, and what they read and write in each call: made in the first.
        self.team = self.rows = self.weights = self.losses = self.d_weights = None

    def __call__(self, weights, rows):
        """Return the losses, in nats per step, and their gradients; one call at a time.

        Parameters
        ----------
        weights : torch.Tensor of shape (n_replicas, n_weights)
            See `Layout`.
        rows : ndarray of shape (n_replicas, batch)
            Sequences of each replica's batch.

        Returns
        -------
        losses : torch.Tensor of shape (n_replicas,)
            Mean over sequences and steps (of tokens, those that are observed), sum over channels.
        gradient : torch.Tensor of shape (n_replicas, n_weights)
            Of the loss of each replica.
        """
        losses, gradient = self._compute(weights.detach().contiguous().numpy(), rows)
        return torch.from_numpy(losses), torch.from_numpy(gradient)

    def _compute(self, weights, rows):
        """Return losses and gradients of each replica."""
        n_replicas, batch = rows.shape
        n_tasks = n_replicas * count_blocks(batch)
        if self.team is None or self.rows.shape[1] < batch:
            self._make_team(rows, weights, n_tasks)
        self.rows[:, :batch] = self._rows_in_data(rows)
        self.weights[:] = weights
        try:
            self.team.work(n_tasks, batch)
        except BaseException:
            # Some threads may still be at work, with these arrays.
            self.team = None
            raise
        losses, gradient = (
            _per_replica(each[:n_tasks], n_replicas) for each in (self.losses, self.d_weights)
        )
        if self.tokens:
            # The kernel adds up; who has how much to predict differs.
            of_rows = np.broadcast_to(self.n_observed, (n_replicas, self.n_observed.shape[1]))
            n_observed = np.take_along_axis(of_rows, rows, axis=1).sum(axis=1)
            gradient /= n_observed.astype(gradient.dtype)[:, np.newaxis]
        else:
            n_observed = batch * self.y.shape[2]
        return losses / n_observed + self.constant, gradient

    def __getstate__(self):
        """Return what a copy has: threads of its own, which do not look at the arrays of this."""
        return vars(self) | {"team": None}

    def _make_team(self, rows, weights, n_tasks):
        """Make the threads, and what they read and write in each call."""
        self.team = None
        self.rows, self.weights = np.empty(rows.shape, np.intp), np.empty_like(weights)
        self.losses = np.empty(n_tasks)
        self.d_weights = np.empty((n_tasks, weights.shape[1]), weights.dtype)
        self.team = Team(self._make_run(), self.n_threads, stay=True)

    def _rows_in_data(self, rows):
        """Return the numbers of rows among those of all replicas."""
        return rows


class ScanLoss(_CompiledLoss):
    """Losses of replicas of a recurrent network on rows of preloaded sequences.

    Forward pass, loss and backward pass are one run of the kernel, several times as fast as
    apart: nothing but the gradient leaves the cache.

    Parameters
    ----------
    layout : Layout
        Kind and sizes.
    X : ndarray of shape (n_replicas or 1, n_sequences, n_steps, n_inputs)
        Inputs, in single precision and contiguous: of each replica, or shared by all.
    y, ratio, constant, n_threads, tokens
        As in `_CompiledLoss`.
    """

    def __init__(self, layout, X, y, ratio, constant, n_threads, tokens=False):
        super().__init__(y, ratio, constant, n_threads, tokens)
        self.layout, self.X = layout, X

    def _rows_in_data(self, rows):
        n_data, n_sequences = self.X.shape[:2]
        return rows + n_sequences * np.arange(n_data)[:, np.newaxis] if n_data > 1 else rows

    def _make_run(self):
        X, y = (data.reshape(-1, *data.shape[2:]) for data in (self.X, self.y))
        states = self.layout.allocate(team_size(self.n_threads), X.shape[1], X.dtype)
        return _runner(
            self.layout,
            TRAIN,
            X,
            self.rows,
            self.weights,
            states,
            targets=y,
            ratio=self.ratio,
            bernoulli=self.bernoulli,
            losses=self.losses,
            d_weights=self.d_weights,
            tokens=self.tokens,
        )


class HeadLoss(_CompiledLoss):
    """Losses of linear heads on rows of hidden states that were computed before.

    Parameters
    ----------
    states : ndarray of shape (n_replicas, n_sequences, n_hidden, n_steps)
        Hidden states, in single precision.
    y, ratio, constant, n_threads, tokens
        As in `_CompiledLoss`.
    """

    def __init__(self, states, y, ratio, constant, n_threads, tokens=False):
        super().__init__(y, ratio, constant, n_threads, tokens)
        self.states = states

    def _make_run(self):
        kernel = make_head_kernel(self.tokens)
        likelihood = () if self.tokens else (self.ratio, self.bernoulli)
        constant = self.states, self.y, self.rows, self.weights, *likelihood
        arguments = *constant, self.losses, self.d_weights

        def run(_, shared, n_tasks):
            kernel(*arguments, shared, n_tasks)

        return run
