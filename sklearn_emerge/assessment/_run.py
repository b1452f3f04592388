"""How the cells of an assessment are run, and what is said of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.utils import Bunch

from .._abandoned import ending_with_parent
from .._names import did_you_mean
from .._threads import one_thread_of_blas
from ._costs import Cost, costs_of
from ._design import splits_kept
from ._plan import Cell
from ._progress import LOG, Progress, in_words, kind_of, log_is_seen
from ._store import Store

# What is meant by other words for nothing.
_SILENT = ("none", "off", "no", "quiet", "silent", "false")
# Until other processes have loaded the libraries.
_START_SECONDS = 5


def check_progress(progress: object) -> None:
    """Raise a ValueError unless `progress` is a way to show progress."""
    if isinstance(progress, bool | np.bool_) or progress in ("bar", "log"):
        return
    silent = isinstance(progress, str) and progress.lower() in _SILENT
    meant = " Did you mean False?" if silent else did_you_mean(progress, ("bar", "log"))
    raise ValueError(
        f"progress={progress!r} is not known; choose 'bar', 'log', True or False.{meant}"
    )


def run_cells(
    cells: Sequence[Cell], store: Store, *, n_jobs: int | None, progress: str | bool
) -> list[Bunch]:
    """Run cells in order of the plan, and show how far they are.

    Parameters
    ----------
    cells : list of Cell
        What to run.
    store : Store
        Where they are kept.
    n_jobs : int or None
        Cells run at once.
    progress : {"bar", "log"} or bool
        As in `EmergenceAssessment`.

    Returns
    -------
    list of Bunch
        What each returns.
    """
    kind = kind_of(progress)
    results: list[Bunch] = []
    costs, seconds, heading = [Cost() for _ in cells], 0.0, ""
    with one_thread_of_blas(), log_is_seen(), splits_kept():
        if kind:
            n_at_once = max(1, min(effective_n_jobs(n_jobs), sum(not c.stored for c in cells)))
            costs = costs_of(cells, n_at_once)
            seconds = max(sum(c.seconds for c in costs) / n_at_once, *(c.seconds for c in costs))
            seconds += _START_SECONDS * (n_at_once > 1)
            heading = _heading(cells, costs, seconds, n_at_once, store)
        with Progress(cells, costs, kind, seconds, heading) as shown:
            run = delayed(ending_with_parent)
            jobs = [run(cell.run, shown.file(i)) for i, cell in enumerate(cells)]
            # Memory-mapped arguments cannot be written to, as worlds and modules may do.
            options: dict[str, Any] = {"n_jobs": n_jobs, "max_nbytes": None}
            try:
                parallel = Parallel(**options, return_as="generator")
            except ValueError:
                # Multiprocessing, and others, return all results at the end.
                parallel = Parallel(**options)
            try:
                for i, result in enumerate(parallel(jobs)):
                    if cells[i].entry is not None:
                        cells[i].entry.clean()
                    store.tell(result)
                    results.append(result)
                    shown.finish(i)
            except KeyboardInterrupt:
                LOG.warning(_farewell(len(results), len(cells), store))
                raise
    return results


def _heading(
    cells: Sequence[Cell], costs: Sequence[Cost], seconds: float, n_at_once: int, store: Store
) -> str:
    """Return what will be run, and what it will take."""
    n_networks = sum(cell.work.design.n_seeds for cell in cells if cell.mode is not None)
    n_updates, n_stored = sum(cell.n_updates for cell in cells), sum(c.stored for c in cells)
    about = "about" if all(cost.known for cost in costs) else "more than"
    n_bytes = n_at_once * max(cost.n_bytes for cost in costs)
    processes = f"{n_at_once} process{'es' * (n_at_once > 1)}"
    line = (
        f"{len(cells)} cells, {n_networks} networks, {n_updates:,} updates: {about} "
        f"{in_words(seconds)} on {processes}, {max(n_bytes / 1e9, 0.1):.1f} GB"
    )
    if not n_stored or store.folder is None:
        return line
    return f"{line}; {n_stored} of {len(cells)} cells read from {_place(store.folder)}"


def _farewell(n_finished: int, n_cells: int, store: Store) -> str:
    """Return what is left of a run that is interrupted."""
    kept = "" if store.folder is None else str(_place(store.folder))
    if not n_finished:
        cells = f"Interrupted before the first of {n_cells} cells was finished"
        if not kept:
            return f"{cells}; nothing is kept. Set memory to a folder to go on from it next time."
        return f"{cells}; the same fit goes on from what was trained, as far as {kept} has it."
    cells = f"Interrupted after {n_finished} of {n_cells} cells"
    which, them = ("which is", "it") if n_finished == 1 else ("which are", "them")
    if not kept:
        return f"{cells}, {which} not kept; set memory to a folder to go on from {them} next time."
    return f"{cells}, {which} kept in {kept}; the same fit goes on from {them}."


def _place(cells: Path) -> Path:
    """Return the folder in which a store has its cells, as short as it can be said."""
    folder = cells.parent
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
