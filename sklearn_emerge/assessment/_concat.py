"""Several cubes as one: their measurements are joined, and every statistic is computed anew."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .._names import did_you_mean
from ._assembly import without_grid
from ._cube import check_configured, cube_of
from ._grid import CONFIGURATION
from ._labels import RESERVED, coordinate, grid_of, join
from ._notes import noted
from ._statistics import measured, recomputed

if TYPE_CHECKING:
    from ._cube import CubeSource

SEED = "seed"
# Root of all random streams, and the number of a seed: who has both has the same data.
SeedKey: TypeAlias = tuple[tuple[int, ...], int]
# Settings in which cubes that are joined may differ: these are counted anew, or told in a warning.
_FREE = {"n_configurations", "n_seeds", "versions"}
# Those that say which seeds there are.
_OF_SEEDS = {"entropy", "random_state", "seed_origins", "given_networks", "given_heads"}
# Chosen on training sequences of the first seeds, so that parts may have chosen others.
_CHOSEN = ("reference", "best_baseline")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def concat_cubes(cubes: Sequence[CubeSource], dim: str = SEED) -> xr.Dataset:
    """Join cubes of the same assessment that differ in their seeds, or in a parameter of the grid.

    What was measured is joined, and every statistic is computed anew by `judge_cube`: more seeds
    have other intervals and p-values, and more configurations are a larger family. (`xarray.concat`
    would keep the verdicts of the parts.)

    Parameters
    ----------
    cubes : sequence of xarray.Dataset, path-like or EmergenceAssessment
        Cubes, the files they were written to, or the fitted assessments. All must have the same
        configuration but for what `dim` says.
    dim : str, default="seed"
        "seed", or a parameter of the grid, which all must have. Seeds of the same `random_state`
        must have different numbers. Those of another one are further replicates; where numbers
        are there twice, seeds are numbered anew, and ``seed_origins`` in the configuration says
        which they were.

    Returns
    -------
    xarray.Dataset
        The joined cube, with seeds (or values of the parameter) in the order of `cubes`.

    Raises
    ------
    NotFittedError
        If one is an assessment that has not been fitted.
    FileNotFoundError
        If there is no such file.
    ValueError
        If one is not a cube, or has another setting or other labels than the first, which are
        named; if a seed, or a value of the parameter, is there twice; or if seeds share their data
        (`shared_data`) and are not of the same `random_state`.

    Warns
    -----
    UserWarning
        If versions of libraries differ, or parts have chosen different baselines as the reference
        or the best of all. Those of the first cube are taken then. In a null that lacks the loss
        of that baseline, gains over it are undefined.

    See Also
    --------
    judge_cube : Judge one cube again.
    compare_cubes : Compare cubes of different models.

    Examples
    --------
    >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld, concat_cubes
    >>> cubes = [
    ...     EmergenceAssessment(
    ...         OscillatorWorld(n_steps=20), GRUPredictor(2, max_steps=5), n_train=20, n_eval=10,
    ...         n_seeds=3, alpha=0.2, nulls=(), baselines=("mean",), reservoir_sizes=None,
    ...         probe=None, random_state=random_state, progress=False,
    ...     ).fit().cube_
    ...     for random_state in (0, 1)
    ... ]
    >>> joined = concat_cubes(cubes)
    >>> joined.seed.values.tolist()
    [0, 1, 2, 3, 4, 5]
    >>> float(cubes[0].p_value.min()), float(joined.p_value.min())
    (0.125, 0.015625)
    """
    parts = _read(cubes)
    _check_dim(parts[0], dim)
    for i, part in enumerate(parts[1:], start=1):
        _check_same(parts[0], part, f"cubes[{i}]", dim)
    joined = _join([measured(part) for part in parts], dim)
    runs = [json.loads(part.attrs["configuration"]) for part in parts]
    _warn_of_versions(runs)
    run = runs[0]
    if dim == SEED:
        labels, run = _seeds(parts, runs)
    else:
        labels = _values(parts, dim)
        noise = [each for run in runs for each in run.get("noise", [])]
        run["noise"] = [each for i, each in enumerate(noise) if each not in noise[:i]]
        if dim != CONFIGURATION:
            run["param_grid"] = (run["param_grid"] or {}) | {dim: labels.tolist()}
    joined = joined.assign_coords({dim: labels})
    joined.attrs = parts[0].attrs | {"configuration": json.dumps(run, sort_keys=True)}
    return recomputed(joined, f"joined from {len(parts)} cubes along {dim}")


def seed_keys(cube: xr.Dataset) -> list[SeedKey]:
    """Return of each seed of a cube the root of its random streams, and its number there."""
    run = json.loads(cube.attrs["configuration"])
    origins = run.get("seed_origins", {})
    pairs = [origins.get(str(seed), (run["entropy"], seed)) for seed in cube.seed.values.tolist()]
    return [(tuple(entropy), seed) for entropy, seed in pairs]


def differing(first: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield the settings of two configurations that differ: name, and both values."""
    for name in dict.fromkeys([*first, *other]):
        pair = [each.get(name, "nothing") for each in (first, other)]
        if all(isinstance(each, dict) for each in pair):
            for path, *values in differing(*pair):
                yield f"{name}.{path}", *values
        elif _plain(pair[0]) != _plain(pair[1]):
            yield name, *pair


