"""Work on the engines of joblib: as it ends, in batches, and again if a worker is killed."""

import logging
import os
import subprocess
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import pytest
from joblib import parallel_config, register_parallel_backend
from joblib._parallel_backends import ThreadingBackend
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError
from on_engine import assess

from sklearn_emerge import _engine
from sklearn_emerge._engine import WorkerKilledError, run_jobs
from sklearn_emerge.assessment import _run
from sklearn_emerge.assessment._networks import Networks


class Crowded:
    """A job that is killed where more than so many run at once."""

    def __init__(self, room):
        self.room, self.running, self.lock, self.calls = room, 0, Lock(), []

    def __call__(self, i):
        with self.lock:
            self.running += 1
            self.calls.append(i)
            crowded = self.running > self.room
        try:
            time.sleep(0.02)
            if crowded:
                raise TerminatedWorkerError("no memory is left")
            return i**2
        finally:
            with self.lock:
                self.running -= 1


class AllAtTheEnd(ThreadingBackend):
    """An engine that returns no generator, as Ray."""

    supports_return_generator = False


register_parallel_backend("all_at_the_end", AllAtTheEnd)


@pytest.mark.parametrize("engine", ["threading", "all_at_the_end"])
@pytest.mark.parametrize(("room", "tried"), [(8, []), (2, [4, 2]), (1, [4, 2, 1])])
def test_what_was_killed_runs_again_with_fewer_at_once(engine, room, tried, monkeypatch):
    work, jobs, attempt = Crowded(room), 24, _engine._attempt

    def attempt_alone(*arguments):
        # Threads of an attempt that has failed go on, as killed processes do not.
        while work.running:
            time.sleep(0.01)
        return attempt(*arguments)

    monkeypatch.setattr(_engine, "_attempt", attempt_alone)
    with parallel_config(engine, n_jobs=8), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = dict(run_jobs([(work, i) for i in range(jobs)], None))
    assert results == {i: i**2 for i in range(jobs)}
    said = [str(warning.message) for warning in caught]
    assert [text.partition("again, ")[2].partition(" at once")[0] for text in said] == [
        str(n) for n in tried
    ]


@pytest.mark.parametrize("engine", ["threading", "all_at_the_end"])
@pytest.mark.filterwarnings("ignore:A worker was killed")
def test_what_is_killed_alone_ends_the_run(engine):
    work = Crowded(0)
    with parallel_config(engine, n_jobs=8), pytest.raises(WorkerKilledError) as error:
        dict(run_jobs([(work, i) for i in range(24)], None))
    assert error.value.args == (0,)
    assert isinstance(error.value.__cause__, TerminatedWorkerError)
    # Eight, four, two and one at once, and none that follows when the first of these has failed.
    assert work.calls[-1] == 0
    assert len(work.calls) < 24 + 8 + 4 + 1


@pytest.mark.parametrize("kind", [BrokenProcessPool, MemoryError, ValueError])
def test_other_errors_are_not_tried_again(kind):
    calls = []

    def work():
        calls.append(0)
        raise kind("no worker can read this")

    with parallel_config("threading", n_jobs=2), pytest.raises(kind, match="no worker can"):
        dict(run_jobs([(work,)], None))
    assert len(calls) == 1


def test_batches_end_before_the_last_begins():
    ended = []

    def work(i):
        return len(ended)

    with parallel_config("all_at_the_end", n_jobs=2):
        for i, seen in run_jobs([(work, i) for i in range(40)], None):
            ended.append(i)
            assert seen <= i
    assert sorted(ended) == list(range(40))
    assert seen == 32


@pytest.mark.parametrize("engine", ["threading", "all_at_the_end"])
def test_an_assessment_shows_and_keeps_its_cells(engine, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="sklearn_emerge")
    expected = assess(progress=False).drop_vars("fit_seconds")
    for kept in (False, True):
        caplog.clear()
        with parallel_config(engine, n_jobs=2):
            cube = assess(progress="log", memory=tmp_path)
        assert cube.drop_vars("fit_seconds").equals(expected)
        assert caplog.messages[-1].startswith("8 of 8 cells (")
        assert ("8 of 8 cells read from" in caplog.messages[0]) == kept


