"""The transformer equals an independent implementation, and tokens are predicted as such."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from torch import nn

from sklearn_emerge import (
    AutoregressivePredictor,
    GRUPredictor,
    MarkovPredictor,
    MeanPredictor,
    OscillatorWorld,
    PersistencePredictor,
    RNNPredictor,
    TransformerPredictor,
)
from sklearn_emerge.networks import TransformerCore, _half_precision, products_in
from sklearn_emerge.networks._half_precision import RoundedLinear
from sklearn_emerge.training import ClipEachGradient

RNG = np.random.default_rng(0)
# A chain in which every token is followed by one of two.
CHAIN = np.empty((300, 12), dtype=int)
CHAIN[:, 0] = RNG.integers(5, size=300)
for t in range(1, 12):
    CHAIN[:, t] = (CHAIN[:, t - 1] + 1 + RNG.integers(2, size=300)) % 5
TOKENS = dict(likelihood="categorical", random_state=0)
SGD = dict(head="sgd", **TOKENS)
AUTHORS = dict(
    norm="post",
    attention_scale="width",
    activate_output=True,
    initial_weights="glorot",
    clip="each",
    adam_eps=1e-7,
    extra_outputs=1,
    head="sgd",
)


def reference_layer(block, norm):
    """Return torch's own encoder layer with the weights of a block."""
    width = block.attention.output.in_features
    layer = nn.TransformerEncoderLayer(
        width,
        block.attention.n_heads,
        block.feedforward[0].out_features,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=norm == "pre",
        dtype=torch.float64,
    ).eval()
    parts = (block.attention.query, block.attention.key, block.attention.value)
    pairs = {
        layer.self_attn.in_proj_weight: torch.cat([part.weight for part in parts]),
        layer.self_attn.in_proj_bias: torch.cat([part.bias for part in parts]),
        layer.self_attn.out_proj.weight: block.attention.output.weight,
        layer.self_attn.out_proj.bias: block.attention.output.bias,
        layer.linear1.weight: block.feedforward[0].weight,
        layer.linear1.bias: block.feedforward[0].bias,
        layer.linear2.weight: block.feedforward[2].weight,
        layer.linear2.bias: block.feedforward[2].bias,
        layer.norm1.weight: block.attention_norm.weight,
        layer.norm1.bias: block.attention_norm.bias,
        layer.norm2.weight: block.feedforward_norm.weight,
        layer.norm2.bias: block.feedforward_norm.bias,
    }
    with torch.no_grad():
        for target, source in pairs.items():
            target.copy_(source)
    return layer


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_hidden_states_equal_those_of_torch(norm):
    model = TransformerPredictor(12, 2, 3, feedforward_size=20, norm=norm, max_steps=3, **SGD)
    model.fit(CHAIN)
    core = model.network_.core.double()
    inputs = torch.eye(5, dtype=torch.float64)[CHAIN[:7, :-1]]
    hidden = inputs @ core.embedding.weight.T + core.positions
    np.testing.assert_allclose(model.transform(CHAIN[:7], layer=0)[:, :-1], hidden.detach())
    mask = nn.Transformer.generate_square_subsequent_mask(11, dtype=torch.float64)
    for i, block in enumerate(core.blocks, start=1):
        hidden = reference_layer(block, norm)(hidden, src_mask=mask, is_causal=True)
        if i == 2 and norm == "pre":
            hidden = core.norm(hidden)
        ours = model.transform(CHAIN[:7], layer=i)[:, :-1]
        np.testing.assert_allclose(ours, hidden.detach(), atol=1e-12)
    assert np.array_equal(model.transform(CHAIN[:7]), model.transform(CHAIN[:7], layer=2))
    logits = hidden @ model.network_.head.weight.double().T + model.network_.head.bias.double()
    expected = torch.softmax(logits, dim=-1).detach()
    np.testing.assert_allclose(model.predict(CHAIN[:7])[:, :-1], expected, atol=1e-12)


