"""What the labels of a cube mean, in words that sentences, tables and figures share."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ._labels import STRUCTURED
from ._panel import ALTERNATIVES

# Which weights were trained.
ARMS = {
    "full": "all weights",
    "readout": "readout only",
    "random": "nothing",
    "scrambled": "all, then scrambled",
}


class Null(NamedTuple):
    """What was done to a world, in words and in a line for them."""

    words: str
    line: str


NULLS = {
    "resample": Null(
        "order destroyed",
        "at every step, values are exchanged between sequences, so that none remembers",
    ),
    "shuffle": Null("steps shuffled", "the steps of each sequence are in random order"),
    "phase": Null("phases randomised", "sequences have the same spectrum and random phases"),
    "exchange": Null("inputs exchanged", "sequences have the inputs of others"),
    "bernoulli": Null("coin flips", "each step is an independent flip of a fair coin"),
    "permuted": Null("answers drawn at random", "answers do not follow from what is asked"),
    "redrawn": Null("maps drawn anew", "no task follows from others: each has a map of its own"),
}
# Names of baselines that have room in a table.
SHORT_NAMES = {
    "step_mean": "step mean",
    "autoregressive": "filter",
    "linear_filter": "filter",
    "time_varying_filter": "filt(t)",
    "echo_state": "echo",
}
# Words that need a line, by the pattern that finds them in a text. Lines may have words of later
# ones in them. What is in braces is filled in.
GLOSSARY = {
    "operator": (
        r"(?i)\boperator\b",
        "what predicts better than the best of all baselines and than its untrained core, by the "
        "order in time and with its memory; and what, where it can go on by itself, does so as "
        "its world does",
    ),
    "holds, fails, open": (
        r"\b(holds|fails|open)\b",
        "the difference is significantly above the margin, significantly below it, or neither "
        "(level {alpha:g})",
    ),
    "margin": (
        r"\bmargin\b|\bbetter\b",
        "what is smaller does not count as better: {margins}",
    ),
    "bounds": (
        r"\bbounds:",
        "the mean difference is above the lower and below the upper one, with a confidence of "
        "{confidence:g}% each: one-sided, as tests are; intervals in figures have two sides",
    ),
    "untrained core": (
        r"\buntrained core\b",
        '{untrained}, of which only the head is fitted (in figures "readout only")',
    ),
    "random core": (
        r"\brandom core\b",
        "an echo-state network: recurrent, with random weights, tuned by cross-validation; only "
        "its head is fitted",
    ),
    "core, head": (
        r"\bcore\b|\bhead\b",
        "the head is the last, linear layer, from hidden states to predictions; the core is all "
        "before it",
    ),
    "null": (
        r"\bnulls?\b",
        "sequences of the world of whose structure something was destroyed on purpose",
    ),
    **{null.words: (null.words, null.line) for null in NULLS.values()},
    "latent": (
        r"\blatents?\b|\bRepresentation of\b",
        "what the world is in and does not show, such as a position without noise",
    ),
    "seed": (r"\bseeds?\b", "a repetition of everything, with other random numbers"),
    "memory": (
        r"\bmemory\b",
        "the hidden state before the last input; another sequence is one with (nearly) the same "
        "last input",
    ),
    "left alone": (
        r"(?i)\bleft alone\b",
        "after a prompt it sees its own predictions in place of what comes. Its error is compared, "
        "by its logarithm, with one half way, in squared error, from the best linear predictor to "
        "the best possible one if that is known, and with those of its untrained core, of an "
        "echo-state network, and of networks trained in the nulls",
    ),
    "linear filter": (
        r"\blinear filter\b",
        "a weighted sum of the last inputs; a time-varying one has weights for each step",
    ),
    "window of inputs": (
        r"\bwindow of inputs\b",
        "a linear head on the last inputs and on random functions of them, without recurrence",
    ),
    "trivial baseline": (
        r"\btrivial baselines?\b",
        "a mean, the last step again, or a Markov chain",
    ),
    "persistence": (r"\bpersistence\b", "predicts that the next step is as the last one"),
    "best of all baselines": (
        r"\bbest of all baselines\b",
        "of those that were tried, by their loss in training sequences",
    ),
    "R2": (
        r"\bR2\b",
        "share of the variance of a latent that a linear probe decodes in unseen sequences",
    ),
    "D2": (
        r"\bD2\b",
        "how well a linear probe decodes a class in unseen sequences, from Brier scores: 1 is "
        "perfect, 0 as good as knowing how frequent classes are",
    ),
    "best possible predictor": (
        r"\bbest possible predictor\b",
        "knows the law of the world, and sees only what the network sees",
    ),
    "nat": (
        r"\bnats?\b",
        "unit of log-likelihood; with 0.69 nats per step more, what happens had twice the "
        "probability at each step",
    ),
}
# Nats per step, or of a score, below which no digit is given.
SMALLEST = 0.0001
# What hidden states are decoded from, by mode.
ARM_STATES = {
    "full": "trained states",
    "readout": "untrained states",
    "random": "untrained states",
    "scrambled": "scrambled states",
}


def arm_in_words(mode: str) -> str:
    """Return which weights were trained, in words."""
    return ARMS.get(mode, mode)


def condition_in_words(condition: str) -> str:
    """Return what was done to the world, in words."""
    if condition == STRUCTURED:
        return "the world"
    return NULLS[condition].words if condition in NULLS else condition


def baseline_in_words(name: str, own: bool = False) -> str:
    """Return what a baseline is, in words; its name if that is none of those known here.

    `own` says whether baselines are a user's own, of whom nobody knows the size.
    """
    if name not in ALTERNATIVES:
        return name
    known = ALTERNATIVES[name]
    return known.words if own else f"{known.words}{known.matched}"


def has_own_baselines(run: Mapping[str, Any]) -> bool:
    """Return whether the baselines of a run, by its configuration, are a user's own."""
    return isinstance(run.get("baselines"), dict)


