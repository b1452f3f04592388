"""How good the guess is that an assessment makes of its time, before it starts.

    OMP_NUM_THREADS=1 python benchmarks/estimate.py

Each line is an assessment: seconds that were estimated and that it took, and their ratio for all
and for its parts. Other work on the machine is in both.
"""

import time
from collections import Counter
from itertools import pairwise
from unittest.mock import patch

from sklearn_emerge import (
    BernoulliWorld,
    EmergenceAssessment,
    GRUPredictor,
    LSTMPredictor,
    OscillatorWorld,
    RegimeWorld,
    RNNPredictor,
    TransformerPredictor,
)
from sklearn_emerge.assessment import _run

FEW = {"n_seeds": 2, "alpha": 0.6}
CASES = {
    "gru, 40 steps": (OscillatorWorld(n_steps=40), GRUPredictor(8, max_steps=300), {"n_train": 40}),
    "gru, by torch": (
        OscillatorWorld(n_steps=64),
        GRUPredictor(8, max_steps=200, engine="torch"),
        FEW,
    ),
    "gru, many updates": (OscillatorWorld(n_steps=64), GRUPredictor(16, max_steps=4000), FEW),
    "gru, long": (OscillatorWorld(), GRUPredictor(32, max_steps=200), {"n_train": 500} | FEW),
    "rnn, classes": (RegimeWorld(n_steps=64), RNNPredictor(16, max_steps=1000), FEW),
    "lstm, zeros and ones": (BernoulliWorld(n_steps=64), LSTMPredictor(16, max_steps=500), FEW),
    "transformer": (
        OscillatorWorld(n_steps=32),
        TransformerPredictor(hidden_size=16, n_layers=1, max_steps=100),
        {"n_train": 200, "n_eval": 100} | FEW,
    ),
}


def run(world, model, options):
    """Return the cells of an assessment, their costs, and the seconds that each took."""
    kept, seconds = {}, []
    costs_of, tell = _run.costs_of, _run.Progress.finish

    def costs(cells, n_at_once):
        kept["cells"], kept["costs"] = cells, costs_of(cells, n_at_once)
        seconds.append(time.perf_counter())
        return kept["costs"]

    def finish(self, i):
        seconds.append(time.perf_counter())
        return tell(self, i)

    with patch.object(_run, "costs_of", costs), patch.object(_run.Progress, "finish", finish):
        assessment = EmergenceAssessment(world, model, random_state=0, progress="log", **options)
        assessment.fit()
    taken = [after - before for before, after in pairwise(seconds)]
    return kept["cells"], kept["costs"], taken


def main():
    """Print a line for each assessment."""
    for name, case in CASES.items():
        guessed, taken = Counter(), Counter()
        for cell, cost, seconds in zip(*run(*case), strict=True):
            part = "networks" if cell.mode is not None else type(cell.work).__name__.lower()
            guessed[part] += cost.seconds
            taken[part] += seconds
        ratios = ", ".join(f"{part} {guessed[part] / taken[part]:.1f}" for part in taken)
        print(
            f"{name:22}{guessed.total():7.1f} s guessed,{taken.total():7.1f} s taken, ratio "
            f"{guessed.total() / taken.total():.2f} ({ratios})",
            flush=True,
        )


if __name__ == "__main__":
    main()
