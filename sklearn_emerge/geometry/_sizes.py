"""Cubes of several sizes of a network as one."""

from collections.abc import Mapping

import numpy as np
import xarray as xr


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
        If there are no cubes, one has no trajectories, or two have as many parameters.

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