def test_scale_and_activation_of_the_variant():
    """Against attention written out."""
    model = TransformerPredictor(12, 1, 3, max_steps=3, **AUTHORS, **TOKENS).fit(CHAIN)
    core = model.network_.core.double()
    (block,) = core.blocks
    hidden = torch.as_tensor(model.transform(CHAIN[:7, :], layer=0)[:, :-1])
    query, key, value = (
        part(hidden).view(7, 11, 3, 4).transpose(1, 2)
        for part in (block.attention.query, block.attention.key, block.attention.value)
    )
    future = torch.ones(11, 11).triu(1).bool()
    weights = (query @ key.transpose(2, 3) / 12**0.5).masked_fill(future, -torch.inf).softmax(-1)
    read = block.attention.output((weights @ value).transpose(1, 2).flatten(2))
    hidden = block.attention_norm(hidden + read)
    inner = nn.functional.gelu(block.feedforward[0](hidden))
    hidden = block.feedforward_norm(hidden + nn.functional.gelu(block.feedforward[2](inner)))
    np.testing.assert_allclose(model.transform(CHAIN[:7])[:, :-1], hidden.detach(), atol=1e-12)


def test_clip_each_reaches_the_training():
    norms = []

    class Watch(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            norms.append([float(p.grad.norm()) for _, p in named_parameters])

    options = dict(clip_norm=0.01, max_steps=3, callbacks=[Watch()], **TOKENS)
    for clip in ("each", "global"):
        norms.clear()
        TransformerPredictor(8, 1, 2, clip=clip, **options).fit(CHAIN)
        for step in norms:
            largest = max(step) if clip == "each" else np.linalg.norm(step)
            assert largest == pytest.approx(0.01, rel=1e-3)
            if clip == "each":
                assert np.linalg.norm(step) > 0.015


def test_variant_of_the_source():
    options = dict(feedforward_size=2000, n_tokens=30, max_steps=0, **AUTHORS, **TOKENS)
    X = np.arange(92).reshape(2, 46) % 30
    model = TransformerPredictor(400, 2, 20, **options).fit(X)
    assert model.n_parameters_ == 4_533_631
    X = np.arange(92).reshape(2, 46) % 54
    options |= {"feedforward_size": 4500, "n_tokens": 54}
    assert TransformerPredictor(900, 3, 30, **options).fit(X).n_parameters_ == 34_196_455
    core = model.network_.core
    assert core.blocks[0].attention.scale == pytest.approx(400**-0.5)
    assert isinstance(core.blocks[0].feedforward[3], nn.GELU)
    assert core.embedding.weight.abs().max() <= 0.05
    bound = np.sqrt(6 / (400 + 2000))
    assert 0.99 * bound < core.blocks[1].feedforward[0].weight.abs().max() <= bound
    probabilities = model.predict(X[:, :46] % 30)
    # The output that no token has keeps a little of the probability.
    assert (probabilities.sum(axis=2) < 1).all()


def test_steps_beyond_the_context_see_a_window():
    model = TransformerPredictor(8, 1, 2, context=4, max_steps=20, **TOKENS).fit(CHAIN)
    whole = model.predict(CHAIN[:5])
    for t in range(4, 12):
        window = model.at_length(4).predict(CHAIN[:5, t - 3 : t + 1])
        np.testing.assert_allclose(whole[:, t], window[:, -1], atol=1e-12)
    # What is further back than that does not matter.
    other = CHAIN[:5].copy()
    other[:, :3] = (other[:, :3] + 1) % 5
    np.testing.assert_allclose(model.predict(other)[:, 7:], whole[:, 7:], atol=1e-12)
    longer = model.at_length(30).predict(np.tile(CHAIN[:2], 3)[:, :30])
    assert longer.shape == (2, 30, 5)


@pytest.mark.parametrize(
    "model",
    [
        TransformerPredictor(16, 1, 2, max_steps=300, lr=3e-3, **TOKENS),
        GRUPredictor(8, max_steps=300, lr=0.02, **TOKENS),
        RNNPredictor(8, max_steps=300, lr=0.02, **TOKENS),
        MarkovPredictor(likelihood="categorical"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_chain_is_learned_up_to_its_entropy(model):
    model = clone(model).fit(CHAIN[:200])
    assert model.score(CHAIN[200:]) == pytest.approx(-np.log(2), abs=0.05)
    probabilities = model.predict(CHAIN[200:])
    np.testing.assert_allclose(probabilities.sum(axis=2), 1)
    following = np.take_along_axis(probabilities[:, :-1], CHAIN[200:, 1:, None], axis=2)
    np.testing.assert_allclose(
        model.score_samples(CHAIN[200:]), np.log(np.maximum(following, 1e-6)).sum(axis=(1, 2))
    )


def test_loss_of_training_is_the_score():
    X = CHAIN[:64]
    model = GRUPredictor(4, max_steps=1, lr=1e-30, batch_size=64, **SGD).fit(X)
    assert model.net_.history[-1, "train_loss"] == pytest.approx(-model.score(X), rel=1e-5)
    model = TransformerPredictor(4, 1, 1, max_steps=1, lr=1e-30, batch_size=64, **SGD).fit(X)
    assert model.net_.history[-1, "train_loss"] == pytest.approx(-model.score(X), rel=1e-5)


def test_baselines_of_tokens():
    X = np.array([[0, 1, 1, 2], [0, 1, 2, 2]])
    options = dict(likelihood="categorical", n_tokens=4)
    mean = MeanPredictor(**options).fit(X).predict(X)[0, 0]
    np.testing.assert_allclose(mean, [3 / 12, 4 / 12, 4 / 12, 1 / 12])
    steps = MeanPredictor(per_step=True, **options).fit(X).predict(X)[0, 0]
    np.testing.assert_allclose(steps, [1 / 6, 3 / 6, 1 / 6, 1 / 6])
    table = MarkovPredictor(**options).fit(X).means_
    np.testing.assert_allclose(table[1], [1 / 7, 2 / 7, 3 / 7, 1 / 7])
    np.testing.assert_allclose(table[3], 1 / 4)
    held = PersistencePredictor(**options).fit(X).predict(X)[0, 0]
    np.testing.assert_allclose(held, [3 / 8, 5 / 24, 5 / 24, 5 / 24])


def test_generation_is_greedy_and_goes_on_from_any_beginning():
    cycle = (np.arange(400).reshape(40, 10) + RNG.integers(7, size=(40, 1))) % 7
    for model in (
        TransformerPredictor(16, 1, 2, max_steps=150, lr=1e-2, **TOKENS),
        GRUPredictor(12, max_steps=150, lr=0.05, time_channel=None, **TOKENS),
    ):
        model.fit(cycle)
        assert model.generate([[2, 3], [5, 6]], 4).tolist() == [[4, 5, 6, 0], [0, 1, 2, 3]]
        # Far beyond the length of training.
        assert model.generate([[0, 1, 2]], 30)[0].tolist() == [(3 + i) % 7 for i in range(30)]
        assert model.generate([[4]], 0).shape == (1, 0)
        best = model.predict(cycle[:3])[:, -1].argmax(axis=1)
        assert np.array_equal(model.generate(cycle[:3], 1)[:, 0], best)


def test_training_modes_share_their_initial_weights():
    models = {
        mode: TransformerPredictor(8, 1, 2, training=mode, max_steps=5, **SGD).fit(CHAIN)
        for mode in ("full", "readout", "random")
    }
    cores = {
        m: nn.utils.parameters_to_vector(p.network_.core.parameters()) for m, p in models.items()
    }
    heads = {
        m: nn.utils.parameters_to_vector(p.network_.head.parameters()) for m, p in models.items()
    }
    assert torch.equal(cores["readout"], cores["random"])
    assert not torch.equal(cores["full"], cores["random"])
    assert not torch.equal(heads["readout"], heads["random"])
    again = clone(models["full"]).fit(CHAIN)
    assert torch.equal(
        nn.utils.parameters_to_vector(again.network_.core.parameters()), cores["full"]
    )


@pytest.mark.parametrize("model", [TransformerPredictor(8, 1, 2, **SGD), GRUPredictor(4, **SGD)])
def test_all_modes_start_from_the_same_weights(model):
    start = [
        clone(model).set_params(training=mode, max_steps=0).fit(CHAIN).predict(CHAIN)
        for mode in ("full", "readout", "random")
    ]
    assert np.array_equal(start[0], start[1])
    assert np.array_equal(start[0], start[2])


def test_a_fitted_transformer_does_not_read_its_parameters():
    model = TransformerPredictor(8, 2, 2, context=5, extra_outputs=1, max_steps=2, **SGD)
    model.fit(CHAIN)
    before = model.predict(CHAIN), model.transform(CHAIN), model.generate(CHAIN[:3], 4)
    model.set_params(extra_outputs=0, n_layers=1, context=3, hidden_size=4)
    after = model.predict(CHAIN), model.transform(CHAIN), model.generate(CHAIN[:3], 4)
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one, other)


def test_continuous_worlds_too():
    X = OscillatorWorld(n_steps=30).sample(60, random_state=0).X
    model = TransformerPredictor(16, 1, 2, max_steps=150, lr=3e-3, random_state=0).fit(X)
    assert model.predict(X).shape == X.shape
    assert model.score(X) > MeanPredictor().fit(X).score(X) + 0.1


def test_clipping_each_gradient():
    layer = nn.Linear(3, 2)
    layer.weight.grad, layer.bias.grad = torch.full((2, 3), 5.0), torch.full((2,), 1e-3)
    ClipEachGradient(1.0).on_grad_computed(None, list(layer.named_parameters()))
    assert layer.weight.grad.norm() == pytest.approx(1.0, rel=1e-4)
    assert layer.bias.grad.tolist() == pytest.approx([1e-3, 1e-3])


def test_options_of_the_optimiser_reach_it():
    model = TransformerPredictor(4, 1, 1, weight_decay=0.1, adam_eps=1e-5, max_steps=1, **TOKENS)
    optimizer = model.fit(CHAIN).net_.optimizer_
    assert type(optimizer) is torch.optim.AdamW
    assert optimizer.defaults["eps"] == 1e-5
    assert optimizer.defaults["weight_decay"] == 0.1
    names = [name for name, _ in model.net_.callbacks_]
    assert "GradientNormClipping" in names
    free = TransformerPredictor(4, 1, 1, clip_norm=None, max_steps=1, **TOKENS).fit(CHAIN)
    assert "GradientNormClipping" not in [name for name, _ in free.net_.callbacks_]


def test_half_precision_trains_nearly_the_same():
    options = dict(max_steps=100, lr=3e-3, **TOKENS)
    single = TransformerPredictor(16, 1, 2, **options).fit(CHAIN)
    half = TransformerPredictor(16, 1, 2, precision="bfloat16", **options).fit(CHAIN)
    assert half.score(CHAIN) == pytest.approx(single.score(CHAIN), abs=0.05)
    assert half.score(CHAIN) != single.score(CHAIN)
    assert {weights.dtype for weights in half.network_.parameters()} == {torch.float32}


def test_rounded_products_are_those_of_half_precision():
    """Far closer than what rounding changes: sums are in another order."""
    torch.manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Linear(60, 240), torch.nn.GELU(), torch.nn.Linear(240, 60, bias=False)
    )
    X = torch.randn(50, 60)
    results = []
    for context in (RoundedLinear(), torch.autocast("cpu", torch.bfloat16), nullcontext()):
        inputs = X.clone().requires_grad_()
        layers.zero_grad()
        with context:
            output = layers(inputs)
        output.float().square().sum().backward()
        gradients = [inputs.grad, *(weights.grad for weights in layers.parameters())]
        results.append([output.detach().float(), *map(torch.clone, gradients)])
    for rounded, half, single in zip(*results, strict=True):
        assert (rounded - half).norm() < 2e-3 * half.norm()
        assert (single - half).norm() > 2e-3 * half.norm()


@pytest.mark.parametrize("capable", [False, True])
def test_either_way_of_half_precision_trains_alike(monkeypatch, capable):
    monkeypatch.setattr(_half_precision, "_computes_bfloat16", lambda: capable)
    with products_in("bfloat16", "cpu"):
        assert torch.is_autocast_enabled("cpu") == capable
        assert (torch.nn.Linear(2, 3)(torch.ones(1, 2)).dtype == torch.bfloat16) == capable
    model = TransformerPredictor(8, 1, 2, precision="bfloat16", max_steps=20, lr=3e-3, **TOKENS)
    single = clone(model).set_params(precision="float32").fit(CHAIN).score(CHAIN)
    assert 0 < abs(model.fit(CHAIN).score(CHAIN) - single) < 0.01
    model.generate(CHAIN[:, :3], 2)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"architecture": "x86_64", "avx2": True, "avx512_bf16": False}, False),
        ({"architecture": "x86_64", "avx512_bf16": True}, True),
        ({"architecture": "x86_64", "amx_bf16": True}, True),
        ({"architecture": "aarch64"}, True),
    ],
)
def test_processors_that_compute_half_precision(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert _half_precision._computes_bfloat16.__wrapped__() == expected


@pytest.mark.parametrize("capable", [False, True])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precision_is_not_that_of_the_caller(monkeypatch, precision, capable):
    monkeypatch.setattr(_half_precision, "_computes_bfloat16", lambda: capable)
    model = TransformerPredictor(8, 1, 2, max_steps=5, lr=3e-3, precision=precision, **TOKENS)
    with torch.autocast("cpu", torch.bfloat16):
        within = clone(model).fit(CHAIN).score(CHAIN)
    assert within == model.fit(CHAIN).score(CHAIN)


def test_a_score_takes_one_pass(monkeypatch):
    """What follows the last step is not known, and would need a window of its own."""
    model = TransformerPredictor(8, 1, 2, max_steps=0, **TOKENS).fit(CHAIN)
    seen, window = [], TransformerCore.window

    def spy(core, inputs, *first):
        seen.append(inputs.shape[1])
        return window(core, inputs, *first)

    monkeypatch.setattr(TransformerCore, "window", spy)
    steps = model.score_steps(CHAIN)
    assert seen == [CHAIN.shape[1] - 1]
    probability = model.predict(CHAIN)[:, :-1]
    expected = np.log(np.take_along_axis(probability, CHAIN[:, 1:, np.newaxis], axis=2))
    np.testing.assert_allclose(steps, expected[:, :, 0], rtol=1e-9)


def test_precision_falls_after_some_updates():
    def weights(**options):
        model = TransformerPredictor(8, 1, 2, lr=3e-3, **options, **TOKENS).fit(CHAIN)
        return torch.nn.utils.parameters_to_vector(model.network_.parameters())

    both = dict(precision="bfloat16", full_precision_steps=5)
    assert torch.equal(weights(max_steps=5, **both), weights(max_steps=5))
    later = weights(max_steps=8, **both)
    assert not torch.equal(later, weights(max_steps=8))
    assert not torch.equal(later, weights(max_steps=8, precision="bfloat16"))


@pytest.mark.parametrize("training", ["full", "readout"])
def test_training_stops_when_held_out_sequences_get_worse(training):
    """Tokens without structure: what is learned is noise."""
    X = np.random.default_rng(0).integers(0, 4, (60, 12))
    options = dict(training=training, max_steps=2000, lr=0.02, **SGD)
    stopping = dict(early_stopping=True, validation_fraction=0.25, validation_steps=5)
    model = TransformerPredictor(16, 1, 2, n_iter_no_change=4, **stopping, **options).fit(X)
    stop = next(c for _, c in model.net_.callbacks_ if type(c).__name__ == "StopEarly")
    losses, look = np.ravel(stop.losses_), stop.look
    assert stop.done_ == 5 * len(losses) < 2000
    assert len(losses) - 1 - losses.argmin() == 4
    assert model.stopped_at_ == stop.done_ / 2000
    assert len(look.X) == 15
    if training == "full":
        # The weights are those of the lowest loss.
        held_out = np.concatenate([look.X, look.y[:, -1:]], axis=1)[:, :, 0]
        assert -model.score(held_out) == pytest.approx(losses.min(), abs=1e-4)
    with pytest.raises(ValueError, match="validation_fraction=0.001 of 60 sequences is 0: some"):
        model.set_params(validation_fraction=0.001).fit(X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TransformerPredictor(10, 1, 4).fit(CHAIN), "hidden_size=10 .* n_heads=4; each"),
        (lambda: TransformerPredictor(training="scrambled").fit(CHAIN), "'training'.*scrambled"),
        (lambda: TransformerPredictor(norm="middle").fit(CHAIN), "'norm'.*middle"),
        (lambda: GRUPredictor(likelihood="categorical").fit(CHAIN + 0.5), "is .*5, which is not"),
        (
            lambda: GRUPredictor(likelihood="categorical").fit(CHAIN - 1),
            "is -1, which is not a token",
        ),
        (
            lambda: GRUPredictor(likelihood="categorical", n_tokens=3).fit(CHAIN),
            "which is not a token; tokens are the integers 0 to 2. Pass n_tokens=",
        ),
        (
            lambda: GRUPredictor(likelihood="categorical").fit(np.zeros((3, 4, 2))),
            "X has 2 channels; sequences of tokens are integers of shape",
        ),
        (
            lambda: TransformerPredictor(context=12).fit(CHAIN),
            "context=12 is longer than the 11 steps",
        ),
        (
            lambda: TransformerPredictor(extra_outputs=2).fit(CHAIN),
            "extra_outputs=2 is for likelihood='categorical', not for 'gaussian'",
        ),
        (
            lambda: MeanPredictor(mean=[5.0] * 5, likelihood="categorical").fit(CHAIN),
            "is not made of probabilities.*for tokens they sum to 1",
        ),
        (
            lambda: MeanPredictor(mean=1.2, likelihood="bernoulli").fit(np.eye(3)),
            "mean=1.2 is not made of probabilities",
        ),
        (
            lambda: AutoregressivePredictor(likelihood="categorical").fit(CHAIN),
            "which AutoregressivePredictor cannot predict; use a network, or",
        ),
        (
            lambda: GRUPredictor(2, engine="numba", n_tokens=50_000, head="sgd", **TOKENS).fit(
                CHAIN
            ),
            "its vocabulary has 50000 tokens, more than",
        ),
        (
            lambda: GRUPredictor(2, max_steps=1).fit(CHAIN).generate(CHAIN, 1),
            "trained with likelihood='gaussian'; fit it with likelihood='categorical'",
        ),
        (
            lambda: GRUPredictor(2, max_steps=1, **TOKENS).fit(CHAIN).generate([0, 1], 1),
            r"X has shape \(2,\); beginnings are the rows",
        ),
        (
            lambda: GRUPredictor(2, max_steps=1, **TOKENS).fit(CHAIN).generate([[9]], 1),
            r"X\[0, 0\] is 9, which is not a token",
        ),
        (
            lambda: GRUPredictor(2, max_steps=1, **TOKENS).fit(CHAIN).generate([[0]], -1),
            "n_steps=-1 must be an integer",
        ),
        (
            lambda: (
                TransformerPredictor(4, 1, 1, max_steps=1, **TOKENS)
                .fit(CHAIN)
                .transform(CHAIN, layer=2)
            ),
            "layer=2 is not a layer of TransformerPredictor; choose from 0, 1",
        ),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()
