"""Files of recordings: the same data in each format is the same world; what is damaged is not."""

import gzip
import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import small_assessment
from scipy.io import savemat

from sklearn_emerge import ArrayWorld, read_recordings
from sklearn_emerge.worlds._formats import ENDINGS

RNG = np.random.default_rng(0)
N, T = 24, 12
X = RNG.normal(size=(N, T))
POSITION = RNG.normal(size=(N, T))
SIDE = np.arange(N) % 2
ANIMAL = np.repeat(list("abcdefgh"), 3)
SERIES = np.convolve(RNG.normal(size=1204), np.ones(5), "valid")
DATA = xr.Dataset(
    # Dimensions in an order that names alone tell.
    {
        "rate": (("time", "trial"), X.T, {"units": "Hz"}),
        "position": (("trial", "time"), POSITION, {"units": "cm"}),
        "side": ("trial", SIDE),
    },
    {"time": ("time", 0.02 * np.arange(T), {"units": "s"}), "animal": ("trial", ANIMAL)},
)
ARRAYS = {"rate": X, "position": POSITION, "side": SIDE, "animal": ANIMAL}
LONG = DATA.to_dataframe().reset_index()
OPTIONS = {"variable": "rate", "latents": "position", "groups": "animal"}


def as_netcdf(path):
    DATA.to_netcdf(path, engine="netcdf4")


def as_long(path):
    LONG.sample(frac=1, random_state=0).sort_values("trial", kind="stable").to_csv(path)


FORMS = {
    "a.npz": (lambda path: np.savez(path, **ARRAYS), {}),
    "b.npz": (lambda path: np.savez_compressed(path, **ARRAYS), {}),
    "a.nc": (as_netcdf, {}),
    "classic.nc": (lambda path: DATA.to_netcdf(path, format="NETCDF3_CLASSIC"), {}),
    "a.h5": (as_netcdf, {}),
    "a.hdf5": (as_netcdf, {}),
    "a.mat": (lambda path: savemat(path, ARRAYS), {}),
    "long.csv": (as_long, {"id": "trial", "time": "time"}),
    "long.csv.gz": (as_long, {"id": "trial", "time": "time"}),
}


def parts_of(world):
    return [part for pair in world.splits(3, 12, 6, random_state=0) for part in pair]


def is_same(world, other):
    return all(
        np.array_equal(a.X, b.X)
        and np.array_equal(a.groups, b.groups)
        and (np.array_equal(a.latents, b.latents) if a.latents is not None else b.latents is None)
        for a, b in zip(parts_of(world), parts_of(other), strict=True)
    )


@pytest.mark.parametrize("name", FORMS)
def test_a_file_of_any_format_gives_the_same_sequences(name, tmp_path):
    write, options = FORMS[name]
    write(tmp_path / name)
    world, how = read_recordings(tmp_path / name, **OPTIONS, **options)
    assert is_same(world, ArrayWorld(X, POSITION, groups=ANIMAL))
    assert world.facts.latent_names == ("position",)
    assert how.startswith(f"{tmp_path / name} (")
    assert "24 sequences of 12 steps" in how
    assert "groups: 8 of 'animal'" in how
    assert "no step is missing" in how


@pytest.mark.parametrize("name", ["a.npy", "wide.csv", "numbers.csv", "bare.csv", "bare.csv.gz"])
def test_a_file_without_names_gives_the_same_sequences(name, tmp_path):
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, X)
    elif name == "wide.csv":
        pd.DataFrame(X).add_prefix("step ").to_csv(path)
    else:
        header = name == "numbers.csv"
        pd.DataFrame(X).to_csv(path, index=False, header=header)
    world, how = read_recordings(path)
    assert is_same(world, ArrayWorld(X))
    said = {"wide.csv": "as header", "numbers.csv": "first line 0, 1, ..., 11 as times"}
    assert said.get(name, "no header" if "csv" in name else "trial x time") in how


