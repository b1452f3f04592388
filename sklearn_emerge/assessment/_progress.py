"""Progress of long work across processes: workers write how far they are, a thread shows it."""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any, Protocol, Self

from skorch.callbacks import Callback
from tqdm import tqdm

from .._abandoned import progress_folder, remove_abandoned
from .._typing import PathLike

LOG = logging.getLogger("sklearn_emerge")
_WRITE_EVERY = 20
_COMPILING = "compiling"
# Lines for cells that are finished, and for a long time without one, in a whole run: about this
# many of each.
_LINES = 20
_MINUTE = 60
# Seconds between two looks; a bar that is no line of a terminal leaves a trace of each.
_REFRESH, _REFRESH_FILE = 0.5, 5.0
# Of work, for a cell that was estimated to take none.
_LEAST = 1e-3
# The share of the work that has to be done for its time to count as much as the estimate.
_TRUSTED = 0.05
# Shares of the work below this are rounding errors.
_ROUNDING = 1e-9


class _Counted(Protocol):
    """What is counted: of `Cell`, which belongs to the plan and to no cell."""

    @property
    def name(self) -> str: ...

    @property
    def n_updates(self) -> int: ...


class _Estimated(Protocol):
    """What it was estimated to take: of `Cost`."""

    @property
    def training(self) -> float: ...

    @property
    def other(self) -> float: ...

    @property
    def seconds(self) -> float: ...


def in_notebook() -> bool:
    """Return whether this is a notebook."""
    shell = sys.modules.get("IPython")
    shell = shell and shell.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def kind_of(progress: str | bool) -> str | bool:
    """Return "bar", "log" or False for what the parameter `progress` says."""
    if isinstance(progress, str):
        return progress
    # One of numpy is none of Python's.
    if not progress:
        return False
    return "bar" if sys.stderr.isatty() or in_notebook() else "log"


@contextmanager
def log_is_seen() -> Iterator[None]:
    """Let what is logged be seen on stderr, unless the program has configured logging itself."""
    if LOG.hasHandlers():
        yield
        return
    handler, level = logging.StreamHandler(), LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(level)


def in_words(seconds: float) -> str:
    """Return a duration to about a digit and a half: it is a guess."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 100:
        return f"{5 * round(seconds / 5)} s"
    if seconds < 100 * 60:
        return f"{round(seconds / 60)} min"
    if seconds < 100 * 3600:
        return f"{seconds / 3600:.2g} h"
    # 110, and not 1.1e+02.
    return f"{float(f'{seconds / 86400:.2g}'):g} days"


class ProgressFile(Callback):
    """Write to a file how far a cell is.

    These are updates, over all fits, the share of what follows them, and how many of the updates
    are of an earlier run, whose training goes on.

    Parameters
    ----------
    path : path-like or None
        The file; None writes nothing.
    """

    def __init__(self, path: PathLike | None) -> None:
        self.path = path
        # What ends with an underscore is kept with the training, and comes back with it.
        self.done_ = self.written_ = 0
        self.now = 0

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Count an update of each replica in the batch."""
        stacked = batch[1].ndim == 2
        n_updates = len(batch[1]) if stacked else 1
        self.done_ += n_updates
        self.now += n_updates
        if self.done_ - self.written_ >= _WRITE_EVERY:
            self.written_ = self.done_
            self.follow(0)

    def follow(self, share: float) -> None:
        """Say how much is done of what is not training."""
        self._write(f"{self.done_} {share:.4f} {self.done_ - self.now}")

    def announce_compilation(self) -> None:
        """Say that the next seconds are spent on compiling."""
        self._write(_COMPILING)

    def _write(self, text: str) -> None:
        if self.path is None:
            return
        # Workers on another machine may not see the folder: then cells count when they end.
        with suppress(OSError):
            Path(self.path).write_text(text)


