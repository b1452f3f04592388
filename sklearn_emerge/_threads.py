"""One thread for each of the libraries that bring their own, in however many threads of Python."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from threading import Lock
from typing import Any, TypeVar

import torch
from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOCK = Lock()
# The limits of the first that has entered, and None for each of the others that are in.
_ENTERED: list[Any] = []
# How many are free where the libraries have one.
_FREE = ContextVar("free", default=1)


def _libraries(api: str) -> ThreadpoolController:
    """Return the libraries that bring threads of a kind."""
    return _look(len(sys.modules)).select(user_api=api)


@lru_cache(maxsize=1)
def _look(n_modules: int) -> ThreadpoolController:
    """Look for libraries, which takes milliseconds, again only after something was imported."""
    return ThreadpoolController()


def blas_libraries() -> list[dict[str, Any]]:
    """Return what is known of the libraries of linear algebra that are loaded."""
    return _libraries("blas").info()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS and OpenMP have one thread; afterwards they have as many as before."""
    token = _FREE.set(max(_FREE.get(), torch.get_num_threads()))
    # Those of OpenMP belong to a thread of Python.
    openmp = _libraries("openmp")
    try:
        with openmp.limit(limits=1), one_thread_of_blas():
            yield
    finally:
        _FREE.reset(token)


@contextmanager
def one_thread_of_blas() -> Iterator[None]:
    """Let BLAS have one thread, in all threads of Python, until the last has left.

    Its threads belong to the process: if each restored what it had found, that could be what
    another had set, or another would be in still.
    """
    with _LOCK:
        limits = None
        if not _ENTERED:
            blas = _libraries("blas")
            limits = blas.limit(limits=1)
            # Since threadpoolctl 3.8 only the thread that was first can set them, until it leaves
            # such a context: the last to leave may be another.
            with blas.limit(limits=None):
                pass
        _ENTERED.append(limits)
    try:
        yield
    finally:
        with _LOCK:
            limits = _ENTERED.pop()
            if limits is not None:
                with limits:
                    pass


def computed_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, n_waiting: int = 0
) -> Iterator[Result]:
    """Yield function(item) of each item, in order.

    In `one_thread` as many threads of Python as torch had compute them, each the next one.

    Parameters
    ----------
    function : callable
        Calls of it must not be in each other's way.
    items : iterable
        What it is called with.
    n_waiting : int, default=0
        How many results may wait, beside those of the threads, for one that takes longer. With 0
        threads wait for it, too, and results take no more memory.
    """
    n_ahead = _FREE.get()
    if n_ahead == 1:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(n_ahead)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= n_ahead + n_waiting:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