def test_a_file_gives_the_same_cube(tmp_path):
    cubes = []
    as_netcdf(tmp_path / "a.nc")
    world = ArrayWorld(X, POSITION, ["position"], groups=ANIMAL)
    for each in (world, read_recordings(tmp_path / "a.nc", **OPTIONS)[0]):
        options = {"n_train": 12, "n_eval": 6, "modes": ("full",), "nulls": ()}
        cubes.append(small_assessment(world=each, **options).fit().cube_)
    for name, values in cubes[0].items():
        # How long it took is another matter, and units are known of the file alone.
        if name not in ("fit_seconds", "seconds") and values.dtype.kind in "biuf":
            np.testing.assert_array_equal(values, cubes[1][name], err_msg=name)
    assert cubes[1].latent_units.values.tolist() == ["cm"]


def test_a_line_says_how_a_file_was_read(tmp_path):
    path = tmp_path / "my.nc"
    DATA.to_netcdf(path)
    how = read_recordings(path, latents=["position"], inputs=(), variable="rate")[1]
    assert how == (
        f"{path} (NetCDF): 'rate', as asked for, trial x time, float64 (not used: 'side'); 24 "
        "sequences of 12 steps of 0.02 s, 1 channel, in Hz; latents (quantities): position (cm); "
        "no step is missing"
    )
    rows = [f"{i}" + "," * 4 if i == 3 else f"{i},{i * i % 7},{i % 3}.5,1e-3,{i}" for i in range(9)]
    (tmp_path / "gaps.csv").write_text("\n".join(rows).replace("6.5", ""), encoding="utf-8")
    with pytest.raises(ValueError, match=r"gaps.csv: X\[3\] has 1 observed"):
        read_recordings(tmp_path / "gaps.csv")
    rows[3] = "3,2,9,,"
    rows[4] = "4,,1,2,3"
    (tmp_path / "gaps.csv").write_text("\n".join(rows), encoding="utf-8")
    world, how = read_recordings(tmp_path / "gaps.csv")
    assert how.endswith("9 sequences of 3 to 5 steps, 1 channel; missing steps within sequences: 1")
    assert world._rows().observed()[3].tolist() == [True, True, True, False, False]


def test_columns_of_a_wide_table_may_be_no_steps(tmp_path):
    frame = pd.DataFrame(X).add_prefix("t").assign(animal=ANIMAL, side=SIDE, id=np.arange(N) + 70)
    frame.to_csv(tmp_path / "wide.csv", index=False)
    options = {"latents": "side", "groups": "animal", "id": "id"}
    world, how = read_recordings(tmp_path / "wide.csv", **options)
    assert is_same(world, ArrayWorld(X, SIDE, groups=ANIMAL))
    assert "latents (classes): side" in how


def test_several_latents_and_channels_keep_their_names(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS, speed=POSITION**2)
    DATA.assign(speed=DATA.position**2).to_netcdf(tmp_path / "a.nc")
    for name in ("a.npz", "a.nc"):
        world, _ = read_recordings(tmp_path / name, variable="rate", latents=["speed", "position"])
        assert world.facts.latent_names == ("speed", "position")
        both = np.stack([POSITION**2, POSITION], axis=2)
        assert is_same(world, ArrayWorld(X, both))
        world, how = read_recordings(tmp_path / name, variable=["rate", "speed"], latents="side")
        assert is_same(world, ArrayWorld(np.stack([X, POSITION**2], axis=2), SIDE))
        assert "2 channels" in how


def test_dims_say_what_dimensions_without_names_are(tmp_path):
    cube = np.stack([X, POSITION, X * POSITION], axis=2)
    np.save(tmp_path / "a.npy", cube.transpose(2, 1, 0))
    with pytest.raises(ValueError, match=r"\(3, 12, 24\).*--dims trial time channel"):
        read_recordings(tmp_path / "a.npy")
    world, _ = read_recordings(tmp_path / "a.npy", dims=["channel", "time", "trial"])
    assert isinstance(world.X, np.memmap)
    assert is_same(world, ArrayWorld(cube))
    named = xr.DataArray(cube.transpose(2, 1, 0), dims=["roi", "bin", "mouse"], name="x")
    named.to_netcdf(tmp_path / "a.nc")
    with pytest.raises(ValueError, match="--id, --time"):
        read_recordings(tmp_path / "a.nc")
    world, how = read_recordings(tmp_path / "a.nc", id="mouse", time="bin")
    assert is_same(world, ArrayWorld(cube))
    assert "trial x time x roi" in how


