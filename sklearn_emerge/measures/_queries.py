"""Sentences to translate, and which words of a translation are right."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from .._random import substream
from .._typing import RandomState
from .._validation import check_integer
from ..worlds import Sample, TriangleWorld


def draw_queries(
    world: TriangleWorld,
    task: str,
    *,
    n_queries: int = 200,
    n_shots: int | None = None,
    shots: Literal["auto", "disjoint", "random"] = "auto",
    train: Sample | None = None,
    random_state: RandomState = None,
) -> Bunch:
    """Draw sentences to translate, each after solved examples of the same task.

    Parameters
    ----------
    world : TriangleWorld
        The world.
    task : str
        One of its tasks.
    n_queries : int, default=200
        How many.
    n_shots : int, default=None
        Solved examples before each; of them a network sees what fits into its context. None
        takes as many as fit, with the query and its translation, into a row of the world, on
        which networks are trained.
    shots : {"auto", "disjoint", "random"}, default="auto"
        "disjoint": the solved examples have none of the words of the query, for which there
        must be eight words or more. "random": any sentences, as in *Scaling Down
        Transformers*; a network can then read translations off the prompt. "auto": disjoint where
        possible.
    train : Sample, default=None
        Training sequences, to tell which queries are among them.
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of the draws.

    Returns
    -------
    sklearn.utils.Bunch
        ``prompts`` of shape (n_queries, n_prompt), tokens up to the separator before the
        translation; ``answers`` of shape (n_queries, 4 tokens_per_word), the tokens of the
        translation; ``seen`` of shape (n_queries,), whether the sentence was translated in
        training by the same task (None without `train`); ``sentences`` of shape
        (n_queries, 4) and ``shots`` of shape (n_queries, n_shots, 4), word numbers; ``task``;
        ``disjoint``, whether the solved examples are.

    Raises
    ------
    ValueError
        If the task is not known or a number is out of range.

    Examples
    --------
    >>> from sklearn_emerge import TriangleWorld
    >>> from sklearn_emerge.measures import draw_queries
    >>> world = TriangleWorld()
    >>> queries = draw_queries(world, "A->C", n_queries=1, n_shots=1, random_state=0)
    >>> world.decode(queries.prompts[0]), world.decode(queries.answers[0])
    ('a6 a2 a0 a5 . c6 c2 c0 c5 | a4 a7 a3 a1 .', 'c4 c7 c3 c1')
    """
    check_world(world)
    world.check_task(task)
    length = world.sentence_length
    if n_shots is None:
        # The last token of the translation is predicted from those before it.
        query = world.tokens_per_instance - world.tokens_per_word - 1
        n_shots = max(0, world.row_length - 1 - query) // world.tokens_per_instance
    _check(world, task, n_queries, n_shots, shots, train)
    disjoint = shots != "random" and world.n_words >= 2 * length
    stream = substream(random_state, "queries", task)
    sentences = _draw_sentences(world, n_queries, n_shots, disjoint, stream)
    instances = world.write(sentences.reshape(-1, length), task, stream)
    instances = instances.reshape(n_queries, -1)
    answer = world.tokens_per_word * length
    # The last instance ends with the answer and a separator.
    end = instances.shape[1] - answer - world.tokens_per_word
    asked = sentences[:, -1]
    seen = None
    if train is not None:
        known = {tuple(sentence) for sentence in train.instances[task].tolist()}
        seen = np.array([tuple(sentence) in known for sentence in asked.tolist()])
    return Bunch(
        prompts=instances[:, :end],
        answers=instances[:, end : end + answer],
        seen=seen,
        task=task,
        disjoint=disjoint,
        sentences=asked,
        shots=sentences[:, :-1],
    )


def _check(
    world: TriangleWorld,
    task: str,
    n_queries: int,
    n_shots: int,
    shots: Literal["auto", "disjoint", "random"],
    train: Sample | None,
) -> None:
    """Raise a ValueError unless such queries can be drawn."""
    for name, value, least in (("n_queries", n_queries, 1), ("n_shots", n_shots, 0)):
        check_integer(value, name, least)
    least = 2 * world.sentence_length
    possible = world.n_words >= least
    if shots not in ("auto", "disjoint", "random") or (shots == "disjoint" and not possible):
        raise ValueError(
            f"shots={shots!r} must be 'auto', 'random', or for at least {least} words "
            f"'disjoint'; there are {world.n_words}."
        )
    if train is not None and task not in getattr(train, "instances", ()):
        raise ValueError(
            "train must be the Sample of training sequences that sample or split of this world "
            f"returns, with instances of {task}."
        )


def _draw_sentences(
    world: TriangleWorld,
    n_queries: int,
    n_shots: int,
    disjoint: bool,
    stream: np.random.SeedSequence,
) -> NDArray[np.integer]:
    """Draw the word numbers of the solved examples of each query, and last those of the query."""
    drawn = np.random.default_rng(stream).random((n_queries, n_shots + 1, world.n_words))
    order = drawn.argsort(axis=2)
    sentences = order[:, :, : world.sentence_length]
    if disjoint:
        # The words of a query go to the end of the orders of its shots.
        asked = np.zeros((n_queries, world.n_words), dtype=bool)
        np.put_along_axis(asked, sentences[:, -1], True, axis=1)
        late = np.take_along_axis(asked[:, np.newaxis].repeat(n_shots, axis=1), order[:, :-1], 2)
        apart = np.argsort(late, axis=2, kind="stable")
        shots = np.take_along_axis(order[:, :-1], apart, axis=2)
        sentences[:, :-1] = shots[:, :, : world.sentence_length]
    return sentences


def check_world(world: object) -> None:
    """Raise a ValueError unless a world has tasks."""
    if not isinstance(world, TriangleWorld):
        raise ValueError(
            f"world={world!r} has no tasks; pass the TriangleWorld that the predictor has learned."
        )


def words_right(
    world: TriangleWorld, answers: ArrayLike, generated: ArrayLike
) -> NDArray[np.bool_]:
    """Return which words of generated translations are right.

    Parameters
    ----------
    world : TriangleWorld
        The world.
    answers, generated : array-like of int of shape (n_queries, 4 tokens_per_word)
        Tokens of the right translations and of those to judge.

    Returns
    -------
    ndarray of bool of shape (n_queries, 4)
        A sentence is right if all of its words are.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> from sklearn_emerge import TriangleWorld
    >>> from sklearn_emerge.measures import words_right
    >>> words_right(TriangleWorld(), [[5, 6, 7, 8]], [[5, 6, 8, 7]]).tolist()
    [[True, True, False, False]]
    """
    check_world(world)
    answers, generated = np.asarray(answers), np.asarray(generated)
    expected = (len(answers), world.tokens_per_word * world.sentence_length)
    if answers.shape != expected or generated.shape != expected:
        raise ValueError(
            f"answers and generated must both have shape {expected}; got {answers.shape} and "
            f"{generated.shape}."
        )
    right = (answers == generated).reshape(len(answers), world.sentence_length, -1)
    return right.all(axis=2)
