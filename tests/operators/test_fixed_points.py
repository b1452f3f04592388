"""Fixed points of closed loops against those that are known."""

import numpy as np
import pytest
import torch
from known import known_predictor, oscillator_predictor

from sklearn_emerge import (
    AutoregressivePredictor,
    EchoStatePredictor,
    GRUPredictor,
    LSTMPredictor,
    OscillatorWorld,
)
from sklearn_emerge.operators import fixed_points

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 12))


def test_a_bistable_cell():
    """tanh(2 h) rests at 0, where it leaves by a factor of 2, and at two points where it ends."""
    model = known_predictor(lambda h, x: torch.tanh(2 * x), 1, X, [[1.0]])
    found = fixed_points(model, X, n_steps=20, random_state=0)
    order = np.argsort(found.states[:, 0])
    assert np.allclose(found.states[order, 0], [-0.957504, 0.0, 0.957504], atol=1e-6)
    assert np.allclose(found.jacobians[order].ravel(), [0.166372, 2.0, 0.166372], atol=1e-6)
    assert found.stable[order].tolist() == [True, False, True]
    assert np.allclose(found.growth[order], np.log([0.166372, 2.0, 0.166372]), atol=1e-5)
    assert np.array_equal(found.outputs, found.states)
    assert found.slow_states.shape == (0, 1)


def test_a_linear_cell():
    """(I - A)^{-1} b, whatever enters."""
    A = torch.tensor([[0.5, 0.2], [-0.1, 0.8]], dtype=torch.float64)
    b = torch.tensor([1.0, -2.0], dtype=torch.float64)
    model = known_predictor(lambda h, x: h @ A.T + b * x, 2, X, [[0.0, 0.0]], intercept=1.0)
    found = fixed_points(model, X, n_steps=50, random_state=0)
    assert np.allclose(
        found.states, [np.linalg.solve(np.eye(2) - A.numpy(), b.numpy())], rtol=1e-10
    )
    assert np.allclose(found.outputs, 1.0)
    assert np.allclose(found.jacobians, A)


def test_the_rest_point_of_the_oscillator():
    """It is left by 1.05119 a step at an angle of .047583, as the world states."""

    found = fixed_points(oscillator_predictor(X), X, n_steps=20, random_state=0)
    rest = OscillatorWorld().rest_points()
    assert np.allclose(found.states, rest.points, atol=1e-10)
    assert np.allclose(found.jacobians, rest.jacobians, atol=1e-10)
    assert np.abs(np.exp(found.growth) - 1.051190).max() < 1e-6
    assert np.abs(found.angle - 0.047583).max() < 1e-6
    assert np.array_equal(found.outputs, found.states[:, :1])


def test_where_a_pair_of_points_has_gone_the_cell_is_slow():
    """tanh(2 h + b) has a pair up to b = .5328 and hardly moves there just above."""
    b = 0.534
    model = known_predictor(lambda h, x: torch.tanh(2 * x + b), 1, X, [[1.0]])
    found = fixed_points(model, X, n_steps=20, random_state=0)
    # Where the slope is 1.
    slowest = (np.arctanh(-np.sqrt(0.5)) - b) / 2
    assert np.allclose(found.slow_states, slowest, atol=1e-6)
    assert len(found.slow_states) == 1
    assert np.allclose(found.speeds, np.tanh(2 * slowest + b) - slowest)
    assert np.array_equal(found.slow_outputs, found.slow_states)
    assert found.states.shape == (1, 1)
    assert found.states > 0.9
    before = known_predictor(lambda h, x: torch.tanh(2 * x + 0.53), 1, X, [[1.0]])
    assert len(fixed_points(before, X, n_steps=20, random_state=0).states) == 3