@pytest.mark.parametrize("name", ["s.npy", "s.npz", "s.csv", "s.nc", "s.mat"])
def test_one_recording_is_cut_into_blocks(name, tmp_path):
    path, latent = tmp_path / name, SERIES**2
    options = {} if name == "s.npy" else {"latents": "power"}
    if name == "s.npy":
        np.save(path, SERIES)
    elif name == "s.npz":
        np.savez(path, lfp=SERIES, power=latent)
    elif name == "s.mat":
        savemat(path, {"lfp": SERIES, "power": latent})
    elif name == "s.csv":
        columns = {"t": 0.5 * np.arange(len(SERIES)), "lfp": SERIES, "power": latent}
        pd.DataFrame(columns).to_csv(path, index=False)
        with pytest.raises(ValueError, match="'t' seems to be times.*--time t"):
            read_recordings(path, length=10, latents="power")
        options["time"] = "t"
    else:
        xr.Dataset({"lfp": ("time", SERIES), "power": ("time", latent)}).to_netcdf(path)
    with pytest.raises(ValueError, match="--length"):
        read_recordings(path, **({"latents": "power"} if options else {}))
    world, how = read_recordings(path, length=10, gap=7, n_units=5, **options)
    other = ArrayWorld.from_recording(
        SERIES, latent if options else None, length=10, gap=7, n_units=5
    )
    assert is_same(world, other)
    assert other.describe_units() in how
    assert ("each; sequences" in how) == ("apart; sequences" not in how)
    assert isinstance(world.X, np.memmap) == (name == "s.npy")
    assert ("of 0.5" in how) == (name == "s.csv")


def test_times_may_be_an_array_or_dates(tmp_path):
    np.savez(tmp_path / "a.npz", rate=X, t=0.25 * np.arange(T))
    world, how = read_recordings(tmp_path / "a.npz", time="t")
    assert is_same(world, ArrayWorld(X))
    assert "12 steps of 0.25," in how
    dates = pd.Timestamp("2024-05-01") + pd.to_timedelta(LONG.time * 100, unit="s")
    LONG.assign(time=dates).to_csv(tmp_path / "a.csv", index=False)
    _, how = read_recordings(
        tmp_path / "a.csv", id="trial", time="time", variable="rate", latents="side"
    )
    assert "12 steps of 2 s," in how


@pytest.mark.parametrize("name", ["s.npz", "s.csv", "s.nc"])
def test_several_channels_and_latents_of_one_recording(name, tmp_path):
    parts = {"a": SERIES, "b": SERIES**2, "c": SERIES**3, "d": np.sign(SERIES)}
    if name == "s.npz":
        np.savez(tmp_path / name, **parts)
    elif name == "s.csv":
        pd.DataFrame(parts).to_csv(tmp_path / name)
    else:
        xr.Dataset({key: ("time", value) for key, value in parts.items()}).to_netcdf(
            tmp_path / name
        )
    options = {"variable": ["a", "b"], "latents": ["c", "d"], "length": 10}
    world, how = read_recordings(tmp_path / name, **options)
    both, latents = (np.stack([parts[key] for key in keys], axis=1) for keys in ("ab", "cd"))
    assert is_same(world, ArrayWorld.from_recording(both, latents, length=10))
    assert world.facts.latent_names == ("c", "d")
    assert "2 channels" in how


def test_no_step_of_a_recording_is_taken_for_a_header(tmp_path):
    path, counts = tmp_path / "a.csv", RNG.poisson(1.0, 600)
    counts[0] = 0
    for series, header in ((SERIES, False), (SERIES, True), (counts, False)):
        pd.Series(series).to_csv(path, index=False, header=header)
        world, how = read_recordings(path, length=10)
        assert np.array_equal(np.asarray(world.series).ravel(), series)
        assert ("first line 0 as header" if header else "no header") in how
    pd.DataFrame({"a": SERIES, "b": SERIES**2}).to_csv(path)
    assert read_recordings(path, length=10)[0].axes.channels == ("a", "b")