def glossary_of(text: str, **numbers: Any) -> dict[str, str]:
    """Return the words of a text that need a line, with their lines."""
    found: dict[str, str] = {}
    text = " ".join(text.split())
    for word, (pattern, line) in GLOSSARY.items():
        if re.search(pattern, text):
            found[word] = line.format(**numbers)
            text += f" {found[word]}"
    return found


def count(n: int, noun: str) -> str:
    """Return a number of things: "1 seed", "2 seeds"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return words as a list in a sentence."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


def loss_in_words(held_out: bool) -> str:
    """Return which loss tells whether training has ended."""
    return "the lowest loss of held-out sequences" if held_out else "the loss"


def in_digits(*values: float, most: int = 4) -> list[str]:
    """Return an effect and its bounds as text, with as many digits as tell the bounds apart.

    One value alone has two digits; there are two decimals at least and no more than `most`.
    """
    # In plain Python: long tables have many of them.
    finite = [float(value) for value in values if math.isfinite(value)]
    size = max(map(abs, finite), default=0.0)
    width = (max(finite) - min(finite)) / 2 if finite else 0.0
    last = width if width > 0 else size / 10
    digits = math.ceil(min(max(-math.log10(last), 0), most)) if last > 0 else 2
    # Of what is near to the margin one digit more.
    digits = min(digits, 1) if size >= 10 else max(digits, 2 if size >= 0.1 else min(most, 3))
    # The side of zero on which a value lies is seen.
    seen = [value for value in finite if abs(value) >= 0.5 * 10**-most]
    while digits < most and any(abs(value) * 10**digits <= 0.5 for value in seen):
        digits += 1
    # Without the sign of what is rounded to zero.
    return [f"{round(value, digits) + 0.0:.{digits}f}" for value in values]


def is_any_size(low: float, high: float) -> bool:
    """Return whether an interval of an equivalent reservoir size has all sizes in it."""
    return low == 0 and np.isinf(high)


def reservoir_in_words(size: float, sizes: Sequence[int]) -> str:
    """Return an equivalent reservoir size in words, given the sizes that were tried."""
    if size == 0:
        return f"fewer than {sizes[0]}"
    return f"more than {sizes[-1]}" if np.isinf(size) else f"{size:.0f}"
