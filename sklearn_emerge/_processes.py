"""Work on processes of multiprocessing, with word of one that is killed.

Pools of multiprocessing, and so joblib's, start another process then, and wait for ever for what
was lost; they also wait for locks that it held. Here each process has a pipe of its own, which ends
with it.
"""

import multiprocessing
import os
import pickle
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
    method = os.environ.get("JOBLIB_START_METHOD", "").strip() or None
    context: Any = multiprocessing.get_context(method)
    waiting, processes = deque(range(len(calls))), dict[Any, Any]()
    # Others are not sent them as they start: that waits also for one that has ended.
    is_fork = context.get_start_method() == "fork"
    shared, sent = (calls, None) if is_fork else (None, pickle.dumps(calls))
    try:
        for _ in range(min(n_processes, len(calls))):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, shared), daemon=True)
            process.start()
            # With the last copy of its end the pipe ends.
            theirs.close()
            processes[ours] = process
        for pipe in processes:
            # One that has ended since then is noticed when its answer is wanted.
            with suppress(OSError):
                if sent is not None:
                    pipe.send_bytes(sent)
                pipe.send(waiting.popleft())
        # It is as large as all arrays.
        del sent
        at_work = set(processes)
        while at_work:
            for pipe in wait(at_work):
                try:
                    answer = pipe.recv_bytes()
                except (EOFError, OSError) as lost:
                    raise TerminatedWorkerError("A process of multiprocessing ended.") from lost
                if waiting:
                    with suppress(OSError):
                        pipe.send(waiting.popleft())
                else:
                    at_work.remove(pipe)
                result, error = pickle.loads(answer)
                if error is not None:
                    raise error
                yield result
    finally:
        # Nobody waits for what they do.
        for pipe, process in processes.items():
            process.kill()
            process.join()
            pipe.close()


def _work(pipe: Connection, calls: Sequence[Any] | None) -> None:
    """Answer the numbers of calls by what these return, or raise, without further processes."""
    # Whoever interrupts this process has interrupted the one that knows what to say.
    with parallel_config("sequential"), suppress(EOFError, KeyboardInterrupt):
        if calls is None:
            calls = pipe.recv()
        while True:
            function, arguments, named = calls[pipe.recv()]
            try:
                answer = pickle.dumps((function(*arguments, **named), None))
            # As without processes: what a call interrupts, or exits, is the program.
            except BaseException as error:
                answer = _as_bytes(error)
            pipe.send_bytes(answer)


def _as_bytes(error: BaseException) -> Any:
    """Return an error that a process can read, or one with its words if it cannot."""
    words = f"In a process of multiprocessing:\n{traceback.format_exc()}"
    error.add_note(words)
    try:
        answer = pickle.dumps((None, error))
        pickle.loads(answer)
    except Exception:
        return pickle.dumps((None, RuntimeError(words)))
    return answer
