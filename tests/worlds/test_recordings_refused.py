"""Own recordings of which nothing can be said are refused, with what would be accepted."""

import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import small_assessment
from recordings import (
    CLASSES,
    EQUAL,
    FRAME,
    GOOD,
    LONG,
    LONGER,
    MANY,
    ORDER,
    RECORDING,
    SHUFFLED,
    TIMED,
    TOKENS,
    TRIALS,
    WHOLE,
    WIDE,
    N,
    T,
    as_objects,
    assess,
    channel,
    draw,
    filtered,
    fit,
    gaussian,
    masked,
    padded,
    refused,
    twice,
    unequal,
    windows,
    with_value,
)

from sklearn_emerge import (
    ArrayWorld,
    GRUPredictor,
    KalmanPredictor,
    MeanPredictor,
    PersistencePredictor,
    cut,
)
from sklearn_emerge.probes import cross_validate_probe

RNG = np.random.default_rng(2)
OTHER = np.random.default_rng(3)


BAD = {
    # Channels that say nothing.
    "constant": (lambda: assess(np.ones((N, T))), "X is constant, 1 at.*recordings that vary"),
    "constant_drawn": (lambda: draw(np.zeros((N, T))), "X is constant, 0 at.*recordings that vary"),
    "flat": (lambda: assess(channel(0.0)), r"X .*\[3\].*np.delete\(X, \[3\], axis=2\)"),
    "flat_drawn": (lambda: draw(channel(0.1)), r"X .*\[3\].*np.delete\(X, \[3\], axis=2\)"),
    "flat_rounded": (
        lambda: assess(channel(1e8 + 1e-8 * GOOD)),
        r"X .*\[3\].*np.delete\(X, \[3\], axis=2\)",
    ),
    "flat_binary": (
        lambda: draw(channel(0, (WIDE > 0).astype(int))),
        r"X .*\[3\].*np.delete\(X, \[3\], axis=2\)",
    ),
    "flat_in_world": (
        lambda: small_assessment(world=ArrayWorld(channel(2.0)), n_train=None, n_eval=None).fit(),
        r"X .*\[3\].*np.delete\(X, \[3\], axis=2\)",
    ),
    # Sequences that share samples.
    "windows_1": (lambda: assess(windows(1)), r"X .*29 steps.*cut\(recording, 30\).*X\[::30"),
    "windows_7": (lambda: assess(windows(7)), r"X .*23 steps.*overlap.*X\[::5\]"),
    "windows_15": (lambda: draw(windows(15)), r"X .*15 steps.*X\[::2\]"),
    "windows_25": (lambda: draw(windows(25)), r"X .*5 steps.*cut\(recording, 30\)\.$"),
    "windows_of_2": (lambda: draw(windows(1, 3)), r"X .*2 steps.*X\[::3\]"),
    "windows_shuffled": (
        lambda: draw(RNG.permutation(windows(3))),
        "X .*27 steps.*without overlap",
    ),
    "windows_rounded": (lambda: draw(windows(1).round(1)), "X .*29 steps.*without overlap"),
    "windows_one_pair": (
        lambda: draw(np.concatenate([GOOD, np.roll(GOOD[:1], 5)])),
        "X .*steps with which others begin.*without overlap",
    ),
    "windows_channels": (
        lambda: draw(np.stack([windows(2), windows(2) ** 2], axis=2)),
        r"X .*28 steps.*cut\(recording, 30\)",
    ),
    "equal": (lambda: assess(EQUAL), r"X\[24\] and X\[0\] are equal.*np.unique\(X, axis=0"),
    "equal_all": (lambda: draw(np.repeat(GOOD, 2, axis=0)), "are equal.*24 of 48.*np.unique"),
    "equal_whole": (lambda: draw(twice(1e3 * LONGER.round(1))), "are equal.*30 of 60"),
    "equal_clipped": (lambda: draw(twice(LONGER.clip(-2, 2))), "are equal.*30 of 60"),
    "equal_counts": (
        lambda: draw(twice(RNG.poisson(5.0, (30, 100)).astype(float))),
        "are equal.*30 of 60",
    ),
    "windows_integers": (lambda: gaussian(windows(2, 40, WHOLE)), "X .*38 steps.*without overlap"),
    "windows_binary": (lambda: draw(windows(2, 40, WHOLE > 0)), "X .*38 steps.*without overlap"),
    "windows_anywhere": (
        lambda: draw(np.stack([MANY[i : i + 100] for i in OTHER.permutation(19_900)[:200]])),
        r"overlap, cut\(recording, 100\)\.$",
    ),
    # Ends that are filled in.
    "padded_zero": (lambda: assess(padded("zero")), r"X .* end in equal.*Cut .*\[:, :5\]"),
    "padded_last": (lambda: assess(padded("last")), r"X .* end in equal.*Cut .*\[:, :4\]"),
    "padded_start": (
        lambda: draw(padded("zero", at_end=False)),
        r"X .* begin in equal.*Cut .*\[:, 7:\]",
    ),
    "padded_channels": (
        lambda: draw(padded("zero", WIDE)),
        r"X .* end in equal.*Cut .*\[:, :5\]",
    ),
    "padded_few": (lambda: draw(padded("zero")[:10]), r"X has . of 10 .* end in equal.*Cut"),
    "padded_counts": (
        lambda: draw(padded("zero", RNG.poisson(500.0, (60, 20)).astype(float))),
        r"X .* end in equal.*Cut",
    ),
    "padded_integers": (
        lambda: gaussian(padded("zero", RNG.poisson(5, (60, 40)))),
        "X .* end in equal.*Cut",
    ),
    "padded_whole": (
        lambda: gaussian(padded("zero", RNG.normal(2000, 300, (60, 40)).astype(int))),
        "X .* end in equal.*Cut",
    ),
    "padded_rare_counts": (
        lambda: draw(padded("zero", RNG.poisson(1, (60, 40)).astype(float))),
        "X .* end in equal.*Cut",
    ),
    "padded_binary": (
        lambda: draw(padded("zero", np.random.default_rng(0).integers(0, 2, (60, 40)))),
        "X .* end in equal.*Cut",
    ),
    "padded_short": (lambda: draw(padded("zero", GOOD[:, :8])), "X .* end in equal.*Cut"),
    "padded_after_a_quiet_time": (
        lambda: draw(np.c_[np.zeros((N, 3)), padded("zero")]),
        r"X .* end in equal.*Cut .*\[:, :8\]",
    ),
    "interpolated": (
        lambda: assess(pd.DataFrame(np.where(padded("zero") == 0, np.nan, GOOD)).ffill(axis=1)),
        "X .* end in equal.*Cut all",
    ),
    "nan": (
        lambda: filtered(with_value(np.nan)),
        r"X .*X\[3, 4.*is nan.*Leave out.*Do not fill",
    ),
    "inf": (lambda: draw(with_value(np.inf)), r"X .*X\[3, 4.*is inf.*make them NaN"),
    "nan_ends": (
        lambda: filtered(np.where(padded("zero") == 0, np.nan, GOOD)),
        r"X contains NaN.*Cut all.*\[:, :5\].*Do not fill",
    ),
    # What is no array of real numbers.
    "masked": (lambda: assess(masked()), r"X\[3, 4\] is masked.*Leave out"),
    "masked_predictor": (lambda: MeanPredictor().fit(masked()), r"X\[3, 4\] is masked.*Leave out"),
    "masked_predict": (
        lambda: MeanPredictor().fit(GOOD).predict(masked()),
        r"X\[3, 4\] is masked.*Leave out",
    ),
    "masked_rows": (lambda: fit(list(masked())), r"X\[3, 4\] is masked.*Leave out"),
    "masked_world": (lambda: draw(masked()), r"X\[3, 4\] is masked.*Leave out"),
    "masked_latents": (lambda: draw(GOOD, masked()), r"latents\[3, 4\] is masked.*Leave out"),
    "masked_y": (lambda: assess(GOOD, masked()), r"y\[3, 4\] is masked.*Leave out"),
    "masked_probed": (
        lambda: cross_validate_probe(WIDE, masked()),
        r"latents\[3, 4\] is masked.*Leave out",
    ),
    "complex": (lambda: fit(GOOD * 1j), "X is complex.*two channels, np.stack"),
    "complex_world": (lambda: draw(GOOD * 1j), "X is complex.*two channels, np.stack"),
    "complex_y": (lambda: assess(GOOD, GOOD * 1j), "y is complex.*np.stack"),
    "dates": (lambda: fit(GOOD.astype("datetime64[s]")), "X holds dates.*pass numbers"),
    "durations": (lambda: draw(GOOD.astype("timedelta64[s]")), "X holds dates.*pass numbers"),
    "text_world": (lambda: draw(np.full((N, T), "a")), "X holds text.*np.unique"),
    "text_column": (
        lambda: draw(FRAME.assign(subject="s")),
        r"X holds text.*leave out.*X.drop\(columns=\['subject'\]\)",
    ),
    "columns_of_several_quantities": (
        lambda: fit(FRAME.rename(columns=str).assign(subject=1, time=0)),
        r"X has columns of integers \('subject', 'time'\) and of floats.*X.astype\(float\)",
    ),
    "text": (lambda: fit(np.full((N, T), "a")), "X holds text.*np.unique"),
    "unequal": (lambda: filtered(unequal()), r"X has .*10 to 12 steps.*row\[:10\].*leave short"),
    "unequal_channels": (lambda: filtered(unequal(shape=(2,))), r"X .*10 to 12.*row\[:10\]"),
    "unequal_objects": (lambda: filtered(as_objects(unequal())), r"X .*10 to 12.*row\[:10\]"),
    "unequal_widths": (
        lambda: fit([WIDE[0], WIDE[1, :, :2]]),
        r"X\[0\] has shape \(12, 3\) and X\[1\] \(12, 2\).*one shape",
    ),
    "ragged": (lambda: fit([[[1.0], [1.0, 2.0]]] * 3), "X has a sequence whose own.*as long"),
    "no_channels": (lambda: fit(np.zeros((N, T, 0))), "X is empty.*Pass at least"),
    "no_channels_world": (lambda: draw(np.zeros((N, T, 0))), "X is empty.*Pass at least"),
    "no_steps": (lambda: fit(np.zeros((N, 0, 2))), "X is empty.*Pass at least"),
    "no_steps_world": (lambda: draw(np.zeros((N, 0))), "X is empty.*Pass at least"),
    "no_sequences": (lambda: assess(np.zeros((0, T))), "X is empty.*Pass at least"),
    "four_dimensions": (lambda: draw(np.ones((N, T, 2, 2))), "X has 4 dimensions.*n_channels"),
    "no_latents": (lambda: draw(GOOD, np.zeros((N, T, 0))), "latents is empty.*pass None"),
    "huge": (lambda: fit(GOOD * 1e160), r"X has values as large as.*rescale, X / 1e160"),
    "huge_world": (lambda: draw(GOOD * 1e160), "X has values as large as.*rescale, X / 1e160"),
    "tiny": (lambda: fit(GOOD * 1e-300), "X has values that differ by.*rescale, X / 1e-300"),
    "tiny_channel": (lambda: assess(channel(GOOD * 1e-200)), "X has values that.*rescale, X / "),
    # Integers, which may be tokens.
    "integers": (lambda: assess(TOKENS), r"X holds integers, 0 to 4.*categorical.*X.astype\(float"),
    "integers_world": (
        lambda: small_assessment(world=ArrayWorld(TOKENS), n_train=None, n_eval=None).fit(),
        "X holds integers.*categorical.*astype",
    ),
    "integers_list": (lambda: assess(TOKENS.tolist()), "X holds integers.*categorical.*astype"),
    "token_negative": (
        lambda: assess(TOKENS - 1, model=GRUPredictor(likelihood="categorical")),
        r"X\[.*\] is -1, which is not a token.*from 0 on.*np.unique",
    ),
    "token_fraction": (
        lambda: assess(GOOD, model=GRUPredictor(likelihood="categorical")),
        "X.* is not a token.*integers from 0 on.*np.unique",
    ),
    "token_unknown": (
        lambda: PersistencePredictor(likelihood="categorical").fit(TOKENS).predict(TOKENS + 1),
        r"X\[.*\] is 5, which is not a token.*Pass n_tokens=6",
    ),
    "token_filter": (
        lambda: assess(
            TOKENS,
            model=GRUPredictor(likelihood="categorical"),
            baselines=["mean", "autoregressive"],
        ),
        "baselines has 'autoregressive', which cannot predict tokens.*choose from 'mean'",
    ),
    "token_phase": (
        lambda: assess(TOKENS, model=GRUPredictor(likelihood="categorical"), nulls="phase"),
        "nulls has 'phase'.*choose from 'shuffle'",
    ),
    # Tables and labels.
    "long": (
        lambda: fit(LONG),
        r"X has rows with 2 labels \(trial, time\).*24 sequences of 12 steps.*np.stack.*to_numpy",
    ),
    "long_unequal": (
        lambda: assess(LONG.iloc[:-2]),
        r"X has rows with 2 labels.*of 10 to 12 steps.*to_numpy\(\)\[:10\] for",
    ),
    "long_series": (lambda: draw(LONG["x"]), "X has rows with 2 labels.*np.stack"),
    "long_y": (lambda: assess(GOOD, LONG["x"]), r"y has rows with 2 labels.*in y.groupby"),
    "timed": (
        lambda: fit(TIMED),
        r"X has rows labelled by time.*288 steps.*sequences: cut\(X, 28\)\. If",
    ),
    "timed_y": (lambda: assess(GOOD, TIMED), r"y has rows labelled by time.*y.to_numpy\(\)"),
    "two_headers": (
        lambda: fit(LONG.unstack()),
        r"X has columns with 2 labels.*np.stack\(\[X.xs\(each, axis=1, level=0\)",
    ),
    "time_first": (
        lambda: assess(TRIALS.rename(trial="place").T),
        r"X has rows labelled by time.*X.transpose\('place', 'time'\)",
    ),
    "one_recording_of_channels": (
        lambda: assess(TRIALS.rename(trial="channel")),
        r"X has rows labelled by time.*12 steps.*cut\(X, 6\)",
    ),
    "dimensions_unknown": (
        lambda: assess(xr.DataArray(WIDE, dims=["time", "place", "what"])),
        r"X has the dimensions 'time', 'place', 'what'.*X.rename\({'time': 'trial'",
    ),
    "dataset_of_several_kinds": (
        lambda: draw(TRIALS.to_dataset().assign(side=("trial", CLASSES))),
        r"X is a Dataset whose variables are not.*'rate' \('trial', 'time'\).*X\[\['rate'\]\]",
    ),
    "latent_of_another_name": (
        lambda: draw(TRIALS.to_dataset().assign(side=("trial", CLASSES)), "sid"),
        "latents has 'sid', which is no variable of X; choose from 'rate', 'side'.*'side'",
    ),
    "latents_are_all": (
        lambda: draw(TRIALS.to_dataset(), ["rate"]),
        "latents=.*are all variables of X.*leave out one",
    ),
    "dataset_empty": (lambda: fit(xr.Dataset()), "X is a Dataset without variables; pass one"),
    "another_order": (
        lambda: assess(FRAME, SHUFFLED),
        r"y has rows labelled .*align them, y = y.loc\[X.index\].*y.to_numpy\(\)",
    ),
    "another_order_before_missing": (
        lambda: assess(FRAME.mask(FRAME < -2), SHUFFLED),
        "y has rows labelled .*align them",
    ),
    "another_order_before_missing_drawn": (
        lambda: draw(FRAME.mask(FRAME < -2), SHUFFLED),
        "latents has rows labelled .*align them",
    ),
    "other_labels": (
        lambda: assess(FRAME, pd.Series(GOOD[:, 0])),
        r"y has rows labelled 0, 1, 2.*trial 0.*pass y.to_numpy\(\)",
    ),
    "latents_in_another_order": (
        lambda: draw(FRAME, SHUFFLED),
        r"latents has rows.*latents = latents.loc\[X.index\]",
    ),
    "steps_in_another_order": (
        lambda: assess(FRAME, FRAME[FRAME.columns[::-1]]),
        r"y has steps labelled 11.*y = y.loc\[:, X.columns\]",
    ),
    "arrays_in_another_order": (
        lambda: assess(TRIALS, TRIALS[ORDER, 0]),
        r"y has rows labelled.*y = y.sel\(\{'trial': X.indexes\['trial'\]\}\)",
    ),
    # One series alone.
    "series": (
        lambda: KalmanPredictor().fit(RECORDING),
        r"X .*400 steps.*cut\(np.ravel\(X\), 40\)",
    ),
    "series_row": (lambda: assess(RECORDING[None]), r"X .*cut\(np.ravel\(X\), 40\) \(or"),
    "series_column": (lambda: fit(RECORDING[:, None]), r"X .*cut\(np.ravel\(X\), 40\) \(or"),
    "series_pandas": (lambda: assess(pd.Series(RECORDING)), r"X .*cut\(np.ravel\(X\), 40\)"),
    "series_world": (
        lambda: draw(RECORDING),
        r"X .*ArrayWorld.from_recording\(np.ravel\(X\), length=4\)",
    ),
    "series_channels": (lambda: fit(WIDE[:1]), r"X .*cut\(np.reshape\(X, \(-1, 3\)\), 6\)"),
    "series_short": (lambda: fit([1.0, 2.0]), "X .*2 steps, record more"),
    # Latents.
    "missing_class": (
        lambda: assess(GOOD, pd.array([1, None] * (N // 2), dtype="Int64")),
        r"y\[1\] is missing.*Leave these",
    ),
    "missing_text": (
        lambda: draw(GOOD, np.where(np.arange(N) == 3, None, CLASSES)),
        r"latents\[3\] is missing \(None\).*Leave these",
    ),
    "missing_category": (
        lambda: draw(GOOD, pd.Categorical(["a", None] * (N // 2))),
        r"latents\[1\] is missing.*Leave these",
    ),
    "missing_number": (
        lambda: draw(GOOD, with_value(np.nan)),
        "nan at step 4 of sequence 3.*make such steps missing in X",
    ),
    "missing_in_a_column": (
        lambda: assess(GOOD, pd.DataFrame({"side": [None, "left"] * (N // 2), "id": 1})),
        r"y\['side'\]\[0\] is missing.*and of X",
    ),
    "mixed_objects": (
        lambda: draw(GOOD, pd.DataFrame({"a": CLASSES, "b": GOOD[:, 0].astype(object)})),
        "latents has classes and quantities",
    ),
    "mixed_columns": (
        lambda: assess(GOOD, pd.DataFrame({"side": CLASSES, "speed": GOOD[:, 0]})),
        r"y has classes and quantities.*one kind, or y.astype\(float\)",
    ),
    "mixed_values": (
        lambda: draw(GOOD, np.array([1.5, "left"] * (N // 2), dtype=object)),
        "latents has values of the types float, str.*use floats",
    ),
    "latent_dates": (lambda: draw(GOOD, GOOD.astype("datetime64[s]")), "latents holds dates.*pass"),
    "unnamed_columns": (
        lambda: draw(GOOD, pd.DataFrame(GOOD[:, :2])),
        r"latents has shape \(24, 2\).*DataFrame with a named column",
    ),
    "names_twice": (
        lambda: draw(GOOD, WIDE[:, :, :2], ["a", "a"]),
        "latent_names=.*1 different names for 2 latents; give one each",
    ),
    "names_joined_twice": (
        lambda: draw(GOOD, WIDE[:, :, :2], [("a", "b"), "a b"]),
        "latent_names=.*1 different names for 2 latents; give one each",
    ),
    "columns_twice": (
        lambda: assess(GOOD, pd.DataFrame(GOOD[:, :2], columns=["a", "a"])),
        "latent_names=.*1 different names for 2 latents; give one each",
    ),
    "name_with_nul": (lambda: draw(GOOD, GOOD, ["a\0"]), "latent_names has .*give a name of text"),
    "empty_name": (lambda: draw(GOOD, GOOD, [""]), "latent_names has ''.*give a name of text"),
}


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_recordings_are_refused_before_training(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("X", "remedy"),
    [
        (channel(0.0), r"out, (np.delete.*?)\.$"),
        (windows(1), r"pass (X\[::30\])"),
        (windows(7), r"pass (X\[::5\])"),
        (padded("zero"), r"recorded, (np.*?), or"),
        (padded("last", at_end=False), r"recorded, (np.*?), or"),
        (np.c_[np.zeros((N, 3)), padded("zero")], r"recorded, (np.*?), or"),
        (with_value(np.inf), r"NaN, (np.*?): such"),
        (masked(), r"instance (X.*?) \(and so the latents\)\. "),
        (masked(), r"NaN, (np.*?): such"),
        (FRAME.rename(columns=str).assign(subject="s"), r"step, (X.drop.*?)\.$"),
        (FRAME.rename(columns=str).assign(time=0), r"pass (X.astype\(float\))"),
        (WIDE[:, :, 0] + 1j * WIDE[:, :, 1], r"channels, (np.*?)\.$"),
        (GOOD * 1e160, r"rescale, (X.*?)\.$"),
        (GOOD * 1e-300, r"rescale, (X.*?)\.$"),
        (TOKENS, r"pass (X.astype\(float\))"),
        (LONG, r"pass (np.stack.*?)\. If"),
        (LONG.sample(frac=1, random_state=0).iloc[:-2], r"pass (np.stack.*?)\. If"),
        (LONG["x"], r"pass (np.stack.*?)\. If"),
        (TIMED, r"sequences: (cut.*?)\. If"),
        (LONG.unstack(), r"pass (np.stack.*?);"),
        (TRIALS.rename(trial="place").T, r"sequences, (X.transpose.*?)\. If"),
        (TRIALS.rename(trial="neuron").T, r"sequences, (X.rename.*?)\. If"),
        (TRIALS.to_dataset().assign(side=("trial", CLASSES)), r"instance (X.*?)\.$"),
        (xr.DataArray(WIDE, dims=["time", "place", "what"]), r"order (X.*?), or bring"),
        (RECORDING, r"it, (cut.*?) \(or"),
        (RECORDING.tolist(), r"it, (cut.*?) \(or"),
        (pd.Series(RECORDING), r"it, (cut.*?) \(or"),
        (RECORDING[:, np.newaxis], r"it, (cut.*?) \(or"),
        (RECORDING.reshape(1, -1, 2), r"it, (cut.*?)\.$"),
    ],
)
def test_what_a_message_proposes_is_accepted(X, remedy):
    proposed = re.search(remedy, refused(lambda: assess(X)))[1]
    X = eval(proposed, {"np": np, "cut": cut, "X": X})
    cube = assess(X, modes=("random",), nulls=(), probe=None).cube_
    assert np.isfinite(cube.delta_nll).all()


@pytest.mark.parametrize(
    ("X", "remedy"),
    [
        (with_value(np.nan), r"some, (np.*?) \(and so the latents\)\. Do not"),
        (with_value(np.nan).tolist(), r"some, (np.*?) \(and so"),
        (pd.DataFrame(with_value(np.nan)), r"some, (np.*?) \(and so"),
        (np.where(padded("zero") == 0, np.nan, GOOD), r"none, (np.*?) \(and so"),
        (unequal([12, 10, 11] * 4), r"shortest, (np.*?), or"),
        (unequal([12, 10, 11] * 8), r"out, (np.*?)\.$"),
        (as_objects(unequal([12, 10, 11] * 4)), r"shortest, (np.*?), or"),
    ],
)
def test_what_predictors_of_complete_sequences_propose_is_accepted(X, remedy):
    proposed = re.search(remedy, refused(lambda: filtered(X)))[1]
    filtered(eval(proposed, {"np": np, "X": X}))


@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame, np.ndarray.tolist])
@pytest.mark.parametrize("text", ["NA", ""])
def test_text_among_numbers_becomes_missing_as_the_message_says(kind, text):
    X = GOOD.astype(object)
    X[3, 4] = text
    X = kind(X)
    remedy = re.search(r"missing, (pd.*)\.$", refused(lambda: draw(X)))[1]
    X = eval(remedy, {"np": np, "pd": pd, "X": X})
    sample = ArrayWorld(X).sample(N, random_state=0)
    assert (~sample.observed).sum() == 1
    assert np.nansum(sample.X) == pytest.approx(GOOD.sum() - GOOD[3, 4])


@pytest.mark.parametrize("dtype", [str, object])
def test_quantities_that_are_text_are_no_classes(dtype):
    latents = GOOD.round(1).astype(str).astype(dtype)
    message = refused(lambda: draw(GOOD, latents))
    assert "latents holds numbers as text, such as" in message
    quantities = re.search(r"pass (np.*?) if", message)[1]
    classes = re.search(r"or (np.*?) for classes", message)[1]
    names = {"np": np, "latents": latents}
    assert ArrayWorld(GOOD, eval(quantities, names)).latent_kind == "continuous"
    assert ArrayWorld(GOOD, eval(classes, names)).latent_kind == "discrete"
    for integers in (GOOD.round().astype(int).astype(str), np.where(GOOD > 0, "1.5", "left")):
        assert ArrayWorld(GOOD, integers).latent_kind == "discrete"


def test_equal_sequences_are_passed_once():
    proposed = re.search(r"keep = (.*?), np", refused(lambda: draw(EQUAL)))[1]
    keep = eval(proposed, {"np": np, "X": EQUAL})
    assert np.array_equal(np.sort(EQUAL[keep], axis=0), np.sort(GOOD, axis=0))
    draw(EQUAL[keep])


def test_labels_that_disagree_are_aligned_by_what_the_message_proposes():
    for X, y in [
        (FRAME, SHUFFLED),
        (FRAME, FRAME[FRAME.columns[::-1]]),
        (TRIALS, TRIALS[ORDER, 0]),
        (TRIALS, SHUFFLED.set_axis(ORDER)),
    ]:
        proposed = re.search("y = (.*?), or", refused(lambda X=X, y=y: assess(X, y)))[1]
        aligned = eval(proposed, {"X": X, "y": y})
        assert np.array_equal(aligned, GOOD if aligned.ndim == 2 else GOOD[:, 0])


def test_every_shift_of_windows_is_found():
    for step in range(1, 27):
        message = refused(lambda step=step: draw(windows(step)))
        assert f"with the {30 - step} steps" in message
    draw(windows(30))


def test_arrays_changed_in_place_are_checked_anew():
    X = GOOD.copy()
    world = ArrayWorld(X)
    world.sample(2, 0)
    X[:] = padded("zero")
    with pytest.raises(ValueError, match="end in equal values"):
        small_assessment(world=world, n_train=None, n_eval=None).fit()


def test_padded_noise_has_no_verdict_and_cut_noise_no_operator():
    noise = np.random.default_rng(1).normal(size=(40, 30))
    filled = padded("last", noise)
    with pytest.raises(ValueError, match="end in equal values"):
        assess(filled)
    assert assess(filled[:, :4], alpha=0.3).verdict_ != "operator"


def in_levels(*names):
    """Return trials as a table whose rows or columns have two labels, in some order."""
    array = np.random.default_rng(0).normal(size=(6, 5, 3))
    labels = dict(trial=range(6), time=range(5), channel=list("abc"))
    index = pd.MultiIndex.from_product([labels[name] for name in names], names=names)
    axes = [("trial", "time", "channel").index(name) for name in names]
    rest = ({0, 1, 2} - set(axes)).pop()
    table = pd.DataFrame(array.transpose(*axes, rest).reshape(len(index), -1), index)
    return (table if rest == 2 else table.T), array


@pytest.mark.parametrize(
    "names", [("trial", "time"), ("time", "trial"), ("channel", "time"), ("time", "channel")]
)
def test_tables_of_two_labels_are_told_the_call_that_knows_their_order(names):
    table, array = in_levels(*names)
    tables = [table, table.sample(frac=1, random_state=0)] if "trial" in names else [table]
    for X in tables:
        with pytest.raises(ValueError, match="has .* with 2 labels") as error:
            MeanPredictor().fit(X)
        call = re.search(r"pass (np\.stack\(.*?\)(?:, axis=2\))?)[.;] ", str(error.value))
        assert np.array_equal(eval(call.group(1), {"np": np, "X": X}), array)
