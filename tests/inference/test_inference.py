"""Tests and intervals: closed forms, published p-values, and rates where the truth is known."""

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from sklearn_emerge.inference import (
    CORRECTIONS,
    _labelled,
    adjust_p_values,
    bootstrap_interval,
    corrected_resampled_interval,
    paired_permutation_test,
    required_seeds,
    seeds_needed,
    sign_flip_bounds,
    sign_flip_test,
    smallest_p_value,
    student_interval,
    two_sample_permutation_test,
)

FIVE = [0.64, 0.65, 0.645, 0.66, 0.63]


def test_five_positive_seeds():
    assert sign_flip_test(FIVE).pvalue == 1 / 32
    assert sign_flip_test(np.negative(FIVE)).pvalue == 1.0


def test_published_monte_carlo_p_value():
    rng = np.random.RandomState(1238)
    result = sign_flip_test(FIVE, method="monte-carlo", n_draws=2000, random_state=rng)
    assert result.pvalue == 66 / 2001


def test_monte_carlo_approaches_the_exact_value():
    differences = np.random.default_rng(0).normal(0.3, 1, size=10)
    exact = sign_flip_test(differences, method="exact").pvalue
    drawn = sign_flip_test(differences, method="monte-carlo", n_draws=40_000, random_state=0).pvalue
    assert drawn == pytest.approx(exact, abs=4 * np.sqrt(exact / 40_000))


def test_exact_p_value_by_hand():
    # Means of the 8 sign patterns of (3, 2, -1): 4, 6, 0, 2, and their negatives, over 3.
    assert sign_flip_test([3, 2, -1]).pvalue == 2 / 8


def test_many_seeds_use_draws():
    result = sign_flip_test(np.full(17, 1.0), random_state=0)
    assert result.pvalue == 1 / 100_000


# Values with one or two decimals, as accuracies are: sums of floats that are equal seldom are.
TIED = [
    [0.6, -0.3, -0.6, 0.3],
    [0.1, 0.2, -0.3],
    [0.1, 0.2, -0.3, 0.0, 0.1],
    [0.1, 0.2, 0.3, -0.6, 0.7, -0.7],
    [1e-9, 2e-9, -3e-9],
    [0.0, 0.0, 0.0],
]


def exact_p_value(values, patterns, observed):
    """Return the share of patterns whose sum is at least the observed one, without rounding."""
    sums = [sum(sign * value for sign, value in zip(p, values, strict=True)) for p in patterns]
    return sum(total >= observed for total in sums) / len(sums)


@pytest.mark.parametrize("differences", TIED)
@pytest.mark.parametrize("scale", [1, 1000, 1e-12])
def test_tied_sign_patterns_count(differences, scale):
    exact = [Fraction(str(value)) for value in differences]
    expected = exact_p_value(exact, list(product([1, -1], repeat=len(exact))), sum(exact))
    scaled = np.multiply(differences, scale)
    assert sign_flip_test(scaled).pvalue == expected
    drawn = sign_flip_test(scaled, method="monte-carlo", n_draws=20_000, random_state=0).pvalue
    assert abs(drawn - expected) < 4 * np.sqrt(0.25 / 20_000)


