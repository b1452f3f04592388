"""Attention of small heads by compiled kernels, as a differentiable function of torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..recurrence import ATTENTION_LANES, Team, aligned, attention_kernels

# Largest heads and longest sequences. Forward and backward the kernel was measured to be 2.3 to 4.4
# times as fast as torch up to there, but 1.1 to 3 with 12 units, and 1.0 to 1.2 with 16, where
# torch's products of matrices are large enough.
_MOST_UNITS, _MOST_STEPS = 8, 1024
# Seconds that torch takes for a step of a head of a sequence in an update, at least, and those in
# a fit beyond which the kernel is worth compiling, which takes two once.
_TORCH_SECONDS, _WORTH_SECONDS = 4e-7, 5.0


def is_quick(weight: torch.Tensor, n_heads: int, n_steps: int, n_passed: int) -> bool:
    """Return whether the kernels are quicker than torch, and worth compiling.

    Parameters
    ----------
    weight : torch.Tensor of shape (width, width)
        Weights of queries.
    n_heads : int
        Number of heads.
    n_steps : int
        Steps of a sequence.
    n_passed : int
        How often a sequence passes a head of the network, in all updates together.
    """
    alike = weight.device.type == "cpu" and weight.dtype == torch.float32
    small = len(weight) // n_heads <= _MOST_UNITS and n_steps <= _MOST_STEPS
    return alike and small and n_passed * n_steps * _TORCH_SECONDS > _WORTH_SECONDS


def attend(
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    n_heads: int,
    scale: float,
) -> torch.Tensor:
    """Return what each step reads from itself and those before it, differentiable once.

    Parameters
    ----------
    queries, keys, values : torch.Tensor of shape (n_sequences, n_steps, n_heads * n_units)
        In single precision, on a CPU.
    n_heads : int
        Number of heads.
    scale : float
        What the products of queries and keys are multiplied by.

    Returns
    -------
    torch.Tensor of the same shape
    """
    return _Attention.apply(queries, keys, values, n_heads, scale)


def _run(kernel: Callable[..., None], *arguments: Any, n_tasks: int) -> None:
    """Run a kernel over all tasks, on the threads of torch."""

    def run(_: int, shared: Any, n_offered: int) -> None:
        kernel(*arguments, shared, n_offered)

    Team(run, torch.get_num_threads()).work(n_tasks)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> torch.Tensor:
        *states, n_heads, scale = arguments
        arrays = [each.detach().contiguous().numpy() for each in states]
        n_sequences, n_steps, width = arrays[0].shape
        n_tasks, n_units = -(-n_sequences * n_heads // ATTENTION_LANES), width // n_heads
        size = n_steps * (4 * n_units + 2) * ATTENTION_LANES
        kept = aligned(n_tasks * size, np.float32).reshape(n_tasks, size)
        out = np.empty_like(arrays[0])
        kernel, _ = attention_kernels(n_units)
        _run(kernel, *arrays, n_heads, np.float32(scale), kept, out, n_tasks=n_tasks)
        ctx.rest = kept, n_heads, np.float32(scale), n_units
        return torch.from_numpy(out)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_out: torch.Tensor) -> tuple[Any, ...]:
        kept, n_heads, scale, n_units = ctx.rest
        gradient = d_out.contiguous().numpy()
        found = [np.empty_like(gradient) for _ in range(3)]
        _, kernel = attention_kernels(n_units)
        _run(kernel, kept, gradient, n_heads, scale, *found, n_tasks=len(kept))
        return *map(torch.from_numpy, found), None, None
