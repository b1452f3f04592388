"""A test of two independent samples by dividing their values anew."""

from math import comb

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .._typing import RandomState
from .._validation import check_integer
from ._checks import check_sample, make_generator
from ._sign_flips import TIE, PermutationResult


def two_sample_permutation_test(
    first: ArrayLike, second: ArrayLike, *, n_draws: int = 9999, random_state: RandomState = None
) -> PermutationResult:
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
        If a sample has fewer than two values or one that is not finite, or another argument is
        out of range.

    Notes
    -----
    Divisions whose difference equals the observed one count as hits; so do those below it by
    less than 1e-12 of the largest value, which is what rounding can do to equal ones.

    Examples
    --------
    >>> from sklearn_emerge.inference import two_sample_permutation_test
    >>> two_sample_permutation_test([4, 5, 6], [1, 2, 3]).pvalue
    0.05
    """
    samples = (check_sample(first, "first"), check_sample(second, "second"))
    check_integer(n_draws, "n_draws")
    result = stats.permutation_test(
        samples,
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        alternative="greater",
        n_resamples=n_draws,
        vectorized=True,
        rng=make_generator(random_state),
    )
    # Its own p-value forgives rounding relative to the observed difference, which may be zero.
    least = result.statistic - TIE * np.abs(np.concatenate(samples)).max()
    hits = np.count_nonzero(result.null_distribution >= least)
    # Where divisions are drawn, the observed one counts as one more.
    drawn = comb(len(samples[0]) + len(samples[1]), len(samples[0])) > n_draws
    p_value = (hits + drawn) / (len(result.null_distribution) + drawn)
    return PermutationResult(float(result.statistic), float(p_value))
