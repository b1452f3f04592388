"""Errors that say where they happened."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noted(note: str) -> Iterator[None]:
    """Add a note to whatever error is raised."""
    try:
        yield
    except Exception as error:
        error.add_note(note)
        raise
