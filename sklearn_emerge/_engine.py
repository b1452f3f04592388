"""Work on the engine that the caller has chosen: as it ends, and again if a worker is killed."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn.utils import gen_batches

from ._abandoned import ending_with_parent
from ._processes import on_processes, run_on_processes

# A function and its arguments.
Job: TypeAlias = tuple[Callable[..., Any], *tuple[Any, ...]]

# What engines raise when a worker process is no more, and whose errors these are: the memory of a
# GPU, for example, is another matter. (What a worker cannot read is another error of loky's.)
_KILLED = {
    "KilledWorker",
    "NodeDiedError",
    "OutOfMemoryError",
    "RayActorError",
    "TerminatedWorkerError",
    "WorkerCrashedError",
}
_ENGINES = {"distributed", "joblib", "ray"}
# Engines that return results all together are given batches. At the end of each, workers wait for
# the last: a batch is at least this many rounds of them, and there are about so many batches.
_ROUNDS, _N_BATCHES = 4, 20
# In which a scheduler finds other workers.
WAIT_SECONDS = 60


class WorkerKilledError(RuntimeError):
    """A worker was killed that was the only one at work, or no other came in its place."""


def run_jobs(jobs: Sequence[Job], n_jobs: int | None) -> Iterator[tuple[int, Any]]:
    """Yield the number of each job and what it returns, in the order in which they end.

    If a worker process is killed, what is not finished is run again, half as many jobs at once.

    Parameters
    ----------
    jobs : sequence of tuple
        A function and its arguments, each.
    n_jobs : int or None
        Jobs that run at once; None is what `joblib.parallel_config` says, or else 1.

    Raises
    ------
    WorkerKilledError
        If a worker is killed while one job runs at a time; its argument is the number of that job.
        It is None if all workers of Dask are lost, and none comes in their place.

    Warns
    -----
    UserWarning
        If a worker is killed.
    """
    waiting, n_at_once = dict(enumerate(jobs)), None
    dask = _backend_of_dask()
    n_workers = 0 if dask is None else len(dask.client.ncores())
    while waiting:
        try:
            for i, result in _attempt(waiting, n_jobs, n_at_once):
                del waiting[i]
                yield i, result
        except Exception as error:
            if not _is_killed(error):
                raise
            if n_at_once == 1:
                raise WorkerKilledError(next(iter(waiting))) from error
            if dask is not None:
                # Others may come in place of those that were killed.
                with suppress(TimeoutError):
                    dask.client.wait_for_workers(n_workers, timeout=WAIT_SECONDS)
                if not dask.client.ncores():
                    raise WorkerKilledError(None) from error
            n_at_once = max(1, min(n_at_once or effective_n_jobs(n_jobs), len(waiting)) // 2)
            warnings.warn(
                f"A worker was killed ({type(error).__name__}), as the system does when memory is "
                f"short. What is not finished, {len(waiting)} of {len(jobs)} cells, is run again, "
                f"{n_at_once} at once. No result depends on that.",
                # fit, of whom it was called.
                stacklevel=5,
            )


def _attempt(
    jobs: Mapping[int, Job], n_jobs: int | None, n_at_once: int | None
) -> Iterator[tuple[int, Any]]:
    """Yield what jobs return by their numbers, as they end; `n_at_once` limits how many run."""
    # Large arrays, as recordings, are sent once, as files that workers map. Worlds and modules may
    # write to theirs, which copies what they change.
    options: dict[str, Any] = {"n_jobs": n_jobs, "mmap_mode": "c"}
    if n_at_once is not None:
        # Dask has as many workers as it has, whatever n_jobs is. One process would be this one,
        # which is not to be killed.
        options |= {"n_jobs": max(2, n_at_once), "pre_dispatch": n_at_once, "batch_size": 1}
    calls = [delayed(ending_with_parent)(_numbered, i, *job) for i, job in jobs.items()]
    if on_processes() and (n_processes := effective_n_jobs(n_jobs)) > 1:
        yield from run_on_processes(calls, n_at_once or n_processes)
        return
    with _errors_are_told():
        parallel = _parallel(options, n_at_once)
        if parallel.return_generator:
            yield from parallel(calls)
        else:
            yield from _in_batches(calls, parallel, n_at_once)


def _parallel(options: Mapping[str, Any], n_at_once: int | None) -> Parallel:
    """Return joblib's, with results as they come if the engine can, and more than one may run."""
    if n_at_once != 1:
        # Ray returns all results at the end.
        with suppress(ValueError):
            return Parallel(**options, return_as="generator_unordered")
    # joblib drops what nobody has taken yet when the next fails: of one at a time nothing is lost.
    return Parallel(**options)


def _in_batches(
    calls: Sequence[Any], parallel: Parallel, n_at_once: int | None
) -> Iterator[tuple[int, Any]]:
    """Yield what calls return, batch by batch, so that it is known before the last has ended."""
    with parallel:
        # What is tried again may be lost again.
        n = n_at_once or max(
            _ROUNDS * effective_n_jobs(parallel.n_jobs), -(-len(calls) // _N_BATCHES)
        )
        for batch in gen_batches(len(calls), n):
            yield from parallel(calls[batch])


@contextmanager
def _errors_are_told() -> Iterator[None]:
    """Let Dask tell joblib of what it gives up, for which joblib 1.6 would wait for ever."""
    backend = _backend_of_dask()
    if backend is None:
        yield
        return
    submit = backend.submit

    def submit_and_tell(call: Any, callback: Callable[[Any], Any]) -> Any:
        future = submit(call, callback)
        future.add_done_callback(
            lambda done: None if done.exception() is None else callback(done.exception())
        )
        return future

    backend.submit = submit_and_tell
    try:
        yield
    finally:
        del backend.submit


def _backend_of_dask() -> Any:
    """Return joblib's backend, None if it is not that of Dask."""
    backend, _ = get_active_backend()
    return backend if type(backend).__name__ == "DaskDistributedBackend" else None


def _numbered(i: int, function: Callable[..., Any], *arguments: Any) -> tuple[int, Any]:
    """Return a number, and what a function returns."""
    return i, function(*arguments)


def _is_killed(error: Exception) -> bool:
    """Return whether an engine says that a worker process is no more."""
    return any(
        kind.__name__ in _KILLED and kind.__module__.partition(".")[0] in _ENGINES
        for kind in type(error).__mro__
    )
