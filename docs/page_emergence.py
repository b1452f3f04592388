"""The values of docs/templates/emergence.md, on the Emergence page."""

import warnings

import numpy as np
import pandas as pd
from page_calibration import read
from scipy import stats

from sklearn_emerge import EmergenceCurve, NestedConditionalWorld
from sklearn_emerge.emergence import fit_curve
from sklearn_emerge.reproduce import EXPERIMENTS
from sklearn_emerge.reproduce._figures import world_of

# Of the simulated curve in "Your own data": the capacity at which it is half way.
_TRUE_LOCATION = 2e5
# Instances over which the share of leaves that are right is a mean.
_INSTANCES = 20_000
# Accuracies that differ by more than this are said to differ.
_APART = 0.05


def fitted(accuracy, capacity, chance):
    """Return a curve of what a cube has; its location may lie beyond all capacities."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit_curve(accuracy, capacity, chance=chance)


def final(cube, **place):
    """Return accuracy and capacity at the end of training."""
    own = cube.sel(condition="structured", mode="full").sel(place).isel(step=-1)
    return own.accuracy_trajectory, own.capacity_trajectory


def ends(values):
    """Return the least and the largest."""
    return {"low": values.min().item(), "high": values.max().item()}


def dozen():
    """Return the location of a simulated logistic curve, from a dozen capacities."""
    capacity = np.logspace(3, 7, 12)[:, np.newaxis]
    truth = 0.1 + 0.85 / (1 + (capacity[:, 0] / _TRUE_LOCATION) ** -1.8)
    right = np.random.default_rng(0).binomial(200, truth)
    curve = EmergenceCurve(chance=0.1, asymptote="fit").fit(capacity, right / 200, n_trials=200)
    low, high = curve.interval("location")
    return {
        "points": len(capacity),
        "location": curve.location_,
        "low": low,
        "high": high,
        "true": _TRUE_LOCATION,
    }


def gates_of(cube):
    """Return the share of attention of the attention gate, a mean over layers."""
    own = cube.sel(condition="structured", mode="full")
    return own.gate_trajectory.sum("head").mean("layer")


def guessing(world):
    """Return the accuracy of guessing among all answers, and among those that are shown."""
    return {
        "all": world.chance,
        "shown": world.sample(_INSTANCES, random_state=0).guess.mean(),
    }


def calibration():
    """Return how often a step is found, and the location covered, in simulated curves."""
    covered = read("recovery_and_coverage.csv").set_index("test").loc["coverage of the location"]
    coverage = covered.set_index("setting").rate
    steps = read("a_step_is_found_where_there_is_one_only.csv")
    sharp = steps.setting.str.contains("sharpness")
    found = steps.set_index("setting").rate
    jumps = read("networks_that_jump_*.csv")
    upper = jumps.test.str.contains("upper limit")
    networks = read("a_step_of_networks_*.csv").set_index("setting")
    return {
        "covered": {kind: coverage[f"emergence curve, {kind}"] for kind in ("rates", "counts")},
        "data_sets": covered.assessments.unique().tolist(),
        "n_steps": steps.assessments.unique().tolist(),
        "smooth": steps.rate[~sharp].max(),
        "sharp": {
            sharpness: found[f"emergence curve, sharpness {sharpness}"]
            for sharpness in ("1.25", "1.5", "2.0")
        },
        "jumps": jumps.rate[~upper].max(),
        "upper": jumps.rate[upper].max(),
        "networks": {
            kind: networks.rate[f"3 networks of 6 sizes, {kind}"]
            for kind in ("at one size", "sharpness 3, noise .05", "jumps of sharpness 6")
        },
        "n_networks": networks.assessments.unique().tolist(),
        "n_jumps": jumps.assessments.unique().tolist(),
    }


def sparse(cube):
    """Return where the words of the sparse task of the triangle rise, with and without 25."""
    words = cube.tasks_trajectory.sel(mode="full", task="A->C", score="words").isel(step=-1)
    found = {}
    for condition in ("structured", "redrawn"):
        own = words.sel(condition=condition)
        others = own.sel(world__sparse_examples=own.world__sparse_examples != 25)
        curves = {"all": own, "without": others}
        curves = {name: fit_curve(part, "world__sparse_examples") for name, part in curves.items()}
        found[condition] = {
            "at": {n: ends(own.sel(world__sparse_examples=n)) for n in (10, 25)},
            "step": {
                name: curve.compare(random_state=0).steeper_than_smooth
                for name, curve in curves.items()
            },
            "location": {name: curve.location_ for name, curve in curves.items()},
            "interval": {name: curve.interval("location") for name, curve in curves.items()},
        }
    return found


def sweep(cube):
    """Return what the networks of the recipe of the page have learned, and their gates."""
    world = NestedConditionalWorld(4, difficulty=0.75)
    accuracy, capacity = final(cube)
    own = cube.sel(condition="structured", mode="full")
    gates = gates_of(cube)
    last = {"accuracy": accuracy, "gate": gates, "loss": own.nll_trajectory}
    last = {
        name: part.isel(step=-1) if "step" in part.dims else part for name, part in last.items()
    }
    return {
        "seeds": accuracy.sizes["seed"],
        "settings": accuracy.size // accuracy.sizes["seed"] // accuracy.sizes["precision"],
        "shared": EXPERIMENTS["emergence-sweep"].model.full_precision_steps,
        # Of the same setting in half precision and in single, at most.
        "pairs": {name: abs(part.diff("precision")).max().item() for name, part in last.items()},
        "guessing": guessing(world),
        "networks": accuracy.size,
        "best": accuracy.max().item(),
        "chance": world.chance,
        "found": fitted(accuracy, capacity, world.chance).compare(random_state=0),
        "loss": own.nll_trajectory.isel(step=-1).min().item(),
        "gates": {
            name: ends(gates.isel(step=step)) for name, step in (("before", 0), ("after", -1))
        },
    }


def student(cube):
    """Return accuracies on both sides of the location of a student's curve."""
    accuracy, capacity = final(cube)
    world = EXPERIMENTS["emergence-student"].world
    curve = fitted(accuracy, capacity, world.chance)
    gates, able = gates_of(cube), accuracy.sel(hidden_size=slice(10, None))
    learned = gates.isel(step=-1).where(accuracy > 0.9)
    order = stats.spearmanr(gates.isel(step=-1).values.ravel(), accuracy.values.ravel())
    course = cube.accuracy_trajectory.sel(condition="structured", mode="full")
    rises = course.sel(hidden_size=able.hidden_size.values).diff("step")
    # Of those that learned, which rose by more than a half from one look to the next, and when.
    jumped = (rises.max("step") > 0.5) & (able > 0.9)
    when = rises.idxmax("step").where(jumped)
    several = jumped.sum("seed") > 1
    grouped = (able > 0.9) | (able < 0.2) | ((able > 0.3) & (able < 0.6))
    sides = {"below": capacity <= curve.location_, "above": capacity > curve.location_}
    return {name: accuracy.where(side).mean().item() for name, side in sides.items()} | {
        "found": curve.compare(random_state=0),
        "none_until": accuracy.sel(hidden_size=slice(8)).max().item(),
        "mixed": accuracy.sel(hidden_size=14).values,
        "sharpness": curve.sharpness_,
        "sharpness_interval": curve.interval("sharpness"),
        "guessing": guessing(world),
        "able": able.size,
        "learned": int((able > 0.9).sum()),
        "between": [each for each in able.values.ravel() if 0.3 < each < 0.6],
        "none": int((able < 0.2).sum()),
        # Those in none of the three groups: their units, and in what share they are right.
        "others": [
            (int(each.hidden_size), each.item())
            for each in able.stack(network=("hidden_size", "seed"))
            if not grouped.sel(hidden_size=each.hidden_size, seed=each.seed)
        ],
        "jumped": int(jumped.sum()),
        # Whether two networks of a width that jump do so at different updates, in each such width.
        "differ": bool(several.any() and (when.max("seed") > when.min("seed"))[several].all()),
        "looks": int(course.step.diff("step").max()),
        "plateau": course.sel(hidden_size=24, seed=1).isel(step=slice(-6, None)).values,
        "gates": {
            "before": ends(gates.isel(step=0)),
            **ends(learned),
            "n": int(learned.notnull().sum()),
            "below": int((learned < gates.isel(step=0).min()).sum()),
            "order": order.statistic,
            "p": order.pvalue,
            "networks": accuracy.size,
        },
    }


