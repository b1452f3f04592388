"""Measures of symbolic tasks that an assessment takes while networks train."""

import xarray as xr

from ..worlds import TriangleWorld
from ._scores import check_network, score_tasks


def task_scores(
    predictor,
    evaluation,
    *,
    n_queries=200,
    n_shots=None,
    shots="auto",
    n_rows=100,
    random_state=0,
):
    r"""Return the loss and the scores of each task.

    Made for ``EmergenceAssessment(measures={"tasks": task_scores})``, with other arguments by
    `functools.partial`. The loss is that of the true words,

    .. math:: -\frac{1}{n} \sum_{i=1}^{n} \ln p(\text{word}_i),

    over the words that count in fresh rows of the task, in nats per word; the other scores are
    those of `score_tasks`, of a greedy translation of fresh queries. A curve of sentences can
    look like a jump where that of words, or the loss, is smooth.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted on tokens.
    evaluation : Bunch
        Sequences of a `TriangleWorld`, whose world draws rows and queries. If it has ``train``,
        the training sequences, recall is counted from them; in an assessment it has.
    n_queries : int, default=200
        Queries a task. They make most of the cost: each needs as many passes through the network
        as its translation has tokens.
    n_shots : int, default=None
        Solved examples before each query, see `draw_queries`.
    shots : {"auto", "disjoint", "random"}, default="auto"
        Whether they may have words of the query, see `draw_queries`.
    n_rows : int, default=100
        Rows a task for the loss.
    random_state : int, Generator, SeedSequence or None, default=0
        The stream of rows and queries; a number makes them the same at all updates and seeds.

    Returns
    -------
    xarray.DataArray of dimensions (score, task)
        The score "loss" (nats per word), and all columns of `score_tasks`: "words" and
        "sentences" (shares of right ones), what is expected of recall and of the prompt, and
        p-values.

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
    table = score_tasks(
        predictor, world, n_queries=n_queries, n_shots=n_shots, shots=shots,
        train=getattr(evaluation, "train", None), random_state=random_state,
    )  # fmt: skip
    loss = []
    for task in tasks:
        rows = world.only(task).sample(n_rows, random_state=random_state)
        loss.append(-predictor.score_steps(rows.X)[rows.counts[:, 1:]].mean())
    table.insert(0, "loss", loss)
    return xr.DataArray(table.T.astype(float), dims=("score", "task"))


def world_of(evaluation):
    """Return the world of sequences, after checking that it has tasks."""
    world = getattr(evaluation, "world", None)
    if not isinstance(world, TriangleWorld):
        raise ValueError(
            f"These sequences of {type(world).__name__} have no tasks; use a TriangleWorld, or one "
            "of its nulls 'permuted' and 'redrawn'."
        )
    return world
