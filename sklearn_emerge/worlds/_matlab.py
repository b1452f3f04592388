"""What files of MATLAB before version 7.3 hold: arrays, structures of them, cells of sequences."""

from pathlib import Path
from typing import Any

import numpy as np

from .._padding import even


def matlab_arrays(path: Path) -> dict[str, Any]:
    """Return numbers and text by name; of structures, "name.field".

    What the cells of an array of cells, or a field of an array of structures, have in common is
    one array: a number or a text each, or a sequence each. Sequences of unequal length end in NaN.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to ndarray or DataArray
        Of sequences whose lengths tell which dimension is that of steps, a DataArray.
    """
    from scipy.io import loadmat

    # Of the types that MATLAB had, not those that it wrote to save space.
    held = loadmat(path, mat_dtype=True)
    arrays: dict[str, Any] = {}
    for name, value in held.items():
        if not name.startswith("__"):
            arrays |= _unpacked(name, value)
    return arrays


def vector(array: Any) -> Any:
    """Return vectors with one dimension; in MATLAB all have two."""
    return array.reshape(-1) if array.ndim == 2 and 1 in array.shape else array


def native(array: Any) -> Any:
    """Return an array in this machine's order of bytes."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _unpacked(name: str, value: Any) -> dict[str, Any]:
    from scipy.io.matlab import MatlabFunction, MatlabOpaque

    if not isinstance(value, np.ndarray) or isinstance(value, MatlabFunction | MatlabOpaque):
        return {}
    if value.dtype.names:
        found: dict[str, Any] = {}
        for field in value.dtype.names:
            of_each = value[field].ravel()
            found |= _unpacked(f"{name}.{field}", of_each[0] if of_each.size == 1 else of_each)
        return found
    if value.dtype.kind == "O":
        together = _together([vector(cell) for cell in value.ravel() if hasattr(cell, "dtype")])
        return {} if together is None else {name: together}
    return {name: vector(native(value))} if value.dtype.kind in "biufU" else {}


def _together(cells: list[Any]) -> Any:
    """Return what is in all cells as one array, or None if it is not of one kind."""
    kinds = {"U" if cell.dtype.kind == "U" else cell.dtype.kind in "biuf" for cell in cells}
    shapes = {cell.shape for cell in cells}
    if kinds not in ({"U"}, {True}) or any(0 in shape for shape in shapes):
        return None
    cells = [native(cell) for cell in cells]
    if all(cell.size == 1 for cell in cells):
        return np.concatenate([cell.reshape(-1) for cell in cells])
    if kinds == {"U"} or len({len(shape) for shape in shapes}) > 1:
        return None
    if len(shapes) == 1:
        return np.stack(cells)
    n_dims = cells[0].ndim
    differ = [len({shape[axis] for shape in shapes}) > 1 for axis in range(n_dims)]
    if n_dims > 2 or sum(differ) > 1:
        return None
    # Sequences differ in their number of steps alone.
    values, missing = even([cell if differ[0] else cell.T for cell in cells])
    values = values.astype(np.float64)
    values[missing] = np.nan
    import xarray as xr

    return xr.DataArray(values, dims=("trial", "time", "channel")[: values.ndim])
