"""Progress of long work across processes: workers write how far they are, a thread reads it."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

from skorch.callbacks import Callback
from tqdm import tqdm

_REFRESH_SECONDS = 0.5
_WRITE_EVERY = 20
_COMPILING = "compiling"


class ProgressFile(Callback):
    """Write to a file how many updates have been made, over all fits that it is passed to.

    Parameters
    ----------
    path : path-like
        The file.
    """

    def __init__(self, path):
        self.path = path
        self.done_ = self.written_ = 0

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        """Count an update of each replica in the batch."""
        stacked = batch[1].ndim == 2
        self.done_ += len(batch[1]) if stacked else 1
        if self.done_ - self.written_ >= _WRITE_EVERY:
            self.written_ = self.done_
            self._write(str(self.done_))

    def announce_compilation(self):
        """Say that the next seconds are spent on compiling."""
        self._write(_COMPILING)

    def _write(self, text):
        # Workers on another machine may not see the folder: then cells count when they end.
        with suppress(OSError):
            Path(self.path).write_text(text)


class Progress:
    """A progress bar over the updates of many cells, wherever they run.

    Parameters
    ----------
    steps : list of int
        Updates of each cell.
    enabled : bool
        False shows nothing.
    """

    def __init__(self, steps, enabled):
        self.steps = steps
        self.finished = [False] * len(steps)
        self.bar = tqdm(
            total=sum(steps), desc="assessment", unit="update", disable=not enabled, smoothing=0.05
        )

    def __enter__(self):
        self._folder = None
        if self.bar.disable:
            return self
        # Without a folder cells count when they end.
        with suppress(OSError):
            self._folder = TemporaryDirectory(prefix="sklearn_emerge-")
        self._stop = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._show()
        self._thread.start()
        return self

    def __exit__(self, *error):
        if self.bar.disable:
            return
        self._stop.set()
        self._thread.join()
        self._show()
        self.bar.close()
        if self._folder is not None:
            self._folder.cleanup()

    def file(self, cell):
        """Return the path of the file in which a cell reports, None if there is none."""
        if self._folder is None:
            return None
        return str(Path(self._folder.name) / str(cell))

    def finish(self, cell):
        """Count a cell as done, whether it was run or read from the store."""
        self.finished[cell] = True

    def _report(self, cell):
        """Return what an unfinished cell has written."""
        try:
            return Path(self.file(cell)).read_text()
        except (FileNotFoundError, TypeError):
            return ""

    def _show(self):
        cells = range(len(self.steps))
        reports = [self._report(cell) for cell in cells if not self.finished[cell]]
        done = sum(self.steps[cell] for cell in cells if self.finished[cell])
        # A file may be empty: not begun, or caught between truncation and writing.
        done += sum(int(report) for report in reports if report.isdecimal())
        doing = f", {_COMPILING} (first time only)" if _COMPILING in reports else ""
        shown = f"{sum(self.finished)} of {len(self.steps)} cells{doing}"
        self.bar.set_postfix_str(shown, refresh=False)
        # A file that was being written counts as nothing for a moment; never step back.
        self.bar.update(max(0, done - self.bar.n))
        self.bar.refresh()

    def _watch(self):
        while not self._stop.wait(_REFRESH_SECONDS):
            self._show()
