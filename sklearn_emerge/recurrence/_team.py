"""Threads that share the tasks of a compiled kernel.

A thread takes the next task when it is done with one. The one that calls, which leads, never waits
for another to come: where none is there, it does all tasks itself. It waits for those at work.

To wake a thread and to tell it what to do takes as long as an update of a small network, and needs
the interpreter lock. In training, where the next tasks come in a moment, threads stay in the
kernel instead, and look for them there for some tenths of a millisecond. One that has left needs
the interpreter lock to say so by its future, and may not get it before the next tasks are done: it
says so in the kernel.

What threads share is an array of integers, each in a cache line of its own, which kernels read and
write by instructions that other threads see as a whole and in their order.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from joblib import cpu_count
from llvmlite import binding, ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

from ._vector import LANES

# The integers: tasks that nobody has taken, other threads that are at work, how often they look
# for what others do before they leave, sequences in a batch, whether tasks are about to be offered;
# and, as many further as the number of another thread says, whether that is in the kernel, or on
# its way there.
_TODO, _BUSY, _PATIENCE, BATCH, _EXPECTED, _HERE = range(6)
_LINE = 8
# Seconds for which the one that leads sleeps when it has looked as often whether others are done.
_SLEEP = 1e-4
_X86 = binding.get_default_triple().startswith(("x86_64", "i686"))
# Looks for tasks: half a millisecond to a whole one. Other processors have no pause between two,
# and are guessed to take a tenth of the time.
_LOOKS = 20_000 if _X86 else 200_000


def _place(context, builder, signature, arguments):
    """Return the address of the integer of an index."""
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    distance = builder.mul(arguments[1], context.get_constant(types.intp, _LINE))
    return builder.gep(data, [distance])


@intrinsic
def look(typing, shared, index):
    """Return one of the integers."""

    def generate(context, builder, signature, arguments):
        place = _place(context, builder, signature, arguments)
        return builder.load_atomic(place, "seq_cst", 8)

    return types.int64(shared, types.intp), generate


@intrinsic
def _set(typing, shared, index, number):
    """Set one of the integers."""

    def generate(context, builder, signature, arguments):
        place = _place(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], place, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(shared, types.intp, types.int64), generate


@intrinsic
def _add(typing, shared, index, number):
    """Add to one of the integers, and return what it was before."""

    def generate(context, builder, signature, arguments):
        place = _place(context, builder, signature, arguments)
        return builder.atomic_rmw("add", place, arguments[2], "seq_cst")

    return types.int64(shared, types.intp, types.int64), generate


@intrinsic
def _pause(typing):
    """Tell the processor that a thread is waiting."""

    def generate(context, builder, signature, arguments):
        if _X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            pause = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause")
            builder.call(pause, [])
        return context.get_dummy_value()

    return types.void(), generate


@njit
def enter(shared, n_tasks):
    """Offer tasks, as the thread that leads; with minus its number join as another, to take some.

    Nothing may fail between this and the end of tasks: the one that leads waits for the others.
    """
    if n_tasks > 0:
        _set(shared, _TODO, n_tasks)
        _set(shared, _EXPECTED, 0)
    else:
        _add(shared, _BUSY, 1)


@njit
def next_task(shared, n_tasks):
    """Return a task that nobody has taken, or -1 when there is nothing left to do.

    `n_tasks` is that of `enter`.
    """
    while True:
        task = _add(shared, _TODO, -1) - 1
        if task >= 0:
            return task
        if n_tasks > 0:
            for _ in range(look(shared, _PATIENCE)):
                if look(shared, _BUSY) == 0:
                    break
                _pause()
            return -1
        _add(shared, _BUSY, -1)
        looks = 0
        while True:
            # Before the tasks, which are offered before they are no longer expected.
            expected = look(shared, _EXPECTED)
            if look(shared, _TODO) > 0:
                break
            if looks >= look(shared, _PATIENCE) and not expected:
                _set(shared, _HERE - n_tasks, 0)
                return -1
            looks += 1
            _pause()
        # It counts before it takes: whoever sees that nobody counts knows that nothing is taken.
        _add(shared, _BUSY, 1)


@njit(inline="always")
def next_block(shared, n_tasks):
    """Return a task, see `next_task`, its replica and first sequence, and the size of a batch."""
    task, batch = next_task(shared, n_tasks), look(shared, BATCH)
    n_blocks = (batch + LANES - 1) // LANES
    return task, task // n_blocks, (task % n_blocks) * LANES, batch


def team_size(n_threads: int) -> int:
    """Return how many of so many threads a team has: no more than there are processors."""
    return min(n_threads, _n_processors())


class Team:
    """Threads that share the tasks of a kernel.

    Parameters
    ----------
    run : callable
        ``run(thread, shared, n_tasks)`` runs the kernel on a thread, 0 for the one that leads; the
        last two are the arguments of `enter` and `next_task`.
    n_threads : int
        Threads with the one that calls, at most, see `team_size`.
    stay : bool, default=False
        Whether the others stay for the tasks of another call. What the kernel reads must then lie
        in the same place in each call.
    """

    def __init__(
        self, run: Callable[[int, Any, int], None], n_threads: int, stay: bool = False
    ) -> None:
        self._run = run
        n_others = team_size(n_threads) - 1
        self._shared = np.zeros((_HERE + 1 + n_others) * _LINE, np.int64)
        self._stay = stay
        self._others: list[Future[None] | None] = [None] * n_others

    def work(self, n_tasks: int, batch: int = 0) -> None:
        """Do all tasks, one call at a time. After an error a team is of no use any more.

        Parameters
        ----------
        n_tasks : int
            How many there are; the kernel is told numbers from 0 on.
        batch : int, default=0
            What `next_block` returns as the size of a batch.

        Raises
        ------
        Exception
            What the kernel raises, here or, in an earlier call, in another thread.
        """
        if n_tasks == 0:
            return
        self._shared[BATCH * _LINE] = batch
        # They may be there before there is something to do.
        self._shared[_PATIENCE * _LINE] = _LOOKS
        # Who is found to be there stays until the tasks are offered: a call without one that was
        # just about to leave takes longer, no more.
        self._shared[_EXPECTED * _LINE] = 1
        try:
            self._call_others(n_tasks - 1)
            self._run(0, self._shared, n_tasks)
            self._wait()
        finally:
            self._shared[_EXPECTED * _LINE] = 0
        if not self._stay:
            self._shared[_PATIENCE * _LINE] = 0

    def _call_others(self, most: int) -> None:
        """Start those threads that are not there, of so many at most."""
        for i, other in enumerate(self._others[:most]):
            here = (_HERE + 1 + i) * _LINE
            done = other is None or other.done()
            if done and other is not None:
                other.result()
            if done or not self._shared[here]:
                self._shared[here] = 1
                self._others[i] = _start(self._run, i + 1, self._shared, -1 - i)

    def _wait(self) -> None:
        while self._shared[_BUSY * _LINE] > 0:
            time.sleep(_SLEEP)


_n_processors = cache(cpu_count)


# Pools of one thread each that has nothing to do: one of several threads would let some tasks wait
# for those of another team, which stay for long.
_idle: list[ThreadPoolExecutor] = []
# Threads do not survive a fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)


def _start(run: Callable[..., None], *arguments: Any) -> Future[None]:
    """Call a function in a thread of its own."""
    try:
        pool = _idle.pop()
    except IndexError:
        pool = ThreadPoolExecutor(1, thread_name_prefix="scan")

    def end(_: Future[None]) -> None:
        if len(_idle) < _n_processors():
            _idle.append(pool)
        else:
            pool.shutdown(wait=False)

    future = pool.submit(run, *arguments)
    future.add_done_callback(end)
    return future
