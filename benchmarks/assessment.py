"""Where the time of an assessment goes, and its peak memory.

    python benchmarks/assessment.py [--updates 20000] [--sequences 20000] [--save FOLDER]

Runs `EmergenceAssessment` on the oscillator world at the size of *Emergence Without Scale*: GRU of
16 units, 20,000 + 2,000 sequences of 256 steps, 20,000 updates, five seeds, two modes, no null, on
all cores. Times are those of the clock on one machine; shares travel.
"""

import argparse
import time
from collections import Counter
from contextlib import ExitStack
from functools import wraps
from unittest.mock import patch

import torch
from measure import CORES, SAVING, Table, peak_memory, save, timed

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
from sklearn_emerge.assessment import _baselines, _cores, _networks, _windows
from sklearn_emerge.worlds._base import World

# The parts of an assessment, by the function that does the work. The baselines are one part, with
# their sampling and scoring.
PARTS = {
    "sampling": (World, "split"),
    "training": (_networks, "_fit_seeds"),
    "scoring": (GRUPredictor, "score"),
    "probing": (_networks, "_probe_scores"),
    "memory": (_networks, "_measure_memory"),
    "baselines": (_baselines.Baselines, "measure"),
    "windows": (_windows.Windows, "measure"),
    "random cores": (_cores.Cores, "measure"),
}
UNIT = "seconds of the clock; MiB"


def counted(function, name, seconds, clock):
    """Return the function with its own time added to seconds[name]."""

    @wraps(function)
    def wrapper(*args, **kwargs):
        start, inside = clock(), seconds.total()
        try:
            return function(*args, **kwargs)
        finally:
            seconds[name] += clock() - start - (seconds.total() - inside)

    return wrapper


def parts_of(assessment, clock=time.process_time):
    """Fit an assessment; return the seconds of all of it, and of each part."""
    seconds = Counter(dict.fromkeys(PARTS, 0.0))
    with ExitStack() as stack:
        for part, (owner, name) in PARTS.items():
            function = counted(getattr(owner, name), part, seconds, clock)
            stack.enter_context(patch.object(owner, name, function))
        total, _ = timed(assessment.fit, clock=clock)
    seconds["the rest"] = total - seconds.total()
    return total, seconds


def assessment_of(n_sequences, updates, progress=False):
    """Return the assessment."""
    return EmergenceAssessment(
        OscillatorWorld(n_steps=256),
        GRUPredictor(16, max_steps=updates, engine="numba"),
        nulls=(),
        n_seeds=5,
        n_train=n_sequences,
        n_eval=max(20, n_sequences // 10),
        random_state=0,
        progress=progress,
        alpha=0.6,
    )


def main():
    """Print seconds and share of each part, and peak memory."""
    parser = argparse.ArgumentParser(parents=[SAVING])
    parser.add_argument("--updates", type=int, default=20_000)
    parser.add_argument("--sequences", type=int, default=20_000)
    options = parser.parse_args()
    torch.set_num_threads(CORES)
    # Compiles, or reads from the disk.
    assessment_of(50, 5).fit()
    whole = assessment_of(options.sequences, options.updates, progress=True)
    total, seconds = parts_of(whole, time.perf_counter)
    print(f"{CORES} cores; {UNIT}")
    parts, table = Table(), Table()
    for part, spent in seconds.items():
        parts.add(part=part, seconds=spent, share=spent / total)
    sizes = dict(sequences=options.sequences, updates=options.updates)
    table.add(**sizes, seconds=total, peak=peak_memory())
    save(options.save, {"parts": parts.rows, "whole": table.rows[0]}, UNIT)


if __name__ == "__main__":
    main()
