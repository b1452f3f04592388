"""Tokens stay numbers: what a matrix makes of them is looked up, and large vocabularies work."""

import tracemalloc
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_emerge import (
    AlgorithmicWorld,
    EchoStatePredictor,
    EmergenceAssessment,
    GRUPredictor,
    LinearFilterPredictor,
    LSTMPredictor,
    MarkovPredictor,
    MeanPredictor,
    ModulePredictor,
    NestedConditionalWorld,
    PersistencePredictor,
    RNNPredictor,
    SeasonalPredictor,
    TransformerPredictor,
    TriangleWorld,
    WindowPredictor,
)
from sklearn_emerge._losses import CategoricalLoss
from sklearn_emerge._tokens import count_tokens, indicators, token_type
from sklearn_emerge.networks import SequenceNetwork, TransformerCore, products_in
from sklearn_emerge.predictors._scores import MOST_BYTES_OF_MEANS

RNG = np.random.default_rng(0)
TOKENS = dict(likelihood="categorical", head="sgd", random_state=0)
# More tokens than gates of a layer of two units.
N_TOKENS = 11


def as_channels(inputs):
    """Return inputs, tokens first, with a channel a token, by another way than the package."""
    one_hot = nn.functional.one_hot(inputs[..., 0].long(), N_TOKENS).to(inputs.dtype)
    return torch.cat([one_hot, inputs[..., 1:]], dim=2)


def inputs_with(n_others):
    tokens = torch.from_numpy(RNG.integers(N_TOKENS, size=(5, 7, 1)).astype(float))
    return torch.cat([tokens, torch.randn(5, 7, n_others, dtype=torch.float64)], dim=2)


def gradients(network, inputs):
    network.zero_grad()
    network(inputs).square().sum().backward()
    return {name: weights.grad.clone() for name, weights in network.named_parameters()}


@pytest.mark.parametrize("n_others", [0, 2])
@pytest.mark.parametrize(
    "make",
    [
        partial(nn.RNN, nonlinearity="relu"),
        nn.GRU,
        partial(nn.GRU, num_layers=2, bias=False),
        partial(nn.LSTM, num_layers=2),
        partial(nn.LSTM, proj_size=1),
    ],
)
@pytest.mark.parametrize("n_units", [2, 16])
def test_a_recurrent_layer_makes_of_tokens_what_it_makes_of_channels(make, n_units, n_others):
    core = make(N_TOKENS + n_others, n_units, batch_first=True)
    n_hidden = core.proj_size or n_units
    by_number = SequenceNetwork(core, n_hidden, 3, N_TOKENS).double()
    by_channel = SequenceNetwork(core, n_hidden, 3).double()
    by_channel.head = by_number.head
    inputs = inputs_with(n_others)
    expected = by_channel(as_channels(inputs))
    assert torch.allclose(by_number(inputs), expected, rtol=0, atol=1e-13)
    found, known = gradients(by_number, inputs), gradients(by_channel, as_channels(inputs))
    assert found.keys() == known.keys()
    assert all(torch.allclose(found[name], known[name], atol=1e-12) for name in known)


def transformers(n_others=0):
    """Return a transformer of tokens, and the one of channels that has its weights."""
    options = dict(n_heads=2, scale=0.5, dropout=0.0, feedforward_size=8, activate_output=False)
    options |= dict(bias=False, norm="pre")
    networks = []
    for n_tokens in (N_TOKENS, None):
        core = TransformerCore(N_TOKENS + n_others, 7, 4, 1, n_tokens=n_tokens, **options)
        nn.init.normal_(core.positions)
        networks.append(SequenceNetwork(core, 4, N_TOKENS, n_tokens).double())
    networks[1].load_state_dict(networks[0].state_dict())
    return networks


@pytest.mark.parametrize("n_others", [0, 2])
def test_a_transformer_makes_of_tokens_what_it_makes_of_channels(n_others):
    by_number, by_channel = transformers(n_others)
    inputs = inputs_with(n_others)
    assert torch.allclose(by_number(inputs), by_channel(as_channels(inputs)), rtol=0, atol=1e-13)
    found, known = gradients(by_number, inputs), gradients(by_channel, as_channels(inputs))
    assert all(torch.allclose(found[name], known[name], atol=1e-12) for name in known)


