"""Rollouts: what a predictor makes of its own predictions."""

import warnings
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import ndtri
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from test_estimator_checks import ESTIMATORS
from torch import nn

from sklearn_emerge import (
    AutoregressivePredictor,
    EchoStatePredictor,
    GRUPredictor,
    KalmanPredictor,
    LinearFilterPredictor,
    LSTMPredictor,
    MarkovPredictor,
    MeanPredictor,
    ModulePredictor,
    PersistencePredictor,
    RNNPredictor,
    SeasonalPredictor,
    TransformerPredictor,
)
from sklearn_emerge._random import substream
from sklearn_emerge.predictors import BasePredictor, _rollout

T, P, AHEAD = 24, 10, 9
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, T)).cumsum(axis=1)
SEVERAL = RNG.normal(size=(30, T, 2)).cumsum(axis=1)
COUNTS = RNG.poisson(2.0, size=(30, T)).astype(float)
TOKENS = RNG.integers(4, size=(40, T))
NETWORK = dict(max_steps=3, random_state=0)
NO_CLOCK = dict(time_channel=None, **NETWORK)


def fitted(predictor, X=X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(predictor).fit(X)


def predicted_again(model, prompt, rollout):
    """Return what is predicted of prompt and rollout, where the rollout is."""
    whole = np.concatenate([prompt, rollout], axis=1)
    return model.at_length(whole.shape[1]).predict(whole)[:, prompt.shape[1] - 1 : -1]


@pytest.mark.parametrize(
    "predictor",
    [each for each in ESTIMATORS if isinstance(each, BasePredictor)],
    ids=lambda predictor: " ".join(repr(predictor).split()),
)
def test_a_rollout_is_what_is_predicted_of_itself(predictor):
    model = fitted(predictor)
    R = model.rollout(X[:, :P], AHEAD, feedback="mean")
    assert R.shape == (30, AHEAD)
    assert R.dtype == np.float64
    # Random cores predict in single precision. Heads of states that hardly differ enlarge rounding.
    tolerance = 1e-5 if isinstance(model, EchoStatePredictor) else 1e-8
    assert np.abs(predicted_again(model, X[:, :P], R) - R).max() < tolerance
    first = model.at_length(P).predict(X[:, :P])[:, -1]
    for feedback in ("auto", "sample"):
        R = model.rollout(X[:, :P], 3, feedback=feedback, random_state=0)
        assert np.abs(R[:, 0] - first).max() < tolerance
    # From one step alone, and of one sequence as of many.
    one = model.rollout(X[:1, :1], 2, feedback="mean")
    assert np.allclose(one, model.rollout(X[:, :1], 2, feedback="mean")[:1], rtol=1e-5)


CORE = partial(nn.GRU, hidden_size=3, batch_first=True)


@pytest.mark.parametrize(
    "predictor",
    [
        RNNPredictor(4, **NO_CLOCK),
        GRUPredictor(4, head="sgd", **NETWORK),
        GRUPredictor(4, input_scaling="first", **NETWORK),
        GRUPredictor(4, input_scaling=None, output_scaling=None, **NO_CLOCK),
        GRUPredictor(4, time_channel="constant_time", **NETWORK),
        LSTMPredictor(4, head="sgd", input_scaling="first", time_channel="no_time", **NETWORK),
        GRUPredictor(4, likelihood="student_t", **NETWORK),
        TransformerPredictor(8, 1, 2, context=5, input_scaling="first", **NETWORK),
        ModulePredictor(CORE, **NETWORK),
        ModulePredictor(partial(CORE, num_layers=2), **NETWORK),
        EchoStatePredictor(5, time_channel="full_time", n_draws=1, random_state=0),
        LinearFilterPredictor(time_channel="full_time"),
        AutoregressivePredictor(lags=2),
        KalmanPredictor(A=[[0.9, 0.1], [0.0, 0.8]], C=np.eye(2)),
    ],
    ids=lambda predictor: " ".join(repr(predictor).split()),
)
def test_so_it_is_of_several_channels(predictor):
    model = fitted(predictor, SEVERAL)
    R = model.rollout(SEVERAL[:, :P], AHEAD, feedback="mean")
    assert R.shape == (30, AHEAD, 2)
    tolerance = 1e-5 if isinstance(model, EchoStatePredictor) else 1e-10
    assert np.abs(predicted_again(model, SEVERAL[:, :P], R) - R).max() < tolerance


def test_networks_that_scans_compute_are_rolled_out_in_double_precision():
    scanned, torched = (
        GRUPredictor(4, engine=engine, training="readout", **NO_CLOCK).fit(X)
        for engine in ("numba", "torch")
    )
    scanned.head_ = torched.head_
    R = scanned.rollout(X[:, :P], 200)
    assert np.array_equal(R, torched.rollout(X[:, :P], 200))
    assert np.abs(predicted_again(scanned, X[:, :P], R) - R).max() < 1e-4


def test_the_memory_of_an_lstm_goes_on_and_not_its_hidden_states_alone():
    model = LSTMPredictor(4, **NO_CLOCK).fit(X)
    mean, running = model._begin(X[:, :P, np.newaxis])
    assert running.state.shape == (30, 8)
    forgotten = running.state.copy()
    forgotten[:, 4:] = 0.0
    following, apart = (
        model._advance(each, mean)[0] for each in (running, running._replace(state=forgotten))
    )
    assert np.allclose(following[:, 0], model.rollout(X[:, :P], 2)[:, 1], rtol=1e-12)
    assert np.abs(following - apart).max() > 1e-3


def test_weights_of_a_trained_network_are_those_that_step():
    net = nn.GRU(1, 3, batch_first=True).double()
    head = nn.Linear(3, 1).double()
    model = ModulePredictor.from_trained(net, head).fit(X)
    R = model.rollout(X[:4, :P], AHEAD)
    seen, state = torch.from_numpy(X[:4, :P, np.newaxis]), None
    with torch.no_grad():
        for k in range(AHEAD):
            states, state = net(seen, state)
            seen = head(states[:, -1:])
            assert np.abs(seen[:, 0, 0].numpy() - R[:, k]).max() < 1e-12


def test_an_autoregression_of_one_lag_decays_by_its_powers():
    model = AutoregressivePredictor(lags=1).fit(X)
    a, c = model.coefs_[0].item(), model.intercepts_[0].item()
    k = np.arange(1, 101)
    expected = a**k * X[:, P - 1 : P] + c * (1 - a**k) / (1 - a)
    assert np.allclose(model.rollout(X[:, :P], 100), expected, rtol=1e-10)


def test_a_kalman_filter_moves_its_state_by_the_powers_of_its_matrix():
    angle = 0.05
    A = 0.999 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    C, b = np.array([[1.0, 0.0]]), np.array([0.01, 0.0])
    model = KalmanPredictor(A, C[0], 1e-4, 0.0025, offset=b).fit(X)
    prompt = X[:, :P].copy()
    prompt[3, 4] = prompt[5, -1] = np.nan
    R = model.rollout(prompt, 300)
    # What is missing leaves the state to itself, which is filtered in another way.
    missing = np.concatenate([prompt, np.full((30, 300), np.nan)], axis=1)
    alone = model.at_length(P + 300).predict(missing)[:, P - 1 : -1]
    assert np.abs(R - alone).max() < 1e-10
    # Two means tell the state, and all others follow.
    state = np.linalg.solve(np.vstack([C, C @ A]), np.stack([R[:, 0], R[:, 1] - b[0]]))
    for k in range(300):
        assert np.abs(C @ state - R[:, k]).max() < 1e-9
        state = A @ state + b[:, np.newaxis]


def test_a_transformer_forgets_what_its_window_has_left():
    model = TransformerPredictor(8, 1, 2, context=4, **NETWORK).fit(X)
    other = X[:, :P].copy()
    other[:, : P - 4] += 1.0
    R = model.rollout(X[:, :P], 30)
    assert np.array_equal(R, model.rollout(other, 30))
    assert np.abs(predicted_again(model, X[:, :P], R) - R).max() < 1e-10


def test_missing_steps_are_seen_as_predict_sees_them():
    model = GRUPredictor(4, **NO_CLOCK).fit(X)
    prompt, filled = X[:, :P].copy(), X[:, :P].copy()
    prompt[:, 4:6] = np.nan
    filled[:, 4:6] = X[:, 3:4]
    assert np.array_equal(model.rollout(prompt, 5), model.rollout(filled, 5))
    assert np.array_equal(model.rollout(pd.DataFrame(prompt), 5), model.rollout(prompt, 5))


# Clocks


@pytest.mark.parametrize("clock", [None, "run", 0.25])
def test_the_clock_runs_or_stands_from_the_end_of_the_prompt(clock):
    model = GRUPredictor(4, **NETWORK).fit(X)
    R = model.rollout(X[:, :P], AHEAD, clock=clock)
    times = np.arange(P + AHEAD) / (T - 1)
    if clock == 0.25:
        times[P:] = 0.25
    seen = np.concatenate([X[:, :P], R], axis=1)
    scaled = (seen - model.input_center_) / model.input_scale_
    inputs = np.stack([scaled, np.broadcast_to(times, scaled.shape)], axis=2)
    with torch.no_grad():
        states, _ = model.network_.core.double()(torch.from_numpy(inputs))
    output = states.numpy() @ model.head_.coef + model.head_.intercept
    expected = (output * model.output_scale_ + model.output_center_)[:, P - 1 : -1, 0]
    assert np.abs(R - expected).max() < 1e-10


def test_a_clock_that_stands_stands_in_baselines_too():
    time = np.arange(T) / (T - 1)
    model = SeasonalPredictor(time_channel="full_time").fit(np.tile(3 * time, (5, 1)))
    R = model.rollout(3 * time[np.newaxis, :4], 4, clock=0.5)
    assert np.allclose(R, [[3 * time[4], *[1.5 + 3 * time[1]] * 3]])
    assert np.allclose(model.rollout([[0.0]], T, clock="run"), 3 * np.arange(1, T + 1) / (T - 1))


def test_what_is_beyond_training_is_refused_with_remedies_that_work():
    model = GRUPredictor(4, **NETWORK).fit(X)
    with pytest.raises(ValueError, match=r"10 steps of X and n_steps=15 are 25 .* 24 of training"):
        model.rollout(X[:, :P], 15)
    assert model.rollout(X[:, :P], 14).shape == (30, 14)
    runs, stands = (model.rollout(X[:, :P], 15, clock=clock) for clock in ("run", 0.5))
    assert not np.allclose(runs, stands)
    assert np.array_equal(runs[:, 0], stands[:, 0])
    assert GRUPredictor(4, **NO_CLOCK).fit(X).rollout(X[:, :P], 15).shape == (30, 15)
    with pytest.raises(ValueError, match="longer than the 24 steps of training.*per_step=False"):
        MeanPredictor(per_step=True).fit(X).rollout(X[:, :P], 15)


@pytest.mark.parametrize("clock", ["stop", 1.5, -0.1, True, np.nan])
def test_a_clock_shows_a_time_of_training(clock):
    model = GRUPredictor(4, **NETWORK).fit(X)
    with pytest.raises(ValueError, match=r"clock=.* must be 'run', a number from 0 to 1, or None"):
        model.rollout(X[:, :P], 2, clock=clock)


@pytest.mark.parametrize(
    "predictor",
    [GRUPredictor(4, **NO_CLOCK), GRUPredictor(4, time_channel="no_time", **NETWORK), None],
)
def test_what_has_no_clock_cannot_be_told_the_time(predictor):
    model = (predictor or KalmanPredictor()).fit(X)
    with pytest.raises(ValueError, match=r"clock=0.5, but this .* has no clock.*clock=None"):
        model.rollout(X[:, :P], 2, clock=0.5)


# Samples


def chain():
    """Return a chain of tokens, and the exact means of steps to come, and their variance."""
    model = MarkovPredictor(likelihood="categorical").fit(np.sort(TOKENS, axis=1) % 4)
    M, state = model.means_, np.eye(4)
    exact, variance = [], []
    for _ in range(8):
        exact.append(state @ M)
        variance.append(state @ M**2 - (state @ M) ** 2)
        state = state @ M
    return model, np.stack(exact, axis=1), np.stack(variance, axis=1)


def test_paths_of_a_markov_chain_are_around_its_powers():
    model, exact, variance = chain()
    # Beginnings with the same token go different ways.
    prompts = np.arange(400)[:, np.newaxis] % 4
    errors = {}
    for n_paths in (1, 50):
        R = model.rollout(prompts, 8, n_paths=n_paths, random_state=0)
        assert np.allclose(R.sum(axis=2), 1)
        error = R - exact[prompts[:, 0]]
        assert np.abs(error[:, 0]).max() < 1e-12
        expected = variance[prompts[:, 0]] / n_paths
        z = (error**2).sum(axis=(1, 2)) / expected.sum(axis=(1, 2))
        # The mean of squares is the variance, up to four standard errors.
        assert abs(z.mean() - 1) < 4 * z.std() / np.sqrt(len(z))
        bias = error[:, 1:].mean(axis=0) / np.sqrt(expected[:, 1:].mean(axis=0) / len(error))
        assert np.abs(bias).max() < 4
        errors[n_paths] = (error**2).mean()
    assert errors[1] / errors[50] == pytest.approx(50, rel=0.2)


def test_a_path_of_persistence_is_a_walk_of_known_steps():
    u = np.random.default_rng(substream(7, "rollout")).random((2, 30, 5, 1))
    for noise_std in (0.5, 2.0):
        model = PersistencePredictor(noise_std=noise_std).fit(X)
        walks = X[:, P - 1 : P] + noise_std * ndtri(u[..., 0]).cumsum(axis=2)
        R = model.rollout(X[:, :P], 5, feedback="sample", n_paths=2, random_state=7)
        assert np.allclose(R[:, 1:], walks.mean(axis=0)[:, :-1])


@pytest.mark.parametrize(
    ("make", "data"),
    [
        (lambda: GRUPredictor(4, likelihood="categorical", **NO_CLOCK), TOKENS),
        (lambda: GRUPredictor(4, likelihood="bernoulli", **NO_CLOCK), (X > 0) * 1.0),
        (lambda: GRUPredictor(4, likelihood="poisson", **NO_CLOCK), COUNTS),
        (lambda: MarkovPredictor(likelihood="negative_binomial"), COUNTS),
        (lambda: TransformerPredictor(8, 1, 2, likelihood="categorical", **NETWORK), TOKENS),
    ],
)
def test_paths_share_random_numbers(make, data, monkeypatch):
    model, twin = make().fit(data), make().fit(data)
    roll = partial(model.rollout, data[:, :P], 6, random_state=3)
    one, two = roll(), roll(n_paths=2)
    assert np.array_equal(twin.rollout(data[:, :P], 6, random_state=3), one)
    assert not np.array_equal(model.rollout(data[:, :P], 6, random_state=4), one)
    # The first of two paths is the only one of one.
    first, second = next(iter(model._paths(model.at_length(P).encode(data[:, :P]), 6, 2, 3)))
    shown = (lambda each: each) if model._likelihood.tokens else (lambda each: each[:, :, 0])
    assert np.allclose(shown(first), one, rtol=1e-12)
    assert np.allclose((shown(first) + shown(second)) / 2, two, rtol=1e-12)
    # However many are computed at once.
    monkeypatch.setattr(_rollout, "_MOST_BYTES", 1)
    assert np.allclose(roll(n_paths=2), two, rtol=1e-12)


@pytest.mark.parametrize(
    ("likelihood", "data"), [("bernoulli", (X > 0) * 1.0), ("poisson", COUNTS)]
)
def test_what_enters_is_an_observation_and_what_is_returned_a_mean(likelihood, data, monkeypatch):
    model, entered = GRUPredictor(4, likelihood=likelihood, **NO_CLOCK).fit(data), []
    advance = model._advance
    monkeypatch.setattr(
        GRUPredictor, "_advance", lambda self, state, x: entered.append(x) or advance(state, x)
    )
    R = model.rollout(data[:, :P], 6, n_paths=3, random_state=0)
    assert model._likelihood.is_mean(R)
    assert len(entered) == 5
    for x in entered:
        model._likelihood.check(x[:, np.newaxis])


# What is refused


@cache
def refusals():
    model, binary = AutoregressivePredictor(2).fit(X), MarkovPredictor(likelihood="bernoulli")
    binary.fit((X > 0) * 1.0)
    driven = AutoregressivePredictor(2, n_exogenous=1).fit(SEVERAL)
    task = AutoregressivePredictor(2, n_exogenous=1, feedback=False).fit(SEVERAL)
    plain = MarkovPredictor(n_exogenous=1).fit(SEVERAL)
    X0 = X[:, :P]
    return [
        (lambda: model.rollout(X0, 0), "n_steps=0 must be an integer of at least 1"),
        (lambda: model.rollout(X0, 2.5), "n_steps=2.5 must be an integer"),
        (lambda: model.rollout(X0, 2, n_paths=0), "n_paths=0 must be an integer of at least 1"),
        (lambda: model.rollout(X0, 2, n_paths=3), "n_paths=3, but with feedback='mean'.*'sample'"),
        (lambda: model.rollout(X0, 2, feedback="both"), "feedback='both' must be 'auto', 'mean'"),
        (lambda: model.rollout(X0, 2, feedback=True), "feedback=True must be 'auto', 'mean' or"),
        (lambda: binary.rollout(X0 > 0, 2, feedback="mean"), "likelihood='bernoulli'.*'sample'"),
        (lambda: driven.rollout(SEVERAL, 2), "n_exogenous=1: the inputs of the steps to come"),
        (lambda: plain.rollout(SEVERAL, 2), "n_exogenous=1: the inputs of the steps to come"),
        (lambda: task.rollout(SEVERAL, 2), "feedback=False: it does not see what it predicts"),
        (lambda: model.rollout(X[:, :0], 2), r"shape \(30, 0\); a prompt has at least one step"),
        (lambda: model.rollout([[1.0], [1.0, 2.0]], 2), "prompts of 1 to 2 steps.*one length"),
        (lambda: model.rollout(X[0], 2), r"shape \(24,\).*np.reshape"),
        (lambda: model.rollout(SEVERAL, 2), "X has 2 channels, but .* was fitted with 1"),
        (lambda: model.rollout(X0, 2, feedback="sample", random_state=-1), "random_state=-1"),
        (lambda: KalmanPredictor(B=1.0).fit(SEVERAL).rollout(SEVERAL, 2), "n_exogenous=1: the"),
    ]


@pytest.mark.parametrize("case", range(16))
def test_what_cannot_be_is_said_with_its_remedy(case):
    call, message = refusals()[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_nothing_goes_on_before_it_is_fitted():
    with pytest.raises(NotFittedError):
        GRUPredictor().rollout(X, 2)


def test_a_filter_that_grows_without_end_says_so_by_its_numbers():
    model = AutoregressivePredictor(lags=1).fit(np.outer([1.0, 2.0, 3.0], 3.0 ** np.arange(6)))
    R = model.rollout([[1.0]], 1000)
    assert np.allclose(R[0, :10], 3.0 ** np.arange(1, 11))
    assert not np.isfinite(R[0, -1])
