"""Forecasts of the best possible predictors, many steps ahead, against brute force."""

from itertools import product

import numpy as np
import pytest
from scipy.special import softmax

from sklearn_emerge import (
    DriftWorld,
    FlipFlopPredictor,
    FlipFlopWorld,
    NoisyPeriodicWorld,
    OscillatorPredictor,
    OscillatorWorld,
    RegimePredictor,
    RegimeWorld,
)
from sklearn_emerge.dynamics import euler_step


@pytest.mark.parametrize("omega", [1.0, (0.8, 1.2)])
def test_the_oscillator_s_is_an_integral_over_all_initial_states(omega):
    world = OscillatorWorld(omega, n_steps=48)
    X, n_prompt = world.sample(6, random_state=1).X, 12
    R = world.optimal_predictor().rollout(X[:, :n_prompt], 36)
    # A fine grid on which nothing is laid anew.
    axis = np.linspace(-5, 5, 201) * world.initial_std
    x, v = (each.ravel() for each in np.meshgrid(axis, axis))
    log_weight = np.tile(-(x**2 + v**2) / (2 * world.initial_std**2), (6, 1))
    frequencies = np.linspace(*np.broadcast_to(omega, 2), 48)
    for t in range(47):
        if t < n_prompt:
            log_weight -= (X[:, t, np.newaxis] - x) ** 2 / (2 * world.observation_std**2)
        x, v = euler_step(x, v, frequencies[t], world.time_step)
        if t >= n_prompt - 1:
            expected = softmax(log_weight, axis=1) @ x
            assert np.abs(R[:, t - n_prompt + 1] - expected).max() < 2e-5


def test_the_oscillator_s_is_not_what_comes_of_its_means():
    X = OscillatorWorld().sample(40, random_state=0).X
    model = OscillatorPredictor().fit(X)
    forecast, fed_back = (
        model.rollout(X[:, :10], 60, feedback=feedback) for feedback in ("auto", "mean")
    )
    assert np.abs(forecast[:, 0] - fed_back[:, 0]).max() < 1e-12
    # Fed back, a mean is evidence that there is.
    error = [((each - X[:, 10:70]) ** 2).mean() for each in (forecast, fed_back)]
    assert error[0] < 0.99 * error[1]


def forecast_of_all_paths(model, prompt, n_steps):
    """Return the probability of a one at each step, over all paths of zeros and ones."""
    n_prompt, expected = prompt.shape[1], np.zeros((len(prompt), n_steps))
    for path in product([0.0, 1.0], repeat=n_steps - 1):
        whole = np.concatenate([prompt, np.tile(path, (len(prompt), 1))], axis=1)
        mean = model.at_length(whole.shape[1]).predict(whole)[:, n_prompt - 1 :]
        taken = np.where(path, mean[:, :-1], 1 - mean[:, :-1]).cumprod(axis=1)
        for k in range(n_steps):
            # Paths that begin alike are counted once, with zeros after it.
            if not any(path[k:]):
                expected[:, k] += (taken[:, k - 1] if k else 1.0) * mean[:, k]
    return expected


@pytest.mark.parametrize(
    "options",
    [{}, {"known_phase": False}, {"stay_probability": (0.9, 1.0), "known_phase": False}],
)
def test_the_regime_s_is_a_sum_over_all_paths(options):
    X = RegimeWorld(period=5, n_steps=20).sample(12, random_state=0).X
    model = RegimePredictor(5, likelihood="bernoulli", **options).fit(X)
    R = model.rollout(X[:, :7], 7, n_paths=40)
    assert np.abs(R - forecast_of_all_paths(model, X[:, :7], 7)).max() < 1e-5
    assert R.std(axis=0).min() > 0


def test_the_flip_flop_s_is_the_mean_of_what_follows():
    world = FlipFlopWorld(2, n_steps=30)
    X = world.sample(20_000, random_state=0).X
    model = world.optimal_predictor()
    R = model.rollout(X[:, :15], 15)
    assert (R[:, :, :2] == 0).all()
    bits = np.sign(R[:, 0, 2:])
    kept = (1 - model.pulse_probability) ** np.arange(1, 16)
    assert np.allclose(R[:, :, 2:], bits[:, np.newaxis] * kept[:, np.newaxis])
    # Where there is a bit, what follows is on average what is forecast.
    seen = (bits[:, np.newaxis] * X[:, 15:, 2:])[(bits != 0).all(axis=1)].mean(axis=2)
    error = seen.mean(axis=0) - kept
    assert np.abs(error).max() < 4 * seen.std(axis=0).max() / np.sqrt(len(seen))
    assert isinstance(model, FlipFlopPredictor)


@pytest.mark.parametrize("world", [DriftWorld(), NoisyPeriodicWorld(n_steps=64)])
def test_of_linear_worlds_it_is_the_flow_of_the_filtered_state(world):
    """As good as can be: what is left is noise, and what was not known at the end of the prompt."""
    sample = world.sample(4000, random_state=0)
    X, prompt, ahead = sample.X, 32, 16
    model = world.optimal_predictor()
    R = model.rollout(X[:, :prompt], ahead)
    error = X[:, prompt : prompt + ahead] - R
    # Unbiased, and uncorrelated with what was seen.
    assert np.abs(error.mean(axis=0)).max() < 4 * error.std() / np.sqrt(len(X))
    seen = X[:, prompt - 8 : prompt] - X[:, prompt - 8 : prompt].mean(axis=0)
    products = seen[:, :, np.newaxis] * error[:, np.newaxis]
    assert (np.abs(products.mean(axis=0)) < 4.5 * products.std(axis=0) / np.sqrt(len(X))).all()
