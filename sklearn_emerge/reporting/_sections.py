"""What a report says of one cube, ready for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..assessment._claims import CLAIMS, REPRESENTATION
from ..assessment._explain import explain, numbers_of
from ..assessment._next import doubts_of
from ..assessment._sentences import (
    apart_sentences,
    basis_sentence,
    claim_sentences,
    verdict_sentence,
    worth_sentences,
)
from ..assessment._summary import short_frame
from ..assessment._words import count, glossary_of, in_digits
from ..worlds._picture import facts_of
from ._checks import run_checks
from ._facts import label, plain
from ._figures import curves, figures_of, picture_of_world, training_curves
from ._methods import tell_intervals, write_methods
from ._references import list_references
from ._world import Lost, texts_of, world_of

if TYPE_CHECKING:
    from ..assessment._case import Case
    from ._facts import Facts

# Configurations of which figures are drawn, and curves over configurations; others are named.
_MOST_DRAWN = 12
# Entries of the configuration that are shown elsewhere.
_APART = ("type", "world", "model", "entropy", "n_sequences", "units", "versions")


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row says what the row is about, a note what that means.

    Cells are in one line, unless the table `wraps`.
    """

    caption: str
    header: tuple[str, ...]
    rows: list[list[str]]
    notes: Sequence[str] = ()
    wraps: bool = False


def describe_cube(facts: Facts) -> dict[str, Any]:
    """Return what a report says of a cube.

    Parameters
    ----------
    facts : Facts
        The cube.

    Returns
    -------
    dict of str to object
        By the names that the page uses.
    """
    attributes, run = facts.cube.attrs, facts.run
    drawn = facts.cases[:_MOST_DRAWN]
    drawn_curves, curves_left = curves(facts, _MOST_DRAWN)
    training = [(label(case), training_curves(case)) for case in drawn]
    return {
        "about": attributes.get("title", ""),
        "date": attributes.get("date_created", ""),
        "found": [_found(case) for case in facts.cases],
        "words": glossary_of(explain(facts.cube), **numbers_of(facts.cases)),
        "summary": short_table(facts),
        "intervals": tell_intervals(facts),
        "curves": drawn_curves,
        "curves_left": curves_left,
        "pictures": [(label(case), figures_of(case)) for case in drawn],
        "not_drawn": [label(case) for case in facts.cases[_MOST_DRAWN:]],
        "training": [(name, picture) for name, picture in training if picture is not None],
        "checks": run_checks(facts),
        "claims": [(label(case), claims_table(case)) for case in facts.cases],
        "world": _world(facts),
        "settings": _settings(facts),
        "configuration": {
            "Assessment": {k: plain(v) for k, v in run.items() if k not in _APART},
            "Model": {k: plain(v) for k, v in run["model"].items()},
        },
        "source": attributes.get("source", ""),
        "versions": run.get("versions", {}),
        "methods": write_methods(facts),
        "references": list_references(facts),
    }


def _with_grid(facts: Facts, part: str) -> dict[str, Any]:
    """Return the parameters of a world or model, those of the grid with all of their values."""
    values = {name.removeprefix(f"{part}__"): values for name, values in facts.grid.items()}
    return {
        name: values[name] if name in values and len(values[name]) > 1 else value
        for name, value in facts.run[part].items()
    }


def _settings(facts: Facts) -> dict[str, str]:
    """Return what an assessment was made with."""
    run = facts.run
    settings = {key: value for key, value in run.items() if key not in _APART}
    settings |= {"sequences": run.get("n_sequences")}
    for name in ("world", "model"):
        settings |= {f"{name}: {key}": value for key, value in _with_grid(facts, name).items()}
    return {name: plain(value) for name, value in settings.items()}


def _found(case: Case) -> dict[str, Any]:
    """Return what was found in one configuration, in sentences."""
    return {
        "label": label(case),
        "verdict": case.verdict,
        "sentence": verdict_sentence(case),
        "basis": basis_sentence(case),
        "claims": claim_sentences(case),
        "apart": apart_sentences(case),
        "worth": worth_sentences(case),
        "next": [doubt.remedy for doubt in doubts_of(case) if doubt.remedy],
    }


def short_table(facts: Facts) -> Table:
    """Return the short table of a cube, verdicts first."""
    frame = short_frame(facts.cube)
    frame.insert(0, "verdict", frame.pop("verdict"))
    if facts.grid:
        frame.insert(0, "configuration", [label(case) for case in facts.cases])
    return Table(frame.attrs["caption"], tuple(frame.columns), frame.values.tolist())


def claims_table(case: Case) -> Table:
    """Return the claims of one configuration."""
    rows, notes = [], []
    for name, claim in case.claims.items():
        effect, low, high = in_digits(claim.effect, claim.low, claim.high)
        bounds = f"{low} to {high}" if np.isfinite([claim.low, claim.high]).all() else "–"
        p_value = case.here.claim_p_value_adjusted.sel(claim=name).item()
        rows.append([name, claim.state, effect, bounds, f"{claim.margin:g}", f"{p_value:.2g}"])
        which = f" ({case.best})" if name == "prediction" else ""
        notes.append(CLAIMS[name.partition(" ")[0]] + which)
    caption = (
        f"Mean difference over {count(case.n_seeds, 'seed')} in nats per step; of a "
        f"{REPRESENTATION}, of probe scores (R² or D²). Bounds are one-sided, each at "
        f"{100 * (1 - case.run['alpha']):g}%; p is that of a difference above the margin, adjusted."
    )
    return Table(caption, ("claim", "state", "difference", "bounds", "margin", "p"), rows, notes)


def _world(facts: Facts) -> dict[str, Any]:
    """Return what is known of the world, and some sequences if it can be made again."""
    case = facts.cases[0]
    description = _with_grid(facts, "world")
    known = {"world": description.pop("type")}
    known |= {name: plain(value) for name, value in description.items()}
    shown = {"known": known, "picture": None, "texts": {}, "lost": ""}
    try:
        world = world_of(facts)
    except Lost as reason:
        return shown | {"lost": str(reason)}
    shown["known"] = known | facts_of(world)
    if world.observation == "token":
        return shown | {"texts": texts_of(world, case.nulls)}
    varied = any(name.startswith("world__") for name in facts.grid)
    of = label(case) if varied else ""
    return shown | {"picture": picture_of_world(world, case.nulls, of)}
