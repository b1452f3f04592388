"""What a grid of short fits takes, against each of its configurations assessed alone.

    OMP_NUM_THREADS=1 python benchmarks/short_fits.py [100]

GRUs of 4 and 8 units, 100 updates, as many step sizes as make so many configurations. Of those
alone a tenth is run. Seconds are those of the processor; prints both, their ratio, and whether the
losses that both have are the same.
"""

import sys
import time
import warnings

import numpy as np

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld

SIZES = [4, 8]


def assess(**options):
    """Return the seconds of an assessment, and its cube."""
    start = time.process_time()
    cube = (
        EmergenceAssessment(
            OscillatorWorld(n_steps=50),
            n_train=500,
            n_eval=200,
            random_state=0,
            progress=False,
            **options,
        )
        .fit()
        .cube_
    )
    return time.process_time() - start, cube


def main(n_configurations=100):
    """Print the comparison."""
    warnings.simplefilter("ignore")
    lrs = np.geomspace(1e-3, 1e-1, n_configurations // len(SIZES)).tolist()
    # What is compiled or read once is in none of the times.
    assess(model=GRUPredictor(2, max_steps=100))
    grid = {"hidden_size": SIZES, "lr": lrs}
    seconds, cube = assess(model=GRUPredictor(max_steps=100), param_grid=grid)
    alone, same = [], True
    for size in SIZES:
        for lr in lrs[:: min(10, len(lrs))]:
            one, own = assess(model=GRUPredictor(size, lr=lr, max_steps=100))
            alone.append(one)
            same &= np.array_equal(own.nll, cube.nll.sel(hidden_size=size, lr=lr))
    each = seconds / n_configurations
    print(f"{n_configurations} configurations in a grid: {seconds:.0f} s, {each:.2f} s each")
    print(f"{len(alone)} of them alone: {np.mean(alone):.2f} s each")
    print(f"ratio {np.mean(alone) / each:.1f}, the same losses: {same}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
