"""Cubes of several sizes of a network as one."""

import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from ._labels import check_labelled

# What a measure was not given.
_DEFAULT = "its default"


def join_sizes(cubes: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Return what was recorded at several sizes, along the dimension ``size``.

    A ladder of sizes changes depth and width together, which a grid of parameters cannot say: each
    size has a cube of its own.

    Parameters
    ----------
    cubes : mapping of str to xarray.Dataset
        Cubes by size, with measures recorded in the course of training, in the order wanted.

    Returns
    -------
    xarray.Dataset
        The trajectories of all, with the coordinate ``n_parameters`` along ``size``. NaN where a
        size was not measured, or has no such layer. Layers are in the order of the size that has
        most; where their depth differs it has the dimensions (size, layer).

    Raises
    ------
    ValueError
        If these are no cubes by size, one has no trajectories, two have as many parameters, or
        the argument ``n_rows`` of a measure differs.

    Warns
    -----
    UserWarning
        If a cube lacks tasks, levels or other labels that another has, was evaluated on another
        number of sequences, or has a measure with other arguments.

    See Also
    --------
    last_block : A measure at the last block, whose name differs between sizes.

    Examples
    --------
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import join_sizes
    >>> cubes = {
    ...     name: xr.Dataset({
    ...         "states_trajectory": (("seed", "step"), [[9.0, value]]), "n_parameters": n
    ...     })
    ...     for name, n, value in (("small", 100, 4.0), ("large", 800, 5.0))
    ... }
    >>> joined = join_sizes(cubes)
    >>> joined.states_trajectory.dims, joined.n_parameters.values.tolist()
    (('size', 'seed', 'step'), [100, 800])
    """
    if not isinstance(cubes, Mapping):
        raise ValueError(
            f"cubes must be a dict of cubes by their size, not {type(cubes).__name__}; pass "
            '{"small": cube, "large": other}.'
        )
    if not cubes:
        raise ValueError("cubes is empty; pass the cube of each size by its name.")
    recorded = {}
    for size, cube in cubes.items():
        names = [str(name) for name in cube.data_vars if str(name).endswith("_trajectory")]
        if not names or "n_parameters" not in cube:
            raise ValueError(
                f"cubes[{size!r}] has no trajectories with a number of parameters; pass cubes of "
                "EmergenceAssessment(record_at=..., measures=...)."
            )
        recorded[size] = cube[names]
    counts = [int(np.unique(cube.n_parameters).max()) for cube in cubes.values()]
    if len(set(counts)) < len(counts):
        raise ValueError(f"cubes have {counts} parameters; sizes must differ in their number.")
    _check_measures(cubes)
    _warn_of_labels(recorded)
    sizes = xr.DataArray(list(recorded), dims="size", name="size")
    joined = xr.concat(list(recorded.values()), sizes, join="outer", combine_attrs="drop_conflicts")
    if "layer" in joined.dims:
        # An outer join sorts labels as text, so that layer 10 would come before layer 2.
        deepest = max(recorded.values(), key=lambda cube: cube.sizes.get("layer", 0))
        known = deepest.layer.values.tolist()
        others = [layer for layer in joined.layer.values.tolist() if layer not in known]
        joined = joined.sel(layer=[*known, *others])
    joined = joined.assign_coords(n_parameters=("size", counts))
    joined.n_parameters.attrs["long_name"] = "number of parameters"
    return joined


def _check_measures(cubes: Mapping[str, xr.Dataset]) -> None:
    """Raise a ValueError if a measure was taken of other rows, and warn of other settings.

    RankMe of 50 rows is another quantity than that of 1,000. Cubes that do not say how they were
    made are taken as they are.
    """
    runs = {
        size: json.loads(cube.attrs["configuration"])
        for size, cube in cubes.items()
        if "configuration" in cube.attrs
    }
    measures = {size: run.get("measures") or {} for size, run in runs.items()}
    for name in dict.fromkeys(name for each in measures.values() for name in each):
        taken = {
            size: _keywords(each[name])
            for size, each in measures.items()
            if name in each and f"{name}_trajectory" in cubes[size]
        }
        for keyword in dict.fromkeys(keyword for each in taken.values() for keyword in each):
            values = {size: repr(each.get(keyword, _DEFAULT)) for size, each in taken.items()}
            if len(set(values.values())) == 1:
                continue
            said = ", ".join(f"{size}: {value}" for size, value in values.items())
            told = f"The measure {name!r} was taken with different {keyword} ({said})"
            if keyword == "n_rows" and len(set(values.values()) - {repr(_DEFAULT)}) > 1:
                raise ValueError(
                    f"{told}, which cannot be compared; take it of the same number of rows in all "
                    f"sizes, or leave it out: drop_vars('{name}_trajectory')."
                )
            warnings.warn(f"{told}.", stacklevel=3)
    numbers = {size: run.get("n_eval") for size, run in runs.items()}
    if len(set(numbers.values())) > 1:
        said = ", ".join(f"{size}: {number}" for size, number in numbers.items())
        warnings.warn(
            f"Sizes were evaluated on different numbers of sequences ({said}). Measures of these, "
            "such as RankMe of their states, cannot be compared.",
            stacklevel=3,
        )


def _keywords(measure: Any) -> dict[str, Any]:
    """Return what a measure of a configuration was given by name, whenever it was taken."""
    measure = measure[0] if isinstance(measure, list) else measure
    return measure.get("keywords", {}) if isinstance(measure, dict) else {}


def _warn_of_labels(recorded: Mapping[str, xr.Dataset]) -> None:
    """Warn if a size lacks labels that others have; those of the architecture may differ."""
    lacking = []
    dims = dict.fromkeys(dim for cube in recorded.values() for dim in cube.indexes)
    for dim in [dim for dim in dims if dim not in ("layer", "head", "step", "seed")]:
        labels = {
            size: cube.indexes[dim].tolist() for size, cube in recorded.items() if dim in cube.dims
        }
        known = dict.fromkeys(label for each in labels.values() for label in each)
        for size, own in labels.items():
            missing = [str(label) for label in known if label not in own]
            if missing:
                lacking.append(f"{size} has no {dim} {', '.join(missing)}")
    if lacking:
        warnings.warn(
            f"Sizes have other labels: {'; '.join(lacking)}. These are NaN, and what is said of "
            "them is said of fewer sizes.",
            stacklevel=3,
        )


def last_block(measure: xr.DataArray) -> xr.DataArray:
    """Return a measure at the output of the last block, of each size its own.

    Parameters
    ----------
    measure : xarray.DataArray
        With the dimension ``layer``, of which the outputs of blocks are named "layer 1 output" and
        so on, and maybe size.

    Returns
    -------
    xarray.DataArray
        Without layer. Another quantity than "hidden", which is behind the last normalisation.

    Raises
    ------
    ValueError
        If there is no dimension ``layer``, or none of it is the output of a block.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_emerge.geometry import last_block
    >>> layers = ["embedding", "layer 1 output", "layer 2 output", "hidden"]
    >>> rankme = xr.DataArray(
    ...     [[0.0, 5.0, np.nan, 6.0], [0.0, 5.0, 4.0, 6.0]], {"layer": layers}, ("size", "layer")
    ... )
    >>> last_block(rankme).values.tolist()
    [5.0, 4.0]
    """
    check_labelled(measure, "measure", ["layer"])
    numbers = {
        name: int(found[1])
        for name in map(str, measure.layer.values)
        if (found := re.fullmatch(r"layer (\d+) output", name))
    }
    if not numbers:
        raise ValueError(
            f"measure has the layers {', '.join(map(str, measure.layer.values))}, and none is "
            "the output of a block, such as 'layer 1 output'; select one with sel(layer=...)."
        )
    blocks = measure.sel(layer=sorted(numbers, key=numbers.__getitem__))
    # A size has the blocks of which something was measured.
    others = [dim for dim in blocks.dims if dim not in ("size", "layer")]
    known = blocks.notnull().any(others)
    last = known.sizes["layer"] - 1 - known.isel(layer=slice(None, None, -1)).argmax("layer")
    return blocks.isel(layer=last.drop_vars("layer", errors="ignore")).drop_vars(
        ["layer", "depth"], errors="ignore"
    )
