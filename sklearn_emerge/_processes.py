"""Work on processes of multiprocessing, with word of one that is killed.

Pools of multiprocessing, and so joblib's, start another process then, and wait for ever for what
was lost; they also wait for locks that it held. Here each process has a pipe of its own, which ends
with it.
"""

import multiprocessing
import os
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from joblib import parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import MultiprocessingBackend, get_active_backend


def on_processes() -> bool:
    """Return whether joblib's backend is multiprocessing itself, and none that replaces it."""
    backend, _ = get_active_backend()
    return type(backend) is MultiprocessingBackend


def run_on_processes(calls: Sequence[Any], n_processes: int) -> Iterator[Any]:
    """Yield what calls return, as they end.

    Processes have all calls from their start: those that are forked share the arrays of this one,
    others are sent them once.

    Parameters
    ----------
    calls : sequence of tuple
        Function, arguments and named arguments, each.
    n_processes : int
        Processes.

    Raises
    ------
    TerminatedWorkerError
        If a process is killed.
    """
    # As joblib.
    context: Any = multiprocessing.get_context(os.environ.get("JOBLIB_START_METHOD") or None)
    waiting, processes = deque(range(len(calls))), dict[Any, Any]()
    try:
        for _ in range(min(n_processes, len(calls))):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, calls), daemon=True)
            process.start()
            # With the last copy of its end the pipe ends.
            theirs.close()
            processes[ours] = process
            ours.send(waiting.popleft())
        at_work = set(processes)
        while at_work:
            for pipe in wait(at_work):
                try:
                    result, error = pipe.recv()
                except (EOFError, OSError) as lost:
                    raise TerminatedWorkerError("A process of multiprocessing ended.") from lost
                if waiting:
                    # One that has ended since then is noticed when its answer is wanted.
                    with suppress(OSError):
                        pipe.send(waiting.popleft())
                else:
                    at_work.remove(pipe)
                if error is not None:
                    raise error
                yield result
    finally:
        # Nobody waits for what they do.
        for pipe, process in processes.items():
            process.kill()
            process.join()
            pipe.close()


def _work(pipe: Connection, calls: Sequence[Any]) -> None:
    """Answer the numbers of calls by what these return, or raise, without further processes."""
    # Whoever interrupts this process has interrupted the one that knows what to say.
    with parallel_config("sequential"), suppress(EOFError, KeyboardInterrupt):
        while True:
            function, arguments, named = calls[pipe.recv()]
            try:
                answer = function(*arguments, **named), None
            except Exception as error:
                error.add_note(f"In a process of multiprocessing:\n{traceback.format_exc()}")
                answer = None, error
            pipe.send(answer)
