"""States of recurrent predictors as a map, and its derivatives, driven and in closed loop."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

from sklearn_emerge import (
    AutoregressivePredictor,
    EchoStatePredictor,
    GRUPredictor,
    KalmanPredictor,
    LSTMPredictor,
    ModulePredictor,
    RNNPredictor,
    TransformerPredictor,
)

T, H = 12, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, T)).cumsum(axis=1)
SEVERAL = 5 + 3 * RNG.normal(size=(30, T, 2)).cumsum(axis=1)
TOKENS = RNG.integers(3, size=(30, T))
SOME = SEVERAL[:4]
NETWORK = dict(max_steps=3, random_state=0)


class Stack(nn.Module):
    """Two layers of a user, whose state has an axis of sequences in front of one part only."""

    def __init__(self, n_inputs):
        super().__init__()
        self.first = nn.GRU(n_inputs, 2, batch_first=True)
        self.second = nn.RNN(2, H, batch_first=True)

    def forward(self, inputs, state=None):
        first, second = (None, None) if state is None else state
        hidden, first = self.first(inputs, first)
        hidden, second = self.second(hidden, None if second is None else second[None])
        return hidden, (first, second[0])


PREDICTORS = [
    RNNPredictor(H, **NETWORK),
    GRUPredictor(H, **NETWORK),
    LSTMPredictor(H, **NETWORK),
    EchoStatePredictor(H, n_draws=1, random_state=0),
    EchoStatePredictor(H, n_draws=1, time_channel="full_time", random_state=0),
    GRUPredictor(H, time_channel=None, **NETWORK),
    GRUPredictor(H, time_channel="constant_time", head="sgd", **NETWORK),
    GRUPredictor(H, input_scaling="first", output_scaling=None, **NETWORK),
    GRUPredictor(H, likelihood="student_t", **NETWORK),
    ModulePredictor(partial(nn.LSTM, hidden_size=H, batch_first=True), **NETWORK),
    ModulePredictor(partial(nn.GRU, hidden_size=H, num_layers=2, batch_first=True), **NETWORK),
    ModulePredictor(Stack, **NETWORK),
]


def name_of(predictor):
    return " ".join(repr(predictor).split())


def fitted(predictor, X=SEVERAL):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(predictor).fit(X)


def differences(f, at, step=1e-5):
    """Return derivatives of rows f(at) by central differences, (n_rows, n_results, n_numbers)."""
    columns = []
    for j in range(at.shape[1]):
        up, down = at.copy(), at.copy()
        up[:, j] += step
        down[:, j] -= step
        columns.append((f(up) - f(down)) / (2 * step))
    return np.stack(columns, axis=2)


@pytest.mark.parametrize("predictor", PREDICTORS, ids=name_of)
def test_jacobians_are_derivatives_of_the_states(predictor):
    """By differences, in the input through the public states alone."""
    model = fitted(predictor)
    states, by_state = model.recurrent_states(SOME), model.jacobians(SOME)
    by_input = model.jacobians(SOME, wrt="input")
    assert states.shape == by_state.shape[:3] == by_input.shape[:3]
    assert by_state.shape[3] == states.shape[2]
    assert by_input.shape[3] == 2
    # With input_scaling="first" the first step moves all inputs; it is held.
    for t in (1, 7):
        at_once, later = (differences(partial(after, model, t, k), SOME[:, t]) for k in (0, 2))
        assert np.allclose(at_once, by_input[:, t], atol=1e-8)
        # Two steps ahead by the chain rule.
        chained = by_state[:, t + 2] @ by_state[:, t + 1] @ by_input[:, t]
        assert np.allclose(later, chained, atol=1e-8)


def after(model, t, k, x):
    """Return the states k steps after one at which x is observed."""
    changed = SOME.copy()
    changed[:, t] = x
    return model.recurrent_states(changed)[:, t + k]


@pytest.mark.parametrize("predictor", PREDICTORS, ids=name_of)
def test_closed_loop_is_the_map_that_rollouts_follow(predictor):
    """Along a rollout, with a state that is moved a little."""
    model = fitted(predictor)
    ahead = model.rollout(SOME[:, :4], T - 4, feedback="mean")
    whole = np.concatenate([SOME[:, :4], ahead], axis=1)
    states, found = model.recurrent_states(whole), model.jacobians(whole, loop="closed")
    running = model._before(whole)
    for t in range(T):
        closed = partial(advance_closed, model, running)
        assert np.allclose(differences(closed, running.state), found[:, t], atol=1e-8)
        if t >= 4:
            assert np.allclose(closed(running.state), states[:, t], rtol=1e-5, atol=1e-5)
        running = model._after_step(running, whole[:, t])
        assert np.array_equal(running.state, states[:, t])


def advance_closed(model, running, state):
    """Return the state one step later if what is predicted enters, as rollouts compute it."""
    mean, moved = model._read(running._replace(state=state))
    return model._after_step(moved, mean).state


@pytest.mark.parametrize("predictor", PREDICTORS, ids=name_of)
def test_hidden_states_are_part_of_the_states(predictor):
    model = fitted(predictor)
    states = model.recurrent_states(SOME)
    assert states.dtype == np.float64
    hidden = states[..., model._before(SOME).cell.hidden_at]
    assert np.allclose(hidden, model.transform(SOME), atol=1e-5)


def test_cells_and_modules_agree():
    """A layer without a cell in closed form, as it has a hook, is differentiated by torch."""
    model = fitted(GRUPredictor(H, **NETWORK))
    again = fitted(ModulePredictor.from_trained(model))
    again.network_.core.register_forward_hook(lambda *_: None)
    assert again._cell_and_head() is None
    for options in ({}, {"wrt": "input"}, {"loop": "closed"}):
        ours, theirs = model.jacobians(SOME, **options), again.jacobians(SOME, **options)
        assert np.allclose(ours, theirs, rtol=1e-6 if "loop" in options else 1e-12, atol=1e-12)
    assert np.allclose(model.recurrent_states(SOME), again.recurrent_states(SOME), atol=1e-14)


def test_tokens_and_outcomes_are_driven():
    model = fitted(GRUPredictor(H, likelihood="categorical", **NETWORK), TOKENS)
    assert model.jacobians(TOKENS).shape == (30, T, H, H)
    assert model.jacobians(TOKENS, wrt="input").shape == (30, T, H, 3)
    with pytest.raises(ValueError, match="likelihood='categorical'.*means of outcomes.*driven"):
        model.jacobians(TOKENS, loop="closed")


def test_exogenous_channels_are_inputs_and_close_no_loop():
    model = fitted(GRUPredictor(H, n_exogenous=1, **NETWORK))
    assert model.jacobians(SOME, wrt="input").shape == (4, T, H, 2)
    with pytest.raises(ValueError, match="n_exogenous=1.*Use loop='driven', or fit it without"):
        model.jacobians(SOME, loop="closed")
    alone = fitted(GRUPredictor(H, n_exogenous=1, feedback=False, **NETWORK))
    assert alone.jacobians(SOME, wrt="input").shape == (4, T, H, 1)


def test_missing_steps_are_seen_as_predictions_see_them():
    gaps = SOME.copy()
    gaps[0, 5] = np.nan
    filled = SOME.copy()
    filled[0, 5] = filled[0, 4]
    model = fitted(RNNPredictor(H, **NETWORK))
    assert np.array_equal(model.jacobians(gaps), model.jacobians(filled))


@pytest.mark.parametrize(
    "predictor",
    [
        AutoregressivePredictor(2),
        KalmanPredictor(C=[[1.0], [2.0]]),
        TransformerPredictor(4, n_heads=1, n_layers=1, **NETWORK),
    ],
    ids=name_of,
)
@pytest.mark.parametrize("method", ["recurrent_states", "jacobians"])
def test_what_has_no_state_says_what_has_one(predictor, method):
    model = fitted(predictor)
    name = type(predictor).__name__
    with pytest.raises(ValueError, match=f"{name} does not go on from a state.*GRUPredictor"):
        getattr(model, method)(SOME)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(loop="open"), "loop='open' must be 'driven' or 'closed'"),
        (dict(wrt="clock"), "wrt='clock' must be 'state' or 'input'"),
        (dict(loop="closed", wrt="input"), "nothing is observed in closed loop; use loop='driven'"),
    ],
)
def test_arguments_of_jacobians_are_checked(options, message):
    model = fitted(RNNPredictor(H, **NETWORK))
    with pytest.raises(ValueError, match=message):
        model.jacobians(SOME, **options)
    with pytest.raises(NotFittedError):
        RNNPredictor().jacobians(SOME)
    with pytest.raises(ValueError, match="steps"):
        model.recurrent_states(SOME[:, :5])


class Base(nn.Module):
    """What modules below share: a layer with a state."""

    def __init__(self, n_inputs):
        super().__init__()
        self.rnn = nn.RNN(n_inputs, H, batch_first=True)


class Alone(Base):
    def forward(self, inputs):
        return self.rnn(inputs)[0]


class Deaf(Base):
    def forward(self, inputs):
        return self.rnn(inputs)


class Forgetful(Base):
    def forward(self, inputs, state=None):
        return self.rnn(inputs)


class Begun(Base):
    def forward(self, inputs, state=None):
        ones = torch.ones(1, len(inputs), H, dtype=inputs.dtype)
        return self.rnn(inputs, ones if state is None else state)


class Whole(Base):
    def forward(self, inputs, state=None):
        hidden, last = self.rnn(inputs, state)
        return hidden, last.repeat(len(inputs), 1, 1)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Alone, "returns hidden states without a state behind them.*needs forward"),
        (Deaf, "does not take the state that it returns.*needs forward"),
        (Forgetful, "does not go on from the state that it returns"),
        (Begun, "does not start from a state of zeros"),
        (Whole, r"state of shape \(3, 3, 3\) for 3 sequences; it must have one axis"),
    ],
)
def test_a_module_without_a_state_says_what_it_lacks(module, message):
    model = fitted(ModulePredictor(module, **NETWORK))
    with pytest.raises(ValueError, match=f"{module.__name__} .*{message}"):
        model.jacobians(SOME)


class Mixed(Base):
    """The head reads what is not in the state."""

    def __init__(self, n_inputs):
        super().__init__(n_inputs)
        self.mix = nn.Linear(H, 4)

    def forward(self, inputs, state=None):
        hidden, last = self.rnn(inputs, state)
        return self.mix(hidden), last


def test_a_head_that_reads_no_state_closes_no_loop():
    model = fitted(ModulePredictor(Mixed, **NETWORK))
    assert model.jacobians(SOME).shape == (4, T, H, H)
    with pytest.raises(ValueError, match="hidden states of Mixed are not among the numbers"):
        model.jacobians(SOME, loop="closed")
