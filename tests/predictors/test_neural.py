"""Neural predictors: training modes, likelihoods, inputs, isolation, and the skorch net."""

import copy
import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from skorch.callbacks import Callback, EarlyStopping, EpochScoring
from torch import nn

from sklearn_emerge import (
    DriftWorld,
    GRUPredictor,
    LSTMPredictor,
    ModulePredictor,
    OscillatorWorld,
    PersistencePredictor,
    RegimeWorld,
    RNNPredictor,
    TransformerPredictor,
)

PREDICTORS = [RNNPredictor, GRUPredictor, LSTMPredictor]


@pytest.fixture(scope="module")
def X():
    return OscillatorWorld(n_steps=30).sample(50, random_state=0).X


def weights(predictor):
    state = predictor.network_.state_dict()
    return {name: value.clone() for name, value in state.items()}


def same(first, second, prefix=""):
    return all(torch.equal(first[k], second[k]) for k in first if k.startswith(prefix))


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_hidden_states_and_predictions_are_those_of_torch(predictor, X):
    model = predictor(
        5,
        head="sgd",
        max_steps=3,
        input_scaling=None,
        output_scaling=None,
        noise_std=0.1,
        random_state=0,
    ).fit(X)
    clock = np.broadcast_to(np.arange(30) / 29, X.shape)
    inputs = torch.tensor(np.stack([X, clock], axis=2))
    network = copy.deepcopy(model.network_).double()
    with torch.no_grad():
        hidden = network.core(inputs)[0]
        output = hidden @ network.head.weight.T + network.head.bias
    assert np.allclose(model.transform(X), hidden)
    assert np.allclose(model.predict(X), output[:, :, 0])


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_modes_start_from_the_same_weights(predictor, X):
    fitted = {
        mode: predictor(4, training=mode, head="sgd", max_steps=5, random_state=3).fit(X)
        for mode in ("full", "readout", "random", "scrambled")
    }
    state = {mode: weights(model) for mode, model in fitted.items()}
    start = weights(predictor(4, head="sgd", max_steps=0, random_state=3).fit(X))
    assert same(state["random"], start)
    assert same(state["readout"], start, "core")
    assert not same(state["readout"], start, "head")
    assert not same(state["full"], start, "core.weight_hh")
    # Scrambled: the trained entries of the recurrent matrix in another order, all else equal.
    name = "core.weight_hh_l0"
    assert not torch.equal(state["scrambled"][name], state["full"][name])
    entries = [state[mode][name].flatten().sort().values for mode in ("scrambled", "full")]
    assert torch.equal(*entries)
    assert same(state["scrambled"], state["full"], "core.weight_ih")


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_recurrent_weights_start_orthogonal_and_the_others_small(predictor, X):
    state = weights(predictor(9, head="sgd", max_steps=0, random_state=0).fit(X))
    recurrent = state["core.weight_hh_l0"]
    assert torch.allclose(recurrent.T @ recurrent, torch.eye(9), atol=1e-5)
    for name, weight in state.items():
        if "weight_hh" not in name:
            assert weight.abs().max() <= 1 / 3


def test_same_seed_same_fit_other_seed_other_fit(X):
    first, again, other = (
        GRUPredictor(4, max_steps=5, random_state=seed).fit(X).predict(X) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_fit_touches_no_global_state(X):
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(3), np.random.rand(3)
    torch.manual_seed(5)
    np.random.seed(5)
    threads = torch.get_num_threads()
    GRUPredictor(4, max_steps=3, random_state=0).fit(X).predict(X)
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.rand(3), expected[1])
    assert torch.get_num_threads() == threads


def test_fit_does_not_depend_on_the_number_of_threads(X):
    threads = torch.get_num_threads()
    try:
        results = []
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            results.append(GRUPredictor(8, max_steps=5, random_state=0).fit(X).predict(X))
            assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(*results)


