"""A cube in plain sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from .._docs import fill_doc
from ._case import cases_of
from ._claims import REPRESENTATION
from ._cube import check_claimed, cube_of
from ._next import doubts_of
from ._sentences import (
    apart_sentences,
    basis_sentence,
    claim_sentences,
    verdict_sentence,
    worth_sentences,
)
from ._words import glossary_of

if TYPE_CHECKING:
    from ._case import Case
    from ._cube import CubeSource

WIDTH = 79


@fill_doc
def explain(cube: CubeSource) -> str:
    """Say in plain sentences what an assessment has found.

    Every sentence follows from a number of the cube: the verdict, the effect of each claim with its
    bounds and in how many seeds it exceeds the margin, how large a random core would have to be,
    what share of what is possible is gained where that is known exactly, which networks stand
    apart, what keeps the verdict open and what to run next; and a line for each word that needs
    one.

    Parameters
    ----------
    cube : xarray.Dataset, path-like or EmergenceAssessment
        %(cube)s
        Of a grid there is a paragraph for each configuration;
        ``explain(cube.sel(hidden_size=16))`` is one of them.

    Returns
    -------
    str
        Lines of at most 79 characters.

    Raises
    ------
    NotFittedError
        If it is an assessment that has not been fitted.
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a cube, or one that was written before verdicts followed from claims.

    See Also
    --------
    summarise : The same as a table.

    Notes
    -----
    How many updates more may be enough is extrapolated: the fall of the training loss at the end is
    compared with what it would have been, had training ended half way, and each further doubling
    is taken to shrink it by the same factor. How many seeds more is what `required_seeds` says of
    an effect that is as large as it looks; of recordings, how many more would shrink the bounds
    enough.

    Examples
    --------
    >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld, explain
    >>> assessment = EmergenceAssessment(
    ...     OscillatorWorld(n_steps=20), GRUPredictor(2, max_steps=5, lr=0.001), n_train=20,
    ...     n_eval=10, nulls=(), baselines=("mean", "linear_filter"), reservoir_sizes=None,
    ...     random_state=0, progress=False,
    ... ).fit()
    >>> print(explain(assessment).partition("What was found")[0].rstrip())
    GRUPredictor in OscillatorWorld
    <BLANKLINE>
    Undecided: training had not ended.
    <BLANKLINE>
    6 seeds, each with sequences, initial weights and order of batches of its own.
    """
    cases = cases_of(check_claimed(cube_of(cube)))
    parts = [_heading(cases)]
    if len(cases) > 1:
        parts.append(_overview(cases))
    parts += [_paragraph(case, alone=len(cases) == 1) for case in cases]
    text = "\n\n".join(parts)
    words = glossary_of(text, **numbers_of(cases))
    lines = [_item(f"{word}:", f"{line}.", 2) for word, line in words.items()]
    return "\n".join([text, "", "Words", *lines]) if lines else text


def headline(cube: CubeSource) -> str:
    """Return the first thing to say of a cube: its verdict, or how many there are of each."""
    cases = cases_of(check_claimed(cube_of(cube)))
    return verdict_sentence(cases[0]) if len(cases) == 1 else _overview(cases)


def _heading(cases: Sequence[Case]) -> str:
    """Return what was assessed."""
    run = cases[0].run
    what = f"{run['model']['type']} in {run['world']['type']}"
    if len(cases) > 1:
        return f"{what}: {len(cases)} configurations"
    settings = _settings(cases[0])
    return f"{what}, {settings}" if settings else what


def _settings(case: Case) -> str:
    return ", ".join(f"{name}={value}" for name, value in case.settings.items())


def _list_settings(cases: Sequence[Case]) -> str:
    """Return the settings of several configurations."""
    names = list(cases[0].settings)
    if len(names) == 1:
        return f"{names[0]}={', '.join(str(case.settings[names[0]]) for case in cases)}"
    return "; ".join(map(_settings, cases))


def _overview(cases: Sequence[Case]) -> str:
    """Return which configurations have which verdict."""
    by_verdict = sorted(cases, key=lambda case: case.verdict)
    lines = []
    for verdict, group in groupby(by_verdict, key=lambda case: case.verdict):
        found = list(group)
        lines.append(_item(f"{verdict} ({len(found)}):", _list_settings(found), 2))
    return "\n".join(lines)


def _paragraph(case: Case, alone: bool) -> str:
    """Return all that is said of one configuration."""
    blocks = [_wrap(verdict_sentence(case)), _wrap(basis_sentence(case))]
    claims = [_item(f"{state:8}", sentence, 9) for state, sentence in claim_sentences(case)]
    claims += [_item("but     ", sentence, 9) for sentence in apart_sentences(case)]
    worth = [_item("-", sentence, 2) for sentence in worth_sentences(case)]
    doubts = [_item("-", doubt.remedy, 2) for doubt in doubts_of(case) if doubt.remedy]
    for title, lines in (
        ("What was found", claims),
        ("What it is worth", worth),
        ("What is missing, and what to run next", doubts),
    ):
        if lines:
            blocks.append("\n".join([title, *lines]))
    text = "\n\n".join(blocks)
    if alone:
        return text
    settings = _settings(case)
    return f"{settings}\n{'-' * min(len(settings), WIDTH)}\n{text}"


def _wrap(text: str) -> str:
    return textwrap.fill(text, WIDTH)


def _item(label: str, text: str, indent: int) -> str:
    """Return a line of a list, with its further lines indented."""
    return textwrap.fill(f"{label} {text}", WIDTH, subsequent_indent=" " * indent)


def numbers_of(cases: Sequence[Case]) -> dict[str, Any]:
    """Return the numbers of an assessment that the lines for words have in them."""
    run = cases[0].run
    margins = f"{run['margin']:g} nats per step"
    scores = {
        case.score_name(name.partition(" ")[2])
        for case in cases
        for name in case.claims
        if name.startswith(REPRESENTATION)
    }
    if scores:
        margins += f", {run['probe_margin']:g} of {' or '.join(sorted(scores, reverse=True))}"
    given = any(case.given for case in cases)
    return {
        "untrained": "a fresh network of its kind"
        if given
        else "the network with its initial weights",
        "margins": margins,
        "alpha": run["alpha"],
        "confidence": 100 * (1 - run["alpha"]),
    }
