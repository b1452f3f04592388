"""Latents as arrays: which are classes and which quantities, and what is refused."""

from itertools import permutations
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._padding import even, is_uneven
from ._tables import check_table, has_columns_of_latents
from ._validation import as_array


def check_latents(
    latents: Any,
    X: Any,
    name: str = "latents",
    observed: NDArray[np.bool_] | None = None,
    lengths: NDArray[np.intp] | None = None,
) -> NDArray[Any]:
    """Validate latents against sequences and return them with three dimensions.

    Parameters
    ----------
    latents : array-like of shape (n_sequences,), (n_sequences, n_steps) or \
            (n_sequences, n_steps, n_latents)
        One latent a sequence (constant in time), one a step, or several a step; or a table of
        n_sequences rows with one named column a latent.
    X : ndarray of shape (n_sequences, n_steps, ...)
        The sequences that the latents belong to.
    name : str, default="latents"
        The name used in messages.
    observed : ndarray of bool of shape (n_sequences, n_steps), default=None
        Which steps of the sequences are observed; latents of others may be NaN, or end before
        them. None is all.
    lengths : ndarray of int of shape (n_sequences,), default=None
        Numbers of steps of sequences that came in a list; a list of latents has no more.

    Returns
    -------
    ndarray of shape (n_sequences, n_steps, n_latents)
        Integers if they are classes (integers, booleans, text, pandas categories), else float64.
    """
    check_table(latents, name)
    n_sequences, n_steps = X.shape[:2]
    columns = has_columns_of_latents(latents, n_steps)
    uneven = is_uneven(latents)
    if uneven or (observed is not None and _is_listed(latents)):
        _check_lengths(latents, X.shape, observed, name)
        if lengths is not None:
            _check_not_longer(latents, lengths, name)
    if observed is not None and uneven:
        latents = _even(latents, n_steps)
    latents = encode_latents(as_array(latents, name), n_steps, name)
    if columns:
        latents = latents[:, np.newaxis]
    fits = latents.ndim in (1, 2, 3) and latents.shape[0] == n_sequences
    if not fits or (not columns and latents.ndim > 1 and latents.shape[1] != n_steps):
        order = _fitting_order(X.shape, latents.shape)
        turned = f" They fit np.transpose(X, {order}), if its axes are in another order."
        raise ValueError(
            f"{name} has shape {latents.shape}, which does not fit sequences of shape {X.shape}: "
            f"expected ({n_sequences},), ({n_sequences}, {n_steps}) or "
            f"({n_sequences}, {n_steps}, n_latents). Several latents a sequence are a DataFrame "
            f"with a named column each.{turned if order else ''}"
        )
    if latents.size == 0:
        raise ValueError(f"{name} is empty, shape {latents.shape}; pass None if there are none.")
    n_dims, latents = latents.ndim, _at_steps(latents, n_steps)
    if latents.dtype.kind == "f":
        known = np.ones(latents.shape[:2], dtype=bool) if observed is None else observed
        _check_known(latents, known, name, 1 if columns else n_dims, uneven)
    return latents


