"""Checks of sequences and numbers, with messages that say what to do."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from ._dims import in_order
from ._missing import is_observed, observed_only
from ._padding import even, is_uneven
from ._roles import check_channels, exogenous_of, targets_of, without_partly_missing
from ._tables import check_columns, check_digits, check_table, cut_call, recording_call, text_error
from ._typing import Floats

_AS_NAN = " Or make it NaN, np.ma.filled(X.astype(float), np.nan): such a step does not count."
# Squares of what is larger or smaller leave the range of double precision.
_LARGEST, _SMALLEST = 1e140, 1e-140
# So many sequences are named by their numbers.
_LISTED = 20


def as_array(array: Any, name: str) -> Any:
    """Return what was passed as an array, or raise a ValueError that says why it is none.

    Parameters
    ----------
    array : object
        What was passed. Objects that are no list are left to scikit-learn, which converts them.
    name : str
        The name used in messages.

    Returns
    -------
    object
        The same, or an array if it was an array of arrays.

    Raises
    ------
    ValueError
        If values are masked, complex, dates or text, or rows differ in length.
    """
    rows = isinstance(array, list | tuple) or (
        isinstance(array, np.ndarray) and array.dtype == object and array.ndim == 1
    )
    if rows and any(hasattr(row, "__len__") and not isinstance(row, str) for row in array):
        _check_rows(array, name)
        if any(np.ma.isMaskedArray(row) for row in array):
            array = np.ma.stack(list(array))
        elif isinstance(array, np.ndarray):
            array = np.stack(list(array))
    if np.ma.isMaskedArray(array):
        mask = np.ma.getmaskarray(array)
        if mask.any():
            where = ", ".join(str(int(i)) for i in np.argwhere(mask)[0])
            raise ValueError(
                f"{name}[{where}] is masked, and so are {int(mask.sum())} of {mask.size} values; "
                "a mask is not read. Leave out what has some, for instance "
                f"{name}[~np.ma.getmaskarray({name}).reshape(len({name}), -1).any(axis=1)]"
                f"{_as_well(name)}." + (_AS_NAN if name == "X" else "")
            )
        return array.data
    if hasattr(array, "toarray"):
        return array
    kind = np.asarray(array).dtype.kind
    if kind == "c":
        raise ValueError(
            f"{name} is complex. Complex data not supported: pass real and imaginary part as "
            f"two channels, np.stack([{name}.real, {name}.imag], axis=2)."
        )
    if kind in "mM":
        raise ValueError(
            f"{name} holds dates or times ({np.asarray(array).dtype}); pass numbers, for instance "
            f"np.asarray({name}).astype('int64') / 1e9."
        )
    return array


def _check_rows(rows: Sequence[Any] | NDArray[Any], name: str) -> None:
    """Raise a ValueError unless all rows have one shape."""
    try:
        shapes = [np.shape(row) for row in rows]
    except ValueError:
        raise ValueError(
            f"{name} has a sequence whose own parts differ in length; pass arrays of shape "
            "(n_steps,) or (n_steps, n_channels), as long for all."
        ) from None
    if len(set(shapes)) < 2:
        return
    lengths = [shape[0] if shape else 1 for shape in shapes]
    if len(set(lengths)) > 1 and len({shape[1:] for shape in shapes}) == 1:
        short, middle = min(lengths), int(np.median(lengths))
        raise ValueError(
            f"{name} has sequences of {short} to {max(lengths)} steps; all must be as long. Cut "
            f"them to the shortest, np.stack([row[:{short}] for row in {name}]), or leave short "
            f"ones out, np.stack([row[:{middle}] for row in {name} if len(row) >= {middle}])."
        )
    other = next(i for i, shape in enumerate(shapes) if shape != shapes[0])
    steps_last = len(set(lengths)) == 1 and {len(shape) for shape in shapes} == {2}
    turned = f", or, if steps come last, [np.transpose(x) for x in {name}]" * steps_last
    raise ValueError(
        f"{name}[0] has shape {shapes[0]} and {name}[{other}] {shapes[other]}; pass sequences of "
        f"one shape, (n_steps,) or (n_steps, n_channels){turned}."
    )


def as_numbers(values: ArrayLike, name: str) -> Floats:
    """Return values as a float64 array; raise a ValueError if they are not real numbers."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values; drop them: {name}.compressed().")
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biufO":
            kind = "complex" if array.dtype.kind == "c" else f"of type {array.dtype}"
            raise TypeError(f"it is {kind}")
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}={values!r} is not a real number or matrix ({error}); pass numbers, or rows of "
            "equal length."
        ) from error


