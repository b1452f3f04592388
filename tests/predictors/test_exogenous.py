"""Predictors of what is driven by exogenous channels, and of tasks."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from sklearn_emerge import (
    AutoregressivePredictor,
    EchoStatePredictor,
    GRUPredictor,
    LinearFilterPredictor,
    LSTMPredictor,
    MarkovPredictor,
    MeanPredictor,
    ModulePredictor,
    PersistencePredictor,
    RNNPredictor,
    SeasonalPredictor,
    TimeVaryingFilterPredictor,
    TransformerPredictor,
    WindowPredictor,
)
from sklearn_emerge.predictors._facts import with_facts
from sklearn_emerge.predictors._lagged import LaggedMoments

TINY = dict(max_steps=4, random_state=0)
BLIND = [MeanPredictor(), MeanPredictor(per_step=True)]
FED = [PersistencePredictor(), MarkovPredictor(), SeasonalPredictor(2)]
DRIVEN = [
    AutoregressivePredictor(2),
    LinearFilterPredictor(2),
    LinearFilterPredictor(),
    TimeVaryingFilterPredictor(2, time_channel="full_time"),
    WindowPredictor(3, n_features=10, random_state=0),
    EchoStatePredictor(8, n_draws=2, random_state=0),
    RNNPredictor(4, **TINY),
    GRUPredictor(4, engine="numba", **TINY),
    GRUPredictor(4, input_scaling="first", **TINY),
    LSTMPredictor(4, head="sgd", **TINY),
    TransformerPredictor(8, 1, 2, **TINY),
    ModulePredictor(partial(nn.GRU, hidden_size=3, batch_first=True), **TINY),
]
# Linear systems that inputs drive: how much of a step stays, what the input adds, and the noise.
STAY, GAIN, NOISE = 0.6, 1.5, 0.5


def entropy(variance):
    """Return the nats per step of Gaussian noise."""
    return 0.5 * np.log(2 * np.pi * np.e * variance)


def driven(n_sequences=60, n_steps=12, gain=GAIN, seed=0):
    """Return x_{t+1} = a x_t + b u_t + noise, and behind it u."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n_sequences, n_steps))
    noise = rng.normal(scale=NOISE, size=inputs.shape)
    X = np.empty_like(inputs)
    X[:, 0] = rng.normal(size=n_sequences) * np.sqrt((gain**2 + NOISE**2) / (1 - STAY**2))
    for t in range(n_steps - 1):
        X[:, t + 1] = STAY * X[:, t] + gain * inputs[:, t] + noise[:, t]
    return np.stack([X, inputs], axis=2)


def of_driven(predictor, feedback="auto"):
    return clone(predictor).set_params(n_exogenous=1, feedback=feedback)


@pytest.mark.parametrize(
    "predictor",
    [
        AutoregressivePredictor(1),
        LinearFilterPredictor(),
        TimeVaryingFilterPredictor(),
        WindowPredictor(4, n_features=0, input_scale=1.0),
    ],
    ids=str,
)
def test_a_linear_filter_with_inputs_reaches_the_entropy_and_one_without_does_not(predictor):
    train, test = driven(3000), driven(3000, seed=1)
    nll = -of_driven(predictor).fit(train).score(test)
    assert nll == pytest.approx(entropy(NOISE**2), abs=0.01)
    # White inputs are noise to who does not see them.
    alone = -clone(predictor).fit(train[:, :, :1]).score(test[:, :, :1])
    assert alone == pytest.approx(entropy(NOISE**2 + GAIN**2), abs=0.02)


@pytest.mark.parametrize("predictor", DRIVEN[:5], ids=str)
def test_inputs_that_drive_nothing_change_nothing(predictor):
    train, test = driven(3000, gain=0.0), driven(3000, gain=0.0, seed=1)
    alone = clone(predictor).fit(train[:, :, :1]).score(test[:, :, :1])
    assert of_driven(predictor).fit(train).score(test) == pytest.approx(alone, abs=0.01)