def heads(cube):
    """Return log2 of the location, with its interval, by the number of heads."""
    found, chance = {}, EXPERIMENTS["emergence-heads"].world.chance
    for n_heads in cube.n_heads.values.tolist():
        accuracy, capacity = final(cube, n_heads=n_heads)
        curve = fitted(accuracy, capacity, chance)
        low, high = curve.interval("location")
        found[n_heads] = {
            "log2": np.log2(curve.location_),
            "low": np.log2(low),
            "high": np.log2(high),
            "seeds": accuracy.sizes["seed"],
            "step": curve.compare(random_state=0).steeper_than_smooth,
        }
    return found


def by_width(cube):
    """Return the mean accuracy over seeds, a row a width and a column a number of heads."""
    accuracy = final(cube)[0].mean("seed")
    columns = {
        f"{n} head{'s' if n > 1 else ''}": accuracy.sel(n_heads=n).values.round(2)
        for n in cube.n_heads.values.tolist()
    }
    return pd.DataFrame({"units": accuracy.hidden_size.values} | columns)


def syntax(single, half):
    """Return observed locations over those that depth, branching and bits give, by cases and bits."""
    world = EXPERIMENTS["emergence-complexity"].world
    worlds = {cases: world_of(world, "world__branching", cases) for cases in (2, 3, 4)}
    curves = {
        (cases, bits): fitted(*final(cube, world__branching=cases), worlds[cases].chance)
        for bits, cube in ((32, single), (16, half))
        for cases in worlds
    }
    # With four cases nothing is learned that could have a location.
    locations = {key: curve for key, curve in curves.items() if key[0] < 4}
    two = final(single, world__branching=2)[0]
    intervals = {key: curve.interval("location") for key, curve in locations.items()}
    scale = locations[2, 32].location_ / (2 * 32)
    four = [final(cube, world__branching=4)[0] for cube in (single, half)]
    largest = final(single)[1].max().item()
    return {
        "factors": {
            key: curve.location_ / (scale * key[0] * key[1]) for key, curve in locations.items()
        },
        # By the lower end of the location, and the upper end of the one that sets the scale.
        "at_least": {
            key: intervals[key].low / (intervals[2, 32].high / (2 * 32) * key[0] * key[1])
            for key in ((3, 32), (3, 16))
        },
        "locations": {key: curve.location_ for key, curve in locations.items()},
        "ends": intervals,
        "extrapolated": {key: curve.location_ > largest for key, curve in locations.items()},
        "halved": scale * 2 * 16,
        "pairs": {
            cases: pairs(*(final(cube, world__branching=cases)[0] for cube in (single, half)))
            for cases in (2, 3)
        },
        "sharpness": {bits: locations[2, bits].sharpness_ for bits in (32, 16)},
        "intervals": {bits: locations[2, bits].interval("sharpness") for bits in (32, 16)},
        "steps": {
            key: curve.compare(random_state=0).steeper_than_smooth for key, curve in curves.items()
        },
        "answers": {cases: 1 / world.chance for cases, world in worlds.items()},
        "updates": two.step.item(),
        "of_a_width": two.sel(hidden_size=8).values,
        "seeds": four[0].sizes["seed"],
        "four": [each.max().item() for each in four],
        "guessing": guessing(worlds[4]),
        "largest": largest,
    }


def pairs(single, half):
    """Return how accuracies of networks differ that start alike, half precision minus single."""
    differences = (half - single).values.ravel()
    low, high = stats.ttest_1samp(differences, 0).confidence_interval()
    return {
        "n": differences.size,
        "mean": differences.mean(),
        "low": low,
        "high": high,
        "apart": int((abs(differences) > _APART).sum()),
    }


def emergence_values(cubes):
    """Return the named values; None while cubes are missing."""
    names = ("sweep", "student", "heads", "complexity", "precision")
    sparse_name = "triangle-sparse-transformer"
    if any(name not in cubes for name in (sparse_name, *(f"emergence-{name}" for name in names))):
        return None
    sweeps = {name: cubes[f"emergence-{name}"] for name in names}
    return {
        "calibration": calibration(),
        "sparse": sparse(cubes[sparse_name]),
        "dozen": dozen(),
        "sweep": sweep(sweeps["sweep"]),
        "student": student(sweeps["student"]),
        "heads": heads(sweeps["heads"]),
        "by_width": by_width(sweeps["heads"]),
        "syntax": syntax(sweeps["complexity"], sweeps["precision"]),
    }
