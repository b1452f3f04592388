"""Formulas of rows of lanes are right but for rounding, whatever the options of a kernel."""

import numpy as np
import pytest
from numba import njit

from sklearn_emerge.recurrence import LANES
from sklearn_emerge.recurrence._compile import ARITHMETIC
from sklearn_emerge.recurrence._pointwise import exponential_of, pointwise, sigmoid_of, tanh_of


def computed(function, x, options):
    """Return a formula of numbers, by a kernel."""

    @pointwise
    def apply(source, target):
        target[0] = function(source[0])

    @njit(**options)
    def run(x, y):
        apply(x.size, (x, y), (0, 0))

    y = np.empty_like(x)
    run(x, y)
    return y


@pytest.mark.parametrize("options", [{}, ARITHMETIC], ids=["exact", "fast"])
@pytest.mark.parametrize(
    ("dtype", "error"), [(np.float32, 5e-7), (np.float64, 4e-15)], ids=["single", "double"]
)
def test_formulas(dtype, error, options):
    x = np.linspace(-30, 30, 200 * LANES).astype(dtype)
    exact = x.astype(float)
    tanh, sigmoid = (computed(each, x, options) for each in (tanh_of, sigmoid_of))
    np.testing.assert_allclose(tanh, np.tanh(exact), rtol=error)
    # Of an absolute size: what is added to a half is rounded as this is.
    np.testing.assert_allclose(sigmoid, 1 / (1 + np.exp(-exact)), rtol=0, atol=error)
    exponential = computed(exponential_of, x[x <= 0], options)
    np.testing.assert_allclose(exponential, np.exp(exact[x <= 0]), rtol=error)


@pytest.mark.parametrize("function", [tanh_of, sigmoid_of])
def test_far_away_they_are_at_their_ends(function):
    x = np.tile(np.array([-1e30, 1e30], np.float32), LANES)
    found = computed(function, x, ARITHMETIC).reshape(-1, 2)
    ends = (-1, 1) if function is tanh_of else (0, 1)
    np.testing.assert_allclose(found, np.broadcast_to(ends, found.shape), atol=5e-7)
