"""Recordings about which nothing can be said: what they share or hold is taken for learning."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from ._missing import is_observed, observed_only
from ._validation import constant_channels

# So many steps in a row are not equal by chance, unless values are few.
_RUN = 4
# Where values come again by chance, so many sequences may share some, and this many times as many
# as have the same at the same steps, or equal values in a row elsewhere.
_BY_CHANCE, _TIMES = 10, 10
# So few different values, or whole numbers, repeat by chance, but not in so many changes.
_FEW = _CHANGES = 32
# Of few values, sequences of fewer changes are equal by chance; of others, how likely it is that
# ten times as many pairs as expected are, if a step depends on so many steps before.
_EVENTFUL, _RARE, _MEMORY = 8, 1e-3, 3
_FACTOR = np.uint64(0x2545F4914F6CDD1D)


def check_repeated(X: Any, name: str = "X") -> None:
    """Raise a ValueError if sequences share samples, or many begin or end in equal values.

    Parameters
    ----------
    X : ndarray of float64 of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        The recordings, finite, or NaN in all channels of missing steps; no tokens, which repeat by
        nature.
    name : str, default="X"
        The name used in messages.
    """
    channels = X.reshape(*X.shape[:2], -1)
    codes, observed = _codes(channels), is_observed(channels)
    few = _has_few_values(observed_only(channels), codes[:100][observed[:100]])
    apart = codes
    if not observed.all():
        # What is missing equals nothing.
        codes[~observed] = 0
        apart = codes.copy()
        apart[~observed] = np.arange(1, 1 + (~observed).sum(), dtype=np.uint64)
    _check_shared(X, codes, apart, _BY_CHANCE if few or _repeats(codes, apart) else 0, name)
    _check_held(apart, few, name)


def check_constant(X: NDArray[Any], name: str) -> None:
    """Raise a ValueError if a channel of sequences, of three dimensions, is constant."""
    constant = np.flatnonzero(constant_channels(X)).tolist()
    if not constant:
        return
    value = observed_only(X)[0, 0]
    if len(constant) == X.shape[2]:
        raise ValueError(
            f"{name} is constant, {value[0]:.6g} at every step of all sequences, so that there "
            "is nothing to predict; pass recordings that vary."
        )
    few = f"{name}[:, :, {constant[0]}] is {value[constant[0]]:.6g}"
    raise ValueError(
        f"{name} has channels that are constant over all recordings: {constant} ({few} "
        "everywhere). They can be predicted without any error, which would outweigh all others; "
        f"leave them out, np.delete({name}, {constant}, axis=2)."
    )


def _codes(X: NDArray[Any]) -> NDArray[np.integer]:
    """Return one integer for each step, equal for steps that are equal in all channels."""
    codes = np.zeros(X.shape[:2], dtype=np.uint64)
    for channel in range(X.shape[2]):
        # Adding 0 makes -0 and 0 the same bits.
        codes ^= (X[:, :, channel] + 0.0).view(np.uint64)
        codes *= np.uint64(0x9E3779B97F4A7C15)
        codes ^= codes >> np.uint64(32)
        codes *= np.uint64(0xD6E8FEB86659FD93)
    return codes


def _whole(codes: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return one integer for each sequence."""
    return codes @ np.cumprod(np.full(codes.shape[1], _FACTOR))


