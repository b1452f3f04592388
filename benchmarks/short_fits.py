"""What a grid of short fits takes, and how long a fit must be for the compiled scans to be faster.

    OMP_NUM_THREADS=1 python benchmarks/short_fits.py [100] [--updates 20 25 75 320 1280]
        [--save FOLDER]

First a grid: GRUs of 4 and 8 units, 100 updates, as many step sizes as make so many configurations,
against each of them assessed alone. Of those alone a tenth is run.

Then single fits of 16 units on sequences of 40 steps, each in a process of its own: by torch, and
by the scans, which each process reads from the disk first. `loss` is what `engine="auto"` takes
over what the better of both takes: the most of it is where "auto" changes, at 25 updates of a GRU
and 75 of an RNN. Scans are compiled before that, if they never were.

Seconds are those of the processor.
"""

import argparse
import warnings
from itertools import product

import numpy as np
from measure import SAVING, Table, alone, save, timed

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld, RNNPredictor

SIZES = [4, 8]
MODELS = {"rnn": RNNPredictor, "gru": GRUPredictor}
UNIT = "seconds of the processor; of a configuration in a grid and alone, and of a fit"


def assess(**options):
    """Return the seconds of an assessment, and its cube."""
    assessment = EmergenceAssessment(
        OscillatorWorld(n_steps=50),
        n_train=500,
        n_eval=200,
        random_state=0,
        progress=False,
        **options,
    )
    seconds, fitted = timed(assessment.fit)
    return seconds, fitted.cube_


def compare_grid(n_configurations):
    """Return seconds of a configuration in a grid and alone, and whether losses are the same."""
    lrs = np.geomspace(1e-3, 1e-1, n_configurations // len(SIZES)).tolist()
    # What is compiled or read once is in none of the times.
    assess(model=GRUPredictor(2, max_steps=100))
    grid = {"hidden_size": SIZES, "lr": lrs}
    seconds, cube = assess(model=GRUPredictor(max_steps=100), param_grid=grid)
    apart, same = [], True
    for size, lr in product(SIZES, lrs[:: min(10, len(lrs))]):
        one, own = assess(model=GRUPredictor(size, lr=lr, max_steps=100))
        apart.append(one)
        same &= np.array_equal(own.nll, cube.nll.sel(hidden_size=size, lr=lr))
    each = seconds / n_configurations
    row = dict(configurations=n_configurations, in_a_grid=each, alone=float(np.mean(apart)))
    return row | dict(runs_alone=len(apart), same_losses=bool(same))


def fit(kind, engine, updates):
    """Fit, and return which engine that was."""
    X = OscillatorWorld(n_steps=40).sample(640, random_state=0).X
    model = MODELS[kind](16, max_steps=updates, engine=engine, random_state=0)
    return model.fit(X).engine_


def compare_engines(updates):
    """Return rows of fits by both engines, and by the one that is chosen."""
    table = Table()
    for kind, n in product(MODELS, updates):
        if n == updates[0]:
            alone(fit, kind, "numba", n)
        # What both import is read before.
        by_torch, by_scan, auto = (
            alone(fit, kind, engine, n, warm_up=(kind, "torch", 1))
            for engine in ("torch", "numba", "auto")
        )
        loss = auto.seconds / min(by_torch.seconds, by_scan.seconds)
        row = dict(model=kind, updates=n, torch=by_torch.seconds, scan=by_scan.seconds)
        table.add(**row, auto=auto.seconds, chosen=auto.result, loss=loss)
    return table.rows


def main():
    """Print both comparisons."""
    parser = argparse.ArgumentParser(parents=[SAVING])
    parser.add_argument("configurations", type=int, nargs="?", default=100)
    parser.add_argument("--updates", type=int, nargs="+", default=[20, 25, 75, 320, 1280])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(UNIT)
    table = Table()
    table.add(**compare_grid(options.configurations))
    engines = compare_engines(options.updates)
    save(options.save, {"grid": table.rows, "engines": engines}, UNIT)


if __name__ == "__main__":
    main()
