"""Arrays of kernels lie where they are read fast."""

import numpy as np
import pytest
from numba import njit
from torch import nn

from sklearn_emerge.recurrence import KINDS, Layout, aligned

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
