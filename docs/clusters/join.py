"""Join what an array of jobs has written: python join.py grid|seeds FOLDER."""

import sys
from pathlib import Path

from sklearn_emerge import concat_cubes

kind, folder = sys.argv[1], Path(sys.argv[2])
parts = sorted(folder.glob(f"{kind}-*.nc"))
cube = concat_cubes(parts, dim="hidden_size" if kind == "grid" else "seed")
cube.to_netcdf(folder / f"{kind}.nc")
print(dict(cube.sizes))
