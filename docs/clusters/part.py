"""One task of an array of jobs: python part.py grid|seeds FOLDER."""

import os
import sys
from pathlib import Path

from study import SIZES, study

kind, folder = sys.argv[1], Path(sys.argv[2])
task = int(os.environ["SLURM_ARRAY_TASK_ID"])
if kind == "grid":
    part = study(sizes=[SIZES[task]], memory=folder / "memory")
else:
    part = study(random_state=task, memory=folder / "memory")
part.fit()
part.to_netcdf(folder / f"{kind}-{task:04}.nc")
