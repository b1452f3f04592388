"""Tables and labelled arrays as recordings: what becomes of dimensions, names, units and times."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from recordings import CLASSES, GOOD, TRIALS, WIDE, N, T, assess, draw

from sklearn_emerge import ArrayWorld, MeanPredictor, cut, load_cube
from sklearn_emerge.worlds._picture import draw_sequences

TIMES = ("time", 0.02 * np.arange(T), {"units": "s"})
DATA = xr.Dataset(
    {
        "rate": (("time", "trial"), GOOD.T, {"units": "Hz"}),
        "count": (("trial", "time"), WIDE[:, :, 0], {"units": "1"}),
        "hand_speed": (("trial", "time"), WIDE[:, :, 1], {"units": "cm/s"}),
    },
    {"time": TIMES},
)
LONG = pd.DataFrame(WIDE.reshape(-1, 3), columns=["x", "y", "z"]).assign(
    trial=np.repeat([f"trial {i}" for i in range(N)], T),
    t=np.tile(np.round(np.arange(T) / 30, 3), N),
    side=np.repeat(CLASSES, T),
)


def sorted_rows(X):
    return X[X.reshape(len(X), -1)[:, 0].argsort()]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize(
    "names",
    [
        ("trial", "time", "channel"),
        ("Trials", "step", "neurons"),
        ("sample", "t", "unit"),
        ("epochs", "sample", "sensor"),
        ("session", "frame", "place"),
        ("place", "time", "cell"),
    ],
)
def test_dimensions_go_by_their_names_in_any_order(names, order):
    array = xr.DataArray(WIDE, dims=names).transpose(*(names[i] for i in order))
    assert np.array_equal(sorted_rows(ArrayWorld(array).sample(N, 0).X), sorted_rows(WIDE))
    assert MeanPredictor().fit(array).n_features_in_ == T
    latents = array[{names[2]: 0}]
    assert np.array_equal(draw(array, latents).latents[:, :, 0], draw(array).X[:, :, 0])


def test_latents_have_the_order_of_the_sequences_whatever_it_is_called():
    X = TRIALS[:T].rename(trial="a", time="b")
    sample = ArrayWorld(X, X.T).sample(T, 0)
    assert np.array_equal(sample.latents[:, :, 0], sample.X)


def test_a_data_set_has_channels_and_latents():
    for latents in ("hand_speed", ["hand_speed"]):
        world = ArrayWorld(DATA, latents)
        sample = world.sample(N, 0)
        assert np.array_equal(
            sorted_rows(sample.X), sorted_rows(np.stack([GOOD, WIDE[:, :, 0]], axis=2))
        )
        assert sample.latent_names == ("hand_speed",)
    assert world.axes.channels == ("rate", "count")
    assert np.array_equal(ArrayWorld(DATA[["rate"]], CLASSES).sample(N, 0).X.shape, (N, T))


def test_names_units_and_times_are_kept_in_the_file_of_a_cube(tmp_path):
    for assessed in (
        assess(DATA[["rate"]], DATA["hand_speed"], modes=("random",), nulls=()),
        assess(DATA["rate"], DATA[["hand_speed"]], modes=("random",), nulls=()),
    ):
        assessed.to_netcdf(tmp_path / "cube.nc")
        cube = load_cube(tmp_path / "cube.nc")
        assert cube.latent.values.tolist() == ["hand_speed"]
        assert cube.latent_units.values.tolist() == ["cm/s"]
        assert cube.attrs["time_step"] == pytest.approx(0.02)
        assert (cube.attrs["time_units"], cube.attrs["recorded_units"]) == ("s", "Hz")
    assert "latent_units" not in assess(GOOD, GOOD, modes=("random",), nulls=()).cube_.coords


@pytest.mark.parametrize("names", ["side", ["side"], ["side", "part"]])
def test_classes_of_sequences_may_be_variables_of_a_data_set(names):
    data = DATA[["rate"]].assign(side=("trial", CLASSES), part=("trial", CLASSES))
    data = data if len(names) == 2 else data.drop_vars("part")
    cube = assess(data, names, modes=("random",), nulls=()).cube_
    assert cube.latent.values.tolist() == ([names] if isinstance(names, str) else names)
    assert np.isfinite(cube.probe_score).all()


def test_axes_of_figures_have_names_and_units():
    plt = pytest.importorskip("matplotlib.pyplot")
    ax = plt.figure().subplots()
    draw_sequences(ArrayWorld(DATA["rate"]), ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "rate (Hz)")
    assert ax.lines[0].get_xdata()[-1] == pytest.approx(0.02 * (T - 1))
    plt.close("all")


@pytest.mark.parametrize("values", ["x", ["x", "y", "z"], None])
def test_a_long_table_is_the_array_that_it_was_made_of(values):
    frame = LONG if values else LONG.drop(columns="side")
    world = ArrayWorld.from_table(
        frame.sample(frac=1, random_state=0), id="trial", time="t", values=values
    )
    X = world.X.sel(trial=[f"trial {i}" for i in range(N)])
    assert np.array_equal(X, WIDE[:, :, 0] if values == "x" else WIDE)


def test_gaps_and_unequal_lengths_of_a_long_table_are_missing_steps():
    left_out = [3, 4, T - 1, 2 * T]
    frame = LONG.drop(index=left_out)
    world = ArrayWorld.from_table(frame, id="trial", time="t", values="x")
    expected = WIDE[:, :, 0].copy()
    expected[0, [3, 4, T - 1]] = np.nan
    # What begins later begins at its own first time.
    expected[2] = np.append(expected[2, 1:], np.nan)
    assert np.array_equal(world.X, expected, equal_nan=True)
    counts = frame.assign(x=np.arange(len(frame)) % 7)
    world = ArrayWorld.from_table(counts, id="trial", time="t", values="x")
    assert world.X.dtype.kind == "i"
    assert np.array_equal(world.observed, ~np.isnan(expected))


@pytest.mark.parametrize("side", [CLASSES, CLASSES == "right", pd.Categorical(CLASSES)])
@pytest.mark.parametrize("constant", [True, False])
def test_classes_of_a_long_table_keep_their_sequences(side, constant):
    frame = LONG.drop(index=[5])
    column = pd.Series(side).repeat(T).to_numpy()
    if not constant:
        column = np.tile(np.where(np.arange(T) < 4, "left", "right"), N)
    frame = LONG.assign(side=column).drop(index=[5])
    world = ArrayWorld.from_table(frame, id="trial", time="t", values="x", latents="side")
    sample = world.sample(N, 0)
    rows = [int(np.flatnonzero(WIDE[:, 0, 0] == x[0])[0]) for x in sample.X]
    known = np.arange(N)[rows] % 2 if constant else np.arange(T) >= 4
    expected = np.broadcast_to(known[:, np.newaxis] if constant else known, (N, T))
    assert world.latent_kind == "discrete"
    assert sample.latent_names == ("side",)
    assert (sample.latents[:, :, 0] == expected)[~np.isnan(sample.X)].all()


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_dates_of_a_long_table_are_seconds_of_steps(zone):
    # In Berlin an hour comes twice that night.
    start = pd.Timestamp("2020-10-25T00:59:59.9", tz="UTC")
    dates = start + pd.to_timedelta(0.02 * np.tile(np.arange(T), N), unit="s")
    frame = LONG.assign(t=dates.tz_localize(None) if zone is None else dates.tz_convert(zone))
    world = table(frame=frame.sample(frac=1, random_state=0))
    assert np.array_equal(world.X.sel(trial=[f"trial {i}" for i in range(N)]), WIDE[:, :, 0])
    assert (world.axes.time_step, world.axes.time_units) == (0.02, "s")
    series = pd.Series(np.arange(float(T)), pd.DatetimeIndex(frame.t[:T]))
    assert np.allclose(cut(series, 4).time, 0.02 * np.arange(4))


def test_a_wrong_name_in_a_list_is_said_to_be_no_variable():
    with pytest.raises(ValueError, match="latents has 'hand_sped', which is no variable.*mean"):
        ArrayWorld(DATA, ["hand_sped"]).sample(1)


def test_groups_of_a_long_table_are_one_a_sequence():
    frame = LONG.assign(animal=np.repeat(list("abcd"), N * T // 4))
    world = ArrayWorld.from_table(frame, id="trial", time="t", values="x", groups="animal")
    assert list(world.groups) == list(np.repeat(list("abcd"), N // 4))


def table(**changes):
    options = {"id": "trial", "time": "t", "values": "x"} | changes
    return ArrayWorld.from_table(options.pop("frame", LONG), **options)


BAD = {
    "id": (lambda: table(id="trail"), "id has 'trail', which is no column.*'trial'"),
    "values": (lambda: table(values="w"), "values has 'w', which is no column of frame; choose"),
    "latents": (lambda: table(latents="speed"), "latents has 'speed', which is no column"),
    "missing": (
        lambda: table(frame=LONG.assign(t=LONG.t.where(LONG.t > 0))),
        r"time='t' is missing in 24 of 288 rows; .*frame.dropna\(subset=\['t'\]\)",
    ),
    "twice": (
        lambda: table(frame=pd.concat([LONG, LONG[:3]])),
        r"frame has 3 rows whose 'trial' and 't'.*drop_duplicates\(\['trial', 't'\]\)",
    ),
    "uneven": (
        lambda: table(frame=LONG.assign(t=LONG.t.where(LONG.index != 1, 0.05))),
        r"time='t' is not equally spaced.*'trial 0' one goes from 0.0 to 0.05.*rank",
    ),
    "time_text": (lambda: table(time="side"), "time='side' has dtype .*pandas.to_datetime"),
    "text": (lambda: table(values=["x", "side"]), r"frame\[values\] holds text.*drop\(columns"),
    "groups": (lambda: table(groups="t"), "groups='t' has several values in 'trial 0'"),
    "mixed": (
        lambda: table(latents=["y", "side"]),
        "latents=.*has classes and quantities.*Pass those of one kind",
    ),
    "alone": (
        lambda: table(frame=LONG.assign(trial=np.arange(len(LONG)))),
        "id='trial' has another value in each row",
    ),
    "array": (lambda: table(frame=WIDE), "frame is a ndarray, but must be a DataFrame"),
    "no_rows": (lambda: table(frame=LONG[:0]), "frame has no rows"),
    "index": (
        lambda: table(frame=LONG.set_index(["trial", "t"])),
        r"id='trial' is a level of the index.*frame.reset_index\(\)",
    ),
    "several": (lambda: table(id=["trial", "t"]), "must be the name of one column"),
    "same_names": (
        lambda: table(frame=pd.concat([LONG, LONG[["x"]]], axis=1)),
        r"columns of the same name, \['x'\]; .*duplicated",
    ),
    "endless": (
        lambda: table(frame=LONG.assign(t=LONG.t.where(LONG.index != T - 1, np.inf))),
        r"time='t' is infinite in 1 of 288 rows; .*isfinite",
    ),
    "hours": (
        lambda: table(frame=LONG.assign(t=np.where(LONG.index == T - 1, 30_000, LONG.index % T))),
        "time='t' goes over 30,.* steps in 'trial 0'.*an 'trial' of their own",
    ),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_tables_name_the_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_what_messages_of_tables_propose_is_accepted():
    uneven = LONG.assign(t=LONG.t**2)
    for frame in (uneven, uneven.iloc[::-1]):
        # In the order of times, not of rows.
        numbered = frame.assign(t=frame.groupby("trial")["t"].rank())
        X = table(frame=numbered).X.sel(trial=[f"trial {i}" for i in range(N)])
        assert np.array_equal(X, WIDE[:, :, 0])
    endless = LONG.assign(t=LONG.t.where(LONG.index != T - 1, np.inf))
    assert table(frame=endless[np.isfinite(endless["t"])]).observed is None
    indexed = LONG.set_index(["trial", "t"])
    assert np.array_equal(table(frame=indexed.reset_index()).X, WIDE[:, :, 0])
    double = pd.concat([LONG, LONG[["x"]]], axis=1)
    double = double.loc[:, ~double.columns.duplicated()]
    assert np.array_equal(table(frame=double).X, WIDE[:, :, 0])
    twice = pd.concat([LONG, LONG[:3]]).drop_duplicates(["trial", "t"])
    assert np.array_equal(table(frame=twice).X, WIDE[:, :, 0])


def test_a_wide_table_is_unchanged():
    frame = TRIALS.to_pandas()
    assert np.array_equal(sorted_rows(ArrayWorld(frame).sample(N, 0).X), sorted_rows(GOOD))
