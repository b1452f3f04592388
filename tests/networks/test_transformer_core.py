"""The transformer's core: attention as torch's, windows beyond the context, and its start."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_emerge.networks import TransformerCore, initialise, products_in
from sklearn_emerge.networks._half_precision import RoundedLinear
from sklearn_emerge.networks._transformer import Attention

INPUTS = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 9, 2)))


def make_core(norm="pre", context=4, n_layers=2):
    options = dict(n_heads=2, scale=0.5, dropout=0.0, feedforward_size=16, activate_output=False)
    torch.manual_seed(0)
    core = TransformerCore(2, context, 8, n_layers, bias=True, norm=norm, **options)
    initialise(core, "glorot")
    return core.double().eval()


def test_attention_is_that_of_torch():
    torch.manual_seed(0)
    ours, hidden = Attention(8, 2, 4**-0.5, 0.0).double(), torch.randn(3, 5, 8).double()
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).double()
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.data = torch.cat([part.weight.data for part in parts])
    theirs.in_proj_bias.data = torch.cat([part.bias.data for part in parts])
    theirs.out_proj = ours.output
    later = torch.ones(5, 5, dtype=torch.bool).triu(1)
    expected, weights = theirs(hidden, hidden, hidden, attn_mask=later, average_attn_weights=False)
    assert torch.allclose(ours(hidden), expected)
    logits = ours.logits(hidden).masked_fill(later, -torch.inf)
    assert torch.allclose(logits.softmax(-1), weights)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_step_beyond_the_context_sees_a_window_of_its_own(norm):
    core = make_core(norm)
    states = core.layers(INPUTS)
    assert [tuple(layer.shape) for layer in states] == [(3, 9, 8)] * 3
    assert torch.equal(core(INPUTS), states[-1])
    assert torch.allclose(states[-1][:, :4], core.window(INPUTS[:, :4])[-1])
    for end in range(5, 10):
        alone = core.window(INPUTS[:, end - 4 : end])
        for layer, window in zip(states, alone, strict=True):
            assert torch.allclose(layer[:, end - 1], window[:, -1])


def test_with_a_memory_of_one_step_no_other_is_seen():
    core = make_core()
    changed = INPUTS.clone()
    changed[:, 3] += 1
    apart = (core.layers(INPUTS, 1)[-1] != core.layers(changed, 1)[-1]).any(dim=2).any(dim=0)
    assert apart.nonzero().flatten().tolist() == [3]


def test_logits_of_the_attention_have_a_block_and_a_head():
    core = make_core()
    logits = core.attention_logits(INPUTS[:, :4])
    assert logits.shape == (3, 2, 2, 4, 4)
    embedded = core.window(INPUTS[:, :4])[0]
    assert torch.equal(logits[:, 0], core.blocks[0].attention_logits(embedded))


def test_normal_weights_have_the_spread_of_gpt_2():
    core = make_core(n_layers=8).float()
    initialise(core, "normal")
    named = dict(core.named_parameters())
    added = [w for n, w in named.items() if n.endswith(("output.weight", "feedforward.2.weight"))]
    assert len(added) == 16
    assert torch.cat([w.flatten() for w in added]).std().item() == pytest.approx(0.005, rel=0.1)
    queries = torch.cat([block.attention.query.weight.flatten() for block in core.blocks])
    assert queries.std().item() == pytest.approx(0.02, rel=0.2)
    assert all((w == 0).all() for n, w in named.items() if n.endswith("bias"))


def test_glorot_weights_keep_to_their_bounds():
    core = make_core()
    assert core.positions.abs().max() <= 0.05
    weights = core.blocks[0].feedforward[0].weight.abs().max()
    assert 0.4 < weights <= (6 / (8 + 16)) ** 0.5


def test_products_are_those_of_rounded_numbers():
    torch.manual_seed(0)
    layer, inputs = nn.Linear(4, 3), torch.randn(5, 4)

    def rounded(values):
        return values.detach().bfloat16().float()

    with RoundedLinear():
        found = layer(inputs)
    expected = rounded(inputs) @ rounded(layer.weight).T + rounded(layer.bias)
    assert torch.equal(found, rounded(expected))
    with products_in("float32", "cpu"):
        assert torch.allclose(layer(inputs), inputs @ layer.weight.T + layer.bias)
        assert not torch.equal(layer(inputs), found)
    with products_in("bfloat16", "cpu"):
        assert torch.allclose(layer(inputs).float(), found, atol=0.02)
