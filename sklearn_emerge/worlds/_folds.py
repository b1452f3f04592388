"""Recordings in folds: every unit is held out once before one is held out again."""

from collections.abc import Iterator
from math import ceil

import numpy as np

from .._random import substream
from ._strata import Numbers, spread

# An assessment has as many seeds unless told otherwise.
_N_FOLDS = 5
# Sequences that a probe is cross-validated over, at least.
_N_PROBED = 5


def count_folds(
    units: Numbers,
    n_eval: int | None,
    *,
    grouped: bool,
    decoded: bool,
    stratified: bool = False,
) -> tuple[int, int]:
    """Return into how many folds units are divided, however they are dealt out.

    Parameters
    ----------
    units : ndarray of int of shape (n_sequences,)
        The unit of each sequence, numbered from 0 on.
    n_eval : int or None
        Sequences of a fold at most, as near as units allow; None is a fifth of them.
    grouped, decoded : bool
        Whether units are groups of sequences, and whether there are latents, which are decoded
        across units.
    stratified : bool, default=False
        Whether groups are dealt out by their classes instead of their sizes.

    Returns
    -------
    n_folds : int
        Number of folds, at least two.
    largest : int
        The most sequences that one of them can have.

    Raises
    ------
    ValueError
        If there cannot be two.
    """
    n_sequences, sizes = len(units), np.sort(np.bincount(units))[::-1]
    most = _N_FOLDS if n_eval is None else max(2, ceil(n_sequences / n_eval))
    least = _N_PROBED if n_eval is None else min(_N_PROBED, n_eval)
    least_units = 2 if grouped and decoded else 1
    for n_folds in range(min(most, len(sizes) // least_units), 1, -1):
        # In rounds of units of about one size, or of any.
        rounds = np.append(sizes, np.zeros(-len(sizes) % n_folds, int)).reshape(-1, n_folds)
        largest, smallest = rounds[:, 0].sum(), rounds[:, -1].sum()
        if stratified:
            largest = sizes[: len(rounds)].sum()
            smallest = sizes[len(sizes) - len(sizes) // n_folds :].sum()
        if smallest >= least:
            return n_folds, int(largest)
    if not grouped:
        raise ValueError(
            f"X has {n_sequences} sequences, but at least {2 * least} are needed: all are held "
            f"out in turns, in two folds or more of at least {least}. Record more."
        )
    across = " of two groups, across which latents are decoded" if decoded else ""
    each = f"{sizes[0]}" if sizes[0] == sizes[-1] else f"{sizes[-1]} to {sizes[0]}"
    few = f", at least {2 * least_units} groups," if len(sizes) < 2 * least_units else ""
    without = ", or leave out the latents (latents=None)" if few and len(sizes) >= 2 else ""
    raise ValueError(
        f"groups has {len(sizes)} labels, for {each} sequences each, but all "
        f"groups are held out in turns, in two folds or more{few} of at least {least} sequences"
        f"{across}. Record more, or pass labels of smaller units{without}."
    )


def fold_rows(
    units: Numbers,
    classes: Numbers | None,
    n_folds: int,
    n_splits: int,
    n_train: int,
    stream: np.random.SeedSequence,
) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the sequences of each split of a repeated cross-validation.

    Parameters
    ----------
    units : ndarray of int of shape (n_sequences,)
        The unit of each sequence, numbered from 0 on.
    classes : ndarray of int of shape (n_units,) or None
        The class of each unit by which folds are stratified.
    n_folds, n_splits : int
        Number of folds, and of splits: one a fold, over as many repetitions as it takes.
    n_train : int
        Sequences for training, at most as many as the largest fold leaves.
    stream : SeedSequence
        Each repetition has a stream of its own below it.

    Yields
    ------
    train, evaluation : ndarray of int
        Rows. Those of a unit are neighbours in training; in evaluation units take turns, so that
        the first rows, however many, are of as many units and classes as they can be.
    """
    sizes = np.bincount(units)
    for split in range(n_splits):
        repetition, held_out = divmod(split, n_folds)
        if held_out == 0:
            rng = np.random.default_rng(substream(stream, "repetition", repetition))
            order = rng.permutation(len(sizes))
            if classes is None:
                fold = _deal_by_size(order, sizes, n_folds, rng)
            else:
                fold = _deal_by_class(classes[order], n_folds)
        outside, inside = order[fold != held_out], order[fold == held_out]
        places = _spread(outside, classes)
        n_units = np.searchsorted(sizes[outside[places]].cumsum(), n_train) + 1
        train = _rows(outside[np.sort(places[:n_units])], units)[:n_train]
        yield train, in_turns(_rows(inside[_spread(inside, classes)], units), units)


def _deal_by_size(
    order: Numbers, sizes: Numbers, n_folds: int, rng: np.random.Generator
) -> Numbers:
    """Return the fold of each of some units in random order; in a round each fold gets one."""
    largest_first = (-sizes[order]).argsort(kind="stable")
    rounds = np.tile(np.arange(n_folds), (ceil(len(order) / n_folds), 1))
    fold = np.empty(len(order), int)
    fold[largest_first] = rng.permuted(rounds, axis=1).ravel()[: len(order)]
    return fold


def _deal_by_class(classes: Numbers, n_folds: int) -> Numbers:
    """Return the fold of each of some units in random order, as many in all, or one more.

    A class that not every fold can have twice is dealt out in pairs, as far as there is room:
    a probe needs two units of a class, and two folds that have it are more than none.
    """
    n_units = len(classes)
    room = np.full(n_folds, n_units // n_folds)
    room[: n_units % n_folds] += 1
    _, first, label = np.unique(classes, return_index=True, return_inverse=True)
    members = [np.flatnonzero(label == each) for each in first.argsort()]
    fold = np.full(n_units, -1)
    # In two rounds, because there is room for pairs first.
    for size in (2, 1):
        for units in members:
            if size == 2 and not 2 < len(units) < 2 * n_folds:
                continue
            left = units[fold[units] < 0]
            n_here = np.bincount(fold[units[fold[units] >= 0]], minlength=n_folds)
            for dealt in left[: len(left) // size * size].reshape(-1, size):
                if room.max() < size:
                    break
                # Where there are fewest of the class, and of those where there is most room.
                at = np.lexsort((-room, n_here, room < size))[0]
                fold[dealt] = at
                n_here[at] += size
                room[at] -= size
    return fold


def _spread(units: Numbers, classes: Numbers | None) -> Numbers:
    """Return places of units in random order, spread over their classes."""
    return np.arange(len(units)) if classes is None else spread(classes[units], 2)


def _rows(chosen: Numbers, units: Numbers) -> Numbers:
    """Return the sequences of the chosen units, one unit after another."""
    place = np.full(units.max() + 1, len(chosen))
    place[chosen] = np.arange(len(chosen))
    rows = np.flatnonzero(place[units] < len(chosen))
    return rows[place[units[rows]].argsort(kind="stable")]


def thin(rows: Numbers, n: int) -> Numbers:
    """Return so many of some sequences, sorted and as far from each other as can be."""
    rows = np.sort(rows)
    n = min(n, len(rows))
    return rows[np.arange(n) * len(rows) // n]


def in_turns(rows: Numbers, units: Numbers) -> Numbers:
    """Return sequences, those of a unit neighbours, so that units take turns."""
    starts = np.flatnonzero(np.diff(units[rows], prepend=-1))
    rank = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    return rows[rank.argsort(kind="stable")]
