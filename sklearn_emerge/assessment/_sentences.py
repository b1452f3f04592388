"""What was found in one configuration, in sentences that follow from its numbers."""

from collections.abc import Iterable

import numpy as np

from ..inference._labelled import least_certain
from ..operators import log_error_ratio
from ._assembly import NOTHING_TO_GAIN
from ._case import Case
from ._claims import (
    DYNAMICS,
    FAILS,
    HOLDS,
    INAPPLICABLE,
    OPEN,
    REPRESENTATION,
    UNTESTED,
    Claim,
    nulls_of_order,
)
from ._flow import NO_TARGET, best_is_known, flow_ratios, leaves_room, target_in
from ._left_alone import final_errors
from ._next import doubts_of
from ._verdict import UNDECIDED, UNDEFINED
from ._words import (
    SMALLEST,
    baseline_in_words,
    condition_in_words,
    count,
    has_own_baselines,
    in_digits,
    is_any_size,
    listed,
    reservoir_in_words,
)

_OUTCOMES = {HOLDS: "holds", FAILS: "fails", OPEN: "is open", UNTESTED: "was not tested"}
_THAT = {
    "prediction": "that it predicts better than {best}",
    "core": "that it predicts better than its untrained core",
    "order": "that its gain is by {what}",
    "memory": "that it uses its memory",
    DYNAMICS: "that it goes on as its world does when it is left alone",
}
# Of each claim what is said of its effect, and the words for one above and one below zero.
_EFFECTS = {
    "gain": ("the trained network predicts {} than {reference}, {rank}", "better", "worse"),
    "prediction": ("it predicts {} than {best}, the best of all baselines", "better", "worse"),
    "core": ("it predicts {} than its untrained core", "better", "worse"),
    "order": (
        "its gain over {best}, or 0 where it loses, is {} than in the null with {nulls}",
        "larger",
        "smaller",
    ),
    "memory": (
        "with the memory of another sequence, or with none, whichever costs less, it predicts {}",
        "worse",
        "better",
    ),
    DYNAMICS: (
        "left alone, its error is {} than {nearest}, the nearest of {n_asked} that it is compared "
        "with",
        "smaller",
        "larger",
    ),
    "reservoir": ("its untrained core predicts {} than {reference}", "better", "worse"),
    REPRESENTATION: (
        "it is decoded {} from the trained states than from {others}",
        "better",
        "worse",
    ),
}


def verdict_sentence(case: Case) -> str:
    """Return the verdict of a configuration as a sentence."""
    built = case.verdict.removesuffix(f"+{REPRESENTATION}")
    best = f"{case.best}, the best of all baselines"
    reference = f"{case.reference}, {case.rank}"
    if built == UNDECIDED:
        return f"Undecided: {doubts_of(case)[0].short}."
    if built == REPRESENTATION:
        clauses = [f"Representation: {_decoded(case)}", _not_shown(case, ("prediction", "core"))]
        return f"{'; '.join(filter(None, clauses))}."
    if built == "operator":
        said = (
            f"Operator: the trained network predicts better than {best}, and than its untrained "
            f"core, by {_by_what(case)} and with its memory; {_left_alone(case)}"
        )
    elif built == "prediction":
        asked = "order", "memory", DYNAMICS
        failed = FAILS in [case.states[name] for name in asked]
        operator = "but it is no operator" if failed else "and whether it is an operator is open"
        said = (
            f"Prediction: the trained network predicts better than {best}, and than its untrained "
            f"core, {operator}: {_not_shown(case, asked)}"
        )
    elif built == "reservoir":
        said = (
            f"Reservoir: the untrained core predicts better than {reference}, and the trained "
            "network not better than its untrained core"
        )
        if case.states["prediction"] == FAILS:
            said += f", nor than {best}, by more than the margin"
    elif built == "none" and "gain" in case.claims:
        said = (
            "None: neither the trained network nor its untrained core predicts better than "
            f"{reference}"
        )
    elif built == "none":
        latents = listed(_latents(case, FAILS), "or")
        said = (
            f"None: {latents} can be decoded no better from the trained states than from the "
            "untrained core or the last inputs"
        )
    else:
        said = (
            f"Learned, but not beyond {case.best}: the trained network does not predict better "
            f"than that, the best of all baselines, by more than the margin, but better than "
            f"{reference}"
        )
    return f"{said}." if built == case.verdict else f"{said}; and {_decoded(case)}."


