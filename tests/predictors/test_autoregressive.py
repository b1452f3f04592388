"""Autoregression against independent implementations."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from statsmodels.tsa.ar_model import AutoReg

from sklearn_emerge import AutoregressivePredictor, OscillatorWorld, PersistencePredictor

GAUSSIAN = dict(likelihood="gaussian", noise_std=0.05)


@pytest.fixture(scope="module")
def X():
    return OscillatorWorld(n_steps=40).sample(60, random_state=0).X


def test_autoregression_equals_least_squares(X):
    model = AutoregressivePredictor(lags=4).fit(X)
    for length in (1, 4):
        past = np.lib.stride_tricks.sliding_window_view(X, length + 1, axis=1)
        rows = past.reshape(-1, length + 1)
        regression = LinearRegression().fit(rows[:, :length][:, ::-1], rows[:, length])
        assert np.allclose(model.coefs_[length - 1].ravel(), regression.coef_)
        assert np.allclose(model.intercepts_[length - 1], regression.intercept_)


def test_autoregression_equals_statsmodels(X):
    series = np.concatenate([X[0], X[1], X[2]])
    model = AutoregressivePredictor(lags=3).fit(np.stack([series, series]))
    theirs = AutoReg(series, lags=3).fit()
    assert np.allclose(model.intercepts_[2], theirs.params[0])
    assert np.allclose(model.coefs_[2].ravel(), theirs.params[1:])


def test_vector_autoregression_equals_least_squares():
    X = np.random.default_rng(0).normal(size=(20, 12, 2)).cumsum(axis=1)
    model = AutoregressivePredictor(lags=2).fit(X)
    rows = np.concatenate([X[:, 1:-1], X[:, :-2]], axis=2).reshape(-1, 4)
    regression = LinearRegression().fit(rows, X[:, 2:].reshape(-1, 2))
    assert np.allclose(model.coefs_[1].reshape(4, 2), regression.coef_.T)


@pytest.mark.parametrize("scale", [1e-13, 1e9])
def test_autoregression_is_blind_to_units(scale, X):
    raw = AutoregressivePredictor(8).fit(X).predict(X)
    scaled = AutoregressivePredictor(8).fit(scale * X + 5 * scale).predict(scale * X + 5 * scale)
    assert np.allclose(scaled / scale - 5, raw, atol=1e-6)


def test_lags_beyond_the_sequence_use_all_there_is(X):
    long = AutoregressivePredictor(lags=100).fit(X[:, :10])
    assert long.lags_ == 9
    assert long.predict(X[:, :10]).shape == (60, 10)


def test_published_gains_of_linear_filters_on_the_oscillator():
    """Gains over persistence, in nats of a Gaussian of 0.05: the figures of the notes."""
    train, evaluation = OscillatorWorld().split(4000, 2000, random_state=0)
    persistence = PersistencePredictor(**GAUSSIAN).fit(train.X).score(evaluation.X)
    for lags, gain in ((2, 0.067), (8, 0.419), (32, 0.554)):
        score = AutoregressivePredictor(lags, **GAUSSIAN).fit(train.X).score(evaluation.X)
        assert score - persistence == pytest.approx(gain, abs=0.012)
