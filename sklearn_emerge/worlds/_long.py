"""Long tables: a row a step, with columns that say of which sequence and at which time."""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._axes import seconds_or_numbers
from .._names import did_you_mean
from .._tables import text_error

# Times may be off by so much of a step, as those that were rounded are.
_ROUNDING = 0.1
# So many times as many steps as there are rows are no longer gaps.
_MOST = 100


class Places(NamedTuple):
    """Where the rows of a long table belong."""

    ids: Any
    row: NDArray[np.intp]
    step: NDArray[np.intp]
    spacing: float


def arrays_of(
    frame: Any, ids: str, time: str, values: Any, latents: Any, groups: Any
) -> dict[str, Any]:
    """Return a long table as the parameters of an `ArrayWorld`, see `ArrayWorld.from_table`."""
    import xarray as xr

    if not hasattr(frame, "columns") or not hasattr(frame, "iloc"):
        raise ValueError(
            f"frame is a {type(frame).__name__}, but must be a DataFrame of pandas with a row for "
            "each step; of arrays pass ArrayWorld(X, latents)."
        )
    if not len(frame):
        raise ValueError("frame has no rows; pass one with a row for each step.")
    _check_columns(frame, {"id": [ids], "time": [time]})
    latents = [latents] if isinstance(latents, str) else list(latents or ())
    others = {ids, time, groups, *latents}
    single = isinstance(values, str)
    values = [values] if single else list(values or (c for c in frame if c not in others))
    _check_columns(frame, {"values": values, "latents": latents})
    if groups is not None:
        _check_columns(frame, {"groups": [groups]})
    places = _places_of(frame, ids, time)
    shape = len(places.ids), int(places.step.max()) + 1
    observed = np.zeros(shape, dtype=bool)
    observed[places.row, places.step] = True
    try:
        numbers = frame[values].to_numpy()
        numbers = numbers if numbers.dtype.kind in "biuf" else numbers.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise text_error(frame[values], error, "frame[values]") from None
    X = np.zeros((*shape, len(values)), dtype=numbers.dtype)
    if X.dtype.kind == "f":
        X[:] = np.nan
    X[places.row, places.step] = numbers
    dated = frame[time].dtype.kind in "mM"
    spacing = "time", places.spacing * np.arange(shape[1]), {"units": "s"} if dated else {}
    coords = {"trial": places.ids, "time": spacing, "channel": [str(each) for each in values]}
    array = xr.DataArray(X, coords, ["trial", "time", "channel"])
    if single or len(values) == 1:
        array = array[:, :, 0].drop_vars("channel").rename(str(values[0]))
    integers = X.dtype.kind != "f" and not observed.all()
    first = frame.groupby(ids, sort=False, observed=True)
    return {
        "X": array,
        "latents": _latents_of(frame, latents, places, observed, first),
        "latent_names": latents or None,
        "groups": None if groups is None else _one_each(first, groups, "groups").to_numpy(),
        "observed": observed if integers else None,
    }


def _check_columns(frame: Any, named: dict[str, list[Any]]) -> None:
    if not frame.columns.is_unique:
        raise ValueError(
            "frame has columns of the same name, "
            f"{frame.columns[frame.columns.duplicated()].tolist()}; take one of each, "
            "frame.loc[:, ~frame.columns.duplicated()]."
        )
    for argument, columns in named.items():
        for column in columns:
            if not isinstance(column, Hashable):
                raise ValueError(f"{argument}={column!r} must be the name of one column of frame.")
            if column in frame.index.names:
                raise ValueError(
                    f"{argument}={column!r} is a level of the index of frame; make it a column, "
                    "frame.reset_index()."
                )
            if column not in frame.columns:
                raise ValueError(
                    f"{argument} has {column!r}, which is no column of frame; choose from "
                    f"{', '.join(map(repr, frame.columns))}."
                    f"{did_you_mean(column, list(map(str, frame.columns)))}"
                )
    if "values" in named and not named["values"]:
        raise ValueError("values is empty; name the columns that were recorded.")


