"""The compiled scan equals torch, and replicas equal single fits."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import types
from skorch.callbacks import Callback, Freezer
from torch import nn

from sklearn_emerge import (
    GRUPredictor,
    LSTMPredictor,
    ModulePredictor,
    OscillatorWorld,
    RNNPredictor,
)
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.recurrence import (
    KINDS,
    LANES,
    HeadLoss,
    Layout,
    ScanLoss,
    _scan,
    choose_engine,
    run_forward,
    scan,
)
from sklearn_emerge.training import _run

CORES = [nn.RNN, nn.GRU, nn.LSTM]
SIZES = [
    ((1, 1, 1), torch.float32),
    ((5, 2, 1), torch.float32),
    ((16, 3, 2), torch.float32),
    ((23, 1, 3), torch.float32),
    # Gradients of 32 units and more are added up in another way.
    ((32, 1, 2), torch.float32),
    ((90, 2, 1), torch.float32),
]


def replicas(core, n_replicas, n_hidden, n_inputs, n_outputs, dtype, seed=0):
    """Return torch modules and the same weights as flat rows."""
    torch.manual_seed(seed)
    cores = [core(n_inputs, n_hidden, batch_first=True).to(dtype) for _ in range(n_replicas)]
    heads = [nn.Linear(n_hidden, n_outputs).to(dtype) for _ in range(n_replicas)]
    rows = [
        torch.cat([p.detach().flatten() for p in [*c.parameters(), *h.parameters()]])
        for c, h in zip(cores, heads, strict=True)
    ]
    return cores, heads, torch.stack(rows).requires_grad_()


def assert_close(ours, theirs, largest):
    """Within 1e-4, or rounding of the largest gradient where a sum happens to cancel."""
    assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max() + 2e-6 * largest


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_forward_pass_in_blocks_is_that_of_all_sequences(monkeypatch, core, n_threads):
    size, n_replicas, batch, n_steps = (5, 2, 1), 2, 200, 7
    *_, weights = replicas(core, n_replicas, *size, torch.float32)
    layout, weights = Layout(KINDS[core], *size), weights.detach().numpy()
    inputs = np.random.default_rng(0).normal(size=(n_replicas, batch, n_steps, 2))
    inputs = inputs.astype(np.float32)
    output, hidden = run_forward(inputs, weights, layout)
    assert hidden.shape == (n_replicas, batch, n_steps, 5)
    one_scan = scan(torch.from_numpy(inputs), torch.from_numpy(weights), layout)
    np.testing.assert_array_equal(output, one_scan.numpy())
    teams, make_team = [], _scan.Team
    monkeypatch.setattr(_scan, "Team", lambda *args: teams.append(make_team(*args)) or teams[-1])
    monkeypatch.setattr(_scan, "_CACHE", 1)
    for last, steps in ((False, slice(None)), (True, slice(-1, None))):
        blocks = run_forward(inputs, weights, layout, n_threads, last)
        for found, whole in zip(blocks, (output, hidden), strict=True):
            np.testing.assert_array_equal(found, whole[:, :, steps])
    assert len(teams) == 2 * -(-batch // (LANES * n_threads))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("size", "dtype"), SIZES)
@settings(max_examples=5, deadline=None)
@given(
    n_replicas=st.integers(1, 3),
    batch=st.integers(1, 70),
    n_steps=st.integers(1, 40),
    n_threads=st.integers(1, 3),
    seed=st.integers(0, 100),
)
def test_scan_equals_torch(core, size, dtype, n_replicas, batch, n_steps, n_threads, seed):
    cores, heads, weights = replicas(core, n_replicas, *size, dtype, seed)
    layout = Layout(KINDS[core], *size)
    inputs = torch.randn(n_replicas, batch, n_steps, size[1], dtype=dtype, requires_grad=True)
    gradient = torch.randn(n_replicas, batch, n_steps, size[2], dtype=dtype)
    output = scan(inputs, weights, layout, n_threads)
    output.backward(gradient)
    for r in range(n_replicas):
        x = inputs.detach()[r].clone().requires_grad_()
        expected = heads[r](cores[r](x)[0])
        expected.backward(gradient[r])
        assert (output[r] - expected).abs().max() < 1e-5
        assert_close(inputs.grad[r], x.grad, x.grad.abs().max())
        parameters = [*cores[r].parameters(), *heads[r].parameters()]
        largest = max(p.grad.abs().max() for p in parameters)
        mine = torch.split(weights.grad[r], [p.numel() for p in parameters])
        for ours, parameter in zip(mine, parameters, strict=True):
            assert_close(ours.view_as(parameter), parameter.grad, largest)


def losses_by_torch(output, target, ratio):
    """Return the loss of one replica without the Gaussian's constant, in nats per step."""
    if ratio is None:
        losses = nn.functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    else:
        losses = ((output - target) * torch.from_numpy(ratio)).square() / 2
    return losses.sum(dim=-1).mean()


