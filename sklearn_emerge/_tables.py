"""What labels say: tables that are no sequences, rows that do not match, names of latents."""

from typing import Any

import numpy as np

from ._dims import CHANNEL, TIME, roles_of


def labels(data: Any, axis: int) -> Any:
    """Return the labels along an axis of a pandas or xarray object as an Index, or None."""
    if hasattr(data, "dims") and hasattr(data, "indexes"):
        return data.indexes.get(data.dims[axis]) if axis < len(data.dims) else None
    found = getattr(data, ("index", "columns")[axis], None) if axis < 2 else None
    # Lists have a method of that name.
    return found if hasattr(found, "nlevels") else None


def cut_call(name: str, n_steps: int) -> str:
    """Return the call that cuts one recording into sequences, as text."""
    return f"cut({name}, {n_steps // (10 if n_steps >= 20 else 2)})"


def recording_call(name: str, n_steps: int) -> str:
    """Return the call that makes a world of one recording, if it is long enough, as text."""
    if n_steps < 400:
        return ""
    call = f"ArrayWorld.from_recording({name}, length={n_steps // 100})"
    return f" (or, as the world of an assessment, {call}, with blocks as units and gaps between)"


def _level_of_time(index: Any, default: Any) -> Any:
    """Return the level of an index that is called as time is, or the default."""
    names = [str(each).lower() for each in index.names]
    found = [level for level, each in enumerate(names) if each in ("time", "t", "step", "sample")]
    return found[0] if found else default


def check_table(table: Any, name: Any) -> None:
    """Raise a ValueError if the rows of a labelled table are steps instead of sequences.

    Parameters
    ----------
    table : object
        What was passed as sequences or latents; anything without labels is fine.
    name : str
        Its name in messages.

    Raises
    ------
    ValueError
        If rows have several labels, as those of a long table, or times.
    """
    rows = labels(table, 0)
    rows_are_sequences = f"If each row is a sequence, pass {name}.to_numpy()."
    if rows is not None and rows.nlevels > 1:
        time = _level_of_time(rows, rows.nlevels - 1)
        levels = [level for level in range(rows.nlevels) if level != time]
        names = ", ".join(map(str, rows.names))
        remedy = f"unstack it to (n_sequences, n_steps). {rows_are_sequences}"
        if hasattr(table, "groupby") and not hasattr(table, "dims"):
            lengths = table.groupby(level=levels).size()
            short, long = int(lengths.min()), int(lengths.max())
            cut = f"[:{short}]" if short < long else ""
            # In each sequence, steps are taken as the rows come.
            ordered = name if rows.is_monotonic_increasing else f"{name}.sort_index()"
            steps = f"{short} to {long}" if cut else f"{short}"
            remedy = (
                f"as a long table of {len(lengths)} sequences of {steps} steps; pass np.stack("
                f"[each.to_numpy(){cut} for _, each in {ordered}.groupby(level={levels})]). "
                f"{rows_are_sequences}"
            )
        raise ValueError(f"{name} has rows with {rows.nlevels} labels ({names}), {remedy}")
    timed = rows is not None and rows.inferred_type in ("datetime64", "timedelta64", "period")
    if timed or roles_of(getattr(table, "dims", ())[:1]) == (TIME,):
        n_steps = len(table)
        cut = f"{cut_call(name, n_steps)}{recording_call(name, n_steps)}"
        order = ""
        if hasattr(table, "dims") and len(table.dims) > 1:
            dims = (table.dims[1], table.dims[0], *table.dims[2:])
            call = f"transpose{dims!r}"
            if roles_of(dims[:1]) == (CHANNEL,):
                # By its name it would be taken for that of channels again.
                call = f"rename({dict.fromkeys(dims[:1], 'trial')!r})"
            order = f"; if another dimension is that of the sequences, {name}.{call}"
        raise ValueError(
            f"{name} has rows labelled by time, as one recording of {n_steps} steps has, but rows "
            f"are sequences. Cut it into sequences: {cut}{order}. {rows_are_sequences}"
        )


def check_labels(X: Any, latents: Any, name: Any) -> None:
    """Raise a ValueError if tables are no sequences, or disagree; before any row is left out.

    Parameters
    ----------
    X, latents : object
        Sequences and latents, as they were passed.
    name : str
        The name of the latents in messages.

    Raises
    ------
    ValueError
        As of `check_table`, `check_columns` and `check_aligned`.
    """
    check_table(X, "X")
    check_columns(X, "X")
    check_table(latents, name)
    check_aligned(X, latents, name)


def check_columns(table: Any, name: Any) -> None:
    """Raise a ValueError if columns of a table of sequences have two header rows or kinds."""
    columns: Any = getattr(table, "columns", None)
    if getattr(columns, "nlevels", 1) > 1:
        channels = 1 if _level_of_time(columns, columns.nlevels - 1) == 0 else 0
        which = ("first", "second")[channels]
        raise ValueError(
            f"{name} has columns with {columns.nlevels} labels "
            f"({', '.join(map(str, columns.names))}), but columns are steps. If the {which} are "
            f"channels, pass np.stack([{name}.xs(each, axis=1, level={channels}).to_numpy() for "
            f"each in {name}.columns.unique({channels})], axis=2); if all are steps, "
            f"{name}.to_numpy()."
        )
    if not hasattr(columns, "nlevels") or columns.dtype.kind in "iufmM":
        return
    kinds = [getattr(dtype, "kind", "O") for dtype in table.dtypes]
    if "f" in kinds and {"i", "u", "b"} & set(kinds):
        whole = ", ".join(repr(c) for c, kind in zip(columns, kinds, strict=True) if kind in "iub")
        raise ValueError(
            f"{name} has columns of integers ({whole}) and of floats, but columns are steps of one "
            f"quantity. Leave out what is none, or, if all are steps, pass {name}.astype(float)."
        )


