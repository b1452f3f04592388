"""Lyapunov exponents against those that are known."""

import numpy as np
import pytest
import torch
from known import known_predictor, oscillator_predictor
from sklearn.exceptions import NotFittedError
from torch import nn

from sklearn_emerge import (
    AutoregressivePredictor,
    GRUPredictor,
    LinearSystemWorld,
    OscillatorWorld,
    RNNPredictor,
)
from sklearn_emerge.dynamics import euler_cycle, steady_filter
from sklearn_emerge.networks import cell_of
from sklearn_emerge.operators import lyapunov_exponents, lyapunov_spectrum

WORLD = OscillatorWorld(n_steps=64)
X = WORLD.sample(40, random_state=0).X


@pytest.fixture(scope="module")
def gru():
    return GRUPredictor(5, max_steps=20, time_channel=None, random_state=0).fit(X)


def test_the_map_of_henon():
    """From many starts, behind the transient."""
    x, y = np.random.default_rng(0).uniform(0, 0.1, size=(2, 400))
    jacobians = np.zeros((400, 600, 2, 2))
    jacobians[:, :, 0, 1], jacobians[:, :, 1, 0] = 1.0, 0.3
    for t in range(600):
        jacobians[:, t, 0, 0] = -2.8 * x
        x, y = 1 - 1.4 * x**2 + y, 0.3 * x
    found = lyapunov_exponents(jacobians, n_burn_in=100, random_state=0)
    assert found.dims == ("sequence", "exponent")
    assert np.abs(found.mean("sequence") - [0.4192, -1.6232]).max() < 2e-3
    # The determinant is the same everywhere.
    assert np.abs(found.sum("exponent") - np.log(0.3)).max() < 1e-14


def test_exponents_of_a_matrix_are_those_of_its_eigenvalues():
    """Of a random one, from any start; the largest alone are the same."""
    A = np.random.default_rng(0).normal(size=(4, 4)) / 2
    expected = np.sort(np.log(np.abs(np.linalg.eigvals(A))))[::-1]
    jacobians = np.broadcast_to(A, (3, 6000, 4, 4))
    found = lyapunov_exponents(jacobians, n_burn_in=500, random_state=0)
    assert np.abs(found - expected).max() < 2e-3
    leading = lyapunov_exponents(jacobians, n_exponents=2, n_burn_in=500, random_state=0)
    assert np.abs(leading - expected[:2]).max() < 2e-3


