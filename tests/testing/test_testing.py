"""What a stranger writes from the documentation passes the checks; what is broken is told how."""

import threading
from functools import partial

import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone

from sklearn_emerge import (
    AlgorithmicWorld,
    ArrayWorld,
    EchoStatePredictor,
    EmergenceAssessment,
    FunctionWorld,
    GRUPredictor,
    LinearSystemWorld,
    MarkovPredictor,
    NestedConditionalWorld,
    OscillatorWorld,
    PersistencePredictor,
    RegimeWorld,
    TransformerPredictor,
    TriangleWorld,
    measures,
)
from sklearn_emerge._registry import WORLDS, make_world
from sklearn_emerge.predictors import BasePredictor
from sklearn_emerge.testing import check_measure, check_predictor, check_world
from sklearn_emerge.worlds import Sample, World


class Queue(World):
    """People arrive and are served; the load is hidden. Written from the docstring of `World`."""

    latent_kind = "continuous"
    latent_names = ("load",)

    def __init__(self, rate=0.9, n_steps=16):
        self.rate = rate
        self.n_steps = n_steps

    def _draw(self, n_sequences, stream):
        rng = np.random.default_rng(stream)
        load = np.zeros((n_sequences, self.n_steps))
        for t in range(1, self.n_steps):
            change = rng.poisson(self.rate, n_sequences) - 1.0
            load[:, t] = np.maximum(load[:, t - 1] + change, 0)
        return Sample(load + rng.normal(size=load.shape), load[:, :, np.newaxis])


def drunkard(n_sequences, rng):
    """Written from the docstring of `FunctionWorld`."""
    place = rng.normal(size=(n_sequences, 16)).cumsum(axis=1)
    return place, (place > 0).astype(int)


class Drift(BasePredictor):
    """The last step goes on. Written from the docstring of `check_predictor`."""

    def __init__(self, damping=0.5, likelihood="auto", noise_std="auto"):
        self.damping = damping
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _fit(self, X):
        self.mean_ = X.mean(axis=(0, 1))

    def _predict(self, X):
        steps = np.diff(X, axis=1, prepend=X[:, :1])
        return X + self.damping * steps


class Fading(BasePredictor):
    """A mean that forgets. Written from the docstring of `BasePredictor`, with what is optional."""

    def __init__(self, decay=0.5, likelihood="auto", noise_std="auto"):
        self.decay = decay
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _fit(self, X):
        pass

    def _predict(self, X):
        return self._predict_from(X, X.shape[1])

    def _predict_from(self, X, n_inputs):
        mean, n_steps = np.zeros(X.shape), X.shape[1]
        for lag in range(min(n_inputs, n_steps)):
            mean[:, lag:] += (1 - self.decay) * self.decay**lag * X[:, : n_steps - lag]
        return mean


def overshoot(predictor, sample):
    """Written from the docstring of `check_measure`."""
    missed = predictor.predict(sample.X)[:, :-1] - sample.X[:, 1:]
    return {"up": float((missed > 0).mean()), "down": float((missed < 0).mean())}


GROUPED = ArrayWorld(
    np.random.default_rng(0).normal(size=(24, 10, 2)), np.arange(24) % 2, groups=np.arange(24) // 2
)
OURS = {name: make_world(name) for name in WORLDS} | {
    "recordings": ArrayWorld(np.random.default_rng(0).normal(size=(30, 12)), np.arange(30) % 3),
    "recordings in groups": GROUPED,
    "two channels": LinearSystemWorld(np.eye(2), np.eye(2), n_steps=12),
    "of a function": FunctionWorld(drunkard, latent_names=["side"], latent_kind="discrete"),
    "one task": TriangleWorld(evaluation_task="A->C"),
    "shuffled": OscillatorWorld(n_steps=30).null("shuffle"),
    "resampled": RegimeWorld().null("resample"),
    "of tokens": NestedConditionalWorld().null("resample"),
    "stranger": Queue(),
}


@pytest.mark.parametrize("name", OURS)
def test_worlds_keep_to_their_contract(name):
    check_world(OURS[name])


