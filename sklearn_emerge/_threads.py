"""One thread for each of the libraries that bring their own, in however many threads of Python."""

from contextlib import contextmanager
from threading import Lock

from threadpoolctl import ThreadpoolController

_LOCK = Lock()
# The limits of the first that has entered, and None for each of the others that are in.
_ENTERED = []


@contextmanager
def one_thread():
    """Let BLAS and OpenMP have one thread; afterwards they have as many as before."""
    # Those of OpenMP belong to a thread of Python.
    openmp = ThreadpoolController().select(user_api="openmp")
    with openmp.limit(limits=1), one_thread_of_blas():
        yield


@contextmanager
def one_thread_of_blas():
    """Let BLAS have one thread, in all threads of Python, until the last has left.

    Its threads belong to the process: if each restored what it had found, that could be what
    another had set, or another would be in still.
    """
    with _LOCK:
        limits = None
        if not _ENTERED:
            blas = ThreadpoolController().select(user_api="blas")
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
