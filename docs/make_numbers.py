"""Write docs/numbers.md from datasets/calibration and datasets/benchmarks.

    python docs/make_numbers.py

`make test-slow` writes the rates, and the command that each file of datasets/benchmarks names
prints its numbers: who measures them anew writes them there, with date and machine.
"""

import json
import math
from pathlib import Path

import pandas as pd
from page import write
from page_calibration import calibration_values

DOCS = Path(__file__).parent
BENCHMARKS = DOCS.parent / "datasets" / "benchmarks"
# Tasks of large grids that take no time.
_INSTANT = 0.1


def read(name):
    """Return what a benchmark measured, with its command, date and machine."""
    return json.loads((BENCHMARKS / f"{name}.json").read_text(encoding="utf-8"))


def beside(numbers, column, words):
    """Return the ratios as a table, with a column each for the values of a column."""
    table = pd.DataFrame(numbers)
    keys = [name for name in table if name not in (column, "ratio")]
    wide = table.set_index([*keys, column]).ratio.unstack(column, sort=False).reset_index()
    return wide.rename(columns=words)


def grids(numbers):
    """Return seconds and memory by the number of configurations, and the steepest slope."""
    table = pd.DataFrame(numbers)
    table.columns = [name if name == "task" else f"{int(name):,}" for name in table]
    memory = table.task.str.endswith("MiB")
    tasks = table[~memory]
    few, many = tasks["1,000"], tasks["10,000"]
    slopes = (many / few)[few >= _INSTANT].map(math.log10)
    return {"tasks": tasks, "memory": table[memory], "steepest": slopes.max()}


def write_page(page=DOCS / "numbers.md"):
    """Write the page."""
    benchmarks = {path.stem: read(path.stem) for path in sorted(BENCHMARKS.glob("*.json"))}
    write(
        page,
        "numbers.md",
        calibration=calibration_values(),
        benchmarks=benchmarks,
        transformer=beside(
            benchmarks["transformer"]["numbers"], "seeds", {1: "one seed", 5: "five seeds"}
        ),
        probes=beside(benchmarks["probes"]["numbers"], "task", {}),
        grids=grids(benchmarks["large_grids"]["numbers"]),
    )


if __name__ == "__main__":
    write_page()
