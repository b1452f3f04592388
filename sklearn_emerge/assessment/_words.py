"""What the labels of a cube mean, in words that sentences, tables and figures share."""

from ._panel import ALTERNATIVES

# Which weights were trained.
ARMS = {
    "full": "all weights",
    "readout": "readout only",
    "random": "nothing",
    "scrambled": "all, then scrambled",
}
CONDITIONS = {
    "structured": "the world",
    "resample": "order destroyed",
    "shuffle": "steps shuffled",
    "phase": "phases randomised",
    "bernoulli": "coin flips",
    "permuted": "answers drawn at random",
    "redrawn": "maps drawn anew",
}


def arm_in_words(mode):
    """Return which weights were trained, in words."""
    return ARMS.get(mode, mode)


def condition_in_words(condition):
    """Return what was done to the world, in words."""
    return CONDITIONS.get(condition, condition)


def baseline_in_words(name):
    """Return what a baseline is, in words; the name itself of one of your own."""
    return ALTERNATIVES[name].words if name in ALTERNATIVES else name
