"""Largest or smallest eigenvalue and trace of the Hessian of the loss of fixed rows."""

from dataclasses import dataclass
from numbers import Real
from time import perf_counter
from typing import Any

import numpy as np
import torch

from .._docs import fill_doc
from .._random import substream
from .._typing import RandomState
from .._validation import check_integer
from ._curvature import Curvature
from ._estimate import Estimate
from ._reasons import Reason
from ._rows import Loss, as_rows, evaluated, rows_at

# Disjoint parts of the rows, whose spread is the standard error.
_N_PARTS = 4
# A standard error of more than this share says little of the value.
_SHARE = 0.25
# An excess of more than this share, because rows are few, is said.
_EXCESS = 0.1


@dataclass(frozen=True, kw_only=True)
class HessianTop(Estimate):
    """An extreme eigenvalue of the Hessian.

    Attributes
    ----------
    value : float
        The largest or smallest eigenvalue, with its sign, in units of the loss a squared unit of
        the parameters; NaN if the iteration did not converge.
    standard_error : float
        Of `value`, from its spread over four disjoint parts of the rows, if rows are independent.
    n : int
        Rows that it was computed from.
    cost : float
        Wall-clock time that it took, in seconds.
    reasons : tuple of str
        Why `value` is not to be trusted, one sentence each.
    parts : tuple of float
        Of each of the four parts alone. Their mean lies farther out than `value` where rows are
        few, since extremes of noise add to it.
    residual : float
        Norm of Hv - value v for the unit vector v that was found, in the units of `value`.
    n_products : int
        Products with the Hessian that it took, without those of the parts.
    """

    parts: tuple[float, ...]
    residual: float
    n_products: int


@dataclass(frozen=True, kw_only=True)
class HessianTrace(Estimate):
    """The trace of the Hessian.

    Attributes
    ----------
    value : float
        Mean over probes, in units of the loss a squared unit of the parameters.
    standard_error : float
        Of `value`, over probes: for these rows, without the error of having drawn them.
    n : int
        Rows that it was computed from.
    cost : float
        Wall-clock time that it took, in seconds.
    reasons : tuple of str
        Why `value` is not to be trusted, one sentence each.
    n_probes : int
        Random vectors, and products with the Hessian.
    """

    n_probes: int


@fill_doc
def hessian_top(
    module: torch.nn.Module,
    loss: Loss,
    batch: Any,
    *,
    which: str = "LA",
    tol: float = 1e-2,
) -> HessianTop:
    r"""Return the largest or the smallest eigenvalue of the Hessian of the mean loss of rows.

    .. math:: H_{pq} = \frac{\partial^2}{\partial w_p \partial w_q} \frac{1}{n} \sum_i \ell_i(w)

    in evaluation mode, over all parameters. The module is not changed.

    Parameters
    ----------
    module : torch.nn.Module
        %(module_of_geometry)s
    loss : callable
        %(loss_of_rows)s
    batch : tensor, tuple, list or dict of tensors, or DataLoader
        %(batch_of_rows)s
    which : {"LA", "SA"}, default="LA"
        The largest or the smallest eigenvalue, with its sign. At initialisation both can be
        equally far from zero.
    tol : float, default=0.01
        Relative error of the eigenvalue at which the Lanczos iteration stops.

    Returns
    -------
    HessianTop
        With the residual, the number of products, and the values of four parts of the rows.

    Raises
    ------
    ValueError
        If there are fewer than four rows, the loss is not one finite number a row, it has no second
        derivative, or an argument is out of range.

    See Also
    --------
    hessian_trace : Sum of all eigenvalues.
    local_learning_coefficient : Volume of what lies near the minimum.

    Notes
    -----
    Products are gradients of gradients (Pearlmutter, 1994), and the eigenvalue is that of
    `scipy.sparse.linalg.eigsh` from a fixed first vector. Of up to 32 parameters the whole matrix
    is taken. The value is compared with a difference of two gradients, since fused operations can
    have a second derivative that is wrong, or none, without an error.

    It depends on the rows as much as on the network: use the same at all checkpoints, and about a
    thousand.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emerge.geometry import hessian_top
    >>> module = torch.nn.Linear(2, 1, bias=False)
    >>> def loss(module, batch):
    ...     inputs, targets = batch
    ...     return (module(inputs)[:, 0] - targets) ** 2
    >>> inputs = torch.tensor([[3.0, 0.0], [0.0, 1.0]]).repeat(4, 1)
    >>> found = hessian_top(module, loss, (inputs, torch.zeros(8)))
    >>> round(found.value, 3)  # Of 2 X'X / n.
    9.0
    """
    start = perf_counter()
    check_top(which, tol)
    batch, n = as_rows(batch)
    if n < _N_PARTS:
        raise ValueError(
            f"batch has {n} row(s), and at least {_N_PARTS} are needed. Pass more rows, about a "
            "thousand."
        )
    with evaluated(module) as copy:
        curvature = Curvature(copy, loss, batch)
        found = curvature.extreme(which, tol)
        converged = not np.isnan(found.value)
        mismatch = curvature.mismatch(found.vector, found.value) if converged else ()
        del curvature  # Its graph takes memory.
        # Rows may be sorted.
        order = np.random.default_rng(substream(0, "parts of rows")).permutation(n)
        parts = tuple(
            Curvature(copy, loss, rows_at(batch, torch.from_numpy(part))).extreme(which, tol).value
            for part in np.array_split(order, _N_PARTS)
        )
    standard_error = float(np.std(parts, ddof=1) / np.sqrt(_N_PARTS))
    reasons: tuple[Reason, ...] = ()
    if np.isnan(found.value):
        reasons += (
            Reason(
                "not_converged",
                f"The iteration did not converge in {found.n_products} products with the Hessian.",
            ),
        )
    elif np.isnan(standard_error):
        reasons += (
            Reason("parts_not_converged", "The iteration did not converge on a part of the rows."),
        )
    elif standard_error > _SHARE * abs(found.value):
        reasons += (
            Reason(
                "parts_differ",
                f"The standard error over {_N_PARTS} parts of {n} rows is {standard_error:.3g}, "
                f"more than a quarter of the value, {found.value:.3g}.",
            ),
        )
    # The bias of few rows falls with their number: of all it is a third of what parts have more.
    excess = (float(np.mean(parts)) - found.value) / (_N_PARTS - 1)
    if abs(excess) > _EXCESS * abs(found.value):
        reasons += (
            Reason(
                "too_few_rows",
                f"Over parts of the rows it is {np.mean(parts):.3g} on average, and "
                f"{found.value:.3g} over all {n}: of many more rows it would be about "
                f"{found.value - excess:.3g}.",
            ),
        )
    reasons += mismatch
    return HessianTop(
        value=found.value,
        standard_error=standard_error,
        n=n,
        cost=perf_counter() - start,
        reasons=reasons,
        parts=parts,
        residual=found.residual,
        n_products=found.n_products,
    )


