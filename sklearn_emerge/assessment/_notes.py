"""Errors that say where they happened."""

from contextlib import contextmanager


@contextmanager
def noted(note):
    """Add a note to whatever error is raised."""
    try:
        yield
    except Exception as error:
        error.add_note(note)
        raise
