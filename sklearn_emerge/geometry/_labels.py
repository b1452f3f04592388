"""Labelled arrays that the analyses take: dimensions, runs, visits and events on their grid."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from .._typing import Floats
from .._validation import as_numbers

# What is told apart within a run, and what tells runs apart.
TASK_LEVELS, RUNS = ("task", "level"), ("size", "seed")


def check_labelled(values: object, name: str, needed: Sequence[str]) -> xr.DataArray:
    """Return a DataArray of numbers that has the dimensions needed, or raise a ValueError.

    Parameters
    ----------
    values : object
        What was passed.
    name : str
        Its name in messages.
    needed : sequence of str
        Dimensions that it has to have.
    """
    if isinstance(values, xr.Dataset):
        known = ", ".join(f"{name}[{str(key)!r}]" for key in values.data_vars)
        raise ValueError(f"{name} is a Dataset, and one of its variables is needed; pass {known}.")
    if not isinstance(values, xr.DataArray):
        raise ValueError(
            f"{name} must be a DataArray out of a cube, not {type(values).__name__}; pass "
            f"xarray.DataArray(values, dims={tuple(needed)})."
        )
    missing = [dim for dim in needed if dim not in values.dims]
    if missing:
        raise ValueError(
            f"{name} has the dimensions {', '.join(map(str, values.dims))}, and no "
            f"{' and no '.join(missing)}; name them, for instance with rename, or add one of "
            f"length 1 with {name}.expand_dims({missing[0]!r})."
        )
    as_numbers(values.values, name)
    return values


def check_only(values: xr.DataArray, name: str, known: Sequence[str]) -> None:
    """Raise a ValueError if there is a dimension that an analysis does not know."""
    other = [dim for dim in values.dims if dim not in known]
    if other:
        # The first layer is often an embedding, which says nothing.
        one = f"last_block({name})" if other[0] == "layer" else f"{name}.isel({other[0]}=0)"
        raise ValueError(
            f"{name} has the dimension {other[0]}; select one of it, for instance {one}. Known are "
            f"{', '.join(known)}."
        )


def check_seeds(values: xr.DataArray, name: str) -> None:
    """Raise a ValueError unless there are two seeds, which a test over runs needs at least."""
    if values.sizes["seed"] < 2:
        raise ValueError(
            f"{name} has one seed, and a test over runs needs at least 2, better 5; train more "
            "with n_seeds."
        )


def check_steps(steps: ArrayLike, name: str) -> Floats:
    """Return the updates of visits, or raise a ValueError unless they rise from 0 or later."""
    array = as_numbers(steps, name)
    if array.ndim != 1 or len(array) < 2:
        raise ValueError(
            f"{name} has shape {array.shape}; pass the updates of at least 2 visits, such as "
            "cube.step."
        )
    if not np.isfinite(array).all() or (np.diff(array) <= 0).any() or array[0] < 0:
        raise ValueError(
            f"{name} must rise from 0 or later, and does not: {_first_wrong(array)}; sort the "
            'visits, for instance cube.sortby("step"), and drop repeated ones.'
        )
    return array


def _first_wrong(steps: Floats) -> str:
    """Return the first visit that is out of order, in words."""
    for i, step in enumerate(steps):
        if not np.isfinite(step) or step < 0:
            return f"visit {i} is at {step:g}"
        if i and step <= steps[i - 1]:
            return f"{step:g} follows {steps[i - 1]:g}"
    return ""


def as_mapping(values: object, name: str) -> dict[str, xr.DataArray]:
    """Return arrays by name, of a mapping, a Dataset or one array alone.

    Parameters
    ----------
    values : object
        What was passed.
    name : str
        Its name in messages, and of one array that has none.
    """
    if isinstance(values, xr.DataArray):
        # What emergence_step returns has the name of the dimension.
        return {str(name if values.name in (None, "step") else values.name): values}
    if not isinstance(values, Mapping) or not values:
        raise ValueError(
            f"{name} must be a DataArray, or some by name, not {type(values).__name__}; pass "
            f'{{"rankme": {name}}}.'
        )
    return {str(key): value for key, value in values.items()}


def positions(events: xr.DataArray, steps: Floats, name: str) -> Floats:
    """Return at which visit each event was; infinity where there was none.

    Parameters
    ----------
    events : xarray.DataArray
        Updates, NaN where there is no event.
    steps : ndarray of shape (n_visits,)
        Updates of visits, which rise.
    name : str
        Name of the events in messages.
    """
    values = events.values.astype(float)
    seen = ~np.isnan(values)
    index = np.clip(np.searchsorted(steps, values), 0, len(steps) - 1)
    wrong = values[seen & (steps[index] != values)]
    if wrong.size:
        raise ValueError(
            f"{name} has an event at {wrong[0]:g}, where no visit was; take events of trajectories "
            "at the visits that all share, trajectory.sel(step=steps), and pass these steps."
        )
    return np.where(seen, index, np.inf)


def stack(values: xr.DataArray) -> tuple[Floats, list[Any]]:
    """Return values of shape (n_sizes, n_tasks, n_levels, n_seeds), and the tasks."""
    for dim in (*TASK_LEVELS, *RUNS):
        if dim not in values.dims:
            values = values.expand_dims(dim)
    values = values.transpose("size", "task", "level", "seed")
    return values.values.astype(float), list(values.task.values)


def aligned(values: Mapping[str, xr.DataArray], like: xr.DataArray) -> dict[str, xr.DataArray]:
    """Return arrays with the order of another, or raise a ValueError where labels differ.

    Parameters
    ----------
    values : mapping of str to DataArray
        By their names in messages.
    like : xarray.DataArray
        The other.
    """
    found = {}
    for name, each in values.items():
        if set(each.dims) != set(like.dims):
            raise ValueError(
                f"{name} has the dimensions {', '.join(map(str, each.dims))}, and others "
                f"{', '.join(map(str, like.dims))}; all must have the same."
            )
        each = each.transpose(*like.dims)
        for dim in like.dims:
            ours, theirs = (set(np.asarray(a[dim].values).tolist()) for a in (each, like))
            if ours != theirs or each.sizes[dim] != like.sizes[dim]:
                apart = sorted(ours ^ theirs, key=str)[:5]
                raise ValueError(
                    f"{name} has other labels of {dim} than others, {apart}; "
                    f"select those that all have, with {name}.sel({dim}=...)."
                )
        each = each.sel({dim: like[dim] for dim in like.dims if dim in like.coords})
        # What was selected differs from one to the next, such as the behaviour.
        found[name] = each.reset_coords(drop=True)
    return found


def draw_orders(n: int, n_draws: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], bool]:
    """Return orders of n things, and whether they are all; the first changes nothing.

    Parameters
    ----------
    n : int
        Number of things.
    n_draws : int
        At most so many are returned; more are drawn at random.
    rng : Generator
        Source of draws.

    Returns
    -------
    orders : ndarray of int of shape (n_orders, n)
    all_of_them : bool
    """
    same = np.arange(n)
    n_all = 1
    for k in range(2, n + 1):
        n_all *= k
        if n_all > n_draws:
            drawn = rng.permuted(np.tile(same, (n_draws, 1)), axis=1)
            return np.concatenate([same[np.newaxis], drawn]), False
    # Each order of n - 1 with the last one put at every place, the last place first.
    orders = np.zeros((1, 0), np.int64)
    for k in range(n):
        orders = np.concatenate([np.insert(orders, k - place, k, axis=1) for place in range(k + 1)])
    return orders, True


def p_value(null: Floats) -> Floats:
    """Return the share of orders that do at least as well as the first, along the last axis."""
    least = null[..., :1] - 1e-9 * np.maximum(np.abs(null).max(axis=-1, keepdims=True), 1e-300)
    return (null >= least).mean(axis=-1)
