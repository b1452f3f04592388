"""Trajectories of tasks with known events, such as joined cubes of sizes have them."""

import numpy as np
import xarray as xr

from sklearn_emerge import (
    CollapseFloorDisplay,
    EmergenceMapDisplay,
    EventTrajectoryDisplay,
    LayerProfileDisplay,
    LeadsDisplay,
    emergence_step,
)
from sklearn_emerge.geometry import departure_step

TASKS = ("COPY", "REV", "CMP", "PAR", "ADD", "MOD", "SORT", "MUL")
# Updates of visits, denser at the start.
STEPS = np.array([*range(0, 100, 10), *range(100, 200, 20), *(200 * 1.12 ** np.arange(36)).round()])
SIZES = {"1x64": 54_800, "2x64": 105_000, "2x128": 406_000, "3x192": 1_350_000}
LAYERS = ("embedding", "layer 1 output", "layer 2 output", "hidden")


def make_anatomy(
    n_seeds=5, sizes=tuple(SIZES), tasks=TASKS, levels=(1, 2, 3), never=("PAR", "MUL"), n_draw=0
):
    """Return exact match, gain and RankMe of all layers over the updates, by size and seed.

    Exact match emerges at ``emergence``, gain at half of that, and RankMe, whose floor is
    ``floor``, departs at ``departure``. The third level of the tasks named `never` never emerges.
    """
    rng = np.random.default_rng(n_draw)
    coords = {
        "task": list(tasks),
        "level": list(levels),
        "size": list(sizes),
        "seed": np.arange(n_seeds),
        "n_parameters": ("size", [SIZES[size] for size in sizes]),
        "step": STEPS,
        "layer": list(LAYERS),
    }
    dims = "task", "level", "size", "seed"
    shape = [len(coords[dim]) for dim in dims]
    pace = np.exp(rng.normal(0, 0.1, (1, 1, *shape[2:])))
    hard = np.arange(len(tasks))[:, np.newaxis, np.newaxis, np.newaxis]
    level = np.arange(len(levels))[:, np.newaxis, np.newaxis]
    data = xr.Dataset(coords=coords)
    noise = rng.normal(0, 0.15, shape)
    emergence = 220 * np.exp(0.25 * hard + 0.6 * level + noise) * pace
    emergence[np.ix_(np.isin(tasks, never), np.arange(len(levels)) == 2)] = np.inf
    departure = 130 * np.exp(0.04 * hard + 0.1 * level + rng.normal(0, 0.1, shape)) * pace
    floor = 3 + 0.5 * hard + level + 0 * pace
    # That of the last task grows with the size.
    slope = np.arange(len(sizes))[:, np.newaxis] * (hard == len(tasks) - 1)
    floor = floor * np.exp(0.15 * slope + rng.normal(0, 0.03, shape))
    for name, values in (("emergence", emergence), ("departure", departure), ("floor", floor)):
        data[name] = (dims, np.where(np.isinf(values), np.nan, values))
    log = np.log(np.maximum(data.step, 1))
    rise = np.log(data.emergence.fillna(np.inf))
    wobble = xr.DataArray(rng.normal(0, 0.01, (*shape, len(STEPS))), dims=(*dims, "step"))
    data["exact_match"] = (1 / (1 + np.exp(-6 * (log - rise))) + wobble).clip(0, 1)
    data["gain"] = 1 / (1 + np.exp(-4 * (log - rise + 0.7))) + wobble
    up = (log - np.log(data.departure)).clip(0) * 2.5
    down = 40 * np.exp(-data.step / 12)
    height = xr.DataArray([0.0, 1.25, 1.0, 1.1], dims="layer")
    rankme = (data.floor * (1 + up) + down) * (1 + wobble) * height
    data["rankme"] = rankme.transpose("size", "seed", "step", "task", "level", "layer")
    return data


def events_of(data):
    """Return the emergence of both behaviours, and the departure of the last layer."""
    emergence = {
        "exact match": emergence_step(data.exact_match, 0.1),
        "gain": emergence_step(data.gain, 0.1),
    }
    return emergence, departure_step(data.rankme.sel(layer="hidden"))


def draw_map(data, axes=None):
    emergence, departure = events_of(data)
    # Of one task-level an event where there can be none.
    null = {name: each.where(each.task == "CMP") for name, each in emergence.items()}
    return EmergenceMapDisplay.from_events(
        emergence, data.step, null_emergence=null, departure=departure, axes=axes
    )


def draw_floors(data, axes=None):
    return CollapseFloorDisplay.from_measure(
        data.rankme.sel(layer="hidden"), n_rows=200, n_units=128, ax=axes
    )


def draw_layers(data, axes=None):
    return LayerProfileDisplay.from_measure(data.rankme.isel(size=0), axes=axes)


def draw_trajectories(data, axes=None):
    emergence, _ = events_of(data)
    place = {"task": "PAR", "level": data.level.values[-1], "size": data["size"].values[0]}
    return EventTrajectoryDisplay.from_trajectories(
        {"exact match": data.exact_match, "gain": data.gain},
        data.rankme.sel(layer="hidden"),
        emergence=emergence,
        axes=axes,
        **place,
    )


def draw_leads(data, axes=None):
    emergence, departure = events_of(data)
    return LeadsDisplay.from_events(
        departure, emergence, data.step, null_departure=departure, axes=axes
    )


# How each display of geometry is drawn, and on how many rows and columns of axes.
DRAWN = {
    "map": (draw_map, (1, 2)),
    "floors": (draw_floors, (1, 1)),
    "layers": (draw_layers, (1, 2)),
    "trajectories": (draw_trajectories, (2, 1)),
    "leads": (draw_leads, (1, 2)),
}
