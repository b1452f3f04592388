"""Recordings in files as worlds, and in words how the files were read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .._axes import with_units
from .._dims import CHANNEL, SEQUENCE, TIME, in_order, roles_of
from .._names import did_you_mean
from ._array import ArrayWorld
from ._formats import arrays_in, check_file, is_table, loaded, table_in
from ._read_table import world_of_table

_Names = str | Sequence[str] | None


@dataclass(frozen=True)
class Asked:
    """What is asked of a file, see `read_recordings`."""

    variable: list[str]
    latents: list[str]
    inputs: list[str]
    groups: str | None
    id: str | None
    time: str | None
    dims: tuple[str, ...]
    length: int | None
    blocks: dict[str, Any]


def read_recordings(
    path: str | PathLike[str],
    *,
    variable: _Names = None,
    latents: _Names = None,
    inputs: _Names = None,
    groups: str | None = None,
    id: str | None = None,
    time: str | None = None,
    dims: Sequence[str] | None = None,
    length: int | None = None,
    gap: int | None = None,
    n_units: int | None = None,
) -> tuple[ArrayWorld, str]:
    """Read a file of recordings, and say how it was read.

    Arrays are sequences, of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels);
    with `length` they are one recording, of shape (n_steps,) or (n_steps, n_channels). Dimensions
    that have names, as in NetCDF, may be in any order. Nothing is ever unpickled.

    Parameters
    ----------
    path : path-like
        A file whose name ends in .npy, which is mapped into memory and not read, .npz, .nc, .h5,
        .hdf5, .mat, .csv or .csv.gz. A table is wide, with a row a sequence; long, with a row a
        step, if `id` and `time` are given; or one recording, with a row a step, if `length` is.
    variable : str or sequence of str, default=None
        What was recorded: an array, or columns of a long table or of one recording. Several are
        channels. None takes the array that is left, if it is the only one, or all columns that
        are left. An array in a group of HDF5 is "group/array".
    latents : str or sequence of str, default=None
        Arrays or columns that a probe should decode.
    inputs : str or sequence of str, default=None
        Arrays or columns that drive what was recorded, and are not predicted.
    groups : str, default=None
        Array or column of the independent units, one value a sequence, see `ArrayWorld`.
    id : str, default=None
        Column that says to which sequence a row belongs; of arrays the dimension of sequences, if
        its name does not tell.
    time : str, default=None
        Column of times; of arrays the dimension of steps, if its name does not tell.
    dims : sequence of {"trial", "time", "channel"}, default=None
        What the dimensions of arrays without names are, in their order.
    length : int, default=None
        Steps of the sequences into which one recording is cut, see `ArrayWorld.from_recording`.
    gap : int, default=None
        Steps that are dropped between its blocks; None is until values are no longer correlated.
    n_units : int, default=None
        Its number of blocks; None is 10.

    Returns
    -------
    world : ArrayWorld
        A `RecordingWorld` of one recording.
    how : str
        How the file was read, in a line: what was taken, its dimensions, units and missing steps.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of another format, does not hold what was asked for, or holds
        more than one thing that may be meant; and as of `ArrayWorld`.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_emerge import read_recordings
    >>> rng = np.random.default_rng(0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/my.npz", rate=rng.normal(size=(8, 20)), side=np.arange(8) % 2)
    ...     world, how = read_recordings(f"{folder}/my.npz", latents="side")
    >>> print(how[how.index("my.npz"):])
    my.npz (NumPy archive): 'rate', the only array left, trial x time, float64; 8 sequences of 20
    steps, 1 channel; latents: side (classes); no step is missing
    """
    asked = Asked(
        variable=_listed(variable, "variable"),
        latents=_listed(latents, "latents"),
        inputs=_listed(inputs, "inputs"),
        groups=groups,
        id=id,
        time=time,
        dims=tuple(dims or ()),
        length=length,
        blocks={"gap": gap, "n_units": n_units},
    )
    file = check_file(path)
    try:
        _check_asked(asked)
        if is_table(file):
            kind, frame, header = table_in(file, ids=asked.id is not None or length is not None)
            world, taken = world_of_table(frame, header, asked)
        else:
            with arrays_in(file) as (kind, arrays, coordinates):
                world, taken = _world_of_arrays(arrays, coordinates, asked, file)
        return world, f"{path} ({kind}): {taken}; {_described(world, asked)}"
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _listed(names: _Names, argument: str) -> list[str]:
    listed = [names] if isinstance(names, str) else list(names or ())
    if not all(isinstance(name, str) for name in listed):
        raise ValueError(f"{argument}={names!r} must be names, as {argument}='x'.")
    return listed


def _check_asked(asked: Asked) -> None:
    """Raise a ValueError if what is asked for contradicts itself."""
    named: dict[str, str] = {}
    roles = {"variable": asked.variable, "latents": asked.latents, "inputs": asked.inputs}
    for argument, names in (*roles.items(), ("groups", [asked.groups] if asked.groups else [])):
        for name in names:
            if name in named:
                raise ValueError(
                    f"{name!r} is among {named[name]} and {argument}, or twice in it; name it "
                    "once."
                )
            named[name] = argument
    if asked.length is None:
        for argument, value in asked.blocks.items():
            if value is not None:
                raise ValueError(
                    f"{argument}={value} is for one recording that is cut into sequences; pass "
                    f"length, too, or leave out {argument}."
                )
        return
    for argument, value in (("groups", asked.groups), ("id", asked.id)):
        if value:
            raise ValueError(
                f"length={asked.length} is for one recording, and {argument}={value!r} for "
                "several sequences; leave out one of them."
            )
    if asked.inputs:
        raise ValueError(
            f"inputs={asked.inputs} are for sequences, not for one recording; cut it and its "
            "inputs (sklearn_emerge.cut), and write what results."
        )


def _world_of_arrays(
    arrays: Mapping[str, Any], coordinates: set[str], asked: Asked, path: Path
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
    variable, why = asked.variable, "as asked for"
    if not variable:
        left = [name for name in arrays if name not in coordinates and name not in others]
        left = [name for name in left if name != asked.time and _can_be_recorded(arrays[name])]
        if len(left) != 1:
            said = _listing({name: arrays[name] for name in left or arrays})
            found = f"{said}, of which each may be" if left else f"{said}, of which none can be"
            raise ValueError(
                f"the file holds {found} what was recorded; name it by variable "
                f"(--variable {(left or ['NAME'])[0]}), and what goes with it by latents, inputs "
                "or groups."
            )
        variable = left
        why = "the only array" + (" left" if len(arrays) > 1 else "")
    X, dims = _ordered(_stacked(arrays, variable, path, asked), "variable", asked)
    _check_dims(X, dims, variable, asked)
    latents = _stacked(arrays, asked.latents, path, asked) if asked.latents else None
    names = None
    if latents is not None:
        latents, _ = _ordered(latents, "latents", asked)
        names = _latent_names(latents, asked.latents)
    X = _with_times(X, arrays, path, asked)
    said = f"{' and '.join(map(repr, variable))}, {why}, {' x '.join(dims)}, {X.dtype}"
    if asked.length is not None:
        blocks = {key: value for key, value in asked.blocks.items() if value is not None}
        return ArrayWorld.from_recording(X, latents, names, length=asked.length, **blocks), said
    options: dict[str, Any] = {}
    if asked.groups:
        options["groups"] = np.asarray(loaded(arrays[asked.groups], path))
    if asked.inputs:
        inputs, _ = _ordered(_stacked(arrays, asked.inputs, path, asked), "inputs", asked)
        options["inputs"] = np.asarray(inputs)
    return ArrayWorld(X, latents, names, **options), said


def _listing(arrays: Mapping[str, Any]) -> str:
    return ", ".join(f"{name!r} {tuple(a.shape)} {a.dtype}" for name, a in arrays.items())


def _can_be_recorded(array: Any) -> bool:
    return array.dtype.kind in "biuf" and 1 <= array.ndim <= 3 and array.size > 1


def _stacked(arrays: Mapping[str, Any], names: list[str], path: Path, asked: Asked) -> Any:
    """Return arrays of a file as one, several as its last dimension."""
    read = [loaded(arrays[name], path) for name in names]
    renamed = {asked.id: "trial", asked.time: "time"}
    for i, array in enumerate(read):
        if hasattr(array, "dims"):
            new = {dim: renamed[dim] for dim in array.dims if renamed.get(dim, dim) != dim}
            read[i] = array.rename(new)
    if len(read) == 1:
        return read[0]
    shapes = {name: tuple(array.shape) for name, array in zip(names, read, strict=True)}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            f"{', '.join(map(repr, names))} have the shapes {', '.join(map(str, shapes.values()))},"
            " but several are put side by side; name those of one shape."
        )
    if all(hasattr(array, "dims") for array in read):
        import xarray as xr

        return xr.Dataset(dict(zip(names, read, strict=True)))
    if read[0].ndim == 1 and asked.length is None:
        import pandas as pd

        return pd.DataFrame(dict(zip(names, read, strict=True)))
    return np.stack(read, axis=-1)


def _ordered(array: Any, name: str, asked: Asked) -> tuple[Any, tuple[str, ...]]:
    """Return an array with sequences first, then steps, then channels, and these in words."""
    if hasattr(array, "data_vars") or hasattr(array, "dims"):
        array = in_order(array, name)
        return array, tuple(map(str, getattr(array, "dims", ())))
    usual = ("trial", "time", "channel")[asked.length is not None :]
    dims = usual
    if asked.dims:
        roles = roles_of(asked.dims)
        if None in roles or len(set(roles)) < len(roles):
            raise ValueError(
                f"dims={asked.dims!r} must be different ones of 'trial', 'time' and 'channel'."
            )
        called = {SEQUENCE: "trial", TIME: "time", CHANNEL: "channel"}
        dims = tuple(called[role] for role in roles if role is not None)
        # What has a dimension less has no channels; of one value a sequence there is no order.
        dims = dims if array.ndim == len(dims) else tuple(d for d in dims if d != "channel")
        if array.ndim not in (1, len(dims)) or (name == "variable" and array.ndim != len(dims)):
            raise ValueError(
                f"dims={asked.dims!r} are {len(asked.dims)}, but {name} has shape {array.shape}; "
                "name each dimension."
            )
        if array.ndim > 1:
            wanted = [d for d in usual if d in dims]
            if sorted(wanted) != sorted(dims):
                raise ValueError(
                    f"dims={asked.dims!r} do not fit "
                    + ("one recording" if asked.length else "sequences")
                    + f", whose dimensions are {', '.join(usual)}; "
                    + ("leave out length." if asked.length else "pass length for one recording.")
                )
            array = np.transpose(array, [dims.index(d) for d in wanted])
            dims = tuple(wanted)
    return array, dims[: getattr(array, "ndim", 2)]


def _check_dims(X: Any, dims: tuple[str, ...], variable: list[str], asked: Asked) -> None:
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
    known = bool(asked.dims) or (hasattr(X, "dims") and None not in roles)
    if X.ndim == 3 and not known:
        raise ValueError(
            f"{name} has shape {X.shape}"
            + (f" ({', '.join(dims)})" if hasattr(X, "dims") else "")
            + ", and nothing says which dimension is that of sequences, steps and channels; pass "
            + (
                "id and time, the names of the first two (--id, --time)."
                if hasattr(X, "dims")
                else "dims, in the order of the file (--dims trial time channel)."
            )
        )


def _latent_names(latents: Any, names: list[str]) -> list[str] | None:
    """Return the names of latents, or None if labels of theirs say them."""
    n_latents = latents.shape[2] if getattr(latents, "ndim", 2) == 3 else 1
    if hasattr(latents, "dims"):
        return None
    if len(names) > 1:
        return names
    return names if n_latents == 1 else [f"{names[0]} {i}" for i in range(n_latents)]


def _with_times(X: Any, arrays: Mapping[str, Any], path: Path, asked: Asked) -> Any:
    """Return an array without names with the times of its steps, if they are in the file."""
    if asked.time is None or hasattr(X, "dims"):
        if asked.time is not None and "time" not in X.dims:
            raise ValueError(
                f"time={asked.time!r} is none of the dimensions {', '.join(map(repr, X.dims))}; "
                "name one of them."
            )
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


def _described(world: ArrayWorld, asked: Asked) -> str:
    """Return what a world of recordings is, in words, after checking it."""
    rows, latents, units = world._arrays()
    n_sequences, n_steps, *channels = rows.shape
    axes = world.axes
    each = "" if axes.time_step is None else f" of {axes.time_step:g} {axes.time_units}".rstrip()
    observed = rows.observed()
    lengths = np.full(1, n_steps)
    if observed is not None:
        lengths = n_steps - observed[:, ::-1].argmax(axis=1)
    steps = f"{n_steps}" if lengths.min() == n_steps else f"{lengths.min()} to {lengths.max()}"
    if asked.length is None:
        said = [f"{n_sequences} sequences of {steps} steps{each}"]
    else:
        said = [f"{world.describe_units()}, each sequence of {steps} steps{each}"]
    n_channels = channels[0] if channels else 1
    names = axes.channels if 1 < len(axes.channels) <= 8 else ()
    said[0] += f", {n_channels} channel{'s' * (n_channels > 1)}"
    said[0] += f" ({', '.join(names)})" if names else ""
    said[0] += f", in {axes.units}" if axes.units else ""
    if latents is not None:
        found = world.facts.latent_names
        units_of = axes.latent_units or ("",) * len(found)
        kind = "classes" if world.latent_kind == "discrete" else "quantities"
        said.append(f"latents: {', '.join(map(with_units, found, units_of))} ({kind})")
    if asked.inputs:
        said.append(f"inputs: {', '.join(asked.inputs)}")
    if asked.groups:
        said.append(f"groups: {len(np.unique(units))} of {asked.groups!r}")
    n_missing = 0
    if observed is not None:
        n_missing = int((np.arange(n_steps) < lengths[:, np.newaxis])[~observed].sum())
    said.append(
        "no step is missing" if not n_missing else f"{n_missing} steps within sequences are missing"
    )
    return "; ".join(said)
