"""Chains of stochastic gradient Langevin dynamics around given weights, all at once."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.func import functional_call, vmap
from torch.utils._pytree import tree_map

from .._random import integer_seed, substream
from .._typing import Floats
from ._rows import VMAP_CANNOT, Loss, as_rows, rows_at

# At the weights where chains start, rows have the loss that they have among all, up to so much of
# the largest.
_SAME = 1e-2


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """How chains move.

    Attributes
    ----------
    n_beta : float
        Factor of the mean loss.
    localisation : float
        Precision of the Gaussian around the weights where they start.
    step_size : float
        Variance of the noise of a step, where the scale is one.
    rows_per_step : int
        Rows of which a step has the gradient.
    """

    n_beta: float
    localisation: float
    step_size: float
    rows_per_step: int


class _LossOfRows(torch.nn.Module):
    """The loss of rows, as a module, whose parameters can be given."""

    def __init__(self, module: torch.nn.Module, loss: Loss) -> None:
        super().__init__()
        self.module = module
        self.loss = loss

    def forward(self, rows: Any) -> torch.Tensor:
        """Return the loss of each row."""
        return self.loss(self.module, rows)


class Chains:
    """Several chains that start at the weights of a module.

    Parameters
    ----------
    module : torch.nn.Module
        A copy, in evaluation mode.
    loss : callable
        Returns the loss of each row.
    batch : tensor, or tuple, list or dict of tensors
        Rows.
    losses : tensor of shape (n,)
        Loss of each row where chains start.
    n_chains : int
        How many.
    dynamics : Dynamics
        How they move.
    stream : SeedSequence
        Of noise and rows.
    scales : list of tensor or None
        Of each parameter the root of what its steps are multiplied by. None is one.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        loss: Loss,
        batch: Any,
        losses: torch.Tensor,
        n_chains: int,
        dynamics: Dynamics,
        stream: np.random.SeedSequence,
        scales: list[torch.Tensor] | None = None,
    ) -> None:
        self._loss = _LossOfRows(module, loss)
        self._batch, self._n = as_rows(batch)
        self._losses = losses
        self._n_chains = n_chains
        self._dynamics = dynamics
        named = {name: p for name, p in module.named_parameters() if p.is_floating_point()}
        self._names = [f"module.{name}" for name in named]
        self._start = [p.detach() for p in named.values()]
        self._scales = scales or [
            torch.ones((), dtype=p.dtype, device=p.device) for p in self._start
        ]
        self.weights = [
            p.expand(n_chains, *p.shape).clone().requires_grad_(True) for p in self._start
        ]
        self._noise = torch.Generator(device=self._start[0].device)
        self._noise.manual_seed(integer_seed(substream(stream, "noise")))
        self._order = torch.Generator().manual_seed(integer_seed(substream(stream, "rows")))
        self._together = True
        self._check_start()

    def run(self, n_burn_in: int, n_draws: int) -> Floats:
        """Return how much larger the loss is than at the start, shape (n_chains, n_draws).

        Of both losses the rows are the same. Draws behind one that is not finite are NaN.
        """
        found = np.full((self._n_chains, n_draws), np.nan)
        for step in range(n_burn_in + n_draws):
            rises = self._step()
            if not np.isfinite(rises).all():
                break
            if step >= n_burn_in:
                found[:, step - n_burn_in] = rises
        return found

    def _step(self) -> Floats:
        """Move all chains; return how much larger their losses were than at the start."""
        rows, known = self._rows()
        losses = self._losses_of(rows)
        gradients = torch.autograd.grad(
            losses.mean(dim=1).sum(), self.weights, allow_unused=True, materialize_grads=True
        )
        to = self._dynamics
        with torch.no_grad():
            for weight, gradient, start, scale in zip(
                self.weights, gradients, self._start, self._scales, strict=True
            ):
                noise = torch.empty_like(weight).normal_(generator=self._noise)
                force = to.n_beta * gradient + to.localisation * (weight - start)
                weight += -to.step_size / 2 * scale**2 * force + to.step_size**0.5 * scale * noise
        return (losses.detach().double() - known.double()).mean(dim=1).cpu().numpy()

    def _rows(self) -> tuple[Any, torch.Tensor]:
        """Return rows of each chain, or all rows of all, and their losses where chains start.

        They do not depend on those of the steps before, as the parts of a shuffled pass would: in
        these, what is left is the opposite of what has moved the weights, and its loss too high.
        """
        n_rows = self._dynamics.rows_per_step
        if n_rows >= self._n:
            return self._batch, self._losses
        keys = torch.rand((self._n_chains, self._n), generator=self._order)
        which = keys.topk(n_rows, dim=1).indices
        return rows_at(self._batch, which), self._losses[which]

    def _losses_of(self, rows: Any) -> torch.Tensor:
        """Return the losses of rows of each chain, shape (n_chains, rows_per_step)."""
        each = self._dynamics.rows_per_step < self._n  # Has a chain rows of its own?
        if self._together:
            axes = tree_map(
                lambda leaf: 0 if each and isinstance(leaf, torch.Tensor) else None, rows
            )
            try:
                with warnings.catch_warnings():
                    # Operations that vmap repeats chain by chain itself, more slowly than we would.
                    warnings.filterwarnings("error", message=".*performance drop")
                    return vmap(self._of_chain, in_dims=(0, axes))(self.weights, rows)
            # Whatever a module does that vmap cannot, it can do with one chain after the other.
            except VMAP_CANNOT:
                self._together = False
        return torch.stack(
            [
                self._of_chain([w[i] for w in self.weights], rows_at(rows, i) if each else rows)
                for i in range(self._n_chains)
            ]
        )

    def _of_chain(self, weights: list[torch.Tensor], rows: Any) -> torch.Tensor:
        return functional_call(self._loss, dict(zip(self._names, weights, strict=True)), (rows,))

    def _check_start(self) -> None:
        """Raise a ValueError if rows have other losses than among all rows."""
        rows, known = self._rows()
        with torch.no_grad():
            found = self._losses_of(rows)
        rounding = torch.finfo(known.dtype).eps
        if not ((found - known).abs() <= _SAME * self._losses.abs().max() + rounding).all():
            raise ValueError(
                "The loss of a row changes with the rows around it. Let the loss of a row be of "
                "that row only: no mean over the rows, and no normalisation by them."
            )
