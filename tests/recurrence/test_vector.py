"""Arrays of kernels lie where they are read fast, and what is made of them is right."""

import numpy as np
import pytest
from numba import njit
from torch import nn

from sklearn_emerge.recurrence import KINDS, LANES, Layout, aligned
from sklearn_emerge.recurrence._vector import add_products, multiply, multiply_and_fetch, transpose

_LINE = 64


@njit
def place_and_size(size, like):
    """Return where an array that compiled code makes begins, and its size."""
    array = aligned(size, like.dtype)
    array[:] = 1
    return array.ctypes.data, array.size


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 33, 100_000])
def test_arrays_begin_with_a_line_of_the_cache(size, dtype):
    array = aligned(size, dtype)
    assert (array.ctypes.data % _LINE, array.size, array.dtype) == (0, size, dtype)
    at, same = place_and_size(size, array)
    assert (at % _LINE, same) == (0, size)


@pytest.mark.parametrize("core", KINDS)
def test_states_of_every_task_do(core):
    layout = Layout(KINDS[core], 5, 2, 1)
    zs, saveds = layout.allocate(3, 7, np.float32)
    assert all(z.ctypes.data % _LINE == 0 for z in zs)
    assert len(saveds) == 3
    assert saveds.size == 0 if core is nn.RNN else all(s.ctypes.data % _LINE == 0 for s in saveds)


@njit
def transpose_and_add(out, factors, rows, turned):
    """Set `turned` to squares of rows, transposed, and add products with them to `out`."""
    n_steps, n_rows, _ = factors.shape
    flat, of_squares = turned.reshape(-1), rows.reshape(-1)
    transpose(flat, 0, of_squares, 0, n_steps)
    a = factors.reshape(-1)
    a_step, b_step = n_rows * LANES, LANES * LANES
    add_products(out.reshape(-1), 0, a, 0, a_step, flat, 0, b_step, n_rows, n_steps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_rows", [1, 5, 7, 13])
def test_products_with_transposed_squares_are_added(n_rows, dtype):
    rng = np.random.default_rng(0)
    out, factors, rows = (
        rng.normal(size=shape).astype(dtype)
        for shape in ((n_rows, LANES), (3, n_rows, LANES), (3, LANES, LANES))
    )
    before, turned = out.copy(), np.empty_like(rows)
    transpose_and_add(out, factors, rows, turned)
    np.testing.assert_array_equal(turned, rows.swapaxes(1, 2))
    expected = before + np.einsum("qrk,qck->rc", factors, rows)
    np.testing.assert_allclose(out, expected, atol=100 * np.finfo(dtype).eps)


@njit
def add_both_ways(out, other, factors, rows, soon, n_soon):
    """Add a product to `out` and to `other`, to the latter while numbers are fetched.

    Which ones these are changes time alone, and is not seen here.
    """
    n_rows, n_terms = len(factors), len(rows)
    a, b, stride = factors.reshape(-1), rows.reshape(-1), factors.shape[1]
    multiply(out.reshape(-1), 0, a, 1, stride, b, 0, n_rows, n_terms, 1)
    multiply_and_fetch(
        other.reshape(-1), 0, a, 1, stride, b, 0, n_rows, n_terms, soon, len(soon) - n_soon, n_soon
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_soon", [0, 5, 10_000])
def test_products_are_the_same_while_numbers_are_fetched(n_soon, dtype):
    rng = np.random.default_rng(0)
    out, factors, rows, soon = (
        rng.normal(size=shape).astype(dtype)
        for shape in ((15, LANES), (15, 9), (7, LANES), n_soon + 3)
    )
    expected, other = out + factors[:, 1:8] @ rows, out.copy()
    add_both_ways(out, other, factors, rows, soon, n_soon)
    np.testing.assert_array_equal(other, out)
    np.testing.assert_allclose(other, expected, atol=100 * np.finfo(dtype).eps)
    assert all("llvm.prefetch" in code for code in add_both_ways.inspect_llvm().values())
