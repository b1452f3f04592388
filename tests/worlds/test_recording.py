"""One long recording: how it is cut, that blocks are its units, and what a test over them finds."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import small_assessment
from scipy.signal import lfilter
from sklearn.base import clone

from sklearn_emerge import ArrayWorld, cut, explain
from sklearn_emerge.inference import corrected_resampled_test
from sklearn_emerge.worlds import RecordingWorld
from sklearn_emerge.worlds._cut import steps_until_independent

RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=2000)
STEPS = np.arange(2000.0)


def ar(coefficient, n_steps, seed):
    noise = np.random.default_rng(seed).normal(size=n_steps + 1000)
    return lfilter([1.0], [1.0, -coefficient], noise)[1000:]


@pytest.mark.parametrize("shape", [(), (3,), (1,)])
@pytest.mark.parametrize(("length", "gap"), [(7, 0), (7, 2), (2000, 5), (2, 30)])
def test_pieces_are_those_of_a_loop(shape, length, gap):
    series = RNG.normal(size=(2000, *shape))
    starts = range(0, 2000 - length + 1, length + gap)
    pieces = cut(series, length, gap)
    assert np.array_equal(pieces, [series[start : start + length] for start in starts])
    assert np.shares_memory(pieces, series)


def test_pieces_keep_names_units_and_times():
    times = 5 + 0.02 * np.arange(100)
    coords = {"time": ("time", times, {"units": "s"}), "neuron": ["a", "b"]}
    series = xr.DataArray(
        RNG.normal(size=(2, 100)), coords, ["neuron", "time"], "rate", {"units": "Hz"}
    )
    pieces = cut(series, 20, 5)
    assert pieces.dims == ("sequence", "time", "neuron")
    assert pieces.attrs == {"units": "Hz"}
    assert pieces.time.attrs == {"units": "s"}
    assert pieces.neuron.values.tolist() == ["a", "b"]
    assert np.allclose(pieces.time, 0.02 * np.arange(20))
    assert np.allclose(pieces.start, times[::25])
    assert np.array_equal(pieces[1], series.T[25:45])
    frame = pd.DataFrame(series.T.to_numpy(), pd.date_range("2020", periods=100, freq="20ms"))
    of_frame = cut(frame, 20, 5)
    assert np.array_equal(of_frame, pieces)
    assert np.allclose(of_frame.time, pieces.time)


@pytest.mark.parametrize("dims", [("t_sec", "channel"), ("channel", "t_sec")])
def test_time_of_a_recording_may_be_called_anything_where_channels_are_not(dims):
    values = RNG.normal(size=(2000, 3))
    coords = {"t_sec": 0.5 * STEPS, "channel": ["a", "b", "c"]}
    series = xr.DataArray(values, coords, ["t_sec", "channel"]).transpose(*dims)
    latents = xr.DataArray(values[:, :2], dims=["t_sec", "latent"])
    world = ArrayWorld.from_recording(series, latents, length=20, gap=0)
    plain = ArrayWorld.from_recording(values, values[:, :2], length=20, gap=0)
    drawn, expected = (each.sample(50, random_state=0) for each in (world, plain))
    assert np.array_equal(drawn.X, expected.X)
    assert np.array_equal(drawn.latents, expected.latents)
    pieces = cut(series, 20)
    assert pieces.dims == ("sequence", "t_sec", "channel")
    assert np.array_equal(pieces, cut(values, 20))
    assert np.allclose(pieces.t_sec, 0.5 * np.arange(20))
    assert ArrayWorld(pieces).sample(5, random_state=0).X.shape == (5, 20, 3)


def test_a_recording_of_two_dimensions_of_channels_is_renamed_as_the_message_says():
    series = xr.DataArray(RNG.normal(size=(2000, 3)), dims=["unit", "channel"])
    for call in (lambda x: cut(x, 20), lambda x: ArrayWorld.from_recording(x, length=20).n_steps):
        with pytest.raises(ValueError, match="^series .* tell steps and channels") as info:
            call(series)
        remedy = re.search(r"order (series.rename\(.*?\)),", str(info.value))[1]
        call(eval(remedy, {"series": series}))
    with pytest.raises(ValueError, match="no variable of series"):
        ArrayWorld.from_recording(series.to_dataset(name="rate"), ["side"], length=20)


def test_a_moving_average_is_independent_after_its_length():
    for n_summed in (1, 4, 20):
        series = np.convolve(RNG.normal(size=50_000), np.ones(n_summed), "valid")
        lag = steps_until_independent(series)
        assert 0.7 * (n_summed - 1) <= lag <= n_summed - 1
    several = np.stack([RNG.normal(size=len(series)), series], axis=1)
    assert steps_until_independent(several) == lag
    with_gaps = np.where(RNG.random(len(series)) < 0.3, np.nan, series)
    assert abs(steps_until_independent(with_gaps) - lag) <= 2
    # What is constant tells nothing, whatever its mean rounds to.
    constant = np.stack([np.full(len(series), 0.1), series], axis=1)
    assert steps_until_independent(constant) == lag
    assert steps_until_independent(constant[:, 0]) == 0
    # A slow wave crosses zero, and comes again.
    assert steps_until_independent(np.sin(STEPS / 50) + 0.1 * SERIES) > 100


@pytest.mark.parametrize("n_steps", [2000, 20_000])
@pytest.mark.parametrize("coefficient", [0.0, 0.5, 0.9, 0.99])
def test_an_autoregression_is_independent_after_some_correlation_times(coefficient, n_steps):
    lags = [steps_until_independent(ar(coefficient, n_steps, seed)) for seed in range(10)]
    # Of 2,000 steps the autocorrelation is hardly known, if it is slow or soon gone.
    most = {(0.99, 2000): 0.4, (0.5, 2000): 0.25}.get((coefficient, n_steps), 0.15)
    if coefficient:
        assert coefficient ** np.min(lags) <= most
        assert coefficient ** np.max(lags) > 0.01
    else:
        assert max(lags) == 0


@pytest.mark.parametrize("gap", [0, 13, 50])
@pytest.mark.parametrize("latents", [None, STEPS])
def test_training_is_never_nearer_to_what_is_held_out_than_the_gap(gap, latents):
    world = ArrayWorld.from_recording(STEPS, latents, length=10, gap=gap)
    n_train, n_eval = world.default_split(None, None)
    held_out = []
    for train, evaluation in world.splits(5, n_train, n_eval, 0):
        steps = [np.sort(each.X.ravel()) for each in (train, evaluation)]
        assert np.abs(steps[0][:, np.newaxis] - steps[1]).min() > gap
        held_out.append(steps[1])
        if latents is not None:
            assert np.array_equal(train.latents[:, :, 0], train.X)
        # Blocks are held out whole.
        n_each = world.layout()[0]
        assert np.unique(evaluation.groups, return_counts=True)[1].tolist() == [n_each] * 2
    held_out = np.concatenate(held_out)
    assert len(np.unique(held_out)) == len(held_out) == 10 * world.layout()[0] * 10
    assert world.units_per_split(n_train, n_eval) == (8, 2)


def test_a_split_and_its_nulls_keep_the_gap_too():
    world = ArrayWorld.from_recording(STEPS, length=10, gap=40)
    train, evaluation = world.null("shuffle").split(80, 30, 0)
    assert np.abs(train.X.ravel()[:, np.newaxis] - evaluation.X.ravel()).min() > 40


def test_the_units_are_said_in_words():
    series = RNG.normal(size=36_400)
    world = ArrayWorld.from_recording(series, length=100, gap=50, n_units=9)
    said = "1 recording of 36,400 steps: 9 blocks of 4,000 steps, 40 sequences each, 50 steps apart"
    assert world.describe_units() == said
    assert said in " ".join(repr(world).split())
    world = ArrayWorld.from_recording(SERIES, length=20)
    cube = small_assessment(world=world, n_train=None, n_eval=None, nulls=()).fit().cube_
    said = " ".join(explain(cube).split())
    assert "The verdict is about 10 blocks of a recording" in said
    assert "come from 1 recording of 2,000 steps: 10 blocks of 200 steps, 10 sequences each" in said


def test_a_recording_is_cloned_pickled_and_drawn_alike():
    world = ArrayWorld.from_recording(SERIES, STEPS, ["clock"], length=20, gap=3)
    for copy in (clone(world), pickle.loads(pickle.dumps(world))):
        assert np.array_equal(copy.sample(5, 0).X, world.sample(5, 0).X)
        assert copy.sample(5, 0).latent_names == ("clock",)
    assert clone(world).series is SERIES


@pytest.mark.parametrize(
    "labels",
    [
        np.where(STEPS % 400 < 200, "left", "right"),
        pd.Categorical(np.where(STEPS % 400 < 200, "left", "right")),
        STEPS % 400 >= 200,
        pd.Series(np.where(STEPS % 400 < 200, "left", "right"), name="side"),
        pd.DataFrame({"side": np.where(STEPS % 400 < 200, "left", "right")}),
        xr.DataArray(np.where(STEPS % 400 < 200, "left", "right"), dims="time", name="side"),
    ],
)
def test_text_booleans_and_categories_are_classes_of_steps(labels):
    world = ArrayWorld.from_recording(STEPS, labels, length=20)
    sample = world.sample(50, 0)
    assert world.latent_kind == "discrete"
    assert np.array_equal(sample.latents[:, :, 0], sample.X % 400 >= 200)
    assert world._given_classes().shape == (world._n_sequences(), 20, 1)


def test_a_data_set_is_a_recording_with_named_latents():
    coords = {"time": ("time", 0.1 * STEPS, {"units": "s"})}
    speed = ("time", STEPS, {"units": "cm/s"})
    data = xr.Dataset({"rate": ("time", SERIES), "speed": speed}, coords)
    world = ArrayWorld.from_recording(data, "speed", length=20)
    sample = world.sample(3, 0)
    assert sample.X.shape == (3, 20)
    assert sample.latent_names == ("speed",)
    assert (world.axes.latent_units, world.axes.time_label()) == (("cm/s",), "time (s)")
    assert world.axes.time_step == pytest.approx(0.1)


@pytest.mark.parametrize("freq", ["MS", "ME", "QS", "B", "YS"])
def test_months_quarters_and_working_days_are_equal_steps(freq):
    # The dates of pandas 2 end in 2262.
    dates = pd.date_range("1800", periods=2000 if freq == "B" else 400, freq=freq)
    series = pd.Series(SERIES[: len(dates)], dates, name="temperature")
    world = ArrayWorld.from_recording(series, length=12, gap=0)
    assert (world.axes.quantity, world.axes.time_step) == ("temperature", None)
    pieces = cut(series, 12)
    assert np.array_equal(pieces.start, dates[::12][: len(pieces)])
    assert "time" not in pieces.coords
    assert ArrayWorld(pieces).sample(3, 0).X.shape == (3, 12)
    with pytest.raises(ValueError, match="not equally spaced"):
        cut(series.drop(index=dates[7]), 12)
    with pytest.raises(ValueError, match="its last step comes first"):
        cut(series[::-1], 12)


def test_dates_in_nanoseconds_go_back_over_more_years_than_these_can_count():
    dates = pd.date_range("1800", periods=400, freq="YS").as_unit("ns")
    series = pd.Series(SERIES[:400], dates)
    assert cut(series, 12).shape == (33, 12)
    with pytest.raises(ValueError, match="go back, from 2199-.* its last step comes first"):
        cut(series[::-1], 12)


def rejections(n_recordings, coefficient, make):
    """Return how often a prediction of 1 seems better than one of -1, at a level of .05."""
    n_rejected = 0
    for seed in range(n_recordings):
        world = make(ar(coefficient, 4000, seed))
        n_train, n_eval = world.default_split(None, None)
        splits = world.splits(5, n_train, n_eval, seed)
        means = [evaluation.X.mean() for _, evaluation in splits]
        units = world.units_per_split(n_train, n_eval)
        n_rejected += corrected_resampled_test(means, *units).pvalue < 0.05
    return n_rejected


def test_a_false_claim_is_found_at_the_level_over_blocks_and_above_it_over_sequences():
    # At a rate of .05 there are more than 9 of 80 with a probability of .01.
    assert rejections(80, 0.99, lambda x: RecordingWorld(x, length=20, gap=60)) <= 9
    assert rejections(80, 0.99, lambda x: ArrayWorld(cut(x, 20))) > 9
    assert rejections(80, 0.0, lambda x: RecordingWorld(x, length=20, gap=0)) <= 9


BAD = {
    "length": (lambda: cut(SERIES, 1), "length=1 must be an integer of at least 2"),
    "length_text": (lambda: cut(SERIES, "a"), "length='a' must be an integer"),
    "gap": (lambda: cut(SERIES, 5, -1), "gap=-1 must be an integer of at least 0"),
    "short": (
        lambda: cut(SERIES, 2001),
        "length=2001, but series has 2000 steps; pass length=2000",
    ),
    "three": (lambda: cut(np.ones((3, 4, 2)), 2), "series has shape .*np.concatenate"),
    "transposed": (
        lambda: cut(np.ones((3, 40)), 2),
        r"3 steps of 40 channels.*np.transpose\(series\)",
    ),
    "text": (
        lambda: cut(pd.DataFrame({"a": SERIES, "day": "monday"}), 5),
        r"series holds text.*series.drop\(columns=\['day'\]\)",
    ),
    "uneven": (
        lambda: cut(pd.Series(SERIES[:5], [0.0, 1.0, 2.0, 4.0, 5.0]), 2),
        r"series has times that are not equally spaced.*from 2.0 to 4.0 it is 2.*reindex",
    ),
    "room": (
        lambda: ArrayWorld.from_recording(SERIES, length=300),
        "length=300: series has 2,000 steps.*room for 0 sequences each.*pass length=200 or less",
    ),
    "no_room": (
        lambda: ArrayWorld.from_recording(SERIES, length=5, gap=300),
        "gaps of 300 steps leave room for 0.*pass a smaller gap or fewer n_units",
    ),
    "units": (
        lambda: ArrayWorld.from_recording(SERIES, length=5, n_units=1),
        "n_units=1 must be an integer of at least 2",
    ),
    "units_decoded": (
        lambda: ArrayWorld.from_recording(SERIES, STEPS, length=5, n_units=3),
        "n_units=3 must be an integer of at least 4",
    ),
    "latents": (
        lambda: ArrayWorld.from_recording(SERIES, STEPS[1:], length=5).sample(1),
        r"latents has shape \(1999,\), but series has 2000 steps; pass one value a step",
    ),
    "name": (
        lambda: ArrayWorld.from_recording(
            pd.DataFrame({"a": SERIES, "b": STEPS}), "b", length=5
        ).sample(1),
        r"latents='b' is a name, .* pass series\['b'\] .*series.drop\(columns=\['b'\]\)",
    ),
    "labels": (
        lambda: ArrayWorld.from_recording(
            pd.Series(SERIES), pd.Series(STEPS, STEPS + 1), length=5
        ).sample(1),
        "latents has steps with other labels.*reindex_like",
    ),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_recordings_name_the_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_length_that_is_proposed_fits():
    with pytest.raises(ValueError, match="pass length=") as error:
        ArrayWorld.from_recording(SERIES, length=300, gap=7)
    length = int(re.search(r"pass length=(\d+)", str(error.value))[1])
    assert ArrayWorld.from_recording(SERIES, length=length, gap=7).layout() == (1, 7)
    with pytest.raises(ValueError, match="room for 0"):
        ArrayWorld.from_recording(SERIES, length=length + 1, gap=7)


def test_few_blocks_and_short_gaps_are_said_before_training():
    slow = ar(0.95, 2000, 0)
    with pytest.warns(UserWarning, match=r"gap=0 is shorter .*pass gap=\d+, or"):
        RecordingWorld(slow, length=20, gap=0).check()
    with pytest.warns(UserWarning, match="n_units=4 blocks are few.*pass n_units=5"):
        RecordingWorld(SERIES, length=20, n_units=4).check()
    with pytest.warns(UserWarning, match="n_units=9 blocks are few.*pass n_units=10"):
        RecordingWorld(SERIES, STEPS, length=20, n_units=9).check()
    # Told once, and not where there is nothing to tell.
    RecordingWorld(slow, length=20).check()


@pytest.mark.parametrize("coefficient", [0.95, 0.99])
def test_the_gap_that_is_proposed_silences_the_warning(coefficient):
    slow = ar(coefficient, 2000, 0)
    with pytest.warns(UserWarning, match="pass gap=") as said:
        RecordingWorld(slow, length=20, gap=0).check()
    found = re.search(r"pass gap=(\d+)(?: with n_units=(\d+))?", str(said[0].message))
    RecordingWorld(slow, length=20, gap=int(found[1]), n_units=int(found[2] or 10)).check()


def test_no_gap_is_proposed_for_a_rhythm_of_the_whole_recording():
    with pytest.warns(UserWarning, match="; remove what drifts or repeats"):
        RecordingWorld(np.sin(STEPS / 8) + 0.01 * SERIES, length=20).check()


@pytest.mark.parametrize("shape", [(), (2,)])
def test_the_remedies_for_gaps_and_unknown_latents_work(shape):
    series = np.random.default_rng(1).normal(size=(2000, *shape))
    series[100:170] = np.nan
    with pytest.raises(ValueError, match="of 3 of 100 sequences of length=20") as error:
        ArrayWorld.from_recording(series, length=20, gap=0).sample(1)
    pieces, keep, world = re.search(
        r"(pieces = .*); (keep = .*), and make.*units, (.*) \(and cut", str(error.value)
    ).groups()
    names = {"np": np, "cut": cut, "series": series, "ArrayWorld": ArrayWorld}
    exec(f"{pieces}\n{keep}\nworld = {world}", names)
    assert names["world"].sample(97, 0).groups.max() == 9
    series, latents = series[200:], STEPS[200:].copy()
    latents[[3, 50]] = np.nan
    with pytest.raises(ValueError, match="latents is NaN at 2 of") as error:
        ArrayWorld.from_recording(series, latents, length=20, gap=0).sample(1)
    names = {"np": np, "series": series, "latents": latents}
    exec("\n".join(re.search(r"(series = .*); (series.*)\.", str(error.value)).groups()), names)
    world = ArrayWorld.from_recording(names["series"], latents, length=20, gap=0)
    assert world.sample(90, 0).observed.sum() == 1798


def test_a_memory_map_of_a_recording_is_not_copied(tmp_path):
    np.save(tmp_path / "series.npy", SERIES.astype(np.float32))
    mapped = np.load(tmp_path / "series.npy", mmap_mode="r")
    for gap in (0, 3):
        world = ArrayWorld.from_recording(mapped, length=20, gap=gap)
        rows = world.recorded().rows
        assert np.shares_memory(rows.values, mapped)
        assert np.shares_memory(cut(mapped, 20, gap), mapped)
        in_memory = ArrayWorld.from_recording(np.asarray(mapped), length=20, gap=gap)
        assert np.array_equal(world.sample(9, 0).X, in_memory.sample(9, 0).X)


def test_few_sequences_are_spread_over_the_blocks():
    world = ArrayWorld.from_recording(STEPS, length=5, gap=0)
    (train, evaluation), *_ = world.splits(5, 24, 6, 0)
    assert np.unique(train.groups, return_counts=True)[1].tolist() == [3] * 8
    assert np.unique(evaluation.groups, return_counts=True)[1].tolist() == [3] * 2
    assert len(set(evaluation.groups[:2].tolist())) == 2
    assert np.diff(train.X[:, 0]).min() > 50
    assert world.units_per_split(24, 6) == (8, 2)
    # Of fewer sequences than blocks each is of another one.
    assert world.units_per_split(3, 6) == (3, 2)


def test_a_recording_with_gaps_can_be_cut_anew():
    series = np.where(np.random.default_rng(1).random(2000) < 0.02, np.nan, SERIES)
    world = RecordingWorld(series, length=20, gap=0)
    assert world.sample(9, 0).X.shape == (9, 20)
    world.set_params(length=30, latents=STEPS)
    assert world.sample(9, 0).latents.shape == (9, 30, 1)
    assert world.facts.latent_names == ("latent 0",)
