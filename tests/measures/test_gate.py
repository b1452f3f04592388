"""Attention logits are those that the network uses, and gates are shares of them."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax
from torch.nn.functional import scaled_dot_product_attention

from sklearn_emerge import EmergenceAssessment, GRUPredictor, TransformerPredictor, TriangleWorld
from sklearn_emerge.measures import attention_gate, attention_head_gates

WORLD = TriangleWorld(n_words=4, examples={"A->B": 60, "B->C": 60, "A->C": 6})


@pytest.fixture(scope="module", params=["pre", "post"])
def model(request):
    return TransformerPredictor(
        12,
        2,
        3,
        norm=request.param,
        likelihood="categorical",
        n_tokens=WORLD.n_tokens,
        max_steps=20,
        random_state=0,
    ).fit(WORLD.sample(20, random_state=0).X)


def test_logits_are_those_of_the_attention(model, monkeypatch):
    """What reaches torch's attention, multiplied as its documentation says."""
    X = WORLD.sample(70, random_state=1).X
    seen = []

    def spy(query, key, value, **options):
        seen.append(options["scale"] * query @ key.transpose(-2, -1))
        return scaled_dot_product_attention(query, key, value, **options)

    monkeypatch.setattr("sklearn_emerge.networks._transformer.scaled_dot_product_attention", spy)
    model.at_length(45).predict(X[:, :45])
    expected = torch.stack(seen, dim=1).numpy()
    steps = np.arange(70) % 45
    found = model.attention_logits(X, steps)
    assert found.shape == (70, 2, 3, 45)
    visible = np.arange(45) <= steps[:, np.newaxis]
    assert np.array_equal(np.isfinite(found).all(axis=(1, 2)), visible)
    rows = np.arange(70)
    expected = np.where(visible[:, None, None], expected[rows, :, :, steps], -np.inf)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(model.attention_logits(X, 44), model.attention_logits(X))
    for step in (45, -46, 0.5, [1, 2]):
        with pytest.raises(ValueError, match="must be one integer, or one a sequence, from -45"):
            model.attention_logits(X, step)


logits = arrays(float, (2, 3, 4, 5), elements=st.floats(-30, 30))


@given(logits, st.sets(st.integers(0, 3), min_size=1), st.sets(st.integers(0, 4), min_size=1))
def test_activation_is_the_sum_and_keeps_its_bound(logits, heads, tokens):
    heads, tokens = sorted(heads), sorted(tokens)
    if len(heads) == 4 and len(tokens) == 5:
        with pytest.raises(ValueError, match="The gate is all heads and tokens"):
            attention_gate(logits, heads=heads, tokens=tokens)
        return
    layers = [0, 2]
    found = attention_gate(logits, heads=heads, tokens=tokens, layers=layers)
    for i in range(2):
        total = 0.0
        for layer in layers:
            attention = softmax(logits[i, layer])
            total += attention[np.ix_(heads, tokens)].sum()
        assert found[i] == pytest.approx(total / (len(heads) * len(tokens)))
    bound = len(layers) / (len(heads) * len(tokens))
    assert (found <= bound * (1 + 1e-12)).all()
    share = attention_gate(logits, heads=heads, tokens=tokens, layers=layers, relative=True)
    np.testing.assert_allclose(share * bound, found)


def test_activation_approaches_its_bound():
    logits = np.zeros((2, 3, 6))
    logits[:, 1, [4, 5]] = 40
    assert attention_gate(logits, heads=[1], tokens=[4, 5]) == pytest.approx(2 / 2)
    assert attention_gate(-logits, heads=[1], tokens=[4, 5]) == pytest.approx(0, abs=1e-12)
    # Tokens that cannot be seen take nothing.
    logits[:, :, 5] = -np.inf
    assert attention_gate(logits, heads=[1], tokens=[5]) == 0
    mask = np.zeros((2, 6), dtype=bool)
    mask[0, 4] = mask[1, [3, 4]] = True
    several = attention_gate(np.stack([logits, logits]), heads=[1], tokens=mask)
    assert several == pytest.approx([2, 1])


