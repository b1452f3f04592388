"""Inner products of the gradients of rows, over all parameters of a network."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch.func import functional_call, vmap
from torch.utils._pytree import tree_map

from .._docs import fill_doc
from .._typing import Floats
from .._validation import check_integer
from ._rows import VMAP_CANNOT, Loss, as_rows, evaluated, losses_of_rows, rows_at

# Rows whose gradients are computed together, and columns whose products are summed in the precision
# of the network.
_ROWS, _COLUMNS = 32, 2**14
# A row alone has the loss that it has among the others, up to so much of the largest.
_SAME = 1e-2

# Names and values of parameters.
Group = dict[str, torch.nn.Parameter]


@dataclass(frozen=True, kw_only=True, eq=False)
class GradientGram:
    """Inner products of the gradients of rows.

    Attributes
    ----------
    gram : ndarray of shape (n, n)
        Inner products of the gradients of each two rows, in squared units of the loss.
    losses : ndarray of shape (n,)
        Loss of each row.
    n_parameters : int
        Parameters by which was differentiated.
    resolution : float
        Relative rounding error of the network's numbers.
    cost : float
        Wall-clock time that it took, in seconds.
    """

    gram: Floats
    losses: Floats
    n_parameters: int
    resolution: float
    cost: float


@fill_doc
def gradient_gram(
    module: torch.nn.Module, loss: Loss, batch: Any, *, max_bytes: int = 2**29
) -> GradientGram:
    r"""Return the inner products of the gradients of rows, over all parameters of a network.

    .. math:: K_{ij} = \nabla_w \ell_i \cdot \nabla_w \ell_j

    in evaluation mode. The module is not changed.

    Parameters
    ----------
    module : torch.nn.Module
        %(module_of_geometry)s
    loss : callable
        %(loss_of_rows)s
    batch : tensor, tuple, list or dict of tensors, or DataLoader
        %(batch_of_rows)s
    max_bytes : int, default=536870912
        %(max_bytes)s

    Returns
    -------
    GradientGram
        With ``gram`` of shape (n, n), and the losses.

    Raises
    ------
    ValueError
        If there are fewer than two rows, the loss is not one finite number a row, or that of a row
        changes with the rows around it.

    See Also
    --------
    gradient_rank : Effective rank of the covariance of gradients.

    Notes
    -----
    Gradients of 32 rows at a time are computed by ``torch.func.vmap``, or one by one where the
    module does not allow it. Parameters of which they do not fit together are taken in groups.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emerge.geometry import gradient_gram
    >>> module = torch.nn.Linear(3, 1, bias=False)
    >>> torch.nn.init.zeros_(module.weight).shape
    torch.Size([1, 3])
    >>> def loss(module, batch):
    ...     inputs, targets = batch
    ...     return (module(inputs)[:, 0] - targets) ** 2 / 2
    >>> gradient_gram(module, loss, (torch.eye(3), torch.tensor([1.0, 2.0, 3.0]))).gram
    array([[1., 0., 0.],
           [0., 4., 0.],
           [0., 0., 9.]])
    """
    check_integer(max_bytes, "max_bytes")
    with evaluated(module) as copy:
        return gram_of_copy(copy, loss, batch, max_bytes)


def gram_of_copy(
    module: torch.nn.Module, loss: Loss, batch: Any, max_bytes: int, n_least: int = 2
) -> GradientGram:
    """Return the products of a module that may be changed, in evaluation mode."""
    start = perf_counter()
    batch, n = as_rows(batch)
    if n < n_least:
        raise ValueError(
            f"batch has {n} row(s), and at least {n_least} are needed. Pass more rows; the first "
            "dimension of each tensor is rows."
        )
    losses = losses_of_rows(module, loss, batch, n).detach()
    gram = np.zeros((n, n))
    groups = list(_groups(module, n, max_bytes))
    for group in groups:
        gradients = _gradients(module, loss, batch, losses, group)
        for part in gradients.split(_COLUMNS, dim=1):
            gram += (part @ part.T).double().cpu().numpy()
    wrong = np.flatnonzero(~np.isfinite(gram.diagonal()))
    if wrong.size:
        raise ValueError(
            f"The gradients of {wrong.size} of {n} rows are not finite, first that of row "
            f"{wrong[0]}. Look for roots, logarithms or norms of zero in loss and module."
        )
    return GradientGram(
        gram=gram,
        losses=losses.double().cpu().numpy(),
        n_parameters=sum(p.numel() for group in groups for p in group.values()),
        resolution=max(torch.finfo(p.dtype).eps for group in groups for p in group.values()),
        cost=perf_counter() - start,
    )


def _groups(module: torch.nn.Module, n: int, max_bytes: int) -> Iterator[Group]:
    """Yield parameters of which n gradients fit into so much memory, at least one at a time."""
    group: Group = {}
    used = 0
    for name, parameter in module.named_parameters():
        if not parameter.is_floating_point():
            continue
        size = n * parameter.numel() * parameter.element_size()
        if group and used + size > max_bytes:
            yield group
            group, used = {}, 0
        group[name] = parameter
        used += size
    yield group


def _gradients(
    module: torch.nn.Module, loss: Loss, batch: Any, losses: torch.Tensor, group: Group
) -> torch.Tensor:
    """Return the gradient of each row by a group of parameters, shape (n, n_parameters)."""
    n_columns = sum(parameter.numel() for parameter in group.values())
    found = losses.new_empty((len(losses), n_columns), dtype=next(iter(group.values())).dtype)
    chunks = [slice(i, i + _ROWS) for i in range(0, len(losses), _ROWS)]
    together = True
    for chunk in chunks:
        rows = rows_at(batch, chunk)
        if together:
            try:
                alone, gradients = _by_vmap(module, loss, rows, group)
            # Whatever a module does that vmap cannot, it can do with one row after the other.
            except VMAP_CANNOT:
                together = False
        if not together:
            alone, gradients = _one_by_one(module, loss, rows, len(losses[chunk]), group)
        _check_alone(alone, losses, chunk.start)
        # Weights that are not this module's may be in the loss, and want gradients themselves.
        found[chunk] = gradients.detach()
    return found


class _LossOfRow(torch.nn.Module):
    """The loss of one row, as a module, whose parameters can be given."""

    def __init__(self, module: torch.nn.Module, loss: Loss) -> None:
        super().__init__()
        self.module = module
        self.loss = loss

    def forward(self, row: Any) -> torch.Tensor:
        """Return the loss of a row that has no dimension of rows."""
        one = tree_map(lambda leaf: leaf[None] if isinstance(leaf, torch.Tensor) else leaf, row)
        return self.loss(self.module, one).sum()


def _by_vmap(
    module: torch.nn.Module, loss: Loss, rows: Any, group: Group
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return losses and gradients of rows, all at once."""
    row_loss = _LossOfRow(module, loss)
    n = as_rows(rows)[1]
    # Each row has weights of its own, without a copy of them. torch.func.grad would give the same,
    # but takes seconds when it is first called.
    weights = {
        f"module.{name}": parameter.detach().expand(n, *parameter.shape).requires_grad_(True)
        for name, parameter in group.items()
    }
    axes = tree_map(lambda leaf: 0 if isinstance(leaf, torch.Tensor) else None, rows)
    of_row = vmap(
        lambda weights, row: functional_call(row_loss, weights, (row,)), in_dims=(0, axes)
    )
    with warnings.catch_warnings():
        # Operations that vmap repeats row by row itself, more slowly than we would.
        warnings.filterwarnings("error", message=".*performance drop")
        alone = of_row(weights, rows)
    return alone.detach(), _flat(alone.sum(), list(weights.values()), n)


