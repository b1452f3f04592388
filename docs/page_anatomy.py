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
    last_block,
    layer_order,
    leads,
    local_learning_coefficient,
    precursor_test,
    prediction_beyond_loss,
    rankme_of_noise,
)
from sklearn_emerge.geometry._reasons import REASONS
from sklearn_emerge.inference import adjust_p_values

_TRAINED = {"condition": "structured", "mode": "full"}
# Classes of the source.
CLASSES = {"easy": ["COPY", "REV", "CMP", "PAR"], "hard": ["ADD", "MOD", "SORT", "MUL"]}
# A tenth of the way from the best blind guess to all answers, or to none of its loss.
_LEVEL = 0.1
_ALPHA = 0.05
_MEASURES = {"rankme": "RankMe", "participation_ratio": "participation ratio"}
_OF_EMERGED = ("early", "synchronous", "late", "missed")
_SHARE = ("share", "low", "high", "p_value")
_LOSS = {
    "gradients": "rank of gradients",
    "curvature": "top eigenvalue",
    "trace": "trace",
    "coefficient": "learning coefficient",
}


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


def measured(cube, condition="structured", of="rankme"):
    """Return how many directions the states of all layers have."""
    trained = cube.states_trajectory.sel(_TRAINED | {"condition": condition}, drop=True)
    return trained.sel(dimensionality=of, drop=True).rename(of)


def states(cube, condition="structured", of="rankme"):
    """Return how many directions the states after the last block have."""
    return last_block(measured(cube, condition, of))


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


def collapse(cube):
    """Return in how many task-levels and runs RankMe is lowest within 200 updates, by world."""
    lowest = {}
    for condition in cube.condition.values.tolist():
        measure = states(cube, condition)
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


def of_reason(cube, kind, of="coefficient"):
    """Return which estimates are not to be trusted for a reason, whose number is a bit."""
    reasons = cube[f"{of}_trajectory"].sel(estimate="reasons").dropna("step", how="all")
    return reasons.astype(int) // 2 ** list(REASONS).index(kind) % 2


def departures(cube, condition="structured"):
    """Return the updates from which measures of states stay above their minimum, by name."""
    return {words: departure_step(states(cube, condition, of)) for of, words in _MEASURES.items()}


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
    words = {"own": "the same task", "other": "another of these tasks"}
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


def concordances(floors, emerged):
    """Return whether a high floor goes with a late emergence, within classes and between.

    ``p_reverse`` is for a high floor with an early emergence, ``lowest`` and ``highest`` are what
    is found without a task, which ``without`` names for the highest.
    """
    parts = []
    for behaviour, steps in emerged.items():
        found, low = (
            concordance(floors, steps, late_when=when, classes=CLASSES) for when in ("high", "low")
        )
        alone = pd.DataFrame(
            {task: _without(task, floors, steps) for task in floors.task.values.tolist()}
        )
        # A class is what it was without the tasks of another.
        alone = alone.where(alone.ne(found.concordance, axis=0))
        found = found.assign(
            behaviour=behaviour,
            p_reverse=low.p_value,
            lowest=alone.min(axis=1),
            highest=alone.max(axis=1),
            without=alone.idxmax(axis=1),
        )
        parts.append(found.reset_index())
    found = pd.concat(parts, ignore_index=True)
    return found.assign(p_reverse_adjusted=adjust_p_values(found.p_reverse.values, "holm"))


def _without(task, floors, steps):
    """Return the concordances of all tasks but one."""
    kept = floors.task.values != task
    classes = {name: [each for each in tasks if each != task] for name, tasks in CLASSES.items()}
    found = concordance(
        floors.isel(task=kept), steps.isel(task=kept), late_when="high", classes=classes, n_draws=1
    )
    return found.concordance


def concordance_table(found):
    """Return concordances in words."""
    rows = [
        {
            "behaviour": row.behaviour,
            "class": row["class"],
            "pairs": int(row.n_pairs),
            "concordance": f"{row.concordance:.0%} ({row.low:.0%} to {row.high:.0%})",
            "without one task": f"{row.lowest:.0%} to {row.highest:.0%}",
            "p, late": p_words(row.p_value),
            "p, early": p_words(row.p_reverse_adjusted),
        }
        for _, row in found.iterrows()
    ]
    return pd.DataFrame(rows)


def reversed_classes(ordered):
    """Return where a high floor goes with an early emergence, in words."""
    rows = ordered[ordered.p_reverse_adjusted <= _ALPHA]
    words = {"easy": "easy tasks", "hard": "hard tasks"}
    return [
        f"{words.get(row['class'], row['class'])} by {row.behaviour}" for _, row in rows.iterrows()
    ]


def layers_of(cube, condition):
    """Return the order of the blocks of a world, by claim."""
    blocks = [name for name in cube.layer.values.tolist() if name.endswith("output")]
    found = layer_order(measured(cube, condition).sel(layer=blocks))
    return {
        claim: {name: float(found[name].sel(claim=claim)) for name in _SHARE}
        for claim in found.claim.values.tolist()
    }


def trust(cube):
    """Return by what was measured, and update, the share of runs whose estimate is trusted."""
    shares = {}
    for name, words in _LOSS.items():
        estimates = cube[f"{name}_trajectory"].sel(_TRAINED | {"condition": "structured"})
        one = estimates.sel(estimate="trusted").dropna("step", how="all")
        shares[words] = one.mean([dim for dim in one.dims if dim != "step"]).to_series()
    return shares


