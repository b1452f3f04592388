"""How the cells of an assessment are run, and what is said of it."""

import errno
import os
from collections.abc import Sequence
from pickle import PicklingError

import numpy as np
from sklearn.utils import Bunch

from .._engine import WAIT_SECONDS, WorkerKilledError, run_jobs
from .._names import did_you_mean
from .._threads import one_thread_of_blas
from ._costs import Cost, costs_of
from ._design import splits_kept
from ._plan import Cell
from ._planned import n_at_once, place_of, planned
from ._progress import LOG, Progress, kind_of, log_is_seen
from ._store import Store

# What is meant by other words for nothing.
_SILENT = ("none", "off", "no", "quiet", "silent", "false")
_NO_ROOM = (
    "There is no room for the file that worker processes map in place of an array in memory. Set "
    "the environment variable JOBLIB_TEMP_FOLDER to a folder with more room, or pass the array as "
    "a memory map, np.load(path, mmap_mode='r'), or n_jobs=1."
)


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
) -> list[tuple[Bunch, dict[int, Bunch]]]:
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
    list of (Bunch, dict of int to Bunch)
        What was found in each, see `Cell.take`.

    Raises
    ------
    WorkerKilledError
        If a worker is killed again and again, see `run_jobs`.
    """
    kind = kind_of(progress)
    results: dict[int, tuple[Bunch, dict[int, Bunch]]] = {}
    remaining = [cell.remaining for cell in cells]
    costs, seconds, heading = [Cost() for _ in cells], 0.0, ""
    with one_thread_of_blas(), log_is_seen(), splits_kept():
        if kind:
            n_processes = n_at_once(cells, n_jobs)
            costs = costs_of(remaining, n_processes)
            expected = planned(cells, costs, n_processes, store.folder)
            seconds, heading = expected.seconds, expected.line
        with Progress(remaining, costs, kind, seconds, heading) as shown:
            jobs = [(cell.run, shown.file(i)) for i, cell in enumerate(cells)]
            try:
                for i, (found, troubles) in run_jobs(jobs, n_jobs):
                    if cells[i].entry is not None and not cells[i].stored:
                        # What is only read may be trained further by others, with more seeds.
                        cells[i].entry.clean()
                    store.tell(troubles, stacklevel=6)
                    results[i] = cells[i].take(found)
                    shown.finish(i)
            except WorkerKilledError as error:
                i = error.args[0]
                killed = None if i is None else cells[i].name
                raise WorkerKilledError(_killed(killed, len(results), len(cells), store)) from error
            except KeyboardInterrupt:
                LOG.warning(_farewell(len(results), len(cells), store))
                raise
            except PicklingError as error:
                # Of what went wrong joblib gives the text.
                if os.strerror(errno.ENOSPC) not in str(error.__cause__):
                    raise
                raise OSError(errno.ENOSPC, _NO_ROOM) from error
    return [results[i] for i in range(len(cells))]


def _farewell(n_finished: int, n_cells: int, store: Store) -> str:
    """Return what is left of a run that is interrupted."""
    kept = "" if store.folder is None else str(place_of(store.folder))
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


def _killed(name: str | None, n_finished: int, n_cells: int, store: Store) -> str:
    """Return what is left, and what to do, if a worker is killed that runs a cell alone.

    Without a name, no worker is left.
    """
    if name is None:
        what = f"Workers were killed, and none came in their place within {WAIT_SECONDS} seconds."
        remedy = "Start workers again."
    else:
        alone = "although no other cell ran at the same time"
        what = f"A worker was killed in the cell '{name}', {alone}."
        remedy = "n_jobs=1 runs cells here, without a worker."
    kept = f"{n_finished} of {n_cells} cells are finished"
    if store.folder is None:
        kept += " and lost; set memory to a folder, so that the next fit goes on from them."
    else:
        kept += f" and kept in {place_of(store.folder)}; the same fit goes on from them."
    return (
        f"{what} {kept} If memory was short, take fewer or shorter sequences (n_train, n_eval), "
        f"fewer seeds (n_seeds) or a smaller network, or a machine with more memory. {remedy}"
    )
