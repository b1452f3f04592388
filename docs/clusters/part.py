"""One task of an array of jobs: python part.py grid|seeds FOLDER."""

import os
from argparse import ArgumentParser
from pathlib import Path

from study import SIZES, study

parser = ArgumentParser(description=__doc__)
parser.add_argument("kind", choices=["grid", "seeds"])
parser.add_argument("folder", type=Path)
options = parser.parse_args()
number = os.environ.get("SLURM_ARRAY_TASK_ID", "")
allowed = range(len(SIZES)) if options.kind == "grid" else range(10_000)
if not number.isdecimal() or int(number) not in allowed:
    parser.error(
        f"SLURM_ARRAY_TASK_ID={number!r} is no number of a task; set one from 0 to {allowed[-1]}, "
        f"for instance by #SBATCH --array=0-{min(allowed[-1], 9)}."
    )
memory = options.folder / "memory"
if options.kind == "grid":
    part = study(sizes=[SIZES[int(number)]], memory=memory)
else:
    part = study(random_state=int(number), memory=memory)
part.fit()
part.to_netcdf(options.folder / f"{options.kind}-{int(number):04}.nc")