def rows_to_blame(cube):
    """Return the share of top eigenvalues, of those not to be trusted, that hang by their rows."""
    run = cube.sel(_TRAINED | {"condition": "structured"})
    blamed = of_reason(run, "parts_differ", "curvature") + of_reason(
        run, "too_few_rows", "curvature"
    )
    trusted = run.curvature_trajectory.sel(estimate="trusted").dropna("step", how="all")
    return float((blamed.values[trusted.values == 0] > 0).mean())


def default_of(name):
    """Return a default of `local_learning_coefficient`."""
    return signature(local_learning_coefficient).parameters[name].default


def orders_as_far(shares, n_tasks=4):
    """Return of each share what part of the orders of tasks agree with a given one as little."""
    pairs = list(combinations(range(n_tasks), 2))
    agree = [np.mean([p[i] < p[j] for i, j in pairs]) for p in permutations(range(n_tasks))]
    far = np.abs(np.array(agree) - 0.5)
    return {share: float((far >= abs(share - 0.5)).mean()) for share in shares}


def predictions(cube, emerged):
    """Return what RankMe predicts in other runs beyond the loss of the answers, by behaviour."""
    rankme = np.log(states(cube))
    nll = cube.answers_trajectory.sel(_TRAINED, drop=True).sel(score="nll", drop=True)
    found = {
        behaviour: prediction_beyond_loss(rankme, nll, steps, at=[100, 200]).reset_index()
        for behaviour, steps in emerged.items()
    }
    return pd.concat(found, names=["behaviour"]).reset_index(level=0)


def prediction_table(found):
    """Return these predictions in words."""
    ends = zip(found.gain, found.low, found.high, strict=True)
    return pd.DataFrame(
        {
            "behaviour": found.behaviour,
            "update": found["update"],
            "task-levels": found.n_task_levels,
            "R² of the loss": found.r2_nll.map("{:z.2f}".format).values,
            "R² with RankMe": found.r2_both.map("{:z.2f}".format).values,
            "gain": [f"{gain:z.3f} ({low:.3f} to {high:.3f})" for gain, low, high in ends],
            "p": found.p_value.map(p_words).values,
        }
    )


def figures_of(cube, run, emerged, departed, null_emerged, null_departed, folder):
    """Draw the figures of the page, and return their files by name."""
    folder.mkdir(exist_ok=True)
    answers = cube.answers_trajectory.sel(_TRAINED, drop=True)
    curves = {
        "exact match": answers.sel(score="exact_match", drop=True),
        "gain": answers.sel(score="gain", drop=True),
    }
    rankme = states(cube)
    first = departed["RankMe"].rename("RankMe")
    drawn = {
        "map": EmergenceMapDisplay.from_events(
            emerged, cube.step, null_emergence=null_emerged, departure=first
        ),
        "floors": CollapseFloorDisplay.from_measure(
            rankme, n_rows=run["n_rows"], n_units=run["n_units"]
        ),
        "layers": LayerProfileDisplay.from_measure(measured(cube)),
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
    run = settings(cube)
    emerged, null_emerged = emergences(cube), emergences(cube, "permuted")
    departed, null_departed = departures(cube), departures(cube, "permuted")
    tested = {
        name: precursor_test(
            {name: departed[name]}, emerged, cube.step, null_departure={name: null_departed[name]}
        )
        for name in departed
    }
    joint = precursor_test(departed, emerged, cube.step, null_departure=null_departed)
    floor = collapse_floor(states(cube))
    layers = {name: layers_of(cube, name) for name in cube.condition.values.tolist()}
    counts = lead_counts(departed["RankMe"], emerged, cube.step)
    ordered = concordances(floor.floor, emerged)
    predicted = predictions(cube, emerged)
    trusted = trust(cube)
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
        "collapse": collapse(cube),
        "layers": layers["structured"],
        "null_layers": layers["permuted"],
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
        "joint": joint.verdicts.reason["RankMe"],
        "concordance": concordance_table(ordered),
        "concordances": concordance_table(ordered[ordered.behaviour == "exact match"])
        .set_index("class")
        .concordance.to_dict(),
        "concordance_p": ordered.p_value.min(),
        "reversed": reversed_classes(ordered),
        "easy": ordered[(ordered.behaviour == "exact match") & (ordered["class"] == "easy")].iloc[
            0
        ],
        "orders_as_far": orders_as_far([0.27, 0.69]),
        "prediction": prediction_table(predicted.rename(columns={"step": "update"})),
        "predicted_p": predicted.p_value.min(),
        "predicted_r2": predicted.r2_nll.max(),
        "loss": loss_table(cube),
        "trusted": trusted,
        "rows_to_blame": rows_to_blame(cube),
        "lowest_easy": str(
            floor["mean"].sel(task=CLASSES["easy"]).mean("level").idxmin("task").item()
        ),
        "n_visits": len(visits),
        "first_visits": visits[:2],
        "n_beta": default_of("n_beta"),
        "localisation": default_of("localisation"),
        "above_blind": {
            "here, at first": float(blind.sel(_TRAINED | {"step": visits[:2]}).mean()),
            "in the null": float(blind.sel(_TRAINED | {"condition": "permuted"}).mean()),
        },
        "figures": figures_of(cube, run, emerged, departed, null_emerged, null_departed, folder),
    }
