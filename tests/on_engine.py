"""A process that works on an engine of joblib, for tests that start it: ENGINE, then a folder.

It prints "same" if an assessment on it has the results of one here, and if what it keeps is read;
then "again" if jobs end although a worker is killed, and "alone" if one that kills every worker
ends them with an error.
"""

import os
import signal
import sys
import warnings
from pathlib import Path

import pytest
import xarray as xr
from on_pool import N_JOBS, killed_once

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
from sklearn_emerge._engine import WorkerKilledError, run_jobs


def assess(**options):
    """Return the cube of an assessment of eight cells."""
    small = dict(n_seeds=2, n_train=20, n_eval=10, nulls=(), modes=("full",), alpha=0.6)
    assessment = EmergenceAssessment(
        OscillatorWorld(n_steps=10),
        GRUPredictor(2, max_steps=3, engine="torch"),
        param_grid={"hidden_size": [2, 3]},
        baselines=("mean", "persistence"),
        claims=("gain", "representation"),
        reservoir_sizes=(2, 3),
        random_state=0,
        **(small | options),
    )
    return assessment.fit().cube_


def killed_always(i):
    """Return the square of a number, of each but 3."""
    if i == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return i**2


def main(name, folder):
    """Work on an engine."""
    sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
    from engines import engine

    expected = assess(progress=False).drop_vars("fit_seconds")
    with engine(name):
        cube = assess(progress="log", memory=folder).drop_vars("fit_seconds")
        xr.testing.assert_equal(cube, expected)
        kept = {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*.pkl")}
        assert kept
        cube = assess(progress="log", memory=folder).drop_vars("fit_seconds")
        xr.testing.assert_equal(cube, expected)
        assert {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*.pkl")} == kept
        print("same", flush=True)
        jobs = [(killed_once, i, folder) for i in range(N_JOBS)]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            results = dict(run_jobs(jobs, None))
        assert results == {i: i**2 for i in range(N_JOBS)}
        assert sum("A worker was killed" in str(warning.message) for warning in caught) == 1
        print("again", flush=True)
        results = {}
        with pytest.raises(WorkerKilledError) as error:
            for i, result in run_jobs([(killed_always, i) for i in range(N_JOBS)], None):
                results[i] = result
        assert error.value.args == (3,)
        assert {0, 1, 2} <= results.keys()
        assert results == {i: i**2 for i in results}
        print("alone", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
