"""Arrays in files as worlds: which of them are what, and which dimension is which."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._axes import check_even
from .._dims import CHANNEL, SEQUENCE, TIME, in_order, roles_of
from .._names import did_you_mean
from .._tables import labels
from ._array import ArrayWorld
from ._formats import loaded

if TYPE_CHECKING:
    from ._read import Asked

# Of so many arrays messages give the names.
_LISTED = 12


def world_of_arrays(
    arrays: Mapping[str, Any], coordinates: set[str], asked: "Asked", path: Path
) -> tuple[ArrayWorld, str]:
    """Return the world of a file of arrays, and what was taken of it."""
    others = [*asked.latents, *asked.inputs, *([asked.groups] if asked.groups else [])]
    for argument, names in (
        ("variable", asked.variable),
        ("latents", asked.latents),
        ("inputs", asked.inputs),
        ("groups", [asked.groups] if asked.groups else []),
    ):
        for name in names:
            if name not in arrays:
                raise ValueError(
                    f"{argument}={name!r} is not in the file, which holds {_listing(arrays)}."
                    f"{did_you_mean(name, arrays)}"
                )
    variable = asked.variable or [_only_one(arrays, {*coordinates, *others, asked.time})]
    why = "as asked for"
    if not asked.variable:
        why = "the only array" + (" left" if len(arrays) > 1 else "")
    for name in variable:
        if not _can_be_recorded(arrays[name]):
            raise ValueError(
                f"variable has {_listing({name: arrays[name]})}, but what was recorded are numbers "
                "of one to three dimensions; name another."
            )
    _check_names(arrays[variable[0]], variable[0], asked)
    X, dims = _taken(arrays, variable, path, "variable", asked)
    _check_dims(X, dims, variable, asked)
    latents: Any = None
    latent_names: list[str] | None = None
    if asked.latents:
        latents, _ = _taken(arrays, asked.latents, path, "latents", asked)
        latent_names = _latent_names(latents, asked)
    X = _with_times(X, arrays, path, asked)
    said = f"{' and '.join(map(repr, variable))}, {why}, {' x '.join(dims)}, {np.asarray(X).dtype}"
    # Lengths, masks or a second recording may be among them.
    left = [name for name in arrays if name not in {*variable, *others, *coordinates, asked.time}]
    if left:
        more = f" and {len(left) - _LISTED} more" if len(left) > _LISTED else ""
        said += f" (not used: {', '.join(map(repr, left[:_LISTED]))}{more})"
    if asked.length is not None:
        blocks = {key: value for key, value in asked.blocks.items() if value is not None}
        return ArrayWorld.from_recording(
            X, latents, latent_names, length=asked.length, **blocks
        ), said
    _warn_if_uneven(X)
    options: dict[str, Any] = {}
    if asked.groups:
        options["groups"] = np.asarray(loaded(arrays[asked.groups], path))
    if asked.inputs:
        options["inputs"] = np.asarray(_taken(arrays, asked.inputs, path, "inputs", asked)[0])
    return ArrayWorld(X, latents, latent_names, **options), said


def _warn_if_uneven(X: Any) -> None:
    """Warn of sequences whose steps are not equally spaced, or go back in time."""
    try:
        check_even(labels(X, 1), "X")
    except ValueError as error:
        reason = str(error).partition("X has ")[2].partition(". ")[0].partition(";")[0]
        warnings.warn(
            f"what was recorded has {reason}. Predictors take one step after another and do not "
            "see these times; write it anew in equal steps, in the order of time, if they matter.",
            UserWarning,
            stacklevel=4,
        )


def _only_one(arrays: Mapping[str, Any], taken: set[str | None]) -> str:
    """Return the name of the array that may be what was recorded, if no other one may."""
    left = [name for name in arrays if name not in taken and _can_be_recorded(arrays[name])]
    if len(left) == 1:
        return left[0]
    if left:
        raise ValueError(
            f"the file holds {_listing({name: arrays[name] for name in left})}, of which each may "
            f"be what was recorded; name it by variable (--variable {left[0]}), and what goes with "
            "it by latents, inputs or groups."
        )
    raise ValueError(
        f"the file holds {_listing(arrays)}, of which none is left that can be what was recorded: "
        "numbers of one to three dimensions; name less by latents, inputs or groups, or write it "
        "again."
    )


def _check_names(array: Any, name: str, asked: "Asked") -> None:
    """Raise a ValueError unless what id and time name are dimensions of an array with names."""
    dims = getattr(array, "dims", ())
    for argument, dim in (("id", asked.id), ("time", asked.time)):
        # Of an array without names, time is another array.
        if dim is not None and dim not in dims and (dims or argument == "id"):
            has = f"are {', '.join(map(repr, dims))}" if dims else "have no names"
            raise ValueError(
                f"{argument}={dim!r} is no dimension of {name!r}, whose dimensions {has}; "
                f"{'name one of them' if dims else f'leave {argument} out'}."
            )


def _listing(arrays: Mapping[str, Any]) -> str:
    said = [f"{name!r} {tuple(array.shape)} {array.dtype}" for name, array in arrays.items()]
    more = [f"and {len(said) - _LISTED} more"] if len(said) > _LISTED else []
    return ", ".join([*said[:_LISTED], *more])


def _can_be_recorded(array: Any) -> bool:
    return array.dtype.kind in "biuf" and 1 <= array.ndim <= 3 and array.size > 1


def _taken(
    arrays: Mapping[str, Any], names: list[str], path: Path, argument: str, asked: "Asked"
) -> tuple[Any, tuple[str, ...]]:
    """Return arrays of a file as one, sequences first, then steps, then channels, and its dims."""
    read = [loaded(arrays[name], path) for name in names]
    renamed = {asked.id: "trial", asked.time: "time"}
    for i, array in enumerate(read):
        if hasattr(array, "dims"):
            new = {dim: renamed[dim] for dim in array.dims if renamed.get(dim, dim) != dim}
            read[i] = array.rename(new)
    if len(read) == 1:
        return _ordered(read[0], argument, asked)
    # Dimensions with names may be in any order.
    sizes = [dict(getattr(array, "sizes", enumerate(array.shape))) for array in read]
    if any(each != sizes[0] for each in sizes) or read[0].ndim > 2:
        shapes = ", ".join(str(tuple(array.shape)) for array in read)
        raise ValueError(
            f"{', '.join(map(repr, names))} have the shapes {shapes}, but several are put side by "
            "side; name those of one shape, without channels."
        )
    if all(hasattr(array, "dims") for array in read):
        import xarray as xr

        return _ordered(xr.Dataset(dict(zip(names, read, strict=True))), argument, asked)
    if read[0].ndim == 1 and asked.length is None:
        import pandas as pd

        return pd.DataFrame(dict(zip(names, read, strict=True))), ("trial",)
    ordered = [_ordered(np.asarray(array), argument, asked) for array in read]
    return np.stack([array for array, _ in ordered], axis=-1), (*ordered[0][1], "channel")


def _ordered(array: Any, name: str, asked: "Asked") -> tuple[Any, tuple[str, ...]]:
    """Return an array with sequences first, then steps, then channels, and these in words."""
    if hasattr(array, "dims"):
        dims = tuple(map(str, array.dims))
        if asked.dims:
            raise ValueError(
                f"dims={asked.dims!r} are for arrays without names, but those of {name} are "
                f"{', '.join(dims)}; leave dims out."
            )
        if getattr(array, "ndim", 0) == 3 and roles_of(dims).count(None) > 1:
            # Of two names the third follows.
            raise ValueError(
                f"{name} has the dimensions {', '.join(map(repr, dims))}, of which nothing says "
                "which is that of sequences, steps and channels; pass id and time, the names of "
                "the first two (--id, --time)."
            )
        array = in_order(array, name)
        # Of several variables with one dimension a table was made.
        table = ("trial",) if asked.length is None else ("time", "channel")
        return array, tuple(map(str, getattr(array, "dims", table)))
    usual = ("trial", "time", "channel")[asked.length is not None :]
    if not asked.dims or array.ndim == 1:
        return array, usual[: array.ndim]
    dims = _roles(asked, usual)
    # What has a dimension less has no channels.
    dims = dims if array.ndim == len(dims) else tuple(dim for dim in dims if dim != "channel")
    if array.ndim != len(dims):
        raise ValueError(
            f"dims={asked.dims!r} are {len(asked.dims)}, but {name} has shape {array.shape}; "
            "name each dimension."
        )
    wanted = [dim for dim in usual if dim in dims]
    return np.transpose(array, [dims.index(dim) for dim in wanted]), tuple(wanted)


def _roles(asked: "Asked", usual: tuple[str, ...]) -> tuple[str, ...]:
    """Return what dimensions are as "trial", "time" and "channel"; refuse what they cannot be."""
    called = {SEQUENCE: "trial", TIME: "time", CHANNEL: "channel", None: ""}
    dims = tuple(called[role] for role in roles_of(asked.dims))
    needed = {dim for dim in usual if dim != "channel"}
    if len(set(dims)) < len(dims) or not needed <= set(dims) <= set(usual):
        what = "sequences have" if asked.length is None else "one recording has"
        raise ValueError(
            f"dims={asked.dims!r}, but {what} {' and '.join(sorted(needed))} and maybe channel, "
            "each once; name these in the order of the file, and pass length if it is one "
            "recording, or leave it out if it is not."
        )
    return dims


def _check_dims(X: Any, dims: tuple[str, ...], variable: list[str], asked: "Asked") -> None:
    """Raise a ValueError if dimensions do not tell what is a sequence, a step and a channel."""
    name, roles = " and ".join(map(repr, variable)), roles_of(dims)
    n_steps = X.shape[roles.index(TIME)] if TIME in roles else len(X)
    of_one = X.ndim == 1 or (X.ndim == 2 and hasattr(X, "dims") and roles == (TIME, CHANNEL))
    if asked.length is None and of_one:
        raise ValueError(
            f"{name} has shape {X.shape}: it is one recording of {n_steps:,} steps, which has to "
            f"be cut into sequences; pass their length (--length {max(2, n_steps // 100)})."
        )
    if asked.length is not None and (X.ndim > 2 or SEQUENCE in roles):
        raise ValueError(
            f"{name} has shape {X.shape} ({', '.join(dims)}), which are sequences already; leave "
            "out length, which is for one recording."
        )
    unnamed = not hasattr(X, "dims") and not asked.dims
    if unnamed and len(variable) == 1 and asked.length is not None and X.ndim == 2:
        if X.shape[0] < X.shape[1]:
            raise ValueError(
                f"{name} has shape {X.shape}, of which the first are steps, but there are fewer "
                "than channels; if steps come last, pass dims (--dims channel time)."
            )
    elif unnamed and X.ndim == 3 and len(variable) == 1:
        raise ValueError(
            f"{name} has shape {X.shape}, and nothing says which dimension is that of sequences, "
            "steps and channels; pass dims, in the order of the file (--dims trial time channel)."
        )


def _latent_names(latents: Any, asked: "Asked") -> list[str] | None:
    """Return the names of latents, or None if labels of theirs say them."""
    if hasattr(latents, "dims"):
        return None
    names, axis = asked.latents, 2 if asked.length is None else 1
    if len(names) > 1 or latents.ndim <= axis:
        return names
    return [f"{names[0]} {i}" for i in range(latents.shape[axis])]


def _with_times(X: Any, arrays: Mapping[str, Any], path: Path, asked: "Asked") -> Any:
    """Return an array without names with the times of its steps, if they are in the file."""
    if asked.time is None or hasattr(X, "dims"):
        return X
    axis = 1 if asked.length is None else 0
    times = arrays.get(asked.time)
    if times is None or times.shape != X.shape[axis : axis + 1]:
        shape = "no such array" if times is None else f"an array of shape {times.shape}"
        raise ValueError(
            f"time={asked.time!r} must be an array with the time of each of {X.shape[axis]} "
            f"steps, but the file has {shape}; leave it out, or name another of "
            f"{_listing(arrays)}."
        )
    import xarray as xr

    dims = ("trial", "time", "channel")[1 - axis :][: X.ndim]
    return xr.DataArray(X, dims=dims, coords={"time": np.asarray(loaded(times, path))})
