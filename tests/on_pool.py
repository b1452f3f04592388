"""A process whose pool of multiprocessing loses workers, for a test that starts it: FOLDER.

It prints when workers were killed, each time that all jobs have ended all the same: at work; idle;
after the last job; as one writes a result.
"""

import multiprocessing
import os
import signal
import sys
import warnings
from pathlib import Path

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


if __name__ == "__main__":
    main(*sys.argv[1:])
