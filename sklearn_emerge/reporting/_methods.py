"""A paragraph on methods, ready to paste: every number and name in it is from the cube."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..assessment._claims import REPRESENTATION
from ..assessment._labels import STRUCTURED
from ..assessment._words import (
    ARM_STATES,
    NULLS,
    baseline_in_words,
    count,
    has_own_baselines,
    listed,
)
from ..inference import smallest_p_value
from ..inference._sign_flips import MAX_AUTO
from ._facts import plain, setting
from ._references import CORRECTIONS

if TYPE_CHECKING:
    import xarray as xr

    from ._facts import Facts

_LIKELIHOODS = {
    "gaussian": "Gaussian",
    "bernoulli": "Bernoulli",
    "categorical": "categorical",
    "poisson": "Poisson",
    "negative_binomial": "negative binomial",
    "student_t": "Student's t",
    "auto": "",
}
_SCORES = {"R2": "R² for quantities", "D2": "D² for classes"}
_INTERVALS = {"student": "Student's", "bootstrap": "bootstrap intervals"}
_CLOSED_FORM = "penalised regression, the penalty chosen by cross-validation over sequences"


def write_methods(facts: Facts) -> str:
    """Return the paragraph.

    Parameters
    ----------
    facts : Facts
        The cube.

    Returns
    -------
    str
    """
    parts = (
        _networks(facts),
        _data(facts),
        _training(facts),
        _twins(facts),
        _nulls(facts),
        _losses(facts),
        _alternatives(facts),
        _memory(facts),
        _probes(facts),
        _reservoirs(facts),
        _tests(facts),
        _verdict(facts),
    )
    return " ".join(part for part in parts if part)


def _networks(facts: Facts) -> str:
    model = facts.run["model"]
    counted = np.unique(facts.cube.n_parameters.values) if "n_parameters" in facts.cube else ()
    sizes = [int(size) for size in counted if size]
    weights = ""
    if sizes:
        weights = f" ({' to '.join(f'{size:,}' for size in sorted({sizes[0], sizes[-1]}))} weights)"
    varied = [
        f"{name} ({listed(map(str, values))})"
        for name, values in facts.grid.items()
        if len(values) > 1
    ]
    grid = f" Varied were {listed(varied)}." if varied else ""
    units = facts.values_of("hidden_size")
    has_size = "hidden_size" in model and len(units) == 1
    size = f" of {count(units[0], 'hidden unit')}" if has_size else ""
    what = "What training adds to a" if facts.trained == "all weights" else "An untrained"
    return (
        f"{what} {model['type']}{size}{weights} that predicts the next step of sequences of "
        f"{_world(facts)} was assessed with {facts.cube.attrs['source']}.{grid}"
    )


def _world(facts: Facts) -> str:
    """Return the world, with the parameters that are the same in all configurations."""
    name = facts.run["world"]["type"]
    # Of recordings there would be their shape alone, which the data tells.
    if facts.recorded:
        return name
    known = {key: value for key, value in facts.run["world"].items() if key != "type"}
    for key, values in facts.grid.items():
        if not key.startswith("world__"):
            continue
        parameter = key.removeprefix("world__")
        known.pop(parameter, None)
        if len(values) == 1:
            known[parameter] = values[0]
    return f"{name} ({', '.join(setting(*each) for each in known.items())})" if known else name


def _data(facts: Facts) -> str:
    n_train, n_eval = facts.run.get("n_sequences") or (
        facts.run["n_train"],
        facts.run["n_eval"],
    )
    sizes = "sequences"
    if n_train is not None and n_eval is not None:
        sizes = f"{n_train:,} sequences for training and {n_eval:,} for evaluation"
    if facts.n_seeds == 1:
        one, whole = "There was one replicate, of a single seed", facts.recorded
        how = f"which held out part of the {whole} ({sizes})" if whole else f"with {sizes}"
        return f"{one}, {how}."
    seeds, own = f"{facts.n_seeds} replicates (seeds)", f"{listed(facts.own)} of their own"
    if facts.run["shared_data"]:
        return f"There were {seeds} with {own} and the same {sizes}."
    if facts.recorded is not None:
        return (
            f"There were {seeds} with {own}, which held out {facts.recorded} in turn, in repeated "
            f"cross-validation ({sizes})."
        )
    return f"Each of {seeds} had {listed([sizes, *facts.own])} of its own."


def _n_train(facts: Facts) -> int | None:
    """Return how many sequences networks are trained on; None if that is not known."""
    return (facts.run.get("n_sequences") or (facts.run["n_train"],))[0]


def _training(facts: Facts) -> str:
    if "max_steps" not in facts.run["model"] or not facts.trained:
        return ""
    of_optimiser = [
        f"{text} {min(values[0], most):g}"
        for name, text, most in (
            ("lr", "step size", np.inf),
            ("batch_size", "batches of", _n_train(facts) or np.inf),
        )
        if len(values := facts.values_of(name)) == 1 and values[0] is not None
    ]
    if facts.values_of("lr_schedule") == ["cosine"]:
        of_optimiser.append("step size falling to 0 along a cosine")
    how = f" ({', '.join(of_optimiser)})" if of_optimiser else ""
    n_updates, stops = facts.values_of("max_steps"), facts.values_of("early_stopping")
    updates = f" for {n_updates[0]:,} updates" if len(n_updates) == 1 else ""
    early = " at most, until the loss on held-out training sequences did not fall any more"
    if False in stops:
        early = f" (where early_stopping = True,{early})"
    early = early if True in stops else ""
    # Adam with a decay of the weights has a name of its own.
    optimisers = dict.fromkeys(
        "AdamW" if decay else "Adam" for decay in facts.values_of("weight_decay")
    )
    what = facts.trained.capitalize()
    if facts.given:
        what = "Networks were given, trained already, and stayed as they were; those of the nulls"
        if not facts.cases[0].nulls:
            return "Networks were given, trained already, and stayed as they were."
    elif facts.trained == "heads" and "exact" in facts.values_of("head"):
        what = "Where head = sgd, heads"
    return f"{what} were trained by {listed(optimisers, 'or')}{how}{updates}{early}."


def _twins(facts: Facts) -> str:
    trained, told = facts.trained == "all weights", []
    weights = "of its kind with fresh weights" if facts.given else "with the same initial weights"
    if "readout" in facts.modes:
        told.append(
            f"Each had an untrained twin {weights}, whose head alone was fitted."
            if trained
            else "Heads alone were fitted."
        )
    if "random" in facts.modes:
        if "readout" in facts.modes:
            twin = "A further twin" if trained else "A twin of each"
            told.append(f"{twin} had a head that was not fitted, either.")
        elif trained:
            told.append(f"Each had an untrained twin {weights}, head and all.")
        else:
            told.append("Heads were not fitted, either.")
    if "scrambled" in facts.modes:
        which = "In further copies the" if "full" in facts.modes else "The"
        told.append(f"{which} recurrent weights were permuted after training.")
    return " ".join([*told, *_heads(facts)])


def _heads(facts: Facts) -> Iterator[str]:
    """Yield how heads were fitted."""
    found = facts.values_of("head")
    fitted = set(facts.modes) - {"random"}
    kept = facts.run.get("given_heads", 0)
    if kept and fitted - {"readout"}:
        which = "" if kept == facts.n_seeds else f" {kept} of"
        yield f"The heads of{which} the given networks stayed as they were, too."
        if kept == facts.n_seeds and "readout" not in fitted and not facts.cases[0].nulls:
            return
        if found == ["exact"]:
            yield f"Other heads were fitted in closed form ({_CLOSED_FORM})."
            return
    if not fitted:
        return
    if facts.trained != "all weights":
        alike, along = "", ""
    elif "readout" in fitted:
        alike = " to trained and untrained networks alike"
        along = " with all other weights, or alone in untrained twins"
    else:
        alike, along = " after training", " with all other weights"
    how = {
        "exact": f"eads were fitted in closed form{alike} ({_CLOSED_FORM}).",
        "sgd": f"eads were trained by gradient descent{along}.",
    }
    if facts.trained == "heads":
        # Of which the optimiser has been named.
        del how["sgd"]
    for head in found:
        if head in how:
            yield f"{'H' if len(found) == 1 else f'Where head = {head}, h'}{how[head]}"


def _nulls(facts: Facts) -> str:
    nulls = facts.cases[0].nulls
    if not nulls:
        return ""
    told = [f"{name} ({NULLS[name].line})" if name in NULLS else name for name in nulls]
    noun = "a null" if len(nulls) == 1 else "nulls"
    return f"The same was done in {noun} of the world: {listed(told)}."


def _losses(facts: Facts) -> str:
    names = [_LIKELIHOODS.get(name, "") for name in facts.values_of("likelihood")]
    under = f" under a {listed(names, 'or')} likelihood" if all(names) else ""
    return (
        "Losses are negative log-likelihoods of the next step in nats per step on the evaluation "
        f"sequences{under}; a gain is the loss of a baseline minus that of a network."
        f"{_noise(facts)}"
    )


def _noise(facts: Facts) -> str:
    """Return how wide the density of quantities is, as a sentence; "" of others."""
    said = facts.run.get("noise", [])
    numbers = [plain(noise) for noise in said if noise != "estimate"]
    estimated = (
        "the root mean square error of each predictor on training sequences (those that were left "
        "out, where a head or filter was fitted by penalised regression)"
    )
    how = [f"given ({listed(numbers, 'or')})"] if numbers else []
    how += [f"estimated, as {estimated}"] if len(numbers) < len(said) else []
    return f" The standard deviation of the noise was {listed(how, 'or')}." if how else ""


def _alternatives(facts: Facts) -> str:
    names = facts.cube.baseline.values.tolist()
    here = facts.cube.sel(condition=STRUCTURED)
    own = has_own_baselines(facts.run)
    reference, best = _chosen(here.reference, own), _chosen(here.best_baseline, own)
    words = dict.fromkeys(baseline_in_words(name, own) for name in names)
    compared = f"Networks were compared with {count(len(names), 'alternative')}: {listed(words)}."
    if len(names) == 1:
        return compared
    by_loss = "chosen by their loss on training sequences that they had not been fitted to."
    given = facts.run["reference"]
    given = [given] if isinstance(given, str) else given
    if len(given) == 1 and given[0] in names:
        return f"{compared} The reference was {reference}; the best of all ({best}) was " + (
            by_loss.replace("their", "its").replace("they", "it")
        )
    return f"{compared} The reference ({reference}) and the best of all ({best}) were {by_loss}"


def _chosen(names: xr.DataArray, own: bool) -> str:
    """Return which baselines were chosen in the configurations."""
    found = dict.fromkeys(baseline_in_words(name, own) for name in names.values.flat)
    return listed(found, "or")


def _memory(facts: Facts) -> str:
    if "state_exchange" not in facts.cube:
        return ""
    return (
        "What a network owes to its memory was measured by predicting from the state of another "
        "sequence with the nearest last input, and from a state that was reset before the last "
        "input; the smaller rise of the loss counts."
    )


def _probes(facts: Facts) -> str:
    if not facts.latents:
        return ""
    n_probe = facts.run["n_probe"]
    kind = "linear probes" if facts.run["probe"] == "auto" else "a probe of our own"
    noun = "latent" if len(facts.latents) == 1 else "latents"
    were = "was" if len(facts.latents) == 1 else "were"
    names = listed(map(str, facts.latents))
    # Those without names of their own are called latents already.
    what = names if names.startswith("latent") else f"The {noun} {names}"
    what = what[0].upper() + what[1:]
    window = "probe_score_window" in facts.cube
    inputs = " and from the last inputs, one or as many as there are units" if window else ""
    states = dict.fromkeys(ARM_STATES.get(m, m).removesuffix(" states") for m in facts.modes)
    used = {case.score_name(latent) for case in facts.cases for latent in facts.latents}
    scores = listed([text for name, text in _SCORES.items() if name in used])
    return (
        f"{what} {were} decoded by {kind} from "
        f"{listed(states)} hidden states{inputs} on {n_probe:,} evaluation sequences at most, "
        f"cross-validated with whole sequences left out ({scores}); what could be decoded from "
        "those of other sequences was subtracted from each where it was above 0."
    )


def _reservoirs(facts: Facts) -> str:
    if "nll_reservoir" not in facts.cube:
        return ""
    sizes, fitted = facts.cube.n_units.values, facts.cases[0].here.nll_reservoir.notnull()
    n_seeds = int(fitted.any("n_units").sum())
    return (
        "The equivalent reservoir size is the number of units at which a tuned random core with a "
        f"head in closed form predicts as well ({sizes.min():,} to {sizes.max():,} units were "
        f"tried in {count(n_seeds, 'seed')})."
    )


def _intervals(facts: Facts) -> str:
    if facts.recorded:
        return "those of Nadeau and Bengio, too"
    return _INTERVALS[facts.run["interval"]]


def _level(facts: Facts) -> str:
    return f"{100 * (1 - facts.run['alpha']):g}%"


def tell_intervals(facts: Facts) -> str:
    """Return which intervals figures have, and how they differ from the bounds of claims."""
    if not facts.tested:
        return ""
    return (
        f"Intervals in figures have two sides ({_intervals(facts).removesuffix(', too')}, of "
        f"{_level(facts)} coverage). Bounds of claims, in sentences and tables, have one side, "
        f"each with a confidence of {_level(facts)}, as the tests have; they are other numbers."
    )


def _tests(facts: Facts) -> str:
    options, n_seeds = facts.run, facts.n_seeds
    corrects = options["correction"] is not None and facts.families
    if not facts.tested:
        return "With one seed there were neither tests nor intervals, and no claim was decided."
    if facts.recorded:
        test = (
            "the corrected resampled t-test of Nadeau and Bengio, because seeds share "
            f"{facts.recorded}"
        )
    else:
        n_flips = options["n_flips"]
        drawn = n_flips is not None or n_seeds > MAX_AUTO
        flips = f"{n_flips or 99_999:,} random" if drawn else f"all {2**n_seeds:,}"
        smallest = smallest_p_value(n_seeds, 1, None, n_flips)
        before = " before correction" if corrects else ""
        test = (
            f"sign-flip tests with {flips} patterns (smallest possible p-value "
            f"{smallest:.2g}{before})"
        )
    intervals = f"Intervals of gains are {_intervals(facts)}, of {_level(facts)} coverage."
    if not facts.cube.sizes["claim"]:
        return f"There was no claim that could be tested. {intervals}"
    names = [n for n in facts.cube.claim.values.tolist() if not n.startswith(REPRESENTATION)]
    margins = f"{options['margin']:g} nats per step" if names else ""
    if len(names) < facts.cube.sizes["claim"]:
        probes = f"{options['probe_margin']:g} of a probe score"
        margins = f"{margins} or {probes}" if margins else probes
    corrected = ""
    if corrects:
        families = listed(count(n, noun) for noun, n in facts.families.items())
        method, _ = CORRECTIONS[options["correction"]]
        corrected = f", corrected over {families} by the method of {method}"
    return (
        f"Each claim is a difference a seed and was tested over seeds by {test}: it holds where "
        f"the difference is significantly above a margin of {margins}, fails where it is "
        f"significantly below it, and is open otherwise (one-sided, alpha = {options['alpha']:g}"
        f"{corrected}). {intervals}"
    )


def _verdict(facts: Facts) -> str:
    if "training_loss" not in facts.cube:
        return ""
    falls = (
        "the mean training loss fell by no more than the margin from the last but one fifth of the "
        "updates to the last"
    )
    if "validation_loss" in facts.cube:
        held_out = (
            "the lowest loss on held-out training sequences fell by no more than the margin over "
            "the last fifth of the updates, in the mean over seeds, of which those that had "
            "stopped early count 0"
        )
        both = f"{falls}; where early_stopping = True, {held_out}"
        falls = both if False in facts.values_of("early_stopping") else held_out
    return f"Training counts as ended where {falls}."
