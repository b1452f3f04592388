"""Torch as if nothing had been set: its state belongs to the process, or to the thread."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import RLock
from typing import Any

import numpy as np
import torch

# How to read and to write something, and its usual values.
Setting = tuple[Callable[[], Any], Callable[[Any], Any], tuple[Any, ...]]

# One fit at a time: another one would find what this one has set.
_TORCH_LOCK = RLock()


def _renew_lock() -> None:
    """Make a lock that is free: in a process that was forked, no other thread will free it."""
    global _TORCH_LOCK
    _TORCH_LOCK = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _attribute(owner: object, name: str, *values: str) -> Setting:
    """Return how to read and to write an attribute, and its usual values."""
    return partial(getattr, owner, name), partial(setattr, owner, name), values


def _precision_of_products() -> list[Setting]:
    """Return the settings by which torch multiplies in less than single precision."""
    backends = torch.backends
    if not hasattr(backends, "fp32_precision"):
        # Before torch 2.9.
        read, write = torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
        return [(read, write, ("highest",))]
    # From the first the others inherit.
    owners = backends, backends.mkldnn.matmul, backends.mkldnn.rnn, backends.cuda.matmul
    return [_attribute(owner, "fp32_precision", "ieee", "none") for owner in owners]


# How to read and to write what decides about numbers, and the usual values. Which algorithms are
# deterministic is left to the caller: on a CPU the numbers are the same.
_SETTINGS: list[Setting] = [
    (torch.get_default_dtype, torch.set_default_dtype, (torch.float32,)),
    *_precision_of_products(),
    *(
        (
            getattr(torch.backends.cuda, f"{kernel}_sdp_enabled"),
            getattr(torch.backends.cuda, f"enable_{kernel}_sdp"),
            (True,),
        )
        for kernel in ("flash", "mem_efficient", "math", "cudnn")
    ),
]


@contextmanager
def isolated_torch(
    stream: np.random.SeedSequence, device: str | torch.device, n_threads: int = 1
) -> Iterator[None]:
    """Run torch with its own random stream, number of threads and settings; all are restored.

    Tensors are made in single precision on the CPU unless told otherwise, and can be trained.

    Recurrent networks of this size are slower with two threads than with one, and one thread
    makes the result independent of how many the process was given.

    Parameters
    ----------
    stream : SeedSequence
        What seeds the random numbers of torch.
    device : str or torch.device
        Whose random numbers.
    n_threads : int, default=1
        Threads of torch.
    """
    seed = int(stream.generate_state(1, np.uint64)[0] >> 1)
    device = torch.device(device)
    cuda = [device] if device.type == "cuda" else []
    with _TORCH_LOCK, torch.random.fork_rng(devices=cuda), ExitStack() as restored:
        for read, write, usual in _SETTINGS:
            before = read()
            if before not in usual:
                restored.callback(write, before)
                write(usual[0])
        restored.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(n_threads)
        restored.enter_context(torch.inference_mode(False))
        restored.enter_context(torch.enable_grad())
        # The caller's autocast would change what backward computes, too.
        for kind in {"cpu", device.type}:
            restored.enter_context(torch.autocast(kind, enabled=False))
        # Only where it is needed: it slows down each call of torch. In torch 2.6
        # get_default_device fails where somebody has set None.
        if torch.empty(0).device.type != "cpu":
            restored.enter_context(torch.device("cpu"))
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
