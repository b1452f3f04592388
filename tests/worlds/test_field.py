"""Standard tasks of the field: their laws, and what is known of the best prediction."""

import numpy as np
import pytest

from sklearn_emerge import (
    FlipFlopPredictor,
    FlipFlopWorld,
    KalmanPredictor,
    LinearFilterPredictor,
    LinearSystemWorld,
    LorenzWorld,
    NoisyPeriodicWorld,
    SwitchingLinearWorld,
)
from sklearn_emerge.dynamics import lorenz_flow
from sklearn_emerge.testing import check_world

VARIANTS = [
    FlipFlopWorld(1, n_steps=20),
    SwitchingLinearWorld([0.9, 0.5], n_steps=20),
    SwitchingLinearWorld(
        [0.9 * np.eye(2), 0.5 * np.eye(2), np.diag([0.3, -0.9])],
        np.eye(3, 2),
        transition=[[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]],
        n_steps=20,
    ),
    SwitchingLinearWorld([0.9], n_steps=20),
]


@pytest.mark.parametrize("world", VARIANTS, ids=lambda world: " ".join(repr(world).split())[:60])
def test_variants_keep_to_the_contract(world):
    check_world(world)


def test_a_bit_is_the_sign_of_its_last_pulse():
    world = FlipFlopWorld(n_bits=2, pulse_probability=0.2)
    sample = world.sample(50, random_state=0)
    pulses, bits = sample.X[:, :, :2], sample.latents
    held = np.zeros((50, 2))
    for t in range(world.n_steps):
        held = np.where(pulses[:, t] != 0, pulses[:, t], held)
        assert np.array_equal(bits[:, t], held > 0)
    assert set(np.unique(pulses)) == {-1.0, 0.0, 1.0}
    assert (pulses[:, 0] != 0).all()
    assert (held != 0).all()


def test_pulses_and_noise_have_their_probability_and_deviation():
    world = FlipFlopWorld(n_bits=2, pulse_probability=0.1, observation_std=0.7)
    sample = world.sample(4000, random_state=0)
    pulses, outputs = np.split(sample.X, 2, axis=2)
    assert (pulses[:, 1:] != 0).mean() == pytest.approx(0.1, abs=0.002)
    assert pulses.mean() == pytest.approx(0, abs=0.002)
    assert (outputs - (2 * sample.latents - 1)).std() == pytest.approx(0.7, rel=0.01)
    # Bits know nothing of each other.
    assert np.corrcoef(*pulses.reshape(-1, 2).T)[0, 1] == pytest.approx(0, abs=0.01)


def test_the_best_predictor_of_a_flip_flop_leaves_the_error_that_is_known():
    p, std = 0.2, 0.5
    world = FlipFlopWorld(n_bits=2, pulse_probability=p, observation_std=std)
    X = world.sample(4000, random_state=0).X
    errors = world.optimal_predictor().predict(X)[:, :-1] - X[:, 1:]
    # A pulse's variance is p; of b' given b it is 1 - (1 - p)^2.
    expected = np.repeat([p, std**2 + 1 - (1 - p) ** 2], 2)
    assert (errors**2).mean(axis=(0, 1)) == pytest.approx(expected, rel=0.02)


def test_a_linear_filter_does_not_hold_bits_as_a_flip_flop_does():
    world = FlipFlopWorld()
    train, evaluation = world.split(1000, 500, random_state=0)
    best = world.optimal_predictor(noise_std="estimate").fit(train.X)
    ahead = best.score_samples(evaluation.X)
    ahead -= LinearFilterPredictor().fit(train.X).score_samples(evaluation.X)
    assert ahead.mean() > 0.1
    assert ahead.mean() > 10 * ahead.std() / np.sqrt(len(ahead))


