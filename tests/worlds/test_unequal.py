"""Recordings of unequal length, and recordings with gaps."""

import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_emerge import (
    ArrayWorld,
    EmergenceAssessment,
    GRUPredictor,
    MarkovPredictor,
    MeanPredictor,
)
from sklearn_emerge.assessment._panel import make_baselines
from sklearn_emerge.measures import exchange_states, memory_curve
from sklearn_emerge.probes import cross_validate_probe

NAN = np.nan
RNG = np.random.default_rng(0)
LENGTHS = RNG.integers(6, 13, 30)
LENGTHS[0] = 12
ROWS = [RNG.normal(size=n).cumsum() for n in LENGTHS]
MISSING = np.arange(12) >= LENGTHS[:, np.newaxis]


def padded(fill=NAN, rows=ROWS):
    X = np.full((len(rows), 12, *np.shape(rows[0])[1:]), fill)
    for target, row in zip(X, rows, strict=True):
        target[: len(row)] = row
    return X


def with_gap():
    X = padded()
    X[0, 3:5] = NAN
    return X


def drawn(*arguments, **options):
    return ArrayWorld(*arguments, **options).sample(30, random_state=0)


@pytest.mark.parametrize(
    "world",
    [
        ArrayWorld(ROWS),
        ArrayWorld(np.array(ROWS, dtype=object)),
        ArrayWorld(tuple(row.tolist() for row in ROWS)),
        ArrayWorld(padded(-1.0), lengths=LENGTHS),
        ArrayWorld(padded(-1.0), observed=~MISSING),
        ArrayWorld(padded(-1.0).tolist(), lengths=LENGTHS.tolist(), observed=(~MISSING).tolist()),
        clone(ArrayWorld(ROWS)),
    ],
)
def test_all_ways_to_say_what_is_missing_are_the_same(world):
    expected, sample = drawn(padded()), world.sample(30, random_state=0)
    np.testing.assert_array_equal(sample.X, expected.X)
    np.testing.assert_array_equal(sample.observed, ~np.isnan(expected.X))
    assert world.null_kinds == ("shuffle", "resample", "phase")
    assert (world.n_steps, world.observation) == (12, "continuous")


def test_complete_recordings_have_no_mask():
    assert ArrayWorld(RNG.normal(size=(9, 5))).sample(9, random_state=0).observed is None


def test_several_channels_and_classes_may_have_unequal_lengths():
    rows = [RNG.normal(size=(n, 2)) for n in LENGTHS]
    classes = [RNG.integers(0, 3, n) for n in LENGTHS]
    sample = drawn(rows, classes)
    assert sample.X.shape == (30, 12, 2)
    assert sample.latents.dtype == np.int64
    assert set(np.unique(sample.latents)) == {0, 1, 2}
    row = int(sample.observed.sum(axis=1).argmin())
    n = int(sample.observed[row].sum())
    [twin] = [i for i, each in enumerate(rows) if np.array_equal(each, sample.X[row, :n])]
    np.testing.assert_array_equal(sample.latents[row, :n, 0], classes[twin])


def test_a_step_that_is_partly_missing_is_missing():
    X = RNG.normal(size=(6, 5, 2))
    X[2, 3, 1] = NAN
    sample = ArrayWorld(X).sample(6, random_state=0)
    assert np.isnan(sample.X).sum() == 2
    assert (~sample.observed).sum() == 1


