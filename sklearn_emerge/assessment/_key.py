"""Keys of stored cells: other values and other code give another key, in every process."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary, ref

import numpy as np
import torch
from joblib.hashing import NumpyHasher, Pickler
from numba.core.registry import cpu_target
from numpy.typing import NDArray

from .._threads import blas_libraries
from ._reach import NAME, digest_of

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "numba")
# Code that versions stand for.
_KNOWN = {*sys.stdlib_module_names, *_LIBRARIES, "sklearn"}
Code = type | Callable[..., Any]
# Digests of the sources of classes and functions, read once: a file that is edited later is not
# what runs. Of code that cannot be read, a number that nothing else has.
_SOURCES: WeakKeyDictionary[Code, str] = WeakKeyDictionary()
# Most of what is hashed; these have no code.
_PLAIN = (str, int, float, bool, type(None))
# Bytes from which on an array is hashed on its own, and once within `arrays_hashed_once`.
_LARGE = 2**16
# Digests of arrays, by where and how they are kept, with the array whose memory it is.
_Digests = dict[tuple[Any, ...], tuple[ref[Any], str]]
_DIGESTS: ContextVar[_Digests | None] = ContextVar("digests", default=None)


@cache
def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that results may depend on; read once, not to change."""
    return {name: version(name) for name in _LIBRARIES}


@cache
def instruction_sets() -> dict[str, Any]:
    """Return the instructions of the processor that libraries use, on which last digits depend.

    Those of torch and of BLAS round all networks, and those of numba the compiled scans. They are
    asked for once: the libraries do not change in a process.
    """
    return {
        "torch": torch.backends.cpu.get_cpu_capability(),
        "blas": sorted({str(each.get("architecture")) for each in blas_libraries()}),
        # By which numba tells, too, whether what it has compiled can be used.
        "numba": cpu_target.target_context.codegen().magic_tuple(),
    }


@contextmanager
def arrays_hashed_once() -> Iterator[None]:
    """Let keys that are computed here hash each large array once, as nobody changes it here."""
    token = _DIGESTS.set({} if _DIGESTS.get() is None else _DIGESTS.get())
    try:
        yield
    finally:
        _DIGESTS.reset(token)


def key_of(value: object) -> str:
    """Return a hash of a value and of the code that is in it.

    Of each class (and of those that it inherits from) and function of the package, that is all
    files of the package that it can run, and no others: a display is no part of a cell. Of
    somebody's own, it is the package, and the file, or the cell of a notebook, of each that the
    value has, and of those that these name; variables that they name, such as a trained net, count
    by their values. What cannot be pickled, or is reached in another way (as an attribute of an
    imported module), is not in the key.

    Parameters
    ----------
    value : object
        Can be pickled. Weights count by their values, and memory maps as arrays in memory.

    Returns
    -------
    str
    """
    return _key_of(value, set())[0]


def key_and_code_of(value: object) -> tuple[str, dict[str, str]]:
    """Return the key of a value, and the digests of the files of the package that are in it.

    Parameters
    ----------
    value : object
        As in `key_of`.

    Returns
    -------
    key : str
    code : dict of str to str
        By the name of a module, as of `digest_of`.
    """
    key, sources = _key_of(value, set())
    return key, {module: digest for (module, name), digest in sources.items() if not name}


def _key_of(value: object, known: set[int]) -> tuple[str, dict[tuple[str, str], str]]:
    """Return key and sources; `known` are the numbers of functions whose variables are counted."""
    hasher = _Hasher(known)
    digest = hasher.hash(value)
    found = sorted(hasher.sources.items()), sorted(hasher.variables.items())
    return sha256(repr((digest, *found)).encode()).hexdigest(), hasher.sources