@pytest.mark.parametrize(("point", "n_points"), [(0.9, 1), (5.0, 0)])
def test_a_point_that_is_far_from_all_states_is_left_out(point, n_points):
    """An observer of a quantity of at most .6 that moves on towards a point."""
    model = known_predictor(lambda h, x: x + 0.01 * (point - x), 1, X, [[1.0]])
    found = fixed_points(model, np.full((2, 5), 0.6), n_steps=1, random_state=0)
    assert np.allclose(found.states, np.full((n_points, 1), point))
    assert found.eigenvalues.shape == found.outputs.shape == (n_points, 1)
    assert found.growth.shape == found.angle.shape == found.stable.shape == (n_points,)


def test_a_line_of_points_is_found_where_it_is_visited():
    """Nothing is to be solved for along the line."""
    model = known_predictor(lambda h, x: torch.cat([(h + x)[:, :1], x], dim=1), 2, X, [[0.0, 0.0]])
    found = fixed_points(model, X, n_steps=5, n_starts=10, random_state=0)
    assert len(found.states) > 5
    assert np.allclose(found.growth, 0.0, atol=1e-12)
    assert not found.states[:, 1].any()


def test_a_loop_that_grows_has_the_points_that_it_leaves():
    model = known_predictor(lambda h, x: 30 * x, 1, X, [[1.0]])
    found = fixed_points(model, X, n_steps=500, random_state=0)
    assert np.allclose(found.states, 0.0)
    assert np.allclose(found.jacobians, 30.0)


def test_networks_rest_where_they_stay():
    """Along a rollout from a stable point, of a random core and of a network with a clock."""
    models = [
        EchoStatePredictor(6, n_draws=1, spectral_radius=0.5, random_state=0).fit(X),
        GRUPredictor(4, max_steps=3, random_state=0).fit(X),
        LSTMPredictor(4, max_steps=3, time_channel=None, random_state=0).fit(X),
    ]
    for model in models:
        clock = 0.5 if getattr(model, "time_channel", None) else None
        found = fixed_points(model, X, clock=clock, random_state=0)
        assert found.stable.tolist() == [True]
        assert found.states.shape[1] == model.recurrent_states(X).shape[2]
        assert np.array_equal(np.argsort(-np.abs(found.eigenvalues), axis=1)[:, 0], [0])
        ahead = model.rollout(X[:3], 400, clock=clock, feedback="mean")
        assert np.allclose(ahead[:, -1], found.outputs[0, 0], atol=1e-6)


def test_inputs_from_the_first_step_on_have_a_loop_a_sequence():
    options = dict(input_scaling="first", time_channel=None, max_steps=3, random_state=0)
    model = GRUPredictor(3, **options).fit(X)
    with pytest.raises(ValueError, match="each sequence has a closed loop of its own.*X\\[:1\\]"):
        fixed_points(model, X)
    one, other = (fixed_points(model, X[i : i + 1], random_state=0) for i in range(2))
    assert one.outputs.shape == other.outputs.shape == (1, 1)
    assert not np.allclose(one.states, other.states)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(clock=None), "changes with time and has no fixed points; pass clock=0.5"),
        (dict(clock="run"), "clock='run': a loop that changes with time has no fixed points"),
        (dict(clock=2.0), "clock=2.0 must be 'run', a number from 0 to 1, or None"),
        (dict(n_steps=0), "n_steps=0 must be an integer of at least 1"),
        (dict(n_starts=0), "n_starts=0 must be an integer of at least 1"),
    ],
)
def test_arguments_are_checked(arguments, message):
    model = GRUPredictor(3, max_steps=3, random_state=0).fit(X)
    with pytest.raises(ValueError, match=message):
        fixed_points(model, X, **arguments)


def test_what_has_no_closed_loop_says_why():
    with pytest.raises(ValueError, match="AutoregressivePredictor does not go on from a state"):
        fixed_points(AutoregressivePredictor(2).fit(X), X)
    outcomes = (X > 0).astype(int)
    options = dict(likelihood="bernoulli", time_channel=None, max_steps=3, random_state=0)
    with pytest.raises(ValueError, match="likelihood='bernoulli'.*no observations"):
        fixed_points(GRUPredictor(3, **options).fit(outcomes), outcomes)