def test_a_flip_flop_rests_at_all_signs_of_its_bits():
    world = FlipFlopWorld(n_bits=3)
    points, jacobians = world.rest_points()
    assert len(np.unique(points, axis=0)) == 8
    assert jacobians is None
    pulses, outputs = np.split(world.emission(points), 2, axis=1)
    assert not pulses.any()
    assert np.array_equal(outputs, 2 * points - 1)


def test_flip_flop_predictor_refuses_an_output_without_pulses():
    with pytest.raises(ValueError, match="X has 3 channels; pass the pulses of all bits"):
        FlipFlopPredictor(noise_std=1.0).fit(np.zeros((2, 5, 3)))
    assert FlipFlopPredictor().fit(np.eye(4)[:, :, np.newaxis]).predict(np.eye(4)).max() == 0


def test_lorenz_is_stationary_and_has_the_moments_of_the_flow():
    world = LorenzWorld(n_steps=60)
    states = world.sample(4000, random_state=0).latents
    x, y, z = states.transpose(2, 0, 1)
    for at in (0, 30, 59):
        assert z[:, at].mean() == pytest.approx(23.55, abs=0.6)
        assert x[:, at].mean() == pytest.approx(0, abs=0.6)
        assert (x[:, at] ** 2).mean() == pytest.approx(62.8, rel=0.07)
    # Where nothing changes in the mean: d/dt x^2 = d/dt z = 0.
    assert (x * y).mean() == pytest.approx((x**2).mean(), rel=0.01)
    assert (x * y).mean() == pytest.approx(8 / 3 * z.mean(), rel=0.01)


def test_lorenz_moves_by_its_flow_and_rests_where_that_is_zero():
    world = LorenzWorld(sigma=9.0, rho=30.0, beta=2.0, time_step=0.001, n_steps=20)
    states = world.sample(20, random_state=0).latents
    middle = (states[:, 2:] - states[:, :-2]) / 0.002
    velocity = lorenz_flow(states[:, 1:-1].transpose(2, 0, 1), 9.0, 30.0, 2.0).transpose(1, 2, 0)
    assert middle == pytest.approx(velocity, abs=0.02)
    points = world.rest_points().points
    assert lorenz_flow(points.T, 9.0, 30.0, 2.0) == pytest.approx(0, abs=1e-12)
    assert LorenzWorld(rho=0.5).rest_points().points.tolist() == [[0, 0, 0]]
    assert LorenzWorld(beta=0.0).rest_points() is None


def test_lorenz_shows_the_coordinates_that_are_asked_for():
    shown = LorenzWorld(channels="xz", observation_std=1e-9, n_steps=5).sample(3, random_state=0)
    assert np.allclose(shown.X, shown.latents[:, :, [0, 2]], atol=1e-7)
    noise = LorenzWorld(n_steps=100).sample(200, random_state=0)
    assert (noise.X - noise.latents[:, :, 0]).std() == pytest.approx(0.5, rel=0.02)


def test_no_linear_filter_of_x_knows_of_z():
    states = LorenzWorld(n_steps=40).sample(4000, random_state=0).latents
    past, z = states[:, :, 0], states[:, -1, 2] - states[:, -1, 2].mean()
    correlations = past.T @ z / (np.linalg.norm(past, axis=0) * np.linalg.norm(z))
    assert np.abs(correlations).max() < 4.5 / np.sqrt(4000)
    assert np.corrcoef(past[:, -1] ** 2, z)[0, 1] > 0.5


def test_a_flow_that_is_too_fast_says_so_and_slower_units_of_time_help():
    with pytest.raises(ValueError, match="sigma=1000.*too fast.*take smaller ones"):
        LorenzWorld(sigma=1000.0, n_steps=3).sample(2)
    LorenzWorld(sigma=100.0, n_steps=3).sample(2)


