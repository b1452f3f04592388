"""Whether runs in which a measure departs late see the same task emerge late."""

from collections.abc import Callable
from math import factorial

import numpy as np
from scipy import special, stats

from .._typing import Floats
from ._labels import draw_orders, p_value

# Orders that are enumerated together; more are drawn.
_MOST = 1_000_000


def ranks_of_runs(events: Floats) -> Floats:
    """Return ranks over seeds, standardised, without the means of runs.

    Parameters
    ----------
    events : ndarray of shape (..., n_task_levels, n_seeds)
        When events were, infinite where they never were; those come last.

    Returns
    -------
    ndarray of the same shape
        Zero where all seeds are the same. A run that is quick in everything is taken out.
    """
    rank = stats.rankdata(events, axis=-1)
    rank = rank - rank.mean(axis=-1, keepdims=True)
    spread = rank.std(axis=-1, keepdims=True)
    standard = np.divide(rank, spread, out=np.zeros_like(rank), where=spread > 0)
    return standard - standard.mean(axis=-2, keepdims=True)


def coupling_p_value(
    d: list[Floats], e: list[Floats], n_draws: int, rng: np.random.Generator
) -> Floats:
    """Return the p-value of the coupling, by permuting whole runs of d against e in each size.

    Parameters
    ----------
    d, e : list of ndarray of shape (..., n_task_levels, n_seeds)
        What `ranks_of_runs` returns, a size each.
    n_draws : int
        Permutations that are drawn where there are too many to take all.
    rng : Generator
        Source of draws.

    Returns
    -------
    ndarray of shape (...)
        Share of permutations with as large a sum of products; all of them where they are no more
        than a million.
    """
    products = [np.einsum("...us,...ut->...st", a, b) for a, b in zip(d, e, strict=True)]
    n_all = 1
    for each in products:
        n_all *= factorial(each.shape[-1])
    sums: Floats | None = None
    for each in products:
        n = each.shape[-1]
        if n_all <= _MOST:
            orders, _ = draw_orders(n, _MOST, rng)
        else:
            # One order of each size at a time; the first of each changes nothing.
            drawn = rng.permuted(np.tile(np.arange(n), (n_draws, 1)), axis=1)
            orders = np.concatenate([np.arange(n)[np.newaxis], drawn])
        null = each[..., np.arange(n), orders].sum(axis=-1)
        if sums is None:
            sums = null
        elif n_all <= _MOST:
            sums = (sums[..., :, np.newaxis] + null[..., np.newaxis, :]).reshape(
                *null.shape[:-1], -1
            )
        else:
            sums = sums + null
    assert sums is not None
    return p_value(sums)


def correlation(d: list[Floats], e: list[Floats]) -> float:
    """Return the sum of products as a correlation; NaN where either never differs over seeds."""
    product = sum(float((a * b).sum()) for a, b in zip(d, e, strict=True))
    size = np.sqrt(sum(float((a**2).sum()) for a in d) * sum(float((b**2).sum()) for b in e))
    return product / size if size > 0 else np.nan


def task_products(d: list[Floats], e: list[Floats], n_tasks: int) -> Floats:
    """Return sums of products of the measure of each task with the emergence of each.

    Parameters
    ----------
    d, e : list of ndarray of shape (n_tasks * n_levels, n_seeds)
        What `ranks_of_runs` returns, a size each, levels of a task together.
    n_tasks : int
        Number of tasks.

    Returns
    -------
    ndarray of shape (n_tasks, n_tasks)
        Levels are paired with themselves.
    """
    total = np.zeros((n_tasks, n_tasks))
    for a, b in zip(d, e, strict=True):
        shape = (n_tasks, -1, a.shape[-1])
        total += np.einsum("ils,jls->ij", a.reshape(shape), b.reshape(shape))
    return total


def specificity(d: list[Floats], e: list[Floats], n_tasks: int) -> float:
    """Return the correlation with the own task minus the mean one with others."""
    size = np.sqrt(sum(float((a**2).sum()) for a in d) * sum(float((b**2).sum()) for b in e))
    if size == 0 or n_tasks < 2:
        return np.nan
    total = task_products(d, e, n_tasks)
    own = np.trace(total)
    other = (total.sum() - own) / (n_tasks - 1)
    return float((own - other) / size)


def specificity_p_value(
    d: list[Floats], e: list[Floats], n_tasks: int, n_draws: int, rng: np.random.Generator
) -> float:
    """Return the p-value of the specificity, by permuting task labels of d against e.

    Parameters
    ----------
    d, e, n_tasks
        As in `task_products`.
    n_draws : int
        Permutations, or all where they are no more.
    rng : Generator
        Source of draws.
    """
    if n_tasks < 2:
        return np.nan
    total = task_products(d, e, n_tasks)
    orders, _ = draw_orders(n_tasks, n_draws, rng)
    return float(p_value(total[orders, np.arange(n_tasks)].sum(axis=1)))


def jackknife_interval(
    statistic: Callable[[list[Floats], list[Floats]], float],
    d: list[Floats],
    e: list[Floats],
    confidence: float,
) -> tuple[float, float]:
    """Return an interval of a statistic of ranks, by leaving out one run at a time.

    Parameters
    ----------
    statistic : callable
        Of what `ranks_of_runs` returns.
    d, e : list of ndarray of shape (n_task_levels, n_seeds)
        When events were, a size each.
    confidence : float
        Coverage of Student's interval of pseudo-values.
    """
    values = []
    for size, each in enumerate(d):
        for seed in range(each.shape[-1]):
            parts = []
            for events in (d, e):
                left = [np.delete(a, seed, -1) if i == size else a for i, a in enumerate(events)]
                parts.append([ranks_of_runs(a) for a in left])
            values.append(statistic(*parts))
    n = len(values)
    whole = statistic([ranks_of_runs(a) for a in d], [ranks_of_runs(a) for a in e])
    if n < 3 or not np.isfinite([whole, *values]).all():
        return np.nan, np.nan
    error = np.sqrt((n - 1) / n * ((np.array(values) - np.mean(values)) ** 2).sum())
    half = error * special.stdtrit(n - 1, (1 + confidence) / 2)
    return float(whole - half), float(whole + half)