def _one_by_one(
    module: torch.nn.Module, loss: Loss, rows: Any, n: int, group: Group
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return losses and gradients of rows, one after the other."""
    parameters = list(group.values())
    alone, found = [], []
    for parameter in parameters:
        parameter.requires_grad_(True)
    for i in range(n):
        value = loss(module, rows_at(rows, slice(i, i + 1))).sum()
        alone.append(value.detach())
        found.append(_flat(value, parameters, 1))
    for parameter in parameters:
        parameter.requires_grad_(False)
    return torch.stack(alone), torch.cat(found)


def _flat(value: torch.Tensor, weights: list[torch.Tensor], n: int) -> torch.Tensor:
    """Return the gradient of a value by weights of n rows, a row each; zero if it has none."""
    if value.requires_grad:
        gradients = torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True)
    else:
        gradients = tuple(torch.zeros_like(weight) for weight in weights)
    return torch.cat([gradient.reshape(n, -1) for gradient in gradients], dim=1)


def _check_alone(alone: torch.Tensor, losses: torch.Tensor, start: int) -> None:
    """Raise a ValueError if rows alone have other losses than among the others."""
    among = losses[start : start + len(alone)]
    difference = (alone - among).abs()
    if (difference > _SAME * losses.abs().max()).any():
        i = int(difference.argmax())
        raise ValueError(
            f"The loss of row {start + i} is {among[i]:.3g} among the others, and {alone[i]:.3g} "
            "alone. Let the loss of a row be of that row only: no mean over the rows, and no "
            "normalisation by them."
        )
