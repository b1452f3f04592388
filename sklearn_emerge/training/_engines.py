"""Training by torch, one network at a time, or by compiled scans, many at once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ..networks import quick_by_kernel
from ..recurrence import HeadLoss, ScanLoss, run_forward
from ._callbacks import ReplicaHistory
from ._early_stopping import HeldOut, HeldOutRows, OnRows, StopEarly, rows_held_out
from ._job import TrainingJob
from ._net import Net, batches_of, make_net
from ._observed import ObservedHeadLoss, ObservedLoss, ObservedScanLoss
from ._replicas import Replicas, rows_of_weights

# Sequences that pass through a frozen core at once.
_CHUNK = 1024


def train_by_torch(
    job: TrainingJob, X: torch.Tensor, y: torch.Tensor, callbacks: list[Any], checkpoint: Any = None
) -> tuple[Net, StopEarly | None]:
    """Train a network, or its head on hidden states that are computed once.

    Parameters
    ----------
    job : TrainingJob
        What is trained.
    X, y : torch.Tensor of shape (n_sequences, n_steps, n_inputs or n_outputs)
        Inputs and targets.
    callbacks : list of skorch callbacks
        All of them.
    checkpoint : Checkpoint, default=None
        Where the state of the training is kept, and what it goes on from.

    Returns
    -------
    net : Net
        The net that trained it.
    stop : StopEarly or None
        What may have stopped it.
    """
    module, stream, optimisation = job.network, batches_of(job), job.optimisation
    if job.trained == "head":
        # The core stays as it is, buffers included.
        module.core.eval()
        with torch.no_grad():
            X = torch.cat([module.hidden(chunk) for chunk in X.split(_CHUNK)])
        module = module.head
    stop = None
    if optimisation.early_stopping is not None:
        held_out, left = (torch.from_numpy(rows) for rows in rows_held_out(job))
        stop = StopEarly(HeldOut(X[held_out], y[held_out]), optimisation.early_stopping)
        X, y = X[left], y[left]
        # Before those that look at the end of training: they see the weights that are kept.
        callbacks = [stop, *callbacks]
    n_passed = optimisation.max_steps * min(optimisation.batch_size, len(X))
    attentions = quick_by_kernel(module, X.shape[1], n_passed)
    if attentions:
        # All weights in one call: there are many, and all are small.
        options = optimisation.optimizer_options.items()
        fused = {"fused" if name == "foreach" else name: value for name, value in options}
        optimisation = replace(optimisation, optimizer_options=fused)
    watched = bool(job.own_callbacks)
    net = make_net(module, job.loss, [stream], len(X), optimisation, callbacks, watched)
    net.attentions = attentions
    net.train_on(X, y, checkpoint)
    net.attentions = ()
    return net, stop


def train_by_scan(
    jobs: Sequence[TrainingJob],
    X: torch.Tensor,
    y: torch.Tensor,
    callbacks: list[Any],
    checkpoint: Any = None,
    n_threads: int = 1,
) -> tuple[list[Net], StopEarly | None]:
    """Train networks, or their heads, that differ in weights, data and batches only, at once.

    Parameters
    ----------
    jobs : list of TrainingJob
        The replicas.
    X, y : torch.Tensor of shape (n_replicas or 1, n_sequences, n_steps, n_inputs or n_outputs)
        Inputs and targets of each replica, or shared by all.
    callbacks, checkpoint
        As in `train_by_torch`.
    n_threads : int, default=1
        Threads of the compiled scan.

    Returns
    -------
    nets : list of Net
        One a network, with the history of its replica.
    stop : StopEarly or None
        What may have stopped them.
    """
    networks, losses = [job.network for job in jobs], [job.loss for job in jobs]
    layout, whole = networks[0].layout, jobs[0].trained == "all"
    modules = networks if whole else [network.head for network in networks]
    states = None if whole else _states(networks, X, n_threads)
    tokens = losses[0].tokens
    if isinstance(losses[0], ObservedLoss) and not tokens:
        joint: Any = (
            ObservedScanLoss(layout, X, y, losses, n_threads)
            if whole
            else ObservedHeadLoss(torch.from_numpy(states).swapaxes(2, 3), y, losses)
        )
    else:
        constants, ratios = np.zeros(len(losses)), None
        if not tokens:
            constants = np.array([loss.constant for loss in losses])
            ratios = None if losses[0].ratio is None else np.stack([loss.ratio for loss in losses])
        options = y.numpy(), ratios, constants, n_threads, tokens
        joint = ScanLoss(layout, X.numpy(), *options) if whole else HeadLoss(states, *options)
    stop, n_sequences = None, X.shape[1]
    if jobs[0].optimisation.early_stopping is not None:
        held_out, left = (np.stack(rows) for rows in zip(*map(rows_held_out, jobs), strict=True))
        stop = StopEarly(HeldOutRows(joint, held_out, y), jobs[0].optimisation.early_stopping)
        joint, n_sequences = OnRows(joint, left), left.shape[1]
    return _train_compiled(jobs, modules, joint, n_sequences, callbacks, checkpoint, stop), stop


def _states(networks: Sequence[nn.Module], X: torch.Tensor, n_threads: int) -> torch.Tensor:
    """Return the hidden states of all networks, time last."""
    n_data, n_sequences, n_steps, _ = X.shape
    layout = replace(networks[0].layout, n_outputs=0)
    states = np.empty((len(networks), n_sequences, layout.n_hidden, n_steps), np.float32)
    for i, (network, target) in enumerate(zip(networks, states, strict=True)):
        weights = rows_of_weights(network).detach().numpy()
        inputs = X[i if n_data > 1 else 0]
        for first in range(0, n_sequences, _CHUNK):
            chunk = inputs[None, first : first + _CHUNK].numpy()
            _, hidden = run_forward(chunk, weights, layout, n_threads)
            target[first : first + _CHUNK] = hidden[0].swapaxes(1, 2)
    return states


def _train_compiled(
    jobs: Sequence[TrainingJob],
    modules: Sequence[nn.Module],
    compiled_loss: Any,
    n_sequences: int,
    callbacks: list[Any],
    checkpoint: Any,
    stop: StopEarly | None,
) -> list[Net]:
    """Train replicas by a compiled loss; one that a user's callbacks watch as it is."""
    rows, optimisation = torch.arange(n_sequences), jobs[0].optimisation
    of_all = optimisation
    streams, losses = [batches_of(job) for job in jobs], [job.loss for job in jobs]
    watched = bool(jobs[0].own_callbacks)
    history = ReplicaHistory() if len(jobs) > 1 else None
    if history is not None:
        callbacks = [history, *callbacks]
    if watched:
        [module] = modules
    else:
        module = Replicas(modules)
        # Their weights are one tensor, and calls for many take longer.
        options = {**optimisation.optimizer_options, "foreach": False}
        of_all = replace(optimisation, optimizer_options=options)
    if stop is not None:
        # Before the others: they see the weights that are kept.
        callbacks = [stop, *callbacks]
    trainer = make_net(module, losses[0], streams, n_sequences, of_all, callbacks, watched)
    trainer.compiled_loss = compiled_loss
    trainer.train_on(rows, rows, checkpoint)
    trainer.compiled_loss = None
    if watched:
        return [trainer]
    module.distribute()
    # That of one network knows the losses of all batches.
    histories = [trainer.history] if history is None else history.of_replicas()
    nets = []
    for module, loss, stream, kept in zip(modules, losses, streams, histories, strict=True):
        net = make_net(module, loss, [stream], n_sequences, optimisation)
        net.history_ = kept
        nets.append(net)
    return nets
