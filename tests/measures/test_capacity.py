"""Capacities are products of what is counted, and operations are those of closed forms."""

import numpy as np
import pytest
from torch import nn

from sklearn_emerge.measures import capacity, count_flops, module_capacity
from sklearn_emerge.networks import TransformerCore


def core_of(width=64, n_heads=4, context=45, n_inputs=27, n_layers=2):
    return TransformerCore(
        n_inputs,
        context,
        width,
        n_layers,
        bias=False,
        norm="pre",
        n_heads=n_heads,
        scale=0.25,
        dropout=0.0,
        feedforward_size=4 * width,
        activate_output=False,
    )


@pytest.mark.parametrize(("width", "context", "n_layers"), [(64, 45, 2), (32, 10, 1), (120, 90, 3)])
def test_operations_of_a_transformer(width, context, n_layers):
    core = core_of(width=width, context=context, n_layers=n_layers)
    products = 2 * 27 * width + n_layers * 24 * width**2
    attention = n_layers * 4 * context * width
    expected = 5 * context * (products + attention)
    assert count_flops(core, (5, context, 27)) == expected
    # Heads share the width.
    assert count_flops(core_of(width, 2, context, n_layers=n_layers), (5, context, 27)) == expected


@pytest.mark.parametrize(("kind", "gates"), [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
def test_operations_of_recurrent_networks(kind, gates):
    flops = count_flops(kind(3, 16, batch_first=True), (2, 45, 3))
    assert flops == 2 * 2 * 45 * gates * 16 * (3 + 16)


def test_the_reference_is_the_layer_that_it_says():
    core = core_of(width=64, n_heads=1, context=128, n_inputs=1, n_layers=1)
    flops = count_flops(core, (1, 128, 1)) / 128 - 2 * 64
    assert flops == 2**17
    assert capacity(1, 1, 1, flops, include_precision=False) == 1


def test_capacity_is_a_product():
    base = capacity(1000, 2, 3, 5e5, bits=16)
    assert base == 1000 * 4 * 2 * 3 * 5e5 / 2**17
    assert capacity(1000, 2, 3, 5e5, bits=4) == base / 2
    assert capacity(1000, 2, 3, 5e5, include_precision=False) == base / 4
    several = capacity(1000, [2, 4, 8], 3, 5e5)
    np.testing.assert_allclose(np.diff(np.log2(several)), 1)
    assert capacity(1000, 2, 3, 5e5, reference_flops=2**18) == base / 2


def test_capacity_of_a_module():
    core = core_of()
    found = module_capacity(core, (3, 45, 27), n_heads=4, n_layers=2, bits=32)
    assert found.n_parameters == sum(p.numel() for p in core.parameters())
    assert found.flops == count_flops(core, (1, 45, 27)) / 45
    expected = capacity(found.n_parameters, 4, 2, found.flops, bits=32)
    assert found.capacity == expected
    # The module is as it was.
    assert next(core.parameters()).device.type == "cpu"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: capacity(0, 1, 1, 1), "n_parameters=0 must be at least 1"),
        (lambda: capacity(1, 1, 1, 0), "flops=0 must be at least"),
        (lambda: capacity(1, [1, 0], 1, 1), r"n_heads=\[1, 0\] must be at least 1"),
        (lambda: capacity(1, 1, 1, 1, bits=1), "bits=1 must be at least 2"),
        (lambda: capacity(1, 1, 1, np.nan), "flops=nan must be"),
        (lambda: capacity(1, 1, 1, 1, reference_flops=0), "'reference_flops' .* Got 0"),
        (
            lambda: count_flops(nn.Linear(3, 2), (5, 4)),
            r"module failed on an input of shape=\(5, 4",
        ),
        (lambda: module_capacity(nn.Linear(3, 2), (5, 4, 3), n_heads=0), "'n_heads' .* Got 0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
