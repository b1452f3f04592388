"""Compiled scans of tokens equal torch, and replicas equal single fits."""

from threading import Thread

import numpy as np
import pytest
import torch
from conftest import GAIN_ALONE, TRIANGLE, small_assessment
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import typeof
from sklearn.base import clone
from torch import nn

from sklearn_emerge import GRUPredictor, LSTMPredictor, RNNPredictor
from sklearn_emerge.networks import SequenceNetwork
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.recurrence import MAX_TOKENS, HeadLoss, ScanLoss, choose_engine, run_forward
from sklearn_emerge.recurrence._scan import Layout
from sklearn_emerge.recurrence._softmax import cross_entropy
from sklearn_emerge.recurrence._vector import LANES

N_SEQUENCES = 40
# Units, tokens, inputs beside them; None is a network that does not see its tokens.
SIZES = [(16, 27, 1), (5, 2, 0), (23, 70, 2), (4, None, 2), (64, 27, 1), (35, None, 1)]


def parameters_of(usual, *others):
    """Return parameters: kernels of the others, which take long to compile, are slow tests."""
    return [usual, *(pytest.param(other, marks=pytest.mark.slow) for other in others)]


CORES = parameters_of(nn.GRU, nn.RNN, nn.LSTM)
PREDICTORS = parameters_of(GRUPredictor, RNNPredictor, LSTMPredictor)