@pytest.mark.parametrize("bernoulli", [False, True])
@pytest.mark.parametrize("core", CORES)
@settings(max_examples=12, deadline=None)
@given(
    n_replicas=st.integers(1, 3),
    batch=st.integers(1, 70),
    n_steps=st.integers(1, 40),
    n_threads=st.integers(1, 3),
    seed=st.integers(0, 100),
)
def test_losses_equal_torch(core, bernoulli, n_replicas, batch, n_steps, n_threads, seed):
    size = (16, 3, 2)
    cores, heads, weights = replicas(core, n_replicas, *size, torch.float32, seed)
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(75, n_steps, 3)).astype(np.float32)
    y = rng.normal(size=(75, n_steps, 2)).astype(np.float32)
    ratio = rng.uniform(0.5, 2.0, (n_replicas, 2)).astype(np.float32)
    if bernoulli:
        y, ratio = (y > 0).astype(np.float32), None
    constant = rng.normal(size=n_replicas)
    rows = np.stack([rng.permutation(75)[:batch] for _ in range(n_replicas)])

    hidden = [c(torch.from_numpy(X))[0].detach() for c in cores]
    states = np.stack([h.numpy().swapaxes(1, 2) for h in hidden])
    of_heads = HeadLoss(states, y[np.newaxis], ratio, constant, n_threads)
    head_losses, head_found = of_heads(weights[:, -2 * 17 :], rows)
    data = X[np.newaxis], y[np.newaxis]
    loss = ScanLoss(Layout(KINDS[core], *size), *data, ratio, constant, n_threads)
    losses, found = loss(weights, rows)
    for r in range(n_replicas):
        parameters = [*cores[r].parameters(), *heads[r].parameters()]
        x, target = torch.from_numpy(X[rows[r]]), torch.from_numpy(y[rows[r]])
        own_ratio = None if ratio is None else ratio[r]
        expected = losses_by_torch(heads[r](cores[r](x)[0]), target, own_ratio) + constant[r]
        expected.backward()
        assert losses[r].item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-5)
        assert head_losses[r].item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-5)
        gradients = torch.cat([p.grad.flatten() for p in parameters])
        assert_close(found[r], gradients, gradients.abs().max())
        assert_close(head_found[r], gradients[-2 * 17 :], gradients.abs().max())


# What trains is in single precision. Double is compiled anew for each kind, in seconds.
@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_gradients_in_double_precision(core):
    size = (1, 1, 1)
    _, _, weights = replicas(core, 2, *size, torch.float64)
    inputs = torch.randn(2, 3, 10, 1, dtype=torch.float64, requires_grad=True)
    layout = Layout(KINDS[core], *size)
    assert torch.autograd.gradcheck(lambda x, w: scan(x, w, layout), (inputs, weights))


def test_threads_do_not_change_the_result():
    _, _, weights = replicas(nn.GRU, 3, 5, 2, 1, torch.float32)
    inputs = torch.randn(3, 70, 20, 2)
    outputs, gradients = [], []
    for n_threads in (1, 2, 5):
        weights.grad = None
        outputs.append(scan(inputs, weights, Layout(KINDS[nn.GRU], 5, 2, 1), n_threads))
        outputs[-1].square().sum().backward()
        gradients.append(weights.grad)
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(gradients[0], gradients[1])
    assert torch.equal(gradients[0], gradients[2])