class Progress:
    """How far many cells are, in seconds of the work that they were estimated to be.

    Parameters
    ----------
    cells : list of Cell
        What is run.
    costs : list of Cost
        What each takes.
    kind : {"bar", "log", False}
        A bar, lines in the log, or nothing.
    seconds : float, default=0
        How long all of it may take.
    heading : str, default=""
        A line that is shown before.
    title, things : str, default="assessment", "cells"
        What the work, and what its parts are called.
    """

    def __init__(
        self,
        cells: Sequence[_Counted],
        costs: Sequence[_Estimated],
        kind: str | bool,
        seconds: float = 0.0,
        heading: str = "",
        *,
        title: str = "assessment",
        things: str = "cells",
    ) -> None:
        self.cells, self.costs = cells, costs
        self.title, self.things = title, things
        self.finished = [False] * len(cells)
        self.latest = 0
        self.total = sum(cost.seconds + _LEAST for cost in costs)
        self.estimate, self.start = seconds, time.monotonic()
        # Of the work of each cell, what an earlier run had done.
        self._before = [0.0] * len(cells)
        views: dict[str | bool, type[_Bar | _Log]] = {"bar": _Bar, "log": _Log}
        self.view = views[kind](self, heading) if kind else None
        self._folder: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        if self.view is None:
            return self
        # Without a folder cells count when they end.
        with suppress(OSError):
            remove_abandoned()
            self._folder = progress_folder()
        self._stop = Event()
        self._thread = Thread(target=self._watch, args=(self.view,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.view is None:
            return
        self._stop.set()
        self._thread.join()
        self.view.show()
        self.view.close()
        if self._folder is not None:
            self._folder.cleanup()

    def file(self, i: int) -> str | None:
        """Return the path of the file in which a cell reports, None if there is none."""
        return None if self._folder is None else str(Path(self._folder.name) / str(i))

    def finish(self, i: int) -> None:
        """Count a cell as done, whether it was run or read from the store."""
        self._read(i)
        self.finished[i] = True
        self.latest = i

    def read(self) -> tuple[float, bool]:
        """Return the seconds of work that are done, and whether a cell is compiling."""
        done, compiling = 0.0, False
        for i, cost in enumerate(self.costs):
            if self.finished[i]:
                done += cost.seconds + _LEAST
                continue
            of_cell, compiles = self._read(i)
            done += of_cell
            compiling |= compiles
        return done, compiling

    def left(self, done: float) -> str:
        """Return how much time is left in words; nothing if no work tells how long it takes.

        It follows from the time that the work of this run has taken, and from the estimate of all.

        Parameters
        ----------
        done : float
            Seconds of work that are done, as `read` returns them.
        """
        # What takes no time, as cells out of the store, tells nothing.
        n_free = sum(f and not c.seconds for f, c in zip(self.finished, self.costs, strict=True))
        worked = (done - n_free * _LEAST - sum(self._before)) / self.total
        rest = 1 - done / self.total
        if worked <= _ROUNDING or rest <= _ROUNDING:
            return ""
        # A small cell, as that of baselines, says little of how long the others take.
        known = _TRUSTED if self.estimate else 0.0
        elapsed = time.monotonic() - self.start
        return in_words((elapsed + known * self.estimate) / (worked + known) * rest)

    def _read(self, i: int) -> tuple[float, bool]:
        """Return the seconds of work of an unfinished cell that are done, and if it is compiling.

        What an earlier run had done of it is noted.
        """
        cell, cost, report = self.cells[i], self.costs[i], self._report(i)
        # A file may be empty: not begun, or caught between truncation and writing.
        with suppress(ValueError):
            updates, share, before = report.split()
            update = cost.training / max(1, cell.n_updates)
            self._before[i] = update * int(before)
            return update * int(updates) + cost.other * float(share), False
        return 0.0, report == _COMPILING

    def _report(self, i: int) -> str:
        """Return what an unfinished cell has written."""
        path = self.file(i)
        try:
            return "" if path is None else Path(path).read_text()
        except FileNotFoundError:
            return ""

    def _watch(self, view: "_Bar | _Log") -> None:
        while not self._stop.wait(view.every):
            view.show()


class _Bar:
    """A bar on a terminal, or in a notebook."""

    def __init__(self, progress: Progress, heading: str) -> None:
        self.progress = progress
        notebook = in_notebook()
        widgets = notebook and find_spec("ipywidgets") is not None
        if widgets:
            from tqdm.notebook import tqdm as bar
        else:
            bar = tqdm
        self.every = _REFRESH if widgets or sys.stderr.isatty() else _REFRESH_FILE
        if heading:
            print(heading, file=sys.stderr)
        self.bar = bar(
            total=progress.total,
            desc=progress.title,
            leave=True,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}",
        )

    def show(self) -> None:
        """Draw the bar as far as work is done."""
        progress, (done, compiling) = self.progress, self.progress.read()
        doing = f", {_COMPILING} (first time only)" if compiling else ""
        left = progress.left(done)
        about = f", about {left} left" if left else ""
        n_finished, n_cells = sum(progress.finished), len(progress.cells)
        shown = f"{n_finished} of {n_cells} {progress.things}{about}{doing}"
        self.bar.set_postfix_str(shown, refresh=False)
        # A file that was being written counts as nothing for a moment; never step back.
        self.bar.update(max(0.0, min(done, self.bar.total) - self.bar.n))
        self.bar.refresh()

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()


class _Log:
    """Lines in the log: one a finished cell, or a minute; fewer if there are many."""

    every = _REFRESH

    def __init__(self, progress: Progress, heading: str) -> None:
        self.progress = progress
        self.stride = -(-len(progress.cells) // _LINES)
        self.silence = max(_MINUTE, progress.estimate / _LINES)
        self.last = progress.start
        self.n_shown = 0
        if heading:
            LOG.info(heading)

    def show(self) -> None:
        """Log how far the work is, if there is something to say."""
        finished, now = self.progress.finished, time.monotonic()
        n = sum(finished)
        new = n // self.stride > self.n_shown // self.stride or self.n_shown < n == len(finished)
        if not new and now - self.last < self.silence:
            return
        latest = f" ({self.progress.cells[self.progress.latest].name})" if new else ""
        left = self.progress.left(self.progress.read()[0])
        about = f", about {left} left" if left else ""
        elapsed = in_words(now - self.progress.start)
        things = self.progress.things
        LOG.info(f"{n} of {len(finished)} {things}{latest} after {elapsed}{about}")
        self.last, self.n_shown = now, n

    def close(self) -> None:
        """Nothing is open."""
