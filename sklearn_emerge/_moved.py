"""Public names that have changed are found where they were, with a warning."""

import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from typing import Any


def moved_names(place: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module whose names have moved.

    Parameters
    ----------
    place : str
        Name of the module.
    homes : dict of str to str
        Room of the package in which each name is now, with a dot and the new name if that has
        changed, too.

    Returns
    -------
    callable
    """

    def find(name: str) -> Any:
        """Find a name that has moved, with a warning."""
        if name not in homes:
            raise AttributeError(f"module {place!r} has no attribute {name!r}")
        room, _, new = homes[name].partition(".")
        home, new = f"{__package__}.{room}", new or name
        warnings.warn(
            f"{place}.{name} is {home}.{new} now; import it from there.",
            FutureWarning,
            stacklevel=2,
        )
        return getattr(import_module(home), new)

    return find


def renamed_attribute(old: str, new: str) -> property:
    """Return an attribute of a class that is another, with a warning."""

    def find(self: Any) -> Any:
        value = getattr(self, new)
        warnings.warn(f"{old} is {new} now; use that.", FutureWarning, stacklevel=2)
        return value

    return property(find)


def renamed_argument(old: str, new: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator of functions that take an argument by its old name, too."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def renamed(*args: Any, **kwargs: Any) -> Any:
            if old in kwargs:
                warnings.warn(f"{old}= is {new}= now; pass that.", FutureWarning, stacklevel=2)
                if new in kwargs:
                    raise TypeError(f"{old}= and {new}= are one; pass {new}= alone.")
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return renamed

    return decorate


def renamed_parameter(estimator: Any, old: str, new: str) -> Any:
    """Return the value of a parameter of an estimator that may have been set by its old name.

    As in scikit-learn the constructor takes the old name after the others, with the default
    "deprecated", and nothing is set before the fit.

    Parameters
    ----------
    estimator : estimator
        Has both parameters.
    old, new : str
        Their names.

    Returns
    -------
    object
        The value.
    """
    value, current = getattr(estimator, old), getattr(estimator, new)
    if isinstance(value, str) and value == "deprecated":
        return current
    if current != inspect.signature(type(estimator)).parameters[new].default:
        raise ValueError(f"{old}={value!r} and {new}={current!r} are one; pass {new} alone.")
    warnings.warn(
        f"{old} of {type(estimator).__name__} is {new} now; pass {new}={value!r}.",
        FutureWarning,
        stacklevel=3,
    )
    return value