@pytest.mark.slow
def test_shares_of_heads(model):
    sample = WORLD.sample(30, random_state=2)
    gates = attention_head_gates(model, sample, n_focus=3, n_sequences=10)
    assert gates.sizes == {"layer": 2, "head": 3}
    rows, steps = np.nonzero(sample.scored[:10])
    expected = np.zeros((2, 3))
    for row, step in zip(rows, steps - 1, strict=True):
        attention = softmax(model.attention_logits(sample.X[row : row + 1], step)[0], axis=(1, 2))
        expected += attention[:, :, max(0, step - 2) : step + 1].sum(axis=2) / len(rows)
    np.testing.assert_allclose(gates, expected)
    np.testing.assert_allclose(attention_head_gates(model, sample, n_focus=46).sum("head"), 1)


@pytest.mark.slow
def test_rows_may_be_longer_than_the_context():
    sample = WORLD.sample(20, random_state=0)
    model = TransformerPredictor(
        12,
        1,
        2,
        context=12,
        likelihood="categorical",
        n_tokens=WORLD.n_tokens,
        max_steps=5,
        random_state=0,
    ).fit(sample.X)
    gates = attention_head_gates(model, sample, n_focus=3)
    rows, steps = np.nonzero(sample.scored)
    expected = np.zeros((1, 2))
    for row, step in zip(rows, steps - 1, strict=True):
        # The window that ends at the step, or begins with the row.
        window = sample.X[row : row + 1, max(0, step - 11) : max(step, 11) + 1]
        place = min(step, 11)
        attention = softmax(model.at_length(12).attention_logits(window, place)[0], axis=(1, 2))
        expected += attention[:, :, max(0, place - 2) : place + 1].sum(axis=2) / len(rows)
    np.testing.assert_allclose(gates, expected)


def test_gates_are_recorded_over_heads():
    cube = (
        EmergenceAssessment(
            WORLD,
            TransformerPredictor(12, 1, max_steps=2),
            param_grid={"n_heads": [2, 3]},
            nulls=(),
            n_seeds=1,
            correction=None,
            alpha=0.6,
            n_train=14,
            n_eval=10,
            probe=None,
            record_at=[0, 2],
            measures={"gate": partial(attention_head_gates, n_sequences=5)},
            random_state=0,
            progress=False,
        )
        .fit()
        .cube_
    )
    gate = cube.gate_trajectory.sel(mode="full", condition="structured").isel(seed=0, layer=0)
    assert gate["head"].values.tolist() == [0, 1, 2]
    missing = np.isnan(gate.transpose("n_heads", "head", "step")).all("step")
    assert missing.values.tolist() == [[False, False, True], [False, False, False]]
    assert (gate.sel(step=0) != gate.sel(step=2)).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": [4]}, r"heads=\[4\] must be a list of integers from 0 to 3"),
        ({"heads": []}, "heads"),
        ({"heads": [1, 1]}, r"heads=\[1, 1\] has a number twice"),
        ({"tokens": [0.5]}, r"tokens=\[0.5\] must be a list of integers from 0 to 4"),
        ({"tokens": np.ones(4, bool)}, r"tokens of shape \(4,\) must have 5 entries"),
        ({"tokens": np.zeros(5, bool)}, "choose a token of each"),
        ({"layers": [2]}, r"layers=\[2\] must be a list of integers from 0 to 1"),
        ({"attention_logits": np.zeros((4, 5))}, r"got the shape \(4, 5\)"),
        ({"attention_logits": np.full((2, 4, 5), np.nan)}, "without NaN"),
    ],
)
def test_gates_that_are_not_there_are_named(options, message):
    arguments = {"attention_logits": np.zeros((2, 4, 5)), "heads": [0], "tokens": [1]} | options
    with pytest.raises(ValueError, match=message):
        attention_gate(**arguments)


def test_measures_of_what_has_no_gates_are_refused(model):
    sample = WORLD.sample(5, random_state=0)
    with pytest.raises(ValueError, match="GRUPredictor has no attention"):
        attention_head_gates(GRUPredictor(), sample)
    with pytest.raises(ValueError, match="n_focus=0 must be an integer of at least 1"):
        attention_head_gates(model, sample, n_focus=0)
    sample.scored[:] = False
    with pytest.raises(ValueError, match="No token counts in the first n_sequences=100"):
        attention_head_gates(model, sample)
