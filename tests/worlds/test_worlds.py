"""The worlds have the statistics that their definitions imply."""

import inspect
import pickle
import sys
from base64 import b64decode
from html import escape
from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread
from matplotlib.pyplot import get_fignums
from scipy.linalg import solve_discrete_are
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import Bunch

from sklearn_emerge import (
    ArrayWorld,
    BernoulliWorld,
    DriftWorld,
    EmergenceAssessment,
    FunctionWorld,
    OscillatorWorld,
    RegimeWorld,
    TriangleWorld,
    worlds,
)
from sklearn_emerge._registry import WORLDS as NAMED
from sklearn_emerge._registry import make_world
from sklearn_emerge.worlds import PhaseNull, ResampleNull, Sample, ShuffleNull, World, WorldFacts
from sklearn_emerge.worlds._picture import html_of
from sklearn_emerge.worlds._sample import rows_of

# Worlds of something else: of arrays, of a function, of a world, of another package.
WRAPPERS = {
    *(ArrayWorld, FunctionWorld, PhaseNull, ResampleNull, ShuffleNull, worlds.ExchangeNull),
    *(worlds.DystsWorld, worlds.GymnasiumWorld, worlds.RecordingWorld),
}


def test_every_public_world_is_registered_or_made_of_something():
    public = [getattr(worlds, name) for name in worlds.__all__]
    public = filter(inspect.isclass, public)
    classes = {cls for cls in public if issubclass(cls, World)} - {World}
    registered = {type(make_world(name)) for name in NAMED}
    assert registered & WRAPPERS == set()
    assert classes == registered | WRAPPERS


@pytest.mark.parametrize("name", NAMED)
def test_sample_is_reproducible_and_shaped(name):
    world = make_world(name)
    sample = world.sample(7, random_state=3)
    assert sample.X.shape[:2] == (7, world.n_steps)
    assert np.array_equal(sample.X, clone(world).sample(7, random_state=3).X)
    assert not np.array_equal(sample.X, world.sample(7, random_state=4).X)
    if sample.latents is not None:
        assert sample.latents.shape == (7, world.n_steps, len(sample.latent_names))


def test_split_parts_are_different():
    train, evaluation = OscillatorWorld().split(4, 4, random_state=0)
    assert not np.isin(train.X, evaluation.X).any()


def test_drift_moments():
    sample = DriftWorld().sample(20_000, random_state=0)
    x = sample.latents[:, :, 0]
    assert np.all(x[:, 0] == 0)
    steps = np.diff(x, axis=1)
    assert steps.mean() == pytest.approx(0.03, abs=1e-4)
    assert steps.std() == pytest.approx(0.005, rel=0.01)
    assert (sample.X - x).std() == pytest.approx(0.02, rel=0.01)


def test_drift_noise_is_the_kalman_innovation():
    world = DriftWorld()
    q, r = world.dynamics_std**2, world.observation_std**2
    variance = solve_discrete_are([[1.0]], [[1.0]], [[q]], [[r]])[0, 0] + r
    assert world.noise_std == pytest.approx(np.sqrt(variance), rel=1e-10)


def test_oscillator_follows_its_equation_and_settles_on_the_unit_circle():
    world = OscillatorWorld(omega=1.3)
    z = world.sample(50, random_state=0).latents
    x, y = z[..., 0], z[..., 1]
    r2 = x**2 + y**2
    dx = (1 - r2) * x - 1.3 * y
    dy = (1 - r2) * y + 1.3 * x
    assert np.allclose(np.diff(x), 0.05 * dx[:, :-1])
    assert np.allclose(np.diff(y), 0.05 * dy[:, :-1])
    # Euler steps settle slightly outside the circle: r^2 = 1 + dt omega^2 / 2 to first order.
    assert r2[:, -1].mean() == pytest.approx(1 + 0.05 * 1.3**2 / 2, abs=0.01)


