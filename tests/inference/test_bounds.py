"""Bounds: of the sign-flip test, of any scores, of splits of the same units; values apart."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sklearn_emerge.inference import (
    corrected_resampled_interval,
    corrected_resampled_test,
    hoeffding_interval,
    hoeffding_p_value,
    outside_majority,
    sign_flip_bounds,
    sign_flip_test,
    student_interval,
)

SPLITS = [0.3, 0.1, 0.2, 0.4, 0.2]
LEVELS = st.sampled_from([0.01, 0.03125, 0.05, 0.1, 0.2, 0.25, 0.5])


def assert_agrees(differences, m, alpha, **options):
    """Bounds exclude m where the test of either side is significant, and nowhere else."""
    low, high = sign_flip_bounds(differences, confidence=1 - alpha, **options)
    above = sign_flip_test(differences - m, **options).pvalue <= alpha
    below = sign_flip_test(m - differences, **options).pvalue <= alpha
    assert (low > m, high < m) == (above, below)


@settings(deadline=None)
@given(st.integers(2, 10), LEVELS, st.integers(0, 2**32 - 1), st.floats(-3, 3))
def test_bounds_and_test_agree_on_random_samples(n, alpha, seed, m):
    differences = np.random.default_rng(seed).normal(size=n)
    assert_agrees(differences, m, alpha)
    # Just inside and just outside of each bound.
    for bound in sign_flip_bounds(differences, confidence=1 - alpha):
        if np.isfinite(bound):
            assert_agrees(differences, bound - 1e-9, alpha)
            assert_agrees(differences, bound + 1e-9, alpha)


@settings(deadline=None)
@given(
    st.lists(st.integers(-30, 30), min_size=2, max_size=9),
    LEVELS,
    st.sampled_from([1, 10, 100, 1000]),
    st.data(),
)
def test_bounds_and_test_agree_where_means_are_tied(counts, alpha, unit, data):
    """Values with few decimals, and a margin that equals the mean of some of them."""
    part = data.draw(st.lists(st.sampled_from(counts), min_size=1, max_size=6))
    differences = np.array(counts) / unit
    for m in (0.0, differences[0], np.mean(part) / unit):
        assert_agrees(differences, m, alpha)


@pytest.mark.parametrize(
    "differences",
    [[0.1, 0.2, -0.3], [0.6, -0.3, -0.6, 0.3], [0.1, 0.7, -0.8, 0.3, -0.2]],
)
def test_bounds_and_test_agree_at_every_level_where_rounding_parts_ties(differences):
    differences = np.array(differences)
    patterns = 2 ** len(differences)
    for k in range(1, patterns):
        for m in (0.0, 0.3, differences.mean()):
            assert_agrees(differences, m, k / patterns)


@pytest.mark.parametrize("n", [17, 40])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_bounds_and_test_agree_on_the_same_draws(n, alpha):
    options = dict(n_draws=999, random_state=3)
    for seed in range(5):
        differences = np.random.default_rng(seed).normal(0.3, size=n)
        for bound in sign_flip_bounds(differences, confidence=1 - alpha, **options):
            for m in (0.0, bound - 1e-9, bound + 1e-9):
                assert_agrees(differences, m, alpha, **options)
        # Ties: the draws make the level a whole number of patterns, 1 - 0.9 a little less.
        assert_agrees(np.round(differences, 1), 0.0, alpha, **options)


def test_bounds_of_five_are_the_smallest_and_the_largest():
    differences = [0.31, 0.12, 0.55, 0.4, 0.27]
    assert sign_flip_bounds(differences) == pytest.approx((0.12, 0.55), rel=1e-11)
    # One pattern more at one in ten: k = 3.
    means = sorted(np.mean(c) for k in range(1, 6) for c in combinations(differences, k))
    expected = (means[2], means[-3])
    assert sign_flip_bounds(differences, confidence=0.9) == pytest.approx(expected, rel=1e-11)


def test_bounds_are_infinite_where_the_level_is_out_of_reach():
    assert sign_flip_bounds([1, 2, 3, 4]) == (-np.inf, np.inf)
    assert sign_flip_bounds(range(20), confidence=0.99, n_draws=50) == (-np.inf, np.inf)
    assert np.isfinite(sign_flip_bounds(range(20), confidence=0.98, n_draws=49)).all()


@pytest.mark.parametrize("n", [5, 16, 17])
def test_equal_differences_have_bounds_of_no_width(n):
    for value in (0.0, 0.3, -0.7):
        assert sign_flip_bounds(np.full(n, value), n_draws=999) == (value, value)


def test_bounds_follow_shift_scale_and_sign():
    rng = np.random.default_rng(0)
    differences = rng.normal(size=8)
    low, high = sign_flip_bounds(differences)
    assert sign_flip_bounds(3 * differences + 2) == pytest.approx((3 * low + 2, 3 * high + 2))
    assert sign_flip_bounds(-differences) == pytest.approx((-high, -low))
    drawn = sign_flip_bounds(np.r_[differences, rng.normal(size=20)], random_state=0)
    again = sign_flip_bounds(np.r_[differences, rng.normal(size=20)], random_state=0)
    assert drawn != again


def test_bounds_of_many_normal_differences_are_about_students():
    differences = np.random.default_rng(1).normal(size=60)
    student = student_interval(differences, confidence=0.9)
    assert sign_flip_bounds(differences, random_state=0) == pytest.approx(student, abs=0.02)


@pytest.mark.parametrize(("n", "rate"), [(5, 1 / 32), (8, 12 / 256)])
def test_each_bound_misses_a_symmetric_centre_as_often_as_it_should(n, rate):
    samples = np.random.default_rng(n).normal(size=(1500, n))
    bounds = np.array([sign_flip_bounds(sample) for sample in samples])
    for missed in ((bounds[:, 0] > 0).sum(), (bounds[:, 1] < 0).sum()):
        assert stats.binom.ppf(0.0001, 1500, rate) <= missed <= stats.binom.ppf(0.9999, 1500, rate)


def test_corrected_test_is_that_of_nadeau_and_bengio():
    mean, variance = np.mean(SPLITS), np.var(SPLITS, ddof=1)
    statistic = (mean - 0.05) / np.sqrt((1 / 5 + 10 / 30) * variance)
    result = corrected_resampled_test(SPLITS, 30, 10, margin=0.05)
    assert result == pytest.approx((statistic, stats.t.sf(statistic, 4)))


def test_corrected_test_without_overlap_is_students():
    expected = stats.ttest_1samp(SPLITS, 0.1, alternative="greater")
    result = corrected_resampled_test(SPLITS, 10**15, 1, margin=0.1)
    assert result == pytest.approx((expected.statistic, expected.pvalue))
    interval = corrected_resampled_interval(SPLITS, 10**15, 1)
    assert interval == pytest.approx(student_interval(SPLITS))


def test_corrected_interval_excludes_what_the_test_rejects():
    for alpha in (0.05, 0.2):
        low, _ = corrected_resampled_interval(SPLITS, 30, 10, confidence=1 - 2 * alpha)
        at_bound = corrected_resampled_test(SPLITS, 30, 10, margin=low)
        assert at_bound.pvalue == pytest.approx(alpha)


def test_more_splits_do_not_narrow_the_interval_below_what_the_units_allow():
    floor = np.sqrt(10 / 30) * stats.norm.ppf(0.975)
    for n_splits in (10, 1000, 100_000):
        splits = stats.norm.ppf((np.arange(n_splits) + 0.5) / n_splits)
        low, high = corrected_resampled_interval(splits / splits.std(ddof=1), 30, 10)
        assert (high - low) / 2 > floor


def test_splits_without_spread_are_above_the_margin_or_not():
    equal = [0.3, 0.1 + 0.2, 0.3]
    assert corrected_resampled_test(equal, 30, 10).pvalue == 0
    assert corrected_resampled_test(equal, 30, 10, margin=0.3).pvalue == 1
    assert corrected_resampled_test([0.0] * 5, 30, 10).pvalue == 1
    assert corrected_resampled_interval([0.5] * 4, 30, 10) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("values", "apart"),
    [
        ([0.5, 0.52, 0.01, 0.51, 0.5, 0.02, 0.53], [2, 5]),
        ([0.5, 0.52, 0.01, 0.51, 0.5, 0.9, 0.53], [2, 5]),  # on both sides
        ([0.5, 0.52, -9, 0.51, 0.5, -40, 0.53], [2, 5]),  # apart from each other
        ([1, 1, 1, 1, 0], [4]),  # no range at all
        ([0.3, 0.1 + 0.2, 0.3, 0.3], []),  # rounding is no distance
        ([2, 2, 2, 2], []),
        ([0, 0, 0, 1, 1, 1], []),  # two halves: no majority
        ([0, 0, 5], []),
        ([1, 2, 3, 4, 5, 6, 7], []),
    ],
)
def test_values_apart_from_the_majority_are_found(values, apart):
    for sign in (1, -1):
        found = outside_majority(sign * np.array(values))
        assert np.flatnonzero(found).tolist() == apart


@pytest.mark.parametrize(("n", "most"), [(5, 0.05), (7, 0.02), (10, 0.01)])
def test_normal_values_are_seldom_more_than_one_cluster(n, most):
    samples = np.random.default_rng(n).normal(size=(1500, n))
    rate = np.mean([outside_majority(sample).any() for sample in samples])
    assert rate <= most


def test_far_clusters_are_found_whole():
    rng = np.random.default_rng(0)
    for n_apart in (1, 2, 3):
        expected = np.arange(7) < n_apart
        samples = rng.normal(size=(300, 7)) - 20 * expected
        found = [np.array_equal(outside_majority(sample), expected) for sample in samples]
        assert np.mean(found) > 0.85


def test_hoeffding():
    assert hoeffding_p_value(0.3, 0.4, 50) == 1
    assert hoeffding_p_value(0.6, 50 / 1680, 5) == pytest.approx(0.0387, abs=1e-4)
    low, high = hoeffding_interval(0.5, 50, 0.9)
    assert high - 0.5 == pytest.approx(np.sqrt(np.log(20) / 100))
    assert hoeffding_interval(0.98, 50)[1] == 1
    # At the end of its interval a score is just significant, if one side is meant.
    assert hoeffding_p_value(0.5, low, 50) == pytest.approx(0.05)
