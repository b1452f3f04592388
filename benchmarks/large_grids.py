"""How long everything but the networks takes, by the number of configurations.

    OMP_NUM_THREADS=1 python benchmarks/large_grids.py [--keys] [100 1000 10000]
        [--save FOLDER]

What cells have measured is made up. Each size runs in a process of its own. The slope of a task is
the exponent of its time from one size to the next: 1 where it grows as the number of
configurations.
"""

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
from measure import SAVING, Table, alone, save, slope, timed
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
UNIT = "seconds of the processor by the number of configurations, and MiB"


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
    """Return the seconds of each task, and the MiB of a file."""
    seconds = {}

    def task(name, function, *args, **options):
        seconds[name], result = timed(lambda: function(*args, **options))
        return result

    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    assessment = assessment_of(n_configurations)
    with tempfile.TemporaryDirectory() as folder:
        if keys:
            assessment.set_params(memory=Path(folder, "memory"))
        plan = task("plan", _prepare.make_plan, assessment, None, None)
        task("check", _prepare.check_plan, plan, None)
        cells = task("cells, keys" if keys else "cells", _schedule.schedule, plan)
        results = [made_up(cell, rng) for cell in cells]
        cube = task("collect", collect, cells, results, plan.coords)
        cube["flow_target"] = plan.flow_targets
        cube = annotate(cube, plan.description)
        cube = task("judge", add_statistics, cube)
        assessment.cube_ = cube
        task("summary()", assessment.summary)
        task("repr of it", repr, assessment.summary())
        task("summary(full)", assessment.summary, "full")
        task("in a notebook", assessment._repr_html_)
        task("to_netcdf", assessment.to_netcdf, Path(folder, "cube.nc"))
        size = Path(folder, "cube.nc").stat().st_size / 2**20
        task("load_cube", load_cube, Path(folder, "cube.nc"))
    halves = [cube.isel(seed=slice(3)), cube.isel(seed=slice(3, 6))]
    task("judge_cube", judge_cube, cube, alpha=0.01)
    task("concat_cubes", concat_cubes, halves)
    task("compare_cubes", compare_cubes, {"a": cube, "b": cube})
    return seconds, size


def main():
    """Print a row a task, and a column a size."""
    parser = argparse.ArgumentParser(description=__doc__, parents=[SAVING])
    parser.add_argument("sizes", nargs="*", type=int, default=[100, 1000, 10000])
    parser.add_argument("--keys", action="store_true", help="with the keys of memory=, too")
    options = parser.parse_args()
    # Memory is the most that a process has ever had.
    found = [alone(measure, size, options.keys) for size in options.sizes]
    print(UNIT)
    seconds, memory = Table(), Table()
    for task in found[0].result[0]:
        row = [each.result[0][task] for each in found]
        by_size = dict(zip(map(str, options.sizes), row, strict=True))
        seconds.add(task=task, **by_size, slope=slope(options.sizes[-2:], row[-2:]))
    for what, row in (
        ("memory, MiB", [each.peak for each in found]),
        ("file, MiB", [each.result[1] for each in found]),
    ):
        memory.add(task=what, **dict(zip(map(str, options.sizes), row, strict=True)))
    save(options.save, {"seconds": seconds.rows, "memory": memory.rows}, UNIT)


if __name__ == "__main__":
    main()
