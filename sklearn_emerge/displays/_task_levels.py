"""Task-levels, their measures and events, as displays name and count them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from .._typing import Floats
from ..geometry._labels import aligned, as_mapping, check_labelled, check_only, positions
from ._captions import readable
from ._style import finish_panels, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WORDS = {
    "rankme": "RankMe",
    "participation_ratio": "participation ratio",
    "nll": "negative log-likelihood",
}
# Measures that count directions.
DIRECTIONS = ("rankme", "participation_ratio")


def measure_key(measure: xr.DataArray) -> str:
    """Return what a measure is: the way of counting directions that was selected, or its name."""
    chosen = measure.coords.get("dimensionality")
    if chosen is not None and chosen.ndim == 0:
        return str(chosen.item())
    return str(measure.name or "measure").removesuffix("_trajectory")


def measure_in_words(measure: xr.DataArray, units: bool = False) -> str:
    """Return the name of a measure, with its units if they are asked for."""
    key = measure_key(measure)
    known = key.lower().replace(" ", "_")
    words = _WORDS.get(known, readable(key))
    if not units:
        return words
    unit = "directions" if known in DIRECTIONS else str(measure.attrs.get("units", "1"))
    return words if unit == "1" else literal(f"{words} ({unit})")


def with_dims(values: xr.DataArray, *dims: str) -> xr.DataArray:
    """Return values with some dimensions, of length 1 where they did not have them."""
    # One that was selected of them is still a coordinate.
    values = values.reset_coords(drop=True)
    return values.expand_dims([dim for dim in dims if dim not in values.dims])


def task_levels(values: xr.DataArray) -> list[str]:
    """Return the names of task-levels, levels of a task together."""
    tasks = values.task.values.tolist()
    if values.sizes.get("level", 1) == 1:
        return [literal(task) for task in tasks]
    return [literal(f"{task} {level}") for task in tasks for level in values.level.values.tolist()]


def by_task_level(values: xr.DataArray) -> Floats:
    """Return values of shape (n_task_levels, n_sizes, n_seeds)."""
    dims = "task", "level", "size", "seed"
    stacked = with_dims(values, *dims).transpose(*dims).values
    return stacked.astype(float).reshape(-1, *stacked.shape[2:])


def check_events(
    events: object, name: str, steps: Floats, like: xr.DataArray | None = None
) -> dict[str, xr.DataArray]:
    """Return events by name with the same labels, or raise a ValueError.

    Parameters
    ----------
    events : DataArray or mapping of str to DataArray
        Updates, NaN where there was no event.
    name : str
        Their name in messages.
    steps : ndarray of shape (n_visits,)
        Updates of visits.
    like : xarray.DataArray, default=None
        With which labels; None is those of the first.
    """
    found = as_mapping(events, name)
    for key, each in found.items():
        check_labelled(each, f"{name} {key!r}", ["task"])
        check_only(each, f"{name} {key!r}", ["task", "level", "size", "seed"])
        positions(each, steps, f"{name} {key!r}")
    return aligned(found, next(iter(found.values())) if like is None else like)


def middle(events: ArrayLike, axis: int | None = None) -> Any:
    """Return the median of events; those that never were come last, and it is NaN if it is one."""
    found = np.median(np.where(np.isnan(events), np.inf, events), axis=axis)
    return np.where(np.isinf(found), np.nan, found)


def updates(step: float) -> str:
    """Return a number of updates in digits."""
    return f"{step:,.0f}"


def counted(number: int, what: str) -> str:
    """Return how many there are of what, in the plural if it is not one."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def selected(values: xr.DataArray, selection: Mapping[str, Any]) -> str:
    """Return what is selected of tasks, levels and others, in words."""
    said = [str(selection["task"])] if "task" in selection else []
    said += [f"{readable(k)} {v}" for k, v in selection.items() if k != "task"]
    return literal(", ".join(said))


def finish_claim(axes: Sequence[Axes], is_own: bool, title: str, footer: str) -> None:
    """Finish panels whose title is a claim; in axes of others it stands in the footer."""
    finish_panels(axes, is_own, title, footer if is_own else f"{title}. {footer}")
