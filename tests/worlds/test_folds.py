"""Recordings and their groups are held out in turns, whole, and never trained on at once."""

import pickle
import re

import joblib
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import small_assessment
from sklearn.base import clone

from sklearn_emerge import ArrayWorld, OscillatorWorld, RegimeWorld
from sklearn_emerge._probed import can_be_scored
from sklearn_emerge._random import substream
from sklearn_emerge.assessment._design import Design
from sklearn_emerge.probes import cross_validate_probe

N = 42
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 6)).cumsum(axis=1)
ANIMALS = np.repeat(list("abcdefg"), 6)
UNEQUAL = np.repeat(np.arange(9), [1, 2, 2, 3, 3, 5, 6, 8, 12])
SEX = np.isin(ANIMALS, list("abcd")).astype(int)
STIMULUS = RNG.integers(3, size=N)

GROUPED = {
    "sequences": (None, None),
    "classes": (np.repeat([0, 1], [30, 12]), None),
    "rare": (np.repeat([0, 1, 2], [35, 4, 3]), None),
    "many": (np.arange(N) % 9, None),
    "quantities": (X, None),
    "animals": (None, ANIMALS),
    "animals_classes": (SEX, ANIMALS),
    "animals_stimuli": (STIMULUS, ANIMALS),
    "unequal": (None, UNEQUAL),
    "unequal_shuffled": (X[:, 0], RNG.permutation(UNEQUAL)),
}
SIZES = {"default": (None, None), "few": (11, None), "many_folds": (14, 5), "halves": (None, 24)}


def rows_of(sample):
    """Return which recordings a sample has."""
    return [int(np.flatnonzero(X[:, 0] == x[0])[0]) for x in sample.X]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("kind", GROUPED)
def test_each_unit_is_held_out_once_a_repetition_and_never_trained_on(kind, sizes):
    latents, groups = GROUPED[kind]
    world = ArrayWorld(X, latents, groups=groups)
    n_train, n_eval = world.default_split(*SIZES[sizes])
    units = np.arange(N) if groups is None else np.unique(groups, return_inverse=True)[1]
    splits = world.splits(31, n_train, n_eval, 0)
    held_out, ends = [], []
    for number, (train, evaluation) in enumerate(splits):
        rows, others = rows_of(train), rows_of(evaluation)
        assert len(rows) == len(set(rows)) == n_train
        assert not set(units[rows]) & set(units[others])
        assert len(others) == np.isin(units, units[others]).sum() >= 5
        # Neighbours in training.
        assert np.count_nonzero(np.diff(units[rows])) == len(set(units[rows])) - 1
        held_out += others
        if len(held_out) == N:
            assert sorted(held_out) == list(range(N))
            held_out = []
            ends.append(number + 1)
        assert len(held_out) < N
        if groups is not None:
            for sample in (train, evaluation):
                same = units[rows_of(sample)] == units[rows_of(sample)][:, np.newaxis]
                assert np.array_equal(same, sample.groups == sample.groups[:, np.newaxis])
    n_folds = ends[0]
    assert ends == list(range(n_folds, 32, n_folds))
    assert len(ends) >= 3
    # A permutation for each repetition, and the first splits whatever their number.
    assert rows_of(splits[0][1]) != rows_of(splits[n_folds][1])
    again = world.splits(2, n_train, n_eval, 0)
    assert [rows_of(e) for _, e in again] == [rows_of(e) for _, e in splits[:2]]