def _plain(value: object) -> str:
    """Return a setting as text, without where its objects were in memory."""
    return _ADDRESS.sub("", json.dumps(value, sort_keys=True))


def _read(cubes: Sequence[CubeSource]) -> list[xr.Dataset]:
    """Return the cubes, after checking that they are some."""
    if not isinstance(cubes, list | tuple):
        raise ValueError(
            f"cubes={type(cubes).__name__} must be a list of cubes, files or fitted assessments."
        )
    if not cubes:
        raise ValueError(
            "cubes is empty; pass at least one cube. If it comes from a pattern of files, check "
            "that this matches any."
        )
    parts = []
    for i, cube in enumerate(cubes):
        with noted(f"This happened with cubes[{i}]."):
            parts.append(check_configured(cube_of(cube)))
    return parts


def _check_dim(cube: xr.Dataset, dim: str) -> None:
    """Raise a ValueError unless cubes can be joined along a dimension."""
    known = [SEED, *grid_of(cube)]
    if dim in known:
        return
    if dim in cube.coords and dim not in RESERVED:
        raise ValueError(
            f"dim={dim!r} is no dimension of cubes[0], but one value of it was selected; keep the "
            f"dimension: sel({dim}=[{cube[dim].item()!r}])."
        )
    raise ValueError(
        f"dim={dim!r} cannot be joined; choose from {', '.join(map(repr, known))}."
        f"{did_you_mean(dim, known)}"
    )


def _check_same(first: xr.Dataset, other: xr.Dataset, name: str, dim: str) -> None:
    """Raise a ValueError unless a cube was made as the first one, but for a dimension."""
    if grid_of(first) != grid_of(other):
        raise ValueError(
            f"{name} has the grid {grid_of(other)}, and cubes[0] has {grid_of(first)}; pass cubes "
            "with the same parameters in their grids."
        )
    free = _FREE | (_OF_SEEDS if dim == SEED else {"noise", f"param_grid.{dim}"})
    configurations = [json.loads(each.attrs["configuration"]) for each in (first, other)]
    found = [each for each in differing(*configurations) if not {each[0], _top(each[0])} & free]
    if found:
        said = "; ".join(
            f"{setting} is {theirs!r}, not {ours!r}" for setting, ours, theirs in found
        )
        raise ValueError(
            f"{name} was made by other settings than cubes[0]: {said}. Join cubes that differ in "
            f"{dim} alone (what they are judged by can be changed: judge_cube)."
        )
    # Of configurations that were drawn, their parameters, too.
    selected = [
        name
        for name, each in first.coords.items()
        if name not in RESERVED and set(each.dims) <= {*grid_of(first)} - {dim}
    ]
    for label in ("condition", "mode", "baseline", "latent", SEED, *grid_of(first), *selected):
        if label == dim:
            continue
        ours, theirs = (
            each[label].values.tolist() if label in each.coords else None for each in (first, other)
        )
        if ours != theirs:
            raise ValueError(
                f"{name} has {label} {theirs}, and cubes[0] has {ours}; select the same in all."
            )


def _top(setting: str) -> str:
    return setting.partition(".")[0]


def _warn_of_versions(runs: Sequence[dict[str, Any]]) -> None:
    """Warn if cubes come from different versions of libraries."""
    for i, run in enumerate(runs[1:], start=1):
        found = list(differing(runs[0].get("versions", {}), run.get("versions", {})))
        if found:
            said = ", ".join(f"{name} {theirs}, not {ours}" for name, ours, theirs in found)
            warnings.warn(
                f"cubes[{i}] was made by other versions than cubes[0]: {said}. Last digits may "
                "differ, and more where a version has changed what is computed.",
                UserWarning,
                stacklevel=3,
            )


