"""What benchmarks share: times, memory, tables that are printed, and files of what was measured."""

import argparse
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from llvmlite.binding import get_host_cpu_name
from skorch.callbacks import Callback

from sklearn_emerge.training._callbacks import StopTraining

CORES = len(os.sched_getaffinity(0))
# Of the last minute, before anything of the benchmark runs.
_LOAD_AVERAGE = os.getloadavg()[0]
PACKAGES = "sklearn-emerge", "numpy", "scipy", "scikit-learn", "torch", "numba", "jax"
# The options of a benchmark that can be saved: ArgumentParser(parents=[SAVING]).
SAVING = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
SAVING.add_argument("--save", metavar="FOLDER", help="write a file of what was measured, too")


def timed(function, n_repeats=1, clock=time.process_time):
    """Return the least seconds of some runs, of the processor if not said, and the last result."""
    seconds = []
    for _ in range(n_repeats):
        start = clock()
        result = function()
        seconds.append(clock() - start)
    return min(seconds), result


def slope(sizes, seconds):
    """Return the exponent of times over sizes: the slope of a line through their logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(seconds, 1e-3)), 1)[0])


class Clock(Callback):
    """Add up the seconds of so many updates of each training, but its first ones, and end it.

    With the first ones kernels are read or compiled, and memory is taken.
    """

    def __init__(self, clock, n_updates, n_first=1):
        self.clock, self.n_updates, self.n_first, self.seconds = clock, n_updates, n_first, 0.0

    def on_train_begin(self, net, **kwargs):
        """Forget the training before."""
        self.times = []

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        """Look at the clock."""
        self.times.append(self.clock())
        if len(self.times) == self.n_first + self.n_updates:
            self.seconds += self.times[-1] - self.times[self.n_first - 1]
            raise StopTraining

    def announce_compilation(self):
        """Say nothing."""


class Alone(NamedTuple):
    """What a function did in a process of its own: processor seconds, memory in MiB, its result."""

    seconds: float
    more: float
    peak: float
    result: object


def alone(function, *arguments, warm_up=None):
    """Call a function in a new process on one thread, before that with arguments that warm it up.

    `peak` is the most memory of the process while it ran, `more` what that is above what it had.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_alone, function, arguments, warm_up).result()


def _alone(function, arguments, warm_up):
    torch.set_num_threads(1)
    if warm_up is not None:
        function(*warm_up)
    # The peak of what was done before, imports among it, is forgotten; psutil knows no peaks.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory()
    seconds, result = timed(lambda: function(*arguments))
    peak = peak_memory()
    return Alone(seconds, peak - before, peak, result)


def peak_memory():
    """Return the most memory that this process has had, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


class Table:
    """Rows that are printed as they come."""

    def __init__(self):
        self.rows = []

    def add(self, **row):
        """Print a row, below the names of its columns if it is the first."""
        widths = [max(16 if isinstance(v, str) else 9, len(name)) for name, v in row.items()]
        if not self.rows:
            print("  ".join(f"{name:>{width}}" for name, width in zip(row, widths, strict=True)))
        cells = map(_written, row.values())
        print("  ".join(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True)), flush=True)
        self.rows.append(row)


def _written(value):
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def save(folder, numbers, unit, name=""):
    """Write what a script measured to a file of its name, or name; nothing without a folder."""
    if folder is None:
        return
    script = Path(sys.argv[0])
    _, arguments = SAVING.parse_known_args()
    threads = os.environ.get("OMP_NUM_THREADS")
    words = [f"OMP_NUM_THREADS={threads}"] * (threads is not None)
    words += ["python", f"benchmarks/{script.name}", *arguments]
    measured = {
        "source": "saved",
        "command": " ".join(words),
        "date": date.today().isoformat(),
        "machine": {
            "processor": get_host_cpu_name(),
            "cores": CORES,
            "load_average": round(_LOAD_AVERAGE, 2),
        },
        "versions": _versions(),
        "unit": unit,
        "numbers": numbers,
    }
    Path(folder).mkdir(parents=True, exist_ok=True)
    text = json.dumps(measured, indent=1, default=lambda number: number.item())
    Path(folder, f"{name or script.stem}.json").write_text(text + "\n", encoding="utf-8")


def _versions():
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