def test_ties_of_pairs_are_judged_by_the_rounding_of_the_values():
    base = np.array([1000.1, 999.7, 1000.3, 999.9])
    first = np.array([1000.7, 999.4, 999.7, 1000.2])  # differences 0.6, -0.3, -0.6, 0.3
    assert sign_flip_test([0.6, -0.3, -0.6, 0.3]).pvalue == 10 / 16
    assert paired_permutation_test(first, base).pvalue == 10 / 16


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([0.1, 0.2, 0.3, 0.2], [0.3, 0.2, 0.2, 0.1]),
        ([0.7, 0.1, 0.2], [0.3, 0.6, 0.1]),
        ([0.81, 0.79, 0.8], [0.8, 0.8, 0.8, 0.79]),
        ([5, 5], [5, 5, 5]),
    ],
)
@pytest.mark.parametrize("shift", [0, 100])
def test_tied_divisions_count(first, second, shift):
    pooled = [Fraction(str(value)) for value in first + second]
    n, k = len(pooled), len(first)
    patterns = [[i in chosen for i in range(n)] for chosen in combinations(range(n), k)]
    expected = exact_p_value(pooled, patterns, sum(pooled[:k]))
    samples = np.add(first, shift), np.add(second, shift)
    assert two_sample_permutation_test(*samples).pvalue == expected
    # Too few draws for all divisions: they are drawn.
    drawn = two_sample_permutation_test(*samples, n_draws=len(patterns) - 1, random_state=0).pvalue
    assert (drawn * len(patterns)) % 1 == pytest.approx(0, abs=1e-9)
    assert abs(drawn - expected) < 4 * np.sqrt(0.25 / len(patterns))


def test_p_values_without_ties_are_those_of_scipy():
    rng = np.random.default_rng(0)
    for _ in range(10):
        # Near a difference of zero scipy does not even count the division that was observed.
        first, second = rng.normal(1, 1, size=6), rng.normal(size=4)
        flipped = stats.permutation_test(
            (first,), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
        )
        assert sign_flip_test(first).pvalue == flipped.pvalue
        for n_draws in (100, 9999):
            divided = stats.permutation_test(
                (first, second),
                lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
                vectorized=True,
                alternative="greater",
                n_resamples=n_draws,
                rng=np.random.default_rng(3),
            )
            ours = two_sample_permutation_test(first, second, n_draws=n_draws, random_state=3)
            assert ours.pvalue == divided.pvalue


def test_draws_do_not_depend_on_how_many_are_made_at_once(monkeypatch):
    differences = np.random.default_rng(1).normal(0.2, 1, size=20)
    whole = sign_flip_test(differences, n_draws=500, random_state=0)
    monkeypatch.setattr("sklearn_emerge.inference._sign_flips._BATCH", 70)
    assert sign_flip_test(differences, n_draws=500, random_state=0) == whole


def test_paired_test_is_the_sign_flip_of_differences():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 8))
    assert paired_permutation_test(first, second) == sign_flip_test(first - second)


def test_two_sample_test_counts_divisions():
    assert two_sample_permutation_test([5, 6], [1, 2, 3]).pvalue == 1 / 10
    assert two_sample_permutation_test([1, 2, 3], [5, 6]).pvalue == 1.0


@pytest.mark.parametrize("n", [5, 8])
def test_sign_flip_holds_its_level_on_nulls(n):
    rng = np.random.default_rng(n)
    p = np.array([sign_flip_test(sample).pvalue for sample in rng.normal(size=(800, n))])
    for alpha in (0.05, 0.2):
        assert (p <= alpha).sum() <= stats.binom.ppf(0.9999, 800, alpha)
    # Not conservative either, where a multiple of 2^-n is at hand.
    assert (p <= 0.25).sum() >= stats.binom.ppf(0.0001, 800, 0.25)


def test_intervals_cover_as_documented():
    """With five normal values, Student covers 95% and the bootstrap about 83%."""
    samples = np.random.default_rng(0).normal(size=(1000, 5))
    student = np.mean([low < 0 < high for low, high in map(student_interval, samples)])
    assert abs(student - 0.95) < 3.5 * np.sqrt(0.95 * 0.05 / 1000)
    bootstrap = np.mean(
        [
            low < 0 < high
            for low, high in (bootstrap_interval(s, n_draws=400, random_state=0) for s in samples)
        ]
    )
    assert 0.78 < bootstrap < 0.88


def test_equal_values_have_an_interval_of_no_width():
    assert student_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)
    assert bootstrap_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)