def test_nonstationary_oscillator_speeds_up_linearly():
    z = OscillatorWorld(omega=(0.8, 1.2), initial_std=1.0).sample(20, random_state=0).latents
    phase = np.unwrap(np.arctan2(z[..., 1], z[..., 0]), axis=1)
    frequency = np.diff(phase, axis=1).mean(axis=0) / 0.05
    assert frequency[100:].mean() > frequency[50:100].mean()
    assert frequency[-1] == pytest.approx(1.2, abs=0.03)


def test_regime_chain():
    sample = RegimeWorld().sample(20_000, random_state=0)
    regime = sample.latents[:, :, 0]
    flips = np.flatnonzero((np.diff(regime, axis=1) != 0).all(axis=0)) + 1
    assert flips.tolist() == [32, 64, 96]
    assert not (np.diff(regime, axis=1) != 0).any(axis=0)[np.setdiff1d(range(127), flips - 1)].any()
    stays = sample.X[:, 1:] == sample.X[:, :-1]
    for label, probability in ((0, 0.9), (1, 0.6)):
        assert stays[regime[:, 1:] == label].mean() == pytest.approx(probability, abs=0.003)
    assert sample.X.mean() == pytest.approx(0.5, abs=0.01)


def test_shuffle_keeps_the_values_of_a_sequence():
    world = OscillatorWorld()
    original, shuffled = world.sample(5, 0), world.null("shuffle").sample(5, 0)
    assert np.array_equal(np.sort(original.X), np.sort(shuffled.X))
    assert not np.array_equal(original.X, shuffled.X)
    assert shuffled.latents is None


def test_resample_keeps_the_values_of_a_step_and_no_memory():
    world = OscillatorWorld()
    original, resampled = world.sample(4000, 0).X, world.null("resample").sample(4000, 0).X
    assert np.array_equal(np.sort(original, axis=0), np.sort(resampled, axis=0))
    # Correlation of neighbouring steps: near 1 in the world, within sampling error of 0 here.
    correlation = [np.corrcoef(resampled[:, t], resampled[:, t + 1])[0, 1] for t in range(255)]
    assert np.abs(correlation).max() < 4.5 / np.sqrt(4000)
    # Neither do the sequences keep means of their own, as shuffled ones do.
    spread = resampled.mean(axis=1).var()
    assert spread == pytest.approx((resampled.var(axis=0) / 256).mean(), rel=0.1)


def test_bernoulli_null_matches_the_marginal():
    null = RegimeWorld(n_steps=50).null("bernoulli")
    assert null.n_steps == 50
    assert null.sample(4000, 0).X.mean() == pytest.approx(0.5, abs=0.01)


def test_nulls_nest_and_pair_with_their_world():
    world = OscillatorWorld()
    twice = world.null("resample").null("shuffle").sample(30, 0).X
    assert np.array_equal(np.sort(twice.ravel()), np.sort(world.sample(30, 0).X.ravel()))
    train, evaluation = world.split(5, 5, 0)
    null_train, null_evaluation = world.null("shuffle").split(5, 5, 0)
    assert np.array_equal(np.sort(train.X), np.sort(null_train.X))
    assert np.array_equal(np.sort(evaluation.X), np.sort(null_evaluation.X))


def test_null_of_a_null_is_not_the_same_permutation_twice():
    world = ArrayWorld(np.arange(40.0).reshape(10, 4))
    once = world.null("resample")
    twice = once.null("resample")
    inner = once.sample(10, 0).X
    order = inner[:, 0].argsort()
    again = twice.sample(10, 0).X[:, 0].argsort()
    first = world.sample(10, 0).X[:, 0].argsort()
    # If both used one permutation p, going from world to null to null would be p applied twice.
    step = np.empty(10, int)
    step[first] = order
    assert not np.array_equal(step[order], again)


def test_array_world_divides_without_overlap():
    X = np.random.default_rng(0).normal(size=(20, 6))
    world = ArrayWorld(X, latents=np.arange(20))
    train, evaluation = world.split(12, 8, 0)
    together = np.sort(np.concatenate([train.latents, evaluation.latents])[:, 0, 0])
    assert np.array_equal(together, np.arange(20))
    assert np.array_equal(train.X, X[train.latents[:, 0, 0]])
    assert world.latent_kind == "discrete"
    assert train.latent_names == ("latent 0",)


