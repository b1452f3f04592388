"""Cells in numpy against torch."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_emerge.networks import LeakyCell, cell_of

N_SEQUENCES, N_STEPS, N_INPUTS, N_UNITS = 5, 30, 3, 7


def layer(kind, **options):
    torch.manual_seed(0)
    return kind(N_INPUTS, N_UNITS, batch_first=True, **options)


def inputs():
    # So large that gates saturate, too.
    return 3 * np.random.default_rng(0).normal(size=(N_SEQUENCES, N_STEPS, N_INPUTS))


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_cells_step_as_torch_does(kind):
    core, x = layer(kind), inputs()
    cell = cell_of(core)
    with torch.no_grad():
        states, last = core.double()(torch.from_numpy(x))
    state = np.zeros((N_SEQUENCES, cell.n_state))
    for t in range(N_STEPS):
        before = state.copy()
        state = cell.step(state, x[:, t])
        assert np.abs(cell.hidden(state) - states[:, t].numpy()).max() < 1e-12
    assert np.array_equal(cell.run(x), state)
    # A step changes nothing that it was given.
    assert np.array_equal(cell.step(before, x[:, -1]), state)
    assert np.array_equal(x, inputs())
    memory = last[1][0].numpy() if kind is nn.LSTM else np.zeros((N_SEQUENCES, 0))
    assert state.shape == (N_SEQUENCES, N_UNITS * (1 + (kind is nn.LSTM)))
    assert np.abs(state[:, N_UNITS:] - memory).max(initial=0) < 1e-12


def test_gates_far_from_zero_are_open_or_closed():
    core = layer(nn.GRU)
    with torch.no_grad():
        core.bias_ih_l0[N_UNITS : 2 * N_UNITS] = 1e5
        core.bias_ih_l0[:N_UNITS] = -1e5
    state = np.random.default_rng(1).normal(size=(N_SEQUENCES, N_UNITS))
    assert np.allclose(cell_of(core).step(state, inputs()[:, 0]), state, rtol=1e-14, atol=1e-14)


def test_a_leaky_cell_is_its_formula():
    rng = np.random.default_rng(0)
    V, W, b = rng.normal(size=(N_INPUTS, N_UNITS)), rng.normal(size=(N_UNITS, N_UNITS)), 0.3
    x, u = rng.normal(size=(2, N_UNITS)), rng.normal(size=(2, N_INPUTS))
    expected = 0.75 * x + 0.25 * np.tanh(x @ W + u @ V + b)
    assert np.allclose(LeakyCell(V, W, b, leak=0.25).step(x, u), expected, rtol=1e-14)


@pytest.mark.parametrize(
    "core",
    [
        layer(nn.GRU, num_layers=2),
        layer(nn.LSTM, proj_size=2),
        layer(nn.RNN, nonlinearity="relu"),
        layer(nn.GRU, bias=False),
        nn.Linear(3, 3),
    ],
    ids=str,
)
def test_what_is_no_plain_layer_has_no_cell(core):
    assert cell_of(core) is None


def test_a_layer_with_hooks_has_no_cell():
    core = layer(nn.GRU)
    core.register_forward_hook(lambda *_: None)
    assert cell_of(core) is None


def by_autograd(step, state, x):
    """Return the derivatives of a step of one sequence after another, as `Cell.jacobian` does."""
    pairs = [
        torch.autograd.functional.jacobian(step, (torch.from_numpy(s), torch.from_numpy(u)))
        for s, u in zip(state, x, strict=True)
    ]
    return [np.stack([pair[i].numpy() for pair in pairs]) for i in range(2)]


def step_of(core):
    """Return a step of torch's layer, from state to state, with the memory of an LSTM behind."""

    def step(state, x):
        parts = tuple(part[None, None] for part in state.split(N_UNITS))
        last = core(x[None, None], parts if len(parts) > 1 else parts[0])[1]
        return torch.cat([part[0, 0] for part in (last if isinstance(last, tuple) else (last,))])

    return step


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_jacobians_are_those_of_autograd(kind):
    core = layer(kind).double()
    cell, x = cell_of(core), inputs()[:, 0]
    state = np.random.default_rng(1).normal(size=(N_SEQUENCES, cell.n_state))
    found, expected = cell.jacobian(state, x), by_autograd(step_of(core), state, x)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == np.float64
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 1e-14


def test_jacobians_of_a_leaky_cell_are_those_of_autograd():
    rng = np.random.default_rng(0)
    V, W, b = rng.normal(size=(N_INPUTS, N_UNITS)), rng.normal(size=(N_UNITS, N_UNITS)), 0.3
    state, x = rng.normal(size=(N_SEQUENCES, N_UNITS)), rng.normal(size=(N_SEQUENCES, N_INPUTS))

    def step(h, u):
        driven = h @ torch.from_numpy(W) + u @ torch.from_numpy(V) + b
        return 0.75 * h + 0.25 * torch.tanh(driven)

    found = LeakyCell(V, W, b, leak=0.25).jacobian(state, x)
    for ours, theirs in zip(found, by_autograd(step, state, x), strict=True):
        assert np.abs(ours - theirs).max() < 1e-14


def zero_cell(kind):
    core = layer(kind)
    with torch.no_grad():
        for weights in core.parameters():
            weights.zero_()
    return cell_of(core)


def test_a_gru_without_weights_halves_its_state():
    state = np.random.default_rng(0).normal(size=(N_SEQUENCES, N_UNITS))
    by_state, by_inputs = zero_cell(nn.GRU).jacobian(state, inputs()[:, 0])
    assert np.array_equal(by_state, np.broadcast_to(np.eye(N_UNITS) / 2, by_state.shape))
    assert not by_inputs.any()


def test_an_lstm_without_weights_halves_its_memory_and_forgets_the_rest():
    state = np.random.default_rng(0).normal(size=(N_SEQUENCES, 2 * N_UNITS))
    by_state, _ = zero_cell(nn.LSTM).jacobian(state, inputs()[:, 0])
    modulus = np.sort(np.abs(np.linalg.eigvals(by_state)), axis=1)
    assert np.array_equal(modulus, np.tile(np.repeat([0.0, 0.5], N_UNITS), (N_SEQUENCES, 1)))


def test_an_orthogonal_rnn_has_the_determinant_of_its_slopes():
    core = layer(nn.RNN)
    nn.init.orthogonal_(core.weight_hh_l0)
    cell, x = cell_of(core.double()), inputs()[:, 0] / 3
    state = np.random.default_rng(1).normal(size=(N_SEQUENCES, N_UNITS))
    after = cell.step(state, x)
    log_det = np.linalg.slogdet(cell.jacobian(state, x)[0])[1]
    # The weights are orthogonal in single precision.
    assert np.allclose(log_det, np.log(1 - after**2).sum(axis=1), atol=1e-5)