def test_training_lowers_the_loss_and_beats_persistence(X):
    model = GRUPredictor(8, max_steps=400, lr=0.01, random_state=0).fit(X)
    loss = model.net_.history[:, "train_loss"]
    assert loss[-1] < loss[0]
    assert model.score(X) > PersistencePredictor().fit(X).score(X)


def test_number_of_updates_is_exactly_max_steps(X):
    for max_steps in (1, 7, 13):
        model = GRUPredictor(2, max_steps=max_steps, batch_size=8, random_state=0).fit(X)
        assert sum(model.net_.history[:, "train_batch_count"]) == max_steps


def test_one_epoch_sees_every_sequence_once(X):
    seen = []

    class Watch(Callback):
        def on_batch_begin(self, net, batch=None, training=False, **kwargs):
            seen.append(batch[1][:, 0, 0].numpy())

    GRUPredictor(
        2, max_steps=4, batch_size=16, output_scaling=None, callbacks=[Watch()], random_state=0
    ).fit(X)
    assert np.array_equal(np.sort(np.concatenate(seen)), np.sort(X[:, 1].astype(np.float32)))


def test_loss_of_the_history_is_the_negative_score(X):
    both = np.stack([X, 2 * X], axis=2)
    for data, likelihood in ((X, "gaussian"), (both, "gaussian"), (both > 0, "bernoulli")):
        model = GRUPredictor(
            3,
            head="sgd",
            max_steps=1,
            batch_size=50,
            lr=1e-12,
            noise_std=0.2,
            likelihood=likelihood,
            random_state=0,
        ).fit(1.0 * data)
        loss = model.net_.history[0, "train_loss"]
        assert loss == pytest.approx(-model.score(1.0 * data), rel=1e-4)


def test_standard_scaling_makes_the_fit_blind_to_units(X):
    model = GRUPredictor(4, max_steps=20, random_state=0)
    raw = clone(model).fit(X)
    changed = clone(model).fit(1e4 * X + 1e6)
    assert np.allclose(changed.predict(1e4 * X + 1e6), 1e4 * raw.predict(X) + 1e6, rtol=1e-5)
    assert raw.score(X) - changed.score(1e4 * X + 1e6) == pytest.approx(np.log(1e4), abs=1e-3)


def test_first_scaling_subtracts_the_first_step():
    X = DriftWorld().sample(30, 0).X
    model = GRUPredictor(3, max_steps=2, input_scaling="first", random_state=0).fit(X)
    assert np.allclose(model.transform(X + 7.0), model.transform(X))


@pytest.mark.parametrize(
    ("time_channel", "clock"), [("full_time", None), ("no_time", 0.0), ("constant_time", 0.5)]
)
def test_time_channel_is_really_applied(time_channel, clock):
    X = RegimeWorld(n_steps=20).sample(20, 0).X
    model = GRUPredictor(3, max_steps=1, time_channel=time_channel, likelihood="bernoulli").fit(X)
    inputs = model._inputs(X[:, :, np.newaxis])
    expected = np.arange(20) / 19 if clock is None else np.full(20, clock)
    assert inputs.shape == (20, 20, 2)
    assert np.allclose(inputs[..., 1], expected)
    none = clone(model).set_params(time_channel=None).fit(X)
    assert none._inputs(X[:, :, np.newaxis]).shape == (20, 20, 1)


def test_clock_alone_can_be_learned_and_without_it_cannot():
    X = np.tile([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0], (64, 4))
    X += 0.01 * np.random.default_rng(0).normal(size=X.shape)
    X[:, ::2] = np.random.default_rng(1).normal(size=(64, 16))
    X[:, 1::2] = np.linspace(-1, 1, 16)
    options = dict(max_steps=300, lr=0.02, random_state=0)
    scores = {
        clock: GRUPredictor(4, time_channel=clock, **options).fit(X).score(X)
        for clock in ("full_time", "constant_time")
    }
    assert scores["full_time"] > scores["constant_time"]


