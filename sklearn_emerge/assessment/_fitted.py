"""The predictor behind a cell: from the store, or trained again bit for bit."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from .._names import did_you_mean
from .._threads import one_thread_of_blas
from ..predictors import BasePredictor
from ._labels import check_names, coordinate
from ._plan import Cell


def network_cells(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells in which networks are trained."""
    return [cell for cell in cells if cell.mode is not None]


def find_cell(
    cells: list[Cell], mode: str, seed: int, condition: str, grid: Mapping[str, Any]
) -> Cell:
    """Return the cell of a network.

    Parameters
    ----------
    cells : list of Cell
        Those in which networks are trained.
    mode, condition : str
        Its training mode and condition.
    seed : int
        Its seed.
    grid : dict of str to object
        The values of the grid, by key; a parameter that has one value can be left out.

    Returns
    -------
    Cell

    Raises
    ------
    ValueError
        If there is no such cell.
    """
    check_names("mode", mode, tuple(dict.fromkeys(cell.mode for cell in cells if cell.mode)))
    conditions = dict.fromkeys(cell.condition for cell in cells if cell.condition)
    check_names("condition", condition, tuple(conditions))
    n_seeds = cells[0].work.design.n_seeds
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < n_seeds:
        raise ValueError(
            f"seed={seed!r} is none of the assessment; choose an integer from 0 to {n_seeds - 1}."
        )
    # Those that are drawn have parameters besides their number.
    keys = list(cells[0].settings)[: len(cells[0].places[0])]
    known = {key: _values(cells, place) for place, key in enumerate(keys)}
    for key in grid:
        if key not in known:
            raise ValueError(
                f"{key}={grid[key]!r} is about no parameter of the grid, which has "
                f"{', '.join(known) or 'none'}; leave it out.{did_you_mean(key, known)}"
            )
    index = tuple(_index(key, values, grid) for key, values in known.items())
    return next(
        cell
        for cell in cells
        if (cell.mode, cell.condition, *cell.places) == (mode, condition, index)
    )


def _values(cells: Sequence[Cell], place: int) -> list[Any]:
    """Return the values of a parameter of the grid, in order."""
    key = list(cells[0].settings)[place]
    found = {cell.places[0][place]: cell.settings[key] for cell in cells}
    return [found[i] for i in sorted(found)]


def _index(key: str, values: Sequence[Any], grid: Mapping[str, Any]) -> int:
    """Return which of its values a parameter of the grid is to have."""
    labels = coordinate(values).tolist()
    choice = f"choose {key}= one of {', '.join(map(repr, labels))}."
    if key not in grid:
        if len(values) == 1:
            return 0
        raise ValueError(f"{key} is a parameter of the grid, and no value is given; {choice}")
    wanted = coordinate([grid[key]]).tolist()[0]
    if wanted not in labels and grid[key] in labels:
        # As the cube has it.
        wanted = grid[key]
    if wanted not in labels:
        raise ValueError(f"{key}={grid[key]!r} is no value of the grid; {choice}")
    return labels.index(wanted)


def refit(cell: Cell, seed: int) -> BasePredictor:
    """Return the predictor of a seed of a cell, with its weights if the store has them."""
    seed = int(seed)
    kept = None if cell.entry is None else cell.entry.weights(seed)
    with one_thread_of_blas():
        return cell.work.refit(seed, kept)
