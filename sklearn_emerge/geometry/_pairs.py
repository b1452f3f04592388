"""Orders of pairs of task-levels, by a measure and by emergence."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr

from .._typing import Floats
from ._labels import TASK_LEVELS, aligned, check_labelled, check_only

LATE_WHEN = ("high", "low")


def stacked(
    measure: xr.DataArray, emergence: xr.DataArray, late_when: str, needed: tuple[str, ...]
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return measure and emergence with task-levels as one dimension ``task_level``, or raise.

    Parameters
    ----------
    measure, emergence : xarray.DataArray
        With the dimension task, maybe level, and others.
    late_when : {"high", "low"}
        Whether a high measure goes with a late emergence; low ones are turned.
    needed : tuple of str
        Dimensions that both have to have beside task.

    Returns
    -------
    measure, emergence : xarray.DataArray
        High measures go with late emergences; an emergence that never was is infinite.
    """
    if late_when not in LATE_WHEN:
        raise ValueError(f'late_when={late_when!r} is not known; choose "high" or "low".')
    known = (*TASK_LEVELS, "size", "seed")
    for name, each in (("measure", measure), ("emergence", emergence)):
        check_labelled(each, name, ["task", *needed])
        check_only(each, name, known)
    emergence = aligned({"emergence": emergence}, measure)["emergence"]
    if not np.isfinite(measure).all():
        raise ValueError(
            f"measure is not finite at {int((~np.isfinite(measure)).sum())} of {measure.size} "
            "places; leave out runs or task-levels that have none."
        )
    if not emergence.notnull().any():
        raise ValueError(
            "emergence has no events at all, and so no order. Train longer, or lower the level of "
            "emergence_step."
        )
    measure = measure.astype(float) * (1 if late_when == "high" else -1)
    emergence = emergence.astype(float).fillna(np.inf)
    over = [dim for dim in TASK_LEVELS if dim in measure.dims]
    found = tuple(
        each.assign_coords({dim: each[dim] for dim in over}).stack(task_level=over)
        for each in (measure, emergence)
    )
    if found[0].sizes["task_level"] < 2:
        raise ValueError(
            "measure has one task and level, and an order is between two; pass those of several "
            "tasks or levels."
        )
    return found[0], found[1]


def tasks_of(values: xr.DataArray) -> list[Hashable]:
    """Return the task of each task-level."""
    return list(values.task.values.tolist())


def order_of(values: Floats) -> Floats:
    """Return 1 where the first of a pair is higher, -1 where it is lower, 0 where not known.

    Parameters
    ----------
    values : ndarray of shape (..., n_task_levels)
        Infinite values are above all others, and not known among each other.

    Returns
    -------
    ndarray of shape (..., n_task_levels, n_task_levels)
    """
    first, second = values[..., :, np.newaxis], values[..., np.newaxis, :]
    return np.greater(first, second).astype(float) - np.less(first, second).astype(float)


def permuted(orders: Floats, labels: Any) -> Floats:
    """Return orders of pairs with task-levels exchanged, the same way in all runs."""
    return orders[..., labels[:, np.newaxis], labels[np.newaxis, :]]
