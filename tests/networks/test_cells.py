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
