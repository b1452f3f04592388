"""Effective rank of the covariance of gradients."""

from time import perf_counter
from typing import Any

import torch

from .._docs import fill_doc
from ._gram import gram_of_copy
from ._ranked import LEAST_ROWS, GradientRank, check_limits, rank_of_rows
from ._rows import Loss, evaluated


@fill_doc
def gradient_rank(
    module: torch.nn.Module,
    loss: Loss,
    batch: Any,
    *,
    normalised: bool = False,
    least_loss: float | None = None,
    max_bytes: int = 2**29,
) -> GradientRank:
    r"""Return the effective rank of the covariance of the gradients of rows.

    .. math:: \exp\Bigl(-\sum_k p_k \ln p_k\Bigr), \qquad p_k = \lambda_k / \sum_j \lambda_j

    with the eigenvalues of the covariance over rows of the gradients by all parameters, from the
    centred n x n matrix of `gradient_gram`.

    Parameters
    ----------
    module : torch.nn.Module
        %(module_of_geometry)s
    loss : callable
        %(loss_of_rows)s
    batch : tensor, tuple, list or dict of tensors, or DataLoader
        %(batch_of_rows)s
    normalised : bool, default=False
        Whether gradients are scaled to unit norm first.
    least_loss : float or None, default=None
        %(least_loss)s
    max_bytes : int, default=536870912
        %(max_bytes)s

    Returns
    -------
    GradientRank
        With the corrected participation ratio, and the trace of the covariance.

    Raises
    ------
    ValueError
        If there are fewer than four rows, the loss is not one finite number a row, or that of a
        row changes with the rows around it.

    See Also
    --------
    fisher_rank : With answers drawn from the network.

    Notes
    -----
    Of independent gradients in many directions it is :math:`m \exp(-m / 2M)`, with the smaller m
    and the larger M of n - 1 and the number of parameters (Page, 1993): it says more of n than of
    the network where it is more than a fifth of n, and `reasons` says so.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emerge.geometry import gradient_rank
    >>> def loss(module, batch):
    ...     inputs, targets = batch
    ...     return (module(inputs)[:, 0] - targets) ** 2 / 2
    >>> draws = torch.Generator().manual_seed(0)
    >>> batch = torch.randn(400, 3, generator=draws), torch.randn(400, generator=draws)
    >>> module = torch.nn.Linear(3, 1, bias=False)
    >>> torch.nn.init.zeros_(module.weight).shape
    torch.Size([1, 3])
    >>> found = gradient_rank(module, loss, batch)
    >>> round(found.value, 1), found.n, found.trusted
    (3.0, 400, True)
    """
    start = perf_counter()
    check_limits(least_loss, max_bytes)
    with evaluated(module) as copy:
        found = gram_of_copy(copy, loss, batch, max_bytes, LEAST_ROWS)
    return rank_of_rows(found, start, center=True, normalised=normalised, least_loss=least_loss)
