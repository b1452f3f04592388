"""Join what an array of jobs has written: python join.py grid|seeds FOLDER."""

from argparse import ArgumentParser
from pathlib import Path

from sklearn_emerge import concat_cubes

parser = ArgumentParser(description=__doc__)
parser.add_argument("kind", choices=["grid", "seeds"])
parser.add_argument("folder", type=Path)
options = parser.parse_args()
parts = sorted(options.folder.glob(f"{options.kind}-*.nc"))
if not parts:
    parser.error(f"no cubes match {options.folder / options.kind}-*.nc; run part.py first.")
cube = concat_cubes(parts, dim="hidden_size" if options.kind == "grid" else "seed")
cube.to_netcdf(options.folder / f"{options.kind}.nc")
print(dict(cube.sizes))
