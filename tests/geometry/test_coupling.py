"""Level and power of the coupling, by simulation with known truth."""

from itertools import permutations

import numpy as np
import pytest

from sklearn_emerge.geometry._coupling import (
    correlation,
    coupling_p_value,
    jackknife_interval,
    ranks_of_runs,
    specificity_p_value,
)

LEVEL = 0.05
# Slopes of e on d with noise as large as d: of a half, and those of a correlation of a half.
SLOPES = (0.5, 3**-0.5)
# Power at either, by seeds and task-levels, as the docstring of precursor_test has it; and that at
# a "coupling of .5" of another simulation, which does not say which of both it means.
POWER = {
    (4, 12): (0.48, 0.57, 0.59),
    (4, 24): (0.77, 0.86, 0.81),
    (5, 12): (0.77, 0.86, 0.70),
    (5, 24): (0.96, 0.99, 0.98),
    (6, 12): (0.87, 0.94, 0.87),
    (6, 24): (0.99, 1.00, 1.00),
}


def rejections(n_seeds, n_task_levels, n_runs, *, pace=0.0, coupling=0.0, keep=1.0, seed=0):
    """Return how often the coupling is significant, of independent events or coupled ones.

    Events later than the quantile `keep` of all are not seen.
    """
    rng = np.random.default_rng(seed)
    d, e = rng.standard_normal((2, n_runs, n_task_levels, n_seeds))
    common = pace * rng.standard_normal((n_runs, 1, n_seeds))
    d, e = d + common, coupling * d + e + common
    e = np.where(e > np.quantile(e, keep), np.inf, e)
    p = coupling_p_value([ranks_of_runs(d)], [ranks_of_runs(e)], 999, rng)
    assert p.shape == (n_runs,)
    return (p <= LEVEL).mean()


def test_p_value_is_that_of_all_permutations():
    rng = np.random.default_rng(0)
    d, e = ranks_of_runs(rng.standard_normal((2, 7, 4)))
    sums = [(d[:, list(order)] * e).sum() for order in permutations(range(4))]
    assert len(sums) == 24
    expected = np.mean([total >= sums[0] - 1e-9 for total in sums])
    assert coupling_p_value([d], [e], 9, rng) == expected
    # A perfect coupling has the smallest one.
    assert coupling_p_value([d], [d], 9, rng) == 1 / 24


def test_seeds_are_permuted_within_sizes():
    rng = np.random.default_rng(0)
    d, e = (list(ranks_of_runs(rng.standard_normal((2, 5, 3)))) for _ in range(2))
    sums = [
        (d[0][:, list(first)] * e[0]).sum() + (d[1][:, list(second)] * e[1]).sum()
        for first in permutations(range(3))
        for second in permutations(range(3))
    ]
    expected = np.mean([total >= sums[0] - 1e-9 for total in sums])
    assert coupling_p_value(d, e, 9, rng) == expected
    # Too many are drawn.
    many = [ranks_of_runs(rng.standard_normal((5, 6))) for _ in range(4)]
    assert coupling_p_value(many, many, 999, rng) == 1 / 1000


def test_ranks_put_what_never_was_last():
    z = ranks_of_runs(np.array([[3.0, np.inf, 1.0, np.inf], [1.0, 1.0, 1.0, 1.0]]))
    # The second unit says nothing; means of runs are taken out.
    assert z[0].argmin() == 2
    assert z[0, 1] == z[0, 3] == z[0].max()
    np.testing.assert_allclose(z.sum(axis=0), 0)


def test_correlation_is_one_of_what_is_the_same():
    rng = np.random.default_rng(0)
    z = [ranks_of_runs(rng.standard_normal((12, 5)))]
    assert correlation(z, z) == pytest.approx(1)
    assert correlation(z, [-z[0]]) == pytest.approx(-1)
    assert np.isnan(correlation(z, [0 * z[0]]))


def test_level_in_short():
    for pace in (0.0, 1.0):
        assert 0.02 <= rejections(4, 12, 1000, pace=pace) <= 0.07
    assert rejections(5, 12, 1000, keep=0.6) <= 0.07
    assert 0.4 < rejections(4, 12, 500, coupling=0.5) < 0.65
    assert rejections(5, 24, 300, coupling=0.5) > 0.9


def test_specificity_needs_the_own_task():
    """A late run of all tasks couples none with its own."""
    rng = np.random.default_rng(0)
    p_own, p_none = [], []
    for _ in range(60):
        d, noise = rng.standard_normal((2, 8, 5))
        for events, found in ((d + 0.5 * noise, p_own), (noise, p_none)):
            z = [ranks_of_runs(d)], [ranks_of_runs(events)]
            found.append(specificity_p_value(*z, 8, 199, rng))
    assert np.mean(np.array(p_own) <= LEVEL) > 0.95
    assert np.mean(np.array(p_none) <= LEVEL) < 0.15


@pytest.mark.slow
@pytest.mark.parametrize("n_task_levels", [12, 24])
@pytest.mark.parametrize("n_seeds", [4, 5, 6])
def test_level(n_seeds, n_task_levels):
    """.02 to .07 of independent events, some censored or not, with a common pace or not."""
    for i, options in enumerate(({}, {"pace": 1.0}, {"keep": 0.7}, {"pace": 1.0, "keep": 0.7})):
        rate = rejections(n_seeds, n_task_levels, 4000, seed=i, **options)
        assert 0.02 <= rate <= 0.07, options


@pytest.mark.slow
@pytest.mark.parametrize(("n_seeds", "n_task_levels"), POWER)
def test_power(n_seeds, n_task_levels):
    *expected, other = POWER[n_seeds, n_task_levels]
    rates = [rejections(n_seeds, n_task_levels, 4000, coupling=slope) for slope in SLOPES]
    np.testing.assert_allclose(rates, expected, atol=0.03)
    assert rates[0] - 0.08 < other < rates[1] + 0.05


@pytest.mark.slow
@pytest.mark.parametrize("n_seeds", [4, 5, 6])
def test_interval_covers(n_seeds):
    """The interval that leaves out a run at a time, of what is found on average."""
    rng = np.random.default_rng(0)
    for coupling in (0.0, 0.5):
        found, ends = [], []
        for _ in range(400):
            d, e = rng.standard_normal((2, 24, n_seeds))
            e = coupling * d + e
            found.append(correlation([ranks_of_runs(d)], [ranks_of_runs(e)]))
            ends.append(jackknife_interval(correlation, [d], [e], 0.95))
        low, high = np.array(ends).T
        mean = np.mean(found)
        assert ((low <= mean) & (mean <= high)).mean() > 0.92
