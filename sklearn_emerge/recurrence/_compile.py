"""Compiled functions, whose code is kept on disk where that can be written."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

from numba import njit

# Of kernels of scans and heads: the compiler may reorder sums, and no division raises.
ARITHMETIC = {"fastmath": True, "error_model": "numpy"}

# One thread after another, or one would take the collector for switched off by the user.
_READING = RLock()


class Compiled:
    """A function that is compiled on its first call, or read from the disk.

    Looking for a folder writes to the disk: make it when it is needed, not on import.

    Parameters
    ----------
    function : callable
        What to compile.
    **options
        Passed to `numba.njit`.
    """

    def __init__(self, function, **options):
        self._unkept = njit(**options)(function)
        try:
            self._function = njit(cache=True, **options)(function)
        except RuntimeError:
            # Neither the package nor the home can be written: compile for this process alone.
            self._function = self._unkept

    def __call__(self, *args):
        """Call the function."""
        try:
            if not self.ready:
                self._read(args)
            return self._function(*args)
        except OSError:
            # A folder was found, but the disk is full, or what is there cannot be read.
            self._function = self._unkept
            return self._function(*args)

    def _read(self, args):
        # Not by a call, which may last for as long as a training: a team stays in its kernel.
        types = tuple(map(self._function.typeof_pyval, args))
        with _READING, _no_garbage_collection():
            self._function.compile(types)

    @property
    def ready(self):
        """Whether this process has compiled it, or read it from the disk."""
        return bool(self._function.signatures)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Look for no garbage meanwhile.

    numba makes many objects when it reads a kernel, after some of which Python would look through
    those of all libraries: with those of an assessment that takes as long as the reading.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
