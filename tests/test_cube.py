"""Cubes survive their files, and files are whole or absent."""

import os
from functools import partial

import pytest
import xarray as xr

from sklearn_emerge import load_cube
from sklearn_emerge._files import write_atomically
from sklearn_emerge.assessment._cube import describe, save_cube


def test_cube_survives_netcdf_identically(fitted, tmp_path):
    path = tmp_path / "results" / "cube.nc"
    fitted.to_netcdf(path)
    restored = load_cube(path)
    xr.testing.assert_identical(restored, fitted.cube_)
    assert restored.attrs == fitted.cube_.attrs
    for name, variable in fitted.cube_.variables.items():
        assert restored[name].attrs == variable.attrs
    save_cube(restored, tmp_path / "again.nc")
    xr.testing.assert_identical(load_cube(tmp_path / "again.nc"), fitted.cube_)


def test_single_configuration_survives_too(fitted_single, tmp_path):
    fitted_single.to_netcdf(tmp_path / "cube.nc")
    xr.testing.assert_identical(load_cube(tmp_path / "cube.nc"), fitted_single.cube_)


def test_plain_xarray_reads_the_file(fitted, tmp_path):
    fitted.to_netcdf(tmp_path / "cube.nc")
    with xr.open_dataset(tmp_path / "cube.nc") as cube:
        assert cube.fit_seconds.dtype.kind == "f"
        xr.testing.assert_equal(cube.delta_nll, fitted.cube_.delta_nll)


def test_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_new_file_has_ordinary_permissions(tmp_path):
    write_atomically(tmp_path / "file", lambda temporary: temporary.write_text("x"))
    (tmp_path / "plain").write_text("x")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_unwritable_path_is_named(fitted, tmp_path):
    with pytest.raises(OSError, match="cannot be written.*Choose a file"):
        fitted.to_netcdf(tmp_path)
    with pytest.raises(OSError, match="cannot be written"):
        fitted.to_netcdf("/proc/none/cube.nc")


def test_description_is_plain_data():
    import numpy as np

    assert describe(partial(np.clip, 3, a_max=4)) == {
        "type": "partial", "function": "numpy.clip", "args": [3], "keywords": {"a_max": 4},
    }  # fmt: skip
    assert describe({"a": np.float64(1.5), "b": (1, None), "c": np.zeros((2, 3))}) == {
        "a": 1.5, "b": [1, None], "c": {"type": "array", "shape": [2, 3], "dtype": "float64"},
    }  # fmt: skip
