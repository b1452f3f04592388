"""Second derivatives of the mean loss of rows: products with a vector, extreme eigenvalue."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from .._random import substream
from .._typing import Floats
from ._reasons import Reason
from ._rows import Loss, as_rows, losses_of_rows

# Of so few parameters the whole matrix is taken, whose eigenvalues are exact.
_FEW = 32
# Restarts of the Lanczos iteration; it needs one or two.
_MAX_RESTARTS = 100
# A curvature that differs from that by gradients by more than this share is another one.
_APART = 0.25
# Curvatures by differences of gradients are exact to so much of the norm of the gradient.
_ROUNDING = 1e-3


@dataclass(frozen=True, kw_only=True)
class Extreme:
    """An extreme eigenvalue, its vector, and what they took."""

    value: float
    vector: Floats
    residual: float
    n_products: int


class Curvature:
    """The mean loss of rows at the weights of a module, with its derivatives.

    The graph of the gradient is kept: a product costs two gradients, and not three.

    Parameters
    ----------
    module : torch.nn.Module
        A copy that may be changed, in evaluation mode.
    loss : callable
        Returns the loss of each row.
    batch : tensor, or tuple, list or dict of tensors
        Rows.

    Attributes
    ----------
    parameters : list of tensor
        Those that were differentiated by, all of floating point.
    n_parameters : int
        Numbers in them.
    losses : tensor of shape (n,)
        Loss of each row, without its graph.
    gradient : ndarray of shape (n_parameters,)
        Of the mean loss.
    """

    def __init__(self, module: torch.nn.Module, loss: Loss, batch: Any) -> None:
        self.parameters = [p for p in module.parameters() if p.is_floating_point()]
        for parameter in self.parameters:
            parameter.requires_grad_(True)
        batch, n = as_rows(batch)
        # Once more, where the weights are by then.
        self._again = lambda: losses_of_rows(module, loss, batch, n)
        self._losses = self._again()
        if not self._losses.requires_grad:
            raise ValueError(
                "loss has no gradient by the parameters of module. Use module in loss, and neither "
                "torch.no_grad nor detach."
            )
        self.losses = self._losses.detach()
        self._gradients = self._first(self._losses.mean())
        self.n_parameters = sum(p.numel() for p in self.parameters)
        self.gradient = self._checked(self._gradients, "gradient")

    def product(self, vector: Floats) -> Floats:
        """Return the matrix of second derivatives times a vector, shape (n_parameters,)."""
        return self._checked(self._second(self._gradients, self._parts(vector)), "Hessian")

    def difference(self, vector: Floats) -> float:
        """Return the curvature along a unit vector, by the difference of two gradients."""
        step = max(torch.finfo(p.dtype).eps for p in self.parameters) ** (1 / 3)
        kept = [p.detach().clone() for p in self.parameters]
        slopes = []
        for sign in (1, -1):
            # By `data`, since the graph is still used when the weights are back.
            for p, start, part in zip(self.parameters, kept, self._parts(vector), strict=True):
                p.data.copy_(start + sign * step * part)
            gradients = torch.autograd.grad(
                self._again().mean(), self.parameters, allow_unused=True, materialize_grads=True
            )
            slopes.append(float(vector @ self._checked(gradients, "gradient")))
        for p, start in _pairs(self.parameters, kept):
            p.data.copy_(start)
        return (slopes[0] - slopes[1]) / (2 * step)

    def mismatch(self, vector: Floats, value: float) -> tuple[Reason, ...]:
        """Return why the curvature along a unit vector is not to be trusted, if it is not."""
        difference = self.difference(vector)
        rounding = _ROUNDING * np.linalg.norm(self.gradient)
        if abs(difference - value) <= _APART * abs(value) + rounding:
            return ()
        return (
            Reason(
                "derivatives_differ",
                f"A curvature is {difference:.3g} by the difference of two gradients, and not "
                f"{value:.3g}: loss or module has an operation whose second derivative is not that "
                "of its first.",
            ),
        )

    def row_variance(self, vector: Floats) -> float:
        """Return the variance over rows of the slope of the loss along a vector."""
        # The gradient of w'J is linear in w, and its derivative by w along a vector is J times it.
        weights = torch.ones_like(self._losses, requires_grad=True)
        gradients = self._first((self._losses * weights).sum())
        products = [(g * part).sum() for g, part in _pairs(gradients, self._parts(vector))]
        (slopes,) = torch.autograd.grad(_sum(products), weights, retain_graph=True)
        return float(slopes.double().var())

    def extreme(self, which: str, tol: float, scales: Floats | None = None) -> Extreme:
        """Return the largest ("LA") or smallest ("SA") eigenvalue.

        With scales s of the parameters it is that of s_i H_ij s_j.
        """
        scale = np.ones(self.n_parameters) if scales is None else scales
        n_products = 0

        def product(vector: Floats) -> Floats:
            nonlocal n_products
            n_products += 1
            return scale * self.product(scale * np.ravel(vector))

        if self.n_parameters <= _FEW:
            rows = np.array([product(row) for row in np.eye(self.n_parameters)])
            values, vectors = np.linalg.eigh((rows + rows.T) / 2)
            i = -1 if which == "LA" else 0
            return Extreme(
                value=float(values[i]), vector=vectors[:, i], residual=0.0, n_products=n_products
            )
        draws = np.random.default_rng(substream(0, "first vector"))
        first = draws.standard_normal(self.n_parameters)
        if not product(first).any():  # It is zero, which Lanczos iterations do not take.
            unit = first / np.linalg.norm(first)
            return Extreme(value=0.0, vector=unit, residual=0.0, n_products=n_products)
        operator = LinearOperator(2 * (self.n_parameters,), matvec=product, dtype=np.float64)
        try:
            values, vectors = eigsh(
                operator, k=1, which=which, tol=tol, v0=first, maxiter=_MAX_RESTARTS
            )
        except ArpackNoConvergence:
            nothing = np.full(self.n_parameters, np.nan)
            return Extreme(value=np.nan, vector=nothing, residual=np.nan, n_products=n_products)
        value, vector = float(values[0]), vectors[:, 0]
        residual = float(np.linalg.norm(product(vector) - value * vector))
        return Extreme(value=value, vector=vector, residual=residual, n_products=n_products)

    def _first(self, value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return gradients that can be differentiated again."""
        try:
            return torch.autograd.grad(
                value,
                self.parameters,
                create_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
        except RuntimeError as error:
            raise _without_derivative(error, "gradient") from error

    def _second(
        self, gradients: tuple[torch.Tensor, ...], parts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, ...]:
        """Return the derivative by the parameters of the gradient along a vector."""
        slope = _sum([(g * part).sum() for g, part in _pairs(gradients, parts)])
        if not slope.requires_grad:  # The loss is linear.
            return tuple(torch.zeros_like(parameter) for parameter in self.parameters)
        try:
            return torch.autograd.grad(
                slope,
                self.parameters,
                retain_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
        except RuntimeError as error:
            raise _without_derivative(error, "second derivative") from error

    def _parts(self, vector: Floats) -> list[torch.Tensor]:
        """Return a vector in pieces like the parameters."""
        sizes = [p.numel() for p in self.parameters]
        pieces = torch.from_numpy(np.ascontiguousarray(vector)).split(sizes)
        return [piece.to(p).reshape(p.shape) for piece, p in _pairs(pieces, self.parameters)]

    def _checked(self, tensors: tuple[torch.Tensor, ...], what: str) -> Floats:
        """Return derivatives as one array, or raise a ValueError if they are not finite."""
        found = torch.cat([t.detach().double().cpu().ravel() for t in tensors]).numpy()
        if not np.isfinite(found).all():
            raise ValueError(
                f"The {what} of the loss is not finite for {int((~np.isfinite(found)).sum())} of "
                f"{found.size} parameters. Look for roots, logarithms or norms of zero in loss and "
                "module."
            )
        return found


def _pairs(first: Any, second: Any) -> Any:
    return zip(first, second, strict=True)


def _sum(terms: list[torch.Tensor]) -> torch.Tensor:
    # Parameters may have different precision.
    return torch.stack([term.double() for term in terms]).sum()


def _without_derivative(error: RuntimeError, what: str) -> Exception:
    """Return what to raise where torch cannot differentiate."""
    if isinstance(error, torch.OutOfMemoryError):
        return error
    return ValueError(
        f"loss or module has no {what}: {error}. Use operations of torch that have one; models of "
        "transformers are loaded with attn_implementation='eager'."
    )
