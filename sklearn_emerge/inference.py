"""Tests, intervals and multiplicity over seeds.

The unit of every test is the seed (or the sequence), never the row: rows of a sequence depend
on each other, and permuting them rejects a true null up to every time.
"""

from collections import namedtuple
from numbers import Integral, Real

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

__all__ = [
    "adjust_p_values",
    "bootstrap_interval",
    "paired_permutation_test",
    "required_seeds",
    "seeds_needed",
    "sign_flip_test",
    "smallest_p_value",
    "student_interval",
    "two_sample_permutation_test",
]

PermutationResult = namedtuple("PermutationResult", ["statistic", "pvalue"])
Interval = namedtuple("Interval", ["low", "high"])

CORRECTIONS = (
    "bonferroni", "sidak", "holm-sidak", "holm", "simes-hochberg", "hommel", "fdr_bh", "fdr_by",
)  # fmt: skip

# Exact enumeration up to 2^16 sign vectors takes milliseconds.
_MAX_EXACT = 16


def check_alpha(alpha, name="alpha"):
    """Raise a ValueError unless `alpha` is a number strictly between 0 and 1."""
    if not isinstance(alpha, Real) or isinstance(alpha, bool) or not 0 < alpha < 1:
        raise ValueError(
            f"{name}={alpha!r} is not a level; pass a number strictly between 0 and 1, like 0.05."
        )


def sign_flip_test(differences, *, method="auto", n_draws=99_999, random_state=None):
    r"""Test whether differences tend to be positive, by flipping their signs.

    Under the null the differences are symmetric about zero (or below it), so every pattern of
    signs is equally likely. The exact p-value is the share of the :math:`2^n` patterns whose
    mean is at least the observed one; the Monte-Carlo form draws patterns and returns
    (hits + 1) / (draws + 1). One-sided: large means count against the null.

    Parameters
    ----------
    differences : array-like of shape (n,)
        One difference a seed (or another independent unit).
    method : {"auto", "exact", "monte-carlo"}, default="auto"
        "auto" is exact up to 16 differences.
    n_draws : int, default=99_999
        Draws of the Monte-Carlo form.
    random_state : int, Generator, RandomState or None, default=None
        Source of the draws. A legacy `numpy.random.RandomState` is used as it is, so that
        published p-values can be reproduced.

    Returns
    -------
    PermutationResult
        Named tuple (statistic, pvalue); the statistic is the mean difference.

    Raises
    ------
    ValueError
        If there are fewer than two differences, one is not finite, or `method` is unknown.

    Notes
    -----
    No p-value can be below :math:`2^{-n}`: five seeds give 1/32 at best, see
    `smallest_p_value`. *Emergence Without Scale* uses the Monte-Carlo form with 2,000 draws.

    Examples
    --------
    >>> from sklearn_emerge.inference import sign_flip_test
    >>> sign_flip_test([0.6, 0.5, 0.7, 0.6, 0.6]).pvalue
    0.03125
    """
    differences = _check_sample(differences, "differences")
    if method not in ("auto", "exact", "monte-carlo"):
        raise ValueError(
            f"method={method!r} is not known; choose 'auto', 'exact' or 'monte-carlo'."
        )
    n = len(differences)
    if method == "auto":
        method = "exact" if n <= _MAX_EXACT else "monte-carlo"
    if method == "exact":
        result = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", alternative="greater",
            n_resamples=np.inf, vectorized=True,
        )  # fmt: skip
        return PermutationResult(float(result.statistic), float(result.pvalue))
    # Not scipy's: it turns exact as soon as n_draws reaches 2^n, which five seeds always do.
    if not isinstance(random_state, np.random.RandomState):
        random_state = np.random.default_rng(random_state)
    signs = random_state.choice([-1, 1], size=(n_draws, n))
    statistic = differences.mean()
    # The tolerance keeps patterns that equal the observed one, up to rounding, counted.
    tolerance = 1e-12 * np.abs(differences).mean()
    hits = np.count_nonzero((signs * differences).mean(axis=1) >= statistic - tolerance)
    return PermutationResult(float(statistic), (hits + 1) / (n_draws + 1))


