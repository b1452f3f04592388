"""Pools of multiprocessing in which nothing waits for a worker that was killed."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.pool import TERMINATE, Pool
from threading import Event, Thread
from typing import Any

from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import get_active_backend
from joblib.pool import MemmappingPool

# Seconds between two looks at the workers.
_LOOK_EVERY = 0.1
# Seconds in which threads of a pool end whose workers are no more.
_PATIENCE = 5


class _Context:
    """A context of multiprocessing that knows the processes it has made."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.processes: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def Process(self, *arguments: Any, **options: Any) -> Any:
        """Return a new process, as of multiprocessing."""
        process = self._context.Process(*arguments, **options)
        self.processes.append(process)
        return process


@contextmanager
def killed_workers_are_told() -> Iterator[None]:
    """Let calls of joblib's multiprocessing fail when a worker is killed, and its pool end.

    A pool only starts another worker, and waits for ever for what was lost; so does its end if the
    worker held the lock of a queue.
    """
    backend: Any = get_active_backend()[0]
    # Ray has put its own pool in place of joblib's, once it was used.
    if type(backend).__name__ != "MultiprocessingBackend" or not issubclass(MemmappingPool, Pool):
        yield
        return
    configure, terminate = backend.configure, backend.terminate
    ended = Event()

    def configure_and_watch(**options: Any) -> int:
        nonlocal ended
        context = _Context(options.pop("context", None) or multiprocessing.get_context())
        n_jobs: int = configure(context=context, **options)
        ended = Event()
        arguments = backend._pool, context.processes, ended
        Thread(target=_watch, args=arguments, daemon=True).start()
        return n_jobs

    def end_and_terminate() -> None:
        ended.set()
        if backend._pool is not None:
            _end(backend._pool)
        terminate()

    backend.configure, backend.terminate = configure_and_watch, end_and_terminate
    try:
        yield
    finally:
        del backend.configure, backend.terminate


def _watch(pool: Any, processes: list[Any], ended: Event) -> None:
    """Fail the calls of a pool from the death of one of its workers on, until it is ended."""
    killed = False
    while not ended.wait(_LOOK_EVERY):
        for process in list(processes):
            if process.exitcode is not None:
                processes.remove(process)
                # Where workers are replaced after so many calls, they end by themselves.
                killed |= process.exitcode != 0 or pool._maxtasksperchild is None
        if killed:
            error = TerminatedWorkerError("A worker of the pool was killed.")
            for call in list(pool._cache.values()):
                # It may end at this moment, and is then gone.
                with suppress(KeyError):
                    call._set(0, (False, error))


def _end(pool: Any) -> None:
    """Kill the workers of a pool, whatever locks they hold, in place of `Pool.terminate`."""
    pool._terminate.cancel()
    starts, feeds, reads = pool._worker_handler, pool._task_handler, pool._result_handler
    # Others would be started in their place.
    starts._state = TERMINATE
    pool._change_notifier.put(None)
    starts.join()
    for worker in pool._pool:
        worker.kill()
    for worker in pool._pool:
        worker.join()
    # This thread may wait for work, for room in a pipe that nobody reads now, or for the lock of a
    # worker that was killed as it wrote.
    feeds._state = TERMINATE
    pool._taskqueue.put(None)
    pool._inqueue._reader.close()
    lock = pool._outqueue._wlock
    if lock is not None:
        lock.acquire(timeout=1)
        lock.release()
    feeds.join(_PATIENCE)
    # And this one for the rest of a result.
    reads._state = TERMINATE
    pool._outqueue._writer.close()
    reads.join(_PATIENCE)
