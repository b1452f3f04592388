"""Intervals of mean shares cover, and stay between 0 and 1."""

import numpy as np
import pytest
from scipy import stats

from sklearn_emerge.inference._shares import share_interval


def test_it_is_wilsons_with_the_number_of_units_that_are_as_uncertain():
    shares = np.array([0.5, 0.75, 1.0, 0.75])
    n = 0.75 * 0.25 / (shares.var(ddof=1) / 4)
    t = stats.t.isf(0.05, 3)
    # The ends are where a share is t standard errors of its own from the mean.
    for end in share_interval(shares, n_units=100, confidence=0.9):
        assert abs(0.75 - end) == pytest.approx(t * np.sqrt(end * (1 - end) / n))


def test_the_number_of_units_has_limits():
    t = stats.t.isf(0.025, 4)
    # Five seeds without a difference, of four units each.
    low, high = share_interval(np.ones(5), n_units=4)
    assert (low, high) == pytest.approx((20 / (20 + t**2), 1))
    assert high <= 1
    assert share_interval(np.zeros(5), n_units=4) == pytest.approx((0, 1 - low))
    # Shares of 0 and 1 vary as much as can be: five units.
    low, high = share_interval([0, 1, 1, 1, 1], n_units=4)
    for end in low, high:
        assert abs(0.8 - end) == pytest.approx(t * np.sqrt(end * (1 - end) / 5))


@pytest.mark.parametrize("correlation", [0.0, 0.2])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.99])
def test_it_covers(share, correlation):
    """Where Student's interval covers as little as .18, at a share of .99."""
    rng, n_seeds, n_units, n_times = np.random.default_rng(0), 5, 12, 600
    of_seed = np.full((n_times, n_seeds), share)
    if correlation:
        size = 1 / correlation - 1
        of_seed = rng.beta(share * size, (1 - share) * size, of_seed.shape)
    shares = rng.binomial(n_units, of_seed) / n_units
    ends = np.array([share_interval(each, n_units=n_units) for each in shares])
    assert (ends >= 0).all()
    assert (ends <= 1).all()
    assert np.mean((ends[:, 0] <= share) & (share <= ends[:, 1])) > 0.93


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="shares"):
        share_interval([0.5], n_units=2)
    with pytest.raises(ValueError, match="confidence"):
        share_interval([0.5, 0.6], n_units=2, confidence=1)