def test_array_world_recognises_binary_data():
    assert ArrayWorld(np.eye(4)).likelihood == "bernoulli"
    assert "phase" not in ArrayWorld(np.eye(4)).null_kinds
    assert ArrayWorld(np.eye(4) + 0.5).likelihood == "gaussian"


def with_nulls(world):
    """Return a world, its nulls, and theirs."""
    nulls = [world.null(kind) for kind in world.null_kinds]
    return [world, *nulls, *(null.null(kind) for null in nulls for kind in null.null_kinds)]


KINDS = {kind for name in NAMED for kind in make_world(name).null_kinds}


@pytest.mark.parametrize("name", NAMED)
def test_worlds_and_their_nulls_have_the_nulls_that_they_list_and_no_other(name):
    for world in with_nulls(make_world(name)):
        listed = ", ".join(map(repr, world.null_kinds))
        assert listed
        for kind in world.null_kinds:
            assert isinstance(world.null(kind), World)
        for kind in KINDS - set(world.null_kinds):
            with pytest.raises(ValueError, match=f"null='{kind}'.*choose from {listed}"):
                world.null(kind)


def test_a_triangle_lists_the_nulls_that_would_destroy_something():
    assert TriangleWorld().null_kinds == ("permuted", "redrawn", "resample")
    for tasks, follows in (
        ("A->B B->C", False),
        ("A->B B->A", True),
        ("A->B C->D", False),
        ("A->B C->D B->C", False),
        ("A->B C->D B->C D->A", True),
        ("A->C B->C D->C", False),
    ):
        world = TriangleWorld(4, examples=dict.fromkeys(tasks.split(), 9))
        assert ("redrawn" in world.null_kinds) == follows, tasks
    assert TriangleWorld(maps="independent").null_kinds == ("permuted", "resample")
    with pytest.raises(ValueError, match="'n_words' .* Got 3"):
        _ = TriangleWorld(n_words=3).null_kinds


def test_multichannel_nulls_keep_the_channels_of_a_step_together():
    X = np.random.default_rng(0).normal(size=(6, 5, 1)) * [1.0, 2.0]
    for kind in ("shuffle", "resample"):
        null = ArrayWorld(X).null(kind).sample(6, 0).X
        assert np.allclose(null[..., 1], 2 * null[..., 0])
    with pytest.raises(ValueError, match="null='phase'.*choose from 'shuffle'"):
        ArrayWorld(X > 0).null("phase")


def test_set_params_reaches_the_world_of_a_null():
    null = OscillatorWorld().null("shuffle")
    null.set_params(world__n_steps=30)
    assert null.sample(2, 0).X.shape == (2, 30)


SHOWN = [
    *(make_world(name) for name in NAMED),
    OscillatorWorld().null("phase"),
    RegimeWorld().null("shuffle"),
    ArrayWorld(np.random.default_rng(0).normal(size=(10, 20, 9)), np.zeros(10)),
    ArrayWorld(np.eye(10)),
]


@pytest.mark.parametrize("world", SHOWN, ids=lambda world: " ".join(repr(world).split())[:40])
def test_a_notebook_shows_facts_and_some_sequences(world):
    before, figures = np.random.get_state()[1].copy(), get_fignums()
    html, own = world._repr_mimebundle_()["text/html"], html_of(world)
    assert own in html
    assert own in world._repr_html_()
    assert type(world).__name__ in html
    assert f"{world.observation}, {world.n_steps} steps" in html
    assert ", ".join(world.null_kinds) in html
    if world.observation == "token":
        decoded = world.decode(world.sample(3, random_state=0).X[0])
        assert escape(decoded[:60]) in html
    else:
        picture = b64decode(html.partition("data:image/png;base64,")[2].partition('"')[0])
        assert imread(BytesIO(picture)).std() > 0.01
    assert np.array_equal(before, np.random.get_state()[1])
    assert get_fignums() == figures


def test_facts_say_what_is_known_of_the_best_score():
    texts = [html_of(world) for world in (RegimeWorld(), RegimeWorld().null("shuffle"))]
    texts.append(html_of(OscillatorWorld().null("phase")))
    assert ["known exactly" in text for text in texts] == [True, False, False]
    assert ["known from below" in text for text in texts] == [False, True, False]
    assert ["not known" in text for text in texts] == [False, False, True]


