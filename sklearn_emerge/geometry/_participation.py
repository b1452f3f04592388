"""Participation ratio: how many directions hidden states have, without the bias of few rows."""

import numpy as np
from numpy.typing import ArrayLike

from ._spectrum import corrected_ratio
from ._states import check_states, without_rounding


def participation_ratio(Z: ArrayLike, *, corrected: bool = True) -> float:
    r"""Return the participation ratio of the covariance of hidden states.

    .. math:: \frac{(\mathrm{tr}\,C)^2}{\mathrm{tr}\,C^2}

    of the covariance C of what the rows are drawn from. Corrected, both parts are estimated
    without bias (Chun et al., 2026): with the sample covariance S, the squared norms of centred
    rows q, :math:`Q = \sum_i q_i^2 / (n - 1)` and :math:`k = (n - 1) / (n (n - 2) (n - 3))`,

    .. math::

        T &= k \, [2 \, \mathrm{tr}\,S^2 + (n^2 - 3 n + 1) (\mathrm{tr}\,S)^2 - n Q] \\
        U &= k \, [(n - 1) (n - 2) \, \mathrm{tr}\,S^2 + (\mathrm{tr}\,S)^2 - n Q]

    Parameters
    ----------
    Z : array-like of shape (n_rows, n_units)
        Hidden states, one row a sample.
    corrected : bool, default=True
        Whether it is T / U, or :math:`(\mathrm{tr}\,S)^2 / \mathrm{tr}\,S^2`, which for noise is
        at most 1 / (1 / n + 1 / d).

    Returns
    -------
    float
        From 1 to the number of units, but for chance; 0 if all rows are the same. NaN if U is zero,
        which it is of rows that are all at right angles.

    Raises
    ------
    ValueError
        If Z has another shape, fewer than two rows (corrected, four), values that are not finite
        or half precision.

    See Also
    --------
    rankme : An effective rank that counts weak directions more.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.geometry import participation_ratio
    >>> Z = np.random.default_rng(0).normal(size=(200, 768))
    >>> round(participation_ratio(Z)), round(participation_ratio(Z, corrected=False))
    (749, 157)
    """
    states = check_states(Z, 4 if corrected else 2)
    about = states - states.mean(axis=0)
    squares = (about**2).sum(axis=1)
    if not without_rounding(np.sqrt(squares.sum(keepdims=True)), states).any():
        return 0.0
    # The smaller of the two products has the same sum of squares.
    product = about @ about.T if len(about) < about.shape[1] else about.T @ about
    overlap = float((product**2).sum())
    if not corrected:
        return float(squares.sum() ** 2 / overlap)
    return corrected_ratio(squares, overlap)
