"""Processes of multiprocessing that lose workers, for a test that starts this one: FOLDER.

It prints when workers were killed, each time that all jobs have ended all the same: at work; idle;
after the last job; as one writes a result; as one starts. Then it prints "errors" if those of jobs
are told as they are, and "tensors" if those that come back are of this process alone.
"""

import multiprocessing
import os
import signal
import sys
import warnings
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from joblib import parallel_config

from sklearn_emerge._engine import run_jobs

N_JOBS = 20


def killed_once(i, folder):
    """Return the square of a number; the first process that is asked for that of 3 is killed."""
    killed = Path(folder, "killed")
    if i == 3 and not killed.exists():
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return i**2


class FatalToWrite:
    """A number; the first process that writes that of 3 is killed."""

    def __init__(self, i, folder):
        self.i, self.folder = i, folder

    def __reduce__(self):
        return int, (killed_once(self.i, self.folder),)


def same(value, *_):
    """Return a value."""
    return value


class UnwritableError(Exception):
    """An error that no process can write."""

    def __init__(self):
        super().__init__("words of an error")
        self.cause = lambda: None


class UnreadableError(Exception):
    """An error that no process can read."""

    def __init__(self, first, second):
        super().__init__(f"{first} of {second}")


def fail(kind, *arguments):
    """Raise an error."""
    raise kind(*arguments)


def unwritable():
    """Return what no process can write."""
    return lambda: None


def run(jobs, kill_at=None):
    """Return what jobs return, and how often a worker was killed.

    All workers are killed after so many results.
    """
    results = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i, result in run_jobs(jobs, None):
            results[i] = result
            if len(results) == kill_at:
                for worker in multiprocessing.active_children():
                    worker.kill()
    assert results == {i: i**2 for i in range(N_JOBS)}
    return sum("A worker was killed" in str(warning.message) for warning in caught)


def run_killed_at_start(jobs):
    """Return the same where the first worker is killed before it is given work."""
    start, killed = BaseProcess.start, []

    def start_and_kill(process):
        start(process)
        if not killed:
            killed.append(process)
            process.kill()
            process.join()

    BaseProcess.start = start_and_kill
    try:
        return run(jobs)
    finally:
        BaseProcess.start = start


def error_of(*job):
    """Return what a job raises."""
    try:
        dict(run_jobs([job, job], None))
    except BaseException as error:
        return error
    return None


def main(folder):
    """Kill workers."""
    places = [Path(folder, name) for name in ("work", "write")]
    for place in places:
        place.mkdir()
    work, write = map(str, places)
    squares = [(same, i**2) for i in range(N_JOBS)]
    with parallel_config("multiprocessing", n_jobs=2):
        assert run([(killed_once, i, work) for i in range(N_JOBS)]) == 1
        print("at work", flush=True)
        assert run(squares, kill_at=1) == 1
        print("idle", flush=True)
        assert run(squares, kill_at=N_JOBS) == 0
        print("after the last", flush=True)
        assert run([(FatalToWrite, i, write) for i in range(N_JOBS)]) == 1
        print("as it writes", flush=True)
        assert run_killed_at_start(squares) == 1
        print("as it starts", flush=True)
        error = error_of(fail, ValueError, "words")
        assert type(error) is ValueError
        assert "in fail" in error.__notes__[0]
        for job in ((UnwritableError,), (UnreadableError, "words", "an error")):
            error = error_of(fail, *job)
            assert type(error) is RuntimeError, repr(error)
            assert f"{job[0].__name__}: words of an error" in str(error)
        assert "pickle" in str(error_of(unwritable))
        for kind in (KeyboardInterrupt, SystemExit):
            assert type(error_of(fail, kind)) is kind
        print("errors", flush=True)
        results = dict(run_jobs([(torch.ones, 3), (torch.ones, 3)], None))
        assert not any(result.is_shared() for result in results.values())
        print("tensors", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
