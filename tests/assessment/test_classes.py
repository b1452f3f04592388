"""Classes of recordings are divided, counted and probed as they should be, before any training."""

import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import small_assessment
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.neighbors import KNeighborsRegressor

from sklearn_emerge import ArrayWorld, RegimeWorld
from sklearn_emerge._random import substream

X = np.random.default_rng(0).normal(size=(40, 6)).cumsum(axis=1)


def labels(*sizes):
    """Return one class a sequence, of the given sizes."""
    return np.repeat(np.arange(len(sizes)), sizes)


def counts(sample, n_classes):
    """Return how many sequences of a sample have each class of the first latent."""
    return np.bincount(sample.latents[:, 0, 0], minlength=n_classes).tolist()


@pytest.mark.parametrize(
    ("sizes", "train", "evaluation"),
    [
        ((20, 20), [15, 15], [5, 5]),
        ((30, 10), [23, 7], [7, 3]),
        ((36, 4), [28, 2], [8, 2]),
        ((37, 3), [29, 1], [8, 2]),
        ((38, 2), [29, 1], [9, 1]),
        ((39, 1), [30, 0], [9, 1]),
    ],
)
def test_recordings_are_divided_by_class(sizes, train, evaluation):
    world = ArrayWorld(X, labels(*sizes))
    chosen = set()
    for seed in range(5):
        parts = world.split(30, 10, seed)
        assert [counts(part, 2) for part in parts] == [train, evaluation]
        assert len(np.unique(np.concatenate([part.X[:, 0] for part in parts]))) == 40
        assert np.array_equal(parts[1].X, world.split(30, 10, seed)[1].X)
        assert np.array_equal(
            np.sort(parts[1].X), np.sort(world.null("shuffle").split(30, 10, seed)[1].X)
        )
        chosen.add(tuple(np.sort(parts[1].X[:, 0])))
    assert len(chosen) == 5


def test_the_first_evaluation_sequences_have_the_classes_too():
    world = ArrayWorld(X, labels(24, 12, 4))
    for seed in range(5):
        train, evaluation = world.split(22, 18, seed)
        assert counts(train, 3) == [13, 7, 2]
        assert min(np.bincount(evaluation.latents[:6, 0, 0])) == 2
        # Training is in random order, not class by class.
        assert np.count_nonzero(np.diff(train.latents[:, 0, 0])) > 2


def test_more_classes_than_evaluation_has_room_for_come_in_pairs():
    _, evaluation = ArrayWorld(X[:30], labels(*(3,) * 10)).split(24, 6, 0)
    assert sorted(counts(evaluation, 10)) == [0] * 7 + [2] * 3


def test_several_classes_a_sequence_are_divided_by_their_combination():
    first, second = np.divmod(labels(10, 10, 10, 10), 2)

    def split(*classes):
        latents = np.repeat(np.stack(classes, 1)[:, np.newaxis], 6, axis=1)
        return ArrayWorld(X, latents).split(32, 8, 0)[1].latents[:, 0]

    together = split(first, second)
    assert np.unique(together, axis=0, return_counts=True)[1].tolist() == [2, 2, 2, 2]
    # Combinations that are too rare leave the first; what never repeats is no class.
    for others in ((first, labels(38, 2)), (np.arange(40), first, labels(38, 2))):
        column = len(others) - 2
        assert np.bincount(split(*others)[:, column]).tolist() == [4, 4]


@pytest.mark.parametrize(
    "latents",
    [
        None,
        X,
        labels(20, 20) / 2,
        np.arange(40),
        np.zeros(40, int),
        np.random.default_rng(1).integers(2, size=X.shape),
    ],
)
def test_without_classes_of_sequences_the_division_is_a_permutation(latents):
    train, evaluation = ArrayWorld(X, latents).split(25, 10, 3)
    order = np.random.default_rng(substream(3, "split")).permutation(40)
    assert np.array_equal(train.X, X[order[:25]])
    assert np.array_equal(evaluation.X, X[order[25:35]])


def assessment_of(latents, names=None, **options):
    world = ArrayWorld(X, latents, names)
    defaults = dict(n_train=30, n_eval=10, modes=("random",), nulls=(), baselines=("mean",))
    defaults |= dict(claims=("gain", "representation"))
    return small_assessment(world=world, **{**defaults, **options})


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (
            labels(38, 2),
            r"No latent can be scored: latent 'y': class 1 \(in 2 of 40 sequences\) is in fewer "
            r"than two of the 10 evaluation .* in 2 of 2 seeds.*join rare classes.*probe=None",
        ),
        (np.arange(40), r"class 2 \(in 1 of 40.* so are 37 more classes and its score is undef"),
        (labels(40), "score is undefined .NaN. in 2 of 2 seeds, because fewer than two classes"),
        (np.full(X.shape, 0.3), "'y'.*it is constant, up to rounding; leave out.*probe=None"),
    ],
)
def test_latents_without_a_score_are_refused_before_training(latents, message):
    with pytest.raises(ValueError, match=message):
        assessment_of(latents, ["y"], modes=("full",)).fit()
    # The remedy works: nothing but the training that is forbidden here is left to do.
    with pytest.raises(pytest.fail.Exception, match="training started"):
        assessment_of(latents, ["y"], modes=("full",), probe=None).fit()


