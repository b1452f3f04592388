"""Attention patterns are those of the forward pass, computed by hand."""

import numpy as np
import pytest
import torch

from sklearn_emerge import OscillatorWorld, TransformerPredictor
from sklearn_emerge.predictors import _layers

TOKENS = np.random.default_rng(0).integers(5, size=(30, 9))


def fitted(X=TOKENS, **options):
    options = dict(n_layers=2, n_heads=2, max_steps=20, lr=0.01, random_state=0) | options
    return TransformerPredictor(8, **options).fit(X)


def by_hand(model, X):
    """Loop over sequences, layers, heads, queries and keys, with the weights in numpy."""
    n, T = len(X), model.context_length_
    places = {name: states[:, :T] for name, states in model.states(X, model.places_).items()}
    blocks = model.network_.core.blocks
    result = np.zeros((n, len(blocks), 2, T, T))
    before = ["embedding", *(f"layer {i + 1} output" for i in range(len(blocks)))]
    for i, block in enumerate(blocks):
        states = places[before[i]]
        if block.pre:
            norm = block.attention_norm
            spread = np.sqrt(states.var(axis=2, keepdims=True) + norm.eps)
            states = (states - states.mean(axis=2, keepdims=True)) / spread
            states = states * norm.weight.detach().numpy() + norm.bias.detach().numpy()
        attention = block.attention
        query, key = (
            states @ part.weight.detach().numpy().T.astype(float) + part.bias.detach().numpy()
            for part in (attention.query, attention.key)
        )
        for row in range(n):
            for head in range(2):
                columns = slice(4 * head, 4 * head + 4)
                for q in range(T):
                    logits = [
                        attention.scale * query[row, q, columns] @ key[row, t, columns]
                        for t in range(q + 1)
                    ]
                    weights = np.exp(np.array(logits) - max(logits))
                    result[row, i, head, q, : q + 1] = weights / weights.sum()
    return result


@pytest.mark.parametrize(
    "options",
    [{}, {"norm": "post", "attention_scale": "width"}],
    ids=["pre", "post"],
)
def test_a_pattern_is_the_softmax_of_products_of_queries_and_keys(options):
    model = fitted(likelihood="categorical", **options)
    pattern = model.attention_pattern(TOKENS)
    assert pattern.shape == (30, 2, 2, 8, 8)
    assert pattern.dtype == np.float64
    np.testing.assert_allclose(pattern[:5], by_hand(model, TOKENS[:5].copy()), atol=1e-9)


def test_rows_add_up_to_one_and_see_nothing_later():
    X = OscillatorWorld(n_steps=12).sample(20, random_state=0).X
    pattern = fitted(X).attention_pattern(X)
    np.testing.assert_allclose(pattern.sum(axis=4), 1, rtol=1e-12)
    later = np.triu(np.ones((11, 11), dtype=bool), 1)
    assert (pattern[..., later] == 0).all()
    assert (pattern[..., ~later] > 0).all()


def test_a_pattern_times_values_is_what_attention_adds():
    model = fitted(likelihood="categorical")
    pattern = model.attention_pattern(TOKENS, layer=1)[:, 0]
    block = model.network_.core.double().blocks[0]
    with torch.no_grad():
        states = torch.from_numpy(model.states(TOKENS, "embedding"))[:, :8]
        values = block.attention._by_head(block.attention.value, block.attention_norm(states))
        read = torch.from_numpy(pattern) @ values
        added = block.attention.output(read.transpose(1, 2).flatten(2)).numpy()
    model.network_.float()
    np.testing.assert_allclose(model.states(TOKENS, "layer 1 attention")[:, :8], added, atol=1e-12)


def test_layers_and_steps_are_parts_of_the_whole(monkeypatch):
    model = fitted(likelihood="categorical", context=5)
    whole = model.attention_pattern(TOKENS)
    assert whole.shape == (30, 2, 2, 5, 5)
    assert np.allclose(model.attention_pattern(TOKENS, layer=[2]), whole[:, 1:], atol=1e-14)
    part = model.attention_pattern(TOKENS, layer=[1, 2], steps=[-1, 0])
    assert np.allclose(part, whole[:, :, :, [0, 4]], atol=1e-14)
    logits = model.attention_logits(TOKENS, 2)
    weights = np.exp(logits - logits.max(axis=3, keepdims=True))
    weights /= weights.sum(axis=3, keepdims=True)
    np.testing.assert_allclose(weights, whole[:, :, :, 2], atol=1e-12)
    monkeypatch.setattr(_layers, "_CHUNK_BYTES", 1)
    np.testing.assert_allclose(model.attention_pattern(TOKENS), whole, atol=1e-12)


def test_a_pattern_that_is_too_large_is_refused_before_it_is_computed(monkeypatch):
    model = fitted(likelihood="categorical")
    monkeypatch.setattr(_layers, "_MOST_BYTES", 8 * 30 * 2 * 2 * 8 * 8 - 1)
    with pytest.raises(ValueError, match="30 sequences of 8 steps, 2 layers and 2 heads at 8 st"):
        model.attention_pattern(TOKENS)
    for remedy in ({"layer": 1}, {"steps": [0, 1]}):
        model.attention_pattern(TOKENS, **remedy)
    model.attention_pattern(TOKENS[:29])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 0}, "layer=0 must be one integer or several, from 1 to 2"),
        ({"layer": [1, 3]}, r"layer=\[1, 3\] must be one integer"),
        ({"layer": 1.0}, r"layer=1.0 must be one integer"),
        ({"layer": []}, r"layer=\[\] must be one integer"),
        ({"steps": 8}, "steps=8 must be one integer or several, from -8 to 7"),
    ],
)
def test_layers_and_steps_that_are_not_there_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fitted(likelihood="categorical", max_steps=0).attention_pattern(TOKENS, **options)
