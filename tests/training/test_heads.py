"""Heads in closed form: the best linear readout of what the core is, trained or not."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import nn

from sklearn_emerge import (
    EmergenceAssessment,
    GRUPredictor,
    ModulePredictor,
    OscillatorWorld,
    RegimeWorld,
    RNNPredictor,
    TransformerPredictor,
    _glm,
)
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.training import _heads, folds, moments_of

X = OscillatorWorld(n_steps=40).sample(60, random_state=0).X
PAIR = np.stack([X, 100 + 5 * X[::-1]], axis=2)
BINARY = RegimeWorld(n_steps=40).sample(60, random_state=0).X
TOKENS = np.random.default_rng(0).integers(3, size=(400, 12)).cumsum(axis=1) % 5
QUICK = dict(random_state=0, max_steps=5)
MODELS = {
    "gru": GRUPredictor(4, **QUICK),
    "rnn, torch": RNNPredictor(4, engine="torch", **QUICK),
    "transformer": TransformerPredictor(8, 1, 2, **QUICK),
    "module": ModulePredictor(partial(nn.LSTM, hidden_size=4, batch_first=True), **QUICK),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request):
    return clone(request.param)


def least_squares(model, X):
    """Return the mean square error of a regression of the next step on the hidden states."""
    states = model.transform(X)[:, :-1]
    rows = np.hstack([np.ones((states[..., 0].size, 1)), states.reshape(-1, states.shape[2])])
    targets = X[:, 1:].reshape(len(rows), -1)
    return ((rows @ np.linalg.lstsq(rows, targets)[0] - targets) ** 2).mean(axis=0)


@pytest.mark.parametrize("data", [X, PAIR], ids=["one channel", "two"])
@pytest.mark.parametrize("training", ["readout", "full"])
def test_it_is_the_regression_on_the_hidden_states(model, data, training):
    model.set_params(training=training).fit(data)
    error = ((model.predict(data)[:, :-1] - data[:, 1:]) ** 2).mean(axis=(0, 1))
    best = least_squares(model, data)
    assert np.all(error >= best * (1 - 1e-9))
    # Half a percent of the square is what the penalty may cost.
    assert np.all(error <= best * 1.005)
    # Of sequences left out, which is never less.
    assert np.all(model.noise_std_**2 > best)


def test_a_readout_does_not_hang_on_the_length_of_training(model):
    scores = [model.set_params(training="readout", max_steps=n).fit(X).score(X) for n in (5, 10, 0)]
    assert len(set(scores)) == 1


def test_the_core_is_what_it_is_with_the_other_head(model):
    for training in ("readout", "full", "random"):
        states = [
            model.set_params(training=training, head=head).fit(X).transform(X)
            for head in ("sgd", "exact")
        ]
        assert np.array_equal(*states)


def test_an_untrained_network_keeps_its_head():
    model = GRUPredictor(4, training="random", random_state=0)
    scores = [model.set_params(head=head).fit(X).score(X) for head in ("sgd", "exact")]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("data", [BINARY, TOKENS], ids=["binary", "tokens"])
def test_other_likelihoods_are_at_their_minimum(data):
    likelihood = "bernoulli" if data is BINARY else "categorical"
    model = GRUPredictor(4, training="readout", likelihood=likelihood, **QUICK).fit(data)
    assert model.head_.converged
    states = model.transform(data)[:, :-1].reshape(-1, 4)
    labels = data[:, 1:].ravel()
    scaled = (states - states.mean(axis=0)) / states.std(axis=0)
    # Without a penalty; scikit-learn 1.8.0 warns of its own doing where C is infinite.
    other = LogisticRegression(C=1e12, tol=1e-10, max_iter=10_000).fit(scaled, labels)
    probability = other.predict_proba(scaled)[np.arange(len(labels)), labels.astype(int)]
    best = np.log(probability).mean()
    assert best - 2e-3 < model.score(data) <= best + 1e-9


@pytest.mark.parametrize("training", ["full", "readout"])
def test_a_head_that_does_not_converge_warns_and_says_so(monkeypatch, training):
    model = GRUPredictor(4, training=training, likelihood="categorical", **QUICK).fit(TOKENS)
    assert model.converged_
    monkeypatch.setattr(_glm, "_FIRST", 1)
    monkeypatch.setattr(_glm, "_N_SEARCHES", 0)
    with pytest.warns(
        ConvergenceWarning, match="GRUPredictor has not converged.* fewer units"
    ) as told:
        model.fit(TOKENS)
    assert [warning.filename for warning in told] == [__file__]
    assert not model.converged_
    # What is trained has no minimum that it could be at.
    assert model.set_params(head="sgd").fit(TOKENS).converged_


def test_choices_that_are_all_but_certain_have_a_head(monkeypatch):
    """Coefficients have to be large, and the loss is flat in most directions."""
    evaluations = []
    value = _glm._Problem._value

    def counted(problem, weights):
        evaluations.append(weights)
        return value(problem, weights)

    monkeypatch.setattr(_glm._Problem, "_value", counted)
    # 500 steps of a cycle of 20 tokens, a hundredth of them another one.
    rng = np.random.default_rng(0)
    X = (np.arange(50) + rng.integers(20, size=(200, 1))) % 20
    other = rng.random(X.shape) < 0.01
    X[other] = rng.integers(20, size=other.sum())
    model = GRUPredictor(32, training="readout", likelihood="categorical", random_state=0).fit(X)
    assert model.converged_
    assert len(evaluations) < 150
    # Each class alike may be added to the coefficients: there is as little as can be.
    assert np.allclose(model.head_.coef.sum(axis=1), 0.0, atol=1e-6)


def test_engines_agree():
    scores = [
        GRUPredictor(4, training="readout", engine=engine, **QUICK).fit(X).score(X)
        for engine in ("numba", "torch")
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def test_the_network_has_the_head_in_its_own_precision():
    model = GRUPredictor(4, **QUICK).fit(PAIR)
    weight = model.network_.head.weight.detach().numpy()
    assert np.array_equal(weight, model.head_.coef.T.astype(np.float32))
    output = model.transform(PAIR) @ weight.T + model.network_.head.bias.detach().numpy()
    predicted = output * model.output_scale_ + model.output_center_
    assert model.predict(PAIR) == pytest.approx(predicted, rel=1e-3)


def test_a_replica_is_what_it_is_alone():
    model = GRUPredictor(4, engine="numba", **QUICK)
    for training in ("full", "readout"):
        model.set_params(training=training)
        together = fit_replicas(model, [X], [1, 2])
        alone = model.set_params(random_state=2).fit(X)
        assert np.array_equal(together[1].predict(X), alone.predict(X))


def test_scrambling_leaves_the_head_of_the_trained_core():
    full, scrambled = (
        GRUPredictor(4, training=training, **QUICK).fit(X) for training in ("full", "scrambled")
    )
    assert np.array_equal(full.head_.coef, scrambled.head_.coef)
    assert not np.array_equal(full.predict(X), scrambled.predict(X))


def test_what_is_recorded_has_such_heads_and_does_not_change_training():
    options = dict(
        n_train=40,
        n_eval=20,
        n_seeds=2,
        random_state=0,
        progress=False,
        nulls=(),
        reservoir_sizes=None,
        baselines=("mean",),
        probe=None,
    )
    world = OscillatorWorld(n_steps=20)
    model = GRUPredictor(3, max_steps=4)
    with pytest.warns(UserWarning, match="cannot reach alpha"):
        plain, recorded = (
            EmergenceAssessment(world, model, record_at=at, **options).fit().cube_
            for at in (None, [0, 2, 4])
        )
    assert np.array_equal(plain.nll, recorded.nll)
    last = recorded.nll_trajectory.isel(step=-1)
    assert np.array_equal(last, recorded.nll)
    # Before training both arms have the same core, and so the same head.
    first = recorded.nll_trajectory.isel(step=0)
    assert np.array_equal(first.sel(mode="full"), first.sel(mode="readout"))


def test_outputs_of_no_token_need_the_other_head():
    model = TransformerPredictor(8, 1, 2, likelihood="categorical", extra_outputs=1, **QUICK)
    with pytest.raises(ValueError, match=r"extra_outputs=1.*use head='sgd'"):
        model.fit(TOKENS)


def test_weights_that_diverged_have_no_such_head():
    model = GRUPredictor(4, lr=1e30, max_steps=20, random_state=0)
    with pytest.warns(UserWarning, match="diverged"):
        model.fit(X)
    assert model.head_ is None


def test_what_diverges_after_a_record_does_not_keep_its_head():
    model = GRUPredictor(4, **QUICK).fit(X)
    with torch.no_grad():
        model.network_.head.weight.fill_(np.inf)
    model._fit_head(X)
    assert model.head_ is None
    assert not np.isfinite(model.predict(X)).any()


def last_first(function, items):
    """Compute what comes last first, as threads may."""
    return [function(item) for item in list(items)[::-1]][::-1]


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("in_threads", [True, False])
@pytest.mark.parametrize("compute", [map, last_first], ids=["in order", "as they come"])
@pytest.mark.parametrize("data", ["numbers", "tokens"])
def test_moments_in_parts_are_those_of_all_rows(monkeypatch, kept, in_threads, compute, data):
    rng, calls, tokens = np.random.default_rng(0), [], {}
    sequences = rng.normal(5, 1, size=(23, 9, 2))
    if data == "tokens":
        sequences, tokens = rng.integers(3, size=(23, 9, 1)).astype(float), {"n_tokens": 3}
    sequences[4, 3] = sequences[20, :5] = sequences[:2] = np.nan

    def features(part):
        calls.append(len(part))
        mixed = [part[..., :1] + k * part[..., -1:] for k in (1, 2, 3)]
        return np.nan_to_num(np.concatenate(mixed, axis=2)) ** 2

    # Two or three sequences at once, which folds do not end with. Of the first nothing is observed.
    monkeypatch.setattr(_heads, "_QUICK", 2)
    monkeypatch.setattr(_heads, "_CHUNK_BYTES", 700 if in_threads else 1)
    monkeypatch.setattr(_heads, "_KEPT_BYTES", 2**29 if kept else 1)
    options = {"again": True, "compute": compute, **tokens}
    moments, chunks = moments_of(features, sequences, 3, lambda X: X[..., -1:], **options)
    n_calls = len(calls)
    rows, targets = map(np.concatenate, zip(*chunks(), strict=True))
    assert max(calls) <= 3
    assert len(calls) == n_calls * (1 if kept else 2)
    observed = ~np.isnan(sequences[:, 1:, 0])
    np.testing.assert_array_equal(rows, features(sequences[:, :-1])[observed])
    np.testing.assert_array_equal(targets, sequences[:, 1:, -1:][observed])
    if data == "tokens":
        targets = np.eye(3)[targets[:, 0].astype(int)]
    columns = np.hstack([rows, targets]) - moments.origin
    ends = np.cumsum([observed[fold].sum() for fold in folds(len(sequences))])[:-1]
    for k, part in enumerate(np.split(columns, ends)):
        assert moments.counts[k] == len(part)
        np.testing.assert_allclose(moments.sums[k], part.sum(axis=0), atol=1e-9)
        np.testing.assert_allclose(moments.products[k], part.T @ part, atol=1e-9)
