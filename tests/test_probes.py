"""Probes decode what is there, not what is not, and never split a sequence."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score

from sklearn_emerge.probes import control_states, cross_validate_probe, make_probe


@pytest.fixture(scope="module")
def autocorrelated():
    """Random walks and independent latents: rows look alike, sequences do not."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(60, 50, 8)).cumsum(axis=1)
    return hidden, rng.normal(size=(60, 50)).cumsum(axis=1)


def test_linear_latents_are_decoded():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(40, 20, 3))
    latents = np.stack([hidden @ [1, 2, 3], rng.normal(size=(40, 20))], axis=2)
    score = cross_validate_probe(hidden, latents).score
    assert score[0] > 0.999
    assert abs(score[1]) < 0.03


def test_noise_of_known_size_gives_its_r2():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(200, 20, 1))
    latents = hidden[..., 0] + rng.normal(size=(200, 20))
    assert cross_validate_probe(hidden, latents).score[0] == pytest.approx(0.5, abs=0.05)


def test_the_sequence_is_the_group(autocorrelated):
    hidden, latents = autocorrelated
    assert cross_validate_probe(hidden, latents).score[0] < 0.05
    # The same data split by rows: a flexible probe finds neighbours of the same sequence.

    class Nearest(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            self.X_, self.y_ = X, y
            return self

        def predict(self, X):
            return self.y_[[np.abs(self.X_ - x).sum(axis=1).argmin() for x in X]]

    assert cross_validate_probe(hidden, latents, probe=Nearest()).score[0] < 0.05
    rows, target = hidden.reshape(-1, 8), latents.ravel()
    test = np.arange(len(rows)) % 5 == 0
    leaking = Nearest().fit(rows[~test], target[~test]).predict(rows[test])
    assert r2_score(target[test], leaking) > 0.8


def test_classes_are_scored_by_brier_and_accuracy():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=(60, 30))
    clear = (labels + 0.1 * rng.normal(size=labels.shape))[..., np.newaxis]
    decoded = cross_validate_probe(clear, labels)
    assert decoded.score[0] > 0.97
    assert decoded.accuracy[0] > 0.99
    nothing = cross_validate_probe(rng.normal(size=(60, 30, 2)), labels)
    assert abs(nothing.score[0]) < 0.02
    assert nothing.accuracy[0] == pytest.approx(0.5, abs=0.06)


def test_brier_score_of_classes_is_the_r2_of_probabilities():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=(80, 20))
    hidden = (labels + rng.normal(size=labels.shape))[..., np.newaxis]
    # Bayes: the variance that the posterior explains.
    posterior = 1 / (1 + np.exp(-(hidden[..., 0] - 0.5)))
    bayes = 1 - np.mean((labels - posterior) ** 2) / labels.var()
    assert cross_validate_probe(hidden, labels, burn_in=0).score[0] == pytest.approx(
        bayes, abs=0.01
    )


def test_three_classes_and_constant_latents():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=(40, 10))
    hidden = np.eye(3)[labels]
    both = np.stack([labels, np.ones_like(labels)], axis=2)
    decoded = cross_validate_probe(hidden, both)
    assert decoded.score[0] > 0.99
    assert np.isnan(decoded.score[1])


def test_latent_of_a_sequence_is_broadcast():
    rng = np.random.default_rng(0)
    label = rng.integers(2, size=30)
    hidden = np.broadcast_to(label[:, None, None], (30, 5, 1)) + 0.1 * rng.normal(size=(30, 5, 1))
    assert cross_validate_probe(hidden, label).accuracy[0] == 1.0


def test_rare_class_is_undefined_and_warns():
    hidden = np.random.default_rng(0).normal(size=(20, 5, 2))
    label = np.zeros(20, int)
    label[0] = 1
    with pytest.warns(UserWarning, match="occurs in one sequence only"):
        assert np.isnan(cross_validate_probe(hidden, label).score[0])


def test_controls():
    hidden = np.random.default_rng(0).normal(size=(9, 4, 2))
    other = control_states(hidden, "other_sequence", 0)
    assert (other != hidden).all()
    assert np.array_equal(np.sort(other, axis=0), np.sort(hidden, axis=0))
    noise = control_states(hidden, "noise", 1)
    assert noise.shape == hidden.shape
    assert not np.isin(noise, hidden).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda h: make_probe("ridge"), "kind='ridge'.*continuous"),
        (lambda h: control_states(h, "shuffled"), "kind='shuffled'.*other_sequence"),
        (lambda h: control_states(h[:1], "other_sequence"), "one sequence"),
        (lambda h: cross_validate_probe(h[0], np.zeros(4)), r"hidden has shape \(4, 2\)"),
        (
            lambda h: cross_validate_probe(h, np.zeros((9, 3))),
            r"latents has shape \(9, 3\).*\(9, 4",
        ),
        (lambda h: cross_validate_probe(h[:3], np.zeros((3, 4))), "fewer than n_splits=5"),
        (lambda h: cross_validate_probe(h, np.zeros((9, 4)), burn_in=4), "burn_in=4"),
        (lambda h: cross_validate_probe(h, np.full((9, 4), np.nan)), "latents contains NaN"),
        (
            lambda h: cross_validate_probe(h * np.inf, np.zeros((9, 4))),
            "hidden contains NaN or inf",
        ),
        (lambda h: cross_validate_probe(h, np.array([["a"] * 4] * 9)), "Unknown label type"),
        (
            lambda h: cross_validate_probe(h, np.zeros((9, 4)), probe=make_probe("discrete")),
            "does not suit the latents, which are quantities",
        ),
    ],
)
def test_errors_name_argument_value_and_remedy(call, message):
    hidden = np.random.default_rng(0).normal(size=(9, 4, 2))
    with pytest.raises(ValueError, match=message):
        call(hidden)