def test_bernoulli_predicts_probabilities(X):
    X = RegimeWorld(n_steps=30).sample(60, 0).X
    model = GRUPredictor(4, likelihood="bernoulli", max_steps=60, lr=0.02, random_state=0).fit(X)
    network = copy.deepcopy(model.network_).double()
    with torch.no_grad():
        logits = network(torch.tensor(model._inputs(X[:, :, np.newaxis])))
    p = model.predict(X)
    assert np.allclose(p, expit(logits.numpy()[:, :, 0]))
    log_density = np.where(X[:, 1:] == 1, np.log(p[:, :-1]), np.log1p(-p[:, :-1]))
    assert model.score(X) == pytest.approx(log_density.mean())
    assert model.score(X) > np.log(0.5)


def test_multichannel(X):
    both = np.stack([X, -2 * X], axis=2)
    model = GRUPredictor(4, max_steps=3, random_state=0).fit(both)
    assert model.predict(both).shape == both.shape
    assert model.noise_std_.shape == (2,)
    with pytest.raises(ValueError, match="1 channels.*fitted with 2"):
        model.predict(X)


def test_at_length_shares_what_was_learned_and_runs_the_clock_on(X):
    model = GRUPredictor(4, max_steps=3, random_state=0).fit(X)
    with pytest.raises(ValueError, match="at_length"):
        model.predict(X[:, :20])
    shorter = model.at_length(20)
    assert np.allclose(shorter.predict(X[:, :20]), model.predict(X)[:, :20])
    longer = model.at_length(60)
    doubled = np.concatenate([X, X], axis=1)
    assert np.allclose(longer.predict(doubled)[:, :30], model.predict(X))
    assert longer._inputs(doubled[:, :, None])[0, -1, 1] == pytest.approx(59 / 29)
    assert np.isfinite(longer.score(doubled))
    assert model.n_features_in_ == 30


def test_grid_search_cross_validation_clone_and_pickle(X):
    model = GRUPredictor(4, lr=0.02, random_state=0)
    search = GridSearchCV(model, {"max_steps": [1, 100]}, cv=3).fit(X)
    assert search.best_params_ == {"max_steps": 100}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    scores = cross_val_score(RNNPredictor(max_steps=2), X, cv=3)
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()
    restored = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(restored.predict(X), search.best_estimator_.predict(X))
    assert clone(search.best_estimator_).get_params() == search.best_estimator_.get_params()


def test_skorch_callbacks_are_used_and_not_changed(X):
    def half(net, X, y):
        return 0.5

    callback = EpochScoring(half, name="half", on_train=True, use_caching=False)
    model = GRUPredictor(2, max_steps=3, callbacks=[callback], random_state=0).fit(X)
    assert model.net_.history[-1, "half"] == 0.5
    assert model.get_params()["callbacks"] == [callback]
    assert not hasattr(callback, "best_score_")
    assert model.fit(X).net_.history[-1, "half"] == 0.5


def test_callbacks_can_stop_training_early(X):
    stopping = EarlyStopping(monitor="train_loss", patience=2, threshold=10.0, sink=lambda _: None)
    model = GRUPredictor(2, max_steps=100, callbacks=[stopping], random_state=0).fit(X)
    assert len(model.net_.history) < 10


def test_frozen_core_keeps_its_buffers(X):
    class Normalising(nn.Module):
        def __init__(self, n_inputs):
            super().__init__()
            self.norm, self.core = nn.BatchNorm1d(n_inputs), nn.RNN(n_inputs, 3, batch_first=True)

        def forward(self, inputs):
            return self.core(self.norm(inputs.transpose(1, 2)).transpose(1, 2))

    fitted = [
        ModulePredictor(Normalising, training=mode, head="sgd", max_steps=20, random_state=0).fit(X)
        for mode in ("readout", "random")
    ]
    assert np.allclose(*(model.transform(X) for model in fitted), rtol=0, atol=1e-12)


