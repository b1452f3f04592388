"""What files of recordings hold: arrays by name, or tables. Nothing is ever unpickled."""

import gzip
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ._matlab import matlab_arrays, native, vector

_HDF = "HDF5, by netCDF4"
# What each ending stands for; those of tables hold rows and columns.
_TABLES = {".csv": "CSV", ".csv.gz": "CSV, compressed"}
_ARRAYS = {
    ".npy": "NumPy, memory map",
    ".npz": "NumPy archive",
    ".nc": "NetCDF",
    ".mat": "MATLAB",
    ".h5": _HDF,
    ".hdf5": _HDF,
}
ENDINGS = (*_ARRAYS, *_TABLES)
# Bytes that files begin with, and what these are.
_BEGINNINGS = {
    b"\x93NUMPY": ".npy",
    b"PK\x03\x04": ".npz",
    b"\x89HDF": ".h5",
    b"CDF": ".nc",
    b"MATLAB": ".mat",
    b"\x1f\x8b": ".csv.gz",
}
# NetCDF 4 is HDF5.
_ALIKE = {(".h5", ".nc"), (".h5", ".hdf5")}
_HDF_BEGINS = b"\x89HDF\r\n\x1a\n"
# Where MATLAB keeps what cells and objects refer to.
_INTERNAL = "#"


def ending_of(path: str | PathLike[str]) -> str | None:
    """Return the ending that says of which format a file is, or None if it is not known."""
    name = Path(path).name.lower()
    return next((ending for ending in ENDINGS if name.endswith(ending)), None)


def is_table(path: str | PathLike[str]) -> bool:
    """Return whether a file is a table of rows and columns."""
    return ending_of(path) in _TABLES


def check_file(path: str | PathLike[str]) -> Path:
    """Return the path of a file that can be read; raise an error that says why it cannot."""
    found = Path(path).expanduser()
    if not found.exists():
        raise FileNotFoundError(f"{path}: there is no such file; check the path.")
    if not found.is_file():
        raise ValueError(f"{path}: it is no regular file; pass the path of one.")
    if ending_of(found) is None:
        raise ValueError(
            f"{path}: nothing is known of files that end in {found.suffix!r}; end its name in "
            f"what it is, or write it as one of {', '.join(ENDINGS)}."
        )
    if not found.stat().st_size:
        raise ValueError(f"{path}: the file is empty; write it again.")
    return found


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what libraries raise of damaged files, which is of every kind, into a ValueError."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        with path.open("rb") as file:
            begins = file.read(8)
        ending = ending_of(path) or ""
        found = [other for begin, other in _BEGINNINGS.items() if begins.startswith(begin)]
        remedy = "it is damaged or something else; write it again"
        if found and found[0] != ending and (found[0], ending) not in _ALIKE:
            remedy = f"it begins as files that end in {found[0]} do; rename it"
        said = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, UnicodeDecodeError):
            remedy = (
                "it is of another encoding than UTF-8; write it anew, pandas.read_csv(path, "
                "encoding='latin-1').to_csv(path, index=False), or with 'utf-16' as its encoding"
            )
        if ("pickle" in said or "Python objects" in said) and "header" not in said.lower():
            said = "it would have to be unpickled, which can run any code"
            remedy = "write numbers, as by np.save(path, X.astype(float))"
        raise ValueError(
            f"the file cannot be read as {ending.removeprefix('.')} ({said[:300]}): {remedy}."
        ) from error