@pytest.mark.filterwarnings("ignore:A worker was killed")
@pytest.mark.parametrize("kept", [False, True])
def test_an_assessment_says_what_is_finished_if_a_cell_is_killed_alone(kept, tmp_path, monkeypatch):
    def killed(self, *arguments, **options):
        raise TerminatedWorkerError("no memory is left")

    memory = tmp_path if kept else None
    with monkeypatch.context() as patched:
        patched.setattr(Networks, "measure", killed)
        with parallel_config("threading", n_jobs=2), pytest.raises(WorkerKilledError) as error:
            assess(progress=False, memory=memory)
    said = str(error.value)
    assert "in the cell 'the world, all weights, hidden_size=2'" in said
    assert "n_train" in said
    where = f"kept in {tmp_path}" if kept else "lost; set memory to a folder"
    # The baselines, which are before it.
    assert f"1 of 8 cells are finished and {where}" in said
    if kept:
        # Others may have ended while two ran at once.
        assert list(tmp_path.rglob("*.pkl"))


def test_an_assessment_says_that_no_worker_is_left(tmp_path, monkeypatch):
    def lost(jobs, n_jobs):
        yield 0, jobs[0][0]()
        raise WorkerKilledError(None)

    monkeypatch.setattr(_run, "run_jobs", lost)
    with pytest.raises(WorkerKilledError, match="none came in their place") as error:
        assess(progress=False, memory=tmp_path)
    assert f"1 of 8 cells are finished and kept in {tmp_path}" in str(error.value)


def run_by(method, *command):
    """Return what a process did whose own are started by a method of multiprocessing."""
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "JOBLIB_START_METHOD": method},
        capture_output=True,
        text=True,
        # Each that is spawned imports torch.
        timeout=400,
        check=False,
    )


@pytest.mark.parametrize(
    "method",
    ["fork", *(pytest.param(name, marks=pytest.mark.slow) for name in ("spawn", "forkserver"))],
)
def test_no_process_of_multiprocessing_that_is_killed_is_waited_for(method, tmp_path):
    run = run_by(method, Path(__file__).with_name("on_pool.py"), tmp_path)
    assert run.returncode == 0, run.stderr
    said = ["at work", "idle", "after the last", "as it writes", "as it starts"]
    assert run.stdout.splitlines() == [*said, "errors", "tensors"]
    # Workers print what they do not catch.
    assert "Traceback" not in run.stderr, run.stderr


@pytest.mark.slow
def test_processes_that_cannot_start_are_not_waited_for(tmp_path):
    """Those that are spawned run the script, which may not do without its last lines."""
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\n"
        "from joblib import parallel_config\n"
        "from sklearn_emerge._engine import run_jobs\n"
        "with parallel_config('multiprocessing', n_jobs=2):\n"
        "    print(dict(run_jobs([(np.sum, np.ones(10**6))] * 2, None)))\n"
    )
    run = run_by("spawn", script)
    assert run.returncode == 1
    assert "if __name__ == '__main__':" in run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["loky", "multiprocessing", "dask", "ray"])
def test_processes_have_the_same_results_and_may_be_killed(engine, tmp_path):
    for package in {"dask": ("dask", "distributed"), "ray": ("ray",)}.get(engine, ()):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    script = Path(__file__).with_name("on_engine.py")
    run = subprocess.run(
        [sys.executable, script, engine, tmp_path],
        capture_output=True,
        text=True,
        # Beside other work, what is as nice as Ray's workers hardly runs.
        env={**os.environ, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_worker_niceness": "0"},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    said = ["same", "again", "alone"]
    # Ray says more.
    assert [line for line in run.stdout.splitlines() if line in said] == said
    assert "8 of 8 cells (" in run.stderr
