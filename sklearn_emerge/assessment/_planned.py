"""What a fit will do and what it will take: the line before it, and what `plan` returns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from joblib import effective_n_jobs

from .._threads import one_thread_of_blas
from ..inference import smallest_p_value
from ._costs import Cost, costs_of
from ._design import splits_kept
from ._labels import STRUCTURED
from ._plan import Cell
from ._progress import in_words
from ._schedule import schedule

if TYPE_CHECKING:
    from ._prepare import Plan

# Until other processes have loaded the libraries.
_START_SECONDS = 5


@dataclass(frozen=True, repr=False)
class PlannedRun:
    """What a fit will do, what it will take, and what it could find.

    Attributes
    ----------
    n_cells : int
        Units of work: the networks of a configuration in a condition and mode, its baselines, its
        windows of inputs and its random cores.
    n_cells_stored : int
        Those of which nothing has to be computed, because `memory` has it.
    n_results, n_results_stored, n_results_apart : int
        The same of single seeds, of which cells consist; and those of the stored that belong to
        cells of which other seeds are left.
    n_networks, n_networks_stored : int
        Networks, in all seeds, trained or not.
    n_updates, n_updates_stored : int
        Updates of the optimiser, of all networks.
    seconds : float
        Time until the end: a guess.
    n_bytes : float
        Memory of all processes: a guess.
    n_processes : int
        Cells that run at once.
    timed : bool
        Whether all networks could be tried; if not, it takes longer.
    folder : Path or None
        Where results are kept.
    n_configurations, n_seeds : int
        Points of the grid, and replicates of each.
    conditions, modes : tuple of str
        The world itself and its nulls, and the training modes.
    alpha : float
        Level of the tests.
    smallest_p_value : float
        The smallest that a test over these seeds can have, with the correction over configurations;
        NaN if seeds are splits of the same recordings, whose test has none.
    """

    n_cells: int
    n_cells_stored: int
    n_results: int
    n_results_stored: int
    n_results_apart: int
    n_networks: int
    n_networks_stored: int
    n_updates: int
    n_updates_stored: int
    seconds: float
    n_bytes: float
    n_processes: int
    timed: bool
    folder: Path | None = None
    n_configurations: int = 1
    n_seeds: int = 1
    conditions: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    alpha: float = np.nan
    smallest_p_value: float = np.nan

    @property
    def line(self) -> str:
        """What is announced of it."""
        line = (
            f"{self.n_cells} cells, {self.n_networks} networks, {self.n_updates:,} updates: "
            f"{self._duration}, {self._memory}"
        )
        if self.folder is None or not self.n_results_stored:
            return line
        n_whole, n_apart = self.n_cells_stored, self.n_results_apart
        kept = [f"{n_whole} of {self.n_cells} cells"] if n_whole else []
        if n_apart:
            of_others = f"{n_apart} seeds of others", f"{n_apart} of {self.n_results} seeds"
            kept.append(of_others[not n_whole])
        return f"{line}; {' and '.join(kept)} read from {place_of(self.folder)}"

    def __repr__(self) -> str:
        smallest = f"{self.smallest_p_value:.3g}, and alpha is {self.alpha:g}"
        if np.isnan(self.smallest_p_value):
            smallest = "none: seeds are splits of the same recordings"
        rows = {
            "configurations": f"{self.n_configurations:,}",
            "conditions": ", ".join(self.conditions),
            "modes": ", ".join(self.modes),
            "seeds": f"{self.n_seeds}",
            "cells": self._share(self.n_cells, self.n_cells_stored),
            "networks": self._share(self.n_networks, self.n_networks_stored),
            "updates": self._share(self.n_updates, self.n_updates_stored),
            "time": self._duration,
            "memory": self._memory,
            "smallest p-value": smallest,
        }
        return "\n".join(
            textwrap.fill(f"{name:18}{value}", 79, subsequent_indent=18 * " ")
            for name, value in rows.items()
        )

    @property
    def _duration(self) -> str:
        about = "about" if self.timed else "more than"
        processes = f"{self.n_processes} process{'es' * (self.n_processes > 1)}"
        return f"{about} {in_words(self.seconds)} on {processes}"

    @property
    def _memory(self) -> str:
        return f"{max(self.n_bytes / 1e9, 0.1):.1f} GB"

    def _share(self, n: int, n_stored: int) -> str:
        """Return a number, and how many of these are there already."""
        if self.folder is None or not n_stored:
            return f"{n:,}"
        return f"{n:,}, of which {n_stored:,} are in {place_of(self.folder)}"


def planned(
    cells: Sequence[Cell], costs: Sequence[Cost], n_at_once: int, folder: Path | None
) -> PlannedRun:
    """Return what cells will take.

    Parameters
    ----------
    cells : list of Cell
        The cells.
    costs : list of Cost
        What is left of each will cost.
    n_at_once : int
        How many run at once.
    folder : Path or None
        Where results are kept.

    Returns
    -------
    PlannedRun
        Without what only a `Plan` knows.
    """
    seconds = max(sum(c.seconds for c in costs) / n_at_once, *(c.seconds for c in costs))
    networks = [cell for cell in cells if cell.mode is not None]
    return PlannedRun(
        n_cells=len(cells),
        n_cells_stored=sum(cell.stored for cell in cells),
        n_results=sum(len(cell.work.seeds) for cell in cells),
        n_results_stored=sum(map(_n_stored, cells)),
        n_results_apart=sum(_n_stored(cell) for cell in cells if not cell.stored),
        n_networks=sum(len(cell.work.seeds) for cell in networks),
        n_networks_stored=sum(map(_n_stored, networks)),
        n_updates=sum(cell.n_updates for cell in cells),
        n_updates_stored=sum(
            cell.n_updates * _n_stored(cell) // len(cell.work.seeds) for cell in cells
        ),
        seconds=seconds + _START_SECONDS * (n_at_once > 1),
        n_bytes=n_at_once * max(cost.n_bytes for cost in costs),
        n_processes=n_at_once,
        timed=all(cost.known for cost in costs),
        folder=folder,
    )


def n_at_once(cells: Sequence[Cell], n_jobs: int | None) -> int:
    """Return how many cells run at once."""
    return max(1, min(effective_n_jobs(n_jobs), sum(not cell.stored for cell in cells)))


def foresee(plan: Plan, n_jobs: int | None) -> PlannedRun:
    """Return what a plan will do, what it will take, and what it could find."""
    cells = schedule(plan)
    n_processes = n_at_once(cells, n_jobs)
    with one_thread_of_blas(), splits_kept():
        costs = costs_of([cell.remaining for cell in cells], n_processes)
    tests, n_configurations = plan.tests, len(plan.configurations)
    smallest = np.nan
    if tests["units"] is None:
        family = n_configurations, tests["correction"], tests["n_flips"]
        smallest = smallest_p_value(plan.n_seeds, *family)
    return replace(
        planned(cells, costs, n_processes, plan.store.folder),
        n_configurations=n_configurations,
        n_seeds=plan.n_seeds,
        conditions=(STRUCTURED, *plan.nulls),
        modes=plan.modes,
        alpha=tests["alpha"],
        smallest_p_value=smallest,
    )


def _n_stored(cell: Cell) -> int:
    """Return of how many seeds of a cell nothing has to be computed."""
    return len(cell.work.seeds) - cell.n_left


def place_of(cells: Path) -> Path:
    """Return the folder in which a store has its cells, as short as it can be said."""
    folder = cells.parent
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
