"""Own recordings that are accepted, and what becomes of them: noise, tokens, copies and nulls."""

import pickle
import warnings
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from conftest import small_assessment
from recordings import GOOD, RECORDING, TOKENS, N, T, assess, channel, draw, windows
from sklearn.base import clone

from sklearn_emerge import (
    ArrayWorld,
    GRUPredictor,
    MeanPredictor,
    OscillatorWorld,
    PersistencePredictor,
)
from sklearn_emerge.assessment._baselines import _choose
from sklearn_emerge.assessment._grid import Grid
from sklearn_emerge.assessment._plan import expand
from sklearn_emerge.assessment._recordings import check_likelihoods
from sklearn_emerge.predictors._scale import spread_known
from sklearn_emerge.worlds import Sample
from sklearn_emerge.worlds._rows import Rows, check_rows

RNG = np.random.default_rng(2)
OTHER = np.random.default_rng(3)


@pytest.mark.parametrize(
    "X",
    [
        # Counts, most of them 0, with silent sequences that are equal.
        RNG.poisson(0.1, (60, 20)).astype(float),
        RNG.poisson(0.02, (60, 20)).astype(float),
        # Few values, fast and slow.
        RNG.integers(0, 3, (200, 12)).astype(float),
        RNG.normal(size=(60, 30)).cumsum(axis=1).round(),
        np.repeat(RNG.integers(0, 4, (60, 10)), 5, axis=1) / 10,
        RNG.integers(-1, 2, (60, 40)).cumsum(axis=1).astype(float),
        # Saturation, a common beginning, the same course at the same steps.
        np.clip(RNG.normal(size=(60, 20)), -0.5, 0.5),
        np.concatenate([np.zeros((60, 1)), RNG.normal(size=(60, 20)).cumsum(axis=1)], axis=1),
        np.concatenate([np.tile(RECORDING[:10], (60, 1)), RNG.normal(size=(60, 10))], axis=1),
        # Short ones, and sequences that stand still for a while or all the time.
        RNG.normal(size=(20, 2)),
        RNG.normal(size=(20, 3)),
        np.concatenate([GOOD, np.concatenate([GOOD[:1, :6] + 1, np.zeros((1, 6))], axis=1)]),
        np.concatenate([GOOD, np.zeros((3, T))]),
        np.repeat(OTHER.normal(size=(60, 10)), 4, axis=1),
        # Clipped ones, too short to know how often they stay at the bound.
        np.clip(OTHER.normal(size=(60, 5)).cumsum(axis=1), -1, 1),
        # Bursts between silence.
        OTHER.exponential(size=(60, 40)) * np.repeat(OTHER.random((60, 10)) < 0.5, 4, axis=1),
        # A quiet time that all have.
        np.c_[np.zeros((60, 5)), OTHER.normal(size=(60, 40)).cumsum(axis=1)],
        np.c_[OTHER.normal(size=(60, 40)).cumsum(axis=1), np.zeros((60, 5))],
        # Zeros and ones, rare ones too, in sequences of any length.
        *(
            (OTHER.random((n, n_steps)) < rate).astype(float)
            for n in (30, 200, 1000)
            for n_steps in (2, 5, 6, 10, 12, 20, 100)
            for rate in (0.05, 0.5)
        ),
        np.cumsum(OTHER.random((200, 40)) < 0.1, axis=1) % 2.0,
    ],
)
def test_what_repeats_by_nature_is_accepted(X):
    check_rows(Rows(X), tokens=False)


def test_zeros_and_ones_and_tokens_repeat_by_chance():
    binary = (RNG.random((40, 4)) < 0.5).astype(int)
    draw(binary)
    overlapping = windows(1, 5, TOKENS.ravel())
    draw(overlapping)
    model = GRUPredictor(3, max_steps=1, likelihood="categorical")
    assert assess(overlapping[:60], model=model, modes=("random",), nulls=()).verdict_
    assert ArrayWorld(binary).likelihood == ArrayWorld(binary == 1).likelihood == "bernoulli"
    assert ArrayWorld(TOKENS).likelihood == "auto"
    assert ArrayWorld(TOKENS.astype(float)).likelihood == "gaussian"


def test_predictors_alone_stay_finite_on_constant_channels():
    X = channel(0.1, RNG.normal(size=(40, 50, 2)))
    for predictor in (MeanPredictor(), PersistencePredictor()):
        assert np.isfinite(predictor.fit(X).score(X))
    # The standard deviation of equal values is not 0 after rounding.
    network = GRUPredictor(3, max_steps=1, random_state=0).fit(X)
    assert network.input_scale_[2] == 1


