"""One step of the oscillator, in polar coordinates."""

import numpy as np
import pytest

from sklearn_emerge.dynamics import euler_step, frequencies_of


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