def _left_alone(case: Case) -> str:
    """Return what an operator does when it is left alone."""
    if case.states[DYNAMICS] == INAPPLICABLE:
        return "whether it follows the law of its world was not asked"
    if target_in(case.here) == "continuation":
        return (
            "left alone, it goes on nearer to what was held out than linear predictors do, which "
            "does not show that it has the law behind it"
        )
    return "left alone, it goes on as its world does"


def _by_what(case: Case) -> str:
    """Return what nulls have lost: in tasks, and if it is all, which inputs belong to what."""
    by_inputs = case.is_task or case.nulls == ["exchange"]
    return "what its inputs tell" if by_inputs else "the order in time"


def _latents(case: Case, state: str) -> list[str]:
    """Return the latents whose representation has a state."""
    return [
        name.partition(" ")[2]
        for name, claim in case.claims.items()
        if name.startswith(REPRESENTATION) and claim.state == state
    ]


def _decoded(case: Case) -> str:
    return (
        f"{listed(_latents(case, HOLDS))} can be decoded better from its states than from its "
        "untrained core and from the last inputs"
    )


def _not_shown(case: Case, names: Iterable[str]) -> str:
    """Return which claims do not hold, and why."""
    return ", and ".join(
        f"{_THAT[name].format(best=case.best, what=_by_what(case))} {_OUTCOMES[case.states[name]]}"
        for name in names
        if case.states[name] not in (HOLDS, INAPPLICABLE)
    )


def claim_sentences(case: Case) -> list[tuple[str, str]]:
    """Return of each claim its state and what was found of it."""
    return [(claim.state, f"{_found(case, name, claim)}.") for name, claim in case.claims.items()]


def _found(case: Case, name: str, claim: Claim) -> str:
    """Return what was found of one claim."""
    kind, _, latent = name.partition(" ")
    title = f"Representation of {latent}" if latent else name.capitalize()
    if claim.state == UNTESTED:
        return f"{title}: {UNDEFINED}"
    words = {"reference": case.reference, "rank": case.rank, "best": case.best}
    if kind == "order":
        words["nulls"] = listed(map(condition_in_words, nulls_of_order(case.nulls)), "or")
        if (claim.values == 0).all():
            return (
                f"{title}: over {case.best} nothing is gained that could be by {_by_what(case)}, "
                f"neither in the world nor in the null with {words['nulls']}"
            )
    if kind == DYNAMICS:
        if not leaves_room(case.cube).item():
            return (
                f"{title}: left alone, a linear predictor goes on as well as the best possible "
                "one, so that no network can show more"
            )
        words |= _nearest(case)
    if latent:
        words["others"] = _not_trained(case, latent)
    text, more, less = _EFFECTS[kind]
    unit = f"of {case.score_name(latent)}" if latent else "nats per step"
    unit = "in its logarithm" if kind == DYNAMICS else unit
    word, amount = _amount(claim, more, less, unit)
    n_above = (claim.values > claim.margin).sum()
    said = (
        f"{title}: {text.format(word, **words)}: {amount}; {more} by more than the margin in "
        f"{n_above} of {count(len(claim.values), 'seed')}"
    )
    said += _corrected(case, kind, claim)
    return f"{said}. {_scores(case, latent)}" if latent else said


def _nearest(case: Case) -> dict[str, str]:
    """Return which of the errors asked for is nearest to that of networks left alone."""
    margin = case.run.get("operator_margin", 0.5)
    ratios = flow_ratios(case.cube, margin)
    least = list(ratios)[least_certain(ratios, case.run["n_flips"], case.units).item()]
    reservoir = baseline_in_words("echo_state", has_own_baselines(case.run))
    words = {
        "linear": "that of the best linear predictor",
        "readout": "that of its untrained core",
        "reservoir": f"that of {reservoir}",
    }
    if margin and best_is_known(case.cube).item():
        share = "half way" if margin == 0.5 else f"{margin:.0%} of the way, in squared error,"
        words["linear"] = f"one {share} from the best linear predictor to the best possible one"
    trained = f"that of a network trained in the null with {condition_in_words(least)}"
    return {"nearest": words.get(least, trained), "n_asked": str(len(ratios))}


def _amount(claim: Claim, more: str, less: str, unit: str) -> tuple[str, str]:
    """Return the word for an effect, and its size with bounds."""
    numbers = claim.effect, claim.low, claim.high
    effect, low, high = in_digits(*numbers)
    same = f"no {more} and no {less}"
    if max(map(abs, numbers)) < SMALLEST / 2:
        return same, f"less than {SMALLEST} {unit}, bounds included"
    bounds = f"bounds: {low} to {high}"
    if not np.isfinite(numbers).all():
        bounds = "seeds are too few for bounds"
    word = same if float(effect) == 0 else more if claim.effect > 0 else less
    return word, f"{effect} {unit} ({bounds})"


