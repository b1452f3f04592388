"""Training of many networks: which train together, by what, and who is told."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .._random import substream
from ._callbacks import LossCurve, RecordTrajectory
from ._context import DEFAULT_CONTEXT, TrainingContext
from ._early_stopping import rows_held_out
from ._engines import train_by_scan, train_by_torch
from ._isolation import isolated_torch
from ._job import TrainingJob, TrainingResult
from ._net import Net, batches_of, make_net

# Bytes of hidden states of replicas whose heads train together.
_MAX_STATES = 2**31


def run(
    jobs: Sequence[TrainingJob], context: TrainingContext = DEFAULT_CONTEXT
) -> list[TrainingResult]:
    """Train networks that differ in nothing but their weights, sequences and streams.

    Parameters
    ----------
    jobs : list of TrainingJob
        One a network.
    context : TrainingContext, default=TrainingContext()
        Who is told, where the state is kept, and threads.

    Returns
    -------
    list of TrainingResult
        One a job; the networks of the jobs have their weights.
    """
    first = jobs[0]
    # Before it is set to one: the scan uses the threads that the user has given torch.
    n_threads = torch.get_num_threads()
    if first.engine == "numba" and not first.network.layout.kernel(first.loss.tokens).ready:
        for callback in context.progress:
            callback.announce_compilation()
    results = []
    groups = _groups(jobs)
    for group in groups:
        results += _run_group([jobs[i] for i in group], group, context, n_threads)
    in_order = np.argsort(np.concatenate(groups))
    return [results[i] for i in in_order]


def untrained_net(job: TrainingJob, callbacks: Sequence[Any] = ()) -> Net:
    """Return the net of a network that stays as it is.

    Parameters
    ----------
    job : TrainingJob
        What could be trained.
    callbacks : sequence of skorch callbacks, default=()
        Callbacks of the net.

    Returns
    -------
    Net
    """
    streams = [batches_of(job)]
    return make_net(job.network, job.loss, streams, len(job.sequences), job.optimisation, callbacks)


def _groups(jobs: Sequence[TrainingJob]) -> list[list[int]]:
    """Return which jobs train together."""
    first = jobs[0]
    together = len(jobs)
    alike = len({type(job.loss) for job in jobs}) == 1
    if first.engine == "torch" or first.own_callbacks or not alike:
        # Callbacks, and torch's own random numbers, belong to one replica. Those with and without
        # missing steps are computed in other ways.
        together = 1
    elif first.trained != "all":
        n_sequences, n_steps, _ = first.sequences.shape
        size = 4 * n_sequences * (n_steps - 1) * first.network.layout.n_hidden
        together = max(1, _MAX_STATES // size)
    return [
        replicas[start : start + together]
        for replicas in _of_one_size(jobs)
        for start in range(0, len(replicas), together)
    ]


def _of_one_size(jobs: Sequence[TrainingJob]) -> list[list[int]]:
    """Return which jobs have as many sequences left to train on."""
    if jobs[0].optimisation.early_stopping is None or jobs[0].trained == "nothing":
        return [list(range(len(jobs)))]
    by_size: dict[int, list[int]] = {}
    for replica, job in enumerate(jobs):
        by_size.setdefault(len(rows_held_out(job)[0]), []).append(replica)
    return list(by_size.values())


def _run_group(
    jobs: Sequence[TrainingJob], replicas: list[int], context: TrainingContext, n_threads: int
) -> list[TrainingResult]:
    """Train the networks of jobs together, and return their results."""
    first = jobs[0]
    # Called, and asked at which updates.
    recorder: Any = context.recorder
    curve = LossCurve()
    callbacks = [*first.callbacks, curve, *first.own_callbacks, *context.progress]

    def visit(step: int | None, losses: Any = None) -> None:
        for place, (replica, job) in enumerate(zip(replicas, jobs, strict=True)):
            loss = np.nan if losses is None else losses[place]
            recorder(replica, step, job.network, loss)

    stream = substream(first.stream, "training")
    if first.trained == "nothing":
        with isolated_torch(stream, first.optimisation.device):
            nets = [untrained_net(job, callbacks) for job in jobs]
            if recorder is not None:
                visit(None)
        return [TrainingResult(net) for net in nets]
    max_steps = first.optimisation.max_steps
    if recorder is not None:
        callbacks.append(RecordTrajectory(recorder.at, visit, max_steps))
    checkpoint = None
    if context.checkpoints is not None and first.resumable and not first.own_callbacks:
        checkpoint = context.checkpoints.of_next()
    with isolated_torch(stream, first.optimisation.device, context.n_threads):
        X, y = _tensors(jobs)
        if first.engine == "numba":
            nets, stop = train_by_scan(jobs, X, y, callbacks, checkpoint, n_threads)
        else:
            net, stop = train_by_torch(first, X[0], y[0], callbacks, checkpoint)
            nets = [net]
    curves = curve.of_parts(max_steps)
    if stop is None:
        return [TrainingResult(*each) for each in zip(nets, curves, strict=True)]
    ends = stop.of_parts(max_steps), stop.stopped_at_ / max_steps
    return [TrainingResult(*each) for each in zip(nets, curves, *ends, strict=True)]


def _tensors(jobs: Sequence[TrainingJob]) -> tuple[torch.Tensor, ...]:
    """Return the inputs and targets of all jobs, or those that they share."""
    first = jobs[0]
    shared = all(job.sequences is first.sequences for job in jobs)
    data = [job.to_tensors(job.sequences) for job in (jobs[:1] if shared else jobs)]
    return tuple(torch.stack(tensors) for tensors in zip(*data, strict=True))