def test_adjustment_ignores_missing_tests():
    adjusted = adjust_p_values([0.01, np.nan, 0.04], "bonferroni")
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.08])
    assert np.isnan(adjusted[1])
    assert adjust_p_values([0.01, 0.04], None).tolist() == [0.01, 0.04]


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("n_tests", [1, 2, 3, 20])
@pytest.mark.filterwarnings("ignore:divide by zero")  # of statsmodels, for a p-value of 1
def test_corrections_equal_those_of_statsmodels(correction, n_tests, monkeypatch):
    monkeypatch.setattr("gc.collect", lambda *_: 0)  # which statsmodels calls each time
    rng = np.random.default_rng(n_tests)
    for digits in (1, 2, 16):  # with ties, 0 and 1, and without
        p_values = np.round(rng.random(n_tests) ** 2, digits)
        expected = multipletests(p_values, method=correction)[1]
        found = adjust_p_values(p_values, correction)
        if correction.startswith("fdr"):
            np.testing.assert_allclose(found, expected, rtol=1e-14)
        else:
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("correction", [None, "holm", "bonferroni", "fdr_bh", "sidak"])
@pytest.mark.parametrize("n_tests", [1, 3, 8])
def test_needed_seeds_reach_alpha_and_one_less_does_not(correction, n_tests):
    needed = seeds_needed(0.05, n_tests, correction)
    assert smallest_p_value(needed, n_tests, correction) <= 0.05
    assert smallest_p_value(needed - 1, n_tests, correction) > 0.05


def test_more_seeds_never_make_the_smallest_p_value_larger():
    smallest = [smallest_p_value(n, n_tests=100) for n in range(2, 25)]
    assert np.all(np.diff(smallest) <= 0)