@pytest.fixture(scope="module")
def X():
    return OscillatorWorld(n_steps=40).sample(100, random_state=0).X


@pytest.mark.parametrize("predictor", [RNNPredictor, GRUPredictor, LSTMPredictor])
def test_trained_network_equals_that_of_torch(predictor, X):
    fitted = {
        engine: predictor(5, head="sgd", max_steps=200, engine=engine, random_state=0).fit(X)
        for engine in ("numba", "torch")
    }
    assert [model.engine_ for model in fitted.values()] == ["numba", "torch"]
    scores = [model.score(X) for model in fitted.values()]
    untrained = predictor(5, training="random", random_state=0).fit(X).score(X)
    assert abs(scores[0] - scores[1]) < 0.01 * (scores[1] - untrained)
    # Before rounding has grown the two follow the same path.
    first = [model.net_.history[0, "train_loss"] for model in fitted.values()]
    assert first[0] == pytest.approx(first[1], rel=1e-5)


@pytest.mark.parametrize("training", ["full", "readout", "random", "scrambled"])
@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_a_seed_alone_equals_the_seed_among_others(training, engine, X):
    model = GRUPredictor(5, training=training, head="sgd", max_steps=12, engine=engine)
    together = fit_replicas(model, [X], [3, 4, 5])
    for seed, replica in zip([3, 4, 5], together, strict=True):
        alone = model.set_params(random_state=seed).fit(X)
        assert np.array_equal(alone.predict(X), replica.predict(X))
        assert np.array_equal(alone.transform(X), replica.transform(X))
        assert alone.score(X) == replica.score(X)
        for key in ("train_loss", "train_batch_count"):
            if training == "random":
                assert not alone.net_.history
                assert not replica.net_.history
            else:
                assert alone.net_.history[:, key] == replica.net_.history[:, key]
    assert not np.array_equal(together[0].predict(X), together[1].predict(X))


@pytest.mark.parametrize("training", ["full", "readout"])
@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_replicas_with_sequences_of_their_own(training, engine):
    samples = [OscillatorWorld(n_steps=40).sample(100, random_state=i).X for i in range(3)]
    model = GRUPredictor(
        5,
        training=training,
        head="sgd",
        max_steps=12,
        engine=engine,
        output_scaling="standard",
        noise_std=0.1,
    )
    for seed, replica in enumerate(fit_replicas(model, samples, [0, 1, 2])):
        alone = model.set_params(random_state=seed).fit(samples[seed])
        assert np.array_equal(alone.predict(samples[0]), replica.predict(samples[0]))
        assert alone.net_.history[:, "train_loss"] == replica.net_.history[:, "train_loss"]


class Watch(Callback):
    """Keep a weight of the network after each update."""

    def on_train_begin(self, net, **kwargs):
        self.bias_ = []

    def on_batch_end(self, net, training=False, **kwargs):
        self.bias_.append(net.module_.head.bias.item())


def test_callbacks_see_the_network_and_do_not_change_the_result(X):
    model = GRUPredictor(5, head="sgd", max_steps=12, engine="numba", random_state=0)
    plain = model.fit(X).predict(X)
    watched = model.set_params(callbacks=[Watch()]).fit(X)
    assert np.array_equal(watched.predict(X), plain)
    bias = next(c for _, c in watched.net_.callbacks_ if isinstance(c, Watch)).bias_
    assert len(set(bias)) == 12
    assert bias[-1] == watched.network_.head.bias.item()


