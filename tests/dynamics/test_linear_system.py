"""Linear systems: filters in closed form, and what observations see."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_are

from sklearn_emerge.dynamics import (
    check_covariance,
    check_detectable,
    check_observation,
    check_system,
    check_transition,
    memory_radius,
    observability,
    persistent_modes,
    steady_filter,
)

ONE = np.eye(1)


@pytest.mark.parametrize("a", [0.3, 0.7, 1.0, -1.0, 1.2])
@pytest.mark.parametrize("q", [0.1, 2.0])
def test_the_filter_of_one_state_solves_a_quadratic_equation(a, q):
    r = 0.5
    steady = steady_filter(a * ONE, ONE, q * ONE, r * ONE)
    # P = a^2 P r / (P + r) + q.
    b = r * (1 - a**2) - q
    P = (-b + np.sqrt(b**2 + 4 * q * r)) / 2
    assert steady.covariance.item() == pytest.approx(P)
    assert steady.innovation_covariance.item() == pytest.approx(P + r)
    assert steady.gain.item() == pytest.approx(a * P / (P + r))
    assert steady.radius == pytest.approx(abs(a) * r / (P + r))
    assert memory_radius(a * ONE, ONE, steady.gain) == pytest.approx(steady.radius)


def test_the_filter_of_several_states_is_stable_and_its_covariance_stays():
    A, C = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.0]])
    Q, R = np.diag([0.1, 0.2]), 2 * ONE
    steady = steady_filter(A, C, Q, R)
    P = steady.covariance
    assert pytest.approx(P) == solve_discrete_are(A.T, C.T, Q, R)
    assert (A - steady.gain @ C) @ P @ A.T + Q == pytest.approx(P)
    assert steady.radius == pytest.approx(np.abs(np.linalg.eigvals(A - steady.gain @ C)).max())
    assert steady.radius < 1


def test_what_the_gain_does_not_reach_is_no_memory():
    # The second state gets no noise and dies out by itself, more slowly than the filter forgets.
    A, C = np.diag([0.5, 0.99]), np.array([[1.0, 1.0]])
    steady = steady_filter(A, C, np.diag([1.0, 0.0]), ONE)
    assert steady.radius == pytest.approx(0.99)
    assert memory_radius(A, C, steady.gain) < 0.5


def test_a_filter_without_gain_has_no_memory():
    """States that are drawn anew at each step leave nothing to filter: there 0/0 was computed."""
    A, C = np.zeros((1, 1)), ONE
    steady = steady_filter(A, C, ONE, ONE)
    assert not steady.gain.any()
    assert memory_radius(A, C, steady.gain) == 0.0


def test_observability_is_the_rank_of_what_is_seen():
    chain = np.eye(4) + np.diag(np.ones(3), 1)
    first, last = np.eye(4)[:1], np.eye(4)[3:]
    assert observability(chain, first) == (4, 4)
    assert observability(chain, last) == (1, 1)
    assert observability(chain, np.eye(4)) == (4, 1)
    # Units do not matter.
    assert observability(1e6 * chain, 1e-9 * first) == (4, 4)


def test_modes_that_do_not_decay_are_found_with_what_is_seen_of_them():
    A, C = np.diag([0.5, 1.0, -1.1]), np.array([[1.0, 2.0, 3.0]])
    modes, seen = persistent_modes(A, C)
    assert sorted(np.diag(modes).real) == pytest.approx([-1.1, 1.0])
    assert sorted(np.abs(seen).ravel()) == pytest.approx([2, 3])
    check_detectable(A, C)
    # What decays need not be seen.
    check_detectable(A, np.array([[0.0, 2.0, 3.0]]))
    with pytest.raises(ValueError, match=r"not detectable: A has modes .*Observe them through C"):
        check_detectable(A, np.array([[1.0, 0.0, 3.0]]))


def test_a_filter_without_noise_has_no_steady_state():
    with pytest.raises(ValueError, match="no steady state.*Add noise to that mode in Q"):
        steady_filter(ONE, ONE, 0 * ONE, ONE)


def test_numbers_are_matrices_of_the_size_that_is_needed():
    A, C, Q, R = check_system([[0.5, 0.1], [0.0, 0.5]], 2.0, 0.1, 3.0)
    assert A.tolist() == [[0.5, 0.1], [0.0, 0.5]]
    assert (2 * np.eye(2) == C).all()
    assert (0.1 * np.eye(2) == Q).all()
    assert (3 * np.eye(2) == R).all()
    assert check_observation([1.0, 0.0], 2).shape == (1, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_transition([[1.0, 2.0]]), "A must be a number or a square matrix"),
        (lambda: check_transition(np.nan), "A must be a finite number"),
        (lambda: check_observation([[1.0]], 2), r"one column for each of the 2 states"),
        (lambda: check_covariance([[1.0]], 2, "Q"), r"Q must be a number or a matrix of .*\(2, 2"),
        (lambda: check_covariance(-1.0, 2, "R"), "R=-1.0 is not a covariance"),
        (lambda: check_covariance([[1, 0.5], [0, 1]], 2, "Q"), "not a covariance.*symmetric"),
        (lambda: check_system(0.5, 1.0, 1.0, 1.0, n_channels=2), "C has 1 rows.*2 channels"),
    ],
)
def test_what_is_no_system_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
