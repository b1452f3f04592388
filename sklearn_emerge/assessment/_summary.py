"""The main figures of a cube as a table."""

import numpy as np
import xarray as xr

from ..inference._power import find_seeds, spread_of
from ._plan import RESERVED, STRUCTURED


def summarise(cube, alpha, correction):
    """Return the table that `EmergenceAssessment.summary` shows.

    Parameters
    ----------
    cube : xarray.Dataset
        The cube.
    alpha : float
        Level of the tests.
    correction : str or None
        Correction over the configurations.

    Returns
    -------
    pandas.DataFrame
    """
    table = xr.Dataset(
        {
            "delta_nll": cube.delta_nll.mean("seed"),
            **{name: cube[name] for name in ("ci_low", "ci_high")},
            **{name: cube[name] for name in ("p_value", "p_value_adjusted")},
            "efficiency": cube.efficiency.mean("seed"),
            "gain_over_best_baseline": (cube.nll_best_baseline - cube.nll).mean("seed"),
        }
    )
    if "equivalent_reservoir_size" in cube:
        structured = cube.condition == STRUCTURED
        table["equivalent_reservoir_size"] = cube.equivalent_reservoir_size.where(structured)
    for latent in cube.latent.values if "latent" in cube.coords else ():
        score = cube.probe_score.sel(latent=latent, drop=True)
        table[f"probe_score {latent}"] = score.mean("seed")
    table["required_seeds"] = _required_seeds(cube, alpha, correction)
    for name in ("reference", "best_baseline"):
        table[name] = cube[name].broadcast_like(table.delta_nll)
    grid = [dim for dim in cube.delta_nll.dims if dim not in RESERVED]
    frame = table.to_dataframe(dim_order=[*grid, "condition", "mode"])
    return frame.dropna(axis="columns", how="all")


def _required_seeds(cube, alpha, correction):
    """Return the seeds that find gains of such a size; NaN where one was found or none is seen."""
    gains = cube.delta_nll.transpose(..., "seed")
    needed = xr.full_like(gains.isel(seed=0, drop=True), np.nan)
    if gains.sizes["seed"] == 1:
        return needed
    n_tests = int(np.prod([cube.sizes[dim] for dim in needed.dims if dim not in RESERVED]))
    found = cube.p_value_adjusted.transpose(*needed.dims).values <= alpha
    values = gains.where(np.isfinite(gains).all("seed")).values
    effect, spread = values.mean(axis=-1), spread_of(values)
    # A gain that is the same in all seeds does not say how seeds differ.
    unclear = (effect > 0) & (spread > 0) & ~found
    needed.values[unclear] = find_seeds(
        effect[unclear] / spread[unclear], alpha, n_tests, correction
    )
    return needed
