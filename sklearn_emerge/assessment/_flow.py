"""Networks that are left alone: what is asked of them, and by how much they exceed it."""

from __future__ import annotations

from math import prod

import numpy as np
import xarray as xr

from ..operators import log_error_ratio, log_margin_ratio, operator_skill
from ._labels import STRUCTURED, along_grid, grid_of
from ._left_alone import final_errors

# Errors of a seed are told apart from this share of the least on, up to the largest over this.
_SEEN = 1e-3
# What they are judged by where nothing can be left alone, or nobody asks.
NO_TARGET = "none"


def target_in(here: xr.Dataset) -> str:
    """Return what networks that are left alone were judged by in one configuration, or "none"."""
    return here.flow_target.item() if "flow_target" in here else NO_TARGET


def targets_along(here: xr.Dataset) -> list[str]:
    """Return the same of each configuration."""
    grid = grid_of(here)
    if "flow_target" not in here:
        return [NO_TARGET] * prod(here.sizes[dim] for dim in grid)
    return along_grid(here.flow_target, grid).tolist()


def flow_ratios(cube: xr.Dataset, margin: float) -> dict[str, xr.DataArray]:
    """Return by how much log errors of trained networks are below each that is asked for.

    Parameters
    ----------
    cube : xarray.Dataset
        What was measured.
    margin : float
        Share of the gap between linear filters and the best possible forecast that is to be closed.

    Returns
    -------
    dict of str to DataArray
        In nats, one value a seed: of the share ("linear"), the untrained core ("readout"), the
        echo-state network of as many units ("reservoir", if there is one) and a network of each
        null, by its name. Empty if one of the others was not measured.
    """
    conditions, modes = cube.condition.values.tolist(), cube.mode.values.tolist()
    nulls = [condition for condition in conditions if condition != STRUCTURED]
    if not nulls or not {"full", "readout"} <= set(modes) or "flow_error_linear" not in cube:
        return {}
    errors = final_errors(cube.flow_error)
    found = {
        "full": errors.sel(condition=STRUCTURED, mode="full", drop=True),
        "linear": final_errors(cube.flow_error_linear),
        "readout": errors.sel(condition=STRUCTURED, mode="readout", drop=True),
    }
    for name in ("reservoir", "optimal"):
        if f"flow_error_{name}" in cube:
            found[name] = final_errors(cube[f"flow_error_{name}"])
    found |= {null: errors.sel(condition=null, mode="full", drop=True) for null in nulls}
    others = _seen(found)
    trained, optimal = others.pop("full"), others.pop("optimal", None)
    ratios = {name: log_error_ratio(trained, other) for name, other in others.items()}
    if optimal is not None:
        asked = log_margin_ratio(trained, others["linear"], optimal.fillna(0), margin=margin)
        ratios["linear"] = asked.where(best_is_known(cube), ratios["linear"])
    return ratios


def best_is_known(cube: xr.Dataset) -> xr.DataArray:
    """Return where the error of the best possible forecast is known, along the grid.

    Nobody knows what a continuation could be told by.
    """
    if "flow_error_optimal" not in cube:
        return xr.zeros_like(cube.flow_target, bool)
    known = final_errors(cube.flow_error_optimal).notnull().all("seed")
    return known & (cube.flow_target != "continuation")


def _seen(errors: dict[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """Return errors of each seed within the range in which they are told apart.

    What is drawn can have an error of 0, which says that it is too small to be seen, and one that
    has left the range of numbers is infinite: neither has a logarithm to compare.
    """
    together = xr.concat(errors.values(), "other", join="exact")
    finite = together.where((together > 0) & np.isfinite(together))
    together = together.clip(_SEEN * finite.min("other"), finite.max("other") / _SEEN)
    return {name: together.isel(other=i) for i, name in enumerate(errors)}


def skills(cube: xr.Dataset) -> xr.DataArray | None:
    """Return the `operator_skill` of all networks; None if it is not known.

    The gap is that of the means over seeds, which is not nearly zero in single ones by chance.
    """
    known = _known_errors(cube)
    if known is None:
        return None
    errors = final_errors(cube.flow_error)
    return operator_skill(errors, *known).transpose(*errors.dims)


def leaves_room(cube: xr.Dataset) -> xr.DataArray:
    """Return where linear predictors leave something to the best possible forecast.

    Where this is not known nobody can say that they do not.
    """
    known = _known_errors(cube)
    if known is None:
        return xr.ones_like(cube.flow_target, bool)
    linear, optimal = known
    # What explodes leaves room, too.
    room = operator_skill(linear, linear, optimal).notnull() | np.isinf(linear)
    return room | optimal.isnull()


def _known_errors(cube: xr.Dataset) -> list[xr.DataArray] | None:
    """Return errors of the best linear and the best possible predictor, over all seeds, or None."""
    if "flow_error_linear" not in cube or "flow_error_optimal" not in cube:
        return None
    names = "flow_error_linear", "flow_error_optimal"
    linear, optimal = (np.sqrt((final_errors(cube[name]) ** 2).mean("seed")) for name in names)
    return [linear, optimal.where(best_is_known(cube))]