def test_smallest_p_value_is_reached():
    best = [sign_flip_test(np.ones(5)).pvalue] * 3
    assert adjust_p_values(best, "holm").min() == smallest_p_value(5, 3, "holm") == 3 / 32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sign_flip_test([1.0]), r"differences has shape \(1,\).*at least 2"),
        (lambda: sign_flip_test([1.0, np.nan]), "differences=.*finite"),
        (lambda: sign_flip_test([1.0, 2.0], method="approximate"), "method='approximate'.*exact"),
        (lambda: paired_permutation_test([1, 2, 3], [1, 2]), "3 values and second 2"),
        (lambda: student_interval([1, 2], confidence=1.5), "confidence=1.5"),
        (lambda: adjust_p_values([0.5], "bonferoni"), "correction='bonferoni'.*bonferroni"),
        (lambda: smallest_p_value(0), "n_seeds=0"),
        (lambda: seeds_needed(1.2), "alpha=1.2"),
        (lambda: seeds_needed(1e-9), "alpha=1e-09 is out of reach"),
    ],
)
def test_errors_name_argument_value_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("effect", "n_tests"), [(0.6, 1), (1.5, 1), (1.0, 3)])
def test_required_seeds_give_the_power_that_was_asked_for(effect, n_tests):
    """In simulated families whose other tests find nothing."""
    rng = np.random.default_rng(0)
    pilot = rng.normal(size=200)
    pilot = (pilot - pilot.mean()) / pilot.std(ddof=1)
    n_seeds = required_seeds(pilot, effect, n_tests=n_tests)
    found = []
    for _ in range(300):
        p_value = sign_flip_test(rng.normal(effect, size=n_seeds), n_draws=2000).pvalue
        # What Holm's correction makes of the smallest of the family.
        found.append(p_value * n_tests <= 0.05)
    assert 0.72 < np.mean(found) < 0.95
    fewer = [
        sign_flip_test(rng.normal(effect, size=n_seeds // 2), n_draws=2000).pvalue <= 0.05 / n_tests
        for _ in range(300)
    ]
    assert np.mean(fewer) < 0.7


@pytest.mark.parametrize("correction", [None, "holm", "holm-sidak", "fdr_by"])
def test_required_seeds_are_the_first_that_have_the_power(correction):
    """By trying one number after the other, with the power of statsmodels."""
    rng = np.random.default_rng(0)
    for _ in range(15):
        pilot = rng.normal(rng.choice([0.2, 0.6, 3.0, 50.0]), 1, size=5)
        n_tests, power = int(rng.choice([1, 4, 60])), rng.choice([0.6, 0.8, 0.99])
        family = np.r_[1e-9, np.ones(n_tests - 1)]
        level = 0.05 / (adjust_p_values(family, correction)[0] / 1e-9)
        expected = np.inf if pilot.mean() <= 0 else None
        for n in range(2, 101) if expected is None else ():
            attained = np.floor(level * 2.0**n) / 2.0**n if n < 50 else level
            effect = pilot.mean() / pilot.std(ddof=1)
            if (
                attained > 0
                and TTestPower().power(effect, n, attained, alternative="larger") >= power
            ):
                expected = n
                break
        options = dict(power=power, n_tests=n_tests, correction=correction, max_seeds=100)
        assert required_seeds(pilot, **options) == (expected or np.inf)


def test_a_huge_effect_needs_the_fewest_seeds_that_can_be_significant():
    pilot = [1.0, 1.0 + 1e-9, 1.0 - 1e-9]
    for n_tests in (1, 3, 100):
        assert required_seeds(pilot, n_tests=n_tests) == seeds_needed(n_tests=n_tests)
    assert required_seeds(pilot, effect=1e200) == 5


def test_required_seeds_of_nothing_are_infinite():
    assert required_seeds([-0.1, 0.1, -0.2]) == np.inf
    assert required_seeds([-1.0, 1.0], effect=0.01) == np.inf
    with pytest.raises(ValueError, match="pilot has shape"):
        required_seeds([1.0])
    with pytest.raises(ValueError, match="n_tests=0 must be an integer"):
        required_seeds([1.0, 2.0], n_tests=0)
    with pytest.raises(ValueError, match="effect=nan must be one finite number"):
        required_seeds([1.0, 2.0], effect=np.nan)
    with pytest.raises(ValueError, match="power=1.5 is not a level"):
        required_seeds([1.0, 2.0], power=1.5)


@pytest.fixture
def labelled():
    """Differences of six seeds, two modes and three sizes; one seed has failed."""
    values = np.random.default_rng(0).normal(0.5, 1, (6, 2, 3))
    values[4, 1, 2] = np.nan
    return xr.DataArray(values, {"mode": ["full", "readout"]}, ("seed", "mode", "size"))


def test_labelled_inference_is_that_of_each_place_in_any_order_of_dimensions(labelled):
    for values in (labelled, labelled.transpose("size", "seed", "mode")):
        low, high = _labelled.intervals(values, 0.9)
        lower, _ = _labelled.bounds(values, 0.95)
        p_value = _labelled.p_values(values)
        of_splits, _ = _labelled.intervals(values, 0.9, units=(30, 10))
        for size in range(3):
            place = {"mode": 1, "size": size}
            seeds = values[place].dropna("seed").values
            ends = low[place].item(), high[place].item()
            assert ends == student_interval(seeds, confidence=0.9)
            assert lower[place] == sign_flip_bounds(seeds).low
            assert p_value[place] == sign_flip_test(seeds).pvalue
            expected = corrected_resampled_interval(seeds, 30, 10, confidence=0.9)
            assert of_splits[place] == expected.low
        adjusted = _labelled.adjust(p_value, "holm", ["size"])
        assert adjusted.dims == p_value.dims
        for mode in range(2):
            expected = adjust_p_values(p_value[{"mode": mode}].values, "holm")
            assert adjusted[{"mode": mode}].values.tolist() == expected.tolist()


def test_labelled_inference_has_no_result_where_values_are_lacking(labelled):
    whole = _labelled.complete(labelled)
    assert whole.isnull().sum() == labelled.sizes["seed"]
    for values in (whole, whole.where(whole.notnull(), np.inf)):
        p_value = _labelled.p_values(values)
        assert np.isnan(p_value[1, 2])
        assert p_value.notnull().sum() == 5
    one = labelled.isel(seed=[0])
    assert _labelled.p_values(one).isnull().all()
    assert (_labelled.means(one) == labelled.isel(seed=0)).all()
