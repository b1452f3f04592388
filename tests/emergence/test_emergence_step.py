"""The update at which a capability emerged, where it is known."""

import numpy as np
import pytest
import xarray as xr

from sklearn_emerge import emergence_step


def test_emergence_step_needs_to_be_sustained():
    steps = [0, 1, 2, 4, 8, 16]
    rows = {
        "late": ([0, 1, 0, 1, 1, 1], 4),
        "at once": ([1, 1, 1, 0, 0, 0], 0),
        "never": ([0, 0, 1, 1, 0, 0], np.nan),
        "too late": ([0, 0, 0, 0, 1, 1], np.nan),
        "unknown": ([np.nan, 1, 1, 1, np.nan, np.nan], 1),
    }
    trajectory = xr.DataArray(
        [values for values, _ in rows.values()],
        dims=("seed", "step"),
        coords={"step": steps, "seed": list(rows)},
    )
    expected = [step for _, step in rows.values()]
    found = emergence_step(trajectory, 0.5)
    assert found.dims == ("seed",)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(emergence_step(-trajectory, -0.5, falling=True), expected)
    assert emergence_step(trajectory, 0.5, n_sustained=2).sel(seed="too late") == 8
    # Between them another measure was taken.
    at_some = trajectory.reindex(step=range(17))
    np.testing.assert_array_equal(emergence_step(at_some, 0.5), expected)
    assert emergence_step(trajectory * np.nan, 0.5).isnull().all()
    with pytest.raises(ValueError, match="has the dimensions seed, and no step"):
        emergence_step(trajectory.isel(step=0), 0.5)
    with pytest.raises(ValueError, match="'n_sustained' .* Got 0"):
        emergence_step(trajectory, 0.5, n_sustained=0)
