"""What a reader has to know before a verdict is believed, each with the number behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..assessment._claims import UNTESTED
from ..assessment._labels import STRUCTURED
from ..assessment._next import families_of, undecided_of
from ..assessment._verdict import UNDECIDED, falls_of, looks_at_held_out
from ..assessment._words import (
    arm_in_words,
    baseline_in_words,
    condition_in_words,
    count,
    has_own_baselines,
    in_digits,
    listed,
    loss_in_words,
)
from ._facts import label

if TYPE_CHECKING:
    from ..assessment._case import Case
    from ._facts import Facts


@dataclass(frozen=True)
class Check:
    """A question, whether its answer is the wanted one, and why.

    Attributes
    ----------
    question : str
        What is asked.
    passed : bool or None
        None where it cannot be told, or does not matter.
    found : str
        The number behind the answer.
    remedy : str
        What to do if it is not the wanted one.
    """

    question: str
    passed: bool | None
    found: str
    remedy: str = ""


def run_checks(facts: Facts) -> list[Check]:
    """Return the checks of a cube.

    Parameters
    ----------
    facts : Facts
        The cube.

    Returns
    -------
    list of Check
    """
    checks = [_training(facts), *_fits(facts), *_seeds(facts), _decided(facts), _units(facts)]
    return [*checks, _apart(facts)]


def _training(facts: Facts) -> Check:
    question, margin = "Has training ended?", facts.run["margin"]
    # In a null it matters only where networks might come to gain something.
    falls, late, cases = {}, {}, {label(case): case for case in facts.cases}
    for case in facts.cases if "training_loss" in facts.cube else ():
        here = falls_of(case.here).mean("seed")
        for mode in here.mode.values[here.notnull().values].tolist():
            falls[label(case), STRUCTURED, mode] = here.sel(mode=mode).item()
        for arm, fall in case.falls.items():
            late[label(case), *arm] = fall
    if not facts.trained:
        return Check(question, None, "Nothing was trained but heads, which have a closed form.")
    if facts.given and not late:
        return Check(question, None, "Networks were given; those of the nulls have.")
    if not falls and not late:
        return Check(question, None, "The cube has no curves of the training loss to the end.")
    shown = late or falls
    place, condition, mode = max(shown, key=shown.__getitem__)
    where = [place] * bool(place) + [condition_in_words(condition)]
    fell = in_digits(shown[place, condition, mode])[0]
    most = "of those that matter" if late else "in the world itself"
    loss = loss_in_words(looks_at_held_out(cases[place].cube, condition, mode))
    found = (
        f"Over the last fifth of the updates {loss} fell by {fell} nats per step "
        f"({', '.join(where)}: {arm_in_words(mode)}), the most {most}; the limit is {margin:g}."
    )
    if "stopped_at" in facts.cube:
        held_out = facts.cube.validation_loss.notnull().any("block")
        n_stopped = int(facts.cube.stopped_at.notnull().sum())
        found += f" {n_stopped} of {count(int(held_out.sum()), 'network')} stopped early."
    remedy = f"See what to run next{facts.in_some(place for place, *_ in late)}."
    if late and all(case.verdict != UNDECIDED for case in facts.cases if case.falls):
        return Check(question, None, f"{found} The verdict would be the same.")
    return Check(question, not late, found, remedy)


def _fits(facts: Facts) -> Iterator[Check]:
    """Return whether networks, heads and baselines have come to their end."""
    status = facts.cube.status.values
    n_diverged, n_weak = (int((status == s).sum()) for s in ("diverged", "head not converged"))
    fits = count(status.size, "fit")
    yield Check(
        "Have all networks stayed finite?",
        not n_diverged,
        f"{n_diverged:,} of {fits} diverged.",
        "Lower lr.",
    )
    yield Check(
        "Have the heads of the networks converged?",
        not n_weak,
        f"{n_weak:,} of {fits} {'has' if n_weak == 1 else 'have'} a head that has not.",
        "Fit more sequences, or fewer units.",
    )
    if "status_baseline" not in facts.cube:
        return
    # Those of nulls are not all there.
    baselines = facts.cube.status_baseline.sel(condition=STRUCTURED)
    weak = (baselines == "head not converged").any([d for d in baselines.dims if d != "baseline"])
    own = has_own_baselines(facts.run)
    names = [baseline_in_words(name, own) for name in baselines.baseline.values[weak.values]]
    yield Check(
        "Have the alternatives converged?",
        not names,
        f"{listed(names)} ha{'ve' if len(names) > 1 else 's'} not."
        if names
        else f"0 of {count(baselines.size, 'fit')} of {count(len(weak), 'alternative')} have not.",
        "A weak alternative is easily beaten: fit more sequences, or leave it out.",
    )


def _seeds(facts: Facts) -> Iterator[Check]:
    """Return whether there are seeds enough for any p-value to reach alpha."""
    alpha = facts.run["alpha"]
    n_seeds = facts.n_seeds
    if facts.recorded:
        found = (
            f"{count(n_seeds, 'split')} of the recordings; the corrected test needs two. More "
            "splits add no evidence, which only more recordings do."
        )
        yield Check("Are there splits enough?", n_seeds > 1, found, "Raise n_seeds.")
        return
    families = families_of(facts.cases[0])
    questions = ("Are there seeds enough?", "Are there seeds enough for the latents?")
    # There may be no latents.
    for question, family in zip(questions, families, strict=False):
        noun, n_tests, smallest, needed = family
        enough = (
            "no number is enough for so many tests" if needed is None else (f"{needed} are needed")
        )
        reached = f"the smallest possible p-value is {smallest:.2g}"
        reached = reached if facts.tested else "there are no tests of one"
        # The two numbers differ; what to run next names the first.
        purpose = ""
        if len(families) > 1:
            purpose = " for claims about a latent, which are corrected over latents, too"
            purpose = purpose if noun == "latent" else " for all claims but those about a latent"
        found = (
            f"{count(n_seeds, 'seed')}: {reached}, for alpha = {alpha:g} and "
            f"{count(n_tests, noun)}; {enough}{purpose}."
        )
        reachable = smallest <= alpha and n_seeds > 1
        yield Check(question, reachable, found, "Raise n_seeds, or test fewer things at once.")


def _decided(facts: Facts) -> Check:
    """Return whether each claim was decided, and how many seeds or recordings would do it."""
    found, numbers = [], False
    for case in facts.cases:
        where = f" ({label(case)})" if len(facts.cases) > 1 else ""
        undecided = undecided_of(case)
        numbers |= any(undecided.values())
        for name, claim in case.claims.items():
            if claim.state == UNTESTED:
                found.append(f"{name}{where}: undefined in some seeds")
            elif name in undecided:
                found.append(": ".join(filter(None, (f"{name}{where}", undecided[name]))))
    question, n_claims = "Was every claim decided?", facts.cube.claim_state.size
    if not n_claims:
        return Check(question, None, "There was no claim that could be tested.")
    if not found:
        decided = "The one claim holds or fails."
        if n_claims > 1:
            decided = f"All {n_claims:,} claims hold or fail."
        return Check(question, True, decided)
    more = f"more {facts.recorded or 'seeds'}"
    if "recording" in facts.run:
        more = "a longer recording"
    return Check(
        question,
        False,
        f"Not decided: {'; '.join(found)} ({len(found)} of {count(n_claims, 'claim')}).",
        f"Take {more}; the numbers are rough, as they take effects as they look."
        if numbers
        else "",
    )


def _units(facts: Facts) -> Check:
    question = "Are the units of the tests independent?"
    if not facts.tested:
        return Check(question, None, "There is one seed, and nothing is tested.")
    if facts.run["shared_data"]:
        return Check(
            question,
            False,
            "All seeds share the same sequences, so that the tests are about these alone: what "
            "their chance favours, it favours in every seed.",
            "Assess with shared_data=False.",
        )
    units = facts.cases[0].units
    if units is None:
        return Check(
            question,
            True,
            f"Each of {facts.n_seeds} seeds has {listed(['sequences', *facts.own])} of its own.",
        )
    n_train, n_held_out = units
    return Check(
        question,
        True,
        f"Seeds hold out {facts.recorded} in turn: each trains on about {n_train:,} and is "
        f"evaluated on {n_held_out:,}. The corrected test allows for what seeds share; that "
        f"{facts.recorded} are independent of each other, only you can know.",
    )


def _apart(facts: Facts) -> Check:
    """Return whether some networks stand apart from the others, as stuck ones do."""
    question = "Are the trained networks alike?"
    if "full" not in facts.cube.mode or facts.n_seeds < 4:
        return Check(question, None, "Four trained networks are needed to tell.")
    known: list[Case] = []
    lost: list[Case] = []
    for case in facts.cases:
        finite = np.isfinite(case.here.nll.sel(mode="full").values).all()
        (known if finite else lost).append(case)
    untold = "It cannot be told where networks have no finite loss"
    untold += f"{facts.in_some(map(label, lost))}."
    if not known:
        return Check(question, None, untold)
    where = [label(case) for case in known for _ in range(case.apart.sum())]
    n_apart, n_networks = len(where), facts.n_seeds * len(known)
    return Check(
        question,
        False if n_apart else None if lost else True,
        f"{n_apart} of {count(n_networks, 'network')} stand{'s' if n_apart == 1 else ''} apart "
        f"from the others of their configuration{facts.in_some(where)}."
        f"{f' {untold}' if lost else ''}",
        "Means over seeds do not show it: look at the seeds in the figures before you trust it.",
    )
