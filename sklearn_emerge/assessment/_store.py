"""The store of cells: files that are noticed when they are damaged or missing."""

from __future__ import annotations

import errno
import os
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import joblib

from .._files import read_sealed, seal, write_atomically
from .._typing import PathLike
from ._key import key_of, library_versions


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

    def __init__(self, memory: PathLike | joblib.Memory | None) -> None:
        self.folder = _folder(memory)
        self._told: set[str] = set()
        if self.folder is None:
            return
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
            self.tell({"troubles": {_UNKEPT: _unkept(error)}}, stacklevel=5)

    def entry(self, work: Any) -> Entry | None:
        """Return where the result of a work is kept, None without a folder.

        Its key is computed here and not where it runs: workers know the classes of a notebook by
        value only, which has no key.
        """
        if self.folder is None:
            return None
        key, kind = key_of((library_versions(), work)), type(work).__name__.lower()
        return Entry(self.folder / kind / key / "output.pkl", self.folder / "unfinished" / key)

    def check(self, **parameters: Any) -> None:
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

    def tell(self, result: dict[str, Any], *, stacklevel: int = 5) -> None:
        """Warn of what a cell had trouble with, wherever it ran; of each kind of trouble once."""
        for kind, text in result.pop("troubles", {}).items():
            if kind not in self._told:
                self._told.add(kind)
                warnings.warn(text, stacklevel=stacklevel)


@dataclass(frozen=True)
class Entry:
    """Where the store keeps a result, and the state of its training until there is one.

    Attributes
    ----------
    path : Path
        The file of the result.
    unfinished : Path
        The folder of the state.
    """

    path: Path
    unfinished: Path

    def exists(self) -> bool:
        """Return whether the result is there."""
        return self.path.exists()

    def look_up(self, work: Any, progress_file: PathLike | None = None) -> Any:
        """Return the result that is kept, or run the work and keep what it returns.

        The result has another entry then, ``troubles``, for `Store.tell`.
        """
        troubles: dict[str, str] = {}
        try:
            return pickle.loads(read_sealed(self.path))
        except (FileNotFoundError, NotADirectoryError):
            pass
        except Exception as error:
            troubles[str(self.path)] = (
                f"A finished cell in {str(self.path)!r} cannot be read ({error}); it is computed "
                "again. Nothing has to be done."
            )
        result = work.run(progress_file, self.unfinished)
        troubles |= result.pop("troubles", {})
        weights = result.pop("weights", None)
        try:
            if weights is not None:
                write_atomically(self._weights, *seal(pickle.dumps(weights)))
            write_atomically(self.path, *seal(pickle.dumps(result)))
        except Exception as error:
            troubles[_UNKEPT] = _unkept(error)
        result["troubles"] = troubles
        return result

    @property
    def _weights(self) -> Path:
        """The file of the weights of its networks, which an assessment does not read."""
        return self.path.with_name("weights.pkl")

    def weights(self) -> Any:
        """Return the weights of its networks, one state a seed; None if they are not kept."""
        try:
            return pickle.loads(read_sealed(self._weights))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:
            warnings.warn(
                f"Weights in {str(self._weights)!r} cannot be read ({error}); the network is "
                "trained again. Nothing has to be done.",
                stacklevel=4,
            )
            return None

    def clean(self) -> None:
        """Remove the state, which is not needed any more."""
        rmtree(self.unfinished, ignore_errors=True)


_UNKEPT = "unkept"


def _unkept(error: Exception) -> str:
    return (
        f"Finished cells cannot be kept in the folder of memory: {error} The assessment goes on, "
        "but if it is cut off it will begin anew."
    )


def _folder(memory: PathLike | joblib.Memory | None) -> Path | None:
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