def paired_permutation_test(first, second, **options):
    """Test whether `first` tends to exceed `second`, paired by seed.

    Parameters
    ----------
    first, second : array-like of shape (n,)
        Values of the same n seeds under two treatments.
    **options
        Passed to `sign_flip_test`, which is applied to ``first - second``.

    Returns
    -------
    PermutationResult
        Named tuple (statistic, pvalue); the statistic is the mean difference.

    Raises
    ------
    ValueError
        If the two do not have the same length, and as in `sign_flip_test`.

    Examples
    --------
    >>> from sklearn_emerge.inference import paired_permutation_test
    >>> paired_permutation_test([3, 4, 5], [1, 1, 1]).pvalue
    0.125
    """
    first, second = _check_sample(first, "first"), _check_sample(second, "second")
    if first.shape != second.shape:
        raise ValueError(
            f"first has {len(first)} values and second {len(second)}; a paired test needs one of "
            "each a seed. Use two_sample_permutation_test for unpaired samples."
        )
    return sign_flip_test(first - second, **options)


def two_sample_permutation_test(first, second, *, n_draws=9999, random_state=None):
    """Test whether `first` tends to exceed `second`, two independent samples.

    The difference of means against its distribution over all ways to divide the pooled values,
    exact where there are at most `n_draws` ways, by `scipy.stats.permutation_test`.

    Parameters
    ----------
    first, second : array-like of shape (n_first,) and (n_second,)
        Independent values, for instance of different seeds.
    n_draws : int, default=9999
        Random divisions if there are more ways than that.
    random_state : int, Generator or None, default=None
        Source of the draws.

    Returns
    -------
    PermutationResult
        Named tuple (statistic, pvalue); the statistic is the difference of means.

    Raises
    ------
    ValueError
        If a sample has fewer than two values or one that is not finite.

    Examples
    --------
    >>> from sklearn_emerge.inference import two_sample_permutation_test
    >>> two_sample_permutation_test([4, 5, 6], [1, 2, 3]).pvalue
    0.05
    """
    samples = (_check_sample(first, "first"), _check_sample(second, "second"))
    result = stats.permutation_test(
        samples,
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        alternative="greater",
        n_resamples=n_draws,
        vectorized=True,
        rng=np.random.default_rng(random_state),
    )
    return PermutationResult(float(result.statistic), float(result.pvalue))


