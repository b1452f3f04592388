"""How many directions a spectrum has: by its entropy, or by its squares without bias."""

import numpy as np

from .._typing import Floats

# No network has so many directions.
_ROUNDING = 1e-12


def effective_number(weights: Floats) -> float:
    """Return the exponential of the entropy of weights that are not negative, and 0 of none.

    It is k of k equal weights.
    """
    kept = weights[weights > 0]
    if not kept.size:
        return 0.0
    shares = kept / kept.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def corrected_ratio(squares: Floats, overlap: float) -> float:
    r"""Return the participation ratio of a covariance without the bias of few rows.

    It is T / U, where T is unbiased for :math:`(\mathrm{tr}\,C)^2` and U for
    :math:`\mathrm{tr}\,C^2`.

    Parameters
    ----------
    squares : ndarray of shape (n,)
        Squared norms of the centred rows, of at least 4.
    overlap : float
        Sum of the squared inner products of all pairs of centred rows, of a row with itself, too.

    Returns
    -------
    float
        NaN if U is zero, but for rounding.
    """
    n = len(squares)
    trace, trace_of_square = squares.sum() / (n - 1), overlap / (n - 1) ** 2
    fourth = n * (squares**2).sum() / (n - 1)
    factor = (n - 1) / (n * (n - 2) * (n - 3))
    top = factor * (2 * trace_of_square + (n**2 - 3 * n + 1) * trace**2 - fourth)
    bottom = factor * ((n - 1) * (n - 2) * trace_of_square + trace**2 - fourth)
    return ratio_of(top, bottom)


def ratio_of(top: float, bottom: float) -> float:
    """Return top / bottom, neither of which is negative, and NaN if bottom is a rounding error."""
    return float(top / bottom) if bottom > _ROUNDING * top else np.nan
