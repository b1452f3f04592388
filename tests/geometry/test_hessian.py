"""Hessians: eigenvalues and traces that are known, what is refused, and what is left alone."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from sklearn_emerge.geometry import _curvature, hessian_top, hessian_trace
from sklearn_emerge.geometry._curvature import Curvature
from sklearn_emerge.geometry._rows import evaluated

N, D, K = 60, 40, 5


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def linear(n_inputs, n_outputs, seed=None):
    """A linear map without an offset, with zero or with random weights."""
    module = nn.Linear(n_inputs, n_outputs, bias=False, dtype=torch.float64)
    with torch.no_grad():
        zeros = torch.zeros(n_outputs, n_inputs)
        module.weight.copy_(zeros if seed is None else normal(n_outputs, n_inputs, seed=seed))
    return module


def squared(module, batch):
    return (module(batch[0])[:, 0] - batch[1]) ** 2


def logistic(module, batch):
    return binary_cross_entropy_with_logits(module(batch[0])[:, 0], batch[1], reduction="none")


def nll(module, batch):
    return cross_entropy(module(batch[0]), batch[1], reduction="none")


class Weights(nn.Module):
    """Numbers w that are called with inputs, and ignore them."""

    def __init__(self, *numbers):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(numbers, dtype=torch.float64))


X, Y = normal(N, D), normal(N, seed=1)


def known(kind):
    """Return a module, a loss, a batch, and the Hessian in its closed form."""
    X_, n = X.numpy(), N
    if kind == "squared":
        return linear(D, 1, seed=2), squared, (X, Y), 2 * X_.T @ X_ / n
    if kind == "squared, 3":  # Few parameters, whose matrix is taken.
        return linear(3, 1, seed=2), squared, (X[:, :3], Y), 2 * X_[:, :3].T @ X_[:, :3] / n
    if kind == "logistic":
        module = linear(D, 1, seed=2)
        with torch.no_grad():
            module.weight *= 0.1
            p = module(X)[:, 0].sigmoid().numpy()
        return module, logistic, (X, (Y > 0).double()), X_.T * (p * (1 - p)) @ X_ / n
    labels = torch.arange(N) % K
    curvature = np.eye(K) / K - np.ones((K, K)) / K**2
    return linear(D, K), nll, (X, labels), np.kron(curvature, X_.T @ X_ / n)


KINDS = ["squared", "squared, 3", "logistic", "softmax"]


@pytest.mark.parametrize(
    ("kind", "which"),
    [*((kind, "LA") for kind in KINDS), ("squared", "SA"), ("squared, 3", "SA")],
)
def test_extreme_eigenvalues_are_those_of_the_closed_form(kind, which):
    module, loss, batch, hessian = known(kind)
    tol = 1e-2 if which == "LA" else 1e-6  # Small eigenvalues lie close to each other.
    found = hessian_top(module, loss, batch, which=which, tol=tol)
    values = np.linalg.eigvalsh(hessian)
    spread = values[-1] - values[0]
    assert found.value == pytest.approx(values[-1 if which == "LA" else 0], abs=0.02 * spread)
    assert found.residual < 0.05 * spread
    assert found.n == N
    assert found.n_products >= min(3, len(hessian))


@pytest.mark.parametrize("kind", KINDS)
def test_the_trace_is_that_of_the_closed_form(kind):
    module, loss, batch, hessian = known(kind)
    found = hessian_trace(module, loss, batch, n_probes=200, random_state=0)
    off = hessian - np.diag(np.diag(hessian))
    error = np.sqrt(2 * (off**2).sum() / 200)
    assert abs(found.value - np.trace(hessian)) < 3 * error
    assert found.standard_error == pytest.approx(error, rel=0.25)
    assert found.trusted


def test_both_ends_of_a_saddle_have_their_sign():
    def saddle(module, batch):
        return (batch * (2 * module.w[0] ** 2 - module.w[1] ** 2)).ravel()

    rows = torch.ones(4, 1)
    assert hessian_top(Weights(0.0, 0.0), saddle, rows).value == pytest.approx(4)
    assert hessian_top(Weights(0.0, 0.0), saddle, rows, which="SA").value == pytest.approx(-2)
    assert hessian_trace(Weights(0.0, 0.0), saddle, rows).value == pytest.approx(2)


class Attending(nn.Module):
    """Causal attention by the fused kernel, in which dropout would be on while it is trained."""

    def __init__(self):
        super().__init__()
        self.qkv = linear(4, 12, seed=3)
        self.norm = nn.LayerNorm(4, dtype=torch.float64).requires_grad_(False)
        self.dropout = nn.Dropout(0.5)

    def forward(self, inputs):
        q, k, v = self.qkv(self.norm(inputs)).split(4, dim=-1)
        return self.dropout(nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True))


def energy(module, batch):
    return (module(batch) ** 2).flatten(1).sum(dim=1)


def test_attention_is_differentiated_twice_and_agrees_with_differences_of_gradients():
    rows = normal(8, 5, 4)
    with evaluated(Attending()) as module:
        curvature = Curvature(module, energy, rows)
        assert curvature.n_parameters == 48 + 8  # What is frozen counts, too.
        top = curvature.extreme("LA", 1e-6)
        assert curvature.difference(top.vector) == pytest.approx(top.value, rel=1e-4)
        # The weights are back, and the graph is still theirs.
        assert curvature.product(top.vector) == pytest.approx(top.value * top.vector, abs=1e-2)


def test_variance_of_slopes_is_that_of_the_gradients_of_rows():
    with evaluated(linear(D, 1, seed=2)) as module:
        along = normal(D, seed=4).numpy()
        found = Curvature(module, squared, (X, Y)).row_variance(along)
        error = (X @ module.weight[0] - Y).detach().numpy()
        assert found == pytest.approx(np.var(2 * error * (X.numpy() @ along), ddof=1))


def test_the_standard_error_is_how_much_the_value_varies_over_draws_of_rows():
    draws = np.random.default_rng(5)
    values, errors = [], []
    for _ in range(40):
        inputs = torch.from_numpy(draws.normal(size=(100, 2)) * [2, 0.1])
        found = hessian_top(linear(2, 1), squared, (inputs, torch.zeros(100)))
        values.append(found.value)
        errors.append(found.standard_error)
        assert len(found.parts) == 4
    assert np.mean(values) == pytest.approx(8, rel=0.05)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.3)


def test_an_eigenvalue_that_is_too_large_since_rows_are_few_says_so():
    # Of white inputs the largest is 2, and over n rows 2 (1 + sqrt(D / n))^2.
    few, many = (normal(n, D, seed=6) for n in (200, 40_000))
    found = hessian_top(linear(D, 1), squared, (few, torch.zeros(200)))
    assert found.value == pytest.approx(2 * (1 + np.sqrt(D / 200)) ** 2, rel=0.15)
    assert "of many more rows it would be about" in found.reasons[0]
    found = hessian_top(linear(D, 1), squared, (many, torch.zeros(40_000)))
    assert found.value == pytest.approx(2, rel=0.1)
    assert found.trusted


def test_a_linear_loss_has_no_curvature():
    def slope(module, batch):
        return module(batch)[:, 0]

    found = hessian_top(linear(D, 1), slope, X)
    assert (found.value, found.residual, found.trusted) == (0, 0, True)
    assert hessian_trace(linear(D, 1), slope, X).value == 0


def test_a_value_that_did_not_converge_is_nan_and_says_so(monkeypatch):
    monkeypatch.setattr(_curvature, "_MAX_RESTARTS", 1)
    found = hessian_top(linear(D, 1), squared, (X, Y), which="SA", tol=1e-12)
    assert np.isnan(found.value)
    assert "did not converge" in found.reasons[0]


def test_a_second_derivative_that_is_lost_without_an_error_is_noticed():
    found = hessian_top(linear(D, 1), lambda m, b: _Once.apply(m(b[0])[:, 0]), (X, Y))
    assert found.value == 0
    assert "difference of two gradients" in found.reasons[0]
    found = hessian_trace(linear(D, 1), lambda m, b: _Once.apply(m(b[0])[:, 0]), (X, Y))
    assert found.value == 0
    assert [reason.kind for reason in found.reasons] == ["derivatives_differ"]


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.GELU()])
def test_second_derivatives_in_single_precision_are_those_of_the_first(activation):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(D, 64), activation, nn.Linear(64, 3))
    rows = normal(200, D, seed=7).float(), torch.arange(200) % 3
    for found in (hessian_top(module, nll, rows), hessian_trace(module, nll, rows, random_state=0)):
        assert "derivatives_differ" not in [reason.kind for reason in found.reasons]


def test_values_with_a_large_standard_error_say_so():
    inputs = torch.zeros(20, 2, dtype=torch.float64)
    inputs[0, 0] = 1  # One row has it all.
    found = hessian_top(linear(2, 1), squared, (inputs, torch.zeros(20)))
    assert "4 parts of 20 rows" in found.reasons[0]

    def saddle(module, batch):
        return (batch * 2 * module.w[0] * module.w[1]).ravel()

    found = hessian_trace(Weights(0.0, 0.0), saddle, torch.ones(4, 1), random_state=0)
    assert "16 probes" in found.reasons[0]


def test_the_same_stream_gives_the_same_probes():
    first, again, other = (
        hessian_trace(linear(D, 1), squared, (X, Y), random_state=seed).value for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize("measure", [hessian_top, hessian_trace])
def test_the_module_and_global_random_numbers_are_left_alone(measure):
    module = Attending().train()
    module.qkv.weight.grad = torch.ones(12, 4, dtype=torch.float64)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = measure(module, energy, normal(8, 5, 4), **_stream(measure)).value
    assert module.training
    assert module.dropout.training
    assert (module.qkv.weight.grad == 1).all()
    assert [p.requires_grad for p in module.parameters()] == [True, False, False]
    assert all((value == before[name]).all() for name, value in module.state_dict().items())
    assert (torch.get_rng_state() == states[0]).all()
    assert (np.random.get_state()[1] == states[1]).all()
    torch.manual_seed(1)
    assert measure(module, energy, normal(8, 5, 4), **_stream(measure)).value == first


def _stream(measure):
    return {"random_state": 0} if measure is hessian_trace else {}


class _Once(torch.autograd.Function):
    """A square that can be differentiated once, which torch does not say of a loss of it."""

    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return values**2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


WRONG = {
    "no gradient": lambda m, b: m(b[0])[:, 0].detach(),
    "Hessian of the loss is not finite": lambda m, b: m(b[0])[:, 0] ** 1.5,
    "gradient of the loss is not finite": lambda m, b: (m(b[0])[:, 0] ** 2) ** 0.5,
    r"not finite in 60 of 60 rows": lambda m, b: m(b[0])[:, 0].log() * 0 - torch.inf,
    r"must return one number a row": lambda m, b: squared(m, b).mean(),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_loss_that_cannot_be_used_is_refused(message):
    with pytest.raises(ValueError, match=message):
        hessian_top(linear(D, 1), WRONG[message], (X, Y))


def test_a_kernel_without_a_second_derivative_is_named():
    def loss(module, batch):
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            return energy(module, batch)

    with pytest.raises(ValueError, match=r"no second derivative.*flash.*attn_implementation"):
        hessian_top(Attending(), loss, normal(8, 1, 5, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hessian_top(linear(D, 1), squared, (X, Y), which="LM"), "which='LM'"),
        (lambda: hessian_top(linear(D, 1), squared, (X, Y), tol=0), "tol=0"),
        (lambda: hessian_top(linear(D, 1), squared, (X, Y), tol="low"), "tol='low' is not"),
        (lambda: hessian_top(linear(D, 1), squared, (X[:1], Y[:1])), "1 row"),
        (lambda: hessian_trace(linear(D, 1), squared, (X[:1], Y[:1])), "1 row"),
        (lambda: hessian_trace(linear(D, 1), squared, (X, Y), n_probes=1), "n_probes"),
        (lambda: hessian_top(squared, squared, (X, Y)), "not a torch.nn.Module"),
    ],
)
def test_arguments_out_of_range_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
