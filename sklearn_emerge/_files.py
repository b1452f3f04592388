"""Files that are written whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


def check_writable(path):
    """Raise an OSError unless a file can be written at `path`; return it as a Path."""
    path = Path(path)
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        with NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"path={str(path)!r} cannot be written: {error}. Choose a file in a folder that you "
            "can write to."
        ) from error
    return path


def write_atomically(path, write):
    """Call `write` with a temporary path beside `path`, then rename: all of it or nothing."""
    path = check_writable(path)
    with NamedTemporaryFile(dir=path.parent, suffix=path.suffix, delete=False) as file:
        temporary = Path(file.name)
    try:
        write(temporary)
        # A temporary file is private; the result gets the permissions of any new file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
