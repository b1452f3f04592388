"""The values of docs/templates/anatomy.md, on *The Geometric Anatomy of Capability Emergence*."""

import json
from inspect import signature
from itertools import combinations, permutations

import numpy as np
import pandas as pd

from sklearn_emerge import (
    AlgorithmicWorld,
    CollapseFloorDisplay,
    EmergenceMapDisplay,
    EventTrajectoryDisplay,
    LayerProfileDisplay,
    LeadsDisplay,
    emergence_step,
)
from sklearn_emerge.geometry import (
    collapse_floor,
    concordance,
    count_leads,
    departure_step,
    layer_order,
    leads,
    local_learning_coefficient,
    precursor_test,
    prediction_beyond_loss,
    rankme_of_noise,
)
from sklearn_emerge.geometry._reasons import REASONS

_TRAINED = {"condition": "structured", "mode": "full"}
# Classes of the source.
CLASSES = {"easy": ["COPY", "REV", "CMP", "PAR"], "hard": ["ADD", "MOD", "SORT", "MUL"]}
# A tenth of the way from the best blind guess to all answers, or to none of its loss.
_LEVEL = 0.1
_MEASURES = {"rankme": "RankMe", "participation_ratio": "participation ratio"}
_OF_EMERGED = ("early", "synchronous", "late", "missed")
_SHARE = ("share", "low", "high", "p_value")
_LOSS = {
    "gradients": "rank of gradients",
    "curvature": "top eigenvalue",
    "trace": "trace",
    "coefficient": "learning coefficient",
}


def blocks_of(cube):
    """Return the names of the layers that are outputs of blocks, from the first to the last."""
    return [name for name in cube.layer.values.tolist() if name.endswith("output")]


def settings(cube):
    """Return what the page says of a run, from the configuration of its cube."""
    configuration = json.loads(cube.attrs["configuration"])
    model = configuration["model"]
    return {
        "n_rows": configuration["measures"]["states"]["keywords"]["n_rows"],
        "n_layers": model["n_layers"],
        "n_units": model["hidden_size"],
        "n_updates": model["max_steps"],
        "n_parameters": int(cube.n_parameters.values.ravel()[0]),
    }


def emergences(cube, condition="structured"):
    """Return the updates from which tasks are solved, by exact match and by gain."""
    answers = cube.answers_trajectory.sel(_TRAINED | {"condition": condition}, drop=True)
    world = AlgorithmicWorld(answers.task.values.tolist(), answers.level.values.tolist())
    guessed = world.chance.sel(score="exact_match", drop=True)
    exact = (answers.sel(score="exact_match", drop=True) - guessed) / (1 - guessed)
    return {
        "exact match": emergence_step(exact, _LEVEL),
        "gain": emergence_step(answers.sel(score="gain", drop=True), _LEVEL),
    }


def states(cube, layer, condition="structured", of="rankme"):
    """Return how many directions the states of a layer have."""
    trained = cube.states_trajectory.sel(_TRAINED | {"condition": condition}, drop=True)
    return trained.sel(dimensionality=of, layer=layer)


def emergence_table(emerged):
    """Return medians over seeds, and of how many seeds, of each task and level."""
    rows = []
    for task in emerged["gain"].task.values.tolist():
        row = {"task": task}
        for behaviour, steps in emerged.items():
            for level in steps.level.values.tolist():
                row[f"{behaviour}, level {level}"] = _median(steps.sel(task=task, level=level))
        rows.append(row)
    return pd.DataFrame(rows)


def _median(steps):
    """Return the median over seeds in words; seeds that never saw it come last."""
    n = int(steps.notnull().sum())
    if n == 0:
        return "never"
    median = float(np.median(steps.fillna(np.inf)))
    words = f"{median:.0f}" if np.isfinite(median) else "later"
    return words if n == steps.size else f"{words} ({n} of {steps.size})"


def floor_table(found):
    """Return floors by task and level, means over seeds with their intervals."""
    rows = []
    for task in found.task.values.tolist():
        row = {"task": task}
        for level in found.level.values.tolist():
            own = found.sel(task=task, level=level)
            row[f"level {level}"] = f"{own['mean']:.1f} ({own.low:.1f} to {own.high:.1f})"
        rows.append(row)
    return pd.DataFrame(rows)


def share_of(which):
    """Return of how many task-levels and runs something holds, in words."""
    return f"{int(which.sum())} of {which.size}"


def collapse(cube, layer):
    """Return in how many task-levels and runs RankMe is lowest within 200 updates, by world."""
    lowest = {}
    for condition in cube.condition.values.tolist():
        measure = states(cube, layer, condition)
        lowest[condition] = share_of(measure.step[measure.argmin("step")] <= 200)
    return lowest


