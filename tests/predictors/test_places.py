"""What is computed at named places, and what follows if it comes from other sequences."""

from collections import namedtuple
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_emerge import (
    GRUPredictor,
    LSTMPredictor,
    ModulePredictor,
    OscillatorWorld,
    RNNPredictor,
    TransformerPredictor,
)
from sklearn_emerge.measures import patch_effect

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(5, size=(40, 9))
WAVES = OscillatorWorld(n_steps=14).sample(40, random_state=0).X
OTHERS = np.roll(WAVES, 1, axis=0)


class Own(nn.Module):
    """A recurrent part, a causal one, one that is called twice and one of another shape."""

    def __init__(self, n_inputs):
        super().__init__()
        self.rnn = nn.GRU(n_inputs, 3, batch_first=True)
        self.mix = nn.Sequential(nn.Linear(3, 6), nn.Tanh())
        self.twice = nn.Linear(6, 6)
        self.flat = nn.Flatten()
        self.hidden = nn.Linear(6, 4)

    def forward(self, inputs):
        mixed = self.twice(torch.tanh(self.twice(self.mix(self.rnn(inputs)[0]))))
        self.flat(mixed)
        return self.hidden(mixed)


Named = namedtuple("Named", ["states", "others"])


class Channels(nn.Module):
    """A part has channels where others have steps, and one returns a tuple with names."""

    def __init__(self, n_inputs):
        super().__init__()
        self.convolution = nn.Conv1d(n_inputs, 4, 2)
        self.named = Split()

    def forward(self, inputs):
        padded = nn.functional.pad(inputs.transpose(1, 2), (1, 0))
        return self.named(self.convolution(padded).transpose(1, 2)).states


class Split(nn.Module):
    def forward(self, states):
        return Named(torch.tanh(states), states)


class Encoder(nn.Module):
    """Torch computes it in a faster way, a little differently, while nobody looks at its parts."""

    def __init__(self, n_inputs):
        super().__init__()
        self.inputs = nn.Linear(n_inputs, 4)
        layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)

    def forward(self, inputs):
        n_steps = inputs.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(n_steps, dtype=inputs.dtype)
        return self.encoder(self.inputs(inputs), mask=mask, is_causal=True)


def transformer(**options):
    options = dict(likelihood="categorical", max_steps=5, random_state=0) | options
    return TransformerPredictor(8, 2, 2, **options).fit(TOKENS)


MODELS = {
    "GRU": (partial(GRUPredictor, 4), WAVES),
    "scan": (partial(GRUPredictor, 4, engine="numba"), WAVES),
    "first": (partial(RNNPredictor, 4, input_scaling="first", engine="numba"), WAVES),
    "LSTM": (partial(LSTMPredictor, 3, head="sgd"), WAVES),
    "layers": (
        partial(ModulePredictor, partial(nn.LSTM, hidden_size=3, num_layers=2, batch_first=True)),
        WAVES,
    ),
    "own": (partial(ModulePredictor, Own), WAVES),
    "pre": (partial(TransformerPredictor, 8, 2, 2, likelihood="categorical"), TOKENS),
    "post": (
        partial(TransformerPredictor, 8, 1, 2, likelihood="categorical", norm="post", head="sgd"),
        TOKENS,
    ),
    "window": (partial(TransformerPredictor, 8, 2, 2, likelihood="categorical", context=4), TOKENS),
    "quantities": (partial(TransformerPredictor, 8, 1, 2), WAVES),
}


@pytest.fixture(scope="module")
def fitted():
    return {
        name: (make(max_steps=5, random_state=0).fit(X), X, np.roll(X, 1, axis=0))
        for name, (make, X) in MODELS.items()
    }


@pytest.mark.parametrize("name", MODELS)
def test_the_last_place_is_what_the_head_reads(fitted, name):
    model, X, _ = fitted[name]
    assert model.places_[-1] == "hidden"
    found = model.states(X)
    assert np.array_equal(found, model.transform(X))
    assert found.dtype == np.float64
    everything = model.states(X, at=model.places_)
    assert tuple(everything) == model.places_
    for place, values in everything.items():
        np.testing.assert_allclose(values, model.states(X, at=place), rtol=1e-12, atol=1e-12)
        assert values.shape[:2] == X.shape[:2]


def test_places_of_a_transformer_are_those_of_its_layers():
    for model in (transformer(), transformer(context=3)):
        found = model.states(TOKENS, at=model.places_)
        for layer, place in enumerate(["embedding", "layer 1 output"]):
            np.testing.assert_allclose(found[place], model.transform(TOKENS, layer), atol=1e-12)
        # Normalisation before each part: what parts add is what makes the difference.
        for before, i in (("embedding", 1), ("layer 1 output", 2)):
            added = found[f"layer {i} attention"] + found[f"layer {i} mlp"]
            np.testing.assert_allclose(
                found[before] + added, found[f"layer {i} output"], atol=1e-12
            )
        with torch.no_grad():
            last = torch.from_numpy(found["layer 2 output"])
            hidden = model.network_.core.norm.double()(last).numpy()
        np.testing.assert_allclose(hidden, found["hidden"], atol=1e-12)
        model.network_.float()


