"""Attention by a compiled kernel is that of torch, and depends on nothing beside a sequence."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.nn.functional import scaled_dot_product_attention

from sklearn_emerge import TransformerPredictor
from sklearn_emerge.networks import TransformerCore, _attention, by_kernel, quick_by_kernel
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.recurrence import attention_kernels
from sklearn_emerge.training import Checkpoints, TrainingContext, _checkpoint, run

# All of four units a head: a kernel takes seconds to compile.
HEADS, UNITS, STEPS = 2, 4, 11
MODEL = TransformerPredictor(
    8, 2, 2, max_steps=12, batch_size=16, weight_decay=0.01, lr_schedule="cosine", head="sgd"
)


def states(n_sequences, size=1.0):
    generator = torch.Generator().manual_seed(3)
    shape = 4, n_sequences, STEPS, HEADS * UNITS
    *parts, gradient = torch.randn(shape, generator=generator) * size
    return [part.requires_grad_() for part in parts], gradient


def by_torch(queries, keys, values, n_heads, scale):
    split = (*queries.shape[:2], n_heads, -1)
    heads = [part.view(split).transpose(1, 2) for part in (queries, keys, values)]
    read = scaled_dot_product_attention(*heads, is_causal=True, scale=scale)
    return read.transpose(1, 2).flatten(2)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def passes(attention, parts, gradient):
    out = attention(*parts, HEADS, 0.7)
    return [out.detach(), *torch.autograd.grad(out, parts, gradient)]


# A vector of lanes is full with eight sequences of two heads.
@pytest.mark.parametrize("n_sequences", [1, 8, 11])
@pytest.mark.parametrize("size", [1.0, 12.0])
def test_it_is_that_of_torch(n_sequences, size):
    parts, gradient = states(n_sequences, size)
    ours = passes(_attention.attend, parts, gradient)
    exact = passes(by_torch, [p.detach().double().requires_grad_() for p in parts], gradient)
    for found, expected in zip(ours, exact, strict=True):
        error = (found - expected).abs().max() / expected.abs().max()
        # Logits of a thousand have errors of 1e-4 in single precision.
        assert error < 1e-6 * max(1, size**2)


def test_a_sequence_is_what_it_is_alone():
    parts, gradient = states(11)
    together = passes(_attention.attend, parts, gradient)
    one = [part.detach()[9:10].requires_grad_() for part in parts]
    alone = passes(_attention.attend, one, gradient[9:10])
    for found, expected in zip(alone, together, strict=True):
        assert torch.equal(found[0], expected[9])


def test_threads_do_not_change_it(two_threads):
    # Three vectors of lanes, the last one half full.
    parts, gradient = states(20)
    on_two = passes(_attention.attend, parts, gradient)
    torch.set_num_threads(1)
    for found, expected in zip(on_two, passes(_attention.attend, parts, gradient), strict=True):
        assert torch.equal(found, expected)


def test_a_compiled_kernel_is_found_again():
    attention_kernels.cache_clear()
    parts, gradient = states(1)
    passes(_attention.attend, parts, gradient)
    attention_kernels.cache_clear()
    passes(_attention.attend, parts, gradient)
    for kernel in attention_kernels(UNITS):
        assert list(kernel._function.stats.cache_hits.values()) == [1]


def test_one_step_reads_itself():
    parts, gradient = states(3)
    queries, keys, values = (part.detach()[:, :1].requires_grad_() for part in parts)
    out, *_, d_values = passes(_attention.attend, [queries, keys, values], gradient[:, :1])
    assert torch.equal(out, values)
    assert torch.equal(d_values, gradient[:, :1])


def test_what_is_no_number_stays_so():
    parts, _ = states(2)
    with torch.no_grad():
        parts[0][0, 3] = np.nan
    numbers = _attention.attend(*parts, HEADS, 1.0).isfinite()
    assert not numbers[0, 3].any()
    assert numbers.sum() == numbers.numel() - HEADS * UNITS


def test_later_steps_are_not_seen():
    parts, _ = states(2)
    before = _attention.attend(*parts, HEADS, 1.0)
    with torch.no_grad():
        for part in parts:
            part[:, 6:] += 100
    after = _attention.attend(*parts, HEADS, 1.0)
    assert torch.equal(before[:, :6], after[:, :6])
    assert not torch.isclose(before[:, 6:], after[:, 6:]).all()


def core(width=8, **options):
    rest = dict(bias=True, norm="pre", n_heads=2, scale=0.5, dropout=0.0, feedforward_size=8)
    return TransformerCore(2, 12, width, 2, activate_output=False, **rest | options)


@pytest.mark.parametrize(
    ("network", "n_steps", "n_sequences", "expected"),
    [
        (core(), 12, 10**6, 2),
        (core(), 12, 100, 0),
        (core(), 2000, 10**6, 0),
        (core(width=18), 12, 10**6, 0),
        (core(dropout=0.1), 12, 10**6, 0),
        (core().double(), 12, 10**6, 0),
        (torch.nn.GRU(2, 3), 12, 10**6, 0),
    ],
    ids=[
        "usual",
        "short fit",
        "long",
        "large",
        "dropout",
        "double",
        "no heads",
    ],
)
def test_where_it_is_quicker(network, n_steps, n_sequences, expected):
    assert len(quick_by_kernel(network, n_steps, n_sequences)) == expected


def test_it_ends_with_the_context():
    network = core()
    attention, inputs = network.blocks[0].attention, torch.randn(3, 12, 8)
    outside = attention(inputs)
    with by_kernel([attention]):
        inside = attention(inputs)
        assert attention.compiled
    torch.testing.assert_close(inside, outside)
    assert not attention.compiled


@pytest.fixture
def always(monkeypatch):
    """Use the kernel in short fits, too."""
    monkeypatch.setattr(_attention, "_WORTH_SECONDS", 0.0)


def weights(predictor):
    return torch.nn.utils.parameters_to_vector(predictor.network_.parameters()).detach().numpy()


def data():
    rng = np.random.default_rng(0)
    return np.cumsum(rng.normal(size=(40, STEPS + 1, 1)), axis=1)


def test_training_is_nearly_the_same(monkeypatch):
    [by_torch] = fit_replicas(MODEL, [data()], [1])
    monkeypatch.setattr(_attention, "_WORTH_SECONDS", 0.0)
    [ours] = fit_replicas(MODEL, [data()], [1])
    # They round differently.
    assert not np.array_equal(weights(ours), weights(by_torch))
    np.testing.assert_allclose(weights(ours), weights(by_torch), atol=2e-5)
    np.testing.assert_allclose(ours.training_loss_, by_torch.training_loss_, rtol=1e-5)


def test_a_seed_is_what_it_is_alone(always):
    together = fit_replicas(MODEL, [data()], [1, 2, 3])
    [alone] = fit_replicas(MODEL, [data()], [2])
    np.testing.assert_array_equal(weights(alone), weights(together[1]))
    np.testing.assert_array_equal(alone.training_loss_, together[1].training_loss_)


class CutOff(Callback):
    """As Ctrl-C, at an update."""

    def __init__(self, at):
        self.left = at

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_it_goes_on_where_it_was_cut_off(always, monkeypatch, tmp_path):
    monkeypatch.setattr(_checkpoint, "_INTERVAL", 0.0)

    def train(**context):
        models = [TransformerPredictor(**MODEL.get_params()) for _ in range(2)]
        jobs = []
        for seed, model in enumerate(models):
            model.set_params(random_state=seed)
            jobs.append(model.training_job(model.prepare(data())))
        run(jobs, TrainingContext(**context))
        rows = [torch.nn.utils.parameters_to_vector(job.network.parameters()) for job in jobs]
        return torch.stack(rows)

    whole = train()
    with pytest.raises(KeyboardInterrupt):
        # In the third of four epochs of the second network.
        train(checkpoints=Checkpoints(tmp_path), progress=(CutOff(12 + 8),))
    again = Checkpoints(tmp_path)
    assert torch.equal(train(checkpoints=again), whole)
    assert again.seconds > 0


def test_nothing_is_left_of_it_after_training(always):
    [model] = fit_replicas(MODEL, [data()], [1])
    assert not model.net_.attentions
    assert not any(block.attention.compiled for block in model.network_.core.blocks)