def check_integer(value: object, name: str, at_least: int = 1) -> None:
    """Raise a ValueError unless a value is an integer of at least so much."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < at_least:
        raise ValueError(f"{name}={value!r} must be an integer of at least {at_least}.")


def check_finite(array: NDArray[Any], name: str, *, missing: bool = False) -> None:
    """Raise a ValueError that locates the first NaN or infinity of `array`, if there is one.

    Parameters
    ----------
    array : ndarray
        Numbers.
    name : str
        The name used in messages.
    missing : bool, default=False
        Whether NaN stands for what is missing, and is none of the two.
    """
    finite = np.isfinite(array)
    if missing and not finite.all():
        finite |= np.isnan(array)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        if missing:
            raise ValueError(
                f"{name} contains infinity: {name}[{', '.join(map(str, where))}] is "
                f"{array[where]}, and {int((~finite).sum())} of {array.size} values are infinite. "
                "If they are missing, make them NaN, "
                f"np.where(np.isinf({name}), np.nan, {name}): such a step neither counts nor "
                "teaches."
            )
        raise ValueError(
            f"{name} contains NaN or inf: {name}[{', '.join(map(str, where))}] is {array[where]}, "
            f"and {int((~finite).sum())} of {array.size} values are not finite. "
            + _without(finite, name)
        )


def _without(finite: NDArray[np.bool_], name: str) -> str:
    """Return how to do without the values that are not finite, as text."""
    filled = "Do not fill them in: what is filled in can be predicted"
    rows: Any = finite.reshape(len(finite), -1).all(axis=1)
    if rows.sum() >= len(rows) / 2:
        # Whatever it was, a list or a table, and with channels or without.
        mask = f"np.isfinite(np.asarray({name})).reshape(len({name}), -1).all(axis=1)"
        call = f"np.asarray({name})[{mask}]"
        return f"Leave out what has some, {call}{_as_well(name)}. {filled}."
    if finite.ndim > 1:
        steps = np.logical_and.accumulate(finite.reshape(*finite.shape[:2], -1).all(axis=(0, 2)))
        if steps.sum() >= 2:
            cut = f"np.asarray({name})[:, :{steps.sum()}]"
            return (
                f"Cut all sequences to the steps that have none, {cut}{_as_well(name)}. {filled}."
            )
    return f"Leave out the sequences, steps or channels that have some. {filled}."


def _as_well(name: str) -> str:
    """Return what else is to be cut, as text: sequences and latents belong together."""
    other = "X" if name in ("latents", "y") else "the latents"
    return f" (and so {other})"


def check_enough_observed(
    X: Floats, name: str = "X", *, each: bool = False, least: int = 2
) -> None:
    """Raise a ValueError unless something can be learned from the steps that are observed.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        Sequences, NaN where a step is missing.
    name : str, default="X"
        The name used in messages.
    each : bool, default=False
        Whether two steps of each sequence have to be observed, and not of two sequences only.
    least : int, default=2
        Another number of steps: 1 where the first one can be predicted, too.
    """
    words = {1: "one step is", 2: "two steps are"}[least]
    n_observed = is_observed(X).sum(axis=1)
    few = np.flatnonzero(n_observed < least)
    if len(X) - few.size < 2:
        raise ValueError(
            f"{name} has {len(X) - few.size} sequences of which {words} observed, and two of "
            f"those are needed: {n_observed.size * X.shape[1] - n_observed.sum()} of "
            f"{n_observed.size * X.shape[1]} steps are NaN in some channel. Pass recordings in "
            "which more is observed, or leave out the channels that are seldom."
        )
    if each and few.size:
        which = str(few.tolist())
        if few.size > _LISTED:
            which = (
                f"[i for i, row in enumerate(np.asarray({name}, dtype=object)) if np.isfinite("
                f"np.asarray(row, dtype=float).reshape(len(row), -1)).all(axis=1).sum() < {least}]"
            )
        raise ValueError(
            f"{name}[{few[0]}] has {n_observed[few[0]]} observed steps, and {few.size} of {len(X)} "
            f"sequences have fewer than {least}, of which nothing can be predicted. Leave them "
            f"out, np.delete(np.asarray({name}, dtype=object), {which}, axis=0)"
            f"{_as_well(name)}."
        )


def check_scale(X: Floats, name: str) -> None:
    """Raise a ValueError if values are so large or so near to each other that squares fail.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        Finite numbers, or NaN where a step is missing.
    name : str
        The name used in messages.
    """
    known = observed_only(X)
    low, high = known.min(axis=(0, 1)), known.max(axis=(0, 1))
    largest = np.maximum(np.abs(low), np.abs(high))
    with np.errstate(over="ignore"):
        spread = np.where(constant_channels(X), 1.0, high - low)
    if (largest > _LARGEST).any():
        value, what = largest.max(), "as large as"
    elif (spread < _SMALLEST).any():
        value, what = spread.min(), "that differ by no more than"
    else:
        return
    raise ValueError(
        f"{name} has values {what} {value:.3g}, whose squares are out of the range of double "
        f"precision; rescale, {name} / 1e{int(np.floor(np.log10(value)))}."
    )


def constant_channels(X: Floats) -> NDArray[np.bool_]:
    """Return which channels are constant up to rounding.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        Sequences.

    Returns
    -------
    ndarray of bool of shape (n_channels,)
    """
    known = observed_only(X)
    low, high = known.min(axis=(0, 1)), known.max(axis=(0, 1))
    # The range: the standard deviation of equal values is not 0 after rounding.
    return high - low <= 8 * np.finfo(np.float64).eps * np.maximum(np.abs(low), np.abs(high))


def check_shape(X: NDArray[Any], name: str) -> None:
    """Raise a ValueError unless sequences can be learned from.

    Parameters
    ----------
    X : ndarray
        Numbers, of any shape.
    name : str
        The name used in messages.

    Raises
    ------
    ValueError
        If it has other than two or three dimensions, or there are too few sequences, steps or
        channels. One series alone is told how it can be cut.
    """
    if X.ndim not in (1, 2, 3):
        raise ValueError(
            f"{name} has {X.ndim} dimensions, shape {X.shape}; sequences have two or three: "
            "(n_sequences, n_steps) or (n_sequences, n_steps, n_channels)."
        )
    n_sequences, n_steps = X.shape[:2] if X.ndim > 1 else (1, len(X))
    if X.size == 0:
        raise ValueError(
            f"{name} is empty, with {n_steps} feature(s) (shape={X.shape}) while a minimum of 2 is "
            "required. Pass at least two sequences of two steps and one channel."
        )
    if n_sequences > 1 and n_steps > 1:
        return
    counted = f"n_samples = {n_sequences}, n_features = {n_steps}"
    n_total, channels = n_sequences * n_steps, [n for n in X.shape[2:] if n > 1]
    if n_total < 4:
        remedy = "record more"
    else:
        # The same call for a list, a table and an array.
        flat = f"np.reshape({name}, (-1, {channels[0]}))" if channels else f"np.ravel({name})"
        remedy = f"cut it, {cut_call(flat, n_total)}{recording_call(flat, n_total)}"
    which = "holds one sequence" if n_sequences == 1 else "has sequences of 1 step"
    raise ValueError(
        f"{name} has shape {X.shape}, but sequences are the rows of an array of shape "
        f"(n_sequences, n_steps) or (n_sequences, n_steps, n_channels): it {which} ({counted}). "
        "Sequences are the independent units, and a next step is predicted, so at least 2 of 2 "
        f"steps are needed. If this is one series of {n_total} steps, {remedy}."
    )


def check_sequences(
    estimator: Any,
    X: ArrayLike,
    *,
    reset: bool,
    name: str = "X",
    n_exogenous: int = 0,
    feedback: bool = True,
) -> Floats:
    """Validate sequences and return them as a float64 array of three dimensions.

    Parameters
    ----------
    estimator : estimator
        Receives `n_features_in_` (the number of steps) and `n_channels_` if `reset`;
        otherwise X must agree with them.
    X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        The sequences; where the estimator takes missing steps, a list of arrays of unequal length,
        too, which are padded with NaN.
    reset : bool
        True in `fit`, which then also needs two sequences of two steps.
    name : str, default="X"
        The name used in messages.
    n_exogenous : int, default=0
        How many of the last channels are exogenous.
    feedback : bool, default=True
        Whether targets are seen, and not predicted from exogenous channels alone.

    Returns
    -------
    ndarray of shape (n_sequences, n_steps, n_channels)
        Where the estimator takes missing steps, NaN in all channels of these that are predicted.
    """
    X = _as_floats(estimator, X, reset, name)
    if X.ndim > 3:
        check_shape(X, name)
    if X.ndim == 2:
        X = X[:, :, np.newaxis]
    n_channels = X.shape[2]
    if reset:
        check_channels(X, n_exogenous, name)
    # Channels of another number have no roles.
    n_exogenous *= reset or n_channels == estimator.n_channels_
    if getattr(estimator, "takes_missing", False):
        check_finite(X, name, missing=True)
        X = without_partly_missing(X, n_exogenous, name)
        if reset:
            least = 2 if feedback else 1
            check_enough_observed(targets_of(X, n_exogenous), name, least=least)
    else:
        check_finite(X, name)
    if reset:
        check_scale(targets_of(X, n_exogenous), name)
        if n_exogenous:
            check_scale(exogenous_of(X, n_exogenous), name)
        estimator.n_channels_ = n_channels
    elif n_channels != estimator.n_channels_:
        raise ValueError(
            f"{name} has {n_channels} channels, but {type(estimator).__name__} was fitted with "
            f"{estimator.n_channels_}. Pass the channels seen in fit."
        )
    return X


def _as_floats(estimator: Any, X: Any, reset: bool, name: str) -> Floats:
    """Return what was passed as sequences as a float64 array of their steps."""
    # Some sparse arrays are dictionaries, too.
    if isinstance(X, dict) and not issparse(X):
        remedy = f"the sequences alone, {name}=sample.X" if "X" in X else "an array"
        raise ValueError(f"{name} is a {type(X).__name__}, not sequences; pass {remedy}.")
    X = in_order(X, name)
    check_table(X, name)
    check_columns(X, name)
    table = X
    if getattr(estimator, "takes_missing", False) and is_uneven(X):
        X, missing = even(X, 0 if reset else estimator.n_features_in_)
        X = X.astype(np.float64)
        X[missing] = np.nan
    X = as_array(X, name)
    if not hasattr(X, "toarray"):
        check_digits(np.asarray(X), name)
        if reset:
            check_shape(np.asarray(X), name)
    try:
        X = validate_data(
            estimator, X, reset=reset, allow_nd=True, dtype=np.float64, ensure_all_finite=False
        )
    except ValueError as error:
        if "got 1D array" in str(error):
            raise ValueError(
                f"{name} has shape {np.shape(X)}, but sequences are the rows of an array of shape "
                "(n_sequences, n_steps) or (n_sequences, n_steps, n_channels). Reshape your data: "
                f"one sequence alone is np.reshape({name}, (1, -1))."
            ) from None
        if "could not convert string" in str(error):
            raise text_error(table, error, name) from None
        if "is expecting" not in str(error):
            raise
        raise ValueError(
            f"{error} The features are time steps: to predict sequences of another length, use "
            f"the copy that {type(estimator).__name__}.at_length(n_steps) returns."
        ) from None
    return X
