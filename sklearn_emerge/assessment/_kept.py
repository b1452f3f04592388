"""What a store has kept: read back, and told apart from what code of today does not find."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from .._typing import PathLike
from ._key import instruction_sets, library_versions
from ._reach import digest_of
from ._store import ABOUT, CELLS, FORMAT, UNFINISHED

# By what results were computed.
TODAY, CODE, VERSIONS = "this code", "other code", "other versions of libraries"
PROCESSOR, UNKNOWN = "other instructions of the processor", "nobody knows what"
# Another machine may still read what it has computed in a folder that is shared.
_REMOVED = (CODE, VERSIONS)
_SEED = re.compile(r"seed-(\d+)(-[0-9a-f]+)?\.pkl")


@dataclass(frozen=True)
class Kept:
    """Results of one work in a store, of one seed or more.

    Attributes
    ----------
    folder : Path
        Their folder.
    kind : str
        What was computed: "networks", "baselines", "windows" or "cores".
    world, model, name : str
        The classes, and what it is in words; "" if that is not known.
    seeds : tuple of int
        The seeds that are there.
    unfinished : bool
        Whether there is the state of a training that was cut off, or runs.
    n_bytes : int
        Size of all its files.
    date : float
        When the last of these was written, in seconds since 1970.
    made_by : str
        "this code", or what else they were computed by, so that they are not found today.
    """

    folder: Path
    kind: str
    world: str
    model: str
    name: str
    seeds: tuple[int, ...]
    unfinished: bool
    n_bytes: int
    date: float
    made_by: str

    @property
    def removed(self) -> bool:
        """Whether `prune` removes them: older code has left them."""
        return self.made_by in _REMOVED


def list_kept(memory: PathLike) -> list[Kept]:
    """Return what is in the folder of a store, by world, model, and by what it was made.

    Parameters
    ----------
    memory : path-like
        The folder that is the parameter `memory` of assessments, or that of their joblib.Memory.

    Returns
    -------
    list of Kept

    Raises
    ------
    ValueError
        If it is no such folder.
    """
    kept = [_read(folder) for folder in _folders(memory)]
    return sorted(kept, key=lambda each: (each.world, each.model, each.made_by, each.kind))


def prune(kept: Sequence[Kept]) -> None:
    """Remove from the disk what older code has left of this, and nothing else."""
    for each in kept:
        if each.removed:
            rmtree(each.folder)


def _folders(memory: PathLike) -> Iterator[Path]:
    """Yield the folders of the works in a store."""
    place = Path(memory).expanduser()
    found = [place / CELLS, place / "joblib" / CELLS]
    cells = next((each for each in found if each.is_dir()), None)
    if cells is None:
        raise ValueError(
            f"There are no results in {str(place)!r}: it has no folder {CELLS}; pass the folder "
            "that is the memory of assessments."
        )
    # Nothing that a link leads to is a part of it.
    for kind in sorted(each for each in cells.iterdir() if each.is_dir()):
        for folder in sorted(kind.iterdir()):
            if folder.is_dir() and not kind.is_symlink() and not folder.is_symlink():
                yield folder


def _read(folder: Path) -> Kept:
    """Return what is in the folder of a work."""
    about = _about(folder)
    files = list(_files(folder))
    names = [each.name for each in folder.iterdir()]
    seeds = sorted({int(match[1]) for match in map(_SEED.fullmatch, names) if match})
    return Kept(
        folder,
        kind=folder.parent.name,
        world=str(about.get("world", "")),
        model=str(about.get("model", "")),
        name=str(about.get("name", "")),
        seeds=tuple(seeds),
        unfinished=any(name.startswith(UNFINISHED) for name in names),
        n_bytes=sum(each.st_size for each in files),
        date=max((each.st_mtime for each in files), default=folder.stat().st_mtime),
        made_by=_made_by(about, names, folder),
    )


def _files(folder: Path) -> Iterator[os.stat_result]:
    """Yield what is known of each file in a folder, while others may be at work there."""
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if not file.is_dir():
                yield file.lstat()


def _about(folder: Path) -> dict[str, Any]:
    """Return what a folder says of itself, {} if that cannot be read."""
    try:
        about = json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) and isinstance(about.get("code"), dict) else {}


def _made_by(about: dict[str, Any], names: Sequence[str], folder: Path) -> str:
    """Return by what the results in a folder were computed."""
    if not about:
        # The first format had all seeds in one file.
        first = "output.pkl" in names or folder.parent.name == "unfinished"
        return CODE if first else UNKNOWN
    code = about["code"].items()
    if about.get("format") != FORMAT or not all(_is_todays(*each) for each in code):
        return CODE
    if about.get("versions") != library_versions():
        return VERSIONS
    # As a file has it: tuples are lists.
    today = json.loads(json.dumps(instruction_sets()))
    return TODAY if about.get("instructions") == today else PROCESSOR


def _is_todays(module: str, digest: str) -> bool:
    """Return whether a module of the package is what it was."""
    try:
        return digest_of(module) == digest
    except StopIteration:
        # There is no such file any more.
        return False
