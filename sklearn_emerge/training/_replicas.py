"""Networks that train together, as rows of weights."""

from collections.abc import Sequence

import torch
from torch import nn


class Replicas(nn.Module):
    """Modules that train together, one row of weights each.

    Parameters
    ----------
    modules : list of torch.nn.Module
        Modules of the same kind; they keep their weights until `distribute` is called.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = list(modules)
        rows = [nn.utils.parameters_to_vector(module.parameters()) for module in modules]
        self.weights = nn.Parameter(torch.stack(rows).detach())

    def distribute(self) -> None:
        """Write the weights into the modules."""
        with torch.no_grad():
            for module, row in zip(self.members, self.weights, strict=True):
                # Parameters that shared the memory of a row would each be pickled with all of it.
                for parameter, part in _parts_of(row, module):
                    parameter.copy_(part)


def rows_of_weights(module: nn.Module) -> torch.Tensor:
    """Return all weights of replicas, or of one module, as rows in the order of a `Layout`."""
    if isinstance(module, Replicas):
        return module.weights
    return nn.utils.parameters_to_vector(module.parameters())[None]


def set_gradient(module: nn.Module, rows: torch.Tensor) -> None:
    """Give the weights of replicas, or of one module, their gradient, in rows as of the weights.

    Weights of a module that are frozen get none, and hooks on the others are called.
    """
    if isinstance(module, Replicas):
        module.weights.grad = rows
        return
    free = [pair for pair in _parts_of(rows[0], module) if pair[0].requires_grad]
    if free:
        torch.autograd.backward(*zip(*free, strict=True))


def _parts_of(row: torch.Tensor, module: nn.Module) -> list[tuple[nn.Parameter, torch.Tensor]]:
    """Return the parameters of a module, each with its part of a row."""
    parameters = list(module.parameters())
    parts = row.split([parameter.numel() for parameter in parameters])
    return [(each, part.view_as(each)) for each, part in zip(parameters, parts, strict=True)]