def test_places_of_a_module_are_its_parts_that_return_states(fitted):
    model, X, _ = fitted["own"]
    assert model.places_ == ("rnn", "mix.0", "mix.1", "mix", "core.hidden", "hidden")
    assert fitted["layers"][0].places_ == ("hidden",)
    found = model.states(X, at=["mix.0", "mix", "core.hidden"])
    assert [values.shape[2] for values in found.values()] == [6, 6, 4]
    np.testing.assert_allclose(np.tanh(found["mix.0"]), found["mix"], rtol=1e-12)
    assert np.array_equal(found["core.hidden"], model.transform(X))
    core, inputs = model.network_.core, torch.from_numpy(model._inputs(model.encode(X)))
    with torch.no_grad():
        own = core.double().rnn(inputs)[0].numpy()
    core.float()
    np.testing.assert_allclose(model.states(X, at="rnn"), own, atol=1e-12)


def test_parts_that_torch_would_pass_by_are_places():
    model = ModulePredictor(Encoder, max_steps=0, random_state=0).fit(WAVES)
    assert {"encoder.layers.0.self_attn", "encoder.layers.0.linear1"} < set(model.places_)
    for at in model.places_:
        own = model.patch(WAVES, WAVES, at)
        np.testing.assert_allclose(own, model.predict(WAVES), rtol=1e-12, atol=1e-12)
        assert np.abs(model.patch(WAVES, OTHERS, at, 4)[:, 4] - own[:, 4]).max() > 1e-6
    found = patch_effect(model, WAVES, WAVES.copy(), steps=[4])
    assert (found == 0).all()


def test_channels_are_not_taken_for_steps():
    """Four channels are as many as the steps that cores are checked with."""
    model = ModulePredictor(Channels, max_steps=2, random_state=0).fit(WAVES)
    assert model.places_ == ("named", "hidden")
    assert np.array_equal(model.states(WAVES, at="named"), model.transform(WAVES))
    patched = model.patch(WAVES, OTHERS, at="named", step=4)
    assert np.array_equal(patched, model.patch(WAVES, OTHERS, step=4))
    assert np.abs(patched[:, 4] - model.predict(WAVES)[:, 4]).max() > 1e-6


def test_a_place_may_be_named_twice(fitted):
    model, X, _ = fitted["pre"]
    found = model.states(X, at=["embedding", "hidden", "embedding"])
    assert list(found) == ["embedding", "hidden"]
    assert np.array_equal(found["embedding"], model.states(X, at="embedding"))


def test_states_are_copies(fitted):
    model, X, _ = fitted["pre"]
    before = model.predict(X)
    for values in model.states(X, at=model.places_).values():
        assert values.base is None
        values[...] = 7.0
    model.patch(X, X[::-1], at="embedding")
    assert np.array_equal(model.predict(X), before)
    # Nothing stays hooked.
    assert not any(module._forward_hooks for module in model.network_.modules())


@pytest.mark.parametrize("name", MODELS)
def test_a_patch_with_itself_changes_nothing(fitted, name):
    model, X, _ = fitted[name]
    own = model.predict(X)
    for at in model.places_:
        for step in (None, 3, [0, 1, 5]):
            assert np.array_equal(model.patch(X, X.copy(), at, step), own)


@pytest.mark.parametrize("name", MODELS)
def test_a_patch_of_the_last_place_everywhere_gives_the_other_predictions(fitted, name):
    model, X, others = fitted[name]
    assert np.array_equal(model.patch(X, others), model.predict(others))
    assert not np.array_equal(model.predict(X), model.predict(others))


@pytest.mark.parametrize("name", MODELS)
def test_a_patch_changes_nothing_before_it(fitted, name):
    model, X, others = fitted[name]
    own = model.predict(X)
    for at in model.places_:
        for step in (0, 5, -1):
            patched = model.patch(X, others, at, step)
            t = step % X.shape[1]
            np.testing.assert_allclose(patched[:, :t], own[:, :t], rtol=1e-12, atol=1e-12)
            # All differences from the first step are zero there.
            same = name == "first" and t == 0
            assert (np.abs(patched[:, t] - own[:, t]).max() > 1e-6) != same


def test_all_inputs_of_a_transformer_are_at_the_embedding(fitted):
    for name in ("pre", "post", "window", "quantities"):
        model, X, others = fitted[name]
        assert np.array_equal(model.patch(X, others, "embedding"), model.predict(others))


