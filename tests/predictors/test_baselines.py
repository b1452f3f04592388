"""Baselines against closed forms and independent implementations."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.base import clone

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
