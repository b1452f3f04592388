"""The main figures of a cube as a table."""

import numpy as np
import xarray as xr

from ..inference import required_seeds
from ._plan import RESERVED


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
        }
    )
    for latent in cube.latent.values if "latent" in cube.coords else ():
        score = cube.probe_score.sel(latent=latent, drop=True)
        table[f"probe_score {latent}"] = score.mean("seed")
    table["required_seeds"] = _required_seeds(cube, alpha, correction)
    table["reference"] = cube.reference.broadcast_like(table.delta_nll)
    grid = [dim for dim in cube.delta_nll.dims if dim not in RESERVED]
    frame = table.to_dataframe(dim_order=[*grid, "condition", "mode"])
    return frame.dropna(axis="columns", how="all")


def _required_seeds(cube, alpha, correction):
    """Return the seeds that find gains of such a size; NaN where one was found or none is seen."""
    gains = cube.delta_nll.transpose(..., "seed")
    n_tests = int(np.prod([cube.sizes[dim] for dim in gains.dims if dim not in RESERVED]))
    found = cube.p_value_adjusted.transpose(*gains.dims[:-1]).values <= alpha
    needed = xr.full_like(gains.isel(seed=0, drop=True), np.nan)
    for index in np.ndindex(needed.shape):
        values = gains.values[index]
        several = np.isfinite(values).all() and len(values) > 1
        if several and values.mean() > 0 and not found[index]:
            needed[index] = required_seeds(
                values, alpha=alpha, n_tests=n_tests, correction=correction
            )
    return needed
