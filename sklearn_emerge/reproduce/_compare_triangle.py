"""Published translations and ours, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..datasets import load_published
from ._triangle import UPDATES_PER_EPOCH

if TYPE_CHECKING:
    import xarray as xr

# Nats per token within which a loss agrees.
_LOSS_TOLERANCE = 0.03
# Queries of *Scaling Down Transformers* at an epoch, and epochs over which they are averaged.
_QUERIES, _LAST = 5, 10
_OUR_QUERIES = 200
COLUMNS = (
    "experiment",
    "quantity",
    "updates",
    "published",
    "ours",
    "difference",
    "tolerance",
    "finding",
)


def compare_triangle(cubes: Mapping[str, xr.Dataset], table: str) -> pd.DataFrame:
    """Compare translations of the triangle world with the published ones.

    Parameters
    ----------
    cubes : dict of str to xarray.Dataset
        Result cube of each experiment, by name.
    table : str
        Name of the published table, see `load_published`.

    Returns
    -------
    pandas.DataFrame
        One row a number: shares of right words at the end of training, and for Figure 2c the mean
        loss of some epochs in nats per token. Shares agree within two standard errors of their
        difference, losses within .03. The paper's shares are means over its last ten epochs of
        five queries each. The standard errors are those of the queries on either side, p (1 - p)
        / n at most, with two right and two wrong ones added (Agresti and Coull), and of our seeds
        if there are several; how much networks of the paper would vary is not known.
    """
    rows = []
    for name, cube in cubes.items():
        cube = cube.sel(condition="structured", mode="full")
        if table == "triangle-table1":
            published = load_published(table).set_index("task")
            told = {
                task: (row.accuracy_percent / 100, row.n_test_queries)
                for task, row in published.iterrows()
            }
        else:
            last = load_published(table).tail(_LAST)
            told = {
                f"{column[0]}->{column[2]}": (last[column].mean(), _QUERIES * _LAST)
                for column in ("A2B", "B2C", "A2C")
            }
        words = cube.tasks_trajectory.sel(score="words").dropna("step", how="all").isel(step=-1)
        for task in (task for task in told if task in words.task.values):
            value, n_queries = told[task]
            seeds = words.sel(task=task)
            ours = float(seeds.mean("seed"))
            # All seeds get the same queries.
            variance = _variance(value, n_queries) + _variance(ours, _OUR_QUERIES)
            if seeds.size > 1:
                variance += float(seeds.var("seed", ddof=1)) / seeds.size
            tolerance = 2 * np.sqrt(variance)
            rows.append((name, f"words of {task}", int(words.step), value, ours, tolerance))
        if table == "triangle-fig2c":
            rows += _losses(name, cube)
    frame = pd.DataFrame(rows, columns=[c for c in COLUMNS if c not in ("difference", "finding")])
    frame["difference"] = frame.ours - frame.published
    agrees = frame.difference.abs() <= frame.tolerance
    frame["finding"] = np.where(agrees, "agrees", np.where(frame.difference > 0, "higher", "lower"))
    return frame[list(COLUMNS)]


def _variance(share: float, n: int) -> float:
    """Return the variance of a mean of n scores between 0 and 1, at most."""
    share = (share * n + 2) / (n + 4)
    return share * (1 - share) / (n + 4)


def _losses(name: str, cube: xr.Dataset) -> Iterator[tuple[Any, ...]]:
    """Return rows of the mean losses of epochs that were recorded before and after."""
    published = load_published("triangle-fig2c-epoch-loss")
    steps = cube.step.values.tolist()
    per_epoch = UPDATES_PER_EPOCH[name]
    for epoch, loss in published.itertuples(index=False):
        if {per_epoch * (epoch - 1), per_epoch * epoch} <= set(steps):
            ours = float(cube.train_loss_trajectory.sel(step=per_epoch * epoch).mean("seed"))
            yield name, "mean loss of an epoch", per_epoch * epoch, loss, ours, _LOSS_TOLERANCE
