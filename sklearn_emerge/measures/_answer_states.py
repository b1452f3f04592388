"""How many directions the states have from which answers are predicted."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from .._typing import RandomState
from ..geometry import participation_ratio, rankme
from ..networks import is_finite
from ..predictors._neural import NeuralPredictor
from ..worlds import Sample
from ._answers import rows_of_answers, world_of_answers
from ._named import named, with_depth

# Rows that a corrected participation ratio needs.
_LEAST = 4
# What is added to the states of a transformer between its layers.
_ADDED = (" attention", " mlp")
_NAMES = {
    "dimensionality": "how directions are counted",
    "task": "task",
    "level": "level of difficulty",
    "layer": "place of the network",
}


def answer_dimensionality(
    predictor: NeuralPredictor,
    sample: Sample,
    *,
    n_rows: int = 200,
    random_state: RandomState = 0,
) -> xr.DataArray:
    r"""Return how many directions hidden states have where an answer begins, layer by layer.

    Made for ``EmergenceAssessment(measures={"states": answer_dimensionality})``, with other
    arguments by `functools.partial`. States are those at ``=``, from which the first token of the
    answer is predicted, a row an instance; those of one task and level make a matrix Z:

    - ``rankme``, :math:`\exp(-\sum_k p_k \ln p_k)` with the shares :math:`p_k` of the singular
      values of Z, centred (`rankme`);
    - ``participation_ratio``, :math:`(\mathrm{tr}\,C)^2 / \mathrm{tr}\,C^2` of their covariance C,
      without the bias of few rows (`participation_ratio`).

    All layers come from one pass of the network, in double precision.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted on tokens.
    sample : Sample
        Sequences of an `AlgorithmicWorld`, or of its null "permuted".
    n_rows : int, default=200
        Rows of each task and level that the world of the sample draws, at least 4. RankMe grows
        with their number, most where there are more units: to compare widths take the same 1,000
        or more, see `rankme_of_noise`.
    random_state : int, Generator, SeedSequence or None, default=0
        The stream of these rows; a number makes them the same at all updates and seeds, and those
        of `answer_scores` if there are as many.

    Returns
    -------
    xarray.DataArray of dimensions (dimensionality, task, level, layer)
        Layers are `places_` of the network, in its order. Of a `TransformerPredictor` these are
        "embedding", which is 0, as the rows of one task and level are all the same there; the
        output of each block, as "layer 1 output"; and "hidden", that of the last block after the
        final normalisation, which is another quantity. The coordinate ``depth`` is the share of all
        layers, from 0 of the embedding to 1 of the last block and of "hidden". Values are NaN where
        a network has diverged, and where the participation ratio is not defined.

    Raises
    ------
    ValueError
        If the sequences have no answers, the predictor is no network that was fitted on their
        tokens, or `n_rows` is below 4.

    See Also
    --------
    answer_geometry : The rank of gradients of answers.
    sklearn_emerge.geometry.layer_order : Whether deeper layers fall lower, or earlier.

    Examples
    --------
    >>> from sklearn_emerge import AlgorithmicWorld, TransformerPredictor
    >>> from sklearn_emerge.measures import answer_dimensionality
    >>> world = AlgorithmicWorld(["COPY", "SORT"], [1], row_length=10)
    >>> train, evaluation = world.split(500, 100, random_state=0)
    >>> model = TransformerPredictor(
    ...     16, n_layers=1, likelihood="categorical", n_tokens=27, max_steps=20, random_state=0
    ... ).fit(train.X)
    >>> found = answer_dimensionality(model, evaluation).sel(level=1, dimensionality="rankme")
    >>> found.layer.values.tolist()
    ['embedding', 'layer 1 output', 'hidden']
    >>> found.sel(layer="embedding").values.tolist()
    [0.0, 0.0]
    >>> bool((found.sel(layer="hidden") > 3).all())
    True
    """
    world = world_of_answers(sample, predictor)
    if not isinstance(predictor, NeuralPredictor):
        raise ValueError(f"{type(predictor).__name__} has no hidden states; pass a network.")
    if n_rows < _LEAST:
        raise ValueError(f"n_rows={n_rows!r} is less than {_LEAST}; pass 200 or more.")
    rows = rows_of_answers(world, n_rows, random_state)
    places = [place for place in predictor.places_ if not place.endswith(_ADDED)]
    counts: dict[str, Callable[..., float]]
    counts = {"rankme": rankme, "participation_ratio": participation_ratio}
    shape = len(counts), len(world.tasks), len(world.levels), len(places)
    found = np.full(shape, np.nan)
    for i, task in enumerate(world.tasks if is_finite(predictor.network_) else ()):
        for j, level in enumerate(world.levels):
            asked = (rows.task == task) & (rows.level == level)
            # Instances of a task and level are equally long, and states do not know what follows.
            X = rows.X[asked][:, : rows.answer_start[asked][0]]
            states: Any = predictor.at_length(X.shape[1]).states(X, places)
            for layer, place in enumerate(places):
                Z = states[place][:, -1]
                found[:, i, j, layer] = [count(Z) for count in counts.values()]
    coords = {
        "dimensionality": list(counts),
        "task": list(world.tasks),
        "level": list(world.levels),
        "layer": places,
    }
    words = "directions of hidden states where an answer begins"
    return with_depth(named(found, coords, _NAMES, words, "1"), predictor)
