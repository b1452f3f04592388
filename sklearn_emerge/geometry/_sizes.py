"""Cubes of several sizes of a network as one."""

import re
from collections.abc import Mapping

import numpy as np
import xarray as xr

from ._labels import check_labelled


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
        If these are no cubes by size, one has no trajectories, or two have as many parameters.

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