def _seeds(
    parts: Sequence[xr.Dataset], runs: Sequence[dict[str, Any]]
) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return the numbers of all seeds, and the configuration that says where they come from."""
    owner: dict[SeedKey, int] = {}
    for i, part in enumerate(parts):
        for key in seed_keys(part):
            if key in owner:
                raise ValueError(
                    f"cubes[{i}] has the seed {key[1]} of the same random_state that "
                    f"cubes[{owner[key]}] has: the same data, which would count twice. Use another "
                    "random_state, or leave the seed out, cube.drop_sel(seed=...)."
                )
            owner[key] = i
    run, keys = runs[0], list(owner)
    if "given_networks" in run:
        heads = min(sum(each["given_heads"] for each in runs), len(keys))
        run = run | {"given_networks": len(keys), "given_heads": heads}
    if len({entropy for entropy, _ in keys}) == 1:
        return np.array([seed for _, seed in keys]), run
    if run["shared_data"]:
        raise ValueError(
            "The seeds of each cube share their data (shared_data=True), and cubes have different "
            "ones: joined, seeds would be neither about the same data nor independent. Join cubes "
            "of the same random_state, or of shared_data=False."
        )
    labels = np.concatenate([part.seed.values for part in parts])
    if len(set(labels.tolist())) < len(labels):
        labels = np.arange(len(labels))
    origins = {str(label): key for label, key in zip(labels, keys, strict=True)}
    return labels, run | {
        "seed_origins": origins,
        "random_state": [each["random_state"] for each in runs],
        "entropy": sorted({entropy for entropy, _ in keys}),
    }


def _values(parts: Sequence[xr.Dataset], dim: str) -> NDArray[Any]:
    """Return all values of a parameter, numbers if they are, else text."""
    values = [value for part in parts for value in part[dim].values.tolist()]
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise ValueError(
            f"{dim}={twice[0]!r} is in more than one of the cubes; leave it out of one, "
            f"cube.drop_sel({dim}={twice[0]!r})."
        )
    return coordinate(values)


def _join(parts: Sequence[xr.Dataset], dim: str) -> xr.Dataset:
    """Return all measurements as one data set; NaN, or "", where a part has none."""
    labels: dict[str, Any] = {}
    for part in parts:
        for name, index in part.indexes.items():
            if name != dim:
                labels[str(name)] = join(labels.get(str(name), index), index)
    same = [
        part.reindex({name: labels[name] for name in labels if name in part.dims}) for part in parts
    ]
    joined = {}
    for name in dict.fromkeys(name for part in same for name in part.data_vars):
        template = next(part[name] for part in same if name in part)
        if dim in template.dims:
            values = [
                part[name].transpose(*template.dims).values
                if name in part
                else _nothing(template, dim, part.sizes[dim])
                for part in same
            ]
            along = np.concatenate(values, axis=template.dims.index(dim))
            joined[name] = (template.dims, along, template.attrs)
        else:
            _check_equal(name, [part[name] for part in same if name in part])
            joined[name] = (template.dims, template.values, template.attrs)
    coords = {name: each for name, each in same[0].coords.items() if dim not in each.dims}
    for name, each in same[0].coords.items():
        if each.dims == (dim,) and name != dim:
            of_all = np.concatenate([part[name].values for part in same])
            coords[name] = ((dim,), of_all, each.attrs)
    coords |= labels | (_beside_labels(same, dim) if dim != SEED else {})
    coords[dim] = np.arange(sum(part.sizes[dim] for part in parts))
    order = dict.fromkeys([*same[0].coords, *coords])
    return xr.Dataset(joined, {name: coords[name] for name in order})


def _beside_labels(parts: Sequence[xr.Dataset], dim: str) -> dict[str, xr.Variable]:
    """Return what is known of labels in parts of a grid, such as the depths of layers."""
    grid, found = grid_of(parts[0]), {}
    for name, first in ((n, each) for part in parts for n, each in part.coords.items()):
        if name in first.dims or not first.ndim or first.dtype.kind != "f" or name in found:
            continue
        if first.dims[-1] in grid:
            continue
        dims = (*grid, first.dims[-1])
        wholes = [
            part[name].expand_dims({each: part.sizes[each] for each in missing}).transpose(*dims)
            for part in parts
            if name in part.coords
            for missing in [[each for each in grid if each not in part[name].dims]]
        ]
        if len(wholes) == len(parts):
            values = np.concatenate([each.values for each in wholes], axis=grid.index(dim))
            found[name] = without_grid(xr.Variable(dims, values, first.attrs))
    return found


def _nothing(template: xr.DataArray, dim: str, size: int) -> NDArray[Any]:
    """Return as much of nothing as a part of some size has of a variable of the others."""
    shape = [size if each == dim else template.sizes[each] for each in template.dims]
    return np.full(shape, "" if template.dtype == object else np.nan, template.dtype)


def _check_equal(name: str, found: Sequence[xr.DataArray]) -> None:
    """Raise a ValueError, or warn, unless what has no seeds is the same in all parts."""
    for i, each in enumerate(found[1:], start=1):
        if found[0].equals(each):
            continue
        ours, theirs = found[0].values.ravel(), each.values.ravel()
        place = np.flatnonzero(ours != theirs)[0]
        said = f"cubes[{i}] has the {name} {theirs[place]!r} where cubes[0] has {ours[place]!r}"
        if name not in _CHOSEN:
            raise ValueError(f"{said}, although their settings are the same; run one of them anew.")
        warnings.warn(
            f"{said}: each was chosen on training sequences of the first seeds of its cube. That "
            "of cubes[0] is taken. In a null that has no loss of it, gains over it are undefined, "
            "and the claim order is not tested.",
            UserWarning,
            stacklevel=4,
        )
