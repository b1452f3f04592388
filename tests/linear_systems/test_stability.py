"""The order that a stable prediction needs, by algebra and by the growth of the risk."""

import numpy as np
import pytest
from oracles import SYSTEMS, jordan
from scipy.linalg import block_diag

from sklearn_emerge import LinearSystemWorld
from sklearn_emerge.linear_systems import (
    PredictionRiskSweep,
    linear_filter_risk,
    orbit_dimension,
    shortest_stable_length,
)


@pytest.mark.parametrize("name", SYSTEMS)
def test_shortest_stable_lengths_by_algebra_and_by_growth(name):
    A, C, expected = SYSTEMS[name]
    assert shortest_stable_length(A, C) == expected
    world = LinearSystemWorld(A, C, 0.1, 1.0)
    # A filter of length 0 is the prediction of zero, which no predictor class needs.
    risks = [
        [linear_filter_risk(A, C, 0.1, 1.0, length, T) / T for T in (10**4, 10**5)]
        for length in range(5)
    ]
    exponents = [np.log10(late / early) for early, late in risks]
    assert int(np.argmax(np.array(exponents) < 0.5)) == expected
    sweep = PredictionRiskSweep(world, param_range=range(1, 5), horizons=[10**3, 10**4, 10**5])
    assert sweep.fit().shortest_stable_length_ == max(expected, 1)


@pytest.mark.parametrize(
    ("A", "C", "expected"),
    [
        (np.diag(1 + 0.1 * np.arange(8)), np.ones(8), 8),
        (jordan(30), np.eye(1, 30), 30),
        (1.0, 9e-5, 1),
        ([[1.0, 1e6], [0.0, 1.0]], [1.0, 0.0], 2),
        (np.diag([1.0, -1.0]), [[1e5, 0.0], [0.0, 1.0]], 1),
        (np.diag([1.0, 2.0, 1e5]), [1.0, 1.0, 1.0], 3),
    ],
)
def test_shortest_stable_length_of_many_modes_and_in_any_units(A, C, expected):
    assert shortest_stable_length(A, C) == expected


def test_shortest_stable_length_of_several_channels_and_of_rounded_eigenvalues():
    C = np.zeros((2, 4))
    C[0, 0] = C[1, 2] = 1
    assert shortest_stable_length(block_diag(jordan(2), 1.0), C[:, :3]) == 2
    assert shortest_stable_length(jordan(4), C) == 2
    rng = np.random.default_rng(0)
    P = rng.normal(size=(4, 4))
    mixed = P @ jordan(4) @ np.linalg.inv(P)
    assert shortest_stable_length(mixed, rng.normal(size=4), n_unstable=4) == 4
    with pytest.warns(UserWarning, match=r"modulus 0.99.*n_unstable="):
        shortest_stable_length(mixed, rng.normal(size=4))
    with pytest.raises(ValueError, match="n_unstable=5 exceeds the 4 states"):
        shortest_stable_length(mixed, rng.normal(size=4), n_unstable=5)
    with pytest.raises(ValueError, match="not detectable"):
        shortest_stable_length(np.eye(2), [1.0, 0.0])


@pytest.mark.parametrize(
    ("A", "dimension"),
    [
        (jordan(4), 12),
        (block_diag(jordan(2), jordan(2)), 8),
        (block_diag(jordan(3), 1.0), 10),
        (np.eye(4), 0),
        (np.eye(2), 0),
        (np.diag([1.0, 1.1]), 2),
        (0.5, 0),
    ],
)
def test_orbit_dimensions(A, dimension):
    assert orbit_dimension(A) == dimension
    if np.ndim(A):
        P = np.random.default_rng(0).normal(size=np.shape(A))
        assert orbit_dimension(P @ A @ np.linalg.inv(P)) == dimension


def test_an_orbit_needs_a_square_matrix():
    with pytest.raises(ValueError, match="A must be a number or a square"):
        orbit_dimension([[1.0, 2.0]])