def test_half_precision_rounds_what_is_looked_up_as_it_rounds_products():
    by_number, by_channel = (network.float() for network in transformers())
    inputs = inputs_with(0).float()
    with products_in("bfloat16", "cpu"):
        found, expected = by_number(inputs), by_channel(as_channels(inputs))
    assert torch.equal(found, expected)
    assert not torch.equal(found, by_number(inputs))


def test_cross_entropy_is_that_of_torch_and_goes_back_once():
    logits, tokens = torch.randn(4, 5, 6), torch.randint(6, (4, 5, 1))
    theirs, ours = (logits.clone().requires_grad_() for _ in range(2))
    expected = nn.functional.cross_entropy(theirs.flatten(0, 1), tokens.flatten())
    expected.backward()
    # What a network returns is no leaf.
    loss = CategoricalLoss()(ours * 1, tokens.float())
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    loss.backward(retain_graph=True)
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-7)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("predictor", [GRUPredictor(2), TransformerPredictor(4, 1, 2)])
def test_what_is_trained_on_are_numbers(predictor):
    X = RNG.integers(N_TOKENS, size=(20, 9)).astype(np.int8)
    model = predictor.set_params(**TOKENS, n_tokens=50, max_steps=1)
    job = model.training_job(model.prepare(X))
    inputs, targets = job.to_tensors(job.sequences)
    clock = 0 if isinstance(model, TransformerPredictor) else 1
    assert inputs.shape == (20, 8, 1 + clock)
    assert np.array_equal(inputs[:, :, 0], X[:, :-1])
    assert np.array_equal(targets[:, :, 0], X[:, 1:])
    assert model.fit(X).predict(X).shape == (20, 9, 50)


@pytest.mark.parametrize("make", [RNNPredictor, GRUPredictor, LSTMPredictor])
@pytest.mark.parametrize("n_units", [2, 16])
def test_a_recurrent_network_steps_through_tokens_as_it_runs(make, n_units):
    X = RNG.integers(N_TOKENS, size=(20, 9))
    model = make(n_units, max_steps=2, **TOKENS).fit(X)
    states = model.recurrent_states(X)[:, :, :n_units]
    assert np.allclose(states, model.transform(X), atol=1e-12)
    assert np.allclose(model.rollout(X[:, :4], 1)[:, 0], model.at_length(4).predict(X[:, :4])[:, 3])
    by_tokens = model.jacobians(X, wrt="input")
    assert by_tokens.shape[3] == N_TOKENS


class Embedded(nn.Module):
    """A module that looks tokens up itself."""

    takes_tokens = True

    def __init__(self, n_inputs):
        super().__init__()
        self.table = nn.Embedding(n_inputs, 4)
        self.layer = nn.GRU(4, 3, batch_first=True)

    def forward(self, inputs):
        return self.layer(self.table(inputs[..., 0].long()))


class Channelled(nn.Module):
    """The same module, of channels."""

    def __init__(self, n_inputs):
        super().__init__()
        self.table = nn.Embedding(n_inputs, 4)
        self.layer = nn.GRU(4, 3, batch_first=True)

    def forward(self, inputs):
        return self.layer(inputs @ self.table.weight)


def test_a_module_of_your_own_may_take_tokens():
    X = RNG.integers(N_TOKENS, size=(20, 9))
    options = dict(max_steps=5, time_channel=None, **TOKENS)
    own, other = (ModulePredictor(each, **options).fit(X) for each in (Embedded, Channelled))
    assert np.allclose(own.predict(X), other.predict(X), atol=1e-6)