def test_integers_with_a_mask_stay_tokens_and_zeros_and_ones_binary():
    tokens = [RNG.integers(0, 4, n) for n in LENGTHS]
    for world in (
        ArrayWorld(tokens),
        ArrayWorld(padded(9, tokens).astype(int), observed=~MISSING),
    ):
        assert (world.likelihood, world.n_tokens) == ("auto", 4)
        X = world.sample(30, random_state=0).X
        model = MarkovPredictor(likelihood="categorical").fit(X)
        pairs = np.zeros((4, 4))
        for row in tokens:
            np.add.at(pairs, (row[:-1], row[1:]), 1)
        expected = (pairs + 1) / (pairs.sum(axis=1, keepdims=True) + 4)
        np.testing.assert_allclose(model.means_, expected)
    zeros_and_ones = [row % 2 for row in tokens]
    assert ArrayWorld(zeros_and_ones).observation == "binary"
    assert ArrayWorld(padded(7, zeros_and_ones), lengths=LENGTHS).observation == "binary"


def test_shuffling_permutes_the_observed_steps_of_each_sequence():
    world = ArrayWorld(with_gap())
    original = world.sample(30, random_state=0)
    null = world.null("shuffle").sample(30, random_state=0)
    np.testing.assert_array_equal(null.observed, original.observed)
    np.testing.assert_array_equal(np.isnan(null.X), ~original.observed)
    np.testing.assert_array_equal(np.sort(null.X), np.sort(original.X))
    assert not np.array_equal(null.X, original.X, equal_nan=True)


def test_resampling_permutes_across_the_sequences_that_are_observed():
    world = ArrayWorld(with_gap())
    original = world.sample(30, random_state=0)
    null = world.null("resample").sample(30, random_state=0)
    np.testing.assert_array_equal(np.isnan(null.X), ~original.observed)
    np.testing.assert_array_equal(np.sort(null.X, axis=0), np.sort(original.X, axis=0))
    again = world.null("resample").null("shuffle").sample(30, random_state=0)
    np.testing.assert_array_equal(np.isnan(again.X), ~original.observed)


def test_every_order_of_the_observed_steps_is_as_likely():
    X = np.array([[1.0, NAN, 2.0, 3.0, NAN], [4.0, 5.0, NAN, 6.0, 7.0], [8.0, 1.5, 9.0, 9.5, 2.5]])
    null, counts = ArrayWorld(X).null("shuffle"), {}
    for seed in range(600):
        drawn = null.sample(3, random_state=seed).X
        [row] = [each for each in drawn if np.nansum(each) == 6]
        order = tuple(row[~np.isnan(row)])
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert 70 < min(counts.values()) <= max(counts.values()) < 130


def test_surrogates_have_the_length_of_their_sequence():
    null = ArrayWorld(ROWS).null("phase").sample(30, random_state=0)
    original = drawn(ROWS)
    for row, source, known in zip(null.X, original.X, original.observed, strict=True):
        n = known.sum()
        np.testing.assert_array_equal(np.sort(row[:n]), np.sort(source[:n]))
        assert np.isnan(row[n:]).all()


def test_surrogates_of_several_channels_have_the_length_of_their_sequence():
    rows = [RNG.normal(size=(n, 2)).cumsum(axis=0) for n in LENGTHS]
    null = ArrayWorld(rows).null("phase").sample(30, random_state=0)
    original, same = drawn(rows), 0
    for row, source, known in zip(null.X, original.X, original.observed, strict=True):
        n = known.sum()
        np.testing.assert_array_equal(np.sort(row[:n], axis=0), np.sort(source[:n], axis=0))
        assert np.isnan(row[n:]).all()
        same += np.array_equal(row[:n], source[:n])
    # A few steps have few orders.
    assert same <= 3


def test_what_has_gaps_has_no_surrogates():
    world = ArrayWorld(with_gap())
    assert world.null_kinds == ("shuffle", "resample")
    with pytest.raises(ValueError, match="missing steps before their last one.*'shuffle'"):
        world.null("phase")


