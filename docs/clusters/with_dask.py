"""The assessment on the workers of Dask: python with_dask.py FOLDER [SCHEDULER]."""

import sys

from distributed import Client
from joblib import parallel_config
from study import study

if __name__ == "__main__":
    folder, *address = sys.argv[1:]
    # Without a scheduler two workers are started here.
    options = {} if address else dict(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with Client(*address, **options), parallel_config("dask", wait_for_workers_timeout=60):
        study(memory=f"{folder}/memory").fit().to_netcdf(f"{folder}/dask.nc")