def test_scores_hold_few_probabilities_at_once():
    """All of them would take 640 MB an array, of which a score has several."""
    n_tokens = 20_000
    X = RNG.integers(n_tokens, size=(200, 20))
    model = MeanPredictor(per_step=True, likelihood="categorical", n_tokens=n_tokens).fit(X)
    network = TransformerPredictor(4, 1, 1, max_steps=0, n_tokens=n_tokens, **TOKENS).fit(X[:10])
    of_mean = np.log(model.mean_[np.arange(1, 20), X[:, 1:]]).mean()
    for each, rows, expected in ((model, X, of_mean), (network, X[:50], -np.log(n_tokens))):
        tracemalloc.start()
        score = each.score(rows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5 * MOST_BYTES_OF_MEANS
        assert score == pytest.approx(expected, abs=0.01)
    assert 200 * 20 * n_tokens * 8 > 9 * MOST_BYTES_OF_MEANS


@pytest.mark.parametrize("predictor", [MeanPredictor(), PersistencePredictor(), MarkovPredictor()])
def test_what_is_learned_from_takes_no_more_than_some_copies_of_numbers(predictor):
    X = RNG.integers(1000, size=(5000, 20)).astype(np.int16)
    predictor.set_params(likelihood="categorical", n_tokens=1000)
    tracemalloc.start()
    predictor.fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # In double precision; of 1000 channels it would be 1000 copies. A table is no data.
    assert peak < 6 * 8 * X.size + 3 * 8 * 1000**2


@pytest.mark.parametrize(
    "predictor",
    [
        MarkovPredictor(),
        LinearFilterPredictor(),
        SeasonalPredictor(),
        WindowPredictor(),
        EchoStatePredictor(),
    ],
)
def test_what_needs_a_matrix_of_the_vocabulary_says_so_by_name(predictor):
    X = RNG.integers(9, size=(20, 9))
    predictor.set_params(likelihood="categorical", n_tokens=50_000)
    name = type(predictor).__name__
    with pytest.raises(ValueError, match=f"n_tokens=50000 is too large a vocabulary for {name}"):
        predictor.fit(X)


def test_assessments_say_so_before_they_train_and_leave_it_out_of_their_own():
    X = RNG.integers(9, size=(30, 9))
    model = TransformerPredictor(4, 1, 1, max_steps=1, n_tokens=50_000, **TOKENS)
    options = dict(n_seeds=2, nulls=(), progress=False, random_state=0)
    with pytest.raises(ValueError, match="too large a vocabulary for MarkovPredictor"):
        EmergenceAssessment(model=model, baselines=["markov"], **options).fit(X)
    from sklearn_emerge.assessment._panel import make_baselines

    for n_tokens, there in ((27, True), (50_000, False)):
        world = AlgorithmicWorld()
        panel = make_baselines("auto", model.set_params(n_tokens=n_tokens), world)
        assert ("markov" in panel) is there


def test_a_head_of_too_many_tokens_is_that_of_the_training():
    X = RNG.integers(6000, size=(6, 5))
    model = TransformerPredictor(4, 1, 1, max_steps=1, likelihood="categorical", n_tokens=6000)
    with pytest.warns(UserWarning, match="too large a vocabulary for a head in closed form"):
        model.fit(X)
    assert model.head_ is None
    assert np.isfinite(model.score(X))
    readout = model.set_params(training="readout")
    with pytest.warns(UserWarning, match="closed form"):
        assert readout.training_job(readout.prepare(X)).trained == "head"


def test_more_tokens_than_single_precision_tells_apart_are_refused():
    model = GRUPredictor(2, n_tokens=2**24 + 1, **TOKENS)
    with pytest.raises(ValueError, match=f"n_tokens={2**24 + 1} is more than {2**24}"):
        model.fit([[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("world", "kind"),
    [
        (AlgorithmicWorld(["COPY"]), np.int8),
        (NestedConditionalWorld(depth=1, n_keys=2, row_length=32), np.int16),
        (TriangleWorld(), np.int8),
    ],
)
def test_worlds_hold_the_smallest_integers(world, kind):
    assert world.sample(3, random_state=0).X.dtype == kind
    for null in world.null_kinds:
        assert world.null(null).sample(3, random_state=0).X.dtype == kind


def test_the_smallest_integers_hold_a_vocabulary_and_a_sign():
    for n_tokens in (1, 2, 27, 128, 129, 256, 2**15, 2**15 + 1, 50_000, 2**31):
        limits = np.iinfo(token_type(n_tokens))
        assert limits.min <= -1
        assert limits.max >= n_tokens - 1
        assert limits.bits == 8 or np.iinfo(f"int{limits.bits // 2}").max < n_tokens - 1


def test_tokens_are_counted_as_their_columns_are():
    X = RNG.integers(4, size=(30, 5, 1)).astype(float)
    X[RNG.random(X.shape) < 0.2] = np.nan
    assert np.array_equal(count_tokens(X, 6), np.nansum(indicators(X, 6), axis=0))
