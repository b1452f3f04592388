"""What a network scores that has learned no map of words."""

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from .._random import substream
from .._typing import Floats, RandomState
from ..worlds import TriangleWorld


def scores_without_map(
    queries: Bunch,
    world: TriangleWorld,
    context_length: int | None,
    known: float | NDArray[np.bool_],
    *,
    n_guessers: int = 999,
    random_state: RandomState = 0,
) -> Bunch:
    """Draw the scores of networks that have learned no map.

    Such a network recalls the sentences that it knows, and reads words off the solved examples in
    its context. For each other word it has a guess of its own, the same in all queries: the
    translation that it prefers among those not left out. It leaves out what it has written in
    the sentence, and the translations that it can tell are of other words. Greedy networks
    are like that: their errors are not independent over queries, so that the spread of their
    scores is one over guessers, not over queries.

    Parameters
    ----------
    queries : Bunch
        From `draw_queries`.
    world : TriangleWorld
        Their world.
    context_length : int or None
        Tokens that the network sees at once; None is all.
    known : float or ndarray of bool of shape (n_queries,)
        Share of sentences known by heart, or which are.
    n_guessers : int, default=999
        How many to draw.
    random_state : int, Generator, SeedSequence or None, default=0
        The stream of the draws.

    Returns
    -------
    Bunch
        ``words``, ``sentences`` and ``choice``, arrays of shape (n_guessers,), as `score_tasks`
        computes them of a network.
    """
    rng = np.random.default_rng(substream(random_state, "guesses", queries.task))
    # How much a guesser likes each word of the target language for each of the source language.
    liking = rng.random((n_guessers, world.n_words, world.n_words))
    # As ranks, of which many are compared in the time of one number.
    ranks = liking.argsort(axis=2).argsort(axis=2).astype(np.int16)
    n_prompt, n_answer = queries.prompts.shape[1], queries.answers.shape[1]
    per_word, length = world.tokens_per_word, queries.sentences.shape[1]
    # The window moves with every token that is written; what is given in full is read in one.
    written = n_prompt + per_word * np.arange(1, length + 1) - 1
    whole = np.full(length, n_prompt + n_answer - 1)
    words = _right(queries, world, context_length, ranks, written, given=False)
    choices = _right(queries, world, context_length, ranks, whole, given=True)
    known = np.asarray(known, dtype=float)
    return Bunch(
        words=(known + (1 - known) * words.mean(axis=2)).mean(axis=1),
        sentences=(known + (1 - known) * words.all(axis=2)).mean(axis=1),
        choice=(known + (1 - known) * choices.mean(axis=2)).mean(axis=1),
    )


def p_value(drawn: Floats, score: float) -> float:
    """Return the share of scores drawn, and of the one observed, that are at least as high."""
    return (1 + np.count_nonzero(drawn >= score - 1e-12)) / (1 + len(drawn))


def _right(
    queries: Bunch,
    world: TriangleWorld,
    context_length: int | None,
    ranks: NDArray[np.int16],
    ends: NDArray[np.integer],
    *,
    given: bool,
) -> NDArray[np.bool_]:
    """Return which words guessers get right, after their own words or after those given."""
    n_queries, length = queries.sentences.shape
    n_shots, per_word = queries.shots.shape[1], world.tokens_per_word
    starts = world.tokens_per_instance * np.arange(n_shots)[:, np.newaxis]
    asked_at = starts + per_word * (1 + np.arange(length)) - 1
    told_at = asked_at + per_word * (length + 1)
    words = np.arange(world.n_words)
    rows = np.arange(n_queries)
    right = np.empty((len(ranks), n_queries, length), dtype=bool)
    # What is given is the same for all guessers.
    used = np.zeros((1 if given else len(ranks), n_queries, world.n_words), dtype=bool)

    def among(places: NDArray[np.integer], start: int) -> NDArray[np.bool_]:
        """Return which words stand in the solved examples at places that are visible."""
        shown = queries.shots[:, places >= start]
        return (shown[:, :, np.newaxis] == words).any(axis=1)

    for k, end in enumerate(ends):
        start = 0 if context_length is None else end - context_length
        read = among(asked_at, start)
        left_out = among(told_at, start) if queries.disjoint else read
        true = queries.sentences[:, k]
        # Of a disjoint prompt no word of the query is read.
        own = ranks[:, true]
        guess = np.where(left_out | used, np.int16(-1), own).argmax(axis=2)
        guess = np.where(read[rows, true], true, guess)
        right[:, :, k] = guess == true
        before = true[np.newaxis] if given else guess
        np.put_along_axis(used, before[:, :, np.newaxis], True, axis=2)
    return right
