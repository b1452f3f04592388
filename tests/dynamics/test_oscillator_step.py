"""One step of the oscillator, in polar coordinates."""

import numpy as np
import pytest

from sklearn_emerge.dynamics import (
    euler_cycle,
    euler_rest_jacobian,
    euler_step,
    frequencies_of,
)


def test_a_step_turns_by_the_frequency_and_pulls_to_the_circle():
    z = np.random.default_rng(0).normal(size=(20, 2)) @ [1, 1j]
    x, y = euler_step(z.real, z.imag, 2.0, 0.01)
    factor = 1 + 0.01 * (1 - np.abs(z) ** 2 + 2j)
    assert x + 1j * y == pytest.approx(factor * z)


def test_small_steps_end_on_the_circle_at_the_angle_of_the_flow():
    x, y = 0.1, 0.0
    for _ in range(20_000):
        x, y = euler_step(x, y, 0.3, 1e-3)
    assert np.hypot(x, y) == pytest.approx(1, abs=1e-3)
    assert np.angle(x + 1j * y) == pytest.approx(0.3 * 20 - 2 * np.pi, abs=1e-3)


def test_a_pair_of_frequencies_is_a_straight_line():
    assert frequencies_of(2, 3).tolist() == [2, 2, 2]
    assert frequencies_of((1, 2), 5).tolist() == [1, 1.25, 1.5, 1.75, 2]
    for omega in ((1, 2, 3), np.nan, (0, np.inf)):
        with pytest.raises(ValueError, match="neither a frequency nor a pair"):
            frequencies_of(omega, 5)


@pytest.mark.parametrize(("frequency", "time_step"), [(1.0, 0.05), (-2.0, 0.1), (0.3, 0.4)])
def test_steps_end_on_the_cycle_that_is_known_and_approach_it_at_its_rate(frequency, time_step):
    cycle = euler_cycle(frequency, time_step)
    x, y = 1e-2, 0.0
    for _ in range(2000):
        x, y = euler_step(x, y, frequency, time_step)
    assert np.hypot(x, y) == pytest.approx(cycle.radius, abs=1e-12)
    turned = np.angle(complex(*euler_step(x, y, frequency, time_step)) / complex(x, y))
    assert turned == pytest.approx(np.sign(frequency) * 2 * np.pi / cycle.period, abs=1e-12)
    beside = np.hypot(*euler_step(cycle.radius + 1e-6, 0.0, frequency, time_step))
    assert (beside - cycle.radius) / 1e-6 == pytest.approx(cycle.multiplier, abs=1e-5)


def test_the_cycle_of_the_paper_has_the_known_numbers():
    cycle = euler_cycle(1.0, 0.05)
    assert cycle.period == pytest.approx(125.611, abs=5e-4)
    assert cycle.radius == pytest.approx(1.01243, abs=5e-6)
    assert np.log(cycle.multiplier) == pytest.approx(-0.108001, abs=5e-7)


@pytest.mark.parametrize(("frequency", "time_step"), [(0.0, 0.05), (3.0, 0.5), (0.1, 1.2)])
def test_without_turning_or_with_long_steps_there_is_no_stable_cycle(frequency, time_step):
    assert euler_cycle(frequency, time_step) is None
    x, y = 0.9, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(500):
            x, y = euler_step(x, y, frequency, time_step)
        radii = []
        for _ in range(50):
            x, y = euler_step(x, y, frequency, time_step)
            radii.append(np.hypot(x, y))
    if frequency:
        assert not np.ptp(radii) < 1e-6
    else:
        assert (x, y) == pytest.approx((1.0, 0.0))
        assert euler_step(0.6, 0.8, frequency, time_step) == pytest.approx((0.6, 0.8))


def test_the_oscillator_leaves_rest_with_the_known_growth_and_angle():
    values = np.linalg.eigvals(euler_rest_jacobian(1.0, 0.05))
    assert np.abs(values) == pytest.approx(1.051190, abs=5e-7)
    assert np.log(np.abs(values)) == pytest.approx(0.049923, abs=5e-7)
    assert np.sort(np.angle(values)) == pytest.approx([-0.047583, 0.047583], abs=5e-7)
    x, y = euler_step(*(1e-9 * np.eye(2)), 1.0, 0.05)
    assert np.stack([x, y]) / 1e-9 == pytest.approx(euler_rest_jacobian(1.0, 0.05))
