"""Scores of symbolic tasks, and what recall and chance would give."""

from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.utils._param_validation import Interval, validate_params

from .inference import check_alpha

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
    train=None,
    alpha=0.05,
    random_state=None,
):
    """Let a network translate fresh sentences, and compare with chance and recall.

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
        - ``chance``, the share of words that are right if the language is known and nothing else;
          ``recall``, that of a model that knows its examples by heart;
        - ``p_recall``, Hoeffding's bound for more words than recall and guessing give together,
          recall + (1 - recall) chance;
        - ``p_sentences``, of the exact binomial test for more sentences than recall gives, with
          sentences beyond those guessed word by word.

    Raises
    ------
    ValueError
        If a task is not known or a number is out of range.

    References
    ----------
    Scaling Down Transformers, Proposition 4.

    Examples
    --------
    >>> from sklearn_emerge import GRUPredictor, TriangleWorld
    >>> from sklearn_emerge.tasks import score_tasks
    >>> world = TriangleWorld(n_words=4, examples={"A->B": 40, "B->C": 40})
    >>> train = world.sample(world.default_n_train, random_state=0)
    >>> model = GRUPredictor(
    ...     4, max_steps=3, likelihood="categorical", n_tokens=world.n_tokens, random_state=0
    ... ).fit(train.X)
    >>> table = score_tasks(model, world, n_queries=20, train=train, random_state=0)
    >>> table.index.tolist(), table.chance.tolist()
    (['A->B', 'B->C'], [0.25, 0.25])
    """
    check_alpha(alpha)
    examples = dict(zip(world.tasks, world.n_examples, strict=True))
    rows = {}
    for task in world.tasks if tasks is None else tasks:
        queries, right = _words_right(
            predictor, world, task, n_queries, n_shots, random_state, train
        )
        words, n_right = float(right.mean()), int(right.all(axis=1).sum())
        if train is None:
            recall = recall_share(examples[task], world.n_sentences)
        else:
            recall = len(np.unique(train.instances[task], axis=0)) / world.n_sentences
        guessed = recall + (1 - recall) * world.chance
        whole = recall + (1 - recall) * world.chance_of_sentence
        exact = binomtest(n_right, n_queries, whole, alternative="greater")
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
            "chance": world.chance,
            "recall": recall,
            "p_recall": hoeffding_p_value(words, guessed, n_queries),
            "p_sentences": float(exact.pvalue),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("task")


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
    {'A->B': 2.31, 'B->C': 2.31, 'A->C': 2.3}
    """
    _check_tasks(evaluation)
    probability = predictor.predict(evaluation.X)[:, :-1]
    following = np.asarray(evaluation.X)[:, 1:, np.newaxis]
    surprise = np.take_along_axis(probability, following, axis=2)[:, :, 0]
    loss = -np.log(np.maximum(surprise, _SMALLEST_PROBABILITY))
    task = evaluation.task[:, 1:]
    return {name: float(loss[task == i].mean()) for i, name in enumerate(evaluation.world.tasks)}


def task_words(predictor, evaluation, *, n_queries=200, n_shots=6, random_state=0):
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
    options = {"n_queries": n_queries, "n_shots": n_shots, "random_state": random_state}
    return {task: _words_right(predictor, world, task, **options)[1].mean() for task in world.tasks}


def _check_tasks(evaluation):
    if "task" not in evaluation:
        raise ValueError(
            f"These sequences of {type(evaluation.world).__name__} have no tasks; use a "
            "TriangleWorld, or one of its nulls 'permuted' and 'redrawn'."
        )


def _words_right(predictor, world, task, n_queries, n_shots, random_state, train=None):
    """Return queries of a task, and which words of their translations are right."""
    queries = world.queries(
        n_queries, task, n_shots=n_shots, train=train, random_state=random_state
    )
    generated = predictor.generate(queries.prompts, queries.answers.shape[1])
    return queries, world.words_right(queries.answers, generated)
