"""Compiled functions, whose code is kept on disk where that can be written."""

from numba import njit

# Of kernels of scans and heads: the compiler may reorder sums, and no division raises.
ARITHMETIC = {"fastmath": True, "error_model": "numpy"}


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
            return self._function(*args)
        except OSError:
            # A folder was found, but the disk is full, or what is there cannot be read.
            self._function = self._unkept
            return self._function(*args)

    @property
    def ready(self):
        """Whether this process has compiled it, or read it from the disk."""
        return bool(self._function.signatures)