def student_interval(values, *, confidence=0.95):
    """Return Student's t interval of the mean.

    Exact for normal values; with the handful of seeds that are usual, its coverage is far
    closer to nominal than that of a bootstrap.

    Parameters
    ----------
    values : array-like of shape (n,)
        One value a seed.
    confidence : float, default=0.95
        Coverage.

    Returns
    -------
    Interval
        Named tuple (low, high), in units of the values.

    Raises
    ------
    ValueError
        If there are fewer than two values, one is not finite, or `confidence` is impossible.

    Examples
    --------
    >>> from sklearn_emerge.inference import student_interval
    >>> low, high = student_interval([1.0, 2.0, 3.0])
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    values = _check_sample(values, "values")
    check_alpha(confidence, "confidence")
    spread = stats.sem(values)
    half = spread * stats.t.ppf((1 + confidence) / 2, len(values) - 1) if spread > 0 else 0.0
    return Interval(float(values.mean() - half), float(values.mean() + half))


def bootstrap_interval(values, *, confidence=0.95, n_draws=9999, random_state=None):
    """Return a bootstrap interval of the mean (BCa, `scipy.stats.bootstrap`).

    Parameters
    ----------
    values : array-like of shape (n,)
        One value a seed.
    confidence : float, default=0.95
        Nominal coverage. With few seeds the real one is lower: about .83 at five.
    n_draws : int, default=9999
        Resamples.
    random_state : int, Generator or None, default=None
        Source of the resamples.

    Returns
    -------
    Interval
        Named tuple (low, high), in units of the values.

    Raises
    ------
    ValueError
        If there are fewer than two values, one is not finite, or `confidence` is impossible.

    Examples
    --------
    >>> from sklearn_emerge.inference import bootstrap_interval
    >>> interval = bootstrap_interval([1.0, 2.0, 3.0, 4.0], random_state=0)
    >>> 1 < interval.low < 2.5 < interval.high < 4
    True
    """
    values = _check_sample(values, "values")
    check_alpha(confidence, "confidence")
    if np.ptp(values) == 0:
        return Interval(float(values[0]), float(values[0]))
    interval = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=confidence,
        n_resamples=n_draws,
        rng=np.random.default_rng(random_state),
    ).confidence_interval
    return Interval(float(interval.low), float(interval.high))


def adjust_p_values(p_values, correction="holm"):
    """Adjust the p-values of a family of tests, ignoring NaN.

    Parameters
    ----------
    p_values : array-like of any shape
        The family; NaN where there is no test.
    correction : str or None, default="holm"
        A method of `statsmodels.stats.multitest.multipletests`: "bonferroni", "sidak",
        "holm-sidak", "holm", "simes-hochberg", "hommel", "fdr_bh" or "fdr_by". None leaves the
        p-values as they are.

    Returns
    -------
    ndarray
        Adjusted p-values, of the same shape.

    Raises
    ------
    ValueError
        If the correction is not known.

    Examples
    --------
    >>> from sklearn_emerge.inference import adjust_p_values
    >>> adjust_p_values([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    check_correction(correction)
    adjusted = p_values.copy()
    tested = ~np.isnan(p_values)
    # A single test needs no correction, and multipletests takes a tenth of a second.
    if correction is not None and tested.sum() > 1:
        adjusted[tested] = multipletests(p_values[tested], method=correction)[1]
    return adjusted


def check_correction(correction):
    """Raise a ValueError unless `correction` is None or a known method."""
    if correction is not None and correction not in CORRECTIONS:
        known = ", ".join(map(repr, CORRECTIONS))
        raise ValueError(f"correction={correction!r} is not known; choose None or one of {known}.")


def smallest_p_value(n_seeds, n_tests=1, correction="holm", n_flips=None):
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
    for name, value in (("n_seeds", n_seeds), ("n_tests", n_tests)):
        if not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name}={value!r} must be an integer of at least 1.")
    # With more seeds than are enumerated, the default number of draws bounds the p-value.
    if n_flips is None and n_seeds > _MAX_EXACT:
        n_flips = 99_999
    smallest = max(0.5**n_seeds, 0.0 if n_flips is None else 1 / (n_flips + 1))
    return float(adjust_p_values(np.full(n_tests, smallest), correction).min())


def seeds_needed(alpha=0.05, n_tests=1, correction="holm"):
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
    for n_seeds in range(2, _MAX_EXACT + 1):
        if smallest_p_value(n_seeds, n_tests, correction) <= alpha:
            return n_seeds
    raise ValueError(
        f"alpha={alpha} is out of reach for {n_tests} tests under correction={correction!r} even "
        f"with {_MAX_EXACT} seeds; test fewer configurations or raise alpha."
    )


def required_seeds(
    pilot, effect=None, *, power=0.8, alpha=0.05, n_tests=1, correction="holm", max_seeds=1000
):
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
        If a parameter is out of range or the pilot is too short.

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
    pilot = _check_sample(pilot, "pilot")
    check_alpha(alpha)
    check_alpha(power, "power")
    if not isinstance(n_tests, Integral) or n_tests < 1:
        raise ValueError(f"n_tests={n_tests!r} must be an integer of at least 1.")
    effect = pilot.mean() if effect is None else float(effect)
    if not np.isfinite(effect):
        raise ValueError(f"effect={effect!r} must be finite; pass a difference to find.")
    spread = pilot.std(ddof=1)
    if effect <= 0:
        return np.inf
    # What a p-value is multiplied by if it is the smallest of its family.
    factor = adjust_p_values(np.r_[1e-9, np.ones(n_tests - 1)], correction)[0] / 1e-9
    level = alpha / factor
    for n in range(2, max_seeds + 1):
        # Beyond 50 seeds patterns are so many that any level can be attained.
        attained = np.floor(level * 2.0**n) / 2.0**n if n < 50 else level
        if attained == 0:
            continue
        reached = spread == 0 or TTestPower().power(
            effect / spread, n, attained, alternative="larger"
        )
        if reached >= power:
            return n
    return np.inf


def _check_sample(values, name):
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(
            f"{name} has shape {values.shape}; a test needs one dimension of at least 2 values."
        )
    if not np.isfinite(values).all():
        raise ValueError(f"{name}={values.tolist()} must be finite; drop the failed runs first.")
    return values
