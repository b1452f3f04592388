"""RankMe: how many directions hidden states have, and what noise would have."""

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad

from .._validation import check_integer
from ._spectrum import effective_number
from ._states import check_states, without_rounding


def rankme(Z: ArrayLike, *, center: bool = True, eps: float = 0.0) -> float:
    r"""Return the effective rank of hidden states.

    .. math:: \exp\Bigl(-\sum_k p_k \ln p_k\Bigr), \qquad p_k = \frac{s_k}{\sum_j s_j} + \epsilon

    with the singular values :math:`s_k` of the matrix of states, whose columns are centred.

    Parameters
    ----------
    Z : array-like of shape (n_rows, n_units)
        Hidden states, one row a sample.
    center : bool, default=True
        Whether the mean of the rows is taken from them. Garrido et al. (2023), from whom the
        measure is, do not.
    eps : float, default=0.0
        What is added to each share; Garrido et al. add 1e-7.

    Returns
    -------
    float
        From 1 to the smaller of the numbers of rows, less one if they are centred, and of units; 0
        if all rows are the same.

    Raises
    ------
    ValueError
        If Z has another shape, fewer than two rows, values that are not finite or half precision,
        or `eps` is negative.

    See Also
    --------
    rankme_of_noise : What states without structure have, with as many rows.
    participation_ratio : A number of directions that does not grow with the number of rows.

    Notes
    -----
    Singular values below max(n_rows, n_units) 2^-52 times the norm of Z before it is centred count
    as zero: states that do not differ have no rank of their rounding errors. It grows with the
    number of rows, so that only values of equally many rows, well above the number of units, can
    be compared.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.geometry import rankme
    >>> Z = np.repeat(np.eye(3), 10, axis=0)  # three clusters
    >>> round(rankme(Z), 6)
    2.0
    >>> rankme(np.full((10, 3), 0.1))
    0.0
    """
    states = check_states(Z)
    if not (isinstance(eps, Real) and 0 <= eps < np.inf):
        raise ValueError(f"eps={eps!r} must be at least 0, and finite; pass 0 or 1e-7.")
    about = states - states.mean(axis=0) if center else states
    values = without_rounding(np.linalg.svd(about, compute_uv=False), states)
    if eps == 0 or not values.any():
        return effective_number(values)
    # Shares with eps do not add up to one.
    shares = values / values.sum() + eps
    return float(np.exp(-(shares * np.log(shares)).sum()))


def rankme_of_noise(n: int, d: int) -> float:
    r"""Return the RankMe of independent Gaussian states, which have no structure at all.

    .. math:: m \exp\bigl(\ln u - E[s \ln s] / u\bigr), \qquad u = E[s]

    where :math:`s^2` follows the law of Marchenko and Pastur of ratio m / M, and m and M are the
    smaller and the larger of n - 1 and d.

    Parameters
    ----------
    n : int
        Rows, at least 2.
    d : int
        Units, at least 1.

    Returns
    -------
    float
        What `rankme` of centred noise is on average, to about .2; 1 if m is 1.

    Raises
    ------
    ValueError
        If n or d is too small.

    See Also
    --------
    rankme : The effective rank of hidden states.

    Examples
    --------
    >>> from sklearn_emerge.geometry import rankme_of_noise
    >>> [round(rankme_of_noise(200, d), 1) for d in (128, 512, 768)]
    [115.1, 188.0, 192.0]
    """
    check_integer(n, "n", 2)
    check_integer(d, "d")
    small, large = sorted((int(n) - 1, int(d)))
    if small == 1:
        return 1.0
    ratio = small / large
    root = np.sqrt(ratio)

    def weighted(angle: float, power_of_log: int) -> float:
        """Return s (ln s)^power times the density, where s^2 = 1 + ratio + 2 root cos(angle)."""
        square = max(1 + ratio + 2 * root * np.cos(angle), np.finfo(np.float64).tiny)
        value = np.sqrt(square)
        density = 2 * np.sin(angle) ** 2 / (np.pi * square)
        return float(value * np.log(value) ** power_of_log * density)

    mean = quad(weighted, 0, np.pi, args=(0,))[0]
    mean_of_log = quad(weighted, 0, np.pi, args=(1,))[0]
    return float(small * mean * np.exp(-mean_of_log / mean))
