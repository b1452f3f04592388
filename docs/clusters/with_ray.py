"""The assessment on the workers of Ray: python with_ray.py FOLDER [ADDRESS]."""

import sys

import ray
from joblib import parallel_config
from ray.util.joblib import register_ray
from study import study

folder, *address = sys.argv[1:]
# Without an address two workers are started here.
ray.init(*address) if address else ray.init(num_cpus=2, include_dashboard=False)
register_ray()
with parallel_config("ray", n_jobs=-1):
    study(memory=f"{folder}/memory").fit().to_netcdf(f"{folder}/ray.nc")
