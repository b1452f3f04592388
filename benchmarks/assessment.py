"""Where the time of an assessment goes, its peak memory, and how its time grows.

    python benchmarks/assessment.py [--updates 20000] [--sequences 20000] [--no-growth]

The first part runs `EmergenceAssessment` on the oscillator world at the size of *Emergence Without
Scale*: GRU of 16 units, 20,000 + 2,000 sequences of 256 steps, 20,000 updates, five seeds, two
modes, no null. The second prints log-log slopes of the whole time over one size at a time, the
others kept small; a slope of 1 is proportional. Times are those of one machine, shares and slopes
travel.
"""

import argparse
import os
import resource
import time
from collections import Counter
from functools import wraps
from unittest.mock import patch

import numpy as np
import torch

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
from sklearn_emerge.assessment import _alternatives, _networks
from sklearn_emerge.worlds._base import World

# The stages of a cell, by the function that does the work. The baselines are one stage, with
# their sampling and scoring.
STAGES = {
    "sampling": (World, "split"),
    "training": (_networks, "_fit_seeds"),
    "scoring": (GRUPredictor, "score"),
    "probing": (_networks, "_probe_scores"),
    "memory": (_networks, "_measure_memory"),
    "baselines": (_alternatives.Baselines, "measure"),
    "windows": (_alternatives.Windows, "measure"),
    "random cores": (_alternatives.Cores, "measure"),
}
BASE = {"sequences": 500, "steps": 64, "updates": 500, "seeds": 2, "hidden size": 8}
FACTORS = (1, 2, 4, 8)


def timed(function, name, seconds):
    """Return the function with its own time added to seconds[name]."""

    @wraps(function)
    def wrapper(*args, **kwargs):
        start, inside = time.perf_counter(), sum(seconds.values())
        try:
            return function(*args, **kwargs)
        finally:
            nested = sum(seconds.values()) - inside
            seconds[name] += time.perf_counter() - start - nested

    return wrapper


def assess(n_sequences, n_steps, updates, n_seeds, hidden_size, progress=False):
    """Return the seconds of a whole assessment."""
    world = OscillatorWorld(n_steps=n_steps)
    model = GRUPredictor(hidden_size, max_steps=updates, engine="numba")
    assessment = EmergenceAssessment(
        world,
        model,
        nulls=(),
        n_seeds=n_seeds,
        n_train=n_sequences,
        n_eval=max(20, n_sequences // 10),
        random_state=0,
        progress=progress,
        alpha=0.6,
    )
    start = time.perf_counter()
    assessment.fit()
    return time.perf_counter() - start


def print_stages(n_sequences, updates):
    """Print seconds and share of each stage, and peak memory."""
    assess(50, 256, 5, 2, 16)
    seconds = Counter(dict.fromkeys(STAGES, 0.0))
    patches = [
        patch.object(owner, name, timed(getattr(owner, name), stage, seconds))
        for stage, (owner, name) in STAGES.items()
    ]
    for each in patches:
        each.start()
    total = assess(n_sequences, 256, updates, 5, 16, progress=True)
    for each in patches:
        each.stop()
    seconds["the rest"] = total - sum(seconds.values())
    for stage, spent in seconds.items():
        print(f"{stage:13}{spent:9.1f} s{spent / total:8.1%}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'total':13}{total:9.1f} s    peak memory {peak:.0f} MiB")


def print_growth():
    """Print times and log-log slopes over each size."""
    for factor in FACTORS:
        # Compile first.
        assess(20, 16, 2, 2, factor * BASE["hidden size"])
    for name in BASE:
        seconds = []
        for factor in FACTORS:
            sizes = {**BASE, name: factor * BASE[name]}
            seconds.append(min(assess(*sizes.values()) for _ in range(2)))
        slope = np.polyfit(np.log(FACTORS), np.log(seconds), 1)[0]
        times = "  ".join(f"{s:6.2f}" for s in seconds)
        print(f"{name:12} x {FACTORS}: {times} s, slope {slope:.2f}", flush=True)


def main():
    """Print both parts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--updates", type=int, default=20_000)
    parser.add_argument("--sequences", type=int, default=20_000)
    parser.add_argument("--growth", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(cores)
    print(f"{cores} cores")
    print_stages(options.sequences, options.updates)
    if options.growth:
        print_growth()


if __name__ == "__main__":
    main()
