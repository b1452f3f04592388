"""Whether a word is translated by way of another language."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .._typing import RandomState
from ..predictors._neural import NeuralPredictor
from ..probes import make_probe
from ..worlds import Sample, TriangleWorld
from ._named import with_depth
from ._task_scores import world_of
from ._translations import check_network


def intermediate_words(
    predictor: NeuralPredictor,
    evaluation: Sample,
    *,
    task: str = "A->C",
    via: str = "B",
    n_rows: int = 100,
    random_state: RandomState = 0,
) -> xr.DataArray:
    """Return how well the word between can be read while a task is solved.

    A network that translates from A to C by composing A->B and B->C passes by the word of B. It
    is looked for, layer by layer, in the states from which words of a translation are predicted,
    in two ways:

    - "probe": by a linear probe that has learned, in rows of A->B, to tell which word of B is
      about to be written;
    - "head": by the network's own head, applied to the layer as if it were the last (the "logit
      lens"), which chooses among the words of B.

    Both are applied to other rows of A->B, the control: a reading that does not find the word of
    B there cannot find it elsewhere. And both are applied to rows of the task.

    A high share does not show a chain of translations. A probe that tells words of A, which a
    network has to know in both tasks, tells words of B just as well, since they belong to each
    other; and a network may prepare the word of B whatever it is asked for. Both also happen in
    the null "redrawn", where A->C agrees with no chain: the share there, and in a network that
    has seen no example of A->C, is what a share has to be compared with. Nor does a low share
    show that there is no chain: networks may hold a word in another way than one about to be
    written. What composition does for learning is seen in how few examples the task needs.

    Made for ``EmergenceAssessment(measures={"between": intermediate_words})``.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted on tokens.
    evaluation : Sample
        Sequences of a `TriangleWorld`, whose world draws the rows.
    task : str, default="A->C"
        The task that is solved.
    via : str, default="B"
        The language between; there must be a task that translates into it from the source
        language.
    n_rows : int, default=100
        Rows of each task for the probe, and as many to apply it to.
    random_state : int, Generator, SeedSequence or None, default=0
        The stream of the rows.

    Returns
    -------
    xarray.DataArray of dimensions (reading, solving, layer)
        Share of right words of `via`. Layer 0 is the embedding of a transformer; a recurrent
        network has one layer, 1. Guessing gives one in `n_words`. NaN if the states are not
        finite.

    Raises
    ------
    ValueError
        If the sequences have no tasks, or translations that follow from nothing; tasks are
        missing; or the predictor is no network for their tokens.

    Examples
    --------
    >>> from sklearn_emerge import TransformerPredictor, TriangleWorld
    >>> from sklearn_emerge.measures import intermediate_words
    >>> world = TriangleWorld()
    >>> sample = world.sample(100, random_state=0)
    >>> model = TransformerPredictor(
    ...     8, 1, 2, likelihood="categorical", n_tokens=world.n_tokens, max_steps=1, random_state=0
    ... ).fit(sample.X)
    >>> dict(intermediate_words(model, sample, n_rows=20).sizes)
    {'reading': 2, 'solving': 2, 'layer': 2}
    """
    world = world_of(evaluation)
    tasks = check_network(predictor, world)
    there = f"{task.split('->')[0]}->{via}"
    if not {task, there} <= set(tasks) or task == there:
        raise ValueError(
            f"task={task!r}, via={via!r}: the tasks {task} and {there} are needed, and have to "
            f"differ; the world has {', '.join(tasks)}."
        )
    written, control = world.only(there).split(n_rows, n_rows, random_state=random_state)
    solved = world.only(task).sample(n_rows, random_state=random_state)
    words = [world.vocabulary.index(f"{via.lower()}{i}") for i in range(world.n_words)]
    samples = {there: control, task: solved}
    fitted_at, fitted = _words_to_write(world, written, there)
    places = [_words_to_write(world, sample, there) for sample in samples.values()]
    layers = list(predictor.layers_)
    share = np.full((2, len(samples), len(layers)), np.nan)
    for j, layer in enumerate(layers):
        states = predictor.hidden_states(written.X, layer)[fitted_at]
        if not np.isfinite(states).all():
            continue
        probe = make_probe("discrete").fit(states, fitted)
        for i, (sample, (at, labels)) in enumerate(zip(samples.values(), places, strict=True)):
            states = predictor.hidden_states(sample.X, layer)[at]
            outputs = predictor.layer_outputs(sample.X, layer)[at]
            share[:, i, j] = (
                probe.score(states, labels),
                (outputs[:, words].argmax(axis=1) == labels).mean(),
            )
    coords = {"reading": ["probe", "head"], "solving": list(samples), "layer": layers}
    return with_depth(xr.DataArray(share, coords=coords, dims=list(coords)), predictor)


def _words_to_write(
    world: TriangleWorld, sample: Sample, there: str
) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], NDArray[np.integer]]:
    """Return from where words are predicted, rows and steps, and their translations by `there`."""
    rows, steps = np.nonzero(sample.scored)
    first = world.vocabulary.index(f"{there[0].lower()}0")
    asked = sample.X[rows, steps - (world.sentence_length + 1) * world.tokens_per_word] - first
    return (rows, steps - 1), world.translate(asked[:, np.newaxis], there)[:, 0]