def case(core, n_units, n_tokens, n_others, n_replicas, n_steps, seed, n_outputs=3):
    """Return networks of torch, inputs, targets with gaps, and the same weights as rows."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    n_outputs = n_tokens or n_outputs
    tokens = rng.integers(n_outputs, size=(N_SEQUENCES, n_steps + 1, 1)).astype(np.float32)
    others = rng.normal(size=(N_SEQUENCES, n_steps, n_others)).astype(np.float32)
    X = others if n_tokens is None else np.concatenate([tokens[:, :-1], others], axis=2)
    y = tokens[:, 1:].copy()
    # No sequence is without a target.
    y[:, 1:][rng.random((N_SEQUENCES, n_steps - 1)) < 0.3] = np.nan
    networks = []
    for _ in range(n_replicas):
        layer = core((n_tokens or 0) + n_others, n_units, batch_first=True)
        networks.append(SequenceNetwork(layer, n_units, n_outputs, n_tokens))
    rows = [nn.utils.parameters_to_vector(network.parameters()) for network in networks]
    return networks, X, y, torch.stack(rows).detach().requires_grad_()


def loss_by_torch(logits, target):
    """Return the mean over observed steps."""
    observed = ~target[..., 0].isnan()
    return nn.functional.cross_entropy(logits[observed], target[observed][:, 0].long())


def assert_close(ours, theirs):
    """As the losses of other likelihoods."""
    assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("size", SIZES)
@settings(max_examples=5, deadline=None)
@given(
    n_replicas=st.integers(1, 3),
    batch=st.integers(1, N_SEQUENCES),
    n_steps=st.integers(1, 40),
    n_threads=st.integers(1, 3),
    seed=st.integers(0, 100),
)
def test_losses_equal_torch(core, size, n_replicas, batch, n_steps, n_threads, seed):
    networks, X, y, weights = case(core, *size, n_replicas, n_steps, seed)
    rng = np.random.default_rng(seed)
    rows = np.stack([rng.permutation(N_SEQUENCES)[:batch] for _ in networks])
    states = [network.hidden(torch.from_numpy(X)).detach().numpy() for network in networks]
    n_head = sum(weight.numel() for weight in networks[0].head.parameters())
    options = y[np.newaxis], None, np.zeros(n_replicas), n_threads, True
    losses, gradients = ScanLoss(networks[0].layout, X[np.newaxis], *options)(weights, rows)
    of_heads = HeadLoss(np.stack(states).swapaxes(2, 3).copy(), *options)
    by_head, head_gradients = of_heads(weights[:, -n_head:], rows)
    outputs, hidden = run_forward(X[rows], weights.detach().numpy(), networks[0].layout, n_threads)
    for r, network in enumerate(networks):
        logits = network(torch.from_numpy(X[rows[r]]))
        assert np.abs(outputs[r] - logits.detach().numpy()).max() < 1e-5
        assert np.abs(hidden[r] - states[r][rows[r]]).max() < 1e-5
        expected = loss_by_torch(logits, torch.from_numpy(y[rows[r]]))
        expected.backward()
        assert losses[r].item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-5)
        assert by_head[r].item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-5)
        gradient = torch.cat([weight.grad.flatten() for weight in network.parameters()])
        assert_close(gradients[r], gradient)
        assert_close(head_gradients[r], gradient[-n_head:])


def test_logits_of_any_size_have_a_loss_and_a_gradient():
    [network], X, y, _ = case(nn.GRU, 8, 27, 0, 1, 12, seed=0)
    with torch.no_grad():
        network.head.weight.mul_(1e4)
    weights = nn.utils.parameters_to_vector(network.parameters())[None]
    rows = np.arange(N_SEQUENCES)[np.newaxis]
    loss = ScanLoss(network.layout, X[np.newaxis], y[np.newaxis], None, np.zeros(1), 1, True)
    losses, gradients = loss(weights, rows)
    expected = loss_by_torch(network(torch.from_numpy(X)), torch.from_numpy(y))
    expected.backward()
    assert losses.item() == pytest.approx(expected.item(), rel=1e-5)
    assert losses.item() > 100
    assert_close(
        gradients[0], torch.cat([weight.grad.flatten() for weight in network.parameters()])
    )


def test_one_compilation_serves_training_and_prediction(monkeypatch):
    """Arguments of another type would compile the kernel, which takes many seconds, once more."""
    kernel, types = Layout.kernel, set()

    def noted(*arguments):
        types.add(tuple(map(typeof, arguments)))
        return kernel(layout, tokens=True)(*arguments)

    [network], X, y, weights = case(nn.GRU, 5, 19, 1, 1, 7, seed=0)
    layout = network.layout
    monkeypatch.setattr(Layout, "kernel", lambda self, tokens=False: noted)
    rows = np.arange(N_SEQUENCES)[np.newaxis]
    ScanLoss(layout, X[np.newaxis], y[np.newaxis], None, np.zeros(1), 1, True)(weights, rows)
    run_forward(X[rows], weights.detach().numpy(), layout, 1)
    assert len(types) == 1


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("size", [(5, 19, 1), (5, None, 2), (8, 19, 0)])
@pytest.mark.parametrize("n_steps", [1, 3, 17, 40])
def test_threads_do_not_change_the_result(core, size, n_steps):
    networks, X, y, weights = case(core, *size, 3, n_steps, seed=0)
    rows = np.tile(np.arange(N_SEQUENCES), (3, 1))
    states = [network.hidden(torch.from_numpy(X)).detach().numpy() for network in networks]
    states = np.stack(states).swapaxes(2, 3).copy()
    n_head = sum(weight.numel() for weight in networks[0].head.parameters())
    whole_row = weights.detach().numpy()
    head_row = np.ascontiguousarray(whole_row[:, -n_head:])

    def compute(n_threads):
        options = y[np.newaxis], None, np.zeros(3), n_threads, True
        whole = ScanLoss(networks[0].layout, X[np.newaxis], *options)
        head = HeadLoss(states, *options)
        return [*whole._compute(whole_row, rows), *head._compute(head_row, rows)]

    expected = compute(1)
    found = [compute(n_threads) for n_threads in (2, 3, 6)]
    # Arrays of a new thread lie elsewhere in memory, on which the result once hung.
    for _ in range(5):
        thread = Thread(target=lambda: found.append(compute(1)))
        thread.start()
        thread.join()
    assert len(found) == 8
    for results in found:
        for one, other in zip(results, expected, strict=True):
            assert np.array_equal(one, other)


def test_the_loss_of_tokens_does_not_inherit_fast_arithmetic():
    # Otherwise the test above fails now and then only.
    assert cross_entropy.targetoptions["fastmath"] is False


def test_probabilities_are_accurate_to_the_last_digits():
    """Of unlikely tokens, too: an exponential of a rounded multiple loses one digit of seven."""
    n_lanes = 64
    away = np.random.default_rng(0).uniform(0, 40, n_lanes).astype(np.float32)
    rows = np.concatenate([np.zeros(n_lanes, np.float32), -away])
    tokens, (top, total) = np.zeros(n_lanes, np.int32), np.zeros((2, LANES), np.float32)
    for at in range(0, n_lanes, LANES):
        block = np.concatenate([rows[at : at + LANES], rows[n_lanes + at : n_lanes + at + LANES]])
        cross_entropy(block, 0, 2, tokens, 0, top, total)
        expected = 1 / (1 + np.exp(away[at : at + LANES].astype(float)))
        np.testing.assert_allclose(block[LANES:], expected, rtol=4e-7)


@pytest.fixture(scope="module")
def X():
    """Return walks on a ring of tokens, of which some steps are missing."""
    rng = np.random.default_rng(0)
    steps = np.where(rng.random((100, 40)) < 0.8, 1, 3)
    return (rng.integers(7, size=(100, 1)) + steps.cumsum(axis=1)) % 7


def with_gaps(X):
    return np.where(np.random.default_rng(1).random(X.shape) < 0.1, np.nan, X)


TOKENS = dict(likelihood="categorical", head="sgd")


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_trained_network_equals_that_of_torch(predictor, X):
    fitted = {
        engine: predictor(5, max_steps=200, engine=engine, random_state=0, **TOKENS).fit(X)
        for engine in ("numba", "torch")
    }
    scores = [model.score(X) for model in fitted.values()]
    untrained = predictor(5, training="random", random_state=0, **TOKENS).fit(X).score(X)
    assert abs(scores[0] - scores[1]) < 0.01 * (scores[1] - untrained)
    first = [model.net_.history[0, "train_loss"] for model in fitted.values()]
    assert first[0] == pytest.approx(first[1], rel=1e-5)


@pytest.mark.parametrize("training", ["full", "readout"])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("predictor", PREDICTORS)
def test_a_seed_alone_equals_the_seed_among_others(predictor, training, gaps, X):
    X = with_gaps(X) if gaps else X
    model = predictor(5, training=training, max_steps=12, engine="numba", **TOKENS)
    together = fit_replicas(model, [X], [3, 4, 5])
    for seed, replica in zip([3, 4, 5], together, strict=True):
        alone = model.set_params(random_state=seed).fit(X)
        assert np.array_equal(alone.predict(X), replica.predict(X))
        assert np.array_equal(alone.transform(X), replica.transform(X))
        assert alone.score(X) == replica.score(X)
        assert alone.net_.history[:, "train_loss"] == replica.net_.history[:, "train_loss"]
    assert not np.array_equal(together[0].predict(X), together[1].predict(X))


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_evaluation_equals_torch_whatever_the_chunk(predictor, X):
    model = predictor(5, max_steps=3, engine="numba", random_state=0, **TOKENS).fit(X)
    hidden, predicted = model.transform(X), model.predict(X)
    assert np.array_equal(model.transform(X[7:8]), hidden[7:8])
    assert np.array_equal(model.predict(X[7:8]), predicted[7:8])
    model.engine_ = "torch"
    np.testing.assert_allclose(hidden, model.transform(X), rtol=0, atol=1e-5)
    np.testing.assert_allclose(predicted, model.predict(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_auto_trains_as_the_engine_that_it_takes(predictor, X):
    # Short fits are left to torch.
    for max_steps, engine in ((400, "numba"), (4, "torch")):
        model = predictor(3, max_steps=max_steps, random_state=0, **TOKENS)
        auto, chosen = model.fit(X).predict(X), clone(model).set_params(engine=engine).fit(X)
        assert model.engine_ == engine
        assert np.array_equal(auto, chosen.predict(X))


@pytest.mark.parametrize("mode", ["full", "readout"])
def test_records_are_those_of_any_number_of_seeds_and_change_nothing(mode):
    options = dict(world=clone(TRIANGLE).set_params(row_length=22), modes=(mode,), n_train=40)
    options |= dict(model=GRUPredictor(5, engine="numba", head="sgd", max_steps=9))
    options |= dict(baselines=("mean",), **GAIN_ALONE)
    two, three = (
        small_assessment(n_seeds=n, record_at=[0, 4, 9], **options).fit().cube_ for n in (2, 3)
    )
    assert two.nll_trajectory.equals(three.nll_trajectory.isel(seed=slice(2)))
    assert (two.nll_trajectory.diff("step") < 0).all()
    assert small_assessment(**options).fit().cube_.nll.equals(two.nll)


def test_training_that_diverges_says_so(X):
    with pytest.warns(UserWarning, match="Training of GRUPredictor diverged"):
        GRUPredictor(3, engine="numba", lr=3e37, max_steps=5, random_state=0, **TOKENS).fit(X)


def test_auto_takes_the_scan_up_to_a_size_of_the_vocabulary(X):
    model = GRUPredictor(2, max_steps=10_000, n_tokens=MAX_TOKENS, **TOKENS)
    for n_tokens, engine in ((MAX_TOKENS, "numba"), (50_000, "torch")):
        job = model.set_params(n_tokens=n_tokens)
        assert job.training_job(job.prepare(X)).engine == engine
    # Short sequences do not make up for copying the weights of a large head.
    options = dict(device="cpu", max_steps=10_000, n_tokens=2000)
    for n_units, n_steps, engine in ((128, 8, "torch"), (128, 64, "numba"), (16, 8, "numba")):
        core = nn.GRU(2001, n_units, batch_first=True)
        assert choose_engine("auto", core, n_steps=n_steps, **options) == engine
        assert choose_engine("numba", core, n_steps=n_steps, **options) == "numba"
    core = nn.GRU(50_001, 2, batch_first=True)
    with pytest.raises(ValueError, match=f"50000 tokens, more than {MAX_TOKENS}.*engine='auto'"):
        choose_engine("numba", core, device="cpu", n_steps=2, max_steps=1, n_tokens=50_000)