@pytest.mark.parametrize("n_eval", [5, 7, 13, 21])
def test_folds_of_recordings_are_as_large_as_asked_for(n_eval):
    for latents in (None, np.arange(N) % 4, np.arange(N) % 13):
        splits = ArrayWorld(X, latents).splits(9, 20, n_eval, 1)
        sizes = [len(evaluation.X) for _, evaluation in splits]
        n_folds = -(-N // n_eval) if n_eval > 5 else N // 5
        assert set(sizes) <= {N // n_folds, -(-N // n_folds)}


def test_classes_are_as_frequent_in_every_fold():
    world = ArrayWorld(X[:40], np.repeat([0, 1], [24, 16]))
    for train, evaluation in world.splits(10, 20, 8, 0):
        assert np.bincount(evaluation.latents[:, 0, 0]).tolist() in ([5, 3], [4, 4])
        assert np.bincount(train.latents[:, 0, 0]).tolist() in ([12, 8], [13, 7], [11, 9])
        # In random order, not class by class.
        assert np.count_nonzero(np.diff(train.latents[:, 0, 0])) > 2


def test_classes_too_rare_for_every_fold_are_held_out_in_pairs():
    """Eight directions, five times each: a probe needs two of a class."""
    latents = np.repeat(np.arange(8), 5)
    for _, evaluation in ArrayWorld(X[:40], latents).splits(10, 32, 8, 0):
        label = evaluation.latents[:, 0, 0]
        assert (np.bincount(label) == 2).sum() >= 3
        # Those come first.
        assert np.bincount(label[:4]).max() == 2
        assert can_be_scored(evaluation.latents[:, :, 0])


def test_groups_of_two_classes_are_stratified():
    world = ArrayWorld(X, SEX, groups=ANIMALS)
    for _, evaluation in world.splits(6, 18, 21, 0):
        classes = [SEX[animal == ANIMALS][0] for animal in np.unique(ANIMALS[rows_of(evaluation)])]
        assert min(np.bincount(classes)) >= 1
        # Each of the first is of another animal.
        assert len(set(evaluation.groups[: len(classes)])) == len(classes)


def test_a_split_holds_out_whole_groups():
    for seed in range(10):
        train, evaluation = ArrayWorld(X, groups=UNEQUAL).split(15, 9, seed)
        assert len(train.X) == 15
        assert not set(UNEQUAL[rows_of(train)]) & set(UNEQUAL[rows_of(evaluation)])
        assert np.isin(UNEQUAL, UNEQUAL[rows_of(evaluation)]).sum() == len(evaluation.X)


@pytest.mark.parametrize("world", [OscillatorWorld(n_steps=8), RegimeWorld(n_steps=8)])
def test_worlds_that_draw_do_so_for_every_seed_anew(world):
    entropy = [1, 2, 3, 4]
    for each in (world, world.null("resample"), world.null("shuffle").null("resample")):
        assert each.units_per_split(20, 10) is None
        for seed, found in enumerate(Design(3, 20, 10, False, entropy).splits(each)):
            expected = each.split(20, 10, substream(entropy, "data", seed))
            for sample, other in zip(found, expected, strict=True):
                assert np.array_equal(sample.X, other.X)
    assert len(Design(3, 20, 10, True, entropy).splits(world)) == 1


@pytest.mark.parametrize("kind", ["sequences", "classes", "animals"])
def test_nulls_are_made_of_the_splits_of_their_world(kind):
    latents, groups = GROUPED[kind]
    world = ArrayWorld(X, latents, groups=groups)
    sizes = world.default_split(None, None)
    shuffled, resampled = world.null("shuffle"), world.null("resample")
    for null in (shuffled, resampled, shuffled.null("resample")):
        assert null.units_per_split(*sizes) == world.units_per_split(*sizes)
    for own, others in ((world, shuffled), (shuffled, shuffled.null("resample"))):
        pairs = zip(own.splits(7, *sizes, 3), others.splits(7, *sizes, 3), strict=True)
        for of_world, of_null in pairs:
            for sample, other in zip(of_world, of_null, strict=True):
                assert not np.array_equal(sample.X, other.X)
                axis = 1 if others is shuffled else 0
                assert np.array_equal(np.sort(sample.X, axis), np.sort(other.X, axis))
                assert np.array_equal(sample.get("groups"), other.get("groups"))


@pytest.mark.parametrize(
    ("groups", "asked_for", "sizes", "units"),
    [
        (None, (None, None), (33, 9), (33, 9)),
        (None, (20, 6), (20, 6), (20, 6)),
        (None, (10, None), (10, 9), (10, 9)),
        # Eight folds of five or six.
        (None, (37, None), None, "n_train=37 are too many of 42 .*Pass n_train=36 or less"),
        (None, (36, None), (36, 6), (36, 6)),
        (None, (None, 30), (12, 30), (12, 21)),
        (ANIMALS, (None, None), (30, 9), (5, 2)),
        (ANIMALS, (12, None), (12, 9), (2, 2)),
        # Sizes of one fold: 12, 3 and 1 at most.
        (UNEQUAL, (None, None), (26, 11), (5, 3)),
        (np.repeat([0, 1, 2], [38, 2, 2]), (None, None), None, "3 labels, for 2 to 38"),
    ],
)
def test_numbers_of_sequences_and_units(groups, asked_for, sizes, units):
    world = ArrayWorld(X, groups=groups)
    if sizes is None:
        with pytest.raises(ValueError, match=units):
            world.default_split(*asked_for)
        return
    assert world.default_split(*asked_for) == sizes
    assert world.units_per_split(*sizes) == units


@pytest.mark.parametrize(
    "groups",
    [
        list(ANIMALS),
        pd.Series(ANIMALS),
        pd.Categorical(ANIMALS),
        xr.DataArray(ANIMALS),
        np.repeat(np.arange(7), 6),
        np.repeat(np.arange(7.0), 6),
        np.repeat([-3, "x", 2.5, "z", 0, True, "a"], 6).astype(object),
        np.repeat(np.datetime64("2024-01-01") + np.arange(7), 6).astype(object),
    ],
)
def test_labels_of_groups_may_be_anything_that_can_be_told_apart(groups):
    expected = ArrayWorld(X, groups=ANIMALS).split(20, 10, 0)
    for sample, other in zip(ArrayWorld(X, groups=groups).split(20, 10, 0), expected, strict=True):
        assert np.array_equal(sample.X, other.X)
        assert np.array_equal(sample.groups, other.groups)
    assert ArrayWorld(X).sample(3, 0).groups is None
    sample = ArrayWorld(X, groups=groups).sample(N, 0)
    assert np.array_equal(sample.groups, np.repeat(np.arange(7), 6)[rows_of(sample)])


REFUSED = {
    "short": (ANIMALS[:-1], None, r"groups has shape \(41,\), but there are 42 sequences"),
    "columns": (np.stack([ANIMALS] * 2, 1), None, r"groups has shape \(42, 2\).*as one text"),
    "nan": (np.where(np.arange(N) == 7, np.nan, UNEQUAL), None, r"groups\[7\] is missing \(nan\)"),
    "none": (np.where(ANIMALS == "b", None, ANIMALS), None, r"groups\[6\].*are 6 of 42 labels"),
    "masked": (np.ma.masked_equal(UNEQUAL, 3), None, r"groups\[5\] is masked"),
    "one": (["a"] * N, None, "groups has one label, 'a', for all 42 .*at least 2 .*groups=None"),
    "small": (np.repeat([0, 1], [38, 4]), None, "groups has 2 labels, for 4 to 38 .*at least 5 "),
    "decoded": (np.arange(N) % 3, STIMULUS, "groups has 3 labels.*two groups, across which lat"),
    "aligned": (pd.Series(ANIMALS, np.arange(N) + 1), None, "groups has rows labelled 1, 2, 3"),
}


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("case", REFUSED)
def test_groups_are_refused_before_training(case):
    groups, latents, message = REFUSED[case]
    data = pd.DataFrame(X) if case == "aligned" else X
    world = ArrayWorld(data, latents, groups=groups)
    with pytest.raises(ValueError, match=message):
        small_assessment(world=world, n_train=None, n_eval=None).fit()


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("groups", "sizes", "message"),
    [
        (ANIMALS, (31, 10), "n_train=31 are too many of 42.*5 folds.*up to 12. Pass n_train=30"),
        (UNEQUAL, (31, 6), "n_train=31 are too many of 42.*4 folds.*up to 16. Pass n_train=26"),
        (None, (37, 5), "n_train=37 are too many of 42.*8 folds.*up to 6. Pass n_train=36"),
    ],
)
def test_more_than_the_largest_fold_leaves_is_refused_before_training(groups, sizes, message):
    assessment = small_assessment(world=ArrayWorld(X, groups=groups))
    assessment.set_params(n_train=sizes[0], n_eval=sizes[1])
    with pytest.raises(ValueError, match=message) as refused:
        assessment.fit()
    # The remedy works: nothing but the training that is forbidden here is left to do.
    remedy = int(re.search(r"Pass n_train=(\d+)", str(refused.value))[1])
    with pytest.raises(pytest.fail.Exception, match="training started"):
        assessment.set_params(n_train=remedy).fit()


def test_clones_and_workers_have_the_groups():
    world = ArrayWorld(X, groups=ANIMALS)
    world.split(20, 10, 0)
    assert clone(world).groups is ANIMALS
    sent = pickle.loads(pickle.dumps(world.null("resample")))
    assert np.array_equal(sent.world.groups, ANIMALS)
    assert joblib.hash(world) != joblib.hash(ArrayWorld(X, groups=UNEQUAL))


def test_an_assessment_holds_out_groups():
    seen = []

    def keep(predictor, sample):
        seen.append((sample.train.groups, sample.groups))
        return 0.0

    world = ArrayWorld(X, X, groups=ANIMALS)
    assessment = small_assessment(
        world=world,
        n_train=None,
        n_eval=None,
        n_seeds=5,
        modes=("random",),
        record_at=[0],
        measures={"keep": keep},
    )
    cube = assessment.fit().cube_
    assert np.isfinite(cube.nll).all()
    assert np.isfinite(cube.probe_score.sel(condition="structured")).all()
    assert len(seen) > 10
    assert not any(set(train) & set(evaluation) for train, evaluation in seen)


def states_of_groups(n_groups, n_each):
    """Return hidden states that tell nothing but the group, a latent of groups, and these."""
    groups = np.repeat(np.arange(n_groups), n_each)
    rng = np.random.default_rng(0)
    hidden = np.eye(n_groups)[groups][:, np.newaxis] + 0.1 * rng.normal(
        size=(len(groups), 4, n_groups)
    )
    return hidden, groups


def test_what_is_known_of_a_group_is_not_decoded():
    hidden, groups = states_of_groups(12, 5)
    for latents in (groups % 2, np.random.default_rng(1).normal(size=12)[groups]):
        assert cross_validate_probe(hidden, latents).score[0] > 0.8
        assert cross_validate_probe(hidden, latents, groups=groups).score[0] < 0.2


def test_there_are_as_many_folds_as_groups_at_most():
    hidden, groups = states_of_groups(3, 4)
    latents = hidden[..., 0] + hidden[..., 1]
    for names in (groups, np.array(["x", "y", "z"])[groups]):
        decoded = cross_validate_probe(hidden, latents, groups=names)
        assert (
            decoded.score == cross_validate_probe(hidden, latents, groups=names, n_splits=3).score
        )
    assert np.isfinite(cross_validate_probe(hidden[:8], latents[:8], groups=groups[:8]).score[0])
    with pytest.raises(ValueError, match="groups has one label, 0, for all 8"):
        cross_validate_probe(hidden[:8], latents[:8], groups=np.zeros(8, int))


def test_classes_in_one_group_cannot_be_decoded():
    hidden, groups = states_of_groups(6, 4)
    label = np.repeat([0, 0, 0, 1, 1, 2], 4)
    with pytest.warns(UserWarning, match="Class 2 of latent 0 occurs in one group only.*more gro"):
        assert np.isfinite(cross_validate_probe(hidden, label, groups=groups).score[0])
    with pytest.warns(UserWarning, match="one group only"):
        of_one = cross_validate_probe(hidden, (groups == 5).astype(int), groups=groups)
    assert np.isnan(of_one.score[0])
    assert not can_be_scored((groups == 5).astype(int)[:, np.newaxis], groups)
    # Each fold has both classes in training, wherever they are in a group.
    rare = np.zeros((24, 4), int)
    rare[[3, 21], 2] = 1
    assert np.isfinite(cross_validate_probe(hidden, rare, groups=groups).score[0])
