"""Public names that have moved are found where they were, with a warning."""

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def finder(place: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module whose names have moved.

    Parameters
    ----------
    place : str
        Name of the module.
    homes : dict of str to str
        Room of the package in which each name is now.

    Returns
    -------
    callable
    """

    def find(name: str) -> Any:
        """Find a name that has moved, with a warning."""
        if name not in homes:
            raise AttributeError(f"module {place!r} has no attribute {name!r}")
        home = f"{__package__}.{homes[name]}"
        warnings.warn(
            f"{place}.{name} is {home}.{name} now; import it from there.",
            FutureWarning,
            stacklevel=2,
        )
        return getattr(import_module(home), name)

    return find
