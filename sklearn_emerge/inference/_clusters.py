"""Whether values are one cluster, or some of them stand apart."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import check_sample
from ._sign_flips import TIE

# Found by simulation: the rates of false alarms are in the docstring.
_GAP, _LEAST_GAP = 20, 2


def outside_majority(values: ArrayLike) -> NDArray[np.bool_]:
    """Return which values stand apart from the majority, like networks that are stuck.

    The majority is the largest cluster of more than half of the values, and at least three, from
    which every other value is far: by more than 20 / m times the range of its m values, and more
    than twice that range. Where there is none, no value is flagged.

    Parameters
    ----------
    values : array-like of shape (n,)
        One value a seed, such as the gain of each network.

    Returns
    -------
    ndarray of bool of shape (n,)
        True for the values outside of the majority, on either side. All False for three values
        or fewer, which cannot show it.

    Raises
    ------
    ValueError
        If there are fewer than two values, or one is not finite.

    Notes
    -----
    A flag says that a mean, its interval and its test describe no single network; it says
    neither why nor that a network is bad, and values are not to be dropped for it. How often
    anything is flagged in samples of one distribution, and how often exactly the 1, 2 or 3 of
    seven that lie at another place, 5, 10 or 20 standard deviations away (40,000 samples each,
    standard error .0025 or less):

    ==============================  ====  ====  ====
    one distribution, values          5     7    10
    ==============================  ====  ====  ====
    normal                          .037  .009  .002
    uniform                         .050  .015  .003
    t with 3 degrees of freedom     .050  .030  .034
    exponential                     .097  .068  .062
    ==============================  ====  ====  ====

    ==============================  ====  ====  ====
    seven values, distance            5    10    20
    ==============================  ====  ====  ====
    1 of 7 apart                    .07   .56   1.00
    2 of 7 apart                    .05   .43   .98
    3 of 7 apart                    .05   .36   .93
    ==============================  ====  ====  ====

    Examples
    --------
    >>> from sklearn_emerge.inference import outside_majority
    >>> gains = [0.52, 0.55, 0.03, 0.54, 0.52, 0.04, 0.53]
    >>> stuck = outside_majority(gains)
    >>> f"{stuck.sum()} of {len(gains)} stand apart"
    '2 of 7 stand apart'
    """
    values = check_sample(values, "values")
    n, order = len(values), np.argsort(values)
    rising = values[order]
    # From each value to the one before it; none before the first and behind the last.
    gaps = np.concatenate([[np.inf], np.diff(rising), [np.inf]])
    apart = np.ones(n, bool)
    for size in range(n - 1, max(n // 2, 2), -1):
        ranges = rising[size - 1 :] - rising[: n - size + 1]
        gap = np.minimum(gaps[: n - size + 1], gaps[size:])
        far = gap > max(_GAP / size, _LEAST_GAP) * ranges + TIE * np.abs(values).max()
        if far.any():
            start = far.argmax()
            apart[order[start : start + size]] = False
            return apart
    return ~apart
