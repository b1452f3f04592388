"""The values of the section on sizes of docs/templates/anatomy.md."""

from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr
from page_anatomy import emergences, measured, p_words, settings

from sklearn_emerge import EmergenceMapDisplay
from sklearn_emerge.geometry import (
    collapse_floor,
    join_sizes,
    last_block,
    rankme_of_noise,
    scale_invariance,
    swap_test,
)
from sklearn_emerge.inference import adjust_p_values, student_interval

SIZES = ("1x64", "2x64", "2x128", "3x192")
_ALPHA = 0.05
# Of `scale_invariance`.
VERDICTS = ["no trend", "trend", "undecided"]


def of_sizes(found):
    """Return what was found at each size, along the dimension ``size``."""
    return xr.concat(list(found.values()), xr.DataArray(list(found), dims="size", name="size"))


def floor_table(floor, invariance, n_parameters_ratio):
    """Return floors of each task by size, means over levels and seeds, and what sizes change."""
    rows = []
    for task in floor.task.values.tolist():
        own, verdicts = floor.sel(task=task), invariance.verdict.sel(task=task).values.tolist()
        row = {"task": task}
        for size in floor["size"].values.tolist():
            values = own.sel(size=size)
            row[size] = ", ".join(f"{value:.1f}" for value in values.mean("seed").values)
        slopes = invariance.slope.sel(task=task).values
        changes = n_parameters_ratio**slopes
        row["change along the trend"] = ", ".join(f"x {change:.2f}" for change in changes)
        alike = len(set(verdicts)) == 1
        rows.append(row | {"verdict": verdicts[0] if alike else ", ".join(verdicts)})
    return pd.DataFrame(rows)


def steps_of_size(floor):
    """Return by pair of sizes, of which the second is the next, how much larger its floors are.

    Of a run it is the mean of the difference of ln floor over task-levels, exponentiated.
    """
    sizes, tasks = floor["size"].values.tolist(), ["task", "level"]
    by_run = np.log(floor).mean(tasks)
    rows = []
    for before, after in pairwise(sizes):
        steps = (by_run.sel(size=after) - by_run.sel(size=before)).values
        low, high = np.exp(student_interval(steps))
        changed = [
            name
            for name, a, b in zip(("blocks", "units"), *map(_numbers, (before, after)), strict=True)
            if a != b
        ]
        rows.append(
            {
                "from": before,
                "to": after,
                "changes": " and ".join(changed),
                "factor": float(np.exp(steps.mean())),
                "low": float(low),
                "high": float(high),
            }
        )
    return rows


def _numbers(size):
    """Return blocks and units of the name of a size."""
    return [int(number) for number in size.split("x")]


def step_table(steps):
    """Return these factors in words."""
    return pd.DataFrame(
        {
            "from": row["from"],
            "to": row["to"],
            "what changes": row["changes"],
            "floors": f"x {row['factor']:.2f} ({row['low']:.2f} to {row['high']:.2f})",
        }
        for row in steps
    )


def swaps(floor, emerged):
    """Return by behaviour how the floor scores where the order of emergence turns with size."""
    return {
        behaviour: swap_test(floor, steps, late_when="high").loc["all"].to_dict()
        for behaviour, steps in emerged.items()
    }


def swap_table(found):
    """Return these scores in words."""
    rows = [
        {
            "behaviour": behaviour,
            "pairs that swap": int(row["n_pairs"]),
            "each size scored": _scored(row, "each", 0.5),
            "both must be right": _scored(row, "both", row["chance_both"]),
            "p": p_words(row["p_each"]),
        }
        for behaviour, row in found.items()
    ]
    return pd.DataFrame(rows)


def _scored(row, how, chance):
    """Return a score, its interval over seeds, and what chance is."""
    score, low, high = (f"{row[f'{end}_{how}']:.0%}" for end in ("score", "low", "high"))
    return f"{score} ({low} to {high}; chance {chance:.0%})"


def size_values(cubes, folder):
    """Return the named values, of the cubes of all experiments of the anatomy by their names."""
    by_size = {name: cubes[f"anatomy-sizes-{name}"] for name in SIZES}
    emerged_at = {name: emergences(cube) for name, cube in by_size.items()}
    emerged = {
        behaviour: of_sizes({name: found[behaviour] for name, found in emerged_at.items()})
        for behaviour in ("exact match", "gain")
    }
    floor = collapse_floor(last_block(measured(join_sizes(by_size)))).floor
    n_parameters = floor.n_parameters
    invariance = scale_invariance(floor)
    differ = adjust_p_values(invariance.p_difference.values.ravel(), "holm") <= _ALPHA
    n_levels = invariance.verdict.size
    strict = scale_invariance(floor, confidence=1 - _ALPHA / n_levels)
    scores, steps = swaps(floor, emerged), steps_of_size(floor)
    counts = pd.Series(invariance.verdict.values.ravel()).value_counts()
    counts = counts.reindex(VERDICTS, fill_value=0)
    if counts.sum() != n_levels:
        raise ValueError(f"Verdicts on floors are others than {', '.join(VERDICTS)}.")
    rises = (floor.mean("seed").diff("size") > 0).all("size")
    display = EmergenceMapDisplay.from_events(emerged, next(iter(by_size.values())).step)
    display.figure_.savefig(folder / "anatomy-sizes.png", dpi=110)
    return {
        "sizes": list(by_size),
        "n_seeds": floor.sizes["seed"],
        "n_rows": settings(next(iter(by_size.values())))["n_rows"],
        "n_parameters": [f"{int(n):,}" for n in n_parameters.values],
        "emerged": {
            name: steps.notnull().sum(["task", "level", "seed"]).to_series().to_dict()
            for name, steps in emerged.items()
        },
        "pairs": floor.isel(size=0).size,
        "levels": n_levels,
        "floors": floor_table(floor, invariance, float(n_parameters.max() / n_parameters.min())),
        "verdicts": counts.to_dict(),
        "rises": int(rises.sum()),
        "strict_trends": int((strict.verdict == "trend").sum()),
        "slopes_above": int((invariance.low > 0).sum()),
        "steps": step_table(steps),
        "wider": {row["to"]: row for row in steps if row["changes"] == "units"},
        "deeper": {row["to"]: row for row in steps if row["changes"] == "blocks"},
        "noise": [
            rankme_of_noise(settings(cube)["n_rows"], settings(cube)["n_units"])
            for cube in by_size.values()
        ],
        "differ": int(differ.sum()),
        "swaps": scores,
        "swap_table": swap_table(scores),
        "least_p": min(row["p_each"] for row in scores.values()),
        "figure": "figures/anatomy-sizes.png",
    }