@contextmanager
def arrays_in(path: Path) -> Iterator[tuple[str, Mapping[str, Any], set[str]]]:
    """Open a file of arrays.

    Yields
    ------
    kind : str
        What it was read as.
    arrays : dict of str to ndarray or DataArray
        What it holds by name, but for text of no use. What has names of
        dimensions is a DataArray. Large ones are read when their values are asked for, see
        `loaded`.
    coordinates : set of str
        Those that are coordinates of others.
    """
    ending = ending_of(path)
    kind = _ARRAYS[ending or ""]
    with ExitStack() as opened:
        with _refusing(path):
            coordinates: set[str] = set()
            if ending == ".npy":
                # Only what is not of this machine's order of bytes is copied.
                arrays = {path.stem: native(np.lib.format.open_memmap(path, mode="r"))}
            elif ending == ".npz":
                arrays = _of_archive(opened, path)
            elif ending == ".mat" and not _is_hdf(path):
                arrays = matlab_arrays(path)
            else:
                kind = "MATLAB 7.3, by netCDF4" if ending == ".mat" else kind
                arrays, coordinates = _of_groups(opened, path, ending == ".mat")
        if not arrays:
            raise ValueError(
                f"the file holds no array of numbers or text ({kind}). Python objects are not "
                "read, nor cells and structures of MATLAB 7.3, nor cells that differ in more than "
                "one dimension. Write numbers, what is of unequal length filled up with NaN; of "
                "MATLAB 7.3 write an older version, save('my.mat', '-v7')."
            )
        yield kind, arrays, coordinates


def loaded(array: Any, path: Path) -> Any:
    """Return an array with its values read; a memory map stays one."""
    if not hasattr(array, "dims"):
        return array
    with _refusing(path):
        array = array.load()
        return array.copy(data=native(array.values))


def _is_hdf(path: Path) -> bool:
    # Behind a header of MATLAB; others write dimensions in another order.
    with path.open("rb") as file:
        file.seek(512)
        return file.read(len(_HDF_BEGINS)) == _HDF_BEGINS


def _of_archive(opened: ExitStack, path: Path) -> dict[str, Any]:
    archive = np.load(opened.enter_context(path.open("rb")), allow_pickle=False)
    if not hasattr(archive, "files"):
        raise ValueError("it is no archive of arrays")
    opened.enter_context(archive)
    arrays = {}
    for name in archive.files:
        with archive.zip.open(f"{name}.npy") as file:
            # Of objects, which are pickled, nothing but the header is read.
            version = np.lib.format.read_magic(file)
            read = {(1, 0): np.lib.format.read_array_header_1_0}
            dtype = read.get(version, np.lib.format.read_array_header_2_0)(file)[2]
        if not dtype.hasobject:
            arrays[name] = native(archive[name])
    return arrays


def _of_groups(opened: ExitStack, path: Path, matlab: bool) -> tuple[dict[str, Any], set[str]]:
    """Return the arrays of all groups of a NetCDF or HDF5 file, and which are coordinates."""
    import xarray as xr

    groups = xr.open_groups(path, engine="netcdf4", decode_timedelta=False)
    arrays, coordinates = {}, set()
    for group, dataset in groups.items():
        opened.callback(dataset.close)
        if group.startswith(f"/{_INTERNAL}"):
            continue
        for key, array in dataset.variables.items():
            name = f"{group.strip('/')}/{key}".lstrip("/")
            array = dataset[key]
            if matlab:
                array = _from_matlab(array)
            elif any(str(dim).startswith("phony_dim_") for dim in array.dims):
                # Names that netCDF4 makes up where there are none.
                array = array.to_numpy()
            if array is None:
                continue
            arrays[name] = array
            if key in dataset.coords:
                coordinates.add(name)
    return arrays, coordinates


def _from_matlab(array: Any) -> Any:
    """Return an array of MATLAB, which are written with their dimensions reversed."""
    kind = array.attrs.get("MATLAB_class", "double")
    if kind in ("char", "cell", "struct") or "MATLAB_empty" in array.attrs:
        return None
    values = vector(array.to_numpy().T)
    return values.astype(bool) if kind == "logical" else values


