"""Networks: what heads read, what is permuted, and what a core must be."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_emerge.networks import (
    SequenceNetwork,
    check_core,
    check_device,
    is_finite,
    orthogonalise_recurrent_weights,
    recurrent_weights,
    scramble_recurrent_weights,
)

CELLS = {"RNN": (nn.RNN, 1), "GRU": (nn.GRU, 3), "LSTM": (nn.LSTM, 4)}
INPUTS = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 7, 2)).astype(np.float32))


def core_of(cell, **options):
    return CELLS[cell][0](2, 4, batch_first=True, **options)


@pytest.mark.parametrize("cell", CELLS)
def test_outputs_are_the_head_of_the_states_of_the_core(cell):
    network = SequenceNetwork(core_of(cell), 4, 3)
    states = network.core(INPUTS)[0]
    assert torch.equal(network.hidden(INPUTS), states)
    assert torch.allclose(network(INPUTS), states @ network.head.weight.T + network.head.bias)
    assert network(INPUTS).shape == (5, 7, 3)
    assert (network.layout.n_hidden, network.layout.n_outputs) == (4, 3)


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_weights_are_those_of_all_layers_and_gates(cell):
    found = recurrent_weights(core_of(cell, num_layers=2, bidirectional=True))
    assert [tuple(weights.shape) for weights in found] == [(CELLS[cell][1] * 4, 4)] * 4


@pytest.mark.parametrize("cell", CELLS)
def test_stacked_gates_become_orthogonal(cell):
    core = core_of(cell)
    orthogonalise_recurrent_weights(core)
    (weights,) = recurrent_weights(core)
    assert torch.allclose(weights.T @ weights, torch.eye(4), atol=1e-6)


def test_scrambling_permutes_recurrent_weights_and_no_others():
    core = core_of("GRU")
    before = {name: weights.detach().clone() for name, weights in core.named_parameters()}
    scramble_recurrent_weights(core, np.random.default_rng(0))
    for name, weights in core.named_parameters():
        same = torch.equal(weights, before[name])
        assert same == (name != "weight_hh_l0")
    scrambled = core.weight_hh_l0.flatten().sort().values
    assert torch.equal(scrambled, before["weight_hh_l0"].flatten().sort().values)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_weight_that_is_no_number_is_found(value):
    network = SequenceNetwork(core_of("GRU"), 4, 3)
    assert is_finite(network)
    with torch.no_grad():
        network.head.bias[1] = value
    assert not is_finite(network)


def test_devices_are_those_that_compute():
    check_device("cpu")
    with pytest.raises(ValueError, match="device='meta' cannot be used.*Use 'cpu'"):
        check_device("meta")


class Core(nn.Module):
    """A core of one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, inputs):
        return self.function(inputs)


def test_a_core_is_causal_and_keeps_sequences_apart():
    assert check_core(core_of("LSTM"), 2) == 4
    assert check_core(Core(lambda x: x.cumsum(1)), 3) == 3
    for function, message in (
        (lambda x: x.flip(1), "not causal"),
        (lambda x: x.cumsum(0), "mixes sequences"),
        (lambda x: x[:, -1], r"hidden states of shape \(2, 3\)"),
        (lambda x: x @ torch.ones(3, 4), "failed on inputs .* dtype float64"),
    ):
        with pytest.raises(ValueError, match=message):
            check_core(Core(function), 3)
    with pytest.raises(ValueError, match="not causal"):
        check_core(core_of("GRU", bidirectional=True), 2)
    with pytest.raises(ValueError, match="batch_first=True"):
        check_core(nn.GRU(2, 4), 2)