def test_nearly_constant_channel_is_not_blown_up():
    X = np.full((20, 10), 0.1)
    assert np.abs(GRUPredictor(2, max_steps=1, random_state=0).fit(X).transform(X)).max() < 1
    assert np.isfinite(GRUPredictor(2, max_steps=1, random_state=0).fit(X).score(X))


def test_length_of_a_data_frame(X):
    frame = pd.DataFrame(X, columns=[f"step {t}" for t in range(30)])
    model = GRUPredictor(2, max_steps=1, random_state=0).fit(frame)
    with pytest.warns(UserWarning, match="feature names"):
        assert model.at_length(10).predict(frame.iloc[:, :10]).shape == (50, 10)


def test_divergence_warns(X):
    with pytest.warns(ConvergenceWarning, match="Lower lr"):
        GRUPredictor(16, max_steps=5, lr=3e37, random_state=0).fit(X)


class Bidirectional(nn.Module):
    def __init__(self, n_inputs):
        super().__init__()
        self.core = nn.GRU(n_inputs, 3, batch_first=True, bidirectional=True)

    def forward(self, inputs):
        return self.core(inputs)


class SinglePrecision(nn.Module):
    def __init__(self, n_inputs):
        super().__init__()
        self.core = nn.GRU(n_inputs, 3, batch_first=True)

    def forward(self, inputs):
        return self.core(inputs, torch.zeros(1, len(inputs), 3))


def test_own_module_equals_the_built_in(X):
    def core(n_inputs):
        module = nn.GRU(n_inputs, 4, batch_first=True)
        nn.init.orthogonal_(module.weight_hh_l0)
        return module

    own = ModulePredictor(core, max_steps=5, random_state=0).fit(X)
    built_in = GRUPredictor(4, max_steps=5, lr=1e-3, random_state=0).fit(X)
    assert np.array_equal(own.predict(X), built_in.predict(X))
    assert own.n_parameters_ == built_in.n_parameters_ == 3 * 4 * (2 + 4 + 2) + 5


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Bidirectional, "not causal"),
        (SinglePrecision, "dtype=inputs.dtype"),
        (partial(nn.GRU, hidden_size=4), "batch_first=True"),
        (lambda n_inputs: "text", "must return a torch.nn.Module"),
        (lambda n_inputs: nn.Flatten(), "expected \\(n_sequences, n_steps, n_hidden\\)"),
    ],
)
def test_unusable_modules_are_refused(module, message, X):
    with pytest.raises(ValueError, match=message):
        ModulePredictor(module, max_steps=1).fit(X)


@pytest.mark.parametrize(
    ("model", "layers", "length", "facts"),
    [
        (GRUPredictor(3, max_steps=0), (1,), None, (1, 1, 32, 2)),
        (TransformerPredictor(4, 2, 2, context=5, max_steps=0), (0, 1, 2), 5, (2, 2, 32, 1)),
        (
            TransformerPredictor(4, 1, 1, precision="bfloat16", max_steps=0),
            (0, 1),
            29,
            (1, 1, 16, 1),
        ),
    ],
    ids=str,
)
def test_a_network_says_what_others_need_to_know(model, layers, length, facts, X):
    model.set_params(random_state=0).fit(X)
    assert (model.layers_, model.context_length_) == (layers, length)
    names = "n_heads", "n_layers", "bits", "n_inputs"
    assert model.capacity_facts_ == dict(zip(names, facts, strict=True))
    last = model.hidden_states(X)
    assert np.array_equal(last, model.transform(X))
    assert np.array_equal(last, model.hidden_states(X, layers[-1]))
    mean = model.layer_outputs(X) * model.output_scale_ + model.output_center_
    np.testing.assert_allclose(mean[:, :, 0], model.predict(X))
    for read in (model.hidden_states, model.layer_outputs):
        with pytest.raises(ValueError, match="layer=7 is not a layer of .*; choose from"):
            read(X, 7)
