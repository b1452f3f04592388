"""Labels of the cube: names that are known, and what can be one, in memory and in a file."""

from collections.abc import Iterable, Mapping, Sequence, Set, Sized
from math import prod
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from .._names import did_you_mean

STRUCTURED = "structured"
# Dimensions of the cube, which no parameter of a grid can be called.
RESERVED = (
    "baseline",
    "block",
    "claim",
    "condition",
    "exchange",
    "horizon",
    "latent",
    "mode",
    "n_units",
    "prompt",
    "seed",
    "step",
    "window",
)
# Of these, the ones that measures of networks in training may have, too.
OF_MEASURES = ("exchange", "horizon", "prompt", "window")


def grid_of(cube: xr.Dataset) -> list[str]:
    """Return the names of the parameters of the grid of a cube."""
    return [str(dim) for dim in cube.nll.dims if dim not in RESERVED]


def along_grid(values: xr.DataArray, grid: Sequence[str], *dims: str) -> NDArray[Any]:
    """Return values as an array of configurations, in their order, and further dimensions."""
    ordered = values.transpose(*grid, *dims).values
    return ordered.reshape(prod(ordered.shape[: len(grid)]), *ordered.shape[len(grid) :])


def check_label(argument: str, label: object) -> None:
    """Raise a ValueError unless a label is text that a file can hold."""
    if not isinstance(label, str) or _in_file(label) != label:
        raise ValueError(
            f"{argument} has {label!r}, which cannot be a label in a file; pass text without NUL "
            "characters or lone surrogates."
        )


def check_names(
    name: str, values: str | Iterable[str], known: Sequence[str], auto: bool = False
) -> tuple[str, ...]:
    """Return a parameter that is one name or several as a tuple, after checking it.

    With `auto` the message offers "auto", which stands alone and has been replaced before.
    """
    values = (values,) if isinstance(values, str) else tuple(values)
    unknown = [value for value in values if value not in known]
    if unknown:
        also = f", or pass {name}='auto'" if auto else ""
        raise ValueError(
            f"{name}={values!r}: {unknown[0]!r} is not known here; choose from "
            f"{', '.join(map(repr, known))}{also}."
            f"{did_you_mean(unknown[0], known)}"
        )
    if len(set(values)) < len(values):
        raise ValueError(f"{name}={values!r} has a name twice; drop one.")
    if not values and name != "nulls":
        raise ValueError(f"{name} is empty; pass at least {known[0]!r}.")
    return values


def _in_file(text: str) -> str:
    """Return what NetCDF keeps of a text."""
    return text.replace("\0", "").encode(errors="ignore").decode()


def check_values(key: str, values: Any) -> list[Any]:
    """Return the values of a parameter of the grid as a list after checking that they can label.

    Parameters
    ----------
    key : str
        The key of the grid.
    values : object
        What was passed.

    Returns
    -------
    list

    Raises
    ------
    ValueError
        If they have no order, cannot be told apart, or cannot be labels.
    """
    what = f"param_grid[{key!r}]={values!r}"
    unordered = isinstance(values, str | bytes | Set | Mapping)
    if unordered or not np.iterable(values) or not isinstance(values, Sized) or len(values) == 0:
        raise ValueError(f"{what} must be a non-empty list of values to try, in their order.")
    values = list(values)
    booleans = {isinstance(value, bool | np.bool_) for value in values if _is_number(value)}
    if len(booleans) > 1:
        raise ValueError(f"{what} mixes numbers and booleans; pass one kind.")
    for value in values:
        if isinstance(value, Integral) and not -(2**63) <= int(value) < 2**63:
            raise ValueError(
                f"{what} has {value}, more than an integer of 64 bits; pass smaller values."
            )
    labels = coordinate(values)
    for label in labels if labels.dtype == object else ():
        check_label(what, label)
    if len(set(labels.tolist())) < len(labels):
        raise ValueError(f"{what} has a value twice; drop one.")
    return values


def _is_number(value: object) -> bool:
    return isinstance(value, Real | np.bool_)


def coordinate(values: Sequence[Any]) -> NDArray[Any]:
    """Return the values of a grid parameter as a coordinate: numbers if they are, else text."""
    real = int | float | np.integer | np.floating
    numbers = [isinstance(v, real) and not isinstance(v, bool) for v in values]
    if all(numbers) and np.isfinite(values).all():
        array = np.asarray(values)
        # Of floats, files know those of single and double precision.
        known = array.dtype.kind in "iu" or array.dtype in (np.float32, np.float64)
        return array if known else array.astype(np.float64)
    return np.asarray([str(v) if isinstance(v, str) else repr(v) for v in values], "O")


def join(labels: pd.Index, others: pd.Index) -> pd.Index:
    """Return the labels of two measures: numbers in order, names as they come.

    Parameters
    ----------
    labels, others : pandas.Index
        Labels of the same dimension.

    Returns
    -------
    pandas.Index
    """
    both = labels.append(others.difference(labels, sort=False))
    return both.sort_values() if both.dtype.kind in "iuf" else both
