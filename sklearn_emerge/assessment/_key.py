"""Keys of stored cells: other values and other code give another key, in every process."""

import inspect
import sys
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4
from weakref import WeakKeyDictionary

import torch
from joblib.hashing import NumpyHasher

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "numba")
# Code that the package, and versions, stand for.
_KNOWN = {*sys.stdlib_module_names, *_LIBRARIES, "sklearn", __package__.partition(".")[0]}
# Digests of the sources of classes and functions, read once: a file that is edited later is not
# what runs. Of code that cannot be read, a number that nothing else has.
_SOURCES = WeakKeyDictionary()


def provenance():
    """Return a hash of the sources of the package and of the versions of its libraries."""
    versions = [f"{name}={version(name)}" for name in _LIBRARIES]
    return sha256("".join([_package_sources(), *versions]).encode()).hexdigest()


def key_of(value):
    """Return a hash of a value and of the code of somebody's own that is in it.

    That is the file, or the cell of a notebook, of each class (and of those that it inherits
    from) and function that the value has. What this code takes from other files, or from
    variables of its file, is not in the key.

    Parameters
    ----------
    value : object
        Can be pickled. Weights count by their values, and memory maps as arrays in memory.

    Returns
    -------
    str
    """
    hasher = _Hasher()
    return sha256(repr((hasher.hash(value), sorted(hasher.sources.items()))).encode()).hexdigest()


class _Hasher(NumpyHasher):
    """Hashes by value, and collects the sources of classes and functions on its way."""

    def __init__(self):
        super().__init__("sha256", coerce_mmap=True)
        self.sources = {}
        self._tensors = {}

    def save(self, obj):
        if isinstance(obj, torch.Tensor):
            # As pickles they have addresses. One that is there twice is not two equal ones.
            number, _ = self._tensors.setdefault(id(obj), (len(self._tensors), obj))
            values = obj.detach().cpu().flatten().view(torch.uint8).numpy()
            kind = type(obj), str(obj.dtype), tuple(obj.shape), str(obj.device), obj.requires_grad
            obj = number, kind, values
        elif inspect.isclass(obj) or inspect.isfunction(obj):
            for part in obj.__mro__ if inspect.isclass(obj) else (obj,):
                if str(part.__module__).partition(".")[0] not in _KNOWN:
                    self.sources[part.__module__, part.__qualname__] = _source(part)
        super().save(obj)


@cache
def _package_sources():
    """Return a hash of all files of the package."""
    package = Path(__file__).parents[1]
    digest = sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source(part):
    """Return a digest of the file, or the cell, in which a class or function is defined."""
    if part not in _SOURCES:
        text = _read(part)
        _SOURCES[part] = uuid4().hex if text is None else sha256(text).hexdigest()
    return _SOURCES[part]


def _read(part):
    """Return the file, or the cell, in which a class or function is defined, or None."""
    # Functions know the cell in which their class is defined; before Python 3.13 it does not.
    functions = map(inspect.unwrap, filter(inspect.isfunction, vars(part).values()))
    for each in (*(each for each in functions if each.__module__ == part.__module__), part):
        try:
            lines, _ = inspect.findsource(each)
        except (OSError, TypeError):
            continue
        return "".join(lines).encode()
    # Compiled, or made by a call. What is typed belongs to no file.
    path = getattr(sys.modules.get(part.__module__), "__file__", None)
    return None if path is None or part.__module__ == "__main__" else Path(path).read_bytes()