def _fitting_order(shape: tuple[int, ...], of_latents: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the order of axes in which latents with a value a step fit, if there is one alone."""
    orders = [
        order
        for order in permutations(range(len(shape)))
        if len(of_latents) > 1 and tuple(shape[axis] for axis in order[:2]) == of_latents[:2]
    ]
    return orders[0] if len(orders) == 1 else None


def _is_listed(latents: Any) -> bool:
    """Return whether latents are a list of arrays of one length, with values of each step."""
    if not (isinstance(latents, list | tuple) and all(isinstance(e, np.ndarray) for e in latents)):
        return False
    shapes = {each.shape for each in latents}
    return len(shapes) == 1 and () not in shapes


def _check_lengths(latents: Any, shape: tuple[int, ...], observed: Any, name: str) -> None:
    """Raise a ValueError unless a list has latents wherever X, of this shape, is observed."""
    n_sequences, n_steps = shape[:2]
    if len(latents) != n_sequences:
        raise ValueError(
            f"{name} has {len(latents)} sequences, X {n_sequences}; pass those of the same."
        )
    lengths, last = np.array([len(each) for each in latents]), np.full(n_sequences, n_steps)
    if observed is not None:
        last = n_steps - observed[:, ::-1].argmax(axis=1)
    wrong = np.flatnonzero((lengths < last) | (lengths > n_steps))
    if len(wrong):
        row = wrong[0]
        raise ValueError(
            f"{name}[{row}] has {lengths[row]} steps, X[{row}] {last[row]} up to the last one that "
            f"is observed, one of {len(wrong)} such sequences; pass a latent for each step that is "
            "observed."
        )


def _check_not_longer(latents: Any, lengths: Any, name: str) -> None:
    """Raise a ValueError if latents in a list go on where their sequence has ended."""
    own = np.array([len(each) for each in latents])
    wrong = np.flatnonzero(own > lengths)
    if len(wrong):
        row = wrong[0]
        raise ValueError(
            f"{name}[{row}] has {own[row]} steps, but X[{row}] has {lengths[row]}, one of "
            f"{len(wrong)} such sequences. Which of them belong to it nobody knows; pass as many, "
            f"[z[:len(x)] for x, z in zip(X, {name})] if both begin together."
        )


def _even(latents: Any, n_steps: int) -> NDArray[Any]:
    """Return latents of unequal length as one array."""
    values, missing = even(latents, n_steps)
    if values.dtype.kind == "f":
        values[missing] = np.nan
        return values
    # The class of the first step, so that none is added.
    missing = missing.reshape(*missing.shape, *(1,) * (values.ndim - 2))
    return np.where(missing, values[:, :1], values)


def _check_known(latents: Any, observed: Any, name: str, n_dims: int, uneven: bool) -> None:
    """Raise a ValueError unless latents are finite where sequences are observed."""
    finite = np.isfinite(latents)
    wrong = ~finite.all(axis=2) & (observed | np.isinf(latents).any(axis=2))
    if not wrong.any():
        return
    row, step = (int(i) for i in np.argwhere(wrong)[0])
    value = latents[row, step][~finite[row, step]][0]
    array, other = f"np.asarray({name})", "X" if name in ("latents", "y") else "the sequences"
    if n_dims == 1:
        where, n_wrong = f"sequence {row}", int(wrong.any(axis=1).sum())
        call = f"keep = np.isfinite({array}).reshape(len({name}), -1).all(axis=1)"
        remedy = f"leave these sequences out of both, {call}, {array}[keep] and so {other}"
    else:
        where, n_wrong = f"step {step} of sequence {row}", int(wrong.sum())
        call = f"X = np.array(X, dtype=float); X[~np.isfinite({name})"
        call += f"{'.all(axis=2)' * (n_dims == 3)}] = np.nan"
        if uneven:
            known = f"np.isfinite(z[:len(x)]){'.all(axis=1)' * (n_dims == 3)}"
            call = "X = [np.array(x, dtype=float) for x in X], and then for x, z in zip("
            call += f"X, {name}): x[:len(z)][~{known}] = np.nan"
        remedy = (
            f"make such steps missing in {other}, too, {call}, and {name} NaN where it is infinite"
        )
    raise ValueError(
        f"{name} contains NaN or inf where X is observed: {value} at {where} (counted from 0), one "
        f"of {n_wrong}. Where a latent is not known nothing can be decoded: {remedy}."
    )


def given_classes(latents: Any, n_steps: int) -> NDArray[Any]:
    """Return valid latents as they were passed, in the shape that `check_latents` returns.

    Parameters
    ----------
    latents : array-like
        Latents, see `check_latents`.
    n_steps : int
        Length of a sequence.

    Returns
    -------
    ndarray of object of shape (n_sequences, n_steps, n_latents)
    """
    latents = even(latents)[0] if is_uneven(latents) else latents
    values = np.asarray(as_array(latents, "latents")).astype(object)
    if has_columns_of_latents(latents, n_steps):
        values = values[:, np.newaxis]
    return _at_steps(values, n_steps)


def _at_steps(latents: Any, n_steps: int) -> NDArray[Any]:
    """Return latents with three dimensions, those of a sequence at each of its steps."""
    while latents.ndim < 3:
        latents = latents[..., np.newaxis]
    return np.broadcast_to(latents, (len(latents), n_steps, latents.shape[2]))


def encode_latents(latents: Any, n_steps: int, name: str = "latents") -> NDArray[Any]:
    """Return latents as integers, which are classes, or as floats, which are quantities.

    Parameters
    ----------
    latents : array-like
        Numbers, booleans, text or pandas categories; of the last two the classes are numbered in
        sorted order, in a table with a named column a latent those of each column.
    n_steps : int
        Length of a sequence.
    name : str, default="latents"
        The name used in messages.

    Returns
    -------
    ndarray of int64 or float64

    Raises
    ------
    ValueError
        If there are both classes and quantities, something else, or a class is missing.
    """
    latents = even(latents)[0] if is_uneven(latents) else latents
    dtypes = list(getattr(latents, "dtypes", [])) if hasattr(latents, "columns") else []
    dtypes = dtypes or [getattr(latents, "dtype", None)]
    kinds = {"quantity" if getattr(each, "kind", "O") == "f" else "class" for each in dtypes}
    columns = []
    if has_columns_of_latents(latents, n_steps):
        columns = [
            encode_latents(latents.iloc[:, i], n_steps, f"{name}[{column!r}]")
            for i, column in enumerate(latents.columns)
        ]
        kinds |= {"quantity" if each.dtype.kind == "f" else "class" for each in columns}
    if len(kinds) > 1:
        raise ValueError(
            f"{name} has classes and quantities ({', '.join(map(str, dtypes))}); probes decode "
            f"one or the other. Pass those of one kind, or {name}.astype(float) if all are "
            "quantities."
        )
    if columns:
        return np.stack(columns, axis=1)
    if any(hasattr(each, "na_value") for each in dtypes):
        # What pandas knows to be missing must not become a number.
        latents = latents.astype(object)
    values = np.asarray(latents)
    categories = any(str(each) == "category" for each in dtypes)
    if not categories and values.dtype.kind in "biu":
        return values.astype(np.int64)
    if not categories and values.dtype.kind == "f":
        return values.astype(np.float64, copy=False)
    if not categories and values.dtype.kind not in "OUST":
        raise ValueError(
            f"{name} has dtype {values.dtype}. Unknown label type: use floats for quantities, "
            "integers or text for classes."
        )
    return _encode_objects(values.astype(object), categories, name)


def _refuse_quantities(values: NDArray[Any], name: str) -> None:
    """Raise a ValueError if text is numbers, of which some are no integers."""
    try:
        numbers = values.astype(np.float64)
    except ValueError:
        return
    parts = values[np.isfinite(numbers) & (numbers != np.floor(numbers))]
    if parts.size:
        raise ValueError(
            f"{name} holds numbers as text, such as {parts[0]!r}, and text is classes; pass "
            f"np.asarray({name}).astype(float) if these are quantities, or "
            f"np.unique({name}, return_inverse=True)[1].reshape(np.shape({name})) for classes."
        )


def _encode_objects(values: NDArray[Any], categories: Any, name: str) -> NDArray[Any]:
    """Return objects as integers or floats."""
    from pandas import factorize, isna

    missing = isna(values)
    if missing.any():
        where = tuple(int(i) for i in np.argwhere(missing)[0])
        raise ValueError(
            f"{name}[{', '.join(map(str, where))}] is missing ({values[where]}), and so are "
            f"{int(missing.sum())} of {values.size} values. Leave these sequences out (and of "
            "X), or give what is missing a class of its own."
        )
    text = all(isinstance(value, str) for value in values.flat)
    if text and not categories:
        _refuse_quantities(values, name)
    if text or categories:
        # Categories may be numbers and text, which have an order here.
        classes = factorize(values.ravel(), sort=True)[0]
        return classes.reshape(values.shape).astype(np.int64)
    if all(isinstance(value, bool | np.bool_ | Integral) for value in values.flat):
        return values.astype(np.int64)
    if all(isinstance(value, Real) for value in values.flat):
        return values.astype(np.float64)
    types = sorted({type(value).__name__ for value in values.flat})
    raise ValueError(
        f"{name} has values of the types {', '.join(types)}. Unknown label type: use floats for "
        "quantities, integers or text for classes, and one kind for all latents."
    )
