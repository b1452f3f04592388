"""Translations of a network against what recall, the prompt and chance would give."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.utils import Bunch

from .._random import seed_sequence
from .._typing import RandomState
from ..inference import check_alpha, hoeffding_interval, hoeffding_p_value
from ..likelihoods import clip_probability
from ..predictors._neural import NeuralPredictor
from ..worlds import Sample, TriangleWorld
from ._guesses import p_value, scores_without_map
from ._queries import check_world, draw_queries, words_right
from ._recall import recall_share


def score_tasks(
    predictor: NeuralPredictor,
    world: TriangleWorld,
    *,
    tasks: Sequence[str] | None = None,
    n_queries: int = 200,
    n_shots: int | None = None,
    shots: Literal["auto", "disjoint", "random"] = "auto",
    train: Sample | None = None,
    alpha: float = 0.05,
    random_state: RandomState = None,
) -> pd.DataFrame:
    """Let a network translate fresh sentences, and compare with chance, recall and the prompt.

    Each query follows solved examples of its task; the network continues it greedily. A word
    counts if it is right in its place, a sentence if all its words are. Both are reported: a
    curve can be sharp in sentences and smooth in words. Intervals are about the queries of this
    network, of which each is a unit, not each word.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted on tokens of the world.
    world : TriangleWorld
        The world.
    tasks : sequence of str, default=None
        Tasks to score; None is all of the world.
    n_queries : int, default=200
        Queries a task.
    n_shots : int, default=None
        Solved examples before each query; a network sees what fits into its context. None
        takes as many as fit into a row, see `draw_queries`.
    shots : {"auto", "disjoint", "random"}, default="auto"
        Whether the solved examples may have words of the query, see `draw_queries`.
    train : Sample, default=None
        Training sequences, from which recall is counted; None computes what is expected of the
        world's numbers of examples.
    alpha : float, default=0.05
        One minus the confidence of the intervals.
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of the queries.

    Returns
    -------
    pandas.DataFrame
        One row a task, with

        - ``n_queries``, and ``seen``, the share of queries whose sentence was translated in
          training by the same task (NaN without `train`);
        - ``loss``, the mean of minus the log-probability of the words of the true translation,
          given those before, in nats per word;
        - ``choice``, the share of them that are the most probable word of their language: a
          network may know which word it would be, and not the language;
        - ``words``, the share of right words, and its Hoeffding interval ``words_low``,
          ``words_high``;
        - ``sentences``, the share of right sentences, and its exact (Clopper-Pearson) interval
          ``sentences_low``, ``sentences_high``;
        - ``recall``, the share of sentences that a model knows by heart, which is what it
          scores that does nothing else (Proposition 4); ``p_recall``, Hoeffding's bound for more
          words than that, and ``p_recall_sentences``, of the exact binomial test;
        - ``expected_words``, ``expected_sentences`` and ``expected_choice``, what networks score
          on average that have learned no map: they recall sentences, read words off the solved
          examples in their context, and have a fixed guess for each other word; and ``p_words``
          and ``p_choice``, the share of such networks that score as much (at least .001).

    The tests against recall take queries as independent. Those against networks without a map do
    not: a greedy network makes the same guess in all queries, and may be right by chance in all.

    Raises
    ------
    ValueError
        If the predictor and the world do not belong together, a task is not known or a number
        is out of range.

    References
    ----------
    Scaling Down Transformers, Proposition 4.

    Examples
    --------
    >>> from sklearn_emerge import GRUPredictor, TriangleWorld
    >>> from sklearn_emerge.measures import score_tasks
    >>> world = TriangleWorld(examples={"A->B": 40, "B->C": 40})
    >>> train = world.sample(world.default_n_train, random_state=0)
    >>> model = GRUPredictor(
    ...     4, max_steps=3, likelihood="categorical", n_tokens=world.n_tokens, random_state=0
    ... ).fit(train.X)
    >>> table = score_tasks(model, world, n_queries=20, train=train, random_state=0)
    >>> table.expected_words.round(2).to_dict()
    {'A->B': 0.25, 'B->C': 0.29}
    """
    check_alpha(alpha)
    tasks = check_network(predictor, world, tasks)
    examples = dict(zip(world.tasks, world.n_examples, strict=True))
    stream = seed_sequence(random_state)
    rows = {}
    for task in tasks:
        queries, right = translate_queries(
            predictor,
            world,
            task,
            n_queries=n_queries,
            n_shots=n_shots,
            shots=shots,
            train=train,
            random_state=stream,
        )
        loss, choice = _words_known(predictor, world, queries)
        if train is None:
            recall = known = recall_share(examples[task], world.n_sentences)
        else:
            recall = len(np.unique(train.instances[task], axis=0)) / world.n_sentences
            known = queries.seen
        without = scores_without_map(
            queries, world, predictor.context_length_, known, random_state=stream
        )
        rows[task] = {
            "n_queries": n_queries,
            "seen": np.nan if queries.seen is None else float(queries.seen.mean()),
            "loss": loss,
            "choice": choice,
            **_shares(right, alpha),
            "recall": recall,
            **_against_recall(right, float(np.mean(known))),
            **{f"expected_{name}": float(drawn.mean()) for name, drawn in without.items()},
            "p_words": p_value(without.words, float(right.mean())),
            "p_choice": p_value(without.choice, choice),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("task")


def _shares(right: NDArray[np.bool_], alpha: float) -> dict[str, float]:
    """Return the shares of right words and sentences, each with its interval."""
    words, n_right, n_queries = float(right.mean()), int(right.all(axis=1).sum()), len(right)
    low, high = hoeffding_interval(words, n_queries, 1 - alpha)
    exact = binomtest(n_right, n_queries).proportion_ci(1 - alpha, method="exact")
    return {
        "words": words,
        "words_low": low,
        "words_high": high,
        "sentences": n_right / n_queries,
        "sentences_low": float(exact.low),
        "sentences_high": float(exact.high),
    }


def _against_recall(right: NDArray[np.bool_], known: float) -> dict[str, float]:
    """Return the p-values of more right words and sentences than the share known by heart."""
    words, n_right, n_queries = float(right.mean()), int(right.all(axis=1).sum()), len(right)
    exact = binomtest(n_right, n_queries, known, alternative="greater")
    return {
        "p_recall": hoeffding_p_value(words, known, n_queries),
        "p_recall_sentences": float(exact.pvalue),
    }


def translate_queries(
    predictor: NeuralPredictor, world: TriangleWorld, task: str, **options: Any
) -> tuple[Bunch, NDArray[np.bool_]]:
    """Return queries of a task, see `draw_queries`, and which words a network gets right."""
    queries = draw_queries(world, task, **options)
    generated = predictor.generate(queries.prompts, queries.answers.shape[1])
    return queries, words_right(world, queries.answers, generated)


def check_network(
    predictor: object, world: TriangleWorld, tasks: Sequence[str] | None = None
) -> list[str]:
    """Return the tasks as a list, all if None, after checking that all belong together."""
    check_world(world)
    if getattr(predictor, "n_tokens_", None) != world.n_tokens or not hasattr(
        predictor, "generate"
    ):
        raise ValueError(
            f"{type(predictor).__name__} is not a network fitted on the {world.n_tokens} tokens of "
            "the world; fit one with likelihood='categorical' and n_tokens=world.n_tokens."
        )
    tasks = list(world.tasks) if tasks is None else tasks
    if isinstance(tasks, str) or not len(tasks):
        raise ValueError(f"tasks={tasks!r} must be a list of tasks, for instance ['A->C'].")
    return list(tasks)


def _words_known(
    predictor: NeuralPredictor, world: TriangleWorld, queries: Bunch
) -> tuple[float, float]:
    """Return the loss of the words of the translations, and the share first in their language."""
    tokens = np.hstack([queries.prompts, queries.answers])
    if predictor.context_length_ is not None:
        # All in one window, which is as long as those of training.
        tokens = tokens[:, -predictor.context_length_ - 1 :]
    answer = queries.answers.shape[1]
    places = (
        tokens.shape[1]
        - answer
        + np.arange(answer)[world.tokens_per_word - 1 :: world.tokens_per_word]
    )
    seen = tokens[:, :-1]
    probability = predictor.at_length(seen.shape[1]).predict(seen)[:, places - 1]
    first = world.vocabulary.index(f"{queries.task[-1].lower()}0")
    own = probability[:, :, first : first + world.n_words]
    true = (tokens[:, places] - first)[:, :, np.newaxis]
    loss = -np.log(clip_probability(np.take_along_axis(own, true, axis=2)))
    return float(loss.mean()), float((own.argmax(axis=2) == true[:, :, 0]).mean())
