"""Files that are written whole or not at all, and whose damage does not go unnoticed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from shutil import disk_usage
from stat import S_IMODE
from tempfile import NamedTemporaryFile
from uuid import uuid4

# What stands before the SHA-256 at the end of a file. Readers of NetCDF, zip files and pickles
# do not look at what comes after the end, so that others can read these files, too.
_MARK = b"sklearn_emerge sha256 "
_SEAL = len(_MARK) + sha256().digest_size


def check_writable(path: str | os.PathLike[str]) -> Path:
    """Raise an OSError unless a file can be written at `path`; return the Path of that file.

    A leading ``~`` is the home folder; of a symbolic link it is the target that is written.
    """
    target = Path(os.path.realpath(os.path.expanduser(path)))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # A device or a pipe would be replaced, by renaming.
        if os.path.lexists(target) and not target.is_file():
            raise OSError("it exists and is no regular file")
        with NamedTemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise OSError(
            f"path={str(path)!r} cannot be written: {error}. Choose a file in a folder that you "
            "can write to."
        ) from error
    return target


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the path of a temporary file beside `path`, which takes its place at the end.

    Nothing is left of it after an error. A file that is replaced hands on its permissions. An
    OSError says how much room there is.
    """
    target = check_writable(path)
    temporary = target.parent / f"tmp{uuid4().hex}"
    try:
        # The kernel takes what the umask forbids from the permissions.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        if target.exists():
            temporary.chmod(S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except OSError as error:
        free = disk_usage(target.parent).free
        raise OSError(
            f"path={str(path)!r} cannot be written: {error}. {free / 1e6:.3f} MB are free there; "
            "make room, or choose another folder."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: str | os.PathLike[str], *parts: bytes | memoryview) -> None:
    """Write bytes to a temporary file beside `path`, then rename it: all of it or nothing."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.writelines(parts)


def seal(content: bytes | memoryview) -> tuple[bytes | memoryview, bytes]:
    """Return bytes, and what stands behind them, with their SHA-256."""
    return content, _MARK + sha256(content).digest()


def read_sealed(path: str | os.PathLike[str], *, required: bool = True) -> bytes:
    """Read a file that was sealed, and return what it was made of.

    Parameters
    ----------
    path : path-like
        The file.
    required : bool, default=True
        Whether a file without a seal is refused; False returns it as it is.

    Returns
    -------
    bytes

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is damaged, or no regular file (reading a pipe would not end).
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ValueError("it is no regular file")
    data = path.read_bytes()
    end = data[-_SEAL:]
    if not end.startswith(_MARK):
        if required:
            raise ValueError("it is damaged, or is something else: it has no checksum")
        return data
    if sha256(memoryview(data)[:-_SEAL]).digest() != end.removeprefix(_MARK):
        raise ValueError("it is damaged: its checksum is another one")
    return data[:-_SEAL]


def check_given(path: str | os.PathLike[str], writer: str) -> Path:
    """Raise a FileNotFoundError unless there is something at `path`; return it as a Path."""
    found = Path(os.path.expanduser(path))
    if not found.exists():
        raise FileNotFoundError(
            f"path={str(path)!r} does not exist; pass a file written by {writer}."
        )
    return found