def loss_table(cube):
    """Return what was measured of the loss: means over seeds, and the share that is trusted."""
    rows = []
    for condition in cube.condition.values.tolist():
        trained = cube.sel(_TRAINED | {"condition": condition})
        for step in trained.curvature_trajectory.dropna("step", how="all").step.values.tolist():
            row = {"world": condition, "update": step}
            for name, words in _LOSS.items():
                one = trained[f"{name}_trajectory"].sel(step=step)
                by_seed = one.sel(estimate="value")
                by_seed = by_seed.mean([dim for dim in by_seed.dims if dim != "seed"])
                trusted = float(one.sel(estimate="trusted").mean())
                row[words] = f"{by_seed.mean():.3g} ± {by_seed.std(ddof=1):.2g} ({trusted:.0%})"
            rows.append(row)
    return pd.DataFrame(rows)


def of_reason(cube, kind):
    """Return which learning coefficients are not to be trusted for a reason; its number is a bit."""
    reasons = cube.coefficient_trajectory.sel(estimate="reasons").dropna("step", how="all")
    return reasons.astype(int) // 2 ** list(REASONS).index(kind) % 2


def departures(cube, layer, condition="structured"):
    """Return the updates from which measures of states stay above their minimum, by name."""
    return {
        words: departure_step(states(cube, layer, condition, of)) for of, words in _MEASURES.items()
    }


def hard(found):
    """Return the part of the hard tasks."""
    return found.sel(task=[task for task in found.task.values if task in CLASSES["hard"]])


def lead_counts(departed, emerged, steps):
    """Return by behaviour, tasks and pairs how often RankMe leads."""
    counts = {}
    for behaviour in emerged:
        for of, part in {"hard": hard, "all": lambda found: found}.items():
            for pairs in ("own", "other"):
                steps_of = {behaviour: part(emerged[behaviour])}
                found = count_leads(leads(part(departed), steps_of, steps, pairs=pairs))
                counts[behaviour, of, pairs] = found.loc[behaviour]
    return counts


def lead_table(counts, behaviour):
    """Return how often RankMe leads a behaviour."""
    words = {"own": "the same task", "other": "another task"}
    return pd.DataFrame(
        [
            {
                "departure in": f"{of} tasks",
                "emergence of": words[pairs],
                "early": int(row["early"]),
                "of those that emerged": int(row[list(_OF_EMERGED)].sum()),
                "rate": f"{row['precursor_rate']:.0%}",
                "departed, never emerged": int(row["false alarm"]),
            }
            for (which, of, pairs), row in counts.items()
            if which == behaviour
        ]
    )


def p_words(p_value):
    """Return a p-value in as many digits as mean something."""
    return "< .001" if p_value < 0.001 else f"{p_value:.3f}"


def answers_table(tested):
    """Return the four answers of `precursor_test` with their intervals."""
    answers = tested.answers.reset_index()
    ends = zip(answers.effect, answers.low, answers.high, strict=True)
    answers["effect"] = [f"{e:.2f} ({a:.2f} to {b:.2f})" for e, a, b in ends]
    answers["p"] = answers.p_value.map(p_words)
    return answers[["behaviour", "answer", "effect", "p"]]


def concordance_table(floors, emerged):
    """Return whether a high floor goes with a late emergence, within classes and between."""
    parts = []
    for behaviour, steps in emerged.items():
        found = concordance(floors, steps, late_when="high", classes=CLASSES).reset_index()
        ends = zip(found.concordance, found.low, found.high, strict=True)
        found["concordance"] = [f"{c:.0%} ({a:.0%} to {b:.0%})" for c, a, b in ends]
        found["p"] = found.p_value.map(p_words)
        found.insert(0, "behaviour", behaviour)
        columns = ["behaviour", "class", "n_pairs", "concordance", "p", "p_value", "low", "high"]
        parts.append(found[columns])
    return pd.concat(parts).rename(columns={"n_pairs": "pairs"})


def below_half(ordered):
    """Return the rows of a table of concordance whose interval lies below a half."""
    return [row for _, row in ordered.iterrows() if row.high < 0.5]


def orders_as_far(shares, n_tasks=4):
    """Return of each share what part of the orders of tasks agree with a given one as little."""
    pairs = list(combinations(range(n_tasks), 2))
    agree = [np.mean([p[i] < p[j] for i, j in pairs]) for p in permutations(range(n_tasks))]
    far = np.abs(np.array(agree) - 0.5)
    return {share: float((far >= abs(share - 0.5)).mean()) for share in shares}


def prediction_table(cube, layer, emerged):
    """Return what RankMe predicts in other runs beyond the loss of the answers."""
    rankme = np.log(states(cube, layer))
    nll = cube.answers_trajectory.sel(_TRAINED, drop=True).sel(score="nll", drop=True)
    found = prediction_beyond_loss(rankme, nll, emerged["exact match"], at=[100, 200])
    ends = zip(found.gain, found.low, found.high, strict=True)
    return pd.DataFrame(
        {
            "update": found.index,
            "task-levels": found.n_task_levels,
            "R² of the loss": found.r2_nll.map("{:.2f}".format).values,
            "R² with RankMe": found.r2_both.map("{:.2f}".format).values,
            "gain": [f"{gain:.3f} ({low:.3f} to {high:.3f})" for gain, low, high in ends],
            "p": found.p_value.map(p_words).values,
        }
    )


