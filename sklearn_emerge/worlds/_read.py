"""Recordings in files as worlds, and in words how the files were read."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from .._axes import with_units
from ._array import ArrayWorld
from ._formats import arrays_in, check_file, is_table, table_in
from ._read_arrays import world_of_arrays
from ._read_table import world_of_table
from ._rows import Rows

_Names = str | Sequence[str] | None
# What stands for missing values in many files, and what NetCDF has where nothing was written.
_CODES = [sign * (10.0**k - 1) for k in range(2, 8) for sign in (-1, 1)]
_CODES += [-8888.0, -32767.0, -32768.0, 32767.0, -(2.0**31), -(2.0**31) + 1, 1e20, -1e20, 1e30]
_FILL = 9.969209968386869e36


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
    that have names, as in NetCDF, may be in any order. Nothing is ever unpickled. In MATLAB, up to
    version 7, a field is "structure.field", and a cell, or a field of an array of structures, is
    one array: a number, a text or a sequence each.

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
        Column that says to which sequence a row belongs, or, of a wide table, is its label; of
        arrays the dimension of sequences, if its name does not tell.
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
        How the file was read, in a line: what was taken and what was left, dimensions, units and
        missing steps.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of another format, does not hold what was asked for, or holds
        more than one thing that may be meant; and as of `ArrayWorld`.

    Warns
    -----
    UserWarning
        If steps are not equally spaced, or a number such as -9999, far from all others, seems to
        stand for what is missing.

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
    steps, 1 channel; latents (classes): side; no step is missing
    """
    file = check_file(path)
    try:
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
        _check_asked(asked)
        if is_table(file):
            of_steps = length is not None or (id is not None and time is not None)
            kind, frame, header = table_in(file, of_steps)
            world, taken = world_of_table(frame, header, asked)
        else:
            with arrays_in(file) as (kind, arrays, coordinates):
                world, taken = world_of_arrays(arrays, coordinates, asked, file)
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
                    f"{name!r} is among {named[name]} and {argument}, or twice in it; name it once."
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


def _warn_of_codes(rows: Rows) -> None:
    """Warn of numbers that often stand for what is missing, far from all others."""
    for channel, ends in enumerate(rows.ends()[0].T):
        for code in ends[np.isin(ends, _CODES) | np.isclose(ends, _FILL, rtol=1e-6)]:
            parts = (part.reshape(*part.shape[:2], -1)[:, :, channel] for part in rows.parts())
            known = np.concatenate([part[~np.isnan(part)] for part in parts])
            others = known[known != code]
            if others.size and np.abs(others - code).min() > np.ptp(others):
                n = known.size - others.size
                warnings.warn(
                    f"{n} values of channel {channel} are {code:g}, far from all others "
                    f"({others.min():g} to {others.max():g}), as a code for what is missing is. "
                    "Write NaN instead of it (an empty cell in a table), or it is taken for a "
                    "measurement.",
                    UserWarning,
                    stacklevel=3,
                )


def _described(world: ArrayWorld, asked: Asked) -> str:
    """Return what a world of recordings is, in words, after checking it."""
    rows, latents, units = world.recorded()
    _warn_of_codes(rows)
    n_sequences, n_steps, *channels = rows.shape
    axes = world.axes
    each = "" if axes.time_step is None else f" of {axes.time_step:g} {axes.time_units}".rstrip()
    observed = rows.observed()
    lengths = np.full(1, n_steps)
    if observed is not None:
        lengths = n_steps - observed[:, ::-1].argmax(axis=1)
    shortest, longest = lengths.min(), lengths.max()
    steps = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
    if asked.length is None:
        said = [f"{n_sequences} sequences of {steps} steps{each}"]
    else:
        said = [f"{world.describe_units()}; sequences of {steps} steps{each}"]
    n_channels = channels[0] if channels else 1
    names = axes.channels if 1 < len(axes.channels) <= 8 else ()
    said[0] += f", {n_channels} channel{'s' * (n_channels > 1)}"
    said[0] += f" ({', '.join(names)})" if names else ""
    said[0] += f", in {axes.units}" if axes.units else ""
    if latents is not None:
        found = world.facts.latent_names
        units_of = axes.latent_units or ("",) * len(found)
        kind = "classes" if world.latent_kind == "discrete" else "quantities"
        said.append(f"latents ({kind}): {', '.join(map(with_units, found, units_of))}")
    if asked.inputs:
        said.append(f"inputs: {', '.join(asked.inputs)}")
    if asked.groups:
        said.append(f"groups: {len(np.unique(units))} of {asked.groups!r}")
    n_missing = 0
    if observed is not None:
        n_missing = int((np.arange(n_steps) < lengths[:, np.newaxis])[~observed].sum())
    known = "no step is missing"
    said.append(f"missing steps within sequences: {n_missing}" if n_missing else known)
    return "; ".join(said)
