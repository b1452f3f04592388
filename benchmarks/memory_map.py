"""Peak memory of an assessment of a recording that is a memory map.

``python benchmarks/memory_map.py [gigabytes]`` writes a recording of single precision (2 GB by
default) into a temporary folder, assesses it with a tiny network in two processes, and prints the
peak memory of this process and of its workers against the size of the file. What is resident of
the file itself is shared by all processes and can be dropped at any time; private memory cannot.
"""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from sklearn_emerge import ArrayWorld, EmergenceAssessment, GRUPredictor

MB = 2**20
N_CHANNELS, LENGTH = 8, 100
PART = 2**16


def write(path, gigabytes):
    """Write a recording of slow noise, part by part."""
    n_steps = int(gigabytes * 2**30) // (4 * N_CHANNELS)
    rng = np.random.default_rng(0)
    series = np.lib.format.open_memmap(path, "w+", np.float32, (n_steps, N_CHANNELS))
    for start in range(0, n_steps, PART):
        noise = rng.standard_normal((min(PART, n_steps - start) + 4, N_CHANNELS), np.float32)
        series[start : start + PART] = np.lib.stride_tricks.sliding_window_view(
            noise, 5, axis=0
        ).mean(axis=2)
    series.flush()


def memory_of(pid):
    """Return resident and private memory of a process in MB, or zeros if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    found = dict(line.split(":") for line in lines if line.startswith(("VmRSS", "RssAnon")))
    return tuple(int(found.get(key, "0").split()[0]) * 1024 // MB for key in ("VmRSS", "RssAnon"))


def children_of(pid):
    """Return the processes below one."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += task.read_text().split()
        except OSError:
            continue
    return [int(each) for each in found]


class Watch(threading.Thread):
    """Notes the peaks of this process and of those below it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peaks, self.going_on = {}, True

    def run(self):
        """Look ten times a second."""
        here = os.getpid()
        while self.going_on:
            below = children_of(here)
            for pid in (here, *below, *(each for child in below for each in children_of(child))):
                now = memory_of(pid)
                self.peaks[pid] = tuple(map(max, self.peaks.get(pid, (0, 0)), now))
            time.sleep(0.1)


def main(gigabytes):
    """Assess, and print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.npy"
        write(path, gigabytes)
        size = path.stat().st_size // MB
        start = memory_of(os.getpid())
        watch = Watch()
        watch.start()
        began = time.perf_counter()
        world = ArrayWorld.from_recording(np.load(path, mmap_mode="r"), length=LENGTH)
        print(world.describe_units())
        EmergenceAssessment(
            world,
            GRUPredictor(hidden_size=2, max_steps=20),
            modes=("full", "readout"),
            nulls=("resample",),
            baselines=("mean", "persistence"),
            reservoir_sizes=None,
            n_train=200,
            n_eval=100,
            n_jobs=2,
            random_state=0,
            progress=False,
        ).fit()
        watch.going_on = False
        watch.join()
    print(f"file {size} MB, {time.perf_counter() - began:.0f} s")
    print(f"before: {start[0]} MB resident, {start[1]} MB private")
    for pid, (resident, private) in sorted(watch.peaks.items()):
        name = "parent" if pid == os.getpid() else "worker"
        print(f"{name}: peak {resident} MB resident, {private} MB private")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0)
