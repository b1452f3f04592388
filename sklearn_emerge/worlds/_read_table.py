"""Tables in files as worlds: wide, long, or one recording."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .._dims import TIME, roles_of
from .._names import did_you_mean
from ._array import ArrayWorld
from ._long import arrays_of

if TYPE_CHECKING:
    from ._read import Asked

# What columns of steps are called: a number, maybe with something before or after it.
_STEP = re.compile(r"\D*?-?\d+(\.\d+)?(e-?\d+)?\D*")


def world_of_table(frame: Any, header: str, asked: "Asked") -> tuple[ArrayWorld, str]:
    """Return the world of a table, and what was taken of it in words.

    Parameters
    ----------
    frame : DataFrame
        The table.
    header : str
        What its first line was taken for.
    asked : Asked
        What is asked for, see `read_recordings`.
    """
    if asked.dims:
        raise ValueError("dims are of arrays without names, and a table has none; leave it out.")
    single = {"groups": asked.groups, "id": asked.id, "time": asked.time}
    named = {argument: [name] for argument, name in single.items() if name}
    named |= {"variable": asked.variable, "latents": asked.latents, "inputs": asked.inputs}
    columns = list(map(str, frame.columns))
    for argument, names in named.items():
        for name in names:
            if name not in frame.columns:
                known = ", ".join(map(repr, columns[:12])) + ", ..." * (len(columns) > 12)
                raise ValueError(
                    f"{argument}={name!r} is no column of the table, which has {known} ({header})."
                    f"{did_you_mean(name, columns)}"
                )
    if asked.time is not None and frame[asked.time].dtype.kind not in "iufmM":
        frame = frame.assign(**{asked.time: _dates(frame[asked.time])})
    if asked.length is not None:
        return _recording(frame, header, asked)
    if asked.id is not None and asked.time is not None:
        return _long(frame, asked)
    labelled = asked.time is None and asked.id is not None and frame[asked.id].is_unique
    if not labelled and (asked.id is not None or asked.time is not None):
        given, other = ("id", "time") if asked.time is None else ("time", "id")
        raise ValueError(
            f"{given} is given, but not {other}: a long table, with a row a step, needs both "
            "(--id and --time), one recording length instead of id, and a wide table, with a row "
            "a sequence, no more than an id that is another in each row."
        )
    return _wide(frame, header, asked)


def _dates(column: Any) -> Any:
    import pandas as pd

    try:
        return pd.to_datetime(column, format="ISO8601")
    except ValueError as error:
        raise ValueError(
            f"time={column.name!r} holds neither numbers nor dates ({str(error).split('. ')[0]}); "
            "write dates as 2024-05-31T12:00:00."
        ) from None


def _check_numbers(frame: Any) -> None:
    text = [name for name in frame.columns if frame[name].dtype.kind not in "biuf"]
    if text:
        name = text[0]
        raise ValueError(
            f"column {name!r} holds text ({frame[name].iloc[0]!r}), and so do {len(text)} of "
            f"{frame.shape[1]} columns of what was recorded; name what was recorded by variable "
            "(of a table with a row a step), and what else is in the table by latents, inputs, "
            "groups, id or time, or leave it out of the file."
        )


def _rest(frame: Any, asked: "Asked") -> list[Any]:
    taken = {*asked.latents, *asked.inputs, asked.groups, asked.id, asked.time}
    return [name for name in frame.columns if name not in taken]


def _listed(names: list[Any]) -> str:
    return ", ".join(map(str, names[:8])) + ", ..." * (len(names) > 8)


def _wide(frame: Any, header: str, asked: "Asked") -> tuple[ArrayWorld, str]:
    import pandas as pd

    if asked.variable or asked.inputs:
        raise ValueError(
            "variable and inputs name columns of a table with a row a step, which needs id and "
            "time (--id, --time), or length if it is one recording (--length); in a wide table a "
            "row is a sequence and columns are its steps."
        )
    steps = frame[_rest(frame, asked)]
    if steps.shape[1] < 2:
        raise ValueError(
            f"the table has {len(steps):,} rows of {steps.shape[1]} columns ({header}), but in a "
            "wide table columns are steps; if a row is a step, pass length for one recording "
            f"(--length {max(2, len(steps) // 100)}), or id and time for several (--id, --time)."
        )
    names = [name for name in steps.columns if not _STEP.fullmatch(str(name))]
    if names:
        raise ValueError(
            f"columns {_listed(list(map(repr, names)))} are called as no steps are, so that the "
            "table seems to have a row a step; pass id and time (--id, --time), or length if it "
            f"is one recording (--length {max(2, len(steps) // 100)}). If a row is a sequence, "
            "name what is no step by latents, groups or id, and steps by numbers."
        )
    _check_numbers(steps)
    try:
        times = [float(name) for name in steps.columns]
        X = steps.set_axis(pd.Index(times), axis=1) if header != "no header" else steps.to_numpy()
    except ValueError:
        X = steps.to_numpy()
    latents = None
    if asked.latents:
        latents = frame[asked.latents[0] if len(asked.latents) == 1 else asked.latents]
        latents = latents.set_axis(pd.RangeIndex(len(frame)))
    X = X.set_axis(pd.RangeIndex(len(frame))) if hasattr(X, "set_axis") else X
    groups = None if asked.groups is None else frame[asked.groups].to_numpy()
    said = f"a wide table, a row a sequence, {header}, {steps.to_numpy().dtype}"
    return ArrayWorld(X, latents, groups=groups), said


def _long(frame: Any, asked: "Asked") -> tuple[ArrayWorld, str]:
    assert asked.id is not None
    assert asked.time is not None
    values = [*(asked.variable or _rest(frame, asked)), *asked.inputs]
    if len(values) == len(asked.inputs):
        raise ValueError(f"no column of {_listed(list(frame.columns))} is left to be predicted.")
    _check_numbers(frame[values])
    one = values[0] if len(values) == 1 else values
    options = arrays_of(frame, asked.id, asked.time, one, asked.latents, asked.groups)
    array, n = options["X"], len(asked.inputs)
    if n:
        options["X"], options["inputs"] = array[:, :, :-n], array[:, :, -n:].to_numpy()
        if options["X"].shape[2] == 1:
            options["X"] = options["X"][:, :, 0].drop_vars("channel").rename(values[0])
    said = f"a long table of {len(frame):,} rows, sequences by {asked.id!r}, times by "
    said += f"{asked.time!r}, values {_listed(values[: len(values) - n])}, {array.dtype}"
    return ArrayWorld(**options), said


def _recording(frame: Any, header: str, asked: "Asked") -> tuple[ArrayWorld, str]:
    assert asked.length is not None
    values = asked.variable or _rest(frame, asked)
    if not asked.variable and asked.time is None:
        timed = [name for name in values if roles_of((name,)) == (TIME,)]
        if timed:
            raise ValueError(
                f"column {timed[0]!r} seems to be times, not what was recorded; pass time="
                f"{timed[0]!r} (--time {timed[0]}), or name the columns that were recorded by "
                "variable (--variable)."
            )
    if not values:
        raise ValueError(f"no column of {_listed(list(frame.columns))} is left to be predicted.")
    _check_numbers(frame[values])
    if asked.time is not None:
        frame = frame.set_index(asked.time)
    series = frame[values[0]] if len(values) == 1 else frame[values]
    latents = None
    if asked.latents:
        latents = frame[asked.latents[0] if len(asked.latents) == 1 else asked.latents]
    blocks = {key: value for key, value in asked.blocks.items() if value is not None}
    world = ArrayWorld.from_recording(series, latents, length=asked.length, **blocks)
    said = f"a table with a row a step, columns {_listed(values)}"
    said += f", times by {asked.time!r}" if asked.time is not None else f", {header}"
    return world, f"{said}, {np.asarray(series).dtype}"
