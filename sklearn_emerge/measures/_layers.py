"""What can be decoded from each layer of a network, beside what needs no training."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .._latents import check_latents
from .._missing import is_observed
from .._random import substream
from .._typing import Floats, RandomState
from ..likelihoods import LIKELIHOODS
from ..predictors._last_inputs import windows_of
from ..predictors._neural import NeuralPredictor
from ..predictors._places import check_steps
from ..probes import control_states, score_inputs, score_probes
from ..worlds import Sample, World
from ._named import named, with_depth
from ._sequences import sequences_of
from ._twin import check_twin

UNTRAINED = "untrained"
SCORES = ("probe", "other sequences", "beyond")


def probe_layers(
    predictor: NeuralPredictor,
    sample: Sample | Mapping[str, Any] | tuple[Any, Any],
    *,
    layers: int | str | Sequence[int | str] = "all",
    twin: Any = UNTRAINED,
    steps: int | Sequence[int] | None = None,
    probe: Any = "auto",
    n_splits: int = 5,
    n_sequences: int | None = 500,
    random_state: RandomState = 0,
) -> xr.DataArray:
    r"""Probe all layers of a network for all latents, with the controls of an assessment.

    Each layer is probed by a linear map, cross-validated over units (see `cross_validate_probe`).
    Beside the network stands what decodes without having learned: its untrained twin, layer by
    layer; the last inputs, one or as many as the widest layer has units, whichever shows more, with
    the clock if the network has one; and the clock alone, a column for each step. From every score
    that of the states of *other sequences* (if above 0) is subtracted, in the same way for all:
    what they decode as well is due to time alone. A layer represents a latent as far as it is
    *beyond* that, and more so than the same layer of the untrained twin and the last inputs, as the
    claim "representation".

    Made for ``EmergenceAssessment(measures={"layers": probe_layers})``, too, with other arguments
    by `functools.partial`. The network computes the sequences once for all layers.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted.
    sample : Sample or (X, latents)
        Sequences that the network has not learned, with their latents.
    layers : "all", int, str, or sequence of these, default="all"
        Some of the `layers_` of the network, or of its `places_`; "all" is all of `layers_`.
    twin : "untrained", predictor or None, default="untrained"
        The network that is not trained: a fitted predictor of the same architecture, as
        ``assessment.predictor(mode="readout", seed=0)``; "untrained" draws the initial weights of
        the network again. None leaves it out.
    steps : int or sequence of int, default=None
        Steps to probe; None is all but the first.
    probe : "auto" or estimator, default="auto"
        As in `cross_validate_probe`.
    n_splits : int, default=5
        Folds, at most.
    n_sequences : int, default=500
        Sequences to use, the first ones. None is all.
    random_state : int, Generator, SeedSequence or None, default=0
        Stream of the other sequences, and of what is random in the probe.

    Returns
    -------
    xarray.DataArray of dimensions (network, layer, decoded, score)
        - "network": "trained", "untrained", "window" (of inputs) and "clock"; the last two are the
          same for all layers;
        - "layer": as in `layers`, with the coordinate ``depth``, the share of all layers: 0 of the
          embedding, 1 of the last, and NaN of places that are in no layer;
        - "decoded": names of the latents;
        - "score": "probe", "other sequences", and "beyond", the first minus the second if that is
          above 0. R2 of quantities, D2 of classes; NaN where a latent cannot be scored, and of a
          null, which has no latents.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If the predictor is no network, the twin was trained or has another architecture, there are
        no latents, an argument is out of range, or X does not fit the predictor.

    Examples
    --------
    The position of an oscillator is in what is observed; an untrained network has it, too:

    >>> from sklearn_emerge import GRUPredictor, OscillatorWorld
    >>> from sklearn_emerge.measures import probe_layers
    >>> world = OscillatorWorld(n_steps=32)
    >>> train, evaluation = world.split(100, 50, random_state=0)
    >>> model = GRUPredictor(8, max_steps=100, random_state=0).fit(train.X)
    >>> scores = probe_layers(model, evaluation)
    >>> dict(scores.sizes)
    {'network': 4, 'layer': 1, 'decoded': 2, 'score': 3}
    >>> found = scores.sel(layer=1, decoded="x", score="beyond")
    >>> [bool(found.sel(network=name) > 0.9) for name in found.network.values]
    [True, True, True, False]
    """
    if not isinstance(predictor, NeuralPredictor):
        raise ValueError(f"{type(predictor).__name__} has no layers; probe a network.")
    check_is_fitted(predictor)
    sample, names = _sample_of(sample)
    X, _ = sequences_of(predictor, sample, n_sequences)
    given = np.asarray(sample.X)[: len(X)]
    steps = list(range(1, X.shape[1])) if steps is None else check_steps(steps, X.shape[1], "steps")
    labels, places = _places_of(predictor, layers)
    states = {"trained": predictor.states(given, places)}
    if twin is not None:
        made = predictor._untrained() if isinstance(twin, str) and twin == UNTRAINED else twin
        check_twin(made, predictor)
        states[UNTRAINED] = made.states(given, places)
    windows = _windows_for(predictor, given, states["trained"])
    clock = np.broadcast_to(np.eye(X.shape[1]), (len(X), X.shape[1], X.shape[1]))
    stream, observed = substream(random_state), _probed_steps(predictor, sample, given)
    # What is missing is checked with all steps, and some may be probed alone.
    latents = sample.latents
    if latents is not None:
        known = None if observed.all() else observed
        latents = check_latents(latents[: len(X)], X, observed=known)[:, steps]
    options = {
        "probe": probe,
        "n_splits": n_splits,
        "burn_in": 0,
        "groups": None if sample.groups is None else sample.groups[: len(X)],
        "observed": None if observed.all() else observed[:, steps],
        "random_state": substream(stream, "estimator"),
    }

    def decoded(hidden: Any) -> list[Any]:
        """Return what is decoded from states, and from those of other sequences."""
        hidden = hidden[:, steps]
        other = control_states(hidden, "other_sequence", substream(stream, "other_sequence"))
        return [each.score for each in score_probes([hidden, other], latents, **options)]

    def scores(own: Any, shuffled: Any) -> Floats:
        """Return both, and the difference."""
        return np.stack([own, shuffled, own - np.maximum(shuffled, 0)], axis=1)

    if latents is None:
        found: Any = np.full((len(states) + 2, len(places), len(names), len(SCORES)), np.nan)
    else:
        found = [[scores(*decoded(layer[place])) for place in places] for layer in states.values()]
        inputs = score_inputs((each[:, steps] for each in windows), latents, stream, **options)
        found += [[scores(*each)] * len(places) for each in (inputs, decoded(clock))]
    coords = {
        "network": [*states, "window", "clock"],
        "layer": labels,
        "decoded": names,
        "score": list(SCORES),
    }
    long_name = "cross-validated R2 or D2 of a probe"
    return with_depth(named(np.array(found), coords, _LONG_NAMES, long_name, "1"), predictor)


_LONG_NAMES = {
    "network": "what is probed",
    "layer": "layer or place of the network",
    "decoded": "latent that is decoded",
    "score": "score of the states, of those of other sequences, and beyond these",
}


def _windows_for(predictor: NeuralPredictor, given: Any, states: Any) -> Iterator[Floats]:
    """Return windows of inputs, the longest with as many columns as the widest layer."""
    tokens = predictor.n_tokens_ if LIKELIHOODS[predictor.likelihood_].tokens else None
    width = max(values.shape[2] for values in states.values())
    clocked = getattr(predictor, "time_channel", None) == "full_time"
    roles = {"n_exogenous": predictor._n_exogenous, "feedback": predictor._feedback}
    return windows_of(given, width, "full_time" if clocked else None, tokens, **roles)


def _probed_steps(predictor: NeuralPredictor, sample: Sample, given: Any) -> NDArray[np.bool_]:
    """Return at which steps latents are known, of shape (n_sequences, n_steps)."""
    observed = sample.probed(len(given))
    if observed is None:
        encoded = predictor.encode(given)
        # In a task there are latents while nothing is asked.
        observed = is_observed(encoded if predictor._feedback else predictor._seen(encoded))
    return observed


def _sample_of(sample: Any) -> tuple[Sample, list[str]]:
    """Return a sample, and the names of its latents: a null has those of its world, but no values.

    In an assessment a measure is taken of nulls as well.
    """
    if isinstance(sample, Mapping):
        sample = Sample(**sample)
    else:
        pair = isinstance(sample, tuple) and len(sample) == 2
        sample = Sample(*sample if pair else (None,))
    if sample.latents is not None:
        latents = np.asarray(sample.latents)
        sample.latents = latents[:, :, np.newaxis] if latents.ndim == 2 else latents
        n_latents = sample.latents.shape[-1]
        return sample, list(sample.latent_names) or [f"latent {i}" for i in range(n_latents)]
    world = sample.world
    while isinstance(getattr(world, "world", None), World):
        world = world.world
    if not getattr(world, "latent_names", ()):
        raise ValueError(
            "sample has no latents to probe for; pass a Sample of a world with latents, or "
            "(X, latents)."
        )
    return sample, list(world.latent_names)


def _places_of(predictor: NeuralPredictor, layers: Any) -> tuple[list[Any], list[Any]]:
    """Return layers as they are labelled, and the names of their places."""
    numbers = predictor.layers_
    if isinstance(layers, str) and layers == "all":
        labels = list(numbers)
    else:
        labels = list(layers) if np.iterable(layers) and not isinstance(layers, str) else [layers]
    texts = [label for label in labels if isinstance(label, str)]
    known = predictor.places_ if texts else numbers
    mixed = texts and len(texts) < len(labels)
    if not labels or mixed or not all(label in known for label in labels):
        raise ValueError(
            f"layers={layers!r} must be 'all', or some of the layers "
            f"{', '.join(map(str, numbers))}, or of the places "
            f"{', '.join(map(repr, predictor.places_))}."
        )
    if len(set(labels)) < len(labels):
        raise ValueError(f"layers={layers!r} has a layer twice; drop one.")
    return labels, [label if texts else predictor._place_of_layer(label) for label in labels]