def test_cycles_come_back_after_a_period_with_the_amplitude_that_is_asked_for():
    world = NoisyPeriodicWorld(period=12, amplitude=2.0, observation_std=0.3)
    sample = world.sample(20_000, random_state=0)
    x, quadrature = sample.latents.transpose(2, 0, 1)
    assert np.allclose(x[:, 12:], x[:, :-12])
    assert np.allclose(quadrature[:, 3:], x[:, :-3])
    squares = x[:, 0] ** 2 + quadrature[:, 0] ** 2
    assert squares.mean() == pytest.approx(4, rel=0.03)
    # Of an exponential distribution the deviation is the mean.
    assert squares.std() == pytest.approx(4, rel=0.04)
    assert (sample.X - x).std() == pytest.approx(0.3, rel=0.01)


def test_the_best_predictor_of_a_cycle_is_regression_on_sine_and_cosine():
    world = NoisyPeriodicWorld(period=7.3, amplitude=1.5, observation_std=0.4, n_steps=15)
    X = world.sample(5, random_state=0).X
    predicted = world.optimal_predictor().predict(X)
    angles = 2 * np.pi / 7.3 * np.arange(16)
    design = np.column_stack([np.cos(angles), -np.sin(angles)])
    for t in range(15):
        seen = design[: t + 1]
        # Ridge regression, whose penalty is the ratio of the variances.
        inverse = np.linalg.inv(seen.T @ seen + 0.4**2 / (1.5**2 / 2) * np.eye(2))
        assert predicted[:, t] == pytest.approx(X[:, : t + 1] @ seen @ inverse @ design[t + 1])


def test_a_switching_system_is_stationary():
    world = SwitchingLinearWorld(
        [0.95, -0.8, 1.02], transition=[[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5]]
    )
    sample = world.sample(20_000, random_state=0)
    x, second, third = sample.latents.transpose(2, 0, 1)
    probabilities, covariances = world.stationary()
    weights = {0: 1 - second - third, 1: second, 2: third}
    for at in (0, 1, 50, 99):
        for k, weight in weights.items():
            assert weight[:, at].mean() == pytest.approx(probabilities[k], abs=0.02)
            moment = (weight[:, at] * x[:, at] ** 2).mean()
            assert moment == pytest.approx(probabilities[k] * covariances[k, 0, 0], rel=0.12)


def test_each_regime_moves_by_its_own_law_and_stays_as_often_as_it_should():
    turn = np.array([[0.8, -0.5], [0.5, 0.8]])
    laws = [turn, -0.5 * turn, 0.3 * np.eye(2)]
    world = SwitchingLinearWorld(laws, np.eye(1, 2), Q=1e-12, R=0.25, transition=0.9)
    sample = world.sample(300, random_state=0)
    states, regimes = sample.latents[:, :, :2], sample.latents[:, :, 2:] @ [1, 2]
    assert sample.latent_names == ("x1", "x2", "regime 1", "regime 2")
    assert sample.X.shape == (300, 100)
    for k, law in enumerate(laws):
        here = regimes[:, 1:] == k
        moved = states[:, :-1][here] @ law.T
        assert states[:, 1:][here] == pytest.approx(moved, abs=1e-4)
        stays = (regimes[:, 1:] == k)[regimes[:, :-1] == k]
        assert stays.mean() == pytest.approx(0.9, abs=0.01)
    assert (sample.X - states[:, :, 0]).std() == pytest.approx(0.5, rel=0.02)


def test_with_one_regime_the_ceiling_is_the_kalman_filter():
    A = np.array([[0.9, 0.3], [-0.2, 0.7]])
    world = SwitchingLinearWorld([A], [1.0, 0.0], 0.5, 0.2, n_steps=30)
    X = world.sample(5, random_state=0).X
    same = LinearSystemWorld(A, [1.0, 0.0], 0.5, 0.2, 30, initial=world.stationary()[1][0])
    best = world.optimal_predictor()
    assert isinstance(best, KalmanPredictor)
    assert best.predict(X) == pytest.approx(same.optimal_predictor().predict(X))
    assert SwitchingLinearWorld().ceiling is None
    assert SwitchingLinearWorld().optimal_predictor() is None
