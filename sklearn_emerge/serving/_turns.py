"""Threads that clients have in turns, so that long requests of one do not hold up the others."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import torch

# Seconds of a turn, and what remains of its last step.
_TURN = 0.05


@dataclass(eq=False)
class _Client:
    """The requests of a client that are under way, and the seconds that they have had."""

    seconds: float
    n_requests: int = 0


class Turns:
    """Threads of which the client that has had the least time gets the next that is free.

    Requests of one client come in the order in which they were made. A client that begins, or
    begins again, has had as much as the one that has had the least: it can save nothing up.

    Parameters
    ----------
    n_threads : int
        How many; each has one thread of torch.
    """

    def __init__(self, n_threads: int) -> None:
        # Threads of torch are a setting of each thread.
        self._pool = ThreadPoolExecutor(n_threads, "network", partial(torch.set_num_threads, 1))
        self._n_free = n_threads
        self._clients: dict[str, _Client] = {}
        self._waiting: list[tuple[_Client, int, asyncio.Future[None]]] = []
        self._numbers = count()

    async def run(self, name: str, steps: Iterator[Any]) -> Any:
        """Return the first result that is not None, of steps that are gone through in turns.

        Parameters
        ----------
        name : str
            The client.
        steps : iterator
            Computes as it is gone through.
        """
        least = min((client.seconds for client in self._clients.values()), default=0.0)
        client = self._clients.setdefault(name, _Client(least))
        client.n_requests += 1
        number, has_thread = next(self._numbers), False
        try:
            while True:
                if has_thread or not self._n_free:
                    turn = asyncio.get_running_loop().create_future()
                    self._waiting.append((client, number, turn))
                    if has_thread:
                        # To this one again, if nobody has had less.
                        has_thread = False
                        self._pass_on()
                    try:
                        await turn
                    except asyncio.CancelledError:
                        has_thread = not turn.cancelled()
                        raise
                else:
                    self._n_free -= 1
                has_thread = True
                work = asyncio.get_running_loop().run_in_executor(self._pool, _turn, steps)
                result, seconds = await work
                client.seconds += seconds
                if result is not None:
                    return result
        finally:
            if has_thread:
                self._pass_on()
            client.n_requests -= 1
            if not client.n_requests:
                del self._clients[name]

    def _pass_on(self) -> None:
        """Give a thread to who is next."""
        self._waiting = [waiting for waiting in self._waiting if not waiting[2].done()]
        if not self._waiting:
            self._n_free += 1
            return
        following = min(self._waiting, key=lambda waiting: (waiting[0].seconds, waiting[1]))
        following[2].set_result(None)


def _turn(steps: Iterator[Any]) -> tuple[Any, float]:
    """Go through steps for a turn; return the result, None if there is more, and the seconds."""
    start, seconds = time.perf_counter(), 0.0
    for result in steps:
        seconds = time.perf_counter() - start
        if result is not None or seconds > _TURN:
            return result, seconds
    raise ValueError("steps has no result; give one that is not None in the end.")
