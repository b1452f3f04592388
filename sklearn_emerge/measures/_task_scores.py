"""Measures of symbolic tasks that an assessment takes while networks train."""

from typing import Literal

import xarray as xr

from .._typing import RandomState
from ..predictors._neural import NeuralPredictor
from ..worlds import Sample, TriangleWorld
from ._translations import score_tasks


def task_scores(
    predictor: NeuralPredictor,
    evaluation: Sample,
    *,
    n_queries: int = 200,
    n_shots: int | None = None,
    shots: Literal["auto", "disjoint", "random"] = "auto",
    random_state: RandomState = 0,
) -> xr.DataArray:
    """Return what `score_tasks` returns, as an assessment records it.

    Made for ``EmergenceAssessment(measures={"tasks": task_scores})``, with other arguments by
    `functools.partial`. A curve of sentences can look like a jump where that of words, or the
    loss, is smooth.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted on tokens.
    evaluation : Sample
        Sequences of a `TriangleWorld`, whose world draws the queries. Where it has ``train``, the
        training sequences, as in an assessment, recall is counted from them.
    n_queries : int, default=200
        Queries a task. They make the cost: each needs as many passes through the network as its
        translation has tokens.
    n_shots : int, default=None
        Solved examples before each query, see `draw_queries`.
    shots : {"auto", "disjoint", "random"}, default="auto"
        Whether they may have words of the query, see `draw_queries`.
    random_state : int, Generator, SeedSequence or None, default=0
        The stream of the queries; a number makes them the same at all updates and seeds.

    Returns
    -------
    xarray.DataArray of dimensions (score, task)
        The scores are the columns of `score_tasks`.

    Raises
    ------
    ValueError
        If the sequences have no tasks, or the predictor is no network for their tokens.

    Examples
    --------
    >>> from sklearn_emerge import GRUPredictor, TriangleWorld
    >>> from sklearn_emerge.measures import task_scores
    >>> world = TriangleWorld()
    >>> sample = world.sample(100, random_state=0)
    >>> model = GRUPredictor(
    ...     4, head="sgd", likelihood="categorical", n_tokens=world.n_tokens, max_steps=1,
    ...     random_state=0,
    ... ).fit(sample.X)
    >>> task_scores(model, sample, n_queries=10).sel(score="loss").round(1).values.tolist()
    [3.3, 3.4, 3.3]
    """
    table = score_tasks(
        predictor,
        world_of(evaluation),
        n_queries=n_queries,
        n_shots=n_shots,
        shots=shots,
        train=evaluation.train,
        random_state=random_state,
    )
    scores = xr.DataArray(table.T.astype(float), dims=("score", "task"))
    return scores.assign_attrs(long_name="scores of tasks", units="1, and nat/word for the loss")


def world_of(evaluation: Sample) -> TriangleWorld:
    """Return the world of sequences, after checking that it has tasks."""
    world = evaluation.world
    if not isinstance(world, TriangleWorld):
        raise ValueError(
            f"These sequences of {type(world).__name__} have no tasks; use a TriangleWorld, or one "
            "of its nulls 'permuted' and 'redrawn'."
        )
    return world
