"""The store of results, seed by seed: files that are noticed when they are damaged or missing."""

from __future__ import annotations

import errno
import json
import os
import pickle
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any

import joblib
from sklearn.utils import Bunch

from .._files import read_sealed, seal, write_atomically
from .._typing import PathLike
from ._key import instruction_sets, key_and_code_of, key_of, library_versions
from ._work import Work


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
        # Many cells have the same code, of which one copy is enough.
        self._codes: dict[frozenset[tuple[str, str]], dict[str, str]] = {}
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
            self.tell({_UNKEPT: _unkept(error)}, stacklevel=5)

    def entry(self, work: Work, about: Mapping[str, Any] | None = None) -> Entry | None:
        """Return where the results of a work are kept, None without a folder.

        Its key is computed here and not where it runs: workers know the classes of a notebook by
        value only, which has no key.

        Parameters
        ----------
        work : Work
            What is computed.
        about : dict or None, default=None
            What it is, in words, for whoever looks at the folder.

        Returns
        -------
        Entry or None
        """
        if self.folder is None:
            return None
        libraries = {"versions": library_versions(), "instructions": instruction_sets()}
        key, code = key_and_code_of((libraries, work.of_any_seed()))
        names = []
        for seed in work.seeds:
            own = work.own_of(seed)
            names.append(f"seed-{seed}" if own is None else f"seed-{seed}-{key_of(own)[:16]}")
        code = self._codes.setdefault(frozenset(code.items()), code)
        about = {"format": FORMAT, **(about or {}), **libraries, "code": code}
        kind = type(work).__name__.lower()
        return Entry(self.folder / kind / key, tuple(names), about)

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

    def tell(self, troubles: Mapping[str, str], *, stacklevel: int = 5) -> None:
        """Warn of what a cell had trouble with, wherever it ran; of each kind of trouble once."""
        for kind, text in troubles.items():
            if kind not in self._told:
                self._told.add(kind)
                warnings.warn(text, stacklevel=stacklevel)


@dataclass(frozen=True)
class Entry:
    """Where the store keeps the results of a work, and the state of its training until then.

    Attributes
    ----------
    folder : Path
        The folder of all seeds, however many there are.
    names : tuple of str
        Names of the files of seeds, without their ends.
    about : dict
        What it is and by which code, for a file in JSON.
    """

    folder: Path
    names: tuple[str, ...]
    about: Mapping[str, Any]

    def has(self, seed: int) -> bool:
        """Return whether the result of a seed is there."""
        return self._file(seed).exists()

    def look_up(
        self, work: Work, known: Mapping[int, Bunch], progress_file: PathLike | None = None
    ) -> tuple[list[Bunch], dict[str, str]]:
        """Return the results that are known or kept, and compute and keep those of other seeds.

        Parameters
        ----------
        work : Work
            What is computed.
        known : dict of int to Bunch
            Results that need not be read.
        progress_file : path-like or None, default=None
            As in `Work.measure`.

        Returns
        -------
        results : list of Bunch
            One a seed.
        troubles : dict of str to str
            For `Store.tell`.
        """
        found, troubles = dict(known), dict[str, str]()
        for seed in work.left(found):
            file = self._file(seed)
            try:
                found[seed] = pickle.loads(read_sealed(file))
            except (FileNotFoundError, NotADirectoryError):
                pass
            except Exception as error:
                troubles[str(file)] = (
                    f"A finished cell in {str(file)!r} cannot be read ({error}); it is computed "
                    "again. Nothing has to be done."
                )
        left = work.left(found)
        if not left:
            return [found[seed] for seed in work.seeds], troubles
        # What cannot be written is told of results.
        with suppress(OSError):
            write_atomically(self.folder / ABOUT, json.dumps(self.about, indent=1).encode())
        # Seeds that train together have one state.
        together = sha256(" ".join(self.names[seed] for seed in left).encode()).hexdigest()
        unfinished = self.folder / f"{UNFINISHED}{together[:16]}"
        computed = work.measure(left, found, progress_file, unfinished)
        for seed, result in zip(left, computed, strict=True):
            troubles |= result.pop("troubles", {})
            weights = result.pop("weights", None)
            try:
                if weights is not None:
                    write_atomically(self._weights(seed), *seal(pickle.dumps(weights)))
                write_atomically(self._file(seed), *seal(pickle.dumps(result)))
            except Exception as error:
                troubles[_UNKEPT] = _unkept(error)
            found[seed] = result
        return [found[seed] for seed in work.seeds], troubles

    def _file(self, seed: int) -> Path:
        """Return the file of the result of a seed."""
        return self.folder / f"{self.names[seed]}.pkl"

    def _weights(self, seed: int) -> Path:
        """Return that of the weights of its network, which an assessment does not read."""
        return self.folder / f"{self.names[seed]}.weights"

    def weights(self, seed: int) -> Any:
        """Return the state of the network of a seed; None if it is not kept."""
        file = self._weights(seed)
        try:
            return pickle.loads(read_sealed(file))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:
            warnings.warn(
                f"Weights in {str(file)!r} cannot be read ({error}); the network is trained "
                "again. Nothing has to be done.",
                stacklevel=4,
            )
            return None

    def clean(self) -> None:
        """Remove the state, which is not needed any more."""
        for folder in self.folder.glob(f"{UNFINISHED}*"):
            rmtree(folder, ignore_errors=True)


# A folder of its own, in which `Memory.clear` and `Memory.reduce_size` find the cells.
CELLS = "sklearn_emerge_cells"
# What a folder of results is, in a file of it; and what its folders of unfinished trainings begin
# with.
ABOUT, UNFINISHED = "about.json", "unfinished-"
# Of the files; that of one file for all seeds, which had no description, was the first.
FORMAT = 2
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
    return Path(os.path.abspath(place)) / CELLS