@pytest.mark.parametrize(
    "predictor",
    [
        Drift(),
        Fading(),
        GRUPredictor(4, max_steps=2, likelihood="categorical", n_tokens=4),
        TransformerPredictor(8, 1, 2, max_steps=2, likelihood="categorical", n_tokens=4),
        EchoStatePredictor(5, n_draws=1, random_state=0),
        GRUPredictor(4, max_steps=2, likelihood="bernoulli"),
        MarkovPredictor(likelihood="categorical"),
    ],
    ids=lambda predictor: " ".join(repr(predictor).split()),
)
def test_predictors_of_strangers_and_tokens_keep_to_their_contract(predictor):
    check_predictor(predictor)


@pytest.fixture(scope="module")
def of_tokens():
    """A transformer and sequences that measures of tokens can be taken of."""
    train, evaluation = TriangleWorld().split(30, 20, 0)
    evaluation.train = train
    model = TransformerPredictor(
        8, 1, 2, likelihood="categorical", n_tokens=27, max_steps=1, random_state=0
    )
    return model.fit(train.X), evaluation


@pytest.mark.parametrize(
    "measure",
    [
        measures.token_accuracy,
        partial(measures.task_scores, n_queries=5),
        measures.attention_head_gates,
    ],
)
def test_measures_of_tokens_keep_to_their_contract(measure, of_tokens):
    check_measure(measure, *of_tokens)


@pytest.mark.parametrize(
    "measure", [measures.answer_scores, partial(measures.answer_scores, n_rows=5)]
)
def test_measures_of_answers_keep_to_their_contract(measure):
    train, evaluation = AlgorithmicWorld(["COPY", "PAR"]).split(30, 20, 0)
    model = MarkovPredictor(likelihood="categorical", n_tokens=27).fit(train.X)
    check_measure(measure, model, evaluation)


@pytest.mark.parametrize("measure", [overshoot, measures.memory_curve, measures.probe_layers])
def test_measures_keep_to_their_contract(measure):
    check_measure(measure)


class Learner(Drift):
    """With modes of its own, and randomness."""

    training_modes = ("full", "random")

    def __init__(self, training="full", random_state=None, likelihood="auto", noise_std="auto"):
        super().__init__(likelihood=likelihood, noise_std=noise_std)
        self.training = training
        self.random_state = random_state

    def _fit(self, X):
        start = np.random.default_rng(self.random_state).normal(10.0)
        self.damping = start if self.training == "random" else 0.5


def test_modes_and_randomness_of_a_stranger_s_predictor_are_those_of_the_seeds():
    options = dict(n_seeds=2, alpha=0.6, n_train=30, n_eval=20, nulls=(), reservoir_sizes=None)
    options |= dict(modes=("full", "random"), baselines=("mean",), probe=None, progress=False)
    cubes = [
        EmergenceAssessment(Queue(), Learner(), random_state=0, **options).fit().cube_
        for _ in range(2)
    ]
    full, random = (cubes[0].nll.sel(mode=mode) for mode in ("full", "random"))
    assert (random > full + 1).all()
    assert np.unique(random.values).size == 2
    assert np.array_equal(*(cube.nll for cube in cubes))


def test_a_stranger_s_predictor_has_a_memory():
    train, evaluation = Queue(rate=0.99, n_steps=12).split(100, 50, 0)
    model = Fading(decay=0.8).fit(train.X)
    curve = measures.memory_curve(model, evaluation, windows=[1, 4, 12])
    assert curve[0] > curve[1] > curve[2]
    assert curve[2] == pytest.approx(-model.score(evaluation.X))
    assert measures.exchange_states(model, evaluation).sel(exchange="rise") > 0.01
    with pytest.raises(ValueError, match="Drift has no state .* or implement _predict_from"):
        measures.memory_curve(Drift().fit(train.X), evaluation)
    with pytest.raises(ValueError, match="n_inputs=0 must be an integer of at least 1"):
        model.score_from_last(evaluation.X, 0)
    cube = (
        EmergenceAssessment(
            Queue(n_steps=12),
            Fading(),
            modes=("full",),
            n_seeds=2,
            alpha=0.6,
            n_train=30,
            n_eval=20,
            nulls=(),
            reservoir_sizes=None,
            probe=None,
            random_state=0,
            progress=False,
        )
        .fit()
        .cube_
    )
    assert cube.nll_memory.sel(window=12).values.ravel() == pytest.approx(cube.nll.values.ravel())


