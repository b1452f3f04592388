"""Worlds and models by name, for assessments, the command line, docs and tests."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from ._names import look_up
from .worlds import (
    AlgorithmicWorld,
    BernoulliWorld,
    DriftWorld,
    FlipFlopWorld,
    LinearSystemWorld,
    LorenzWorld,
    NestedConditionalWorld,
    NoisyPeriodicWorld,
    OscillatorWorld,
    RegimeWorld,
    SwitchingLinearWorld,
    TriangleWorld,
    World,
)


@dataclass(frozen=True)
class NamedWorld:
    """A world that has a name.

    Attributes
    ----------
    make : callable
        Returns the world.
    about : str
        What it is, and what there is to learn; a sentence each.
    """

    make: Callable[..., World]
    about: str


WORLDS = {
    "drift": NamedWorld(
        DriftWorld,
        "A point drifts at a constant velocity, pushed by noise, and is seen through noise. The "
        "best prediction weighs all observations so far, as a Kalman filter does.",
    ),
    "oscillator": NamedWorld(
        OscillatorWorld,
        "A nonlinear oscillator winds up to a circle, and one of its two coordinates is seen "
        "through noise. Who predicts well has to follow a phase and an amplitude that are never "
        "seen.",
    ),
    "oscillator-nonstationary": NamedWorld(
        partial(OscillatorWorld, omega=(0.8, 1.2)),
        "The oscillator, at a frequency that rises by half over a sequence. Beside phase and "
        "amplitude, who predicts well has to know the time.",
    ),
    "regime": NamedWorld(
        RegimeWorld,
        "A chain of zeros and ones that is sticky in one hidden regime and fickle in the other; "
        "the regime flips every 32 steps. Who predicts well has to infer the regime from the runs.",
    ),
    "bernoulli": NamedWorld(
        BernoulliWorld,
        "Coins that know nothing of each other. There is nothing to learn but how often they show "
        "a one: a test that an assessment finds nothing.",
    ),
    "random-walk": NamedWorld(
        LinearSystemWorld.random_walk,
        "A random walk, seen through noise. The best prediction is a mean of the past that forgets "
        "exponentially, and its risk is known exactly.",
    ),
    "local-linear-trend": NamedWorld(
        LinearSystemWorld.local_linear_trend,
        "A random walk whose slope is a random walk, too, seen through noise. The best prediction "
        "has to track level and slope, and its risk is known exactly.",
    ),
    "flip-flop": NamedWorld(
        FlipFlopWorld,
        "Three bits, each set by rare pulses and held until the next; pulses are seen, and the "
        "bits through noise. Who predicts well has to remember the last pulse of each bit, and to "
        "forget the one before.",
    ),
    "lorenz": NamedWorld(
        LorenzWorld,
        "The chaotic flow of Lorenz, of whose three coordinates one is seen through noise. Who "
        "predicts well has to know where on the attractor the state is, and how it moves there.",
    ),
    "noisy-periodic": NamedWorld(
        NoisyPeriodicWorld,
        "A cycle of twenty steps, seen through noise, with an amplitude and a phase of each "
        "sequence. The best prediction finds both from all observations so far, as a Kalman "
        "filter does.",
    ),
    "switching-linear": NamedWorld(
        SwitchingLinearWorld,
        "A number that goes on as it was in one hidden regime and changes its sign in the other, "
        "seen through noise. Who predicts well has to infer the regime, and to filter by its law.",
    ),
    "triangle": NamedWorld(
        TriangleWorld,
        "Sentences and their translations between three artificial languages, as tokens. Of one "
        "pair of languages there are few examples, but it follows from the two others.",
    ),
    "nested-conditional": NamedWorld(
        NestedConditionalWorld,
        "Nested conditionals over keys that are bound to values, and their answers, as tokens. Who "
        "answers well has to look a key up, and to branch, at every level.",
    ),
    "algorithmic": NamedWorld(
        AlgorithmicWorld,
        "Eight tasks on digits at three levels, from copying to multiplying, as tokens. Answers "
        "follow from their operands, so that who has learned a task makes no error in it.",
    ),
}
# Names only: the classes would import torch.
MODELS = {
    "rnn": "RNNPredictor",
    "gru": "GRUPredictor",
    "lstm": "LSTMPredictor",
    "transformer": "TransformerPredictor",
}


def make_world(name: str, argument: str = "world") -> World:
    """Return the world of a name; raise a ValueError that names the nearest if there is none."""
    return WORLDS[look_up(name, WORLDS, argument)].make()


def make_model(name: str, argument: str = "model", **params: Any) -> Any:
    """Return the model of a name; raise a ValueError that names the nearest if there is none."""
    predictors = import_module(".predictors", __package__)
    return getattr(predictors, MODELS[look_up(name, MODELS, argument)])(**params)
