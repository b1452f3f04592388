"""Scores of symbolic tasks, and what recall, the prompt and chance would give."""

from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy.special import perm
from scipy.stats import binomtest
from sklearn.utils._param_validation import Interval, validate_params

from ._random import seed_sequence
from .inference import check_alpha
from .worlds import TriangleWorld

__all__ = [
    "hoeffding_interval",
    "hoeffding_p_value",
    "recall_share",
    "score_tasks",
    "task_losses",
    "task_words",
]
# Probabilities below it count as it, as in every score.
_SMALLEST_PROBABILITY = 1e-6


@validate_params(
    {
        "n_examples": [Interval(Integral, 0, None, closed="left")],
        "n_sentences": [Interval(Integral, 1, None, closed="left")],
        "replacement": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def recall_share(n_examples, n_sentences, *, replacement=True):
    r"""Return the expected score of a model that knows its training examples by heart.

    A fresh sentence is among x examples drawn from N sentences with probability
    :math:`1 - (1 - 1/N)^x` if they were drawn with replacement, and at most :math:`x / N`, which
    Proposition 4 of *Scaling Down Transformers* takes.

    Parameters
    ----------
    n_examples : int
        Examples of the task in training, x.
    n_sentences : int
        Sentences that there are, N.
    replacement : bool, default=True
        Whether examples can be the same. False is the source's x / N.

    Returns
    -------
    float
        Share of fresh sentences that were in training.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> from sklearn_emerge.tasks import recall_share
    >>> round(recall_share(50, 1680), 4), round(recall_share(50, 1680, replacement=False), 4)
    (0.0293, 0.0298)
    """
    if replacement:
        # One sentence is always recalled.
        return float(-np.expm1(n_examples * np.log1p(-1 / n_sentences))) if n_sentences > 1 else 1.0
    return min(1.0, n_examples / n_sentences)


@validate_params(
    {
        "score": [Interval(Real, 0, 1, closed="both")],
        "expected": [Interval(Real, 0, 1, closed="both")],
        "n_queries": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def hoeffding_p_value(score, expected, n_queries):
    r"""Return a bound on the probability of a score so high if no more is expected.

    For n independent queries with scores between 0 and 1, whatever their distribution,

    .. math:: P(\text{score} - \mu \ge t) \le e^{-2 n t^2}.

    Parameters
    ----------
    score : float
        Mean score that was observed.
    expected : float
        Largest mean score under the hypothesis, for instance `recall_share`.
    n_queries : int
        Number of queries.

    Returns
    -------
    float
        The bound, a valid p-value of a one-sided test.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    The source doubles it, as for a two-sided test: its 7.74% is twice this bound at a score of
    .6 in five queries.

    Examples
    --------
    >>> from sklearn_emerge.tasks import hoeffding_p_value
    >>> round(2 * hoeffding_p_value(0.6, 50 / 1680, 5), 4)
    0.0774
    """
    return float(np.exp(-2 * n_queries * max(score - expected, 0.0) ** 2))


@validate_params(
    {
        "score": [Interval(Real, 0, 1, closed="both")],
        "n_queries": [Interval(Integral, 1, None, closed="left")],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
    },
    prefer_skip_nested_validation=True,
)
def hoeffding_interval(score, n_queries, confidence=0.95):
    r"""Return an interval of the mean score that holds whatever the distribution of scores.

    .. math:: \text{score} \pm \sqrt{\ln(2 / (1 - \text{confidence})) / (2 n)}, \qquad
        \text{within } [0, 1].

    Parameters
    ----------
    score : float
        Mean score that was observed, each between 0 and 1.
    n_queries : int
        Number of independent queries.
    confidence : float, default=0.95
        Coverage, at least.

    Returns
    -------
    low, high : float
        The interval.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> from sklearn_emerge.tasks import hoeffding_interval
    >>> low, high = hoeffding_interval(0.5, 200)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    half = np.sqrt(np.log(2 / (1 - confidence)) / (2 * n_queries))
    return float(max(0.0, score - half)), float(min(1.0, score + half))


def score_tasks(
    predictor,
    world,
    *,
    tasks=None,
    n_queries=200,
    n_shots=6,
    shots="auto",
    train=None,
    alpha=0.05,
    random_state=None,
):
    """Let a network translate fresh sentences, and compare with chance, recall and the prompt.

    Each query follows solved examples of its task; the network continues it greedily. A word
    counts if it is right in its place, a sentence if all its words are. Both are reported: a
    curve can be sharp in sentences and smooth in words. The independent unit is the query, not
    the word.

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
    n_shots : int, default=6
        Solved examples before each query; a network sees what fits into its context.
    shots : {"auto", "disjoint", "random"}, default="auto"
        Whether the solved examples may have words of the query, see `TriangleWorld.queries`.
    train : Bunch, default=None
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
        - ``words``, the share of right words, and its Hoeffding interval ``words_low``,
          ``words_high``;
        - ``sentences``, the share of right sentences, and its exact (Clopper-Pearson) interval
          ``sentences_low``, ``sentences_high``;
        - ``recall``, the share of sentences that a model knows by heart;
        - ``expected_words`` and ``expected_sentences``, what a model reaches that has learned no
          map: it recalls the sentences that it has seen, reads off the solved examples in its
          context what they show, and guesses the other words among those that are left;
        - ``p_words``, Hoeffding's bound for more words than that, and ``p_sentences``, of the
          exact binomial test for more sentences.

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
    >>> from sklearn_emerge.tasks import score_tasks
    >>> world = TriangleWorld(examples={"A->B": 40, "B->C": 40})
    >>> train = world.sample(world.default_n_train, random_state=0)
    >>> model = GRUPredictor(
    ...     4, max_steps=3, likelihood="categorical", n_tokens=world.n_tokens, random_state=0
    ... ).fit(train.X)
    >>> table = score_tasks(model, world, n_queries=20, train=train, random_state=0)
    >>> table.expected_words.round(2).to_dict()
    {'A->B': 0.25, 'B->C': 0.32}
    """
    check_alpha(alpha)
    tasks = _check_request(predictor, world, tasks)
    examples = dict(zip(world.tasks, world.n_examples, strict=True))
    stream = seed_sequence(random_state)
    rows = {}
    for task in tasks:
        queries, right = _words_right(
            predictor, world, task, n_queries, n_shots, shots, stream, train
        )
        words, n_right = float(right.mean()), int(right.all(axis=1).sum())
        if train is None:
            recall = recall_share(examples[task], world.n_sentences)
            known = recall
        else:
            recall = len(np.unique(train.instances[task], axis=0)) / world.n_sentences
            known = queries.seen.astype(float)
        read_words, read_sentences = _read_off_the_prompt(queries, world, predictor._memory)
        expected_words = float((known + (1 - known) * read_words).mean())
        expected_sentences = float((known + (1 - known) * read_sentences).mean())
        exact = binomtest(n_right, n_queries, expected_sentences, alternative="greater")
        interval = binomtest(n_right, n_queries).proportion_ci(1 - alpha, method="exact")
        low, high = hoeffding_interval(words, n_queries, 1 - alpha)
        rows[task] = {
            "n_queries": n_queries,
            "seen": np.nan if queries.seen is None else float(queries.seen.mean()),
            "words": words,
            "words_low": low,
            "words_high": high,
            "sentences": n_right / n_queries,
            "sentences_low": float(interval.low),
            "sentences_high": float(interval.high),
            "recall": recall,
            "expected_words": expected_words,
            "expected_sentences": expected_sentences,
            "p_words": hoeffding_p_value(words, min(expected_words, 1.0), n_queries),
            "p_sentences": float(exact.pvalue),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("task")


def _check_request(predictor, world, tasks):
    """Return the tasks as a list, after checking that all belong together."""
    if not isinstance(world, TriangleWorld):
        raise ValueError(
            f"world={world!r} has no tasks; pass the TriangleWorld that the predictor has learned."
        )
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


def _read_off_the_prompt(queries, world, memory):
    """Return, for each query, the shares of words and of sentences that need no knowledge.

    A word is shown if its translation is among the last `memory` tokens (0 is all) of the prompt.
    The others are guessed among the words that are not.
    """
    n_queries, n_shots, length = queries.shots.shape
    size, per_word = world.tokens_per_instance, world.tokens_per_word
    start = queries.prompts.shape[1] - memory if memory else 0
    end = size * np.arange(n_shots)[:, np.newaxis] + per_word * (length + 2 + np.arange(length))
    shown = np.zeros((n_queries, world.n_words), dtype=bool)
    visible = queries.shots[:, end - 1 >= start]
    np.put_along_axis(shown, visible.reshape(n_queries, -1), True, axis=1)
    asked = np.take_along_axis(shown, queries.sentences, axis=1)
    n_left, n_open = (~shown).sum(axis=1), (~asked).sum(axis=1)
    words = np.where(asked, 1.0, 1 / np.maximum(n_left, 1)[:, np.newaxis]).mean(axis=1)
    return words, 1 / perm(n_left, n_open)


def task_losses(predictor, evaluation):
    """Return the negative log-likelihood of each task, for `EmergenceAssessment(measures=...)`.

    Parameters
    ----------
    predictor : predictor
        Fitted on tokens.
    evaluation : Bunch
        Sequences of a `TriangleWorld`.

    Returns
    -------
    dict of str to float
        Nats per token that was written in the task.

    Raises
    ------
    ValueError
        If the sequences have no tasks.

    Examples
    --------
    >>> from sklearn_emerge import MarkovPredictor, TriangleWorld
    >>> from sklearn_emerge.tasks import task_losses
    >>> sample = TriangleWorld().sample(100, random_state=0)
    >>> losses = task_losses(MarkovPredictor(likelihood="categorical").fit(sample.X), sample)
    >>> {task: round(loss, 2) for task, loss in losses.items()}
    {'A->B': 2.31, 'A->C': 2.28, 'B->C': 2.31}
    """
    _check_tasks(evaluation)
    probability = predictor.predict(evaluation.X)[:, :-1]
    following = np.asarray(evaluation.X)[:, 1:, np.newaxis]
    surprise = np.take_along_axis(probability, following, axis=2)[:, :, 0]
    loss = -np.log(np.maximum(surprise, _SMALLEST_PROBABILITY))
    task = evaluation.task[:, 1:]
    return {name: float(loss[task == i].mean()) for i, name in enumerate(evaluation.world.tasks)}


def task_words(predictor, evaluation, *, n_queries=200, n_shots=6, shots="auto", random_state=0):
    """Return the share of right words of each task, for `EmergenceAssessment(measures=...)`.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted on tokens.
    evaluation : Bunch
        Sequences of a `TriangleWorld`, whose world draws the queries.
    n_queries : int, default=200
        Queries a task.
    n_shots : int, default=6
        Solved examples before each query.
    shots : {"auto", "disjoint", "random"}, default="auto"
        Whether they may have words of the query, see `TriangleWorld.queries`.
    random_state : int, Generator, SeedSequence or None, default=0
        The stream of the queries; a number makes them the same at all updates and seeds.

    Returns
    -------
    dict of str to float
        Share of words that are right in their place.

    Raises
    ------
    ValueError
        If the sequences have no tasks.

    Examples
    --------
    >>> from sklearn_emerge import GRUPredictor, TriangleWorld
    >>> from sklearn_emerge.tasks import task_words
    >>> sample = TriangleWorld().sample(100, random_state=0)
    >>> model = GRUPredictor(4, likelihood="categorical", max_steps=1, random_state=0).fit(sample.X)
    >>> sorted(task_words(model, sample, n_queries=10))
    ['A->B', 'A->C', 'B->C']
    """
    _check_tasks(evaluation)
    world = evaluation.world
    return {
        task: _words_right(predictor, world, task, n_queries, n_shots, shots, random_state)[
            1
        ].mean()
        for task in world.tasks
    }


def _check_tasks(evaluation):
    if "task" not in evaluation:
        raise ValueError(
            f"These sequences of {type(evaluation.world).__name__} have no tasks; use a "
            "TriangleWorld, or one of its nulls 'permuted' and 'redrawn'."
        )


def _words_right(predictor, world, task, n_queries, n_shots, shots, random_state, train=None):
    """Return queries of a task, and which words of their translations are right."""
    queries = world.queries(
        n_queries, task, n_shots=n_shots, shots=shots, train=train, random_state=random_state
    )
    generated = predictor.generate(queries.prompts, queries.answers.shape[1])
    return queries, world.words_right(queries.answers, generated)