def test_what_a_stranger_wrote_is_assessed():
    assessment = EmergenceAssessment(
        Queue(),
        GRUPredictor(3, max_steps=4),
        baselines={"drift": Drift()},
        n_seeds=2,
        alpha=0.6,
        n_train=30,
        n_eval=20,
        nulls=("shuffle",),
        reservoir_sizes=None,
        random_state=0,
        record_at=[0, 4],
        measures={"overshoot": overshoot},
        param_grid={"world__rate": [0.5, 1.0]},
        progress=False,
    ).fit()
    assert assessment.cube_.sizes["world__rate"] == 2
    assert np.isfinite(assessment.cube_.nll).all()
    assert assessment.cube_.latent.values.tolist() == ["load"]
    assert assessment.cube_.overshoot_trajectory.sel(overshoot_item="up").notnull().all()


def draws(**changes):
    """Return a world like Queue with other attributes or methods."""
    return type("Changed", (Queue,), changes)()


def drawn(change):
    """Return a world whose sample is changed."""

    def _draw(self, n_sequences, stream):
        return change(Queue._draw(self, n_sequences, stream))

    return _draw


def with_(**fields):
    """Return a function that sets fields of a sample to what functions of it return."""

    def change(sample):
        sample.update({name: value(sample) for name, value in fields.items()})
        return sample

    return change


def keeps_a_generator(self, rate=0.9, n_steps=16):
    Queue.__init__(self, rate, n_steps)
    self.rng = np.random.default_rng(0)


def rounds_its_parameter(self, rate=0.9, n_steps=16):
    Queue.__init__(self, [rate], n_steps)


def from_anywhere(self, n_sequences, stream):
    return Queue._draw(self, n_sequences, None)


def from_the_global_state(self, n_sequences, stream):
    return Sample(np.random.normal(size=(n_sequences, 9)), np.zeros((n_sequences, 9, 1)))


def always_the_same(self, n_sequences, stream):
    return Queue._draw(self, n_sequences, 0)


def split_that_holds_nothing_out(self, n_train, n_eval, random_state=None):
    train = self.sample(n_train, random_state)
    return train, clone(self).sample(n_train, random_state)


def splits_that_depend_on_their_number(self, n_splits, n_train, n_eval, random_state=None):
    return [self.split(n_train, n_eval, n_splits + i + random_state) for i in range(n_splits)]