class Start(Callback):
    """Keep the weights of the start, and let hooks give those of the head no gradient."""

    def on_train_begin(self, net, **kwargs):
        self.start_ = {k: weight.detach().clone() for k, weight in net.module_.named_parameters()}
        net.module_.head.weight.register_hook(torch.zeros_like)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_what_callbacks_freeze_or_give_hooks_is_left_alone(engine, X):
    callbacks = [Start(), Freezer("core.weight_*")]
    model = GRUPredictor(
        5, head="sgd", max_steps=12, engine=engine, callbacks=callbacks, random_state=0
    ).fit(X)
    start = next(c for _, c in model.net_.callbacks_ if isinstance(c, Start)).start_
    same = {k: torch.equal(now, start[k]) for k, now in model.network_.named_parameters()}
    assert {name for name, stays in same.items() if stays} == {
        "core.weight_ih_l0",
        "core.weight_hh_l0",
        "head.weight",
    }


@pytest.mark.parametrize("predictor", [RNNPredictor, GRUPredictor, LSTMPredictor])
def test_evaluation_equals_torch_whatever_the_chunk(predictor, X):
    model = predictor(5, max_steps=3, engine="numba", random_state=0).fit(X)
    hidden, predicted = model.transform(X), model.predict(X)
    assert np.array_equal(model.transform(X[7:8]), hidden[7:8])
    assert np.array_equal(model.predict(X[7:8]), predicted[7:8])
    model.engine_ = "torch"
    np.testing.assert_allclose(hidden, model.transform(X), rtol=0, atol=1e-5)
    np.testing.assert_allclose(predicted, model.predict(X), rtol=0, atol=1e-5)


TRAINED_HEAD = dict(training="readout", head="sgd")


def test_readouts_follow_those_of_torch(X):
    fitted = [
        GRUPredictor(5, max_steps=100, engine=engine, random_state=0, **TRAINED_HEAD).fit(X)
        for engine in ("numba", "torch")
    ]
    np.testing.assert_allclose(*(model.predict(X) for model in fitted), rtol=0, atol=1e-4)


def test_heads_that_do_not_fit_into_memory_together_train_in_turn(monkeypatch, X):
    model = GRUPredictor(5, max_steps=12, engine="numba", **TRAINED_HEAD)
    together = fit_replicas(model, [X], [3, 4, 5])
    # Bytes of two replicas' states.
    monkeypatch.setattr(_run, "_MAX_STATES", 2 * 4 * 100 * 39 * 5)
    for one, other in zip(together, fit_replicas(model, [X], [3, 4, 5]), strict=True):
        assert np.array_equal(one.predict(X), other.predict(X))


def test_readout_never_differentiates_through_time(monkeypatch, X):
    passes = []
    forward = nn.GRU.forward

    def counting(self, *args):
        passes.append(torch.is_grad_enabled())
        return forward(self, *args)

    monkeypatch.setattr(nn.GRU, "forward", counting)
    model = GRUPredictor(5, max_steps=50, noise_std=0.1, random_state=0, **TRAINED_HEAD)
    # Three passes check the core, and one computes all hidden states unless it is the scan.
    for engine, n_passes in (("torch", 4), ("numba", 3)):
        passes.clear()
        model.set_params(engine=engine).fit(X)
        assert passes == [False] * n_passes


def test_a_kernel_is_compiled_once_for_all_sizes():
    first, second = (Layout(KINDS[nn.GRU], *size).kernel() for size in ((5, 2, 1), (16, 3, 2)))
    assert first is second
    compiled = []
    for size in ((5, 2, 1), (16, 3, 2)):
        layout = Layout(KINDS[nn.GRU], *size)
        _, _, weights = replicas(nn.GRU, 1, *size, torch.float32)
        scan(torch.randn(1, 3, 4, size[1]), weights, layout)
        # Other tests of this process may have compiled it for arrays of other kinds.
        compiled.append(list(layout.kernel()._function.signatures))
    assert compiled[0] == compiled[1]
    assert any(signature[3].dtype == types.float32 for signature in compiled[0])


