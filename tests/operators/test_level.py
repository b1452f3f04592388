"""What tests of operators find where no arm is nearer to the world than the others."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binom

from sklearn_emerge.inference import sign_flip_test
from sklearn_emerge.operators import log_error_ratio, log_margin_ratio

pytestmark = pytest.mark.slow

ALPHA, N = 0.05, 4000


def draw(rng, n_seeds, n_arms):
    """Return errors of arms that are alike: those of a seed share its data, and have outliers."""
    shape = n_arms, N, n_seeds
    prompts = np.log([0.09, 0.04, 0.02])
    shared = 0.2 * rng.normal(size=(1, *shape[1:], 1))
    own = rng.choice([0.2, 1.0], size=(*shape, 1), p=[0.8, 0.2]) * rng.normal(size=(*shape, 1))
    errors = np.exp(prompts + shared + own + 0.1 * rng.normal(size=(*shape, 3)))
    dims = "arm", "simulation", "seed", "prompt"
    return xr.DataArray(errors, {"prompt": [32, 64, 128]}, dims)


def significant(differences):
    """Return in which simulations a test of signs over seeds is significant."""
    return np.array([sign_flip_test(each).pvalue <= ALPHA for each in differences.values])


def outcomes(full, linear, readout, null):
    """Return, of tests (a) to (c), in which simulations they are significant."""
    # The optimum is 0, so that a margin of one half asks for a square below half of the linear one.
    differences = (
        log_margin_ratio(full, np.sqrt(2) * linear, margin=0.5),
        log_error_ratio(full, readout),
        log_error_ratio(full, null),
    )
    return np.stack([significant(each) for each in differences])


def band(level, share=0.999):
    """Return what a rate is between, N times drawn at its level, with probability .998."""
    return binom.ppf(1 - share, N, level) / N, binom.ppf(share, N, level) / N


@pytest.mark.parametrize("n_seeds", [5, 6])
def test_arms_that_are_alike_are_told_apart_no_more_often_than_alpha(n_seeds):
    rng = np.random.default_rng(n_seeds)
    found = outcomes(*draw(rng, n_seeds, 4))
    # So many of the patterns of signs have a p-value of at most alpha.
    level = np.floor(ALPHA * 2**n_seeds) / 2**n_seeds
    low, high = band(level)
    rates = found.mean(axis=1)
    assert ((low <= rates) & (rates <= high)).all(), rates
    assert level <= ALPHA
    # All three at once are rarer, even though they have an arm in common.
    assert found.all(axis=0).mean() < low


@pytest.mark.parametrize("n_seeds", [5, 6])
@pytest.mark.parametrize("alike", [0, 1, 2])
def test_one_arm_that_is_alike_is_enough_to_keep_the_level(n_seeds, alike):
    """Each at alpha, without a correction, where the other two are far away."""
    rng = np.random.default_rng(10 * n_seeds + alike)
    full, *others = draw(rng, n_seeds, 4)
    others = [arm if i == alike else 1e4 * arm for i, arm in enumerate(others)]
    found = outcomes(full, *others)
    low, high = band(np.floor(ALPHA * 2**n_seeds) / 2**n_seeds)
    assert found.sum(axis=1).tolist().count(N) == 2
    assert low <= found.all(axis=0).mean() <= high