BROKEN_WORLDS = {
    "no world": (object(), "object is no World; inherit from worlds.World"),
    "generator": (draws(__init__=keeps_a_generator), "__init__ sets rng, which is no parameter"),
    "parameter": (
        draws(__init__=rounds_its_parameter),
        "(?s)cannot be cloned .*keep each parameter",
    ),
    "lock": (Queue(threading.Lock()), "cannot be cloned"),
    "unseeded": (draws(_draw=from_anywhere), "other sequences for the same random_state; draw"),
    "global": (draws(_draw=from_the_global_state), "global random state; use np.random.default"),
    "fixed": (draws(_draw=always_the_same), "the same sequences for another random_state; draw"),
    "tuple": (draws(_draw=drawn(lambda s: (s.X, s.latents))), "_draw returned tuple; return"),
    "few": (draws(_draw=drawn(lambda s: Sample(s.X[1:], s.latents[1:]))), "draw n_sequences"),
    "flat": (draws(_draw=drawn(with_(X=lambda s: s.X[:, 0]))), r"X must be an array.*\(10,\)"),
    "nan": (draws(_draw=drawn(with_(X=lambda s: s.X / 0 * 0))), "X is not finite; draw finite"),
    "not binary": (
        draws(observation="binary"),
        "values other than the integers 0 to 1; draw these",
    ),
    "no vocabulary": (draws(observation="token"), "n_tokens='auto', but .* declare the size"),
    "no fact": (draws(observation="counts"), "observation='counts' is no fact .*declare one of"),
    "no noise": (draws(noise_std="auto"), "noise_std='auto' is no fact .* declare a number"),
    "no names": (draws(latent_names=()), r"latent_names=\(\); declare both, or neither"),
    "no kind": (
        draws(latent_kind=None, latent_names=()),
        "latent_kind=None, but latents are there",
    ),
    "names": (draws(latent_names=("a", "b")), r"latents have shape \(10, 16, 1\); .*\(10, 16, 2\)"),
    "no classes": (draws(latent_kind="discrete"), "but latents are float64.*integers if they are"),
    "scored": (draws(_draw=drawn(with_(scored=lambda s: s.X))), "scored must be None, or booleans"),
    "groups": (draws(_draw=drawn(with_(groups=lambda s: s.X))), "groups must be None, or a number"),
    "leaking": (draws(split=split_that_holds_nothing_out), "same sequences for training and eval"),
    "splits": (draws(splits=splits_that_depend_on_their_number), "derive each split from a stream"),
    "null": (draws(null=lambda self, kind: clone(self)), "destroy something, or drop it from null"),
    "no null": (draws(null=lambda self, kind: None), "is no World; return one, or drop it"),
    "other null": (
        draws(null=lambda self, kind: Queue(n_steps=9)),
        "return a world of the same sh",
    ),
    "beaten": (
        draws(ceiling="exact", _optimal=lambda self: Drift(damping=5.0)),
        "MeanPredictor predicts better than the optimal predictor, by .*correct _optimal",
    ),
    "unspoken": (
        draws(optimal_predictor=lambda self: PersistencePredictor()),
        "ceiling=None, but optimal_predictor.* returned Persistence.*; return the best",
    ),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.filterwarnings("ignore:divide by zero encountered")
@pytest.mark.parametrize("name", BROKEN_WORLDS)
def test_broken_worlds_are_told_what_to_do(name):
    world, message = BROKEN_WORLDS[name]
    with pytest.raises((AssertionError, ValueError, TypeError), match=message):
        check_world(world)


def predicts(**changes):
    """Return a predictor like Drift with other methods."""
    return type("Changed", (Drift,), changes)(noise_std=1.0)


def changes_its_parameter(self, X):
    self.damping = 0.1


def learns_at_random(self, X):
    self.damping_ = np.random.default_rng().random()


def learns_from_the_global_state(self, X):
    self.damping_ = np.random.random()


def writes_into(self, X):
    X += 1
    return X


def counts_its_calls(self, X):
    self.n_calls_ = getattr(self, "n_calls_", 0) + 1
    return X + self.n_calls_


class Modes(Drift):
    """A predictor with a mode that fails."""

    training_modes = ("full", "broken")

    def __init__(self, training="full", likelihood="auto", noise_std=1.0):
        super().__init__(0.5, likelihood, noise_std)
        self.training = training

    def _predict(self, X):
        return X * np.nan if self.training == "broken" else X


class Numb(BasePredictor):
    """A predictor without a likelihood."""

    def __init__(self):
        pass

    _fit = _predict = lambda self, X: X


BROKEN_PREDICTORS = {
    "no predictor": (object(), "object is no predictor of this package; inherit from predictors."),
    "no likelihood": (Numb(), "Numb has no parameter likelihood; add it to __init__"),
    "parameter": (predicts(_fit=changes_its_parameter), "changed its parameter damping; keep what"),
    "not itself": (predicts(fit=lambda self, X: Drift.fit(clone(self), X)), "return self"),
    "unfitted": (predicts(predict=lambda self, X: X), "predicts before it is fitted; leave"),
    "random": (
        predicts(_fit=learns_at_random, _predict=lambda self, X: X * self.damping_),
        "learned something else from the same sequences and random_state; draw everything",
    ),
    "global": (predicts(_fit=learns_from_the_global_state), "uses numpy's global random state"),
    "ahead": (
        predicts(_predict=lambda self, X: np.roll(X, -1, axis=1)),
        "depends on steps after t; use",
    ),
    "rows": (
        predicts(_predict=lambda self, X: X - X.mean(axis=0)),
        "depends on the other sequences of",
    ),
    "calls": (predicts(_predict=counts_its_calls), "is something else a second time; keep nothing"),
    "shape": (
        predicts(_predict=lambda self, X: X[:, 1:]),
        r"float64 of shape \(30, 23\); return .* of shape \(30, 24\)",
    ),
    "length": (
        predicts(_predict=lambda self, X: X / X.shape[1]),
        "predicts shorter sequences in another",
    ),
    "total": (
        predicts(score=lambda self, X, y=None: float(self.score_samples(X).mean())),
        "return the mean per predicted step",
    ),
    "mode": (Modes(), "training='broken'.* not finite; mend it, or drop it from training_modes"),
    "states ahead": (
        predicts(transform=lambda self, X: X[:, ::-1, np.newaxis]),
        "transform.* steps after t",
    ),
    "states": (predicts(transform=lambda self, X: X), "transform returned shape .*; return"),
    "all inputs": (
        predicts(_predict_from=lambda self, X, n_inputs: X + 1),
        "of all inputs, is not score_steps.* be _predict",
    ),
    "not reset": (
        predicts(
            _predict=lambda self, X: X.cumsum(axis=1),
            _predict_from=lambda self, X, n_inputs: X.cumsum(axis=1),
        ),
        "depends on steps before the last 3 inputs; let _predict_from.* begin anew",
    ),
    "context": (predicts(context_length_=0), "context_length_ is 0; it is a number of steps"),
    "rollout begins": (
        predicts(_begin=lambda self, X: (X[:, -1] + 1, X)),
        r"rollout\(X, 4\)\[:, 0\] is not predict\(X\)\[:, -1\]; let _begin",
    ),
    "rollout goes on": (
        predicts(_advance=lambda self, state, x: (x + 1, state)),
        r"is not predicted again when it is seen; let _advance\(state, x\) return",
    ),
    "rollout draws": (
        predicts(_advance=lambda self, state, x: (x + np.random.normal(), state)),
        "rollout is something else a second time.*draw nothing",
    ),
}


@pytest.mark.parametrize("name", BROKEN_PREDICTORS)
def test_broken_predictors_are_told_what_to_do(name):
    predictor, message = BROKEN_PREDICTORS[name]
    with pytest.raises((AssertionError, ValueError), match=message):
        check_predictor(predictor)


class Locked:
    """A measure that other processes cannot have."""

    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, predictor, sample):
        return 0.0