def text_error(table: Any, error: Exception, name: Any) -> ValueError:
    """Return the ValueError of sequences of text.

    Parameters
    ----------
    table : object
        The sequences, as they were passed.
    error : ValueError
        What was raised when they were converted.
    name : str
        Their name in messages.

    Returns
    -------
    ValueError
    """
    from pandas import to_numeric

    remedy = (
        f"pass numbers, for symbols np.unique({name}, return_inverse=True)[1]"
        f".reshape(np.shape({name})) and likelihood='categorical'"
    )
    columns: Any = getattr(table, "columns", ())
    dtypes = getattr(table, "dtypes", ())
    text = [
        c for c, t in zip(columns, dtypes, strict=True) if getattr(t, "kind", "O") not in "biuf"
    ]
    among = table[text] if 0 < len(text) < len(columns) else table
    # Of text among numbers, as "NA", most says what was meant.
    numbers = to_numeric(np.asarray(among, dtype=object).ravel(), errors="coerce")
    if np.mean(np.isfinite(numbers)) > 0.5:
        remedy = (
            "make it NaN if it says that a value is missing, pd.to_numeric(np.ravel("
            f"{name}), errors='coerce').reshape(np.shape({name}))"
        )
    elif among is not table:
        remedy = f"leave out what is no step, {name}.drop(columns={text!r})"
    return ValueError(f"{name} holds text ({error}); {remedy}.")


def check_digits(values: Any, name: Any) -> None:
    """Raise a ValueError if an array has numbers that are written as text.

    Parameters
    ----------
    values : ndarray
        What was passed; other text is refused where it is converted.
    name : str
        The name used in messages.
    """
    text = values.dtype.kind in "UST" or (
        values.dtype == object and any(isinstance(each, str | bytes) for each in values.flat)
    )
    if not text:
        return
    try:
        values.astype(np.float64)
    except (TypeError, ValueError):
        return
    first = next(each for each in values.ravel().tolist() if isinstance(each, str | bytes))
    raise ValueError(
        f"{name} holds text, such as {first!r}, which may be names or numbers; if these are "
        f"numbers, pass np.asarray({name}).astype(float), or astype(int) of counts and tokens."
    )


def check_aligned(X: Any, latents: Any, name: Any) -> None:
    """Raise a ValueError if sequences and latents have labels that do not agree.

    Parameters
    ----------
    X, latents : object
        Sequences and latents; what has no labels is taken in the order in which it comes.
    name : str
        The name of the latents in messages.

    Raises
    ------
    ValueError
        If rows are labelled otherwise, or steps in another order.
    """
    for axis, noun in enumerate(("rows", "steps")):
        wanted, found = labels(X, axis), labels(latents, axis)
        if wanted is None or found is None or wanted.equals(found):
            continue
        same = found.is_unique and bool(wanted.isin(found).all())
        # Columns of latents may be called otherwise than those of X.
        if axis == 1 and not (same and len(wanted) == len(found)):
            continue
        place = f"X.indexes[{X.dims[axis]!r}]" if hasattr(X, "dims") else "X.index"
        if axis == 1 and not hasattr(X, "dims"):
            place = "X.columns"
        if hasattr(latents, "dims"):
            call = f"{name}.sel({{{latents.dims[axis]!r}: {place}}})"
        else:
            call = f"{name}.loc[{':, ' * axis}{place}]"
        remedy = f"align them, {name} = {call}, or, if " if same else "if "
        raise ValueError(
            f"{name} has {noun} labelled {_first(found)}, and X {_first(wanted)}; {remedy}the "
            f"order is the same already, pass {name}.to_numpy()."
        )


def _first(index: Any) -> str:
    return ", ".join(map(str, index[:3])) + ", ..." * (len(index) > 3)


def has_columns_of_latents(latents: Any, n_steps: int) -> bool:
    """Return whether a table has several latents a sequence, one a named column."""
    columns: Any = getattr(latents, "columns", None)
    named = hasattr(columns, "nlevels") and columns.dtype.kind not in "iufmM"
    return bool(named and len(columns) != n_steps)


def names_of(latents: Any, n_steps: int) -> list[Any] | None:
    """Return the names that labelled latents bring with them, or None.

    Parameters
    ----------
    latents : object
        The latents, as they were passed.
    n_steps : int
        Length of a sequence.

    Returns
    -------
    list or None
    """
    if has_columns_of_latents(latents, n_steps):
        return list(latents.columns)
    if hasattr(latents, "columns"):
        return None
    if getattr(latents, "ndim", 0) == 3:
        found = labels(latents, 2)
        return None if found is None else list(found)
    name = getattr(latents, "name", None)
    return None if name is None else [name]


def text_name(name: Any) -> str:
    """Return the name of a latent as text; parts of several header rows are joined."""
    return " ".join(map(str, name)) if isinstance(name, tuple | list) else str(name)


def check_names(names: Any, n_latents: int) -> tuple[str, ...]:
    """Return names of latents as text; raise a ValueError unless each has one of its own."""
    names = tuple(text_name(name) for name in names)
    if len(set(names)) != n_latents or len(names) != n_latents:
        raise ValueError(
            f"latent_names={list(names)} has {len(set(names))} different names for "
            f"{n_latents} latents; give one each."
        )
    wrong = [name for name in names if not name or "\0" in name]
    if wrong:
        raise ValueError(
            f"latent_names has {wrong[0]!r}, which a file cannot keep; give a name of text "
            "without NUL."
        )
    return names
