"""What a run that was killed would leave: processes that work on, and a folder of progress."""

import os
import shutil
import time
from collections.abc import Callable
from functools import lru_cache
from multiprocessing import current_process, parent_process
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from threading import Thread
from typing import Any

# Seconds between two looks at the parent.
_LOOK_EVERY = 0.5
_PREFIX = "sklearn_emerge-progress-"


def progress_folder() -> TemporaryDirectory[str]:
    """Return a temporary folder whose name tells the process that it belongs to."""
    return TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-")


def remove_abandoned(killed: int | None = None) -> None:
    """Remove the temporary folders of processes that are no more, and of one that was killed."""
    for folder in Path(gettempdir()).glob(f"{_PREFIX}*-*"):
        number = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and (int(number) == killed or not _is_running(int(number))):
            shutil.rmtree(folder, ignore_errors=True)


def ending_with_parent(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return work(*arguments); a worker process ends when the process that started it is killed.

    Parameters
    ----------
    work : callable
        What to run, here or in a worker of joblib.
    *arguments
        What it is called with.
    """
    parent = parent_process()
    # Others, as those of a server that forks, have a parent that is not the one that they know.
    # One of loky that has another has lost its own already.
    if parent is not None and (os.getppid() == parent.pid or _is_of_loky()):
        _end_with(parent.pid)
    return work(*arguments)


def _is_of_loky() -> bool:
    """Return whether this is a worker of joblib's usual kind."""
    return current_process().name.startswith("LokyProcess")


@lru_cache
def _end_with(parent: int) -> None:
    """Watch the parent from a thread, of which a process needs one."""
    Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """End this process when its parent is another."""
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    remove_abandoned(parent)
    # Nobody reads a traceback, and whatever is half written has a temporary name.
    os._exit(1)


def _is_running(process: int) -> bool:
    """Return whether there is such a process; where that cannot be asked, there is."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        # It is another user's.
        pass
    return True
