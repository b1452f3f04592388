"""How long the statistics of an assessment take, without its networks.

    OMP_NUM_THREADS=1 python benchmarks/summary.py

Cells are random numbers; 100 configurations mean 900 rows of the summary.
"""

import time

import numpy as np
from sklearn.utils import Bunch

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
from sklearn_emerge.assessment._assembly import collect, compare
from sklearn_emerge.assessment._verdict import judge

CONDITIONS = ("structured", "resample", "shuffle")
MODES = ("full", "readout", "random")
N_SEEDS = 5


def made_up(n_configurations, random_state=0):
    """Return a cube whose gains are random."""
    rng = np.random.default_rng(random_state)
    coords = {
        "condition": CONDITIONS,
        "mode": MODES,
        "hidden_size": np.arange(n_configurations),
        "seed": np.arange(N_SEEDS),
        "baseline": ["mean"],
    }
    places, results = [], []
    for index in np.ndindex(len(CONDITIONS), n_configurations):
        places.append((index[0], None, index[1:]))
        baseline = Bunch(
            nll=np.ones((N_SEEDS, 1)),
            nll_optimal=np.full(N_SEEDS, -1.0),
            reference="mean",
            best_baseline="mean",
            ceiling="exact",
        )
        results.append(baseline)
        for mode in range(len(MODES)):
            places.append((index[0], mode, index[1:]))
            network = Bunch(
                nll=rng.normal(rng.choice([0.2, 0.9, 1.1]), 0.3, N_SEEDS),
                status=np.full(N_SEEDS, "completed", "O"),
                fit_seconds=np.ones(N_SEEDS),
                n_parameters=np.ones(N_SEEDS, int),
                trajectory={},
            )
            results.append(network)
    return collect(places, results, coords)


def main():
    """Print a row a size and task: seconds."""
    for n_configurations in (100, 1000):
        assessment = EmergenceAssessment(OscillatorWorld(), GRUPredictor())
        cube = made_up(n_configurations)

        def compared(cube=cube):
            return compare(cube, "student", 0.05, "holm")

        def judged(cube=cube):
            return judge(cube, alpha=0.05, correction="holm", probe_margin=0.05)

        tasks = {"compare": compared, "judge": judged}
        tasks |= {"summary": assessment.summary, "display": assessment._repr_html_}
        for name, task in tasks.items():
            if name == "summary":
                assessment.cube_ = cube.merge(judged())
            start = time.perf_counter()
            task()
            print(f"{n_configurations:5d} {name:8s} {time.perf_counter() - start:7.3f} s")


if __name__ == "__main__":
    main()
