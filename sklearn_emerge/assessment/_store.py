"""The store of cells: what their key rests on, and where unfinished ones are kept."""

import inspect
from functools import cache, partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import joblib

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "numba")


def provenance(world, model, measures=None):
    """Return what enters the key of a stored cell, so that other code gives another key.

    Parameters
    ----------
    world : World
        The world; the source of its class counts, wherever it is defined.
    model : predictor
        The model; so does the source of its class and of its torch module.
    measures : dict of str to callable, default=None
        What is measured in the course of training; so does the source of the functions.

    Returns
    -------
    str
        A hash of the sources of the package, of the given classes, and of library versions.

    Raises
    ------
    ValueError
        If an argument cannot be hashed, because a part of it cannot be pickled.
    """
    measures = measures or {}
    for name, part in (("world", world), ("model", model), ("measures", measures)):
        try:
            joblib.hash(part)
        except Exception as error:
            raise ValueError(
                f"memory is set, but {name}={part!r} cannot be stored ({error}). Define its parts "
                "(module, callbacks) at the top level of a file instead of as lambdas or inside "
                "functions, or set memory=None."
            ) from error
    module = getattr(model, "module", None)
    sources = [_source(part) for part in (type(world), type(model), module, *measures.values())]
    versions = [f"{name}={version(name)}" for name in _LIBRARIES]
    return sha256("".join([_package_sources(), *versions, *sources]).encode()).hexdigest()


def stored(memory, origin, function, args, kwargs):
    """Return a call of a cell that takes its result from the store, or leaves it there.

    Its key is computed here and not where it runs: workers know the classes of a notebook by
    value only, which has no key.

    Parameters
    ----------
    memory : joblib.Memory
        The store.
    origin : str or None
        What `provenance` returns; None if nothing is stored.
    function : callable
        The cell.
    args, kwargs : tuple and dict
        What it is computed from.

    Returns
    -------
    function, args, kwargs : tuple
        The call.
    """
    if origin is None:
        return function, args, kwargs
    # Recordings in a memory map and in memory are the same.
    key = joblib.hash((origin, function.__name__, args, kwargs), coerce_mmap=True)
    kwargs = kwargs | {"key": key}
    names = inspect.signature(function).parameters
    if "checkpoint_folder" in names and getattr(memory, "backend", None) == "local":
        # Below what `memory.clear()` deletes.
        folder = Path(memory.store_backend.location) / "unfinished" / key
        kwargs["checkpoint_folder"] = folder
    return memory.cache(function, ignore=[name for name in names if name != "key"]), args, kwargs


@cache
def _package_sources():
    """Return a hash of all files of the package."""
    package = Path(__file__).parents[1]
    digest = sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source(thing):
    """Return the source of a class or function, or of the class of an object."""
    while isinstance(thing, partial):
        thing = thing.func
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        thing = type(thing)
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        if inspect.isfunction(thing) or thing.__module__ == "__main__":
            # Of code that cannot be read, an address: no other process will take its results.
            return object.__repr__(thing)
        # Compiled; the version of its library stands for it.
        return repr(thing)
