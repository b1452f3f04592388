"""Ceilings of worlds that inputs drive."""

import numpy as np
import pytest
from statsmodels.tsa.statespace.mlemodel import MLEModel

from sklearn_emerge import FlipFlopPredictor, KalmanPredictor, LinearFilterPredictor
from sklearn_emerge import LinearSystemWorld as LinearSystem
from sklearn_emerge.linear_systems import PredictionRiskSweep, equivalent_filter_length
from sklearn_emerge.testing import check_world
from sklearn_emerge.worlds import with_inputs

A, C, Q, R = [[0.8, 0.2], [0.0, 0.5]], [[1.0, 0.5]], [[0.3, 0.1], [0.1, 0.2]], 0.5
B = [[1.0, 0.0], [0.5, -1.0]]


def test_a_driven_system_is_a_world_whose_ceiling_is_exact():
    world = LinearSystem(A, C, Q, R, n_steps=15, B=B)
    check_world(world)
    assert (world.n_exogenous, world.ceiling) == (2, "exact")
    assert world.null_kinds == ("shuffle", "resample", "phase", "exchange")
    sample = world.sample(5, random_state=0)
    assert sample.X.shape == (5, 15, 3)
    # The same noise as without inputs, which are drawn last.
    assert np.array_equal(
        LinearSystem(A, C, Q, R, n_steps=15).sample(5, random_state=0).latents[:, 0],
        sample.latents[:, 0],
    )


def test_the_driven_filter_is_that_of_statsmodels():
    X = LinearSystem(A, C, Q, R, n_steps=12, B=B).sample(4, random_state=0).X
    X[1, 5, 0] = np.nan
    model = KalmanPredictor(A, C, Q, R, B=B, initial_covariance=1.0, noise_std=1.0).fit(X)
    for rows, mean in zip(X, model.predict(X), strict=True):
        other = MLEModel(rows[:, :1], k_states=2)
        other["design"], other["transition"], other["selection"] = C, A, np.eye(2)
        other["state_cov"], other["obs_cov"] = Q, [[R]]
        other.ssm["state_intercept"] = np.asarray(B) @ rows[:, 1:].T
        other.ssm.initialize_known(np.zeros(2), np.eye(2))
        expected = other.ssm.filter().predicted_state[:, 1:]
        np.testing.assert_allclose(mean[:, 0], (C @ expected)[0], atol=1e-10)


def test_a_driven_system_is_predicted_up_to_its_innovations():
    world = LinearSystem(A, C, Q, R, n_steps=20, B=B)
    train, test = world.split(3000, 1000, random_state=0)
    best = world.optimal_predictor()
    entropy = 0.5 * np.log(2 * np.pi * np.e * world.noise_std**2)
    assert -best.score(test.X) == pytest.approx(entropy, abs=0.01)
    linear = LinearFilterPredictor(n_exogenous=2).fit(train.X)
    assert -linear.score(test.X) == pytest.approx(entropy, abs=0.03)
    assert best.score(test.X) > linear.score(test.X) - 0.01
    # Who does not know the inputs has them for noise.
    alone = KalmanPredictor(A, C, np.asarray(Q) + np.asarray(B) @ np.transpose(B), R)
    targets = test.X[:, :, :1]
    assert alone.fit(targets).score(targets) < -entropy - 0.2


def test_inputs_that_add_nothing_leave_the_filter_as_it_is():
    X = LinearSystem(A, C, Q, R, n_steps=10).sample(6, random_state=0).X
    inputs = np.random.default_rng(0).normal(size=(6, 10))
    driven = KalmanPredictor(A, C, Q, R, B=[0.0, 0.0]).fit(with_inputs(X, inputs))
    alone = KalmanPredictor(A, C, Q, R).fit(X)
    assert np.array_equal(driven.predict(with_inputs(X, inputs))[:, :, 0], alone.predict(X))


def test_what_follows_the_end_of_inputs_does_not_count():
    world = LinearSystem(A, C, Q, R, n_steps=10, B=B)
    X = world.sample(6, random_state=0).X
    X[2, 7:] = np.nan
    model = KalmanPredictor(A, C, Q, R, B=B).fit(X)
    assert np.isfinite(model.score(X))
    steps = model.score_steps(X)
    assert np.array_equal(np.isnan(steps), np.isnan(X[:, 1:, 0]))
    np.testing.assert_allclose(steps[2, :6], model.at_length(7).score_steps(X[2:3, :7])[0])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([1.0, 2.0, 3.0], r"B has shape \(3,\), but A has 2 states; pass shape \(2,\)"),
        ([[np.inf], [0.0]], r"must be finite"),
        ([["a"], ["b"]], r"is not made of numbers"),
    ],
)
def test_matrices_of_inputs_that_do_not_fit_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        LinearSystem(A, C, Q, R, B=bad).sample(2, random_state=0)
    with pytest.raises(ValueError, match=message):
        KalmanPredictor(A, C, Q, R, B=bad).fit(np.zeros((2, 5, 2)))
    LinearSystem(A, C, Q, R, B=[1.0, 2.0]).sample(2, random_state=0)


def test_filter_lengths_of_driven_systems_are_refused():
    world = LinearSystem.random_walk(0.1, 1.0).set_params(B=1.0)
    with pytest.raises(ValueError, match=r"world has 1 inputs, B=1.0.*B=None"):
        equivalent_filter_length(0.1, world)
    with pytest.raises(ValueError, match=r"n_exogenous=1, but risks .* without inputs"):
        PredictionRiskSweep(world).fit()
    assert equivalent_filter_length(0.1, world.set_params(B=None)) > 0


def test_the_best_predictor_of_a_task_of_bits_takes_as_many_pulses():
    X = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], (4, 6, 3))
    with pytest.raises(ValueError, match=r"n_exogenous=1 of 3 channels as inputs"):
        FlipFlopPredictor(n_exogenous=1, feedback=False, noise_std=1.0).fit(X)
    model = FlipFlopPredictor(n_exogenous=1, feedback=False, noise_std=1.0).fit(X[:, :, 1:])
    last = [row[row != 0][-1] if (row != 0).any() else 0.0 for row in X[:, :4, 2]]
    assert model.predict(X[:, :, 1:])[:, 3, 0].tolist() == [(sign + 1) / 2 for sign in last]