def _check_shared(
    X: NDArray[Any], codes: NDArray[np.integer], apart: NDArray[Any], by_chance: Any, name: str
) -> None:
    """Refuse equal sequences, and those that end as others begin, what is missing set apart."""
    n_sequences, n_steps = codes.shape
    changes = codes[:, 1:] != codes[:, :-1]
    _check_equal(codes, changes, _CHANGES if by_chance else 1, name)
    if by_chance:
        _warn_if_equal(codes, changes, name)
    length = _longest_shared(apart, apart[:, 1:] != apart[:, :-1], by_chance)
    if length is None:
        return
    every = -(-n_steps // (n_steps - length))
    remedy = ""
    if n_sequences > 8 * every:
        remedy = f", or, if the windows are in order, pass {name}[::{every}]"
    raise ValueError(
        f"{name} has sequences that share samples: some end with the {length} steps with which "
        "others begin, as windows that overlap do. What is learned of one is known of the other, "
        "so that they are no independent units. Cut the recording without overlap, "
        f"cut(recording, {n_steps}){remedy}."
    )


def _has_few_values(X: NDArray[Any], codes: NDArray[np.integer]) -> bool:
    """Return whether values are whole numbers, or few."""
    whole = (X[0] == np.floor(X[0])).all() and (np.floor(X) == X).all()
    return bool(whole or len(np.unique(codes)) <= _FEW)


def _repeats(codes: NDArray[np.integer], apart: NDArray[Any]) -> bool:
    """Return whether different sequences come to the same value at the same step."""
    distinct = apart[np.unique(_whole(codes), return_index=True)[1]]
    changes = distinct[:, 1:] != distinct[:, :-1]
    # And leave it at once: what is held is no chance.
    moved = changes[:, :-1] & changes[:, 1:]
    still = np.arange(moved.size, dtype=np.uint64).reshape(moved.shape)
    values = np.sort(np.where(moved, distinct[:, 1:-1], still), axis=0)
    return bool((values[1:] == values[:-1]).any())


def _check_equal(codes: NDArray[np.integer], changes: NDArray[Any], least: int, name: str) -> None:
    """Refuse sequences that are equal, of those that change so many times."""
    rows = np.flatnonzero(changes.sum(axis=1) >= least)
    _, first, inverse = np.unique(_whole(codes[rows]), return_index=True, return_inverse=True)
    twin = first[inverse]
    repeated = np.flatnonzero(twin != np.arange(len(rows)))
    if not repeated.size:
        return
    row, other = rows[repeated[0]], rows[twin[repeated[0]]]
    raise ValueError(
        f"{name}[{row}] and {name}[{other}] are equal, and so are {len(repeated)} of {len(codes)} "
        "sequences to another one. What is learned of one is known of the other, so that they are "
        f"no independent units; pass each once, keep = np.unique({name}, axis=0, "
        f"return_index=True)[1], np.asarray({name})[keep] (and so the latents)."
    )


def _warn_if_equal(codes: NDArray[np.integer], changes: NDArray[Any], name: str) -> None:
    """Warn of sequences of few values that are equal more often than by chance."""
    n_changes, whole = changes.sum(axis=1), _whole(codes)
    _, inverse, counts = np.unique(whole, return_inverse=True, return_counts=True)
    # Of those in which less happens, the probability is not known well.
    twins = (counts[inverse] > 1) & (n_changes >= _EVENTFUL)
    if not twins.any():
        return
    # The more happens in them, the less often two are equal by chance.
    levels = np.quantile(n_changes[twins], (0, 0.5, 1), method="nearest")
    for least in np.unique(levels)[::-1]:
        eventful = n_changes >= least
        found, expected = _n_pairs(whole[eventful]), _expected_pairs(codes[eventful])
        if poisson.sf(found - 1, _TIMES * expected) < _RARE:
            break
    else:
        return
    rows = np.flatnonzero(twins)
    other = int(rows[inverse[rows] == inverse[rows[0]]][1])
    warnings.warn(
        f"{name}[{other}] and {name}[{rows[0]}] are equal, and {len(rows)} of {len(codes)} "
        f"sequences equal another one, more than by chance. If they are copies, what is learned of "
        "one is known of the other, and claims may hold that are false: pass each once, keep = "
        f"np.unique({name}, axis=0, return_index=True)[1], np.asarray({name})[keep] (and so the "
        "latents). If trials came out alike by their nature, leave them, or make those that are "
        "alike one group, ArrayWorld(X, groups=...).",
        UserWarning,
        stacklevel=2,
    )


def _n_pairs(codes: NDArray[np.integer]) -> int:
    """Return how many pairs of some numbers are equal."""
    counts = np.unique(codes, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())


def _expected_pairs(codes: NDArray[np.integer]) -> float:
    """Return how many pairs of sequences are equal if a step depends on the last few alone.

    The probability that two sequences that are equal at some steps are equal at the next one is
    that of all pairs but those of equal sequences, which may be copies; one pair is added.
    """
    equal = _n_pairs(_whole(codes))

    def count(start: int, stop: int) -> int:
        return _n_pairs(_whole(codes[:, start:stop])) - equal + 1

    steps = range(1, codes.shape[1])
    starts = [max(0, step - _MEMORY) for step in steps]
    ratios = [count(i, t + 1) / count(i, t) for i, t in zip(starts, steps, strict=True)]
    return float(count(0, 1) * np.prod(ratios))


def _longest_shared(
    codes: NDArray[np.integer], changes: NDArray[Any], by_chance: Any
) -> int | None:
    """Return the most steps with which sequences end and others begin, or None."""
    n_sequences, n_steps = codes.shape
    least = max(2, min(_RUN, n_steps - 1))
    possible = set(_possible_lengths(codes, least, by_chance))
    if not possible:
        return None
    # An array, because arrays overflow in silence.
    power, longest = np.ones(1, dtype=np.uint64), None
    heads, tails = np.zeros((2, n_sequences), dtype=np.uint64)
    head_changes, tail_changes = np.zeros((2, n_sequences), dtype=int)
    for length in range(1, max(possible) + 1):
        # Polynomials: the code of a run follows from that of a run shorter by one step.
        heads = heads * _FACTOR + codes[:, length - 1]
        tails = tails + codes[:, n_steps - length] * power
        power = power * _FACTOR
        if length > 1:
            head_changes += changes[:, length - 2]
            tail_changes += changes[:, n_steps - length]
        if length not in possible:
            continue
        # Not those that are held, nor those that begin as they themselves end.
        some_heads = heads[(head_changes >= least - 1) & (heads != tails)]
        some_tails = tails[tail_changes >= least - 1]
        shared = int(np.isin(some_heads, some_tails).sum())
        at_same_steps = sum(len(each) - len(np.unique(each)) for each in (some_heads, some_tails))
        if shared > by_chance + _TIMES * at_same_steps:
            longest = length
    return longest


def _possible_lengths(codes: NDArray[np.integer], least: int, by_chance: Any) -> list[int]:
    """Return the lengths of ends that start as more sequences begin than do by chance."""
    n_steps = codes.shape[1]
    n_starts = n_steps - least + 1
    runs = np.zeros((len(codes), n_starts), dtype=np.uint64)
    for step in range(least):
        runs = runs * _FACTOR + codes[:, step : step + n_starts]
    heads = np.unique(runs[:, 0])
    place = np.searchsorted(heads, runs).clip(max=len(heads) - 1)
    n_found = (heads[place] == runs).sum(axis=0)
    return [n_steps - start for start in range(1, n_starts) if n_found[start] > by_chance]


def _check_held(codes: NDArray[np.integer], few: bool, name: str) -> None:
    """Refuse sequences of which many begin or end in equal values."""
    n_sequences, n_all = codes.shape
    # What is the same in all sequences is known to every baseline that knows the step.
    common = (codes == codes[:1]).all(axis=0)
    start = int(common.argmin())
    codes = codes[:, start : n_all - common[::-1].argmin()]
    n_steps = codes.shape[1]
    if n_steps < (10 if few else 5):
        # Too short to know how often values are equal elsewhere.
        return
    same = codes[:, 1:] == codes[:, :-1]
    leading, trailing = _leading(same), _leading(same[:, ::-1])
    # Between the first change and the last one, which are changes by definition.
    steps = np.arange(n_steps - 1)
    inside = (steps > leading[:, np.newaxis]) & (steps < n_steps - 2 - trailing[:, np.newaxis])
    allowed = max(_BY_CHANCE if few or n_sequences >= 40 else 2, n_sequences // 20)
    # Long runs show the padding of what often stays equal for one step.
    for length in (2, 4) if n_steps >= 16 else (2,):
        possible, found = _n_runs(inside, length), _n_runs(inside & same, length)
        if possible < n_sequences:
            # Too few places to know how often that happens.
            if few or length > 2:
                continue
            # Two steps in a row are equal less often than one.
            possible, found = _n_runs(inside, 1), _n_runs(inside & same, 1)
        expected = n_sequences * found / max(possible, 1)
        for runs, where in ((trailing, "end"), (leading, "begin")):
            # A sequence in which nothing happens is not padded.
            held = (runs >= length) & (runs < n_steps - 1)
            if held.sum() <= allowed + _TIMES * expected:
                continue
            row, longest = int(np.flatnonzero(held)[0]), int(runs[held].max())
            first, last = start + longest + 1, start + n_steps - longest - 1
            kept, n_kept = (f":{last}", last) if where == "end" else (f"{first}:", n_all - first)
            remedy = "Leave"
            if n_kept >= 2:
                kept = f"np.asarray({name})[:, {kept}]"
                remedy = f"Cut all sequences to the steps that were recorded, {kept}, or leave"
            raise ValueError(
                f"{name} has {int(held.sum())} of {n_sequences} sequences that {where} in equal "
                f"values, as what is padded or filled in does ({name}[{row}] in "
                f"{int(runs[row]) + 1} of {n_steps} steps). That can be predicted without any "
                f"error, which would be taken for learning. {remedy} these sequences out. If what "
                "was not recorded is filled in, make it NaN, or pass lengths or observed to "
                "ArrayWorld."
            )


def _n_runs(steps: NDArray[np.bool_], length: int) -> int:
    """Return in how many places so many steps in a row are true."""
    runs = np.lib.stride_tricks.sliding_window_view(steps, length, axis=1)
    return int(runs.all(axis=2).sum())


def _leading(same: NDArray[np.bool_]) -> NDArray[np.integer]:
    """Return how many steps in a row, from the first, equal the one before."""
    return np.where(same.all(axis=1), same.shape[1], (~same).argmax(axis=1))
