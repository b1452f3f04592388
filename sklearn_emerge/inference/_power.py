"""What p-values a number of seeds can reach, and how many seeds find an effect."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from .._typing import Floats
from .._validation import check_integer
from ._checks import check_alpha, check_number, check_sample
from ._multiplicity import adjust_p_values
from ._sign_flips import MAX_AUTO, TIE

# Noncentrality beyond which the power is 1.
_CERTAIN = 1e6


def smallest_p_value(
    n_seeds: int, n_tests: int = 1, correction: str | None = "holm", n_flips: int | None = None
) -> float:
    r"""Return the smallest adjusted p-value that the sign-flip test can reach.

    Every test at its best gives :math:`2^{-n}`; the correction for `n_tests` applies to that.

    Parameters
    ----------
    n_seeds : int
        Seeds a test.
    n_tests : int, default=1
        Tests in the family.
    correction : str or None, default="holm"
        As in `adjust_p_values`.
    n_flips : int or None, default=None
        Random patterns of signs that are drawn; None enumerates them all where that is possible.

    Returns
    -------
    float
        The smallest adjusted p-value.

    Raises
    ------
    ValueError
        If a number is below 1 or the correction is not known.

    Examples
    --------
    >>> from sklearn_emerge.inference import smallest_p_value
    >>> smallest_p_value(5), smallest_p_value(5, n_tests=3)
    (0.03125, 0.09375)
    """
    check_integer(n_seeds, "n_seeds")
    check_integer(n_tests, "n_tests")
    if n_flips is not None:
        check_integer(n_flips, "n_flips")
    # With more seeds than are enumerated, the default number of draws bounds the p-value.
    if n_flips is None and n_seeds > MAX_AUTO:
        n_flips = 99_999
    smallest = max(0.5**n_seeds, 0.0 if n_flips is None else 1 / (n_flips + 1))
    return float(adjust_p_values(np.full(n_tests, smallest), correction).min())


def seeds_needed(alpha: float = 0.05, n_tests: int = 1, correction: str | None = "holm") -> int:
    """Return the number of seeds with which the sign-flip test can reach `alpha` at all.

    Parameters
    ----------
    alpha : float, default=0.05
        Level of the tests.
    n_tests : int, default=1
        Tests in the family.
    correction : str or None, default="holm"
        As in `adjust_p_values`.

    Returns
    -------
    int
        The smallest number of seeds.

    Raises
    ------
    ValueError
        If `alpha` is impossible, or cannot be reached by any number of seeds up to 16.

    Examples
    --------
    >>> from sklearn_emerge.inference import seeds_needed
    >>> seeds_needed(0.05), seeds_needed(0.05, n_tests=3)
    (5, 6)
    """
    check_alpha(alpha)
    for n_seeds in range(2, MAX_AUTO + 1):
        if smallest_p_value(n_seeds, n_tests, correction) <= alpha:
            return n_seeds
    raise ValueError(
        f"alpha={alpha} is out of reach for {n_tests} tests under correction={correction!r} even "
        f"with {MAX_AUTO} seeds; test fewer configurations or raise alpha."
    )


def required_seeds(
    pilot: ArrayLike,
    effect: float | None = None,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    n_tests: int = 1,
    correction: str | None = "holm",
    max_seeds: int = 1000,
) -> float:
    r"""Return the number of seeds that finds an effect with a given probability.

    Differences over seeds are taken as normal with the standard deviation s of the pilot, so that
    the sign-flip test has about the power of the one-sided t-test at the level that it can
    attain: the smallest n with

    .. math::

        P(T_{n-1, \delta \sqrt{n} / s} > t_{n-1, 1-a_n}) \ge power, \qquad
        a_n = \lfloor a \, 2^n \rfloor / 2^n,

    where :math:`\delta` is the effect and a the level that the correction leaves to the smallest
    of `n_tests` p-values.

    Parameters
    ----------
    pilot : array-like of shape (n_pilot,)
        One difference a seed, for instance ``cube.delta_nll.sel(...)``; at least two.
    effect : float, default=None
        The true mean difference to find, in units of the pilot; None is the pilot's mean.
    power : float, default=0.8
        Probability of finding it.
    alpha : float, default=0.05
        Level of the tests.
    n_tests : int, default=1
        Tests in the family.
    correction : str or None, default="holm"
        As in `adjust_p_values`.
    max_seeds : int, default=1000
        Largest number that is tried.

    Returns
    -------
    int or float
        Number of seeds; infinity if `max_seeds` is not enough, or if the effect is not positive.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the pilot is too short or has no spread.

    Notes
    -----
    The standard deviation of five seeds is itself uncertain by a factor of 0.6 to 2.9 (95%
    interval), and so, roughly, is the square root of the result. With the mean of a pilot as the
    effect the result says no more than the pilot's p-value: pure noise often asks for twenty
    seeds or fewer. To plan, state the smallest effect that matters.

    Examples
    --------
    >>> from sklearn_emerge.inference import required_seeds
    >>> pilot = [0.02, 0.05, -0.01, 0.04, 0.01]
    >>> required_seeds(pilot), required_seeds(pilot, effect=0.01), required_seeds(pilot, n_tests=4)
    (9, 37, 14)
    """
    pilot = check_sample(pilot, "pilot")
    check_alpha(alpha)
    check_alpha(power, "power")
    check_integer(n_tests, "n_tests")
    check_integer(max_seeds, "max_seeds", at_least=2)
    size = pilot.mean() if effect is None else check_number(effect, "effect")
    spread = spread_of(pilot)
    if spread == 0:
        raise ValueError(
            f"pilot={pilot.tolist()} has no spread, so that nothing says how seeds differ; pass "
            "differences of independent seeds, or ask seeds_needed for the fewest at all."
        )
    if size <= 0:
        return np.inf
    needed = find_seeds(size / spread, alpha, n_tests, correction, power, max_seeds).item()
    return needed if needed == np.inf else int(needed)


def spread_of(values: Floats) -> Floats:
    """Return the standard deviation along the last axis; 0 for equal values."""
    equal = np.ptp(values, axis=-1) <= TIE * np.abs(values).max(axis=-1)
    return np.where(equal, 0.0, values.std(axis=-1, ddof=1))


def find_seeds(
    sizes: Floats,
    alpha: float,
    n_tests: int,
    correction: str | None,
    power: float = 0.8,
    max_seeds: int = 1000,
) -> Floats:
    """Return what `required_seeds` does for each of several effects.

    Parameters
    ----------
    sizes : array-like of float
        Effects in units of their standard deviation over seeds, above zero.
    alpha, n_tests, correction, power, max_seeds
        As in `required_seeds`.

    Returns
    -------
    ndarray of float
        Numbers of seeds.
    """
    # What a p-value is multiplied by if it is the smallest of its family.
    factor = adjust_p_values(np.r_[1e-9, np.ones(n_tests - 1)], correction)[0] / 1e-9
    level = alpha / factor
    # Power and attained level rise with the seeds: bisection between too few and enough.
    few = np.ones(np.shape(sizes), int)
    enough = np.full(few.shape, max_seeds + 1)
    while (enough - few > 1).any():
        n = (few + enough) // 2
        # Beyond 50 seeds patterns are so many that any level can be attained.
        patterns = 2.0 ** np.minimum(n, 50)
        attained = np.where(n < 50, np.floor(level * patterns) / patterns, level)
        # Farther out the noncentral t is certain, and not computed.
        shift = np.minimum(sizes * np.sqrt(n), _CERTAIN)
        found = 1 - special.nctdtr(n - 1, shift, stats.t.isf(attained, n - 1)) >= power
        few, enough = np.where(found, few, n), np.where(found, n, enough)
    return np.where(enough > max_seeds, np.inf, enough)