def test_a_world_that_cannot_be_sampled_says_why():
    html = OscillatorWorld(n_steps=1)._repr_html_()
    assert "n_steps=1" in repr(OscillatorWorld(n_steps=1))
    assert "Cannot be sampled: The &#x27;n_steps&#x27; parameter" in html


def test_without_matplotlib_there_is_no_picture(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    html = OscillatorWorld()._repr_html_()
    assert "256 steps" in html
    assert "<img" not in html


def test_text_display_is_left_to_scikit_learn():
    with config_context(display="text"):
        assert "text/html" not in OscillatorWorld()._repr_mimebundle_()
        assert not hasattr(OscillatorWorld(), "_repr_html_")


def test_a_sample_shows_shapes():
    sample = OscillatorWorld().sample(3, random_state=0)
    assert repr(sample).splitlines() == [
        "Sample",
        "  X             float64 array of shape (3, 256)",
        "  latents       float64 array of shape (3, 256, 2)",
        "  latent_names  ('x', 'y')",
        "  world         OscillatorWorld()",
    ]
    assert isinstance(sample, Bunch)
    assert np.array_equal(pickle.loads(pickle.dumps(sample)).X, sample.X)
    assert "A->B: int64 array" in repr(make_world("triangle").sample(3))


def test_fields_of_a_sample_are_always_there():
    for name in NAMED:
        sample = make_world(name).sample(2, random_state=0)
        tokens = sample.world.observation == "token"
        assert (sample.scored is not None) == tokens
        assert (sample.latents is None) == (sample.latent_names == ())
        assert sample.groups is None
        assert sample.train is None
    assert TriangleWorld(evaluation_task="A->C").sample(2, random_state=0).latents is None


def test_the_field_counts_is_called_scored_now():
    sample = TriangleWorld().sample(3, random_state=0)
    for read in (lambda: sample.counts, lambda: sample["counts"], lambda: sample.get("counts")):
        with pytest.warns(
            FutureWarning, match="`counts` of samples is called `scored` now"
        ) as told:
            assert read() is sample.scored
        assert told[0].filename == __file__ or "bunch" in told[0].filename
    with pytest.warns(FutureWarning, match="`scored`"):
        assert "counts" in sample
    with pytest.warns(FutureWarning, match="`scored`"):
        sample = Sample(sample.X, counts=None)
    with pytest.warns(FutureWarning, match="`scored`"):
        assert "counts" not in sample
    with pytest.raises(AttributeError, match="nothing"):
        _ = sample.nothing


def test_a_world_of_the_old_hook_still_draws_and_is_told_of_the_new_one():
    with pytest.warns(FutureWarning, match="Old implements _sample, which is called _draw now"):

        class Old(World):
            latent_kind, latent_names = "continuous", ("z",)

            def _sample(self, n_sequences, stream):
                X = np.random.default_rng(stream).normal(size=(n_sequences, 5))
                return X, X[:, :, np.newaxis]

    sample = Old().sample(3, random_state=0)
    assert np.array_equal(sample.latents[:, :, 0], sample.X)
    assert sample.latent_names == ("z",)


def test_facts_are_those_of_the_world():
    world = DriftWorld()
    assert world.facts == WorldFacts(
        observation="continuous",
        likelihood="gaussian",
        noise_std=world.noise_std,
        input_scaling="first",
        output_scaling=None,
        n_tokens="auto",
        latent_kind="continuous",
        latent_names=("x",),
        null_kinds=("shuffle", "resample", "phase"),
        ceiling="exact",
        flow_kind="mean",
    )
    null = world.null("shuffle").facts
    assert (null.latent_kind, null.latent_names, null.ceiling) == (None, (), "bound")
    assert null.noise_std == world.noise_std
    X = np.random.default_rng(0).normal(size=(9, 5))
    assert ArrayWorld(X, X).facts.latent_names == ("latent 0",)
    assert ArrayWorld(X, X, ["speed"]).facts.latent_names == ("speed",)


def walk(n_sequences, rng):
    X = rng.normal(size=(n_sequences, 8)).cumsum(axis=1)
    return X, X > 0


def test_a_function_is_a_world():
    world = FunctionWorld(walk, latent_names=["side"], latent_kind="discrete")
    sample = clone(world).sample(4, random_state=0)
    assert sample.X.shape == (4, 8)
    assert sample.latents.dtype == np.int64
    assert np.array_equal(sample.latents[:, :, 0], sample.X > 0)
    assert sample.latent_names == ("side",)
    for kind in world.null_kinds:
        assert world.null(kind).sample(4, random_state=0).X.shape == (4, 8)
    coins = FunctionWorld(lambda n, rng: rng.random((n, 6)) < 0.5, observation="binary")
    assert coins.facts.likelihood == "bernoulli"
    assert coins.sample(3, random_state=0).X.dtype == np.float64
    dice = FunctionWorld(
        lambda n, rng: rng.integers(6, size=(n, 6)), observation="token", n_tokens=6
    )
    assert dice.facts.n_tokens == 6
    assert dice.null("resample").sample(3, random_state=0).X.max() < 6


def copy_task(n_sequences, rng):
    half = rng.integers(3, size=(n_sequences, 4))
    return np.tile(half, 2), None, np.tile([False, True], (n_sequences, 1)).repeat(4, axis=1)


def test_a_function_says_which_steps_are_scored():
    world = FunctionWorld(copy_task, observation="token", n_tokens=3)
    sample = world.sample(5, random_state=0)
    assert sample.scored.dtype == bool
    assert sample.scored.sum(axis=1).tolist() == [4] * 5
    assert sample.latents is None
    assert np.array_equal(world.null("resample").sample(5, random_state=0).scored, sample.scored)


def test_draws_that_are_the_same_by_chance_are_no_error():
    """Two sequences are mostly ones, and many are not all the same."""
    rare = FunctionWorld(lambda n, rng: rng.random((n, 3)) < 0.9, observation="binary")
    for seed in range(20):
        assert rare.sample(3, random_state=seed).X.shape == (3, 3)
    # Nothing happens in any of them.
    rarer = FunctionWorld(lambda n, rng: rng.random((n, 3)) < 1e-9, observation="binary")
    assert not rarer.sample(3, random_state=0).X.any()


CALLS = iter(range(1000))
NOISE = np.random.default_rng(0).normal(size=(9, 5))


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (3, {}, "'function' parameter of FunctionWorld must be a callable"),
        (lambda n, rng: NOISE[0, :n], {}, r"X of shape \(2,\); for n_sequences=2 return shape"),
        (lambda n, rng: NOISE, {}, r"X of shape \(9, 5\); for n_sequences=2 return shape \(2, n_"),
        (lambda n, rng: NOISE[:n, :1], {}, "of at least 2 steps"),
        (lambda n, rng: NOISE[:n] / 0, {}, r"inf in X\[0, 0\], one of .* smaller time step"),
        (lambda n, rng: ["a"] * n, {}, "X of the type <U1; return numbers"),
        (lambda n, rng: NOISE[:n] + next(CALLS), {}, "other sequences for the same generator"),
        (lambda n, rng: (NOISE[:n], NOISE[:n]), {}, "X and latents, but latent_kind=None; return"),
        (walk, {"latent_names": ["side"]}, "latent_kind=None, but latent_names=.*declare both"),
        (
            lambda n, rng: NOISE[:n],
            {"latent_kind": "continuous", "latent_names": ["z"]},
            "X alone, but latent_kind='continuous'; return a tuple",
        ),
        (
            walk,
            {"latent_kind": "discrete", "latent_names": ["z", "u"]},
            r"latents of shape \(2, 8, 1\).* 2 latent_names; return shape \(2, 8, 2\), or pass one",
        ),
        (
            lambda n, rng: (NOISE[:n], NOISE[:n]),
            {"latent_kind": "discrete", "latent_names": ["z"]},
            r"0\.\d+ in latents\[0, 0\].*return integers",
        ),
        (lambda n, rng: NOISE[:n], {"observation": "binary"}, "in X.*return integers, or declare"),
        (
            lambda n, rng: np.full((n, 5), 2),
            {"observation": "binary"},
            "X from 2 to 2, but with observation='binary' there are 2 values",
        ),
        (
            lambda n, rng: np.full((n, 5), 7),
            {"observation": "token", "n_tokens": 7},
            "X from 7 to 7, .*there are 7 values from 0 on; return these, or pass more n_tokens",
        ),
        (lambda n, rng: NOISE[:n], {"observation": "token"}, "n_tokens='auto'.*pass the size"),
        (
            lambda n, rng: np.resize(NOISE, (n, 5)),
            {},
            "the same 64 sequences for two generators, .*; draw everything random from rng",
        ),
        (lambda n, rng: np.tile(NOISE[0], (n, 1)), {}, "the same 64 sequences for two generators"),
        (
            lambda n, rng: np.resize(NOISE, (n, 5)) + 0 * rng.normal(),
            {},
            "the same 64 sequences for two generators",
        ),
        (lambda n, rng: (NOISE[:n],) * 4, {}, r"a tuple of 4; return X, \(X, latents\), or"),
        (lambda n, rng: (NOISE[:n], None, NOISE[:n]), {}, r"the type float64, .* a bool array of"),
        (
            lambda n, rng: (NOISE[:n], None, NOISE[:n, 0] > 0),
            {},
            r"scored of shape \(2,\) .* return a bool array of shape \(2, 5\), or None",
        ),
        (
            lambda n, rng: (NOISE[:n], None, np.zeros((n, 5), dtype=bool)),
            {},
            "scored without a step after the first",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_functions_that_do_not_draw_sequences_are_told_what_to_return(function, options, message):
    with pytest.raises(ValueError, match=message):
        FunctionWorld(function, **options).sample(3, random_state=0)


@pytest.mark.parametrize(
    ("world", "parts"),
    [
        (
            OscillatorWorld(n_steps=40),
            ["OscillatorWorld(n_steps=40)\n", "40 steps, 1 channel; latents: x, y (continuous);"],
        ),
        (OscillatorWorld(n_steps=7), ["  continuous, 7 steps,", "best possible score: known"]),
        (BernoulliWorld(), ["  binary, ", "latents: none", "best possible score: known exactly"]),
        (
            TriangleWorld(),
            [f"{TriangleWorld().n_tokens} tokens", "nulls: permuted", "score: not known"],
        ),
    ],
)
def test_a_world_says_what_an_assessment_has_to_know(world, parts):
    text = " ".join(repr(world).split())
    for part in parts:
        assert " ".join(part.split()) in text
    lines = repr(world).splitlines()
    assert max(map(len, lines)) <= 79
    assert len(lines) <= 4


def test_a_world_of_recordings_shows_their_shape():
    assert repr(ArrayWorld(np.zeros((40, 30, 3)))).startswith(
        "ArrayWorld(X=<float64 array of shape (40, 30, 3)>)"
    )


def test_a_world_that_cannot_be_sampled_says_how_it_is_made():
    assert repr(OscillatorWorld(n_steps=0)) == "OscillatorWorld(n_steps=0)"
    # As a parameter it is that alone.
    assert "channel" not in repr(EmergenceAssessment(OscillatorWorld(n_steps=7)))


@pytest.mark.parametrize("rows", [slice(2), np.array([2, 0]), np.array([False, True, True])])
def test_some_rows_of_a_sample_keep_what_belongs_to_them(rows):
    X, flags = np.arange(12.0).reshape(3, 4), np.eye(3, 4, dtype=bool)
    fields = {"scored": flags, "observed": ~flags, "known": flags, "groups": np.array([5, 6, 7])}
    world = OscillatorWorld()
    given = Sample(X, X[:, :, None], ("x",), **fields, world=world, depth=np.ones(3))
    found = rows_of(given, rows)
    for name in ("X", "latents", *fields):
        assert np.array_equal(found[name], given[name][rows])
    assert found.latent_names == ("x",)
    assert found.world is world
    assert "depth" not in found
    assert rows_of(Sample(X), rows).scored is None
