"""How the time of training and of a whole assessment grows with each of its sizes.

    python benchmarks/growth.py [--growing sequences steps updates units seeds configurations
        channels] [--factors 1 2 4 8] [--save FOLDER]

A linear system of two states, observed in some channels, and GRUs. One size at a time is
multiplied, the others stay small; a slope is the exponent of the time, fitted to the logarithms of
all sizes, and 1 where time is proportional. What does not depend on a size makes slopes smaller
than they are for large ones. Configurations differ in their step size. Training counts updates, so
that its time does not depend on how many sequences there are. Seconds are those of the processor,
on one thread; slopes travel.
"""

import argparse
import warnings

import numpy as np
import torch
from assessment import parts_of
from measure import SAVING, Table, save, slope

from sklearn_emerge import EmergenceAssessment, GRUPredictor, LinearSystemWorld

BASE = {
    "sequences": 500,
    "steps": 64,
    "updates": 500,
    "units": 8,
    "seeds": 2,
    "configurations": 1,
    "channels": 1,
}
UNIT = "seconds of the processor, on one thread"


def measure(sequences, steps, updates, units, seeds, configurations, channels):
    """Return the seconds of training and of all of an assessment."""
    turn = 0.95 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    seen = np.random.default_rng(0).normal(size=(channels, 2))
    assessment = EmergenceAssessment(
        LinearSystemWorld(turn, seen, n_steps=steps),
        GRUPredictor(units, max_steps=updates, engine="numba"),
        param_grid={"lr": np.geomspace(1e-3, 1e-2, configurations).tolist()},
        nulls=(),
        n_seeds=seeds,
        n_train=sequences,
        n_eval=max(20, sequences // 10),
        random_state=0,
        progress=False,
        alpha=0.6,
    )
    total, seconds = parts_of(assessment)
    return seconds["training"], total


def main():
    """Print times and slopes over each size."""
    parser = argparse.ArgumentParser(parents=[SAVING])
    parser.add_argument("--growing", nargs="+", choices=BASE, default=list(BASE))
    parser.add_argument("--factors", type=int, nargs="+", default=[1, 2, 4, 8])
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    # Compiles, or reads from the disk.
    measure(**BASE | {"sequences": 20, "steps": 16, "updates": 2})
    print(UNIT)
    times, slopes = Table(), Table()
    for name in options.growing:
        for factor in options.factors:
            size = factor * BASE[name]
            training, whole = measure(**BASE | {name: size})
            times.add(growing=name, size=size, training=training, assessment=whole)
    for name in options.growing:
        rows = [row for row in times.rows if row["growing"] == name]
        fitted = {
            part: slope([row["size"] for row in rows], [row[part] for row in rows])
            for part in ("training", "assessment")
        }
        slopes.add(growing=name, **fitted)
    save(options.save, {"times": times.rows, "slopes": slopes.rows}, UNIT)


if __name__ == "__main__":
    main()