@pytest.mark.parametrize("predictor", [*BLIND, *FED], ids=str)
def test_what_uses_targets_alone_is_as_without_inputs(predictor):
    X = driven()
    with_inputs = clone(predictor).set_params(n_exogenous=1).fit(X)
    alone = clone(predictor).fit(X[:, :, :1])
    assert np.array_equal(with_inputs.predict(X), alone.predict(X[:, :, :1]))
    assert np.array_equal(with_inputs.score_samples(X), alone.score_samples(X[:, :, :1]))


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("predictor", DRIVEN, ids=str)
def test_predictions_are_of_targets_and_follow_from_what_was_seen(predictor, feedback):
    X = driven()
    model = of_driven(predictor, feedback).fit(X)
    mean = model.predict(X)
    assert mean.shape == (60, 12, 1)
    assert np.isfinite(model.score_steps(X)).all()
    changed = X.copy()
    changed[:, 5, 1] += 1.0
    moved = np.abs(model.predict(changed) - mean).max(axis=(0, 2)) > 1e-9
    assert not moved[:5].any()
    assert moved[5]
    changed = X.copy()
    changed[:, 5, 0] += 1.0
    moved = np.abs(model.predict(changed) - mean).max(axis=(0, 2)) > 1e-9
    assert not moved[:5].any()
    assert moved[5] == feedback
    if not feedback:
        # Not even a longer memory sees them.
        assert not moved.any()


@pytest.mark.parametrize("predictor", DRIVEN, ids=str)
def test_a_task_is_scored_whatever_the_targets_before(predictor):
    X = driven()
    model = of_driven(predictor, False).fit(X)
    other = X.copy()
    other[:, :7, 0] = 0.0
    assert np.array_equal(model.score_steps(other)[:, 6:], model.score_steps(X)[:, 6:])


# Targets that inputs drive, by likelihood.
TARGETS = {
    "bernoulli": lambda drive, rng: (rng.random(drive.shape) < 1 / (1 + np.exp(-3 * drive))) * 1.0,
    "poisson": lambda drive, rng: rng.poisson(np.exp(drive)).astype(float),
    "negative_binomial": lambda drive, rng: rng.negative_binomial(2, 2 / (2 + np.exp(drive))) * 1.0,
    "categorical": lambda drive, rng: np.digitize(drive, [-0.5, 0.5]).astype(float),
    "student_t": lambda drive, rng: drive + 0.3 * rng.standard_t(3, drive.shape),
}


def driven_by_likelihood(likelihood, seed):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(200, 10))
    drive = np.concatenate([rng.normal(size=(200, 1)), inputs[:, :-1]], axis=1)
    return np.stack([TARGETS[likelihood](drive, rng), inputs], axis=2)