@fill_doc
def hessian_trace(
    module: torch.nn.Module,
    loss: Loss,
    batch: Any,
    *,
    n_probes: int = 16,
    random_state: RandomState = None,
) -> HessianTrace:
    r"""Return the trace of the Hessian of the mean loss of rows, by random probes.

    .. math:: \operatorname{tr} H = E\bigl[z^\top H z\bigr], \qquad z_p = \pm 1

    in evaluation mode, over all parameters. The module is not changed.

    Parameters
    ----------
    module : torch.nn.Module
        %(module_of_geometry)s
    loss : callable
        %(loss_of_rows)s
    batch : tensor, tuple, list or dict of tensors, or DataLoader
        %(batch_of_rows)s
    n_probes : int, default=16
        Random vectors z, two or more.
    random_state : int, SeedSequence, Generator, RandomState or None, default=None
        Stream of the vectors.

    Returns
    -------
    HessianTrace
        With the standard error over probes.

    Raises
    ------
    ValueError
        If there are fewer than two rows, the loss is not one finite number a row, it has no second
        derivative, or an argument is out of range.

    See Also
    --------
    hessian_top : Largest eigenvalue.

    Notes
    -----
    The variance of a probe is twice the sum of squares of what is off the diagonal (Hutchinson,
    1990), so that of a diagonal matrix one probe is exact.

    Kinks, as those of a ReLU, have no second derivative, and do not count. A second derivative that
    is zero because an operation has none is a reason; one that is wrong otherwise is only noticed
    by `hessian_top`.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emerge.geometry import hessian_trace
    >>> module = torch.nn.Linear(2, 1, bias=False)
    >>> def loss(module, batch):
    ...     inputs, targets = batch
    ...     return (module(inputs)[:, 0] - targets) ** 2
    >>> inputs = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    >>> found = hessian_trace(module, loss, (inputs, torch.zeros(2)), random_state=0)
    >>> round(found.value, 3), round(found.standard_error, 3)  # Of 2 X'X / n.
    (10.0, 0.0)
    """
    start = perf_counter()
    check_trace(n_probes)
    batch, n = as_rows(batch)
    if n < 2:
        raise ValueError(f"batch has {n} row(s), and at least 2 are needed. Pass more rows.")
    draws = np.random.default_rng(substream(random_state, "probes"))
    with evaluated(module) as copy:
        curvature = Curvature(copy, loss, batch)
        found = np.empty(n_probes)
        for i in range(n_probes):
            probe = draws.choice([-1.0, 1.0], size=curvature.n_parameters)
            found[i] = probe @ curvature.product(probe)
        # A network of kinks has a trace between them, which a difference of gradients has not.
        mismatch = () if found.any() else curvature.mismatch(probe / np.linalg.norm(probe), 0.0)
    value = float(found.mean())
    standard_error = float(found.std(ddof=1) / np.sqrt(n_probes))
    reasons: tuple[Reason, ...] = mismatch
    if standard_error > _SHARE * abs(value):
        reasons += (
            Reason(
                "probes_differ",
                f"The standard error over {n_probes} probes is {standard_error:.3g}, more than a "
                f"quarter of the value, {value:.3g}.",
            ),
        )
    return HessianTrace(
        value=value,
        standard_error=standard_error,
        n=n,
        cost=perf_counter() - start,
        reasons=reasons,
        n_probes=n_probes,
    )


def check_top(which: str, tol: float) -> None:
    """Raise a ValueError unless these are arguments of `hessian_top`."""
    if which not in ("LA", "SA"):
        raise ValueError(
            f"which={which!r} is neither 'LA', the largest eigenvalue, nor 'SA', the smallest."
        )
    if not (isinstance(tol, Real) and 0 < tol < 1):
        raise ValueError(f"tol={tol!r} is not between 0 and 1. Pass a relative error, such as .01.")


def check_trace(n_probes: int) -> None:
    """Raise a ValueError unless this is an argument of `hessian_trace`."""
    check_integer(n_probes, "n_probes", 2)
