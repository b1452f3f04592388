"""What a cell costs beyond its work on each engine, and how many bytes a worker is sent for it.

    python benchmarks/engines.py [--cells 100 500 2000] [--engines serial loky dask ray]
        [--save FOLDER]

Half of the cells are two baselines of a tiny world, half a network of one unit without training:
as little work as there can be. Workers run a few cells before the time is taken, so that they have
loaded the libraries. Times are those of the clock for all cells, divided by their number, on two
workers; what goes beyond half of the serial one is the engine's.
"""

import argparse
import time
import warnings
from contextlib import contextmanager
from unittest.mock import patch

import cloudpickle
import numpy as np
from joblib import parallel_config
from measure import SAVING, Table, save

from sklearn_emerge import EmergenceAssessment, OscillatorWorld, RNNPredictor
from sklearn_emerge.assessment import _assessment

ENGINES = ("serial", "loky", "dask", "ray")


@contextmanager
def engine(name):
    """Let joblib use an engine, with two workers."""
    if name == "serial":
        yield
        return
    if name == "dask":
        import dask
        from distributed import Client, LocalCluster

        # It would itself try three times more, and not wait for workers that load slowly.
        dask.config.set({"distributed.scheduler.allowed-failures": 0})
        dask.config.set({"distributed.deploy.lost-worker-timeout": "120s"})
        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        with cluster, Client(cluster), parallel_config("dask", wait_for_workers_timeout=60):
            yield
        return
    if name == "ray":
        import ray
        from ray.util.joblib import register_ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        register_ray()
    with parallel_config(name, n_jobs=2):
        yield


def measure(n_cells):
    """Return the seconds a cell, and the bytes of one, of an assessment of so many cells."""
    found = {}

    def timed(cells, *arguments, **options):
        found["bytes"] = np.mean([len(cloudpickle.dumps(cell.run)) for cell in cells[:100]])
        start = time.perf_counter()
        results = run_cells(cells, *arguments, **options)
        found["seconds"] = (time.perf_counter() - start) / len(cells)
        return results

    run_cells = _assessment.run_cells
    assessment = EmergenceAssessment(
        OscillatorWorld(n_steps=4),
        RNNPredictor(1, max_steps=0, engine="torch"),
        param_grid={"world__time_step": np.linspace(0.1, 0.2, n_cells // 2).tolist()},
        modes=("random",),
        nulls=(),
        baselines=("mean", "persistence"),
        claims=("gain",),
        reservoir_sizes=None,
        n_seeds=2,
        n_train=8,
        n_eval=5,
        alpha=0.6,
        progress=False,
        random_state=0,
    )
    with patch.object(_assessment, "run_cells", timed):
        assessment.fit()
    return found["seconds"], found["bytes"]


def main():
    """Print a row an engine and number of cells."""
    parser = argparse.ArgumentParser(parents=[SAVING])
    parser.add_argument("--cells", type=int, nargs="+", default=[100, 500, 2000])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    options = parser.parse_args()
    # So few seeds reach no verdict, and none is asked for.
    warnings.simplefilter("ignore", UserWarning)
    table = Table()
    for name in options.engines:
        with engine(name):
            measure(20)
            for n_cells in options.cells:
                seconds, n_bytes = measure(n_cells)
                table.add(engine=name, cells=n_cells, ms=1e3 * seconds, bytes=n_bytes)
    save(options.save, table.rows, "milliseconds of the clock and bytes, a cell")


if __name__ == "__main__":
    main()