# Written by h5py, with what the package does without: no dimension scales; the file of MATLAB has
# its header, dimensions in reversed order, a logical and a text.
RATE = (np.arange(24 * 8) ** 3 % 1009 / 8).reshape(24, 8)


@pytest.mark.parametrize(
    ("name", "side"), [("plain.h5", "behaviour/side"), ("matlab73.mat", "side")]
)
def test_hdf5_of_others_is_read(name, side):
    world, how = read_recordings(Path(__file__).parent / name, latents=side)
    assert np.array_equal(world.X, RATE)
    assert np.array_equal(world.latents, SIDE)
    assert "'rate', the only array left" in how
    assert f"latents (classes): {side}" in how


def as_cell(rows):
    cell = np.empty(len(rows), dtype=object)
    cell[:] = rows
    return cell


@pytest.mark.parametrize("steps_last", [False, True])
def test_structures_and_cells_of_matlab_are_read(tmp_path, steps_last):
    lengths = RNG.integers(6, 10, N)
    rows = [RNG.normal(size=(n, 3)) for n in lengths]
    position = [RNG.normal(size=n) for n in lengths]
    kinds = [("rate", object), ("position", object), ("side", object), ("animal", object)]
    trials = np.empty(N, dtype=kinds)
    for i, (row, where) in enumerate(zip(rows, position, strict=True)):
        trials[i] = row.T if steps_last else row, where, float(i % 2), "abcd"[i % 4]
    path = tmp_path / "a.mat"
    savemat(path, {"trials": trials, "meta": {"rate": 30.0, "rig": "b"}})
    world, how = read_recordings(
        path, variable="trials.rate", latents="trials.position", groups="trials.animal"
    )
    assert "trial x time x channel" in how
    assert f"{N} sequences of {lengths.min()} to {lengths.max()} steps, 3 channels" in how
    sample = world.sample(N, 0)
    expected = ArrayWorld(rows, position, groups=list("abcd") * (N // 4)).sample(N, 0)
    np.testing.assert_array_equal(sample.X, expected.X)
    np.testing.assert_array_equal(sample.latents, expected.latents)
    savemat(path, {"data": {"spikes": as_cell(rows), "where": as_cell(position)}})
    world, _ = read_recordings(path, variable="data.spikes", latents="data.where")
    np.testing.assert_array_equal(world.sample(N, 0).X, ArrayWorld(rows).sample(N, 0).X)
    # Of one length nothing tells which dimension is that of steps.
    savemat(path, {"x": as_cell([row[:6] for row in rows])})
    with pytest.raises(ValueError, match="which dimension is that of.*pass dims"):
        read_recordings(path)
    world, _ = read_recordings(path, dims=("trial", "time", "channel"))
    assert np.shape(world.X) == (N, 6, 3)
    savemat(path, {"x": as_cell([where[:6] for where in position])})
    assert np.shape(read_recordings(path)[0].X) == (N, 6)


def test_doubles_that_matlab_packs_are_doubles(tmp_path):
    values = RNG.integers(0, 200, (N, T))
    savemat(tmp_path / "a.mat", {"x": values.astype(float)})
    assert read_recordings(tmp_path / "a.mat")[0].likelihood == "gaussian"
    savemat(tmp_path / "a.mat", {"x": values})
    assert read_recordings(tmp_path / "a.mat")[0].likelihood == "auto"


def test_inputs_are_read_as_what_was_recorded_is(tmp_path, monkeypatch):
    """What the world is made of; whether it takes inputs is the world's."""
    seen = []

    def init(self, X, latents=None, latent_names=None, groups=None, **options):
        seen.append((np.asarray(X), options.get("inputs")))
        raise ValueError("seen")

    monkeypatch.setattr(ArrayWorld, "__init__", init)
    for name in ("a.nc", "a.npz", "a.mat", "long.csv"):
        write, options = FORMS[name]
        write(tmp_path / name)
        with pytest.raises(ValueError, match="seen"):
            read_recordings(tmp_path / name, variable="rate", inputs="position", **options)
    for recorded, inputs in seen:
        assert np.array_equal(recorded, X)
        assert np.array_equal(inputs.reshape(N, T), POSITION)


def test_inputs_drive_a_world_of_a_file(tmp_path):
    as_netcdf(tmp_path / "a.nc")
    world, how = read_recordings(tmp_path / "a.nc", variable="rate", inputs="position")
    assert world.n_exogenous == 1
    assert "inputs: position" in how


def cut_off(n_bytes, write):
    def broken(path):
        write(path)
        path.write_bytes(path.read_bytes()[:n_bytes])

    return broken


def saved(array):
    return lambda path: np.save(path, array)


def text(content):
    return lambda path: path.write_text(content, encoding="utf-8")


def dumped(path):
    path.write_bytes(pickle.dumps({"rate": X}))


def as_other(name):
    def write(path):
        FORMS[name][0](path.with_name(name))
        shutil.move(path.with_name(name), path)

    return write


OBJECTS = np.empty(2, dtype=object)
OBJECTS[:] = [[1], [2, 3]]
UNLIKE = np.empty(2, dtype=object)
UNLIKE[:] = [np.ones((2, 5)), np.ones((3, 4))]
BAD = {
    "no ending": ("a.parquet", text("x"), {}, "end in '.parquet'.*one of .npy, .npz"),
    "a folder": ("a.npy", Path.mkdir, {}, "no regular file; pass the path of one"),
    "empty": ("a.csv", text(""), {}, "the file is empty; write it again"),
    "cut npy": ("a.npy", cut_off(900, saved(X)), {}, "cannot be read as npy.*damaged.*write it"),
    "cut npz": ("a.npz", cut_off(900, FORMS["a.npz"][0]), {}, "cannot be read as npz.*damaged"),
    "cut nc": ("a.nc", cut_off(5000, as_netcdf), {}, "cannot be read as nc.*damaged"),
    "cut h5": ("a.h5", cut_off(20, as_netcdf), {}, "cannot be read as h5.*damaged"),
    "cut mat": ("a.mat", cut_off(900, FORMS["a.mat"][0]), {}, "cannot be read as mat.*damaged"),
    "cut gz": ("a.csv.gz", cut_off(500, as_long), {}, "cannot be read as csv.gz.*ended before"),
    "objects": ("a.npy", saved(OBJECTS), {}, "would have to be unpickled.*write numbers"),
    "pickle": ("a.npz", dumped, {}, "would have to be unpickled.*write numbers"),
    "pickle too": ("a.npy", dumped, {}, "magic string is not correct"),
    "only objects": ("a.npz", lambda p: np.savez(p, a=OBJECTS), {}, "no array of numbers or text"),
    "cells": ("a.mat", lambda p: savemat(p, {"c": UNLIKE}), {}, "cells that differ in more than"),
    "another format": ("a.npy", as_other("a.npz"), {}, "end in .npz do; rename it"),
    "another, too": ("a.mat", as_other("a.nc"), {}, "end in .h5 do; rename it"),
    "ragged": ("a.csv", text("1,2,4\n3,2,1,5\n"), {}, "Expected 3 fields in line 2, saw 4"),
    "semicolons": ("a.csv", text("1,5;2,5\n3,5;1\n"), {}, r"commas do not.*sep=';', decimal=','"),
    "only a header": ("a.csv", text("0,1,2\n"), {}, "no rows besides its header"),
    "two headers": ("a.csv", text("0,1,2\n1,2,3\n3,1,2\n"), {}, "may be times or a sequence"),
    "words": ("a.csv", text("t0,t1\n1,a\n2,b\n"), {}, "column 't1' holds text.*by latents"),
    "long": ("a.csv", as_long, {}, "are called as no steps are.*--id and --time|--id, --time"),
    "no time": ("a.csv", as_long, {"id": "trial"}, "id is given, but not time"),
    "no column": ("a.csv", as_long, {"latents": "position_"}, "Did you mean 'position'"),
    "no variable": ("a.nc", as_netcdf, {"variable": "rates"}, "'rate' .*Did you mean 'rate'"),
    "choice": ("a.nc", as_netcdf, {}, "'rate' .*'position' .*'side' .*--variable rate"),
    "none left": ("a.npy", saved(X), {"latents": "a"}, "of which none is left.*name less"),
    "text": ("a.nc", as_netcdf, {"variable": "animal"}, "numbers of one to three.*name another"),
    "four": ("a.npy", saved(np.zeros((2, 3, 4, 5))), {}, "none is left .*one to three dimensions"),
    "complex": ("a.npy", saved(X * 1j), {}, "complex128, of which none"),
    "infinite": ("a.npy", saved(np.where(X > 2, np.inf, X)), {}, "X contains infinity"),
    "gap": ("a.npy", saved(X), {"gap": 5}, "gap=5 is for one recording.*pass length, too"),
    "groups": ("a.npy", saved(SERIES), {"length": 5, "groups": "a"}, "leave out one of them"),
    "flat": ("a.npy", saved(X.T), {"length": 5}, r"fewer than channels.*--dims channel time"),
    "sequences": ("a.nc", as_netcdf, {"variable": "rate", "length": 5}, "leave out length"),
    "dims": ("a.npy", saved(X), {"dims": ("time", "channel")}, "sequences have time and trial"),
    "named dims": ("a.nc", as_netcdf, {"variable": "rate", "dims": ("trial", "time")}, "dims out"),
    "no dim": ("a.nc", as_netcdf, {"variable": "rate", "time": "t"}, "no dimension.*'time'"),
    "shapes": ("a.nc", as_netcdf, {"variable": ["rate", "side"]}, r"name those of one shape"),
    "twice": ("a.nc", as_netcdf, {"variable": "side", "latents": "side"}, "name it once"),
    "numbers": ("a.nc", as_netcdf, {"latents": [3]}, r"latents=\[3\] must be names"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_with_path_and_remedy(case, tmp_path):
    name, write, options, message = BAD[case]
    write(tmp_path / name)
    with pytest.raises(ValueError, match=message) as raised:
        read_recordings(tmp_path / name, **options)
    assert str(raised.value).startswith(f"{tmp_path / name}: ")


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file; check the path"):
        read_recordings(tmp_path / "a.nc")


def test_nothing_is_ever_unpickled(tmp_path):
    """Reading any of these would write a file, if it was unpickled."""

    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "trapped",)

    trap = np.array([Trap()], dtype=object)
    np.save(tmp_path / "a.npy", trap)
    np.savez(tmp_path / "a.npz", trap=trap, rate=X)
    assert np.array_equal(read_recordings(tmp_path / "a.npz")[0].X, X)
    for ending in set(ENDINGS) - {".npz"}:
        path = tmp_path / f"a{ending}"
        if ending != ".npy":
            path.write_bytes(pickle.dumps(Trap()))
        with pytest.raises(ValueError, match="cannot be read"):
            read_recordings(path)
    assert not (tmp_path / "trapped").exists()


def test_remedies_of_refusals_work(tmp_path):
    np.save(tmp_path / "flat.npy", np.stack([SERIES, SERIES**2]))
    with pytest.raises(ValueError, match="--dims channel time"):
        read_recordings(tmp_path / "flat.npy", length=10)
    world, _ = read_recordings(tmp_path / "flat.npy", length=10, dims=("channel", "time"))
    both = np.stack([SERIES, SERIES**2], axis=1)
    assert is_same(world, ArrayWorld.from_recording(both, length=10))
    with gzip.open(tmp_path / "points.csv.gz", "wt") as file:
        file.writelines(";".join(map(repr, row.tolist())).replace(".", ",") + "\n" for row in X)
    with pytest.raises(ValueError, match="commas do not"):
        read_recordings(tmp_path / "points.csv.gz")
    frame = pd.read_csv(tmp_path / "points.csv.gz", sep=";", decimal=",", header=None)
    frame.to_csv(tmp_path / "commas.csv", index=False)
    assert np.allclose(read_recordings(tmp_path / "commas.csv")[0].X, X, rtol=1e-12)


def with_code(code, n=3):
    values = X.copy()
    values.flat[:n] = code
    return values


@pytest.mark.parametrize("code", [-999, -9999, 9999, -32768, 1e20, 9.969209968386869e36])
def test_codes_for_what_is_missing_are_warned_of(code, tmp_path):
    np.save(tmp_path / "coded.npy", with_code(code))
    with pytest.warns(UserWarning, match=r"3 values of channel 0 are .* far from all others \(-"):
        read_recordings(tmp_path / "coded.npy")
    np.save(tmp_path / "coded.npy", with_code(np.nan))
    assert "missing steps within sequences: 3" in read_recordings(tmp_path / "coded.npy")[1]


def test_numbers_that_look_like_codes_among_others_are_none(tmp_path):
    np.save(tmp_path / "a.npy", np.append(RNG.uniform(0, 99, 287), 99).reshape(N, T))
    assert read_recordings(tmp_path / "a.npy")


def test_what_netcdf_has_where_nothing_was_written_is_warned_of(tmp_path):
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(tmp_path / "half.nc", "w") as file:
        file.createDimension("trial", N)
        file.createDimension("time", T)
        file.createVariable("x", "f8", ("trial", "time"))[: N // 2] = X[: N // 2]
    with pytest.warns(UserWarning, match=rf"{N * T // 2} values of channel 0 are 9.96921e\+36"):
        read_recordings(tmp_path / "half.nc")


def test_what_is_not_used_of_a_file_is_said(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, lengths=np.full(N, 9), observed=X > 0, side=SIDE)
    how = read_recordings(tmp_path / "a.npz", variable="X", latents="side")[1]
    assert "as asked for, trial x time, float64 (not used: 'lengths', 'observed')" in how


@pytest.mark.parametrize(
    ("times", "said"),
    [(np.arange(T)[::-1], "go back, from 11 to 0"), (np.arange(T) ** 2, "not equally spaced")],
)
def test_times_of_steps_that_are_no_times_are_warned_of(times, said, tmp_path):
    xr.Dataset({"x": (("trial", "time"), X)}, {"time": times}).to_netcdf(tmp_path / "a.nc")
    with pytest.warns(UserWarning, match=f"{said}.* do not see these times"):
        read_recordings(tmp_path / "a.nc")
    frame = pd.DataFrame({"t": np.arange(400)[::-1], "x": SERIES[:400]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match=r"times that go back, from 399 to 0.*series\[::-1\]"):
        read_recordings(tmp_path / "a.csv", time="t", length=10)
    frame[::-1].to_csv(tmp_path / "a.csv", index=False)
    assert read_recordings(tmp_path / "a.csv", time="t", length=10)


def test_headers_that_name_a_column_twice_are_refused(tmp_path):
    rows = "\n".join(f"{i},{x},{x + 1}" for i, x in enumerate(SERIES[:400]))
    (tmp_path / "a.csv").write_text(f"t,x,x\n{rows}")
    with pytest.raises(ValueError, match="header names 'x' more than once"):
        read_recordings(tmp_path / "a.csv", time="t", length=10)
    (tmp_path / "a.csv").write_text(f"\n\nt,x,y\n{rows}")
    assert "2 channels (x, y)" in read_recordings(tmp_path / "a.csv", time="t", length=10)[1]


def test_tables_of_another_encoding_are_told_how_to_write_them_anew(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("t,x °C\n".encode("latin-1") + b"0,1\n1,2\n")
    with pytest.raises(ValueError, match="another encoding than UTF-8") as error:
        read_recordings(path, time="t", length=10)
    call = str(error.value).partition("anew, pandas.")[2].partition(", or with")[0]
    eval(f"pd.{call}", {"pd": pd, "path": path})
    assert path.read_text(encoding="utf-8").startswith("t,x °C")
