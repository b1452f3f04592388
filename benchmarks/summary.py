"""How long the statistics of an assessment take, without its networks.

    OMP_NUM_THREADS=1 python benchmarks/summary.py

Cells are random numbers; 100 configurations mean 900 rows of the summary.
"""

import time
from itertools import product

import numpy as np
from sklearn.utils import Bunch

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
from sklearn_emerge.assessment._assembly import collect, compare
from sklearn_emerge.assessment._claims import CLAIMS, decide_claims
from sklearn_emerge.assessment._cube import annotate, describe
from sklearn_emerge.assessment._plan import Cell
from sklearn_emerge.assessment._verdict import judge

CONDITIONS = ("structured", "resample", "shuffle")
MODES = ("full", "readout", "random")
N_SEEDS = 6


def made_up(n_configurations, random_state=0):
    """Return a cube whose gains are random."""
    rng = np.random.default_rng(random_state)
    coords = {
        "condition": CONDITIONS,
        "mode": MODES,
        "hidden_size": np.arange(n_configurations),
        "seed": np.arange(N_SEEDS),
        "baseline": ["mean"],
        "block": [1.0],
    }
    cells, results = [], []
    for condition, index in product(CONDITIONS, range(n_configurations)):
        cells.append(Cell(None, [(index,)], condition))
        baseline = Bunch(
            nll_baseline=np.ones((N_SEEDS, 1)),
            status_baseline=np.full((N_SEEDS, 1), "ok", "O"),
            nll_optimal=np.full(N_SEEDS, -1.0),
            reference="mean",
            best_baseline="mean",
            ceiling="exact",
        )
        results.append(baseline)
        for mode in MODES:
            cells.append(Cell(None, [(index,)], condition, mode))
            network = Bunch(
                nll=rng.normal(rng.choice([0.2, 0.9, 1.1]), 0.3, N_SEEDS),
                status=np.full(N_SEEDS, "completed", "O"),
                fit_seconds=np.ones(N_SEEDS),
                n_parameters=1,
                training_loss=np.full((N_SEEDS, 1), np.nan),
                stopped_at=np.full(N_SEEDS, np.nan),
                memory={},
                trajectory={},
            )
            results.append(network)
    return collect(cells, results, coords)


def decide(cube):
    """Return a cube with its claims and verdicts."""
    options = {"claims": tuple(CLAIMS), "alpha": 0.05, "correction": "holm"}
    cube = cube.merge(decide_claims(cube, margins=(0.01, 0.05), **options))
    cube = cube.merge(judge(cube, margin=0.01, **options))
    description = describe(EmergenceAssessment(OscillatorWorld(), GRUPredictor(), n_seeds=6))
    return annotate(cube, description | {"n_configurations": cube.sizes["hidden_size"]})


def main():
    """Print a row a size and task: seconds."""
    for n_configurations in (100, 1000):
        assessment = EmergenceAssessment(OscillatorWorld(), GRUPredictor())
        cube = made_up(n_configurations)

        def compared(cube=cube):
            return compare(cube, "student", 0.05, "holm")

        def judged(cube=cube):
            return decide(cube)

        tasks = {"compare": compared, "judge": judged}
        tasks |= {"summary": assessment.summary, "display": assessment._repr_html_}
        for name, task in tasks.items():
            if name == "summary":
                assessment.cube_ = judged()
            start = time.perf_counter()
            task()
            print(f"{n_configurations:5d} {name:8s} {time.perf_counter() - start:7.3f} s")


if __name__ == "__main__":
    main()
