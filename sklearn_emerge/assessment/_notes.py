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


def located(where, call):
    """Return a call of a cell in which an error says where it happened.

    Parameters
    ----------
    where : dict of str to object
        Condition, mode and settings of the cell.
    call : tuple
        Function, arguments and keyword arguments.

    Returns
    -------
    tuple
        The same of the call that names the cell.
    """
    function, args, kwargs = call
    place = ", ".join(f"{name}={value!r}" for name, value in where.items())
    return _run_located, (place, function, *args), kwargs


def _run_located(place, function, *args, **kwargs):
    with noted(f"This happened in the cell {place}."):
        return function(*args, **kwargs)