def test_fits_that_take_torch_no_longer_than_reading_a_kernel_are_left_to_it():
    core = nn.GRU(2, 16, batch_first=True)
    assert choose_engine("auto", core, device="cpu", n_steps=40, max_steps=25) == "torch"
    assert choose_engine("auto", core, device="cpu", n_steps=40, max_steps=26) == "numba"
    simple = nn.RNN(2, 16, batch_first=True)
    assert choose_engine("auto", simple, device="cpu", n_steps=40, max_steps=75) == "torch"
    assert choose_engine("auto", simple, device="cpu", n_steps=40, max_steps=76) == "numba"
    assert choose_engine("auto", core, device="cpu", n_steps=256, max_steps=200) == "numba"
    assert choose_engine("numba", core, device="cpu", n_steps=2, max_steps=1) == "numba"
    assert choose_engine("torch", core, device="cpu", n_steps=256, max_steps=9999) == "torch"


@pytest.mark.parametrize(
    ("core", "device", "message"),
    [
        (nn.GRU(2, 1100, batch_first=True), "cpu", "1100 hidden units"),
        (nn.GRU(2, 4, batch_first=True), "cuda", "device 'cuda'"),
        (nn.GRU(2, 4, num_layers=2, batch_first=True), "cpu", "one plain batch-first layer"),
        (nn.RNN(2, 4, nonlinearity="relu", batch_first=True), "cpu", "one plain batch-first layer"),
        (nn.Linear(2, 4), "cpu", "its core is Linear"),
    ],
)
def test_networks_beyond_the_scan_are_left_to_torch(core, device, message):
    options = dict(device=device, n_steps=256, max_steps=100_000)
    assert choose_engine("auto", core, **options) == "torch"
    with pytest.raises(ValueError, match=f"engine='numba' cannot.*{message}.*engine='auto'"):
        choose_engine("numba", core, **options)


def test_frozen_and_hooked_cores_are_left_to_torch(X):
    frozen, hooked = (nn.GRU(2, 4, batch_first=True) for _ in range(2))
    frozen.weight_hh_l0.requires_grad_(False)
    hooked.register_forward_hook(lambda *_: None)
    options = dict(device="cpu", n_steps=256, max_steps=100_000)
    for core, message in ((frozen, "weights are frozen"), (hooked, "has hooks")):
        assert choose_engine("auto", core, **options) == "torch"
        with pytest.raises(ValueError, match=message):
            choose_engine("numba", core, **options)


def test_engine_of_an_unusable_module_is_refused_before_training(X):
    with pytest.raises(ValueError, match="its core is Linear"):
        ModulePredictor(lambda n: nn.Linear(n, 3), engine="numba").fit(X)


def test_thread_settings_are_restored(X):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        model = GRUPredictor(5, max_steps=2, engine="numba", random_state=0).fit(X)
        assert torch.get_num_threads() == 2
        assert model.engine_ == "numba"
    finally:
        torch.set_num_threads(threads)


