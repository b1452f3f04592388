"""What a run that is killed leaves behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from sklearn_emerge._abandoned import ending_with_parent, progress_folder, remove_abandoned

# A process with a folder of progress, and two workers that tell their number and sleep: in their
# work, or before, while their arguments are read.
PARENT = """
import os, sys, time
from joblib import Parallel, delayed
from sklearn_emerge._abandoned import ending_with_parent, progress_folder

def work(read=None):
    if read is None:
        os.write(1, b"%d\\n" % os.getpid())
    time.sleep(60)

def read_slowly():
    os.write(1, b"%d\\n" % os.getpid())
    time.sleep(1)
    return 0

class Slow:
    def __reduce__(self):
        return read_slowly, ()

folder = progress_folder()
arguments = [Slow()] if sys.argv[1] == "before" else []
Parallel(2)(delayed(ending_with_parent)(work, *arguments) for _ in range(2))
"""


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def has_ended(process):
    """Not whether it is there: nobody may have asked yet how it ended."""
    try:
        state = subprocess.check_output(["ps", "-o", "stat=", "-p", str(process)], text=True)
    except subprocess.CalledProcessError:
        return True
    return state.startswith("Z")


@pytest.mark.parametrize("when", ["before", "in"])
def test_workers_end_with_their_parent_and_remove_its_folder(when, tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, when],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    workers = [int(parent.stdout.readline()) for _ in range(2)]
    try:
        assert list(tmp_path.glob(f"sklearn_emerge-progress-{parent.pid}-*"))
        assert not any(map(has_ended, workers))
        # The folder goes although the parent is still there as a zombie.
        parent.kill()
        wait_until(lambda: all(map(has_ended, workers)))
        assert not list(tmp_path.glob("sklearn_emerge-*"))
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
        for worker in workers:
            if not has_ended(worker):
                os.kill(worker, signal.SIGKILL)


def test_a_process_that_is_no_worker_goes_on():
    """It returns what the work returns."""
    assert ending_with_parent(sum, [1, 2]) == 3


def test_only_folders_of_processes_that_are_no_more_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    kept = ["sklearn_emerge-cube-1", "sklearn_emerge-progress-x-1", "sklearn_emerge-progress-1-a"]
    for name in [f"sklearn_emerge-progress-{ended.pid}-a", *kept]:
        Path(tmp_path, name).mkdir()
        Path(tmp_path, name, "0").touch()
    with progress_folder() as own:
        remove_abandoned()
        assert {path.name for path in tmp_path.iterdir()} == {*kept, Path(own).name}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_a_run_of_two_processes_that_is_ended_leaves_nothing(name, tmp_path):
    command = [
        "assess",
        "oscillator",
        "--model",
        "gru",
        "--steps",
        "1000000",
        "--jobs",
        "2",
        "--memory",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "sklearn_emerge", *command, tmp_path / "memory"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def members():
        listed = subprocess.check_output(["ps", "-eo", "pgid=,pid=,stat="], text=True)
        rows = [line.split() for line in listed.splitlines()]
        return [pid for group, pid, stat in rows if group == str(process.pid) and stat[0] != "Z"]

    try:
        # Cells that run have written how far they are, on a busy machine after minutes.
        wait_until(lambda: list(tmp_path.glob("sklearn_emerge-*/*")), 300)
        assert len(members()) > 2
        process.send_signal(getattr(signal, name))
        wait_until(lambda: not members(), 30)
        assert not list(tmp_path.glob("sklearn_emerge-*"))
        assert process.wait() == (143 if name == "SIGTERM" else -9)
    finally:
        for member in members():
            os.kill(int(member), signal.SIGKILL)
        process.wait()
