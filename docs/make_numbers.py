"""Write docs/numbers.md from datasets/calibration and datasets/benchmarks.

    python docs/make_numbers.py

`make test-slow` writes the rates, and `make benchmark` the files of datasets/benchmarks: the scripts
save there what they measured, with command, date and machine. Files whose source is not "saved"
are older and were typed in from what was printed.
"""

import json
import math
from pathlib import Path

import pandas as pd
from page import write
from page_calibration import calibration_values
from scipy.stats import binomtest

from sklearn_emerge.recurrence._support import MAX_HIDDEN

DOCS = Path(__file__).parent
BENCHMARKS = DOCS.parent / "datasets" / "benchmarks"
# Tasks of large grids that take no time.
_INSTANT = 0.1


def read(name):
    """Return what a benchmark saved, with its command, date and machine."""
    return json.loads((BENCHMARKS / f"{name}.json").read_text(encoding="utf-8"))


def where(measured):
    """Return on what machine a benchmark ran, and how its numbers came here if it did not save."""
    machine = measured["machine"]
    words = [machine["processor"]] * (machine["processor"] is not None)
    words.append(f"{machine['cores']} cores")
    if machine["load_average"] is not None:
        words.append(f"load average {machine['load_average']} before")
    return ", ".join(words) + ("" if measured["source"] == "saved" else f"; {measured['source']}")


def beside(numbers, keys, column, words):
    """Return the ratios as a table of keys, with a column each for the values of another."""
    wide = pd.DataFrame(numbers).set_index([*keys, column]).ratio.unstack(column, sort=False)
    return wide.reset_index().rename(columns=words)


def chosen(numbers, **words):
    """Return some columns by other names; without those in which nothing was measured."""
    return pd.DataFrame(numbers)[list(words)].rename(columns=words).dropna(axis=1, how="all")


def half_precision(benchmarks):
    """Return milliseconds of transformers in single and in half precision, and their ratio."""
    keys = ["units", "seeds"]
    single, half = (
        pd.DataFrame(benchmarks[name]["numbers"])[[*keys, "ours"]].rename(columns={"ours": column})
        for name, column in (("transformer", "float32"), ("transformer_bfloat16", "bfloat16"))
    )
    both = single.merge(half, on=keys)
    return both.assign(ratio=both.float32 / both.bfloat16)


def crossover(numbers):
    """Return by model up to how many units all ratios are above 1, and from where they are not."""
    found = []
    for model, rows in pd.DataFrame(numbers).groupby("model", sort=False):
        slower = rows.units[rows.ratio < 1].min()
        faster = rows.units[~(rows.units >= slower)].max()
        found.append({"model": model.upper(), "faster": faster, "slower": slower})
    return found


def bad_ends(kills):
    """Return how often anything came of a kill that should not."""
    names = ["lost", "anew", "orphans", "hung", "folders", "differ"]
    return int(pd.DataFrame(kills)[names].to_numpy().sum())


def limit(kills):
    """Return the upper limit of 95% of what came of none of the kills."""
    n = int(pd.DataFrame(kills).kills.sum())
    return binomtest(0, n).proportion_ci().high


def grids(numbers):
    """Return seconds and memory by the number of configurations, and the steepest slope."""
    tasks, memory = (pd.DataFrame(numbers[name]) for name in ("seconds", "memory"))
    few, many = tasks["1000"], tasks["10000"]
    slopes = (many / few)[few >= _INSTANT].map(math.log10)
    sizes = {size: f"{int(size):,}" for size in memory if size != "task"}
    columns = ["task", *sizes]
    tables = (frame[columns].rename(columns=sizes) for frame in (tasks, memory))
    return dict(zip(("tasks", "memory"), tables, strict=True), steepest=slopes.max())


def write_page(page=DOCS / "numbers.md"):
    """Write the page."""
    benchmarks = {path.stem: read(path.stem) for path in sorted(BENCHMARKS.glob("*.json"))}
    seeds = {1: "one seed", 5: "five seeds"}
    sizes = ["sequences", "steps", "units"]
    of_the_clock = [name for name, one in benchmarks.items() if "of the clock" in one["unit"]]
    write(
        page,
        "numbers.md",
        calibration=calibration_values(),
        benchmarks=benchmarks,
        where=where,
        of_the_clock=of_the_clock,
        chosen=chosen,
        crossover=crossover,
        bad_ends=bad_ends,
        limit=limit,
        max_hidden=MAX_HIDDEN,
        transformer=beside(benchmarks["transformer"]["numbers"], ["units"], "seeds", seeds),
        half=half_precision(benchmarks),
        probes=beside(benchmarks["probes"]["numbers"], sizes, "task", {}),
        grids=grids(benchmarks["large_grids"]["numbers"]),
    )


if __name__ == "__main__":
    write_page()
