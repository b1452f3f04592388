"""What a predictor answers to the tasks of an `AlgorithmicWorld`."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .._random import substream
from .._typing import Floats, RandomState
from ..likelihoods import LIKELIHOODS
from ..predictors import BasePredictor
from ..predictors._neural import NeuralPredictor
from ..worlds import AlgorithmicWorld, Sample
from ._named import named
from ._sequences import in_parts

_SCORES = "exact_match", "token_accuracy", "nll", "gain"
_NAMES = {"task": "task", "level": "level of difficulty"}


def answer_scores(
    predictor: BasePredictor,
    sample: Sample,
    *,
    n_rows: int | Mapping[str, int] | None = None,
    random_state: RandomState = 0,
) -> xr.DataArray:
    r"""Return how well a predictor answers, told apart by task and level.

    Made for ``EmergenceAssessment(nulls="permuted", measures={"answers": answer_scores})``, with
    other arguments by `functools.partial`. The null "resample" has no answers.

    With :math:`y_1 \ldots y_L` the tokens of an answer, x those before it and p the predictor's
    probabilities, all of it comes from one pass over the rows:

    - ``exact_match``, the share of answers of which each token is the most probable one given
      those before it, :math:`y_i = \arg\max_y p(y \mid x, y_1 \ldots y_{i-1})`. These are the
      answers that greedy decoding gives;
    - ``token_accuracy``, the share of tokens for which this holds;
    - ``nll``, the mean of :math:`-\ln p(y_i \mid x, y_1 \ldots y_{i-1})`, in nats per token;
    - ``gain``, :math:`1 - \mathrm{nll} / \mathrm{nll}_\mathrm{blind}`, with what the best guess
      without operands scores (`AlgorithmicWorld.chance`): 0 of that guess, 1 at best.

    Parameters
    ----------
    predictor : predictor
        Fitted on tokens.
    sample : Sample
        Sequences of an `AlgorithmicWorld`, or of its null "permuted".
    n_rows : int or dict of str to int, default=None
        Rows of each task and level that the world of the sample draws, in place of the sample's; a
        dict has a number for each task. None takes those of the sample, which may be few of some.
        1,100 tell .55 from the .5 of CMP and PAR; at least 200 for all others.
    random_state : int, Generator, SeedSequence or None, default=0
        The stream of these rows; a number makes them the same at all updates and seeds.

    Returns
    -------
    xarray.DataArray of dimensions (score, task, level)
        NaN where the sample has no rows of a task and level.

    Raises
    ------
    ValueError
        If the sequences have no answers, or the predictor was not fitted on their tokens.

    See Also
    --------
    seen_share : How many of the rows were in training.

    Examples
    --------
    >>> from sklearn_emerge import AlgorithmicWorld, MarkovPredictor
    >>> from sklearn_emerge.measures import answer_scores
    >>> world = AlgorithmicWorld(["COPY", "PAR"], [1])
    >>> sample = world.sample(500, random_state=0)
    >>> model = MarkovPredictor(likelihood="categorical", n_tokens=27).fit(sample.X)
    >>> answer_scores(model, sample).sel(level=1).round(2).to_pandas()
    task            COPY   PAR
    score
    exact_match     0.00  0.52
    token_accuracy  0.04  0.52
    nll             2.78  1.23
    gain           -0.21 -0.77
    >>> answer_scores(world.optimal_predictor(), sample).sel(score="gain").values.tolist()
    [[1.0], [1.0]]
    """
    world = world_of_answers(sample, predictor)
    if n_rows is not None:
        sample = rows_of_answers(world, n_rows, random_state)
    X, scored = sample.X, sample.scored[:, 1:]
    right, nll = np.ones(scored.shape), np.zeros(scored.shape)
    for part in in_parts(scored.shape, world.n_tokens):
        probability = _predicted(predictor, X[part], scored[part])
        chosen, true = probability[scored[part]], X[part, 1:][scored[part]]
        right[part][scored[part]] = chosen.argmax(axis=1) == true
        density = LIKELIHOODS["categorical"].log_density(true[:, np.newaxis], chosen, np.nan)
        nll[part][scored[part]] = -density[:, 0]
    length = scored.sum(axis=1)
    by_row = {
        "exact_match": right.all(axis=1),
        "token_accuracy": (right * scored).sum(axis=1) / length,
        "nll": nll.sum(axis=1) / length,
    }
    # Answers of one task and level are of one length: means over rows are means over tokens.
    means = _by_task(world, sample, np.stack(list(by_row.values()), axis=1))
    gain = 1 - means[..., -1:] / world.chance.sel(score="nll").values[..., np.newaxis]
    scores = np.moveaxis(np.concatenate([means, gain], axis=-1), -1, 0)
    coords = {"score": list(_SCORES), "task": list(world.tasks), "level": list(world.levels)}
    return named(scores, coords, _NAMES, "scores of answers", "1, and nat/token for the nll")


def _predicted(
    predictor: BasePredictor, X: NDArray[np.integer], scored: NDArray[np.bool_]
) -> Floats:
    """Return the probabilities of all next tokens, of a network NaN behind the answer of a row."""
    # The last step predicts nothing that is known.
    n_steps = X.shape[1] - 1
    if not isinstance(predictor, NeuralPredictor):
        return predictor.at_length(n_steps).predict(X[:, :-1])
    found: Any = None
    # Half of the steps are padding behind answers, and a network does not look ahead.
    lengths = n_steps - scored[:, ::-1].argmax(axis=1)
    for length in np.unique(lengths):
        rows = lengths == length
        values = predictor.at_length(length).predict(X[rows, :length])
        if found is None:
            found = np.full((len(X), n_steps, values.shape[2]), np.nan)
        found[rows, :length] = values
    return found


def seen_share(sample: Sample, train: Sample | None = None) -> xr.DataArray:
    """Return the share of instances that were in training, told apart by task and level.

    An instance is seen if training had the same operands, task and level, whatever the answer was.

    Parameters
    ----------
    sample : Sample
        Sequences of an `AlgorithmicWorld`.
    train : Sample, default=None
        Training sequences; None is `train` of the sample, as of evaluation sequences in an
        assessment.

    Returns
    -------
    xarray.DataArray of dimensions (task, level)
        NaN where the sample has no rows of a task and level.

    Raises
    ------
    ValueError
        If the sequences have no answers, or there are none of training.

    Examples
    --------
    >>> from sklearn_emerge import AlgorithmicWorld
    >>> from sklearn_emerge.measures import seen_share
    >>> train, evaluation = AlgorithmicWorld(["PAR", "ADD"]).split(600, 600, random_state=0)
    >>> seen_share(evaluation, train).round(2).values.tolist()
    [[1.0, 1.0, 0.84], [0.6, 0.02, 0.0]]
    """
    world, train = world_of_answers(sample), sample.train if train is None else train
    if train is None:
        raise ValueError("train=None, and the sample has no train; pass the training sequences.")
    world_of_answers(train)
    known = {row.tobytes() for row in _prompts(train)}
    seen = np.array([[row.tobytes() in known] for row in _prompts(sample)], dtype=float)
    coords = {"task": list(world.tasks), "level": list(world.levels)}
    shares = _by_task(world, sample, seen)[..., 0]
    return named(shares, coords, _NAMES, "share of instances that were in training", "1")


def _prompts(sample: Sample) -> NDArray[np.int64]:
    """Return the rows of a sample with padding in place of answers, and of what follows."""
    before = np.arange(sample.X.shape[1]) < sample.answer_start[:, np.newaxis]
    return np.where(before, sample.X, 0).astype(np.int64)


def _by_task(world: AlgorithmicWorld, sample: Sample, values: Floats) -> Floats:
    """Return means of values of rows, an array of shape (n_tasks, n_levels, n_values)."""
    means = np.full((len(world.tasks), len(world.levels), values.shape[1]), np.nan)
    for i, task in enumerate(world.tasks):
        for j, level in enumerate(world.levels):
            rows = (sample.task == task) & (sample.level == level)
            if rows.any():
                means[i, j] = values[rows].mean(axis=0)
    return means


def rows_of_answers(
    world: AlgorithmicWorld, n_rows: int | Mapping[str, int], random_state: RandomState
) -> Sample:
    """Return so many rows of each task and level, the same ones for the same stream."""
    by_task = n_rows if isinstance(n_rows, Mapping) else dict.fromkeys(world.tasks, n_rows)
    missing = [task for task in world.tasks if task not in by_task]
    if missing:
        raise ValueError(
            f"n_rows={n_rows!r} has no number of rows for {', '.join(missing)}; a dict needs one "
            "for each task of the world."
        )
    if not all(isinstance(by_task[task], Integral) and by_task[task] >= 1 for task in world.tasks):
        raise ValueError(
            f"n_rows={n_rows!r} is no number of rows; pass an integer of at least 1, or None for "
            "those of the sample."
        )
    stream = substream(random_state, "answers")
    parts = [
        world.only(task, level).sample(by_task[task], stream) for task, level in world.problems()
    ]
    names = "X", "scored", "task", "level", "answer_start"
    values: dict[str, Any] = {
        name: np.concatenate([part[name] for part in parts]) for name in names
    }
    return Sample(**values)


def world_of_answers(sample: Sample, predictor: BasePredictor | None = None) -> AlgorithmicWorld:
    """Return the world of sequences, after checking that they have answers.

    With a predictor, after checking that it was fitted on their tokens, too.
    """
    world = getattr(sample, "world", None)
    if not isinstance(world, AlgorithmicWorld) or "answer_start" not in sample:
        raise ValueError(
            f"These sequences of {type(world).__name__} have no answers; pass what sample or split "
            "of an AlgorithmicWorld, or of its null 'permuted', returns. In an assessment pass "
            "nulls='permuted'."
        )
    if predictor is not None and getattr(predictor, "n_tokens_", None) != world.n_tokens:
        raise ValueError(
            f"{type(predictor).__name__} was not fitted on the {world.n_tokens} tokens of the "
            "world; fit it with likelihood='categorical' and n_tokens=world.n_tokens."
        )
    return world
