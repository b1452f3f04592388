"""Effective rank of the Fisher information, with answers drawn from a network or all of them."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import torch

from .._docs import fill_doc
from .._random import substream
from .._typing import RandomState
from ._gram import gram_of_copy
from ._ranked import (
    LEAST_ROWS,
    GradientRank,
    check_limits,
    crowded,
    rank_of_rows,
    ratio_about_zero,
    unresolved,
    value_and_error,
)
from ._rows import Loss, as_rows, evaluated, joined, losses_of_rows

# Probabilities of all answers of a row add up to one, but for so much.
_COMPLETE = 1e-3

# Of a module, a batch and a generator, the batch with answers drawn from the module.
Draw = Callable[[Any, Any, torch.Generator], Any]


@fill_doc
def fisher_rank(
    module: torch.nn.Module,
    loss: Loss,
    batch: Any,
    draw: Draw,
    *,
    normalised: bool = False,
    least_loss: float | None = None,
    max_bytes: int = 2**29,
    random_state: RandomState = None,
) -> GradientRank:
    r"""Return the effective rank of the Fisher information of a network.

    .. math:: F = E\bigl[g g^\top\bigr], \qquad g = \nabla_w \bigl(-\ln p_w(y \mid x)\bigr),
        \qquad y \sim p_w(\cdot \mid x)

    estimated from one drawn answer a row. Gradients are not centred: their mean is zero.

    Parameters
    ----------
    module : torch.nn.Module
        %(module_of_geometry)s
    loss : callable
        Called with a module and a batch, returns the negative log-likelihood of the answer of each
        row in nats, a tensor of shape (n_rows,).
    batch : tensor, tuple, list or dict of tensors, or DataLoader
        %(batch_of_rows)s
    draw : callable
        Called with a copy of the module, the batch and a ``torch.Generator`` on the device of the
        module; returns the batch with answers drawn from the module.
    normalised : bool, default=False
        Whether gradients are scaled to unit norm first.
    least_loss : float or None, default=None
        %(least_loss)s
    max_bytes : int, default=536870912
        %(max_bytes)s
    random_state : int, SeedSequence, Generator, RandomState or None, default=None
        Stream of the generator.

    Returns
    -------
    GradientRank
        With the participation ratio, and the trace of F.

    Raises
    ------
    ValueError
        If there are fewer than four rows, `draw` returns another number of them, the loss is not
        one finite number a row, or that of a row changes with the rows around it.

    See Also
    --------
    exact_fisher_rank : Where all answers can be listed.
    gradient_rank : With the true answers.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emerge.geometry import fisher_rank
    >>> def loss(module, batch):
    ...     inputs, labels = batch
    ...     return torch.nn.functional.cross_entropy(module(inputs), labels, reduction="none")
    >>> def draw(module, batch, generator):
    ...     shares = module(batch[0]).softmax(1)
    ...     return batch[0], torch.multinomial(shares, 1, generator=generator)[:, 0]
    >>> inputs = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    >>> module = torch.nn.Linear(4, 3, bias=False)
    >>> torch.nn.init.zeros_(module.weight).shape
    torch.Size([3, 4])
    >>> batch = inputs, torch.zeros(500, dtype=torch.long)
    >>> round(fisher_rank(module, loss, batch, draw, random_state=0).value)  # (3 - 1) 4
    8
    """
    start = perf_counter()
    check_limits(least_loss, max_bytes)
    stream = substream(random_state, "answers")
    with evaluated(module) as copy:
        generator = torch.Generator(device=next(copy.parameters()).device)
        generator.manual_seed(int(stream.generate_state(1, np.uint64)[0] >> 1))
        with torch.no_grad():
            batch, n = as_rows(batch)
            drawn = draw(copy, batch, generator)
        n_drawn = as_rows(drawn)[1]
        if n_drawn != n:
            raise ValueError(
                f"draw returned {n_drawn} row(s) of {n}. Return the batch with one answer a row."
            )
        found = gram_of_copy(copy, loss, drawn, max_bytes, LEAST_ROWS)
    return rank_of_rows(found, start, center=False, normalised=normalised, least_loss=least_loss)


@fill_doc
def exact_fisher_rank(
    module: torch.nn.Module,
    loss: Loss,
    batches: Sequence[Any],
    *,
    least_loss: float | None = None,
    max_bytes: int = 2**29,
) -> GradientRank:
    r"""Return the effective rank of the Fisher information, of all answers that there can be.

    .. math:: F = \frac{1}{n} \sum_i \sum_y p_w(y \mid x_i) \, g_{iy} g_{iy}^\top

    where only rows are sampled, and answers are not. Their probabilities are
    :math:`\exp(-\ell)` of their loss.

    Parameters
    ----------
    module : torch.nn.Module
        %(module_of_geometry)s
    loss : callable
        Called with a module and a batch, returns the negative log-likelihood of the answer of each
        row in nats, a tensor of shape (n_rows,).
    batches : sequence of batches
        The same rows with each of the possible answers, one batch an answer; see `fisher_rank`.
    least_loss : float or None, default=None
        %(least_loss)s
    max_bytes : int, default=536870912
        %(max_bytes)s

    Returns
    -------
    GradientRank
        With the participation ratio, and the trace of F.

    Raises
    ------
    ValueError
        If there are fewer than four rows, the loss is not one finite number a row, or the
        probabilities of the answers of a row do not add up to one.

    See Also
    --------
    fisher_rank : With one drawn answer a row, for a fraction of the time.

    Notes
    -----
    Time and memory grow with the square of rows times answers.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emerge.geometry import exact_fisher_rank
    >>> def loss(module, batch):
    ...     inputs, labels = batch
    ...     return torch.nn.functional.cross_entropy(module(inputs), labels, reduction="none")
    >>> inputs = torch.eye(4)
    >>> module = torch.nn.Linear(4, 3, bias=False)
    >>> torch.nn.init.zeros_(module.weight).shape
    torch.Size([3, 4])
    >>> batches = [(inputs, torch.full((4,), label)) for label in range(3)]
    >>> round(exact_fisher_rank(module, loss, batches).value, 6)
    8.0
    """
    start = perf_counter()
    check_limits(least_loss, max_bytes)
    if not isinstance(batches, Sequence) or len(batches) < 2:
        raise ValueError(
            f"batches must be a list of two batches or more, one for each possible answer; got "
            f"{type(batches).__name__}. Pass [(inputs, answer), ...] with the same rows in each."
        )
    with evaluated(module) as copy:
        of_answers = _same_rows(batches)
        n, n_answers = of_answers[0][1], len(batches)
        _check_complete(copy, loss, [batch for batch, _ in of_answers], n)
        found = gram_of_copy(copy, loss, joined([batch for batch, _ in of_answers]), max_bytes)
    # Rows are in order of the answer, and then of the row.
    weights = np.exp(-found.losses / 2)
    weighted = weights[:, None] * found.gram * weights
    products = (weighted**2).reshape(n_answers, n, n_answers, n).sum(axis=(0, 2))
    squares = weighted.diagonal().reshape(n_answers, n).sum(axis=0)
    entropy = (weights**2 * found.losses).reshape(n_answers, n).sum(axis=0)
    reasons = unresolved(entropy, squares, found.resolution, least_loss)
    value = error = ratio = np.nan
    if not reasons:
        rows = np.tile(np.arange(n), n_answers)
        value, error = value_and_error(weighted, rows, n, found.resolution, center=False)
        ratio = ratio_about_zero(squares, products)
        reasons = crowded(value, n)
    return GradientRank(
        value=value,
        standard_error=error,
        n=n,
        cost=perf_counter() - start,
        reasons=reasons,
        participation_ratio=ratio,
        trace=float(squares.mean()),
        n_parameters=found.n_parameters,
    )


def _same_rows(batches: Sequence[Any]) -> list[tuple[Any, int]]:
    """Return batches and their numbers of rows, or raise a ValueError if these differ."""
    found = [as_rows(batch) for batch in batches]
    sizes = [n for _, n in found]
    if len(set(sizes)) > 1 or sizes[0] < LEAST_ROWS:
        raise ValueError(
            f"batches have {sizes} rows, and must have equally many, at least {LEAST_ROWS}. Pass "
            "the same rows with each of the possible answers."
        )
    return found


def _check_complete(module: Any, loss: Loss, batches: Sequence[Any], n: int) -> None:
    """Raise a ValueError unless the answers of each row have a probability of one together."""
    with torch.no_grad():
        losses = [losses_of_rows(module, loss, batch, n) for batch in batches]
    total = torch.stack(losses).double().neg().exp().sum(dim=0).cpu().numpy()
    i = int(np.abs(total - 1).argmax())
    if abs(total[i] - 1) > _COMPLETE:
        raise ValueError(
            f"The probabilities exp(-loss) of the answers of row {i} add up to {total[i]:.4g}, and "
            "not to 1. Pass a batch for each possible answer, and the negative log-likelihood in "
            "nats as loss."
        )