def test_a_rare_class_is_named_once():
    """Two of 40 sequences have class 2, one of them in training: the others are still probed."""
    assessment = assessment_of(labels(20, 18, 2), ["stimulus"], modes=("random", "readout"))
    with pytest.warns(UserWarning, match="stimulus") as warned:
        cube = assessment.fit().cube_
    assert len(warned) == 1
    message = str(warned[0].message)
    assert message.startswith(
        "latent 'stimulus': class 2 (in 2 of 40 sequences) is in fewer than two of the 10 "
        "evaluation sequences that are probed in 2 of 2 seeds, where it cannot be decoded; join"
    )
    assert np.isfinite(cube.probe_score).all()


@pytest.mark.parametrize("given", ["labels", "table", "world"])
def test_a_rare_class_is_called_as_it_was_passed(given):
    y = np.array(["left", "up", "right"])[labels(20, 2, 18)]
    assessment = assessment_of(y, modes=("random",))
    if given != "world":
        assessment.set_params(world=None)
        y = pd.DataFrame({"side": y, "block": labels(20, 20)}) if given == "table" else y
    with pytest.warns(UserWarning, match=r"class 'up' \(in 2 of 40 sequences\) is in fewer"):
        assessment.fit(*(() if given == "world" else (X, y)))


@pytest.mark.slow
def test_a_latent_that_some_seeds_cannot_score_is_announced_and_nan():
    rare = np.zeros((40, 6), int)
    rare[:8, 3] = 1
    latents = np.stack([np.random.default_rng(0).integers(2, size=(40, 6)), rare], axis=2)
    assessment = assessment_of(latents, n_seeds=5, n_probe=8)
    with pytest.warns(UserWarning, match="latent 1") as warned:
        cube = assessment.fit().cube_
    undefined = np.isnan(cube.probe_score).sel(latent="latent 1").squeeze().values
    assert 0 < undefined.sum() < 5
    assert np.isfinite(cube.probe_score.sel(latent="latent 0")).all()
    assert len(warned) == 1
    message = str(warned[0].message)
    assert "latent 'latent 1': class 1 (in 8 of 40 sequences)" in message
    assert f"undefined (NaN) in {undefined.sum()} of 5 seeds" in message
    assert "'latent 0'" not in message


@pytest.mark.slow
def test_common_classes_are_not_worth_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Two folds of four have two sequences of the rare class each.
        assessment_of(labels(36, 4)).fit()
        assessment_of(labels(37, 3), shared_data=True, n_seeds=3).fit()
        small_assessment(world=RegimeWorld(n_steps=20), nulls=(), modes=("random",)).fit()


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("probe", "latents", "message"),
    [
        (PoissonRegressor(), X, "PoissonRegressor.*failed when it was tried.*ValueError: .*y"),
        (KNeighborsRegressor(1000), X, "failed when it was tried before training.*n_neighbors"),
        (LogisticRegression(solver="liblinear"), labels(20, 10, 10), "failed.*liblinear"),
        (LogisticRegression(), X, "does not suit the latents"),
    ],
)
def test_probes_that_do_not_work_are_found_before_training(probe, latents, message):
    with pytest.raises(ValueError, match=message):
        assessment_of(latents, probe=probe, modes=("full",)).fit()


def test_a_probe_that_needs_the_size_of_the_hidden_states_is_not_refused():
    class Sized(Ridge):
        def fit(self, X, y):
            assert X.shape[1] == 3
            return super().fit(X, y)

    others = ("gain", "core")
    cube = assessment_of(X, probe=Sized(), claims=others).fit().cube_
    assert np.isfinite(cube.probe_score).all()
    with pytest.raises(ValueError, match="fitted to the last inputs, .*4 columns"):
        assessment_of(X, probe=Sized()).fit()
    with pytest.raises(ValueError, match="failed when it was tried before training: AssertionErr"):
        assessment_of(
            X, probe=Sized(), param_grid={"hidden_size": [3, 4]}, claims=others, alpha=0.6
        ).fit()


@pytest.mark.slow
def test_probes_that_draw_give_the_same_scores_at_every_run():
    def scores(random_state):
        probe = RandomForestRegressor(2, max_depth=2)
        return assessment_of(X, probe=probe, random_state=random_state).fit().cube_.probe_score

    first = scores(0)
    assert first.identical(scores(0))
    assert not np.isin(scores(1), first).any()
