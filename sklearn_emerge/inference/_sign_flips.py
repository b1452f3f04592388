"""Tests of differences by flipping their signs."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Floats, RandomState
from .._validation import check_integer
from ._checks import check_sample, make_generator


class PermutationResult(NamedTuple):
    """Statistic of a permutation test, and its p-value."""

    statistic: float
    pvalue: float


# 2^16 patterns of signs take a millisecond, 2^24 a second and half a gigabyte.
MAX_AUTO, MAX_EXACT = 16, 24
# Signs that are drawn at once.
_BATCH = 2**24
# Means this close, relative to the largest value that went into them, differ by rounding only.
TIE = 1e-12


def sign_flip_test(
    differences: ArrayLike,
    *,
    method: str = "auto",
    n_draws: int = 99_999,
    random_state: RandomState = None,
) -> PermutationResult:
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
        "auto" is exact up to 16 differences; "exact" takes up to 24.
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
        If there are fewer than two differences, one is not finite, there are too many to be
        exact, or another argument is out of range.

    Notes
    -----
    No p-value can be below :math:`2^{-n}`: five seeds give 1/32 at best, see
    `smallest_p_value`. *Emergence Without Scale* uses the Monte-Carlo form with 2,000 draws.

    Patterns whose mean equals the observed one count as hits; so do those below it by less than
    1e-12 of the largest difference, which is what rounding can do to equal ones.

    Examples
    --------
    >>> from sklearn_emerge.inference import sign_flip_test
    >>> sign_flip_test([0.6, 0.5, 0.7, 0.6, 0.6]).pvalue
    0.03125
    """
    differences = check_sample(differences, "differences")
    return _flip(differences, np.abs(differences).max(), method, n_draws, random_state)


def paired_permutation_test(
    first: ArrayLike, second: ArrayLike, **options: Any
) -> PermutationResult:
    """Test whether `first` tends to exceed `second`, paired by seed.

    Parameters
    ----------
    first, second : array-like of shape (n,)
        Values of the same n seeds under two treatments.
    **options
        Passed to `sign_flip_test`, which is applied to ``first - second``. Rounding, which
        decides what is a tie, is here that of the values.

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
    first, second = check_sample(first, "first"), check_sample(second, "second")
    if first.shape != second.shape:
        raise ValueError(
            f"first has {len(first)} values and second {len(second)}; a paired test needs one of "
            "each a seed. Use two_sample_permutation_test for unpaired samples."
        )
    return _flip(first - second, np.abs([first, second]).max(), **options)


def _flip(
    differences: Floats,
    scale: float,
    method: str = "auto",
    n_draws: int = 99_999,
    random_state: RandomState = None,
) -> PermutationResult:
    """Return the result of `sign_flip_test` for differences of values of a size of `scale`."""
    if method not in ("auto", "exact", "monte-carlo"):
        raise ValueError(
            f"method={method!r} is not known; choose 'auto', 'exact' or 'monte-carlo'."
        )
    check_integer(n_draws, "n_draws")
    n, statistic = len(differences), differences.mean()
    if method == "exact" and n > MAX_EXACT:
        raise ValueError(
            f"method='exact' would enumerate 2^{n} patterns of signs; beyond {MAX_EXACT} "
            "differences choose 'monte-carlo' or 'auto'."
        )
    least = statistic - TIE * scale
    if method == "exact" or (method == "auto" and n <= MAX_AUTO):
        return PermutationResult(float(statistic), float(exact_p_values(differences, scale)))
    # Not scipy's: it turns exact as soon as n_draws reaches 2^n, which five seeds always do.
    hits = 0
    for signs in draw_signs(n, n_draws, random_state):
        hits += int(np.count_nonzero((signs * differences).mean(axis=1) >= least))
    return PermutationResult(float(statistic), float((hits + 1) / (n_draws + 1)))


def exact_p_values(differences: Floats, scale: Floats | float) -> Floats:
    """Return the p-values of means above zero along the last axis, from all patterns of signs.

    Parameters
    ----------
    differences : ndarray of shape (..., n)
        Differences.
    scale : float or ndarray of shape (...)
        Size of the values, which says what is a tie.
    """
    n = differences.shape[-1]
    sums = np.zeros((*differences.shape[:-1], 1))
    for i in range(n):
        each = differences[..., i, np.newaxis]
        sums = np.concatenate([sums + each, sums - each], axis=-1)
    least = differences.mean(axis=-1) - TIE * scale
    return np.count_nonzero(sums >= n * least[..., np.newaxis], axis=-1) / 2**n


def draw_signs(n: int, n_draws: int, random_state: RandomState) -> Iterator[NDArray[np.int64]]:
    """Yield `n_draws` random patterns of `n` signs, one a row, in batches."""
    if not isinstance(random_state, np.random.RandomState):
        random_state = make_generator(random_state)
    size = max(1, _BATCH // n)
    for start in range(0, n_draws, size):
        yield random_state.choice([-1, 1], size=(min(size, n_draws - start), n))