def trains_on(predictor, sample):
    predictor.fit(sample.X[:2])
    return 0.0


def notes(predictor, sample):
    predictor.seen_ = True
    return 0.0


def scales(predictor, sample):
    sample.X *= 2
    return 0.0


BROKEN_MEASURES = {
    "no function": (3, "3 is not callable; pass a function"),
    "lock": (Locked(), "cannot be sent to other processes .*; open files, locks"),
    "text": (lambda p, s: "good", "must return a number, a mapping of names"),
    "no labels": (lambda p, s: xr.DataArray([1.0], dims="x"), "a coordinate for each dimension"),
    "taken": (
        lambda p, s: xr.DataArray([1.0], {"seed": [0]}),
        "'seed', which the cube has already",
    ),
    "trains": (trains_on, "has changed the predictor.*; read from it"),
    "notes": (notes, "has changed the predictor.*; read from it"),
    "scales": (scales, "has changed sample.X, which others read; work on a copy"),
    "random": (
        lambda p, s: np.random.default_rng().random(),
        "something else a second time.*; draw",
    ),
}


@pytest.mark.parametrize("name", BROKEN_MEASURES)
def test_broken_measures_are_told_what_to_do(name):
    measure, message = BROKEN_MEASURES[name]
    with pytest.raises((AssertionError, ValueError), match=message):
        check_measure(measure)


def test_a_measure_needs_predictor_and_sample_together():
    with pytest.raises(ValueError, match="belong together; pass both, or neither"):
        check_measure(overshoot, Drift())