@pytest.mark.parametrize("name", ["GRU", "scan"])
def test_a_recurrent_network_runs_on_from_the_state(fitted, name):
    model, X, others = fitted[name]
    core = model.network_.core.double()
    own, other = (torch.from_numpy(model._inputs(model.encode(each))) for each in (X, others))
    expected = model.predict(X)
    with torch.no_grad():
        state = core(other[:, :6])[1]
        hidden = torch.cat([state.transpose(0, 1), core(own[:, 6:], state)[0]], dim=1)
        # A second patch, of two steps.
        later = core(other[:, :10])[0][:, 8:10]
        last = core(own[:, 10:], later[:, -1:].transpose(0, 1).contiguous())[0]
    core.float()
    hidden = torch.cat([hidden[:, :3], later, last], dim=1).numpy()
    expected[:, 5:] = model._mean(model.head_.output(hidden))[:, :, 0]
    np.testing.assert_allclose(model.patch(X, others, step=[5, 8, 9]), expected, atol=1e-5)


def test_a_patch_of_an_lstm_has_its_cells(fitted):
    model, X, others = fitted["LSTM"]
    core = model.network_.core.double()
    own, other = (torch.from_numpy(model._inputs(model.encode(each))) for each in (X, others))
    with torch.no_grad():
        hidden = core(own[:, 6:], core(other[:, :6])[1])[0]
        expected = model._mean(model.network_.head.double()(hidden).numpy())[:, :, 0]
    model.network_.float()
    np.testing.assert_allclose(model.patch(X, others, step=5)[:, 6:], expected, atol=1e-5)


def test_a_patch_replaces_what_later_parts_read(fitted):
    """By hand: the attention of the second block at one step."""
    model, X, others = fitted["pre"]
    found = model.states(X, at=model.places_)
    attention = found["layer 2 attention"].copy()
    attention[:, 4] = model.states(others, at="layer 2 attention")[:, 4]
    core = model.network_.core.double()
    block = core.blocks[1]
    with torch.no_grad():
        states = torch.from_numpy(found["layer 1 output"] + attention)[:, :8]
        hidden = core.norm(states + block.feedforward(block.feedforward_norm(states)))
    core.float()
    expected = model._mean(model.head_.output(hidden.numpy()))
    patched = model.patch(X, others, "layer 2 attention", 4)
    np.testing.assert_allclose(patched[:, :8], expected, atol=1e-12)


def test_a_patch_does_not_depend_on_the_chunk(fitted, monkeypatch):
    from sklearn_emerge.predictors import _evaluation

    for name in ("GRU", "pre", "own"):
        model, X, others = fitted[name]
        at = model.places_[0]
        whole = model.patch(X, others, at, 3), model.states(X, at=at)
        monkeypatch.setattr(_evaluation, "_CHUNK", 7)
        np.testing.assert_allclose(model.patch(X, others, at, 3), whole[0], rtol=1e-12)
        np.testing.assert_allclose(model.states(X, at=at), whole[1], rtol=1e-12, atol=1e-12)
        monkeypatch.undo()


@pytest.mark.parametrize("name", ["GRU", "pre", "own"])
def test_the_untrained_twin_has_the_initial_weights(fitted, name):
    model, X, _ = fitted[name]
    twin = type(model)(**(model.get_params() | {"training": "random"})).fit(X)
    made = model._untrained()
    for ours, theirs in zip(
        made.network_.core.parameters(), twin.network_.core.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert np.array_equal(made.transform(X), twin.transform(X))
    assert not np.array_equal(made.transform(X), model.transform(X))


def test_a_sample_in_place_of_sequences_is_refused_with_the_remedy(fitted):
    model = fitted["GRU"][0]
    sample = OscillatorWorld(n_steps=14).sample(5, random_state=0)
    for call in (model.predict, model.states, model.fit, lambda X: model.patch(WAVES[:5], X)):
        with pytest.raises(ValueError, match="X is a Sample, not sequences; pass .* X=sample.X"):
            call(sample)
    assert model.states(sample.X).shape == (5, 14, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: m.states(TOKENS, at="layer 3 output"),
            "at='layer 3 output' is no place of this",
        ),
        (
            lambda m: m.states(TOKENS, at=["layer 1 mpl"]),
            "choose from 'embedding'.*mean 'layer 1 mlp'",
        ),
        (lambda m: m.states(TOKENS, at=3), "at=3 must be the name of a place, or several"),
        (lambda m: m.states(TOKENS, at=[["hidden"]]), "must be the name of a place, or several"),
        (lambda m: m.states(TOKENS, at=[]), "names no place; choose from 'embedding'"),
        (lambda m: m.patch(TOKENS, TOKENS, at=["hidden"]), "must be the name of one place"),
        (lambda m: m.patch(TOKENS, TOKENS[:3]), "source has 3 sequences, but X has 40; pass one"),
        (lambda m: m.patch(TOKENS, TOKENS, step=9), "step=9 must be .* from -9 to 8"),
        (lambda m: m.patch(TOKENS, TOKENS, step=[1.5]), "must be one integer or several"),
        (lambda m: m.patch(TOKENS, TOKENS, step=[]), "must be one integer or several"),
    ],
)
def test_places_and_steps_that_are_not_there_are_refused(fitted, call, message):
    with pytest.raises(ValueError, match=message):
        call(fitted["pre"][0])