def _places_of(frame: Any, ids: str, time: str) -> Places:
    """Return the sequence and the step of each row, after checking that times tell them."""
    from pandas import Index, factorize

    _check_places(frame, ids, time)
    row, labels = factorize(frame[ids])
    times = seconds_or_numbers(Index(frame[time]))
    order = np.lexsort((times, row))
    inside = np.diff(row[order]) == 0
    passed = np.diff(times[order])[inside]
    if not passed.size:
        raise ValueError(
            f"id={ids!r} has another value in each row, so that all sequences have one step; pass "
            "the column that says to which sequence a row belongs."
        )
    usual = np.median(passed)
    n_steps = np.maximum(np.round(passed / usual), 1)
    spacing = passed.sum() / n_steps.sum()
    off = np.abs(passed - n_steps * spacing) > _ROUNDING * spacing
    if off.any():
        at = np.flatnonzero(inside)[off.argmax()]
        rows = frame.iloc[order[[at, at + 1]]]
        (start, end), where = rows[time], rows[ids].tolist()[0]
        raise ValueError(
            f"time={time!r} is not equally spaced: most steps take {usual:g}, but in "
            f"{where!r} one goes from {start} to {end}, which is no multiple of that, and so "
            f"do {int(off.sum())} of {off.size}. Number the steps if times do not matter, "
            f"frame.assign(**{{{time!r}: frame.groupby({ids!r})[{time!r}].rank()}}), or bring "
            "them to equal steps."
        )
    moved = np.zeros(len(frame))
    moved[1:][inside] = n_steps
    total = moved.cumsum()
    starts = np.flatnonzero(np.append(True, ~inside))
    step = np.empty(len(frame), dtype=np.intp)
    step[order] = total - np.repeat(total[starts], np.diff(np.append(starts, len(frame))))
    if len(labels) * (int(step.max()) + 1) > _MOST * len(frame):
        longest = labels[row[step.argmax()]]
        raise ValueError(
            f"time={time!r} goes over {int(step.max()) + 1:,} steps in {longest!r}, of which few "
            f"have a row; give the parts between long gaps an {ids!r} of their own."
        )
    return Places(labels, row, step, float(spacing))


def _check_places(frame: Any, ids: str, time: str) -> None:
    """Raise a ValueError unless each row has a sequence and a time of its own."""
    for argument, column in (("id", ids), ("time", time)):
        missing = frame[column].isna()
        if missing.any():
            raise ValueError(
                f"{argument}={column!r} is missing in {int(missing.sum())} of {len(frame)} rows; "
                f"leave them out, frame.dropna(subset=[{column!r}])."
            )
    if frame[time].dtype.kind not in "iufmM":
        raise ValueError(
            f"time={time!r} has dtype {frame[time].dtype}; pass numbers, or dates by "
            f"frame.assign(**{{{time!r}: pandas.to_datetime(frame[{time!r}])}})."
        )
    if frame[time].dtype.kind == "f" and np.isinf(frame[time]).any():
        raise ValueError(
            f"time={time!r} is infinite in {int(np.isinf(frame[time]).sum())} of {len(frame)} "
            f"rows; leave them out, frame[np.isfinite(frame[{time!r}])]."
        )
    repeated = frame.duplicated([ids, time])
    if repeated.any():
        which = [frame.loc[repeated, each].tolist()[0] for each in (ids, time)]
        raise ValueError(
            f"frame has {int(repeated.sum())} rows whose {ids!r} and {time!r} another row has, "
            f"the first of them {which[0]!r} at {which[1]}. Take one row of each, "
            f"frame.drop_duplicates([{ids!r}, {time!r}]), or, if {ids!r} begins anew in each "
            "session, a column that tells the sessions apart."
        )


def _latents_of(frame: Any, latents: list[str], places: Places, observed: Any, first: Any) -> Any:
    """Return latents as a table, a row a sequence, if they are constant, else as an array."""
    if not latents:
        return None
    if (first[latents].nunique(dropna=False) == 1).all(axis=None):
        return first[latents].first()
    columns = []
    for name in latents:
        given = frame[name].to_numpy()
        kind = given.dtype if given.dtype.kind in "biuf" else np.dtype(object)
        # Where nothing was recorded, the value of the first step: no class is added.
        start = np.empty(len(places.ids), dtype=kind)
        at_start = places.step == 0
        start[places.row[at_start]] = given[at_start]
        column = np.repeat(start[:, np.newaxis], observed.shape[1], axis=1)
        column[places.row, places.step] = given
        columns.append(column)
    kinds = {"quantity" if each.dtype.kind == "f" else "class" for each in columns}
    if len(kinds) > 1:
        raise ValueError(
            f"latents={latents!r} has classes and quantities ("
            f"{', '.join(str(frame[name].dtype) for name in latents)}); probes decode one or the "
            "other. Pass those of one kind."
        )
    return np.stack(columns, axis=2)


def _one_each(first: Any, column: str, argument: str) -> Any:
    """Return the value of a column for each sequence; raise a ValueError if it has several."""
    several = first[column].nunique(dropna=False) > 1
    if several.any():
        where = several.index[several].tolist()[0]
        raise ValueError(
            f"{argument}={column!r} has several values in {where!r}, and in "
            f"{int(several.sum())} of {len(several)} sequences, but a sequence belongs to one "
            "group; pass a column that is constant in each."
        )
    return first[column].first()
