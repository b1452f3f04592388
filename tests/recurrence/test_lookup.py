"""Rows of a table that lanes choose."""

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from sklearn_emerge.recurrence._lookup import gather
from sklearn_emerge.recurrence._vector import LANES


@njit
def gathered(out, places, table, rows):
    gather(out, places, table.reshape(-1), rows, table.shape[1])


def test_whole_vectors_are_gathered_and_the_rest_is_left():
    rng = np.random.default_rng(0)
    table, rows = rng.normal(size=(5, 39)), rng.integers(5, size=LANES)
    for dtype in (np.float32, np.float64):
        width = 64 // np.dtype(dtype).itemsize
        n_gathered = 39 // width * width
        out, places = np.zeros((50, LANES), dtype), rng.permutation(50)[:39]
        gathered(out.reshape(-1), LANES * places, table.astype(dtype), rows)
        expected = np.zeros_like(out)
        expected[places[:n_gathered]] = table[rows, :n_gathered].T
        np.testing.assert_array_equal(out, expected)


def test_numbers_of_another_precision_are_refused():
    out, places, rows = np.zeros(16 * LANES, np.float32), np.arange(16), np.zeros(LANES, int)
    with pytest.raises(TypingError, match="rows of float64 and lanes of float32"):
        gathered(out, LANES * places, np.zeros((1, 16)), rows)
