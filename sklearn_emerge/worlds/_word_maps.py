"""Maps of words between languages, none of which follows from the others."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .._random import substream

# The number of the translation of each word, and where such maps lead from each language.
Words = NDArray[np.integer]
Edges = dict[str, list[tuple[str, Words]]]


def draw_maps(tasks: Sequence[str], n_words: int) -> dict[str, Words]:
    """Draw a map for each task; no word is translated as a chain of other tasks would.

    The maps depend on the arguments and on nothing else: they are a property of a world, the
    same in every sample.

    Parameters
    ----------
    tasks : sequence of str
        Tasks such as "A->B".
    n_words : int
        Words of each language.

    Returns
    -------
    dict of str to ndarray of shape (n_words,)
        Number of the translation of each word.

    Raises
    ------
    ValueError
        If there are too few words for so many tasks.
    """
    maps: dict[str, Words] = {}
    edges: Edges = {}
    for task in tasks:
        source, target = task.split("->")
        chains = list(_chains(edges, source, target, np.arange(n_words)))
        rng = np.random.default_rng(substream(0, "map", task))
        for _ in range(10_000):
            drawn = rng.permutation(n_words)
            if not any((drawn == chain).any() for chain in chains):
                break
        else:
            raise ValueError(
                f"No maps of {n_words} words keep {task} apart from all chains of other tasks; "
                "take more words or fewer tasks."
            )
        maps[task] = drawn
        edges.setdefault(source, []).append((target, drawn))
        edges.setdefault(target, []).append((source, np.argsort(drawn)))
    return maps


def one_follows(tasks: Iterable[str]) -> bool:
    """Return whether a task follows from others by composition, forwards or backwards.

    Parameters
    ----------
    tasks : iterable of str
        Tasks such as "A->B".

    Returns
    -------
    bool
    """
    joined: dict[str, set[str]] = {}
    for task in tasks:
        source, target = (joined.setdefault(place, {place}) for place in task.split("->"))
        if source is target:
            return True
        source |= target
        joined.update(dict.fromkeys(source, source))
    return False


def _chains(
    edges: Edges, place: str, target: str, words: Words, visited: tuple[str, ...] = ()
) -> Iterator[Words]:
    """Yield the maps of all chains of tasks from one language to another, each used once."""
    for following, drawn in edges.get(place, []):
        if following in (*visited, place):
            continue
        chained = drawn[words]
        if following == target:
            yield chained
        else:
            yield from _chains(edges, following, target, chained, (*visited, place))