def test_a_channel_that_is_constant_in_training_has_one_noise_for_all_predictors():
    event = np.zeros_like(GOOD)
    event[17, 5] = 1e-6
    X = channel(event, RNG.normal(size=(N, T, 1)))
    world = ArrayWorld(X)
    spread = event.std()
    quiet = np.delete(X, 17, axis=0)
    with spread_known(world.null("shuffle").recorded_spread):
        fitted = [
            model.fit(quiet)
            for model in (MeanPredictor(), PersistencePredictor(), GRUPredictor(3, max_steps=2))
        ]
    assert [model.noise_std_[1] for model in fitted] == pytest.approx([spread] * 3)
    assert [model.noise_std_[0] > 0.1 for model in fitted] == [True] * 3
    # Outside it is not known.
    assert MeanPredictor().fit(quiet).noise_std_[1] == np.finfo(float).eps
    with pytest.warns(UserWarning, match=r"X\[:, :, 1\] varies in 1 of 24 sequences only, \[17\]"):
        cube = assess(X, n_seeds=4, alpha=0.3, modes=("random",), nulls=()).cube_
    best = cube.nll_baseline.isel(condition=0)
    # One event is 1/2 of a nat for each step of all recordings, wherever it is.
    assert (best > -20).all()
    assert (best < 20).all()


@pytest.mark.parametrize(
    "X",
    [
        TOKENS,
        pytest.param(TOKENS[:, :, np.newaxis], marks=pytest.mark.slow),
        pytest.param(TOKENS.astype(float), marks=pytest.mark.slow),
    ],
)
def test_own_tokens_are_assessed_with_the_baselines_of_tokens(X):
    X = X.copy()
    X[0, 0] = 9
    model = GRUPredictor(3, max_steps=2, likelihood="categorical")
    options = {"model": model, "modes": ("full",), "baselines": "auto"}
    cube = assess(X, nulls=("resample", "shuffle"), **options).cube_
    trivial, panel = ["mean", "step_mean", "persistence"], ["linear_filter", "window", "echo_state"]
    assert cube.baseline.values.tolist() == [*trivial, "markov", *panel]
    assert np.isfinite(cube.nll_baseline.sel(condition="structured")).all()
    options |= {"n_train": None, "n_eval": None, "baselines": ["markov"]}
    through_world = small_assessment(world=ArrayWorld(X), **options)
    assert np.isfinite(through_world.fit().cube_.nll).all()


def test_integers_are_quantities_if_the_model_says_so():
    assert assess(TOKENS, model=GRUPredictor(3, max_steps=1, likelihood="gaussian")).verdict_
    grid = {"likelihood": ["gaussian", "categorical"]}
    options = {"param_grid": grid, "baselines": ["mean"], "modes": ("random",), "nulls": ()}
    cube = assess(TOKENS, model=GRUPredictor(3, max_steps=1), alpha=0.6, **options).cube_
    assert np.isfinite(cube.nll).all()


def test_clones_share_recordings_but_not_parameters():
    X, latents = RNG.normal(size=(2, 50, 400))
    world = ArrayWorld(X, latents)
    copy = clone(world)
    assert copy is not world
    assert copy.X is X
    assert copy.latents is latents
    assert clone(world.null("resample")).world.X is X
    copy.set_params(latent_names=["a"])
    assert world.latent_names is None
    grid = {"lr": np.logspace(-4, -2, 20).tolist()}
    configurations = expand(world, GRUPredictor(), Grid(grid), ("resample",))
    assert all(each.worlds["structured"].X is X for each in configurations)
    assert all(each.worlds["resample"].world.X is X for each in configurations)
    assert np.shares_memory(world.recorded().rows.values, X)


def test_what_takes_a_pass_over_all_recordings_is_found_out_once_for_parameters(monkeypatch):
    X, inputs = RNG.normal(size=(2, 30, 8))
    world = ArrayWorld(X, inputs=inputs)
    facts = world.facts
    passes = []
    for owner, name in ((Rows, "parts"), (ArrayWorld, "_inputs"), (ArrayWorld, "_rows")):
        whole = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda *args, whole=whole: passes.append(whole) or whole(*args)
        )
    for _ in range(3):
        assert (world.n_exogenous, world.null_kinds) == (1, facts.null_kinds)
    assert not passes
    copy = clone(world)
    assert copy.n_exogenous == 1
    assert passes