BAD = {
    "lengths_number": (dict(lengths=LENGTHS[1:]), r"lengths has shape \(29,\), but X has 30"),
    "lengths_floats": (dict(lengths=LENGTHS + 0.5), "lengths has dtype float64.*astype"),
    "lengths_short": (dict(lengths=np.where(LENGTHS == 12, 1, 9)), r"lengths\[0\]=1 is out of"),
    "lengths_long": (dict(lengths=LENGTHS + 1), r"lengths\[0\]=13.*from 2 to 12"),
    "observed_shape": (dict(observed=~MISSING[:, 1:]), r"observed has shape \(30, 11\)"),
    "observed_channels": (
        dict(observed=np.ones((30, 12, 1), dtype=bool)),
        r"observed has shape \(30, 12, 1\).*observed.all\(axis=2\)",
    ),
    "observed_dtype": (dict(observed=1 - MISSING), "observed has dtype int64.*astype"),
    "nothing_observed": (dict(observed=MISSING & False), "X has 0 sequences of which two steps"),
    "one_step": (
        dict(observed=~MISSING & ~((np.arange(30) == 7)[:, None] & (np.arange(12) > 0))),
        r"X\[7\] has 1 observed steps, and 1 of 30",
    ),
    "step_missing": (
        dict(observed=~MISSING & (np.arange(12) != 4)),
        r"no sequence in which step 4 is observed.*1 of 12.*np.delete\(X, \[4\]",
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("start", ["draw", "assess"])
def test_bad_masks_are_refused_before_training(name, start, monkeypatch):
    monkeypatch.setattr("sklearn_emerge.predictors._neural.train", pytest.fail)
    options, message = BAD[name]
    world = ArrayWorld(padded(0.5), **options)
    with pytest.raises(ValueError, match=message):
        if start == "draw":
            world.sample(5, random_state=0)
        else:
            EmergenceAssessment(world, GRUPredictor(2, max_steps=1), n_seeds=2).fit()


def test_sequences_with_one_observed_step_are_left_out_as_the_message_says():
    X = padded()
    X[5, 1:] = NAN
    with pytest.raises(ValueError, match=r"X\[5\] has 1 observed steps, and 1 of 30") as error:
        drawn(X)
    call = str(error.value).partition("Leave them out, ")[2].partition(" (and so")[0]
    X = eval(call, {"np": np, "X": X})
    assert len(X) == 29
    ArrayWorld(X).sample(29, random_state=0)


def test_what_is_filled_in_is_still_refused_and_can_be_made_missing():
    X = np.where(MISSING, 0.0, padded())
    with pytest.raises(ValueError, match="end in equal values.*pass lengths or observed"):
        ArrayWorld(X).sample(5, random_state=0)
    drawn(X, lengths=LENGTHS)


def test_padded_copies_of_one_sequence_are_still_refused():
    X = padded()
    X[4] = X[9]
    with pytest.raises(ValueError, match=r"X\[9\] and X\[4\] are equal"):
        drawn(X)


def test_latents_may_be_missing_where_steps_are_and_only_there():
    X, latents = padded(), padded()
    np.testing.assert_array_equal(np.isnan(drawn(X, latents).latents[..., 0]), np.isnan(drawn(X).X))
    np.testing.assert_array_equal(drawn(ROWS, ROWS).latents, drawn(X, latents).latents)
    latents[3, 2] = NAN
    with pytest.raises(ValueError, match="where X is observed: nan at step 2 of sequence 3"):
        drawn(X, latents)
    X[3, 2] = NAN
    drawn(X, latents)
    short = [row[:-1] if i == 5 else row for i, row in enumerate(ROWS)]
    with pytest.raises(ValueError, match=rf"latents\[5\] has {LENGTHS[5] - 1} steps.*X\[5\]"):
        drawn(ROWS, short)


@pytest.mark.parametrize("lengths", [LENGTHS, np.full(30, 9)])
def test_lists_that_do_not_fit_are_told_the_numbers_of_steps_of_one_sequence(lengths):
    X = [RNG.normal(size=(n, 2)) for n in lengths]
    latents = [row[:, 0] for row in X]
    n = lengths[5]
    for row, other in ((latents[5][:-4], n - 4), (np.zeros(15), 15)):
        wrong = [row if i == 5 else each for i, each in enumerate(latents)]
        with pytest.raises(ValueError, match=rf"latents\[5\] has {other} steps, X\[5\] {n} up to"):
            drawn(X, wrong)
    with pytest.raises(ValueError, match="latents has 29 sequences, X 30"):
        drawn([*X[:-1], X[-1][:-1]], latents[:-1])
    assert drawn(X, latents).latents.shape == (30, max(lengths), 1)


def test_latents_that_go_on_where_their_sequence_has_ended_are_refused():
    longer = [np.zeros(12) if i in (3, 5) else row for i, row in enumerate(ROWS)]
    assert LENGTHS[3] < 12 > LENGTHS[5]
    message = rf"\[3\] has 12 steps, but X\[3\] has {LENGTHS[3]}, one of 2"
    with pytest.raises(ValueError, match=f"latents{message}") as info:
        drawn(ROWS, longer)
    with pytest.raises(ValueError, match=f"y{message}"):
        EmergenceAssessment(model=GRUPredictor(2)).fit(ROWS, longer)
    # As many of each as the longest sequence has steps.
    with pytest.raises(ValueError, match=r"latents\[1\] has 12 steps"):
        drawn(ROWS, [np.zeros(12)] * 30)
    call = re.search(r"as many, (\[.*\]) if both", str(info.value)).group(1)
    fitting = eval(call, {"X": ROWS, "latents": longer})
    assert drawn(ROWS, fitting).latents.shape == (30, 12, 1)
    # Rows of an array are as long as the longest, and their latents need not be.
    assert drawn(padded(), ROWS).latents.shape == (30, 12, 1)


def test_as_many_latents_of_every_sequence_do_not_reach_the_ends_of_longer_ones():
    with pytest.raises(ValueError, match=r"latents\[0\] has 6 steps, X\[0\] 12 up to"):
        drawn(ROWS, [np.arange(6.0)] * 30)


@pytest.mark.parametrize("channels", [(), (2,)])
@pytest.mark.parametrize("n_latents", [(), (2,)])
@pytest.mark.parametrize("as_array", [False, True])
def test_steps_of_lists_whose_latents_are_not_known_become_missing(channels, n_latents, as_array):
    X = [RNG.normal(size=(n, *channels)) for n in LENGTHS]
    X = padded(rows=X) if as_array else X
    latents = [RNG.normal(size=(n, *n_latents)) for n in LENGTHS]
    latents[3][2] = NAN
    with pytest.raises(ValueError, match="nan at step 2 of sequence 3") as info:
        drawn(X, latents)
    first, loop = re.search(
        r"too, (X = .*?), and then (for .*?), and latents", str(info.value)
    ).groups()
    names = {"np": np, "X": X, "latents": latents}
    exec(f"{first}\n{loop}", names)
    expected = LENGTHS.sum() - 1
    assert drawn(names["X"], latents).observed.sum() == expected


def test_lists_with_steps_last_are_turned_as_the_message_says():
    X = [RNG.normal(size=(3, n)) for n in LENGTHS]
    with pytest.raises(ValueError, match=r"if steps come last, \[np.transpose") as info:
        drawn(X)
    turned = re.search(r"last, (\[.*?for x in X\])", str(info.value))[1]
    sample = drawn(eval(turned, {"np": np, "X": X}))
    assert sample.X.shape == (30, 12, 3)
    assert sample.observed.sum() == LENGTHS.sum()
    with pytest.raises(ValueError, match=r"n_channels\)\.$"):
        drawn([row if i else row[:2] for i, row in enumerate(X)])


@pytest.mark.parametrize("classes", [False, True])
def test_probes_leave_out_what_is_not_observed(classes):
    """The score is that of the same rows by the parts of scikit-learn."""
    hidden = RNG.normal(size=(30, 12, 3))
    latents = hidden @ [1.0, -1.0, 0.5] + RNG.normal(size=(30, 12))
    if classes:
        latents = (latents > 0).astype(int)
    other = np.where(MISSING, 1 if classes else NAN, latents)
    scores = [
        cross_validate_probe(hidden, each, observed=~MISSING).score[0] for each in (latents, other)
    ]
    assert scores[0] == scores[1]
    assert scores[0] != cross_validate_probe(hidden, latents).score[0]
    if classes:
        return
    known = ~MISSING[:, 1:]
    rows, target = hidden[:, 1:][known], latents[:, 1:][known]
    groups = np.repeat(np.arange(30)[:, np.newaxis], 11, axis=1)[known]
    probe = make_pipeline(StandardScaler(), Ridge())
    found = cross_val_predict(probe, rows, target, groups=groups, cv=GroupKFold(5))
    assert scores[0] == pytest.approx(r2_score(target, found))


def test_measures_count_what_is_observed():
    sample = ArrayWorld(with_gap()).sample(30, random_state=0)
    model = GRUPredictor(4, max_steps=5, random_state=0).fit(sample.X)
    curve = memory_curve(model, sample)
    assert curve[-1].item() == pytest.approx(-model.score(sample.X))
    assert np.isfinite(curve).all()
    assert np.isfinite(exchange_states(model, sample)).all()


@pytest.mark.slow
def test_a_padded_set_is_assessed_as_its_sequences():
    model = GRUPredictor(3, max_steps=3)
    options = {"n_seeds": 2, "baselines": ["mean"], "n_jobs": 1, "random_state": 0}
    assessment = EmergenceAssessment(ArrayWorld(ROWS, ROWS), model, **options).fit()
    cube = assessment.cube_
    assert np.isfinite(cube.nll).all()
    assert np.isfinite(cube.probe_score.sel(condition="structured")).all()
    by_mask = EmergenceAssessment(
        ArrayWorld(padded(3.0), padded(), observed=~MISSING), model, **options
    ).fit()
    np.testing.assert_array_equal(by_mask.cube_.nll, cube.nll)
    of_fit = EmergenceAssessment(None, model, **options).fit(ROWS, ROWS)
    np.testing.assert_array_equal(of_fit.cube_.nll, cube.nll)


def test_tokens_of_unequal_length_are_assessed():
    tokens = [RNG.integers(0, 3, n) for n in LENGTHS]
    model = GRUPredictor(3, max_steps=3, likelihood="categorical")
    assessment = EmergenceAssessment(ArrayWorld(tokens), model, n_seeds=2, n_jobs=1, random_state=0)
    cube = assessment.fit().cube_
    assert np.isfinite(cube.nll).all()
    assert MeanPredictor(likelihood="categorical", n_tokens=3).fit(tokens).score(tokens) < 0


@pytest.mark.slow
@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial"])
def test_counts_of_unequal_length_are_assessed(likelihood):
    counts = [RNG.poisson(3, n) for n in LENGTHS]
    filled = np.full((30, 12), -1)
    filled[~MISSING] = np.concatenate(counts)
    model = GRUPredictor(3, max_steps=3, likelihood=likelihood)
    options = dict(n_seeds=2, n_jobs=1, random_state=0, alpha=0.3, nulls=("shuffle", "resample"))
    options |= dict(baselines=("mean", "persistence"), probe=None, reservoir_sizes=None)
    # As a list, and filled up with something that is no count.
    worlds = ArrayWorld(counts), ArrayWorld(filled, lengths=LENGTHS)
    assert [world.likelihood for world in worlds] == ["auto", "auto"]
    assert "seasonal" in make_baselines("auto", model, worlds[0])
    cubes = [EmergenceAssessment(world, model, **options).fit().cube_ for world in worlds]
    assert np.isfinite(cubes[0].nll).all()
    np.testing.assert_array_equal(cubes[0].nll, cubes[1].nll)
