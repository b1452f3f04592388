"""What keeps a verdict open, and what to run next."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..inference import required_seeds, seeds_needed, smallest_p_value
from ..inference._power import spread_of
from ._case import Case
from ._claims import CLAIMS, OPEN, REPRESENTATION, UNTESTED, Claim
from ._verdict import (
    UNDECIDED,
    UNDEFINED,
    awaited,
    falls_of,
    looks_at_held_out,
    remedy_of,
)
from ._words import arm_in_words, condition_in_words, in_digits, loss_in_words

# Times as many updates, beyond which an extrapolation says little.
_MOST_TIMES = 16
# Seeds or recordings beyond which no number is given.
_MOST = 1000


@dataclass(frozen=True)
class Doubt:
    """Something that keeps a verdict open, or may change it.

    Attributes
    ----------
    short : str
        It in a clause.
    remedy : str
        Sentences that say what to run next.
    """

    short: str
    remedy: str


def doubts_of(case: Case) -> list[Doubt]:
    """Return what keeps the verdict of a configuration open, or may change it."""
    hindered = [*_failed(case), *_few_seeds(case)]
    doubts = [*hindered, *_unfinished(case)]
    awaiting: list[str] = []
    # What is open of networks that still learn is no matter of seeds.
    if not hindered and not case.falls:
        awaiting = awaited(case.states, case.asked)
        doubts += [_open(case, name) for name in awaiting]
    untested = _untested(case)
    only = case.asked == (REPRESENTATION,)
    needed = [name for name in untested if only or not name.startswith(REPRESENTATION)]
    if case.verdict == UNDECIDED and not doubts and not needed:
        states = ", ".join(f"{name} {claim.state}" for name, claim in case.claims.items())
        doubts.append(Doubt(f"no verdict follows from the claims ({states})", ""))
    return [*doubts, *untested.values(), *_few_for_latents(case), *_also_open(case, awaiting)]


def _failed(case: Case) -> list[Doubt]:
    """Return that fits have failed, if some have."""
    obstacle = case.obstacle
    return [] if obstacle is None else [Doubt(obstacle, _sentence(obstacle))]


class Family(NamedTuple):
    """Things that are tested together, which seeds have to be enough for.

    Attributes
    ----------
    noun : str
        What they are.
    n_tests : int
        How many.
    smallest : float
        The smallest p-value that is possible.
    needed : int or None
        Seeds that can reach alpha; None if no number can.
    """

    noun: str
    n_tests: int
    smallest: float
    needed: int | None


def families_of(case: Case) -> list[Family]:
    """Return the configurations, and the latents if there are more of these."""
    alpha, correction, n_flips = (case.run[name] for name in ("alpha", "correction", "n_flips"))
    sizes = {"configuration": case.n_configurations}
    if len(case.latents) > case.n_configurations:
        sizes["latent"] = len(case.latents)
    found = []
    for noun, n_tests in sizes.items():
        try:
            needed = seeds_needed(alpha, n_tests, correction)
        except ValueError:
            needed = None
        smallest = smallest_p_value(case.n_seeds, n_tests, correction, n_flips)
        found.append(Family(noun, n_tests, smallest, needed))
    return found


def _few_seeds(case: Case) -> list[Doubt]:
    """Return that nothing can be decided, if there are too few seeds or sign flips for it."""
    family = families_of(case)[0]
    if case.n_seeds == 1:
        short = "one seed does not say how seeds differ"
        if case.given:
            short = (
                "what one network shows is its own: whether others, trained from other initial "
                "weights, would show it, one network cannot say"
            )
        remedy = _run_at_least(case, 2) if case.units is not None else _at_least(case)
        return [Doubt(short, f"{_sentence(short)} {remedy}")]
    if case.units is not None or family.smallest <= case.run["alpha"]:
        return []
    return [_too_few(case, family)]


def _few_for_latents(case: Case) -> list[Doubt]:
    """Return that no latent can be shown to be represented, if seeds are enough for the others."""
    first, *of_latents = families_of(case)
    if case.n_seeds == 1 or case.units is not None or first.smallest > case.run["alpha"]:
        return []
    few = [family for family in of_latents if family.smallest > case.run["alpha"]]
    return [Doubt("", _too_few(case, family).remedy) for family in few]


def _too_few(case: Case, family: Family) -> Doubt:
    """Return that there are too few seeds or sign flips for a family of tests."""
    alpha, correction = case.run["alpha"], case.run["correction"]
    tests = f" for {family.n_tests} {family.noun}s" if family.n_tests > 1 else ""
    short = (
        f"{case.n_seeds} seeds are too few{tests}: no p-value can be below {family.smallest:.2g}, "
        f"and alpha is {alpha:g}"
    )
    if smallest_p_value(case.n_seeds, family.n_tests, correction) <= alpha:
        short = short.replace(f"{case.n_seeds} seeds", "random sign flips")
        return Doubt(short, f"{_sentence(short)} Pass n_flips=None, which takes all.")
    return Doubt(short, f"{_sentence(short)} {_at_least(case)}")


def _at_least(case: Case) -> str:
    """Return how many seeds are enough for configurations and latents."""
    try:
        n_tests = max(case.n_configurations, len(case.latents))
        needed = seeds_needed(case.run["alpha"], n_tests, case.run["correction"])
    except ValueError as error:
        return str(error)
    return _run_at_least(case, needed)


def _run_at_least(case: Case, needed: int) -> str:
    return f"Pass at least {needed} networks." if case.given else f"Run at least {needed} seeds."


def _unfinished(case: Case) -> list[Doubt]:
    """Return where training had not ended, and how many updates may end it."""
    if not case.falls:
        return []
    times = {place: times_needed(case, place) for place in case.falls}
    condition, mode = max(times, key=lambda place: times[place])
    fall, factor = case.falls[condition, mode], times[condition, mode]
    place = f"{condition_in_words(condition)}, {arm_in_words(mode)}"
    held_out = looks_at_held_out(case.cube, condition, mode)
    text = (
        "Training had not ended: over the last fifth of the updates "
        f"{loss_in_words(held_out)} fell by {in_digits(fall)[0]} nats per step ({place}), more "
        "than the margin. "
    )
    if case.verdict != UNDECIDED:
        return [
            Doubt(
                "",
                f"{text}The verdict would be the same: the best possible predictor is better by no "
                "more than the margin.",
            )
        ]
    if not held_out and case.gap > max(fall, case.run["margin"]):
        stops = (
            "Set early_stopping=True on the model, which holds out some of the training sequences "
            "and stops when these are predicted no better; or take"
        )
        remedy = (
            f"In evaluation sequences the loss is {in_digits(case.gap)[0]} nats per step higher "
            "than in training: networks learn their training sequences by heart, and more updates "
            f"may do harm. {stops if case.of_model('early_stopping') is False else 'Take'} "
            "more sequences, or fewer hidden units, or a smaller lr"
        )
        return [Doubt("training had not ended", f"{text}{remedy}.")]
    if factor <= _MOST_TIMES:
        remedy = (
            "If each doubling of the updates makes that fall smaller by the factor by which the "
            f"last one did, it is within the margin after {factor:.1f} times as many "
            "updates at the earliest"
        )
    elif np.isfinite(factor):
        factor = _MOST_TIMES
        remedy = (
            f"That fall shrinks so slowly that {factor} times as many updates may not be enough; "
            "train for as long as that, or with a larger lr, and look again"
        )
    else:
        factor = 2
        remedy = "That fall does not shrink yet; train for twice as long, and look again"
    n_updates = case.of_model("max_steps")
    steps = "" if n_updates is None else f": max_steps={_round_up(factor * n_updates)}"
    return [Doubt("training had not ended", f"{text}{remedy}{steps}.")]


def times_needed(case: Case, place: tuple[str, str]) -> float:
    """Return how many times as many updates bring the fall of the loss to the margin.

    The fall at the end is compared with what it would have been, had training ended half way. That
    it goes on to shrink by the same factor with each doubling is exact for a power law.

    Parameters
    ----------
    case : Case
        The configuration.
    place : (str, str)
        Condition and mode.

    Returns
    -------
    float
        Infinity if it does not shrink, or not to a margin of zero.
    """
    arm = case.cube.sel(condition=place[0], mode=place[1])
    n_blocks = arm.sizes["block"]
    fall, before = (
        falls_of(arm.isel(block=slice(n))).mean("seed").item() for n in (n_blocks, n_blocks // 2)
    )
    margin = case.run["margin"]
    if not 0 < fall < before or margin == 0:
        return np.inf
    return 2 ** (np.log(margin / fall) / np.log(fall / before))


def _open(case: Case, name: str) -> Doubt:
    """Return that a claim is open, and how many seeds or recordings may decide it."""
    claim = case.claims[name]
    latent = name.partition(" ")[2]
    what = CLAIMS.get(
        name, f"its states tell more of {latent} than its untrained core and its last inputs do"
    )
    short = f"it is open whether {what}"
    effect = in_digits(claim.effect)[0]
    n, enough = units_needed(case, name)
    if np.isfinite(n):
        remedy = f"If its effect is as large as it looks ({effect}), {enough} would decide it"
        if _is_cut(case):
            remedy += ", cut at the same length and gap; more blocks of this one would not"
        remedy += "."
    else:
        _, low, high = in_digits(claim.effect, claim.low, claim.high)
        remedy = (
            f"Its effect ({effect}) is so near to the margin that {enough} may not decide "
            f"it; report its bounds ({low} to {high}) instead of a verdict."
        )
    return Doubt(short, f"{_sentence(short)} {remedy}")


def units_needed(case: Case, name: str) -> tuple[float, str]:
    """Return how many units decide an open claim, infinity if too many, and that in words."""
    claim, many, n_units = case.claims[name], "seeds", sum(case.units or ())
    if case.units is None:
        n = _seeds_needed(case, name, claim)
    else:
        many = case.recorded
        n = _recordings_needed(n_units, claim, abs(claim.effect - claim.margin))
    about, told = ("about ", n) if np.isfinite(n) else ("", _MOST)
    if _is_cut(case):
        # Blocks of the same data, cut finer, would be no more data.
        times = _round_up(10 * told / n_units) / 10
        return n, f"a recording {about}{times:g} times as long"
    return n, f"{about}{told:.0f} {many}"


def _is_cut(case: Case) -> bool:
    """Return whether units are blocks, of which a longer recording has more."""
    return case.units is not None and "recording" in case.run


def undecided_of(case: Case) -> dict[str, str]:
    """Return of each open claim how many seeds or recordings would do, in words; "" of one seed."""
    found = {}
    for name, claim in case.claims.items():
        if claim.state == OPEN and len(claim.values) == 1:
            found[name] = ""
        elif claim.state == OPEN:
            n, enough = units_needed(case, name)
            found[name] = f"{enough} {'would' if np.isfinite(n) else 'may not'} do"
    return found


def _also_open(case: Case, awaiting: Collection[str]) -> list[Doubt]:
    """Return the open claims that are not named yet, with how many seeds would decide them."""
    left = {name: enough for name, enough in undecided_of(case).items() if name not in awaiting}
    shown = [f"{name} ({enough})" for name, enough in left.items() if enough]
    if not shown:
        return []
    why = "Not decided"
    if case.falls:
        why += ", and to be looked at again when training has ended"
    elif case.verdict != UNDECIDED:
        why += ", though the verdict is the same without it"
    return [Doubt("", f"{why}: {', '.join(shown)}.")]


def _seeds_needed(case: Case, name: str, claim: Claim) -> float:
    """Return how many seeds decide a claim with power .8, if its effect is as it looks."""
    alpha, correction, n_tests = case.run["alpha"], case.run["correction"], case.n_configurations
    if name.startswith(REPRESENTATION):
        n_tests = max(n_tests, sum(each.startswith(REPRESENTATION) for each in case.claims))
    pilot = claim.values - claim.margin
    if spread_of(pilot) == 0:
        return seeds_needed(alpha, n_tests, correction)
    options = {"alpha": alpha, "n_tests": n_tests, "correction": correction, "max_seeds": _MOST}
    # They have not been enough.
    return max(required_seeds(pilot * np.sign(pilot.mean()), **options), len(pilot) + 1)


def _recordings_needed(n_units: int, claim: Claim, gap: float) -> float:
    """Return how many recordings decide a claim, if its effect is as it looks.

    Then the bound is at the margin: its distance shrinks with the root of their number.
    """
    bound = claim.low if claim.effect > claim.margin else claim.high
    n = np.ceil(n_units * (abs(claim.effect - bound) / gap) ** 2) if gap > 0 else np.inf
    return n if n <= _MOST else np.inf


def _untested(case: Case) -> dict[str, Doubt]:
    """Return what was not tested by claim, what the verdict would need first."""
    known = {name.partition(" ")[0] for name in case.claims}
    possible = {name: OPEN if s == UNTESTED else s for name, s in case.states.items()}
    needed = awaited(possible, case.asked) if case.verdict == UNDECIDED else ()
    modes = case.here.mode.values.tolist()
    doubts: dict[str, Doubt] = {}
    told: set[str] = set()
    for name, claim in case.claims.items():
        if claim.state == UNTESTED:
            doubts[name] = Doubt(f"{name} could not be tested", f"{name}: {UNDEFINED}.")
    for name in CLAIMS:
        if name not in known and name in (*case.asked, *needed) and possible[name] == OPEN:
            remedy = remedy_of(name, modes) if name in case.asked else f"add {name!r} to claims"
            short = f"whether {CLAIMS[name]} was not tested"
            # Once is enough.
            known_remedy, told = remedy in told, told | {remedy}
            text = "" if known_remedy else f"{_sentence(short)} To test it, {remedy}."
            doubts[name] = Doubt(short, text)
    return {name: doubts[name] for name in sorted(doubts, key=lambda name: name not in needed)}


def _sentence(clause: str) -> str:
    """Return a clause as a sentence."""
    return f"{clause[0].upper()}{clause[1:]}."


def _round_up(number: float) -> int:
    """Return a number with two digits, not below it."""
    unit = 10 ** max(int(np.log10(number)) - 1, 0)
    return int(np.ceil(number / unit)) * unit
