"""Baselines against closed forms and independent implementations."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from statsmodels.tsa.ar_model import AutoReg

from sklearn_emerge import (
    AutoregressivePredictor,
    MarkovPredictor,
    MeanPredictor,
    OscillatorWorld,
    PersistencePredictor,
    RegimeWorld,
)

BASELINES = [
    MeanPredictor(),
    MeanPredictor(per_step=True),
    PersistencePredictor(),
    MarkovPredictor(),
    AutoregressivePredictor(lags=3),
]
GAUSSIAN = dict(likelihood="gaussian", noise_std=0.05)


@pytest.fixture(params=BASELINES, ids=str)
def baseline(request):
    return clone(request.param)


@pytest.fixture(scope="module")
def X():
    return OscillatorWorld(n_steps=40).sample(60, random_state=0).X


def test_score_is_the_mean_log_density_of_the_next_step(baseline, X):
    baseline.set_params(noise_std=0.3).fit(X)
    expected = norm.logpdf(X[:, 1:], baseline.predict(X)[:, :-1], 0.3)
    assert baseline.score(X) == pytest.approx(expected.mean())
    assert np.allclose(baseline.score_samples(X), expected.sum(axis=1))


def test_predictions_are_causal(baseline, X):
    baseline.fit(X)
    changed = X.copy()
    changed[:, 20:] += 1
    assert np.allclose(baseline.predict(X)[:, :20], baseline.predict(changed)[:, :20])


def test_estimated_noise_is_the_training_error(baseline, X):
    baseline.fit(X)
    residual = X[:, 1:] - baseline.predict(X)[:, :-1]
    assert baseline.noise_std_[0] == pytest.approx(np.sqrt((residual**2).mean()))


def test_multichannel_prediction_is_that_of_the_channels(X):
    both = np.stack([X, 3 * X + 1], axis=2)
    for baseline in (MeanPredictor(), PersistencePredictor(), MarkovPredictor()):
        prediction = baseline.fit(both).predict(both)
        assert np.allclose(prediction[..., 0], baseline.fit(X).predict(X))
        assert np.allclose(prediction[..., 1], 3 * prediction[..., 0] + 1)


def test_markov_estimates_the_transition_probabilities():
    X = RegimeWorld(stay_probability=(0.8, 0.8)).sample(4000, random_state=0).X
    model = MarkovPredictor(likelihood="bernoulli").fit(X)
    assert model.means_.ravel() == pytest.approx([0.2, 0.8], abs=0.005)
    # The entropy rate of the chain is what it cannot do better than.
    entropy = -(0.8 * np.log(0.8) + 0.2 * np.log(0.2))
    assert -model.score(X) == pytest.approx(entropy, abs=0.003)


def test_markov_equals_counts_with_laplace_smoothing():
    X = np.array([[0.0, 0, 1, 1], [0, 1, 1, 1]])
    model = MarkovPredictor(likelihood="bernoulli").fit(X)
    # After a zero: 0, 1, 1; after a one: 1, 1, 1.
    assert model.means_.ravel() == pytest.approx([(2 + 1) / (3 + 2), (3 + 1) / (3 + 2)])


def test_bernoulli_persistence_stays_finite():
    X = np.array([[0.0, 0, 0, 0], [1, 1, 1, 1]])
    model = PersistencePredictor(likelihood="bernoulli").fit(X)
    assert model.stay_probability_ == pytest.approx(7 / 8)
    assert np.isfinite(model.score(1 - X + np.array([[0, 1, 0, 0], [0, -1, 0, 0]]) * 0))
    surprise = np.array([[0.0, 1, 0, 1], [1, 0, 1, 0]])
    assert model.score(surprise) == pytest.approx(np.log(1 / 8))


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


def test_published_gain_of_a_markov_chain_on_the_regime():
    """Errors .25 and .1875: 12.1 nats under the Gaussian of *Emergence Without Scale* or more."""
    train, evaluation = RegimeWorld().split(4000, 4000, random_state=0)
    scores = {
        baseline: baseline.set_params(**GAUSSIAN).fit(train.X).score(evaluation.X)
        for baseline in (MeanPredictor(), PersistencePredictor(), MarkovPredictor())
    }
    mean, persistence, markov = scores.values()
    assert markov - max(mean, persistence) == pytest.approx(12.1, abs=0.5)


def test_step_mean_knows_the_marginals_and_no_more():
    X = np.arange(5.0) + np.random.default_rng(0).normal(size=(500, 1))
    model = MeanPredictor(per_step=True).fit(X)
    assert np.allclose(model.predict(X)[:, :-1], X.mean(axis=0)[1:])
    with pytest.raises(ValueError, match="longer than the 5 steps"):
        model.at_length(6)
    assert model.at_length(3).predict(X[:, :3]).shape == (500, 3)