def test_what_was_found_out_is_that_of_the_present_parameters():
    world = ArrayWorld(RNG.normal(size=(30, 8)), inputs=RNG.normal(size=(30, 8)))
    assert (world.n_exogenous, world.null_kinds[-2:]) == (1, ("phase", "exchange"))
    world.set_params(inputs=RNG.normal(size=(30, 8, 3)))
    assert (world.n_exogenous, world.sample(5, 0).X.shape) == (3, (5, 8, 4))
    world.X = RNG.integers(0, 2, (30, 9)).astype(float)
    world.set_params(inputs=None)
    assert (world.observation, world.null_kinds) == ("binary", ("shuffle", "resample"))
    assert (world.n_steps, world.n_tokens) == (9, 2)
    # Of what is changed in place it is `check` that tells.
    world.X[0, :2] = 7, 0.5
    world.check()
    assert (world.observation, world.n_tokens) == ("continuous", "auto")


def test_a_worker_receives_that_recordings_are_checked_and_nothing_else(monkeypatch):
    world = ArrayWorld(np.where(RNG.random((30, 8)) < 0.1, np.nan, RNG.normal(size=(30, 8))))
    world.check()
    key = joblib.hash(world)
    facts = world.facts
    assert joblib.hash(world) == key
    copy = pickle.loads(pickle.dumps(world))
    with monkeypatch.context() as patch:
        patch.setattr(Rows, "check_finite", lambda self: pytest.fail("checked twice"))
        assert copy.recorded().rows.shape == (30, 8)
    assert copy.facts == facts
    copy.set_params(X=np.where(copy.X > 1, np.inf, copy.X))
    with pytest.raises(ValueError, match="infinite"):
        copy.recorded()


def test_a_memory_map_has_the_key_of_the_array(tmp_path):
    np.save(tmp_path / "X.npy", GOOD)
    mapped = ArrayWorld(np.load(tmp_path / "X.npy", mmap_mode="r"))
    world = ArrayWorld(GOOD)
    for each in (world, mapped):
        each.check()
    assert np.shares_memory(mapped.recorded().rows.values, mapped.X)
    assert clone(mapped).X is mapped.X
    assert joblib.hash(mapped) == joblib.hash(world)
    assert joblib.hash(ArrayWorld(GOOD + 1)) != joblib.hash(ArrayWorld(GOOD))


def test_a_null_of_recordings_divides_them_as_they_are_divided():
    world = ArrayWorld(RNG.normal(size=(60, 12)).cumsum(axis=1))
    assert world.null("resample").default_split(None, None) == world.default_split(None, None)
    cube = (
        small_assessment(
            world=world,
            n_train=None,
            n_eval=None,
            modes=("random",),
            record_at=[0, 4],
            measures={"score": lambda predictor, sample: predictor.score(sample.X)},
        )
        .fit()
        .cube_
    )
    assert np.isfinite(cube.score_trajectory).all()


def test_other_worlds_are_not_asked_about_recordings():
    worlds = {"structured": OscillatorWorld()}
    model = {"structured": GRUPredictor(likelihood="categorical")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_likelihoods([SimpleNamespace(worlds=worlds, models=model)], {}, (), None, None)
    assert OscillatorWorld().recorded_spread() is None


def test_baselines_are_chosen_in_groups_that_they_have_not_seen():
    sample = Sample(np.repeat(np.arange(4.0), 5)[:, np.newaxis], groups=np.repeat(range(4), 5))
    seen = []

    def fitted(name, seed, X):
        def score(left_out):
            seen.append(set(X.ravel()) & set(left_out.ravel()))
            return 0.0

        return SimpleNamespace(score=score)

    _choose(["mean"], [(sample, None)], fitted)
    assert seen == [set()] * 4
    seen.clear()
    _choose(["mean"], [(Sample(sample.X[::-1]), None)], fitted)
    assert any(seen)


@pytest.mark.parametrize("rate", [0.5, 3.0])
@pytest.mark.parametrize("n", [20, 200])
def test_copies_of_short_trials_of_counts_are_warned_of(rate, n):
    X = np.random.default_rng(n).poisson(rate, (n, 20)).astype(float)
    with pytest.warns(UserWarning, match=r"are equal, .* pass each once"):
        check_rows(Rows(np.concatenate([X, X])), tokens=False)
    keep = np.unique(np.concatenate([X, X]), axis=0, return_index=True)[1]
    check_rows(Rows(np.concatenate([X, X])[keep]), tokens=False)


@pytest.mark.parametrize("seed", range(5))
def test_trials_that_are_equal_by_chance_are_not_warned_of(seed):
    rng = np.random.default_rng(seed)
    sticky = (rng.random((1000, 20)) < 0.2).cumsum(axis=1) % 2.0
    rates = rng.gamma(0.5, size=(1000, 1))
    bursts = np.stack([np.convolve(row, [1, 2, 1])[:20] for row in rng.random((1000, 20)) < 0.05])
    for X in (sticky, rng.poisson(rates, (1000, 12)), bursts, rng.random((1000, 10)) < 0.5):
        check_rows(Rows(X.astype(float)), tokens=False)
