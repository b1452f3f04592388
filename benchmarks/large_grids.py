"""How long everything but the networks takes, by the number of configurations.

    OMP_NUM_THREADS=1 python benchmarks/large_grids.py [--keys] [100 1000 10000]

What cells have measured is made up. Each size runs in a process of its own. The slope of a task is
the exponent of its time from one size to the next: 1 where it grows as the number of
configurations.
"""

import argparse
import math
import multiprocessing
import resource
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from sklearn_emerge import (
    EmergenceAssessment,
    GRUPredictor,
    OscillatorWorld,
    compare_cubes,
    concat_cubes,
    judge_cube,
    load_cube,
)
from sklearn_emerge.assessment import _prepare, _schedule
from sklearn_emerge.assessment._assembly import collect
from sklearn_emerge.assessment._cube import annotate
from sklearn_emerge.assessment._statistics import add_statistics

N_SEEDS, N_BLOCKS = 6, 20


def assessment_of(n_configurations):
    """Return an assessment of as many step sizes."""
    lrs = np.linspace(1e-4, 1e-2, n_configurations).tolist()
    return EmergenceAssessment(
        OscillatorWorld(n_steps=20),
        GRUPredictor(2, max_steps=20),
        param_grid={"lr": lrs},
        nulls=("resample",),
        baselines=("mean", "linear_filter"),
        operator_evidence="loss",
        probe=None,
        reservoir_sizes=None,
        n_seeds=N_SEEDS,
        n_train=20,
        n_eval=10,
        random_state=0,
        progress=False,
    )


def made_up(cell, rng):
    """Return what a cell might have measured."""
    if cell.mode is None:
        return Bunch(
            nll_baseline=np.ones((2, N_SEEDS, 2)),
            status_baseline=np.full((2, N_SEEDS, 2), "ok", "O"),
            nll_optimal=np.full((2, N_SEEDS), -1.0),
            reference=np.array(["mean"] * 2),
            best_baseline=np.array(["mean"] * 2),
            ceiling=np.array(["exact"] * 2),
            flow={},
        )
    loss = rng.normal(rng.choice([0.2, 0.9, 1.1]), 0.3, N_SEEDS)
    return Bunch(
        nll=loss,
        status=np.full(N_SEEDS, "completed", "O"),
        fit_seconds=np.ones(N_SEEDS),
        n_parameters=1,
        training_loss=np.tile(loss[:, np.newaxis] + 0.01, N_BLOCKS),
        stopped_at=np.full(N_SEEDS, np.nan),
        validation_loss=np.full((N_SEEDS, N_BLOCKS), np.nan),
        memory={},
        trajectory={},
        flow={},
    )


def measure(n_configurations, keys):
    """Return the seconds of each task, and the most memory in MiB."""
    seconds = {}

    def timed(name, function, *args, **options):
        start = time.process_time()
        result = function(*args, **options)
        seconds[name] = time.process_time() - start
        return result

    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    assessment = assessment_of(n_configurations)
    with tempfile.TemporaryDirectory() as folder:
        if keys:
            assessment.set_params(memory=Path(folder, "memory"))
        plan = timed("plan", _prepare.make_plan, assessment, None, None)
        timed("check", _prepare.check_plan, plan, None)
        cells = timed("cells, keys" if keys else "cells", _schedule.schedule, plan)
        results = [made_up(cell, rng) for cell in cells]
        cube = timed("collect", collect, cells, results, plan.coords)
        cube["flow_target"] = plan.flow_targets
        cube = annotate(cube, plan.description)
        cube = timed("judge", add_statistics, cube)
        assessment.cube_ = cube
        timed("summary()", assessment.summary)
        timed("repr of it", repr, assessment.summary())
        timed("summary(full)", assessment.summary, "full")
        timed("in a notebook", assessment._repr_html_)
        timed("to_netcdf", assessment.to_netcdf, Path(folder, "cube.nc"))
        size = Path(folder, "cube.nc").stat().st_size / 2**20
        timed("load_cube", load_cube, Path(folder, "cube.nc"))
    halves = [cube.isel(seed=slice(3)), cube.isel(seed=slice(3, 6))]
    timed("judge_cube", judge_cube, cube, alpha=0.01)
    timed("concat_cubes", concat_cubes, halves)
    timed("compare_cubes", compare_cubes, {"a": cube, "b": cube})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return seconds, peak, size


def main():
    """Print a row a task, and a column a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[100, 1000, 10000])
    parser.add_argument("--keys", action="store_true", help="with the keys of memory=, too")
    options = parser.parse_args()
    found = []
    for size in options.sizes:
        # Memory is the most that a process has ever had.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found.append(pool.apply(measure, (size, options.keys)))
    tasks = list(found[0][0])
    heads = "".join(f"{size:>10,}" for size in options.sizes)
    print(f"{'CPU seconds':16}{heads}  slopes")
    rows = {task: [seconds[task] for seconds, *_ in found] for task in tasks}
    for task, row in rows.items():
        slopes = [
            math.log(max(b, 1e-3) / max(a, 1e-3)) / math.log(n / m)
            for a, b, m, n in zip(row, row[1:], options.sizes, options.sizes[1:], strict=False)
        ]
        numbers = "".join(f"{each:10.2f}" for each in row)
        print(f"{task:16}{numbers}  {' '.join(f'{slope:5.2f}' for slope in slopes)}")
    print(f"{'memory, MiB':16}{''.join(f'{peak:10.0f}' for _, peak, _ in found)}")
    print(f"{'file, MiB':16}{''.join(f'{size:10.1f}' for *_, size in found)}")


if __name__ == "__main__":
    main()
