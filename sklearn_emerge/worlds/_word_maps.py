"""Maps of words between languages, none of which follows from the others."""

import numpy as np

from .._random import substream


def draw_maps(tasks, n_words):
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
    maps : dict of str to ndarray of shape (n_words,)
        Number of the translation of each word.
    n_closed : int
        Tasks that would follow from those before by composition, forwards or backwards.

    Raises
    ------
    ValueError
        If there are too few words for so many tasks.
    """
    maps, edges, n_closed = {}, {}, 0
    for task in tasks:
        source, target = task.split("->")
        chains = list(_chains(edges, source, target, np.arange(n_words)))
        n_closed += bool(chains)
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
    return maps, n_closed


def _chains(edges, place, target, words, visited=()):
    """Yield the maps of all chains of tasks from one language to another, each used once."""
    for following, drawn in edges.get(place, []):
        if following in (*visited, place):
            continue
        chained = drawn[words]
        if following == target:
            yield chained
        else:
            yield from _chains(edges, following, target, chained, (*visited, place))
