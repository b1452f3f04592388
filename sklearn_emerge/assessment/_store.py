"""The store of cells: files that are noticed when they are damaged or missing."""

import errno
import inspect
import os
import pickle
import warnings
from functools import partial
from pathlib import Path
from shutil import rmtree

import joblib

from .._files import read_sealed, seal, write_atomically
from ._key import key_of, provenance


class Store:
    """A folder of finished cells, and of the state of unfinished ones.

    It is an aid: where it cannot be written, or is damaged, cells are computed all the same.
    (`joblib.Memory` checks no sums, and does not go on without room.)

    Parameters
    ----------
    memory : str, path-like, joblib.Memory or None
        Where; None keeps nothing.

    Attributes
    ----------
    folder : Path or None
        The folder, which only its owner can read.

    Raises
    ------
    ValueError
        If there is no such folder, and none can be made.

    Warns
    -----
    UserWarning
        If nothing can be written there.
    """

    def __init__(self, memory):
        self.folder = _folder(memory)
        self._told = set()
        if self.folder is None:
            return
        self._provenance = provenance()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise ValueError(
                    f"memory={memory!r} cannot be used as a folder: {error}. Choose a folder that "
                    "you can write to, or None."
                ) from error
        try:
            write_atomically(self.folder / ".gitignore", b"*\n")
        except OSError as error:
            self.tell({"troubles": {_UNKEPT: _unkept(error)}}, stacklevel=4)

    def call(self, function, args, kwargs):
        """Return a call of a cell that takes its result from the store, or leaves it there.

        Its key is computed here and not where it runs: workers know the classes of a notebook by
        value only, which has no key.

        Parameters
        ----------
        function : callable
            The cell; returns a Bunch, which has another entry, ``troubles``, for `tell`, if it
            was not read.
        args, kwargs : tuple and dict
            What it is computed from; a function that takes a ``checkpoint_folder`` gets one.

        Returns
        -------
        function, args, kwargs : tuple
            The call.
        """
        if self.folder is None:
            return function, args, kwargs
        key = key_of((self._provenance, function.__name__, args, kwargs))
        if "checkpoint_folder" in inspect.signature(function).parameters:
            kwargs = kwargs | {"checkpoint_folder": self.folder / "unfinished" / key}
        path = self.folder / function.__name__ / key / "output.pkl"
        return partial(_look_up, path, function), args, kwargs

    def has(self, call):
        """Return whether the result of a call is there."""
        return isinstance(call[0], partial) and call[0].args[0].exists()

    def check(self, **parameters):
        """Raise a ValueError if a parameter has no key, because a part cannot be pickled."""
        for name, value in parameters.items() if self.folder is not None else ():
            try:
                key_of(value)
            except Exception as error:
                raise ValueError(
                    f"memory is set, but {name}={value!r} cannot be stored ({error}). Define its "
                    "parts (modules, callbacks, functions) at the top level of a file instead of "
                    "as lambdas or inside functions, and give them what they need, such as a "
                    "trained net, by functools.partial; or set memory=None."
                ) from error

    def tell(self, result, unfinished=None, *, stacklevel=5):
        """Warn of what a cell had trouble with, wherever it ran; of each kind of trouble once.

        The folder of its training is not needed any more.
        """
        if unfinished is not None:
            rmtree(unfinished, ignore_errors=True)
        for kind, text in result.pop("troubles", {}).items():
            if kind not in self._told:
                self._told.add(kind)
                warnings.warn(text, stacklevel=stacklevel)


_UNKEPT = "unkept"


def _unkept(error):
    return (
        f"Finished cells cannot be kept in the folder of memory: {error} The assessment goes on, "
        "but if it is cut off it will begin anew."
    )


def _folder(memory):
    """Return the folder that an argument means."""
    if memory is None or (isinstance(memory, joblib.Memory) and memory.location is None):
        return None
    if isinstance(memory, joblib.Memory) and memory.backend == "local":
        place = memory.store_backend.location
    elif isinstance(memory, str | os.PathLike) and os.fspath(memory):
        place = os.path.expanduser(memory)
    else:
        raise ValueError(
            f"memory={memory!r} is no folder; pass the path of one, a joblib.Memory of one, or "
            "None."
        )
    # A folder of its own, in which `Memory.clear` and `Memory.reduce_size` find the cells.
    return Path(os.path.abspath(place)) / "sklearn_emerge_cells"


def _look_up(path, function, /, *args, **kwargs):
    """Return what a file has kept of a call, or call the function and keep what it returns."""
    troubles = {}
    try:
        return pickle.loads(read_sealed(path))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except Exception as error:
        troubles[str(path)] = (
            f"A finished cell in {str(path)!r} cannot be read ({error}); it is computed again. "
            "Nothing has to be done."
        )
    result = function(*args, **kwargs)
    troubles |= result.pop("troubles", {})
    try:
        write_atomically(path, *seal(pickle.dumps(result)))
    except Exception as error:
        troubles[_UNKEPT] = _unkept(error)
    result["troubles"] = troubles
    return result
