"""Effective rank of gradients from their inner products, and whether it is to be trusted."""

from dataclasses import dataclass
from numbers import Real
from time import perf_counter
from typing import Any

import numpy as np

from .._typing import Floats
from .._validation import check_integer
from ._estimate import Estimate
from ._gram import GradientGram
from ._reasons import Reason
from ._spectrum import corrected_ratio, effective_number, ratio_of

# The corrected participation ratio needs so many rows.
LEAST_ROWS = 4
# Parts of the rows that are left out in turn for the standard error, of two rows each at least.
_N_PARTS = 10
# Above so many effective directions a row, their number is biased by more than a tenth: of r
# directions n rows show about r exp(-r / 2n).
_CROWDED = 0.2
# Eigenvalues below so many relative rounding errors of the trace count as zero.
_ROUNDING = 10


@dataclass(frozen=True, kw_only=True)
class GradientRank(Estimate):
    """Effective rank of gradients, and what belongs beside it.

    Attributes
    ----------
    value : float
        Exponential of the entropy of the eigenvalues, at most the numbers of rows and of
        parameters; NaN where the gradients are rounding errors.
    standard_error : float
        Of `value`, from leaving out a tenth of the rows in turn, if rows are independent; NaN of
        fewer than 20 rows.
    n : int
        Rows that it was computed from; compare only values of equally many.
    cost : float
        Wall-clock time that it took, in seconds.
    reasons : tuple of str
        Why `value` is not to be trusted, one sentence each.
    participation_ratio : float
        Squared trace over the trace of the square, without the bias of few rows; NaN where `value`
        is, and where there are too few rows for it.
    trace : float
        Trace of the matrix whose rank it is, before gradients are scaled to unit norm, if they
        are, in squared units of the loss.
    n_parameters : int
        Parameters by which was differentiated.
    """

    participation_ratio: float
    trace: float
    n_parameters: int


def check_limits(least_loss: float | None, max_bytes: int) -> None:
    """Raise a ValueError unless limits can be used."""
    check_integer(max_bytes, "max_bytes")
    if least_loss is not None and not (isinstance(least_loss, Real) and 0 <= least_loss < np.inf):
        raise ValueError(
            f"least_loss={least_loss!r} must be at least 0, and finite; pass None or 1e-5."
        )


def rank_of_rows(
    found: GradientGram, start: float, *, center: bool, normalised: bool, least_loss: float | None
) -> GradientRank:
    """Return the rank of the gradients of rows that each have one answer."""
    gram = found.gram
    about = _centred(gram) if center else gram
    n = len(gram)
    trace = float(np.trace(about) / (n - 1 if center else n))
    reasons = unresolved(found.losses, gram.diagonal(), found.resolution, least_loss)
    value = error = ratio = np.nan
    if not reasons:
        n_zero = int((found.losses == 0).sum())
        if n_zero:
            reasons += (
                Reason(
                    "rows_without_loss",
                    f"{n_zero} of {n} rows have a loss of 0: they have no answer, or are known to "
                    "rounding.",
                ),
            )
        if normalised:
            kept = np.abs(found.losses) >= _least(found.resolution, least_loss)
            gram, n = gram[np.ix_(kept, kept)], int(kept.sum())
            if n < len(kept):
                reasons += (
                    Reason(
                        "rows_left_out",
                        f"{len(kept) - n} of {len(kept)} rows are left out: their gradients are "
                        "rounding errors, which have no direction.",
                    ),
                )
            norms = np.sqrt(gram.diagonal())
            gram = gram / np.maximum(norms[:, None] * norms, np.finfo(np.float64).tiny)
        value, error = value_and_error(gram, np.arange(n), n, found.resolution, center=center)
        about = _centred(gram) if center else gram
        if n >= LEAST_ROWS and not np.isnan(value):
            of_pairs = corrected_ratio(about.diagonal(), float((about**2).sum()))
            ratio = of_pairs if center else ratio_about_zero(gram.diagonal(), gram**2)
        reasons += crowded(value, n)
    return GradientRank(
        value=value,
        standard_error=error,
        n=n,
        cost=perf_counter() - start,
        reasons=reasons,
        participation_ratio=ratio,
        trace=trace,
        n_parameters=found.n_parameters,
    )


def _centred(gram: Floats) -> Floats:
    """Return the inner products of rows from which their mean is taken."""
    means = gram.mean(axis=0)
    return gram - means - means[:, None] + means.mean()


def _least(resolution: float, least_loss: float | None) -> float:
    """Return the loss below which a gradient of a log-likelihood is a rounding error by 1%."""
    return 100 * resolution if least_loss is None else least_loss


def unresolved(
    losses: Floats, squares: Floats, resolution: float, least_loss: float | None
) -> tuple[Reason, ...]:
    """Return why gradients have no rank, if they have none."""
    mean, least = float(np.abs(losses).mean()), _least(resolution, least_loss)
    if mean >= least and not squares.any():
        return (
            Reason(
                "gradients_zero",
                "All gradients are zero: the loss is at its least, or does not depend on the "
                "parameters of the module that it is called with.",
            ),
        )
    if mean < least:
        return (
            Reason(
                "loss_too_small",
                f"The mean loss is {mean:.2g}: below {least:.2g} gradients are rounding errors, "
                "whose rank means nothing.",
            ),
        )
    return ()


def crowded(value: float, n: int) -> tuple[Reason, ...]:
    """Return why an effective rank says more of the number of rows than of the network."""
    if np.isnan(value):
        return (
            Reason(
                "gradients_equal",
                "All rows have the same gradient, whose differences are rounding errors.",
            ),
        )
    if value > _CROWDED * n:
        return (
            Reason(
                "rank_near_rows",
                f"It is more than a fifth of the {n} rows, and grows with their number. Pass more "
                "rows, or compare equally many only.",
            ),
        )
    return ()


def value_and_error(
    gram: Floats, rows: Any, n: int, resolution: float, *, center: bool
) -> tuple[float, float]:
    """Return the effective rank, and its standard error from leaving out parts of the rows."""
    # Rows with these inner products, of as many columns as there are directions.
    squares, directions = np.linalg.eigh(gram)
    kept = squares > _ROUNDING * resolution * np.trace(gram)
    gradients = directions[:, kept] * np.sqrt(squares[kept])

    def value_of(part: Any) -> float:
        about = part - part.mean(axis=0) if center else part
        values = np.linalg.eigvalsh(about.T @ about)
        floor = _ROUNDING * resolution * (part**2).sum()
        return effective_number(np.where(values > floor, values, 0.0))

    value = value_of(gradients)
    if value == 0:
        return np.nan, np.nan
    if n < 2 * _N_PARTS:
        return value, np.nan
    without = [value_of(gradients[rows % _N_PARTS != part]) for part in range(_N_PARTS)]
    return value, float(np.sqrt((_N_PARTS - 1) * np.var(without)))


def ratio_about_zero(squares: Floats, products: Floats) -> float:
    """Return the participation ratio of gradients about zero, from different rows only.

    Parameters
    ----------
    squares : ndarray of shape (n,)
        Trace of the part of each row.
    products : ndarray of shape (n, n)
        Trace of the product of the parts of each two rows.
    """
    top = squares.sum() ** 2 - (squares**2).sum()
    bottom = products.sum() - np.trace(products)
    return ratio_of(top, bottom)