class _Hasher(NumpyHasher):
    """Hashes by value, and collects the sources of classes and functions on its way."""

    def __init__(self, known: set[int]) -> None:
        super().__init__("sha256", coerce_mmap=True)
        self.sources: dict[tuple[str, str], str] = {}
        self.variables: dict[tuple[str, str, str], str] = {}
        self._known = known
        self._tensors: dict[int, tuple[int, torch.Tensor]] = {}

    def save(self, obj: Any) -> None:
        if type(obj) in _PLAIN:
            # joblib asks of each what it is, which takes most of the time of a key.
            Pickler.save(self, obj)
            return
        if isinstance(obj, torch.Tensor):
            # As pickles they have addresses. One that is there twice is not two equal ones.
            number, _ = self._tensors.setdefault(id(obj), (len(self._tensors), obj))
            values = obj.detach().cpu().flatten().view(torch.uint8).numpy()
            kind = type(obj), str(obj.dtype), tuple(obj.shape), str(obj.device), obj.requires_grad
            obj = number, kind, values
        elif isinstance(obj, np.ndarray) and obj.nbytes >= _LARGE and not obj.dtype.hasobject:
            obj = "array", _digest_of_array(obj)
        elif inspect.isclass(obj) or inspect.isfunction(obj):
            for part in obj.__mro__ if inspect.isclass(obj) else (obj,):
                room = str(part.__module__).partition(".")[0]
                if room == NAME:
                    self.sources[part.__module__, ""] = digest_of(part.__module__)
                elif room not in _KNOWN:
                    self.sources[part.__module__, part.__qualname__] = _source(part)
                    # It may use anything of the package.
                    self.sources[NAME, ""] = digest_of(NAME)
                    self._add_variables(part)
        super().save(obj)

    def _add_variables(self, part: Code) -> None:
        """Count what a function, or the functions of a class, name outside of themselves."""
        for function in _functions(part):
            if id(function) in self._known:
                continue
            self._known.add(id(function))
            for name, value in _variables(function).items():
                # What has no key cannot be told from what it was.
                with suppress(Exception):
                    place = function.__module__, function.__qualname__, name
                    self.variables[place] = _key_of(value, self._known)[0]


def _digest_of_array(array: NDArray[Any]) -> str:
    """Return a digest of the values of an array and how they are kept, once if that is known."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    place = id(owner), array.ctypes.data, array.shape, array.strides, array.dtype, type(array)
    digests = _DIGESTS.get()
    found = None if digests is None else digests.get(place)
    # Memory that is free again may be another array's.
    if found is not None and found[0]() is owner:
        return found[1]
    digest = NumpyHasher("sha256", coerce_mmap=True).hash(array)
    if digests is not None:
        digests[place] = ref(owner), digest
    return digest


def _source(part: Code) -> str:
    """Return a digest of the file, or the cell, in which a class or function is defined."""
    if part not in _SOURCES:
        text = _read(part)
        _SOURCES[part] = uuid4().hex if text is None else sha256(text).hexdigest()
    return _SOURCES[part]


def _functions(part: Code) -> list[Callable[..., Any]]:
    """Return a function, or those that are defined in a class."""
    values = (part,) if inspect.isfunction(part) else vars(part).values()
    functions = [inspect.unwrap(each) for each in values if inspect.isfunction(each)]
    return [each for each in functions if each.__module__ == part.__module__]


def _variables(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the variables that a function names, but for imported modules."""
    try:
        found = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        return {}
    variables = {**found.globals, **found.nonlocals}
    return {k: v for k, v in sorted(variables.items()) if not isinstance(v, ModuleType)}


def _read(part: Code) -> bytes | None:
    """Return the file, or the cell, in which a class or function is defined, or None."""
    # Functions know the cell in which their class is defined; before Python 3.13 it does not.
    for each in dict.fromkeys((*_functions(part), part)):
        try:
            lines, _ = inspect.findsource(each)
        except (OSError, TypeError):
            continue
        return "".join(lines).encode()
    # Compiled, or made by a call. What is typed belongs to no file.
    path = getattr(sys.modules.get(part.__module__), "__file__", None)
    return None if path is None or part.__module__ == "__main__" else Path(path).read_bytes()