def _not_trained(case: Case, latent: str) -> str:
    """Return what the trained states are compared with."""
    both = "the last inputs" in case.scores(latent)
    return f"the untrained ones{' or the last inputs, whichever is better' if both else ''}"


def _corrected(case: Case, kind: str, claim: Claim) -> str:
    """Return that bounds alone would decide what is open after a correction, if they would."""
    few = case.units is None and case.smallest_p_value > case.run["alpha"]
    if few or claim.state != OPEN or claim.low <= claim.margin <= claim.high:
        return ""
    families = [f"{case.n_configurations} configurations"] if case.n_configurations > 1 else []
    n_latents = sum(name.startswith(REPRESENTATION) for name in case.claims)
    families += [f"{n_latents} latents"] if kind == REPRESENTATION and n_latents > 1 else []
    if not families:
        return ""
    return f"; bounds alone would decide, but not when corrected for {listed(families)}"


def _scores(case: Case, latent: str) -> str:
    """Return how well a latent is decoded from what."""
    scores = case.scores(latent)
    shown = [f"{score:.3f} from {states}" for states, (score, _) in scores.items()]
    said = f"{case.score_name(latent)}: {listed(shown)}"
    by_chance = [max(control, 0) for _, control in scores.values()]
    if max(by_chance) < 0.0005:
        return said
    less = listed([f"{control:.3f}" for control in by_chance])
    return f"{said}; of these, {less} could be had from other sequences, and do not count"


def worth_sentences(case: Case) -> list[str]:
    """Return what the trained network is worth: in random units, and of what is possible."""
    if "full" not in case.here.mode or not np.isfinite(case.here.nll.sel(mode="full")).all():
        return []
    predict = _in_units(case, case.reservoir, "nll_reservoir", "predict", "predicts")
    alone = "go on alone", "goes on alone"
    go_on = _in_units(case, case.flow_reservoir, "flow_error_cores", *alone)
    return [*predict, *_of_possible(case), *_of_flow(case), *go_on, *_of_answers(case)]


def _in_units(
    case: Case, found: tuple[float, float, float], curves: str, do: str, does: str
) -> list[str]:
    """Return how large a random core would have to be to do something as well as the network."""
    size, low, high = found
    if np.isnan(size):
        return []
    sizes, own = case.here.n_units.values, case.of_model("hidden_size")
    curve = case.here[curves]
    others = set(curve.dims) - {"seed"}
    between, n_seeds = "", int(curve.notnull().any(others).sum())
    unknown = is_any_size(low, high)
    if not np.isnan(low):
        least, most = (reservoir_in_words(end, sizes) for end in (low, high))
        ends = least if least == most else f"{least} to {most}"
        over = f" over {count(n_seeds, 'seed')}" if n_seeds < case.n_seeds else ""
        # Over seeds some sizes may do, of which none does on average.
        of_what = " of the units that are needed" if np.isinf(size) and not unknown else ""
        between = f" ({100 * (1 - case.run['alpha']):g}% interval{of_what}{over}: {ends})"
    if unknown:
        said = f"How many units a random core needs to {do} as well cannot be told"
    elif size == 0:
        said = (
            f"A random core of {sizes[0]} units, the smallest that was tried, {does} better on "
            "average"
        )
    elif np.isinf(size):
        said = f"No random core that was tried, up to {sizes[-1]} units, {does} as well on average"
    else:
        said = f"A random core needs about {size:.0f} units to {do} as well"
    return [f"{said}{between}{'' if own is None else f'; the network has {own}'}."]


def _of_possible(case: Case) -> list[str]:
    """Return the share of what the best possible predictor gains, where that is known."""
    ceiling = case.here.ceiling.item()
    if ceiling != "exact":
        known = "known only from below" if ceiling == "bound" else "not known"
        return [
            f"What the best possible predictor would gain is {known} here, so that no share of it "
            "is given."
        ]
    means = case.here[["nll_reference", "nll_best_baseline", "nll_optimal"]].mean("seed")
    nll = case.here.nll.sel(mode="full").mean("seed").item()
    sentences = []
    starts = {case.reference: means.nll_reference, case.best: means.nll_best_baseline}
    for name, start in starts.items():
        possible, gained = (start - means.nll_optimal).item(), start.item() - nll
        if possible <= NOTHING_TO_GAIN:
            said = (
                f"Over {name} the best possible predictor gains no more than {NOTHING_TO_GAIN:g} "
                "nats per step"
            )
        else:
            share = "none" if gained <= 0 else _percent(gained / possible)
            if gained > possible:
                share = "all, and a little more by chance"
            said = (
                f"Of the {in_digits(possible)[0]} nats per step that the best possible predictor "
                f"gains over {name}, the network gains {share}"
            )
        sentences.append(f"{said}.")
    return sentences