def test_directions_that_are_lost_have_minus_infinity():
    """An LSTM without weights halves its memory; what rounding leaves of the rest is nothing."""
    core = nn.LSTM(1, 3, batch_first=True)
    with torch.no_grad():
        for weights in core.parameters():
            weights.zero_()
    state = np.random.default_rng(0).normal(size=(2, 6))
    J = cell_of(core).jacobian(state, np.ones((2, 1)))[0]
    found = lyapunov_exponents(np.stack([J] * 30, axis=1), n_burn_in=20, random_state=0)
    assert np.allclose(found[:, :3], np.log(0.5), rtol=1e-12)
    assert (found[:, 3:] == -np.inf).all()
    # What is small, and not lost, is seen.
    small = np.stack([np.diag([1.0, 1e-12])] * 9)
    found = lyapunov_exponents(small, n_burn_in=2, random_state=0)
    assert np.allclose(found, [[0.0, np.log(1e-12)]], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("loop", ["driven", "closed"])
def test_the_sum_is_the_mean_logarithm_of_the_determinant(gru, loop):
    seen = X[:8]
    if loop == "closed":
        # Behind a prompt it is its rollout that it sees.
        seen = np.concatenate([X[:8, :4], gru.rollout(X[:8, :4], 60)], axis=1)
    given, n_steps = (seen[:, :4], 50) if loop == "closed" else (seen, None)
    options = dict(loop=loop, n_steps=n_steps, n_burn_in=10, random_state=0)
    found = lyapunov_spectrum(gru, given, **options)
    J = gru.jacobians(seen, loop=loop)[:, 14 if loop == "closed" else 10 :]
    expected = np.linalg.slogdet(J)[1].mean(axis=1)
    assert np.allclose(found.sum("exponent"), expected, rtol=1e-12, atol=1e-12)
    assert (found.n_burn_in, found.n_steps) == (10, J.shape[1])
    assert (found.diff("exponent") <= 0).all()


def test_a_gru_without_weights_halves():
    model = GRUPredictor(4, max_steps=0, time_channel=None, random_state=0).fit(X)
    with torch.no_grad():
        for weights in model.network_.core.parameters():
            weights.zero_()
    assert np.allclose(lyapunov_spectrum(model, X[:3], random_state=0), np.log(0.5), rtol=1e-13)


def test_a_kalman_filter_forgets_and_its_closed_loop_is_the_world():
    """Driven it has the eigenvalues of A - A K C, in closed loop those of A."""
    cosine, sine = np.cos(0.05), np.sin(0.05)
    A = 0.999 * np.array([[cosine, -sine], [sine, cosine]])
    C = np.array([[1.0, 0.0]])
    P = steady_filter(A, C, 1e-4 * np.eye(2), np.array([[0.0025]])).covariance
    K = P @ C.T / (C @ P @ C.T + 0.0025)
    transition, gain = torch.from_numpy(A), torch.from_numpy(K)
    world = LinearSystemWorld(A, C, 1e-4, 0.0025, n_steps=100)
    sample = world.sample(20, random_state=0).X

    def update(state, x):
        seen = state + (x - state[:, :1]) @ gain.T
        return seen @ transition.T

    model = known_predictor(update, 2, sample, C)
    driven = model.jacobians(sample)[0, -1]
    assert np.allclose(driven, A @ (np.eye(2) - K @ C), atol=1e-14)
    modulus = np.sort(np.abs(np.linalg.eigvals(driven)))
    assert np.abs(modulus - [0.8373, 0.9437]).max() < 5e-5
    found = lyapunov_spectrum(model, sample, random_state=0).mean("sequence")
    assert np.allclose(found, np.log(modulus[::-1]), atol=2e-3)
    closed = model.jacobians(sample, loop="closed")
    assert np.abs(closed - A).max() < 1e-14
    found = lyapunov_spectrum(model, sample, loop="closed", random_state=0)
    assert np.allclose(found, np.log(0.999), atol=1e-12)


def test_a_network_that_is_the_oscillator_has_its_exponents():
    """On the cycle: none along it, and ln(1 - 2 h r^2 c) across it."""

    model = oscillator_predictor(X)
    options = dict(loop="closed", n_steps=126, n_burn_in=300, random_state=0)
    found = lyapunov_spectrum(model, X[:2], **options).mean("sequence")
    assert np.abs(found - [0.0, np.log(euler_cycle(1.0, 0.05).multiplier)]).max() < 5e-4
    assert abs(found[1] + 0.108001) < 5e-4


def test_exponents_are_those_of_the_stream(gru):
    first, again = (lyapunov_spectrum(gru, X[:5], random_state=0) for _ in range(2))
    assert first.equals(again)
    # Sequences have directions of their own.
    assert first[:2].equals(lyapunov_spectrum(gru, X[:2], random_state=0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(loop="open"), "loop='open' must be 'driven' or 'closed'"),
        (dict(n_exponents=9), "n_exponents=9, but states have 5 numbers"),
        (dict(n_exponents=0), "n_exponents=0 must be an integer of at least 1"),
        (dict(n_burn_in=64), "64 steps and n_burn_in=64, so that 0 are left"),
        (dict(n_burn_in=60, n_steps=5), "4 are left to average over, and not n_steps=5"),
        (dict(n_burn_in=-1), "n_burn_in=-1 must be an integer of at least 0"),
        (dict(n_steps=0), "n_steps=0 must be an integer of at least 1"),
        (dict(clock=0.5), "clock=0.5 is that of the closed loop"),
    ],
)
def test_arguments_are_checked(gru, arguments, message):
    with pytest.raises(ValueError, match=message):
        lyapunov_spectrum(gru, X, **arguments)


def test_what_cannot_be_measured_says_why(gru):
    with pytest.raises(ValueError, match="AutoregressivePredictor does not go on from a state"):
        lyapunov_spectrum(AutoregressivePredictor(2).fit(X), X)
    with pytest.raises(ValueError, match="model=3 is no predictor; pass a fitted one"):
        lyapunov_spectrum(3, X)
    with pytest.raises(NotFittedError):
        lyapunov_spectrum(RNNPredictor(), X)
    clocked = RNNPredictor(2, max_steps=0, random_state=0).fit(X)
    with pytest.raises(ValueError, match="beyond the 64 of training.*clock=0.5"):
        lyapunov_spectrum(clocked, X, loop="closed")
    assert lyapunov_spectrum(clocked, X[:2], loop="closed", clock=0.5).shape == (2, 2)
    with pytest.raises(ValueError, match=r"jacobians has shape \(3, 2\); pass matrices"):
        lyapunov_exponents(np.ones((3, 2)))
    with pytest.raises(ValueError, match="jacobians has values that are not finite"):
        lyapunov_exponents(np.full((3, 2, 2), np.nan))