def figures_of(cube, layer, run, emerged, departed, null_emerged, null_departed, folder):
    """Draw the figures of the page, and return their files by name."""
    folder.mkdir(exist_ok=True)
    answers = cube.answers_trajectory.sel(_TRAINED, drop=True)
    curves = {
        "exact match": answers.sel(score="exact_match", drop=True),
        "gain": answers.sel(score="gain", drop=True),
    }
    rankme = states(cube, layer)
    first = departed["RankMe"].rename("RankMe")
    drawn = {
        "map": EmergenceMapDisplay.from_events(
            emerged, cube.step, null_emergence=null_emerged, departure=first
        ),
        "floors": CollapseFloorDisplay.from_measure(
            rankme, n_rows=run["n_rows"], n_units=run["n_units"]
        ),
        "layers": LayerProfileDisplay.from_measure(
            cube.states_trajectory.sel(_TRAINED, drop=True).sel(dimensionality="rankme")
        ),
        "curves": EventTrajectoryDisplay.from_trajectories(
            curves, rankme, emergence=emerged, departure=first, task="ADD", level=1
        ),
        "leads": LeadsDisplay.from_events(
            first, emerged, cube.step, null_departure=null_departed["RankMe"].rename("RankMe")
        ),
    }
    for name, display in drawn.items():
        display.figure_.savefig(folder / f"anatomy-{name}.png", dpi=110)
    return {name: f"figures/anatomy-{name}.png" for name in drawn}


def anatomy_values(cube, folder):
    """Return the named values."""
    blocks, run = blocks_of(cube), settings(cube)
    last = blocks[-1]
    emerged, null_emerged = emergences(cube), emergences(cube, "permuted")
    departed, null_departed = departures(cube, last), departures(cube, last, "permuted")
    trained = cube.states_trajectory.sel(_TRAINED, drop=True).sel(
        dimensionality="rankme", drop=True
    )
    tested = {
        name: precursor_test(
            {name: departed[name]}, emerged, cube.step, null_departure={name: null_departed[name]}
        )
        for name in departed
    }
    floor = collapse_floor(states(cube, last))
    layers = layer_order(trained.sel(layer=blocks))
    counts = lead_counts(departed["RankMe"], emerged, cube.step)
    ordered = concordance_table(floor.floor, emerged)
    blind = of_reason(cube, "above_blind")
    visits = blind.step.values.tolist()
    return run | {
        "n_seeds": cube.sizes["seed"],
        "pairs": emerged["gain"].size,
        "emerged": {name: int(steps.notnull().sum()) for name, steps in emerged.items()},
        "false_events": sum(int(steps.notnull().sum()) for steps in null_emerged.values()),
        "emergence": emergence_table(emerged),
        "floors": floor_table(floor),
        "floor_of_mod": [f"{value:.1f}" for value in floor["mean"].sel(task="MOD").values],
        "noise": rankme_of_noise(run["n_rows"], run["n_units"]),
        "collapse": collapse(cube, last),
        "layers": {
            claim: {name: float(layers[name].sel(claim=claim)) for name in _SHARE}
            for claim in layers.claim.values.tolist()
        },
        "leads": {behaviour: lead_table(counts, behaviour) for behaviour in emerged},
        "rates": {
            (of, pairs): float(row["precursor_rate"])
            for (behaviour, of, pairs), row in counts.items()
            if behaviour == "exact match"
        },
        "null_departed": share_of(null_departed["RankMe"].notnull()),
        "null_departed_share": float(null_departed["RankMe"].notnull().mean()),
        "answers": {name: answers_table(each) for name, each in tested.items()},
        "p_values": {
            name: each.answers.p_value.unstack("answer").droplevel("measure")
            for name, each in tested.items()
        },
        "verdict": {name: each.verdicts.verdict.iloc[0] for name, each in tested.items()},
        "concordance": ordered.drop(columns=["p_value", "low", "high"]),
        "concordances": ordered[ordered.behaviour == "exact match"]
        .set_index("class")
        .concordance.to_dict(),
        "concordance_p": ordered.p_value.min(),
        "reversed": [f"{row['class']} by {row.behaviour}" for row in below_half(ordered)],
        "orders_as_far": orders_as_far([0.27, 0.69]),
        "prediction": prediction_table(cube, last, emerged),
        "loss": loss_table(cube),
        "n_visits": len(visits),
        "first_visits": visits[:2],
        "n_beta": signature(local_learning_coefficient).parameters["n_beta"].default,
        "above_blind": {
            "here, at first": float(blind.sel(_TRAINED | {"step": visits[:2]}).mean()),
            "in the null": float(blind.sel(_TRAINED | {"condition": "permuted"}).mean()),
        },
        "figures": figures_of(
            cube, last, run, emerged, departed, null_emerged, null_departed, folder
        ),
    }
