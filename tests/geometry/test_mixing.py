"""Sound chains are trusted, and those that have not forgotten where they started are not."""

import numpy as np
import pytest
from scipy.signal import lfilter

from sklearn_emerge.geometry._mixing import most_r_hat, split_r_hat, trend, unsettled

N_BETA, LOCALISATION = 100.0, 20.0


def chains(curvatures, n_times, burn_in=3, n_relaxations=10, n_chains=4, noise=0.0, seed=0):
    """Return rises of a quadratic loss along chains of the default steps, one set a time."""
    rng = np.random.default_rng(seed)
    a = N_BETA * np.asarray(curvatures) + LOCALISATION
    step_size = 0.4 / max(a)
    relaxation = 2 / (step_size * LOCALISATION)
    n_burn_in, n_draws = (int(np.ceil(n * relaxation)) for n in (burn_in, n_relaxations))
    shape = n_times, n_chains, n_burn_in + n_draws
    draws = noise * rng.normal(size=shape)
    for h, each in zip(curvatures, a, strict=True):
        steps = rng.normal(scale=np.sqrt(step_size), size=shape)
        draws += h / 2 * lfilter([1], [1, step_size * each / 2 - 1], steps) ** 2
    return draws[..., n_burn_in:]


def share_found(draws, n_relaxations=10):
    """Return the share of sets of chains that are not trusted."""
    return np.mean([bool(unsettled(each, split_r_hat(each), n_relaxations)) for each in draws])


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("curvatures", [[0.02], [0.05] * 5, np.geomspace(0.03, 1, 12)], ids=len)
def test_sound_chains_of_the_default_length_are_trusted(curvatures, noise):
    # At one of twenty, more than 21 of 250 have a chance of .008.
    assert share_found(chains(curvatures, 250, noise=noise)) <= 21 / 250


def test_sound_chains_of_other_lengths_are_trusted():
    for n_relaxations in 5, 40:
        draws = chains([0.1] * 5, 150, n_relaxations=n_relaxations)
        assert share_found(draws, n_relaxations) <= 15 / 150


@pytest.mark.parametrize("steep", [[], list(np.geomspace(0.03, 1, 10))], ids=["alone", "beside"])
def test_chains_with_slow_directions_are_not_trusted(steep):
    # Five directions along which the loss falls, nearly as fast as the localisation pulls back.
    slow = [-0.97 * LOCALISATION / N_BETA] * 5
    assert share_found(chains([1.0, *steep, *slow], 150)) >= 0.95


def test_chains_that_sit_in_different_places_are_not_trusted():
    places = np.array([0, 0, 0, 1.0])[:, np.newaxis]
    draws = chains([0.2] * 5, 100)
    assert share_found(draws + places * 4 * draws.std()) >= 0.95


def test_chains_that_still_fall_are_not_trusted_though_rows_have_noise():
    draws = chains([0.2] * 5, 100, noise=0.2)
    fall = np.exp(-3 * np.linspace(0, 1, draws.shape[-1]))
    draws += 1.5 * draws.std() * fall
    assert share_found(draws) >= 0.95
    # R-hat does not see it.
    assert max(split_r_hat(each) for each in draws) < most_r_hat(4, 10)


def test_split_r_hat_is_one_of_equal_halves_and_large_of_others():
    draws = np.random.default_rng(0).normal(size=(4, 500))
    assert split_r_hat(draws) == pytest.approx(1, abs=0.01)
    assert split_r_hat(draws + np.array([[0], [0], [0], [3]])) > 1.5
    assert split_r_hat(draws + np.linspace(0, 3, 500)) > 1.2
    # By hand: halves (0, 2), (0, 2), (4, 6), (4, 6) have variance 2 within and 16/3 of their means.
    assert split_r_hat(np.array([[0, 2, 7, 0, 2], [4, 6, 7, 4, 6]])) == pytest.approx(
        np.sqrt(1 / 2 + 16 / 3 / 2)
    )
    assert split_r_hat(np.zeros((2, 4))) == 1
    assert split_r_hat(np.array([[0, 0, 1, 1], [0, 0, 1, 1]])) == np.inf


def test_the_limit_of_r_hat_falls_with_the_length_and_number_of_chains():
    assert most_r_hat(4, 10) == pytest.approx(1.257, abs=1e-3)
    assert most_r_hat(4, 5) > most_r_hat(4, 10) > most_r_hat(16, 10) > most_r_hat(16, 40)
    assert most_r_hat(4, 1e9) == 1.05


def test_a_trend_is_that_of_least_squares():
    line = np.repeat(np.arange(8.0), 3)
    assert trend(np.stack([line, line + 1])) == pytest.approx((7, 0))
    assert trend(np.ones((2, 10))) == (0, 1)
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(3, 16))
    means = draws.reshape(3, 8, 2).mean(axis=2)
    design = np.column_stack(
        [np.eye(8)[np.tile(range(8), 3)], np.eye(3)[np.repeat(range(3), 8)][:, 1:]]
    )
    found, *_ = np.linalg.lstsq(design, means.ravel())
    rise, p_value = trend(draws)
    assert rise == pytest.approx(7 * np.polyfit(np.arange(8), found[:8], 1)[0])
    assert 0 < p_value < 1
    # Under no trend, p-values are uniform.
    p_values = [trend(each)[1] for each in rng.normal(size=(2000, 4, 16))]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.02)
