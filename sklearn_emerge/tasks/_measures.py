"""Measures of symbolic tasks that an assessment takes while networks train."""

import numpy as np
import xarray as xr

from ..worlds import TriangleWorld
from ._scores import check_network, translate_queries


def task_scores(
    predictor,
    evaluation,
    *,
    n_queries=200,
    n_shots=6,
    shots="auto",
    n_rows=100,
    random_state=0,
):
    r"""Return the loss, right words and right sentences of each task.

    Made for ``EmergenceAssessment(measures={"tasks": task_scores})``, with other arguments by
    `functools.partial`. The loss is that of the true words,

    .. math:: -\frac{1}{n} \sum_{i=1}^{n} \ln p(\text{word}_i),

    over the words that count in fresh rows of the task, in nats per word; right words and
    sentences are those of a greedy translation of fresh queries. A curve of sentences can look
    like a jump where that of words, or the loss, is smooth.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted on tokens.
    evaluation : Bunch
        Sequences of a `TriangleWorld`, whose world draws rows and queries.
    n_queries : int, default=200
        Queries a task. They make most of the cost: each needs as many passes through the network
        as its translation has tokens.
    n_shots : int, default=6
        Solved examples before each query.
    shots : {"auto", "disjoint", "random"}, default="auto"
        Whether they may have words of the query, see `draw_queries`.
    n_rows : int, default=100
        Rows a task for the loss.
    random_state : int, Generator, SeedSequence or None, default=0
        The stream of rows and queries; a number makes them the same at all updates and seeds.

    Returns
    -------
    xarray.DataArray of dimensions (score, task)
        Scores "loss" (nats per word), "words" and "sentences" (shares).

    Raises
    ------
    ValueError
        If the sequences have no tasks, or the predictor is no network for their tokens.

    Examples
    --------
    >>> from sklearn_emerge import GRUPredictor, TriangleWorld
    >>> from sklearn_emerge.tasks import task_scores
    >>> world = TriangleWorld()
    >>> sample = world.sample(100, random_state=0)
    >>> model = GRUPredictor(
    ...     4, likelihood="categorical", n_tokens=world.n_tokens, max_steps=1, random_state=0
    ... ).fit(sample.X)
    >>> task_scores(model, sample, n_queries=10).sel(score="loss").round(1).values.tolist()
    [3.3, 3.3, 3.3]
    """
    world = world_of(evaluation)
    tasks = check_network(predictor, world)
    found = np.empty((3, len(tasks)))
    for column, task in zip(found.T, tasks, strict=True):
        rows = world.only(task).sample(n_rows, random_state=random_state)
        _, right = translate_queries(
            predictor, world, task, n_queries=n_queries, n_shots=n_shots, shots=shots,
            random_state=random_state,
        )  # fmt: skip
        loss = -predictor.score_steps(rows.X)[rows.counts[:, 1:]].mean()
        column[:] = loss, right.mean(), right.all(axis=1).mean()
    coords = {"score": ["loss", "words", "sentences"], "task": tasks}
    return xr.DataArray(found, coords=coords, dims=("score", "task"))


def world_of(evaluation):
    """Return the world of sequences, after checking that it has tasks."""
    world = getattr(evaluation, "world", None)
    if not isinstance(world, TriangleWorld):
        raise ValueError(
            f"These sequences of {type(world).__name__} have no tasks; use a TriangleWorld, or one "
            "of its nulls 'permuted' and 'redrawn'."
        )
    return world
