"""A network and the rows on which its loss is looked at: a copy in evaluation mode, one loss a row.

What is measured is never changed: its mode, gradients and random numbers are as they were.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.data import DataLoader

from .._random import substream
from ..training import isolated_torch

# What vmap raises where a module or loss does what it cannot: the warning is that it would repeat
# an operation row by row itself, which is made an error. Errors of a module's own are raised again
# when it is then called with one row after the other.
VMAP_CANNOT = (RuntimeError, UserWarning)
# Of a module and a batch, the loss of each row.
Loss = Callable[[Any, Any], Any]


@contextmanager
def evaluated(module: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """Give a copy of a module in evaluation mode, none of whose parameters requires a gradient.

    Meanwhile torch has its own random numbers and usual settings, and attention the one kernel
    that can be differentiated twice and under vmap.
    """
    if not isinstance(module, torch.nn.Module):
        raise ValueError(
            f"module={module!r} is not a torch.nn.Module. Of a fitted predictor pass network_."
        )
    first = next((p for p in module.parameters() if p.is_floating_point()), None)
    if first is None:
        raise ValueError("module has no parameters that could be differentiated by. Pass another.")
    stream = substream(0, "geometry")
    with isolated_torch(stream, first.device, torch.get_num_threads()):
        try:
            copy = deepcopy(module).eval().requires_grad_(False)
        except RuntimeError as error:
            raise ValueError(
                f"module cannot be copied: {error}. Keep no results of forward as attributes."
            ) from error
        with _differentiable_kernels():
            yield copy


@contextmanager
def _differentiable_kernels() -> Iterator[None]:
    """Leave out the kernels without a derivative, or without one in evaluation mode or vmap."""
    # Not by cudnn.flags, which sets precisions, too.
    cudnn, attention = torch.backends.cudnn, torch.backends.mha
    before = cudnn.enabled, attention.get_fastpath_enabled()
    cudnn.enabled = False
    attention.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        cudnn.enabled = before[0]
        attention.set_fastpath_enabled(before[1])


def as_rows(batch: Any) -> tuple[Any, int]:
    """Return a batch, that of all batches of a DataLoader, and how many rows it has."""
    if isinstance(batch, DataLoader):
        batch = joined(list(batch))
    tensors = [leaf for leaf in tree_leaves(batch) if isinstance(leaf, torch.Tensor)]
    if not tensors:
        kinds = ", ".join(sorted({type(leaf).__name__ for leaf in tree_leaves(batch)})) or "nothing"
        raise ValueError(
            f"batch holds no tensor, but {kinds}. Pass a tensor, or a tuple or dict of tensors, "
            "whose first dimension is rows; torch.as_tensor makes one of an array."
        )
    lengths = {len(tensor) if tensor.ndim else 0 for tensor in tensors}
    if len(lengths) != 1:
        shapes = [tuple(tensor.shape) for tensor in tensors]
        raise ValueError(
            f"batch holds tensors of shapes {shapes}, which are not one or more with equally many "
            "rows. Pass a tensor, or a tuple or dict of tensors, whose first dimension is rows."
        )
    # What was computed in inference mode cannot be differentiated through, but a copy of it can.
    batch = tree_map(lambda leaf: leaf.clone() if _is_inference(leaf) else leaf, batch)
    return batch, lengths.pop()


def _is_inference(leaf: Any) -> bool:
    """Return whether a leaf is a tensor that was made in inference mode."""
    return isinstance(leaf, torch.Tensor) and leaf.is_inference()


def joined(batches: list[Any]) -> Any:
    """Return the rows of several batches as one."""
    return tree_map(
        lambda *parts: torch.cat(parts) if isinstance(parts[0], torch.Tensor) else parts[0],
        *batches,
    )


def rows_at(batch: Any, where: Any) -> Any:
    """Return some rows of a batch, a slice or numbers; what is no tensor stays as it is."""
    return tree_map(lambda leaf: leaf[where] if isinstance(leaf, torch.Tensor) else leaf, batch)


def losses_of_rows(module: torch.nn.Module, loss: Loss, batch: Any, n: int) -> torch.Tensor:
    """Return the loss of each row, or raise a ValueError if there is not one finite number each."""
    try:
        losses = loss(module, batch)
    except RuntimeError as error:
        tensors = [leaf for leaf in tree_leaves(batch) if isinstance(leaf, torch.Tensor)]
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
        error.add_note(
            f"This is what loss(module, batch) raised; batch has tensors of the shapes {shapes}. "
            "Check that these are what the module takes."
        )
        raise
    shape = tuple(getattr(losses, "shape", ()))
    if not isinstance(losses, torch.Tensor) or shape != (n,):
        what = f"shape {shape}" if isinstance(losses, torch.Tensor) else type(losses).__name__
        raise ValueError(
            f"loss returned {what} for {n} rows, but must return one number a row, shape ({n},). "
            "Sum over the steps of a row, and use reduction='none' in losses of torch."
        )
    wrong = np.flatnonzero(~torch.isfinite(losses.detach()).cpu().numpy())
    if wrong.size:
        raise ValueError(
            f"loss is {losses[wrong[0]].item()} in row {wrong[0]}, and not finite in {wrong.size} "
            f"of {n} rows. Leave out rows in which no answer counts, and check that inputs are "
            "finite."
        )
    return losses
