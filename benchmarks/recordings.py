"""What a large recording takes in a grid: memory, bytes sent to workers, and keys.

``python benchmarks/recordings.py [megabytes]`` makes a recording (200 MB by default), assesses it
with tiny networks in a grid of 16 configurations on two processes, and prints

- the peak memory of this process, above what it had with the recording, and of its workers;
- how much was pickled for workers, in how many messages;
- how often arrays of a megabyte or more were hashed for keys of the store, and how long it took.

What is resident of a file is shared by all processes and can be dropped at any time; private memory
cannot. Options: ``--map`` keeps the recording in a file, which is mapped; ``--dtype float32``;
``--rows`` makes independent sequences of it in place of one recording; ``--all`` trains on and
evaluates all of them instead of 80; ``--grid`` and ``--n-jobs`` are the numbers of configurations
and of processes. Needs the extra "benchmark".
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path

import joblib.externals.loky.backend.queues as queues
import numpy as np
import psutil
from joblib.hashing import NumpyHasher
from measure import timed

from sklearn_emerge import ArrayWorld, EmergenceAssessment, GRUPredictor

MB = 2**20
N_CHANNELS, LENGTH = 8, 100
PART = 2**16
HERE = psutil.Process()


def write(path, n_bytes, dtype):
    """Write a recording of slow noise, part by part."""
    n_steps = n_bytes // (np.dtype(dtype).itemsize * N_CHANNELS * LENGTH) * LENGTH
    rng = np.random.default_rng(0)
    series = np.lib.format.open_memmap(path, "w+", dtype, (n_steps, N_CHANNELS))
    for start in range(0, n_steps, PART):
        n = min(PART, n_steps - start)
        noise = rng.standard_normal((n + 4, N_CHANNELS), np.float32)
        series[start : start + n] = np.lib.stride_tricks.sliding_window_view(noise, 5, axis=0).mean(
            axis=2
        )
    series.flush()


def memory_of(process):
    """Return memory of a process in MB by kind, or nothing if it has ended.

    Private is what neither a file nor another process holds. Shares are of what is resident: what n
    processes share counts as the n-th part in each.
    """
    try:
        found = process.memory_full_info()
    except psutil.Error:
        return {}
    kinds = {"resident": found.rss, "private": found.rss - found.shared, "share": found.pss}
    return {kind: n_bytes // MB for kind, n_bytes in kinds.items()}


class Watch(threading.Thread):
    """Notes the peaks of this process and of those below it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peaks, self.going_on = {}, True

    def run(self):
        """Look ten times a second."""
        while self.going_on:
            for process in (HERE, *HERE.children(recursive=True)):
                peak = self.peaks.setdefault(process.pid, {})
                for kind, now in memory_of(process).items():
                    peak[kind] = max(peak.get(kind, 0), now)
            time.sleep(0.1)


class Counted:
    """Stands for a function: counts calls, what `size` says of each, and seconds."""

    def __init__(self, function, size):
        self.function, self.size = function, size
        self.n_calls, self.n_bytes, self.seconds = 0, 0, 0.0

    def __call__(self, *args, **options):
        """Call the function."""
        seconds, result = timed(lambda: self.function(*args, **options), clock=time.perf_counter)
        size = self.size(result, *args)
        if size:
            self.n_calls += 1
            self.n_bytes += size
            self.seconds += seconds
        return result


def count_pickled():
    """Count what is sent to the workers of loky."""
    queues.dumps = Counted(queues.dumps, lambda result, *_: len(result))
    return queues.dumps


def count_hashed():
    """Count the large arrays that are hashed."""
    counted = Counted(
        NumpyHasher.save,
        lambda _, hasher, obj: (
            obj.nbytes if isinstance(obj, np.ndarray) and obj.nbytes >= MB else 0
        ),
    )
    NumpyHasher.save = lambda hasher, obj: counted(hasher, obj)
    return counted


def main(asked):
    """Assess, and print what it took."""
    pickled, hashed = count_pickled(), count_hashed()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.npy"
        write(path, int(asked.megabytes * MB), asked.dtype)
        series = np.load(path, mmap_mode="r" if asked.map else None)
        size = series.nbytes // MB
        before = memory_of(HERE)
        watch = Watch()
        watch.start()
        began = time.perf_counter()
        if asked.rows:
            world = ArrayWorld(series.reshape(-1, LENGTH, N_CHANNELS))
        else:
            world = ArrayWorld.from_recording(series, length=LENGTH)
            print(world.describe_units())
        EmergenceAssessment(
            world,
            GRUPredictor(hidden_size=2, max_steps=2),
            param_grid={"lr": np.geomspace(1e-4, 1e-2, asked.grid).tolist()},
            modes=("full", "readout"),
            nulls=("resample",),
            baselines=("mean", "persistence"),
            reservoir_sizes=(4,),
            n_train=None if asked.all else 60,
            n_eval=None if asked.all else 20,
            n_jobs=asked.n_jobs,
            memory=Path(folder) / "cells",
            random_state=0,
            progress=False,
        ).fit()
        watch.going_on = False
        watch.join()
    print(f"{size} MB, {time.perf_counter() - began:.0f} s")
    for pid, peak in sorted(watch.peaks.items()):
        if pid == HERE.pid:
            more = {kind: peak[kind] - before[kind] for kind in before}
            print("parent, above what it had:", in_words(more))
        elif peak.get("resident", 0) > 100:
            print("worker:", in_words(peak))
    print(f"pickled for workers: {pickled.n_bytes / MB:,.1f} MB in {pickled.n_calls} messages")
    print(
        f"hashed for keys: {hashed.n_calls} large arrays, {hashed.n_bytes / MB:,.0f} MB, "
        f"{hashed.seconds:.1f} s"
    )


def in_words(memory):
    """Return memory by kind in one line."""
    return ", ".join(f"{n:,} MB {kind}" for kind, n in memory.items())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("megabytes", nargs="?", type=float, default=200)
    parser.add_argument("--dtype", default="float64", choices=("float64", "float32"))
    parser.add_argument("--grid", type=int, default=16)
    parser.add_argument("--n-jobs", type=int, default=2)
    for name in ("map", "rows", "all"):
        parser.add_argument(f"--{name}", action="store_true")
    main(parser.parse_args())
