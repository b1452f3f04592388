"""Files in which what was found of finished steps is kept, one a step."""

import warnings
from pathlib import Path

import xarray as xr

from .._files import read_sealed
from ..assessment._cube import read_dataset, save_cube

_KEY = "key"
# Letters of a key in the name of a file; the file has all of it.
_SHOWN = 12


def path_of(folder: Path, step: int, key: str) -> Path:
    """Return the file of a step, under the key of what it is computed from."""
    return folder / f"step{step}-{key[:_SHOWN]}.nc"


def keep(found: xr.Dataset, path: Path, key: str) -> None:
    """Write what was found of a step, all of it or nothing."""
    save_cube(found.assign_attrs({_KEY: key}), path)


def look_up(path: Path, key: str) -> xr.Dataset | None:
    """Return what is kept of a step, None if it is not, with a warning if it is damaged."""
    try:
        found = read_dataset(read_sealed(path))
        if found.attrs[_KEY] != key:
            raise ValueError("it is that of other probe sets, measures or model files")
    except FileNotFoundError:
        return None
    # What netCDF4 and xarray raise for files that are damaged or foreign is not documented.
    except Exception as error:
        warnings.warn(
            f"{str(path)!r} cannot be used ({error}); the step is computed again. Nothing has to "
            "be done.",
            stacklevel=3,
        )
        return None
    return found.drop_attrs()
