"""Long-run moments of linear systems that take turns."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from sklearn_emerge.dynamics import check_transitions, switching_moments

TURN = np.array([[0.8, -0.5], [0.5, 0.8]])


def test_one_regime_has_the_covariance_of_a_linear_system():
    A = np.array([[0.9, 0.3], [-0.2, 0.7]])
    Q = np.array([[1.0, 0.2], [0.2, 0.5]])
    probabilities, covariances = switching_moments(*check_transitions([A], 0.3), Q)
    assert probabilities == pytest.approx(1)
    assert covariances[0] == pytest.approx(solve_discrete_lyapunov(A, Q))


def test_moments_are_those_that_iteration_settles_at():
    A, transition = check_transitions(
        [0.9 * TURN, 1.05 * np.eye(2), -0.5 * TURN.T],
        [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.0, 0.9]],
    )
    Q = np.diag([1.0, 0.1])
    chances, moments = np.full(3, 1 / 3), np.zeros((3, 2, 2))
    for _ in range(3000):
        chances = chances @ transition
        before = np.tensordot(transition.T, moments, 1)
        moments = A @ before @ A.swapaxes(1, 2) + chances[:, np.newaxis, np.newaxis] * Q
    probabilities, covariances = switching_moments(A, transition, Q)
    assert probabilities == pytest.approx(chances)
    assert covariances * probabilities[:, np.newaxis, np.newaxis] == pytest.approx(moments)


def test_independent_regimes_have_the_variance_of_a_random_coefficient():
    # x' = a x + w with a of +-0.9 and 0.3 at even chances: variance q / (1 - E[a^2]).
    A, transition = check_transitions([0.9, 0.3], 0.5)
    probabilities, covariances = switching_moments(A, transition, np.array([[2.0]]))
    variance = 2 / (1 - (0.81 + 0.09) / 2)
    assert probabilities @ covariances[:, 0, 0] == pytest.approx(variance)


def test_a_number_is_the_probability_that_a_regime_stays():
    _, transition = check_transitions([0.1, 0.2, 0.3], 0.9)
    assert transition == pytest.approx(np.full((3, 3), 0.05) + 0.85 * np.eye(3))
    assert check_transitions([0.5], 0.0)[1].tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("A", "transition", "message"),
    [
        (0.9, 0.9, r"A=0\.9 must be numbers.*pass \[A\]"),
        ([[0.9, 0.1]], 0.9, "square matrices, one a regime"),
        (np.zeros((2, 1, 2)), 0.9, "A must be a number or a square matrix"),
        ([0.9, 0.5], 1.5, r"transition=1\.5 must be the probability"),
        ([0.9, 0.5], np.eye(3), r"shape \(2, 2\), a row and a column for each regime"),
        ([0.9, 0.5], [[0.5, 0.4], [0.5, 0.5]], "rows are probabilities that sum to 1"),
        ([0.9, 0.5], [[1.5, -0.5], [0.5, 0.5]], "rows are probabilities that sum to 1"),
    ],
)
def test_regimes_that_do_not_fit_are_refused(A, transition, message):
    with pytest.raises(ValueError, match=message):
        check_transitions(A, transition)


@pytest.mark.parametrize(
    ("A", "transition", "message"),
    [
        ([0.9, 0.5], 1.0, "regimes that are never left"),
        ([0.9, 0.5], [[0.5, 0.5], [0.0, 1.0]], "do not come back"),
        ([1.0, -1.0], 0.9, "variance of the state grows without bound"),
        ([1.5, 0.1], 0.9, r"by 2\.0\d+, which must be below 1"),
    ],
)
def test_systems_without_a_long_run_are_refused(A, transition, message):
    A, transition = check_transitions(A, transition)
    with pytest.raises(ValueError, match=message):
        switching_moments(A, transition, np.eye(1))


def test_a_regime_that_grows_is_allowed_if_it_is_left_soon_enough():
    A, transition = check_transitions([1.05, 0.1], 0.5)
    assert (switching_moments(A, transition, np.eye(1))[1] > 1).all()
