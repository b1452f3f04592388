"""Networks that are left alone: what is asked of them, and by how much they exceed it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..operators import log_error_ratio, log_margin_ratio, operator_skill
from ._labels import STRUCTURED
from ._left_alone import final_errors

# Share of the error of linear predictors below which errors are not told apart.
_SEEN = 1e-3
# What they are judged by where nothing can be left alone, or nobody asks.
NO_TARGET = "none"


def target_in(here: xr.Dataset) -> str:
    """Return what networks that are left alone were judged by in one configuration, or "none"."""
    return here.flow_target.item() if "flow_target" in here else NO_TARGET


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
    linear = final_errors(cube.flow_error_linear)
    # What is drawn can have an error of 0, which says that it is too small to be seen.
    errors = errors.clip(min=_SEEN * linear)
    trained = errors.sel(condition=STRUCTURED, mode="full", drop=True)
    if "flow_error_optimal" in cube:
        optimal = final_errors(cube.flow_error_optimal)
        # Nobody knows how much of a continuation can be told.
        known = (cube.flow_target != "continuation") & optimal.notnull()
        asked = log_margin_ratio(trained, linear, optimal.fillna(0), margin=margin)
        found = {"linear": asked.where(known, log_error_ratio(trained, linear))}
    else:
        found = {"linear": log_error_ratio(trained, linear)}
    others = {"readout": errors.sel(condition=STRUCTURED, mode="readout", drop=True)}
    if "flow_error_reservoir" in cube:
        others["reservoir"] = final_errors(cube.flow_error_reservoir).clip(min=_SEEN * linear)
    others |= {null: errors.sel(condition=null, mode="full", drop=True) for null in nulls}
    return found | {name: log_error_ratio(trained, other) for name, other in others.items()}


def least_ratio(ratios: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return the least of them in each seed.

    All have to be above zero. A test of their minimum never rejects where that of one of them does
    not: sign flips whose sum is as large as what was found are no fewer where values are smaller.
    """
    return xr.concat(ratios.values(), "other", join="exact").min("other", skipna=False)


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
    return operator_skill(linear, linear, optimal).notnull() | optimal.isnull()


def _known_errors(cube: xr.Dataset) -> list[xr.DataArray] | None:
    """Return errors of the best linear and the best possible predictor, over all seeds, or None."""
    if "flow_error_linear" not in cube or "flow_error_optimal" not in cube:
        return None
    names = "flow_error_linear", "flow_error_optimal"
    linear, optimal = (np.sqrt((final_errors(cube[name]) ** 2).mean("seed")) for name in names)
    # Of a continuation nobody knows how much of it can be told.
    return [linear, optimal.where(cube.flow_target != "continuation")]