@pytest.mark.parametrize(
    ("cell", "likelihood"),
    [
        (RNNPredictor, "gaussian"),
        (GRUPredictor, "gaussian"),
        (LSTMPredictor, "gaussian"),
        (GRUPredictor, "categorical"),
        # Kernels that take long to compile.
        pytest.param(RNNPredictor, "categorical", marks=pytest.mark.slow),
        pytest.param(LSTMPredictor, "categorical", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("head", ["exact", "sgd"])
@pytest.mark.parametrize("feedback", [True, False])
def test_engines_agree_on_inputs(cell, head, feedback, likelihood):
    tokens = likelihood == "categorical"
    X, means = driven_by_likelihood(likelihood, 0)[:40] if tokens else driven(40), []
    n_outputs = 3 if tokens else 1
    for engine in ("numba", "torch"):
        options = dict(n_exogenous=1, feedback=feedback, head=head, engine=engine)
        options |= dict(likelihood=likelihood, lr=1e-2, max_steps=5, random_state=0)
        model = cell(5, **options).fit(X)
        assert model.engine_ == engine
        # The clock, the input, and what is predicted.
        assert model.network_.core.input_size == 2 + n_outputs * feedback
        assert model.network_.head.out_features == n_outputs
        means.append(model.predict(X))
    np.testing.assert_allclose(*means, atol=2e-4)


@pytest.mark.parametrize("likelihood", TARGETS)
@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize(
    "predictor",
    [
        LinearFilterPredictor(1),
        WindowPredictor(2, n_features=20, random_state=0),
        EchoStatePredictor(20, n_draws=2, random_state=0),
        GRUPredictor(8, training="readout", random_state=0),
        GRUPredictor(8, head="sgd", max_steps=50, lr=0.1, random_state=0),
    ],
    ids=str,
)
def test_inputs_help_under_all_likelihoods_and_heads(predictor, likelihood, feedback):
    train, test = (driven_by_likelihood(likelihood, seed) for seed in (0, 1))
    params = dict(likelihood=likelihood, n_exogenous=1)
    mean = MeanPredictor(**params).fit(train).score(test)
    model = clone(predictor).set_params(feedback=feedback, **params).fit(train)
    assert model.score(test) > mean + 0.05
    assert model.predict(test).shape[2] == (3 if likelihood == "categorical" else 1)


def test_moments_of_roles_are_those_of_the_rows():
    X = np.random.default_rng(0).normal(size=(30, 9, 4))
    roles = np.array([1, 2, 3]), np.array([0])
    lagged = LaggedMoments(X, np.arange(9)[:, np.newaxis] / 8, 3, roles=roles)
    origin = np.zeros(1 + 2 * 3 + 1)
    found = lagged.at(5, 2, origin)
    rows = np.hstack([np.full((30, 1), 5 / 8), X[:, 5, 1:], X[:, 4, 1:], X[:, 6, :1]])
    np.testing.assert_allclose(found.products.sum(axis=0), rows.T @ rows, atol=1e-12)
    np.testing.assert_allclose(found.sums.sum(axis=0), rows.sum(axis=0), atol=1e-12)


def test_an_autoregression_with_inputs_is_least_squares():
    X = driven(20)
    model = AutoregressivePredictor(1, n_exogenous=1).fit(X)
    past = X[:, :-1].reshape(-1, 2)
    rows = np.hstack([np.ones((len(past), 1)), past])
    solution = np.linalg.lstsq(rows, X[:, 1:, 0].ravel())[0]
    np.testing.assert_allclose(model.coefs_[0][0, :, 0], solution[1:], atol=1e-10)
    np.testing.assert_allclose(model.intercepts_[0], solution[:1], atol=1e-10)


def test_differences_from_the_first_step_are_of_targets_alone():
    X = driven()
    model = GRUPredictor(4, input_scaling="first", n_exogenous=1, **TINY).fit(X)
    moved = X.copy()
    moved[:, :, 0] += 3.0
    np.testing.assert_allclose(model.predict(moved), model.predict(X), atol=1e-9)
    moved = X.copy()
    moved[:, :, 1] += 3.0
    assert np.abs(model.predict(moved) - model.predict(X)).max() > 1e-3


def with_gaps(X):
    """Return sequences of unequal length, and a gap in the targets alone."""
    X = X.copy()
    X[::2, 8:] = np.nan
    X[1::3, 4, 0] = np.nan
    return X


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("predictor", DRIVEN, ids=str)
def test_inputs_go_on_where_targets_are_missing(predictor, feedback):
    X = with_gaps(driven())
    model = of_driven(predictor, feedback).fit(X)
    steps = model.score_steps(X)
    assert np.array_equal(np.isnan(steps), np.isnan(X[:, 1:, 0]))
    # The input of the gap is seen in it: what follows depends on it.
    changed = X.copy()
    changed[1, 4, 1] += 1.0
    assert model.score_steps(changed)[1, 4] != steps[1, 4]
    # A padded sequence has the score of the steps that it has.
    alone = model.at_length(8).score_steps(X[::2, :8])
    np.testing.assert_allclose(np.nansum(steps[::2], axis=1), np.nansum(alone, axis=1), rtol=1e-10)


@pytest.mark.parametrize("predictor", DRIVEN[6:10], ids=str)
@pytest.mark.parametrize("feedback", [True, False])
def test_memory_is_reset_of_inputs_too(predictor, feedback):
    X = driven(20)
    model = of_driven(predictor, feedback).fit(X)
    steps = model.score_steps(X)
    np.testing.assert_allclose(model.score_from_last(X, 12), steps, rtol=1e-6, atol=1e-6)
    changed = X.copy()
    changed[:, 3, 1] += 2.0
    of_two = model.score_from_last(changed, 2) == model.score_from_last(X, 2)
    assert of_two[:, 5:].all()
    assert not of_two[:, 3:5].any()


def test_a_trained_network_of_a_task_is_taken_as_it_is():
    X = driven(40)
    net, head = nn.RNN(1, 5, batch_first=True), nn.Linear(5, 1)
    model = ModulePredictor.from_trained(net, head, n_exogenous=1, feedback=False)
    model.fit(X)
    import torch

    with torch.no_grad():
        output = head(net(torch.from_numpy(X[:, :, 1:]).float())[0]).numpy()
    np.testing.assert_allclose(model.predict(X), output, atol=1e-6)
    again = ModulePredictor.from_trained(model)
    assert (again.n_exogenous, again.feedback) == (1, False)


def test_searches_of_parameters_take_inputs():
    search = GridSearchCV(LinearFilterPredictor(n_exogenous=1), {"lags": [1, 3]}, cv=3)
    assert search.fit(driven(300)).best_score_ > -entropy(NOISE**2) - 0.05


@pytest.mark.parametrize(
    ("predictor", "X", "message", "remedy"),
    [
        (
            LinearFilterPredictor(n_exogenous=2),
            driven(),
            r"n_exogenous=2, but X has 2 channels.*n_exogenous=1",
            lambda model, X: model.set_params(n_exogenous=1).fit(X),
        ),
        (
            GRUPredictor(3, n_exogenous=1, **TINY),
            driven()[:, :, 0],
            r"n_exogenous=1, but X has 1 channel, .*pass n_exogenous=0",
            lambda model, X: model.set_params(n_exogenous=0).fit(X),
        ),
        (
            GRUPredictor(3, feedback=False, **TINY),
            driven(),
            r"feedback=False, but n_exogenous='auto'.*GRUPredictor would see nothing",
            lambda model, X: model.set_params(n_exogenous=1).fit(X),
        ),
        (
            LinearFilterPredictor(n_exogenous=1),
            np.where(np.arange(24).reshape(12, 2) == 7, np.nan, driven()),
            r"exogenous channel of X\[0, 3\] is NaN, and so it is at 60 of 720 steps.*Fill them in",
            lambda model, X: model.fit(np.nan_to_num(X)),
        ),
        (
            LinearFilterPredictor(n_exogenous=-1),
            driven(),
            r"'n_exogenous' parameter of LinearFilterPredictor must be",
            lambda model, X: model.set_params(n_exogenous=0).fit(X),
        ),
    ],
)
def test_roles_that_do_not_fit_are_refused_and_the_remedy_works(predictor, X, message, remedy):
    with pytest.raises(ValueError, match=message):
        predictor.fit(X)
    remedy(predictor, X)


def test_tokens_are_not_continued_without_their_inputs():
    X = driven_by_likelihood("categorical", 0)
    model = GRUPredictor(3, likelihood="categorical", n_exogenous=1, **TINY).fit(X)
    with pytest.raises(ValueError, match="generate would need the 1 exogenous channels"):
        model.generate(X[:, :3, 0], 2)


def test_predictors_take_the_roles_of_a_world_or_say_that_they_cannot():
    task = MeanPredictor(n_exogenous=2, feedback=False)
    taken = with_facts(GRUPredictor(), task)
    assert (taken.n_exogenous, taken.feedback) == (2, False)
    with pytest.raises(ValueError, match=r"PersistencePredictor has no parameter feedback, and"):
        with_facts(PersistencePredictor(), task)
    with pytest.raises(ValueError, match=r"n_exogenous=1 of GRUPredictor .*, 2; leave it 'auto'"):
        with_facts(GRUPredictor(n_exogenous=1), task)


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("predictor", [DRIVEN[7], DRIVEN[9], DRIVEN[10]], ids=str)
def test_places_and_patches_are_of_what_is_seen(predictor, feedback):
    X = driven(20)
    model = of_driven(predictor, feedback).fit(X)
    others, later = X.copy(), X.copy()
    others[:, :, 0] = X[::-1, :, 0]
    later[:, 3, 1] += 2.0
    before = model.predict(X)
    for place in model.places_:
        # Without feedback no place has anything of the targets.
        states = model.states(X, at=place)
        assert np.array_equal(model.states(others, at=place), states) != feedback
        assert np.array_equal(model.patch(X, others, at=place), before) != feedback
        patched = model.patch(X, later, at=place, step=3)
        assert patched.shape == before.shape == (20, 12, 1)
        assert np.array_equal(patched[:, :3], before[:, :3])
        assert np.abs(patched[:, 3] - before[:, 3]).min() > 0
    if hasattr(model, "attention_pattern"):
        pattern = model.attention_pattern(X)
        np.testing.assert_allclose(pattern.sum(axis=-1), 1)
        assert np.array_equal(model.attention_pattern(others), pattern) != feedback
        moved = model.attention_pattern(later)[:, :, :, :3]
        assert np.array_equal(moved, pattern[:, :, :, :3])
