"""The values of docs/templates/emergence.md, on the Emergence page."""

import warnings

import numpy as np

from sklearn_emerge import EmergenceCurve, NestedConditionalWorld
from sklearn_emerge.emergence import fit_curve

# Of the simulated curve in "Your own data": the capacity at which it is half way.
_TRUE_LOCATION = 2e5


def fitted(accuracy, capacity, chance):
    """Return a curve of what a cube has; its location may lie beyond all capacities."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit_curve(accuracy, capacity, chance=chance)


def final(cube, **place):
    """Return accuracy and capacity at the end of training."""
    own = cube.sel(condition="structured", mode="full").sel(place).isel(step=-1)
    return own.accuracy_trajectory, own.capacity_trajectory


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


def sweep(cube):
    """Return what the networks of the recipe of the page have learned, and their gates."""
    world = NestedConditionalWorld(4, difficulty=0.75)
    accuracy, capacity = final(cube)
    own = cube.sel(condition="structured", mode="full")
    gates = own.gate_trajectory.sum("head").mean("layer")
    return {
        "networks": accuracy.size,
        "best": accuracy.max().item(),
        "chance": world.chance,
        "found": fitted(accuracy, capacity, world.chance).compare(random_state=0),
        "loss": own.nll_trajectory.isel(step=-1).min().item(),
        "guessing": -np.log(world.chance),
        "gates": {
            name: {
                "low": gates.isel(step=step).min().item(),
                "high": gates.isel(step=step).max().item(),
            }
            for name, step in (("before", 0), ("after", -1))
        },
    }


def student(cube):
    """Return accuracies on both sides of the location of a student's curve."""
    accuracy, capacity = final(cube)
    curve = fitted(accuracy, capacity, 0.1)
    sides = {"below": capacity <= curve.location_, "above": capacity > curve.location_}
    return {name: accuracy.where(side).mean().item() for name, side in sides.items()} | {
        "found": curve.compare(random_state=0),
        "none_until": accuracy.sel(hidden_size=slice(8)).max().item(),
        "mixed": accuracy.sel(hidden_size=14).values,
    }


def heads(cube):
    """Return log2 of the location, and the mean accuracy, by the number of heads."""
    found = {}
    for n_heads in cube.n_heads.values.tolist():
        accuracy, capacity = final(cube, n_heads=n_heads)
        curve = fitted(accuracy, capacity, 0.1)
        found[n_heads] = {
            "log2": np.log2(curve.location_),
            "accuracy": accuracy.mean().item(),
            "step": curve.compare(random_state=0).steeper_than_smooth,
        }
    return found


def syntax(single, half):
    """Return observed locations over those that depth, branching and bits give, by cases and bits."""
    locations = {
        (cases, bits): fitted(*final(cube, world__branching=cases), 0.1)
        for bits, cube in ((32, single), (16, half))
        for cases in (2, 3)
    }
    scale = locations[2, 32].location_ / (2 * 32)
    four = final(single, world__branching=4)
    return {
        "factors": {
            key: curve.location_ / (scale * key[0] * key[1]) for key, curve in locations.items()
        },
        "halved": [locations[2, bits].interval("location") for bits in (32, 16)],
        "sharpness": {bits: locations[2, bits].sharpness_ for bits in (32, 16)},
        "intervals": {bits: locations[2, bits].interval("sharpness") for bits in (32, 16)},
        "four": four[0].max().item(),
        "largest": four[1].max().item(),
    }


def emergence_values(cubes):
    """Return the named values; None while cubes are missing."""
    names = ("sweep", "student", "heads", "complexity", "precision")
    if any(f"emergence-{name}" not in cubes for name in names):
        return None
    sweeps = {name: cubes[f"emergence-{name}"] for name in names}
    return {
        "dozen": dozen(),
        "sweep": sweep(sweeps["sweep"]),
        "student": student(sweeps["student"]),
        "heads": heads(sweeps["heads"]),
        "syntax": syntax(sweeps["complexity"], sweeps["precision"]),
    }