def run_elsewhere(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


FIT = (
    "import torch; torch.set_num_threads(2)\n"
    "from sklearn_emerge import GRUPredictor, OscillatorWorld\n"
    "X = OscillatorWorld(n_steps=40).sample(100, random_state=0).X\n"
    "fit = lambda: GRUPredictor(5, max_steps=2, engine='numba', random_state=0).fit(X).score(X)\n"
)


@pytest.mark.slow
def test_unwritable_package_and_home_do_no_harm():
    code = (
        "from numba.core.caching import _CacheLocator\n"
        "def unwritable(self): raise PermissionError\n"
        "_CacheLocator.ensure_cache_path = unwritable\n"
        "from sklearn_emerge import RNNPredictor, OscillatorWorld\n"
        "X = OscillatorWorld(n_steps=40).sample(100, random_state=0).X\n"
        # Its head needs no forward scan: one kernel is compiled, not two.
        "model = RNNPredictor(5, max_steps=2, engine='numba', head='sgd', random_state=0)\n"
        "print(model.fit(X).training_loss_[-1])"
    )
    assert np.isfinite(float(run_elsewhere(code)[0]))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fits_after_a_fork():
    code = FIT + (
        "import os; first = fit(); pid = os.fork()\n"
        "if not pid: os._exit(0 if fit() == first else 1)\n"
        "print(os.waitpid(pid, 0)[1])"
    )
    assert run_elsewhere(code)[-1] == "0"


@pytest.mark.slow
def test_a_kernel_from_the_disk_computes_what_a_new_one_does(tmp_path):
    # A function that the kernel calls exists twice in the process that compiles it.
    program = (
        "import numpy as np, torch\n"
        "from sklearn_emerge.recurrence import KINDS, HeadLoss, Layout, ScanLoss\n"
        "rng = np.random.default_rng(0)\n"
        "states, X = (rng.normal(size=(1, 80, 4, n)).astype(np.float32) for n in (64, 2))\n"
        "y = (rng.normal(size=(1, 80, 4, 1)) > 0).astype(np.float32)\n"
        "rows, rest = np.arange(64)[np.newaxis], (None, np.zeros(1), 1)\n"
        "layout = Layout(KINDS[torch.nn.RNN], 4, 2, 1)\n"
        "weights = torch.from_numpy(rng.normal(size=(1, 37)).astype(np.float32))\n"
        "for loss, n in (\n"
        "    (HeadLoss(states, np.repeat(y, 16, 2), *rest), 5),\n"
        "    (ScanLoss(layout, X, y, *rest), 37),\n"
        "):\n"
        "    print(*(each.numpy().tobytes().hex() for each in loss(weights[:, :n], rows)))\n"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout
        for _ in range(2)
    )
    assert list(tmp_path.rglob("*.nbc"))
    assert first == second


@pytest.mark.parametrize("early", [False, True])
def test_a_copy_of_a_net_in_training_has_a_loss_of_its_own(X, early):
    seen = []

    class Copy(Callback):
        def on_batch_end(self, net, batch=None, training=False, **kwargs):
            if not seen:
                copies = copy.deepcopy(net), copy.copy(net.compiled_loss)
                seen.extend((net.compiled_loss, np.atleast_2d(batch[0].numpy()), *copies))

    model = GRUPredictor(3, max_steps=12, engine="numba", callbacks=[Copy()], random_state=0)
    model.set_params(early_stopping=early, n_iter_no_change=1)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        model.fit(X)
        loss, rows, net, twin = seen
        weights = nn.utils.parameters_to_vector(net.module_.parameters())[None].detach()
        expected, _ = loss(weights + 1, rows)
        # Other weights than those that the first has seen last.
        loss(weights, rows)
        for each in (net.compiled_loss, twin):
            assert torch.equal(each(weights + 1, rows)[0], expected)
    finally:
        torch.set_num_threads(threads)


class Pickles(Callback):
    """Keep the last pickle of a net."""

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        """Keep one."""
        self.kept_ = None
        self.kept_ = pickle.dumps(net)


@pytest.mark.parametrize("early", [False, True])
def test_a_net_is_pickled_in_training_and_after(X, early):
    model = GRUPredictor(3, max_steps=12, engine="numba", random_state=0)
    model.set_params(callbacks=[Pickles()], early_stopping=early, n_iter_no_change=1)
    model.fit(X)
    [watch] = (each for _, each in model.net_.callbacks_ if isinstance(each, Pickles))
    assert pickle.loads(watch.kept_).compiled_loss is not None
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("where", ["make", "work"])
def test_a_loss_is_right_after_an_interrupt(monkeypatch, where):
    rng = np.random.default_rng(0)
    layout, weights = Layout(KINDS[nn.RNN], 4, 2, 1), torch.from_numpy(rng.normal(size=(1, 37)))
    X, y = (rng.normal(size=(1, 300, 5, n)).astype(np.float32) for n in (2, 1))
    few, many = (np.arange(n)[np.newaxis] for n in (16, 300))
    expected = ScanLoss(layout, X, y, np.ones((1, 1), np.float32), np.zeros(1), 1)
    loss = ScanLoss(layout, X, y, np.ones((1, 1), np.float32), np.zeros(1), 2)
    loss(weights.float(), few)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if where == "make":
            patch.setattr(_scan, "Team", interrupt)
        else:
            patch.setattr(loss.team, "work", interrupt)
        loss(weights.float(), many if where == "make" else few)
    for rows in (many, few):
        found = loss(weights.float() + 1, rows)
        assert all(map(torch.equal, found, expected(weights.float() + 1, rows)))