def _of_flow(case: Case) -> list[str]:
    """Return how far a network comes that is left alone, compared with linear predictors."""
    if "flow_error_linear" not in case.here or target_in(case.here) == NO_TARGET:
        return []
    errors = case.here.flow_error.sel(mode="full")
    n_steps = int(errors.horizon.where(errors.notnull().any(("seed", "prompt"))).max())
    alone = f"Left alone for {count(n_steps, 'step')}"
    skill = case.here.get("operator_skill")
    if skill is not None and skill.sel(mode="full").notnull().all():
        mean = skill.sel(mode="full").mean().item()
        share = "nothing" if mean <= 0 else _percent(min(mean, 1.0))
        return [
            f"{alone}, it closes {share} of the gap in squared error between the best linear "
            "predictor and the best possible one."
        ]
    own, linear = (final_errors(each) for each in (errors, case.here.flow_error_linear))
    # As the claim: one that explodes does not count for all.
    ratio = np.exp(-log_error_ratio(own, linear).mean()).item()
    if not 0 < ratio < np.inf:
        return []
    if ratio >= 10:
        return [f"{alone}, its error is {ratio:.2g} times that of the best linear predictor."]
    word = "smaller" if ratio <= 1 else "larger"
    share = f"{abs(ratio - 1):.0%}"
    return [f"{alone}, its error is {share} {word} than that of the best linear predictor."]


def _of_answers(case: Case) -> list[str]:
    """Return how many answers of a task are right, if they can be."""
    shares = [
        f"{'more than 99.9%' if 0.9995 <= share < 1 else f'{share:.1%}'} by {who}"
        for who, share in case.accuracy.items()
    ]
    return [f"Answers that are right: {listed(shares)}."] if shares else []


def _percent(share: float) -> str:
    """Return a share; what is nearly all is not rounded to all."""
    return f"{share:.1%}" if 0.99 <= share < 1 else f"{share:.0%}"


def apart_sentences(case: Case) -> list[str]:
    """Return which networks stand apart from the others, if some do."""
    apart = case.apart
    if not apart.any():
        return []
    gains = case.here.delta_nll.sel(mode="full").values
    low, high = in_digits(gains[~apart].min(), gains[~apart].max())
    seeds = case.here.seed.values[apart]
    pairs = zip(seeds, gains[apart], strict=True)
    shown = listed([f"{seed} ({in_digits(gain)[0]})" for seed, gain in pairs])
    noun, verb = ("seed", "stands") if len(seeds) == 1 else ("seeds", "stand")
    return [
        f"{len(seeds)} of {len(apart)} networks {verb} apart, which means over seeds do not show: "
        f"the gain over {case.reference} of {noun} {shown} is far from that of the others "
        f"({low} to {high})."
    ]


def _recording_sentence(case: Case) -> str:
    """Return how one recording was cut, after a space; nothing of several."""
    return f" They come from {case.run['recording']}." if "recording" in case.run else ""


def basis_sentence(case: Case) -> str:
    """Return what the bounds are about: fresh data, the same data, or recordings."""
    seeds = count(case.n_seeds, "seed")
    if case.given:
        seeds = f"{count(case.n_seeds, 'given network')}, one a seed"
    if case.units is not None:
        n_train, n_held_out = case.units
        fitted = "heads are fitted to" if case.given else "networks are trained on"
        return (
            f"The verdict is about {n_train + n_held_out} {case.recorded}: in each of "
            f"{case.n_seeds} seeds {fitted} about {n_train} of them and evaluated "
            f"on {n_held_out}, and bounds are corrected for what seeds share."
            f"{_recording_sentence(case)}"
        )
    if case.run["shared_data"]:
        return (
            f"{seeds}, on the same sequences: the verdict is about these sequences, and on others "
            "it may be another."
        )
    if case.given:
        return (
            f"{seeds}, each on sequences of its own; untrained twins are fresh networks of its "
            f"kind{', and so is what was trained in nulls' if case.nulls else ''}."
        )
    own = (
        "sequences, initial weights and order of batches"
        if case.trained
        else ("sequences and initial weights")
    )
    return f"{seeds}, each with {own} of its own."
