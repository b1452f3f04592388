"""Cubes survive their files, and files are whole or absent."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from damage import flip

from sklearn_emerge import load_cube
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


def test_order_of_variables_and_attributes_stays(fitted, tmp_path):
    fitted.to_netcdf(tmp_path / "cube.nc")
    restored = load_cube(tmp_path / "cube.nc")
    assert list(restored.data_vars) == list(fitted.cube_.data_vars)
    assert list(restored.attrs) == list(fitted.cube_.attrs)


def test_other_programs_can_add_to_the_file(fitted, tmp_path):
    path = tmp_path / "cube.nc"
    fitted.to_netcdf(path)
    xr.Dataset({"added": ("x", np.arange(3.0))}).to_netcdf(path, mode="a")
    with xr.open_dataset(path) as cube:
        assert cube.added.values.tolist() == [0, 1, 2]
        xr.testing.assert_equal(cube.delta_nll, fitted.cube_.delta_nll)


def test_a_file_that_cannot_be_read_back_does_not_replace_another(fitted, tmp_path, monkeypatch):
    path, written = tmp_path / "cube.nc", xr.Dataset.to_netcdf
    path.write_text("before")

    def half(cube, file, **options):
        written(cube, file, **options)
        os.truncate(file, file.stat().st_size // 2)

    monkeypatch.setattr(xr.Dataset, "to_netcdf", half)
    with pytest.raises(OSError, match=r"cube.nc' cannot be written.*read back.*make room"):
        save_cube(fitted.cube_, path)
    assert [file.name for file in tmp_path.iterdir()] == ["cube.nc"]
    assert path.read_text() == "before"


def test_unwritable_path_is_named(fitted, tmp_path):
    with pytest.raises(OSError, match="cannot be written.*Choose a file"):
        fitted.to_netcdf(tmp_path)
    with pytest.raises(OSError, match="cannot be written"):
        fitted.to_netcdf("/proc/none/cube.nc")


def test_description_is_plain_data():
    assert describe(partial(np.clip, 3, a_max=4)) == {
        "type": "partial",
        "function": "numpy.clip",
        "args": [3],
        "keywords": {"a_max": 4},
    }
    assert describe({"a": np.float64(1.5), "b": (1, None), "c": np.zeros((2, 3))}) == {
        "a": 1.5,
        "b": [1, None],
        "c": {
            "type": "array",
            "shape": [2, 3],
            "dtype": "float64",
            "sha256": sha256(bytes(48)).hexdigest()[:16],
        },
    }


def test_a_flipped_bit_of_a_file_is_not_used(fitted, tmp_path):
    path, rng = tmp_path / "cube.nc", np.random.default_rng(0)
    fitted.to_netcdf(path)
    whole, messages = path.read_bytes(), []
    for bit in rng.integers(8 * len(whole), size=150).tolist():
        path.write_bytes(whole)
        flip(path, bit)
        try:
            cube = load_cube(path)
        except ValueError as error:
            messages.append(str(error))
        else:
            # It is one of those that say that there is a checksum.
            xr.testing.assert_identical(cube, fitted.cube_)
    assert len(messages) >= 148
    assert all("it is damaged" in message for message in messages)


def test_files_without_a_checksum_are_read(fitted, tmp_path):
    fitted.cube_.to_netcdf(tmp_path / "plain.nc")
    xr.testing.assert_identical(load_cube(tmp_path / "plain.nc"), fitted.cube_)
    for path in Path("datasets/cubes").glob("*.nc"):
        assert load_cube(path).sizes["seed"]


@pytest.mark.slow
def test_threads_may_read_at_once(fitted_single, tmp_path):
    """netCDF itself does not allow it, and ends Python."""
    fitted_single.to_netcdf(tmp_path / "cube.nc")
    with ThreadPoolExecutor(4) as pool:
        cubes = list(pool.map(load_cube, [tmp_path / "cube.nc"] * 40))
    assert all(cube.identical(fitted_single.cube_) for cube in cubes)


def test_large_cubes_are_compressed(fitted_single, tmp_path):
    long = fitted_single.cube_.assign(nll_trajectory=(("mode", "step"), np.ones((3, 100_000))))
    save_cube(long, tmp_path / "cube.nc")
    assert (tmp_path / "cube.nc").stat().st_size < 200_000
    xr.testing.assert_identical(load_cube(tmp_path / "cube.nc"), long)


# What is wrong with a cube, and what is said of it.
WRONG = {
    "text": (lambda cube: cube.assign(nll=cube.nll.astype(str)), "nll is not of numbers"),
    "numbers": (lambda cube: cube.assign(verdict=((), 1.0)), "verdict is not of text"),
    "scalar": (lambda cube: cube.assign(nll=cube.nll.mean()), r"dimensions \(\)"),
    "other dimensions": (lambda cube: cube.assign(p_value=cube.nll), "p_value has the dimensions"),
    "no seeds": (lambda cube: cube.isel(seed=[]), "no coordinate seed"),
    "no seed": (lambda cube: cube.drop_vars("seed"), "no coordinate seed"),
    "no mode": (lambda cube: cube.drop_vars("mode"), "no coordinate mode"),
    "named seeds": (lambda cube: cube.assign_coords(seed=["a", "b"]), "seed is not of integers"),
    "numbered modes": (lambda cube: cube.assign_coords(mode=[0, 1, 2]), "mode is not of text"),
    "no interval": (lambda cube: cube.drop_vars("ci_low"), "no variable ci_low"),
    "no gain": (lambda cube: cube.drop_vars("delta_nll"), "no variable delta_nll"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_cube(fitted_single, tmp_path, name):
    spoil, message = WRONG[name]
    spoil(fitted_single.cube_).to_netcdf(tmp_path / "cube.nc")
    with pytest.raises(ValueError, match=f"cube.nc' is not a cube .*{message}.*to_netcdf"):
        load_cube(tmp_path / "cube.nc")


def compound(file):
    kind = file.createCompoundType(np.dtype([("a", "f8"), ("b", "f8")]), "pair")
    file.renameVariable("nll", "other")
    file.createVariable("nll", kind, file["other"].dimensions)


def ragged(file):
    file.renameVariable("nll", "other")
    file.createVariable("nll", file.createVLType(np.float64, "row"), file["other"].dimensions)


def declared(*sizes):
    def change(file):
        for i, size in enumerate(sizes):
            file.createDimension(f"long_{i}", size)
            # A coordinate, which would be read at once.
            file.createVariable(f"long_{i}", "f8", (f"long_{i}",))

    return change


@pytest.mark.parametrize(
    "change",
    [
        compound,
        ragged,
        declared(10**9),
        declared(10**12),
        declared(*[3 * 10**8] * 6),
        lambda file: file["nll"].setncattr("scale_factor", "x"),
    ],
)
def test_what_netcdf_can_hold_and_cubes_do_not(fitted_single, tmp_path, change):
    path = tmp_path / "cube.nc"
    fitted_single.cube_.to_netcdf(path)
    with netCDF4.Dataset(path, "a") as file:
        change(file)
    with pytest.raises(ValueError, match="cube.nc' (is not a cube|cannot be read).*to_netcdf"):
        load_cube(path)


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(ValueError, match="no regular file.*to_netcdf"):
            load_cube(path)


def test_a_cube_without_its_checksum_is_told(fitted_single, tmp_path):
    path = tmp_path / "cube.nc"
    fitted_single.to_netcdf(path)
    assert "checksum" not in load_cube(path).attrs
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:-40], whole.replace(b"sklearn_emerge sha256", b"s" * 21)):
        path.write_bytes(content)
        with pytest.warns(UserWarning, match="cube.nc.*has none: it has been cut"):
            load_cube(path)
