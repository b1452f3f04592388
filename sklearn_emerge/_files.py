"""Files that are written whole or not at all, and whose damage does not go unnoticed."""

import os
from hashlib import sha256
from pathlib import Path
from shutil import disk_usage
from stat import S_IMODE
from tempfile import NamedTemporaryFile

# What stands before the SHA-256 at the end of a file. Readers of NetCDF, zip files and pickles
# do not look at what comes after the end, so that others can read these files, too.
_MARK = b"sklearn_emerge sha256 "
_SEAL = len(_MARK) + sha256().digest_size


def check_writable(path):
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


def write_atomically(path, content):
    """Write bytes to a temporary file beside `path`, then rename it: all of it or nothing.

    A file that is replaced hands on its permissions. An OSError says how much room there is.
    """
    target = check_writable(path)
    try:
        _replace(target, content)
    except OSError as error:
        free = disk_usage(target.parent).free
        raise OSError(
            f"path={str(path)!r} cannot be written: {error}. It takes {len(content) / 1e6:.3f} MB, "
            f"and {free / 1e6:.3f} MB are free there; make room, or choose another folder."
        ) from error


def _replace(target, content):
    """Write a temporary file and rename it; nothing is left of one that is not whole."""
    temporary = None
    try:
        with NamedTemporaryFile(dir=target.parent, delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
        temporary.chmod(_permissions(target))
        temporary.replace(target)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _permissions(path):
    """Return the permissions of a file, or those of any new one."""
    if path.exists():
        return S_IMODE(path.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def seal(content):
    """Return bytes with their SHA-256 behind them."""
    return content + _MARK + sha256(content).digest()


def read_sealed(path, *, required=True):
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
    content, end = data[:-_SEAL], data[-_SEAL:]
    if not end.startswith(_MARK):
        if required:
            raise ValueError("it is damaged, or is something else: it has no checksum")
        return data
    if seal(content) != data:
        raise ValueError("it is damaged: its checksum is another one")
    return content


def check_given(path, writer):
    """Raise a FileNotFoundError unless there is something at `path`; return it as a Path."""
    found = Path(os.path.expanduser(path))
    if not found.exists():
        raise FileNotFoundError(
            f"path={str(path)!r} does not exist; pass a file written by {writer}."
        )
    return found
