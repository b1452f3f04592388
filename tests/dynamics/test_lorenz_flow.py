"""The flow of Lorenz, and the method that integrates it."""

from functools import partial

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from sklearn_emerge.dynamics import (
    lorenz_flow,
    lorenz_jacobian,
    lorenz_rest_points,
    runge_kutta_rest_jacobian,
    runge_kutta_step,
)

FLOW = partial(lorenz_flow, sigma=10.0, rho=28.0, beta=8 / 3)
START = np.array([1.0, 2.0, 20.0])


def moved(state, duration, time_step):
    for _ in range(round(duration / time_step)):
        state = runge_kutta_step(FLOW, state, time_step)
    return state


def test_steps_equal_the_solution_of_scipy_and_are_of_fourth_order():
    options = dict(method="DOP853", rtol=1e-12, atol=1e-12)
    solution = solve_ivp(lambda t, state: FLOW(state), (0, 0.5), START, **options).y[:, -1]
    errors = [np.abs(moved(START, 0.5, step) - solution).max() for step in (0.01, 0.005, 0.0025)]
    assert errors[-1] < 1e-5
    # Half the step, one sixteenth of the error.
    assert np.divide(errors[:-1], errors[1:]) == pytest.approx(16, rel=0.1)


def test_the_flow_has_the_symmetry_of_lorenz():
    states = np.random.default_rng(0).normal(0, 10, (3, 50))
    turn = np.array([[-1.0], [-1.0], [1.0]])
    assert np.array_equal(FLOW(turn * states), turn * FLOW(states))
    assert np.array_equal(moved(turn * states, 1.0, 0.01), turn * moved(states, 1.0, 0.01))


def test_volumes_shrink_at_the_rate_that_the_flow_implies():
    # The trace of its Jacobian is -(sigma + 1 + beta), everywhere.
    nearby = START[:, np.newaxis] + 1e-5 * np.hstack([np.zeros((3, 1)), np.eye(3)])
    after = moved(nearby, 0.1, 0.001)
    volume = np.linalg.det((after[:, 1:] - after[:, :1]) / 1e-5)
    assert np.log(volume) / 0.1 == pytest.approx(-(10 + 1 + 8 / 3), rel=1e-3)


def test_errors_grow_at_the_known_largest_lyapunov_exponent():
    rng = np.random.default_rng(0)
    state = moved(rng.normal(10, 10, (3, 200)), 20, 0.0125)
    other = state + 1e-8 * rng.normal(size=state.shape)
    growth = []
    for _ in range(60):
        distance = np.linalg.norm(other - state, axis=0)
        other = state + 1e-8 * (other - state) / distance
        state, other = (
            moved(np.hstack([state, other]), 0.5, 0.0125).reshape(3, 2, -1).swapaxes(0, 1)
        )
        growth.append(np.log(np.linalg.norm(other - state, axis=0) / 1e-8))
    # The first directions are not yet those that grow; 5000 units of time in all.
    assert np.mean(growth[10:]) / 0.5 == pytest.approx(0.906, abs=0.02)


def test_the_jacobian_is_the_difference_of_velocities():
    state, law = np.array([1.0, -2.0, 20.0]), (10.0, 28.0, 8 / 3)
    beside = state[:, np.newaxis] + 1e-4 * np.eye(3)
    before = state[:, np.newaxis] - 1e-4 * np.eye(3)
    slope = (lorenz_flow(beside, *law) - lorenz_flow(before, *law)) / 2e-4
    assert slope == pytest.approx(lorenz_jacobian(state, *law), abs=1e-8)


def test_steps_beside_a_rest_point_are_those_of_its_jacobian():
    points = lorenz_rest_points(10.0, 28.0, 8 / 3)
    assert np.abs(FLOW(points.T)).max() < 1e-12
    for point in points:
        jacobian = lorenz_jacobian(point, 10.0, 28.0, 8 / 3)
        step = runge_kutta_rest_jacobian(jacobian, 0.05)
        sides = [
            runge_kutta_step(FLOW, point[:, np.newaxis] + h * np.eye(3), 0.05)
            for h in (1e-5, -1e-5)
        ]
        assert (sides[0] - sides[1]) / 2e-5 == pytest.approx(step, abs=1e-6)
        # Short steps are those of the flow.
        short = np.linalg.matrix_power(runge_kutta_rest_jacobian(jacobian, 0.001), 50)
        assert short == pytest.approx(expm(0.05 * jacobian), abs=1e-9)


@pytest.mark.parametrize(
    ("law", "state"),
    [((0.0, 28.0, 2.0), [1.0, 56 / 3, 28 / 3]), ((10.0, 28.0, 0.0), [0.0, 0.0, 5.0])],
)
def test_where_a_line_of_states_rests_there_are_no_points(law, state):
    assert lorenz_rest_points(*law) is None
    assert np.abs(lorenz_flow(np.array(state), *law)).max() < 1e-12
