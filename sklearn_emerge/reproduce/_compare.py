"""Published values and ours, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..datasets import load_published
from ._compare_triangle import compare_triangle
from ._recipes import EXPERIMENTS

if TYPE_CHECKING:
    import xarray as xr

    from ._declare import Experiment

TABLES = "recurrent-tables"
# Nats per step within which a value agrees, by kind of world, if two published seed spreads are
# less: the authors' data were drawn without a seed and shared by the seeds of a run, so that
# their spread over seeds leaves the data out.
TOLERANCES = {"oscillator": 0.02, "regime": 0.4, "null": 0.15}
COLUMNS = (
    "world",
    "model",
    "hidden_size",
    "mode",
    "time_channel",
    "published",
    "ours",
    "difference",
    "spreads",
    "finding",
    "p published",
    "p ours",
    "probe published",
    "probe ours",
)


def compare_with_published(
    cubes: Mapping[str, xr.Dataset], table: str | None = None
) -> pd.DataFrame:
    """Compare result cubes with the published tables.

    Parameters
    ----------
    cubes : dict of str to xarray.Dataset
        Result cube of each experiment, by name.
    table : str or None, default=None
        `Recipe.table`; None compares nothing.

    Returns
    -------
    pandas.DataFrame
        One row a published value that the cubes hold: the predictive gain in nats per step as
        published and ours (mean over seeds), their difference, the same in units of the
        published standard deviation over seeds (NaN if that is not known), and a finding:
        "agrees" (within two such deviations or a tolerance, whichever is larger), "higher" or
        "lower". P-values and probe scores of both are beside it. For translations see
        `compare_triangle`.

    Notes
    -----
    The program of *Emergence Without Scale* always gave the clock to networks in the regime
    world, whatever its tables say, so that its three rows a model are one experiment; all are
    compared with ours that has the clock. A row without a standard deviation takes the largest
    one published for the same world, model, size and mode.
    """
    if table is not None and table.startswith("triangle"):
        return compare_triangle(cubes, table)
    published = load_published(TABLES)
    same = published.groupby(["world", "model", "hidden_size", "mode"]).delta_nll_seed_std
    published["delta_nll_seed_std"] = published.delta_nll_seed_std.fillna(same.transform("max"))
    rows = []
    for row in published[published.table == table].itertuples():
        for name, cube in cubes.items():
            experiment = EXPERIMENTS[name]
            if (experiment.world_name, experiment.model_name) == (row.world, row.model):
                rows.append(_compare(row, experiment, cube))
                break
    return pd.DataFrame(rows, columns=COLUMNS)


def select_row(row: Any, experiment: Experiment, cube: xr.Dataset) -> xr.Dataset:
    """Return the part of a cube that a row of the tables is about."""
    place = {"mode": row.mode, "condition": "structured"}
    if "hidden_size" in cube.dims:
        place["hidden_size"] = row.hidden_size
    if "time_channel" in cube.dims:
        regime = experiment.world_name == "regime"
        place["time_channel"] = "full_time" if regime else row.time_channel
    return cube.sel(place)


def tolerance_of(world_name: str) -> float:
    """Return the tolerance for a world, in nats per step."""
    kind = "null" if world_name.endswith("-null") else world_name.split("-")[0]
    return TOLERANCES[kind]


def _compare(row: Any, experiment: Experiment, cube: xr.Dataset) -> tuple[Any, ...]:
    cell = select_row(row, experiment, cube)
    ours = float(cell.delta_nll.mean("seed"))
    difference = ours - row.delta_nll
    spread = row.delta_nll_seed_std
    allowed = max(tolerance_of(row.world), 0 if np.isnan(spread) else 2 * spread)
    finding = "agrees" if abs(difference) <= allowed else ("higher" if difference > 0 else "lower")
    probe = np.nan
    if "probe_score" in cell:
        probe = float(cell.probe_score.isel(latent=0).mean("seed"))
    return (
        row.world,
        row.model,
        row.hidden_size,
        row.mode,
        row.time_channel,
        row.delta_nll,
        ours,
        difference,
        difference / spread,
        finding,
        row.p_value,
        float(cell.p_value),
        row.probe_r2,
        probe,
    )
