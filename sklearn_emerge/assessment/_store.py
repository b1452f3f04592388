"""The store of cells: what their key rests on, and where unfinished ones are kept."""

import inspect
from functools import cache, partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import joblib

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "skorch")


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


def checkpoint_folder(memory, args, kwargs):
    """Return where the training of a cell is kept until the cell is finished.

    Parameters
    ----------
    memory : joblib.Memory
        The store.
    args, kwargs : tuple and dict
        What the cell is computed from.

    Returns
    -------
    Path or None
        None if nothing is stored, or not in a folder.
    """
    if memory.location is None or getattr(memory, "backend", None) != "local":
        return None
    # Below what `memory.clear()` deletes.
    return Path(memory.store_backend.location) / "unfinished" / joblib.hash((args, kwargs))


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
