"""Whether a word is translated by way of another language."""

import inspect

import numpy as np
import xarray as xr

from ..probes import make_probe
from ._measures import world_of
from ._scores import check_network

# Steps of hidden states that a probe is fitted to, at most.
_MOST = 2000


def intermediate_words(predictor, evaluation, *, task="A->C", via="B", n_rows=100, random_state=0):
    """Return how well source and intermediate words can be read while a task is solved.

    A network that translates from A to C by composing A->B and B->C passes by the word of B. A
    linear probe is trained to tell words of a language from the hidden states after reading
    them. It is then applied where the task is solved: to the states from which a word of the
    translation is predicted. There it is asked for

    - "source", the word to translate, by a probe trained on words of A;
    - "intermediate", its translation into `via`, by a probe trained on words of B that are read
      in a task that starts from B, where nothing of A is in sight.

    A high share does not show a chain of translations. Where all maps are shared, a network that
    gives the words of one meaning similar states, whatever their language, passes this test, too:
    so does one that prepares the word of C, if B->C has made the words of B similar to it. It
    shows that A->C is not solved by states of its own. In the null "redrawn" the word of `via`
    agrees with no chain of other tasks, so that states of shared meaning give 0 there; compare
    with guessing and with the untrained network.

    Nor does a low share show that there is no chain: networks may hold a word that they are about
    to write in another way than one that they have read. A transformer that writes A->B without
    a mistake can fail this test for the word of B that it writes.

    Made for ``EmergenceAssessment(measures={"intermediate": intermediate_words})``.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted on tokens.
    evaluation : Bunch
        Sequences of a `TriangleWorld`, whose world draws the rows.
    task : str, default="A->C"
        The task that is solved.
    via : str, default="B"
        The language between; there must be a task from it, and one to it from the source.
    n_rows : int, default=100
        Rows of each task.
    random_state : int, Generator, SeedSequence or None, default=0
        The stream of the rows.

    Returns
    -------
    xarray.DataArray of dimensions (word, layer)
        Share of right words. Layer 0 is the embedding of a transformer; a recurrent network has
        one layer, 1. Guessing gives one in `n_words`.

    Raises
    ------
    ValueError
        If the sequences have no tasks, tasks are missing, or the predictor is no network for
        their tokens.

    Examples
    --------
    >>> from sklearn_emerge import TransformerPredictor, TriangleWorld
    >>> from sklearn_emerge.tasks import intermediate_words
    >>> world = TriangleWorld()
    >>> sample = world.sample(100, random_state=0)
    >>> model = TransformerPredictor(
    ...     8, 1, 2, likelihood="categorical", n_tokens=world.n_tokens, max_steps=1, random_state=0
    ... ).fit(sample.X)
    >>> dict(intermediate_words(model, sample, n_rows=20).sizes)
    {'word': 2, 'layer': 2}
    """
    world = world_of(evaluation)
    tasks = check_network(predictor, world)
    source = task.split("->")[0]
    there = f"{source}->{via}"
    onward = [name for name in tasks if name.startswith(f"{via}->")]
    if task not in tasks or there not in tasks or not onward:
        raise ValueError(
            f"task={task!r}, via={via!r}: the tasks {task}, {there} and one from {via} are needed, "
            f"but the world has {', '.join(tasks)}."
        )
    # Probes are never trained on the rows that they are applied to.
    solved, seen = world.only(task).split(n_rows, n_rows, random_state=random_state)
    read = world.only(onward[0]).sample(n_rows, random_state=random_state)
    # From the token before a word of the translation.
    rows, steps = np.nonzero(solved.counts)
    predicting = rows, steps - 1
    asked = solved.X[rows, steps - (world.sentence_length + 1) * world.tokens_per_word]
    asked = asked - _first_word(world, source)
    labels = {
        "source": asked,
        "intermediate": world.translate(asked[:, np.newaxis], there)[:, 0],
    }
    layers = _layers(predictor)
    share = np.empty((len(labels), len(layers)))
    for j, layer in enumerate(layers):
        solving = _states(predictor, solved.X, layer)[predicting]
        for i, (word, sample, language) in enumerate(
            (("source", seen, source), ("intermediate", read, via))
        ):
            number = sample.X - _first_word(world, language)
            known = np.nonzero((number >= 0) & (number < world.n_words))
            known = tuple(index[:_MOST] for index in known)
            states = _states(predictor, sample.X, layer)[known]
            probe = make_probe("discrete").fit(states, number[known])
            share[i, j] = probe.score(solving, labels[word])
    coords = {"word": list(labels), "layer": layers}
    return xr.DataArray(share, coords=coords, dims=("word", "layer"))


def _first_word(world, language):
    """Return the token of word 0 of a language."""
    return world.vocabulary.index(f"{language.lower()}0")


def _layers(predictor):
    """Return the numbers of the layers; 1 alone if there is one set of hidden states."""
    if "layer" not in inspect.signature(predictor.transform).parameters:
        return [1]
    return list(range(len(predictor.network_.core.blocks) + 1))


def _states(predictor, X, layer):
    """Return the hidden states of a layer."""
    several = "layer" in inspect.signature(predictor.transform).parameters
    return predictor.transform(X, layer) if several else predictor.transform(X)