def table_in(path: Path, of_steps: bool) -> tuple[str, Any, str]:
    """Read a table.

    Parameters
    ----------
    path : Path
        A file of comma-separated values.
    of_steps : bool
        Whether a row is a step, so that no line has the times of steps.

    Returns
    -------
    kind : str
        What it was read as.
    frame : DataFrame
        The table; of one without names of columns, these are numbers.
    header : str
        What the first line was taken for, in words.
    """
    import pandas as pd
    from sklearn.utils.fixes import parse_version

    kind = _TABLES[ending_of(path) or ""]
    with _refusing(path):
        cells, second = _first_lines(path)
    _check_commas(cells)
    _check_header(cells)
    with _refusing(path):
        names = not _are_numbers(cells) or (
            _are_numbered(cells, second) if of_steps else _are_steps(cells)
        )
        # What was written as float64 is read as that, to the last bit, by default since pandas 3.1.
        old = parse_version(pd.__version__) < parse_version("3.1")
        exact: dict[str, Any] = {"float_precision": "round_trip"} if old else {}
        frame = pd.read_csv(path, header=0 if names else None, **exact)
        if names and not cells[0]:
            # Labels of rows, which pandas writes first.
            frame = frame.set_index(frame.columns[0])
    if not frame.size:
        raise ValueError("the table has no rows besides its header; write it again.")
    if not names:
        return kind, frame, "no header"
    cells = [cell for cell in cells if cell]
    times = _are_numbers(cells) and not of_steps
    if times and _are_steps(list(map(str, frame.iloc[0]))):
        raise ValueError(
            f"the first line, {cells[0]}, {cells[1]}, ..., may be times or a sequence, as the "
            "second one goes up in equal steps, too; write a header, as by pandas.DataFrame(X)"
            ".add_prefix('step ').to_csv(path, index=False)."
        )
    shown = ", ".join(cells if len(cells) < 4 else [*cells[:2], "...", cells[-1]])
    return kind, frame, f"first line {shown} as {'times' if times else 'header'}"


def _check_header(cells: list[str]) -> None:
    repeated = [name for name, n in Counter(cells).items() if name and n > 1]
    if repeated and not _are_numbers(cells):
        raise ValueError(
            f"the header names {', '.join(map(repr, repeated[:8]))} more than once, so that "
            "nobody knows which column is meant; give each column a name of its own."
        )


def _check_commas(cells: list[str]) -> None:
    for sign in ";\t":
        if any(sign in cell for cell in cells):
            raise ValueError(
                f"the first line is {','.join(cells)[:60]!r}, which commas do not separate; write "
                f"it anew, pandas.read_csv(path, sep={sign!r}, decimal=',').to_csv(path, "
                "index=False), with decimal='.' if it has points."
            )


def _first_lines(path: Path) -> tuple[list[str], list[str]]:
    import csv

    opener: Any = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rt", newline="", encoding="utf-8-sig") as lines:
        rows = csv.reader(lines)
        # Pandas passes over empty lines, too.
        filled = (row for row in rows if row)
        first, second = next(filled), next(filled, [])
    return [cell.strip() for cell in first], second


def _are_numbered(cells: list[str], second: list[str]) -> bool:
    """Return whether numbers are those of columns, which pandas writes where these have no names.

    Of counts they may be the first ones.
    """
    numbered = cells == list(map(str, range(len(cells))))
    return not cells[0] or (numbered and any("." in cell for cell in second))


def _are_numbers(cells: list[str]) -> bool:
    try:
        return bool([float(cell) for cell in cells if cell])
    except ValueError:
        return False


def _are_steps(cells: list[str]) -> bool:
    """Return whether numbers go up in equal steps, as those of times do in a header."""
    # The labels of rows have none.
    if not _are_numbers(cells):
        return False
    times = [float(cell) for cell in cells[not cells[0] :] if cell]
    if len(times) < 3 or len(times) < len(cells) - 1:
        return False
    passed = np.diff(times)
    return bool((passed > 0).all() and np.allclose(passed, passed[0], rtol=1e-6, atol=0))
