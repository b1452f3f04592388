"""Gradients of rows: their products, their rank where it is known, and what is refused."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from sklearn_emerge.geometry import (
    GradientGram,
    _gram,
    exact_fisher_rank,
    fisher_rank,
    gradient_gram,
    gradient_rank,
)
from sklearn_emerge.geometry._ranked import rank_of_rows
from sklearn_emerge.geometry._rows import as_rows, rows_at

K, D = 5, 6


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).to(dtype)


def nll(module, batch):
    """Negative log-likelihood of labels."""
    return cross_entropy(module(batch[0]), batch[1], reduction="none")


def squared(module, batch):
    return (module(batch[0])[:, 0] - batch[1]) ** 2 / 2


def draw(module, batch, generator):
    shares = module(batch[0]).softmax(dim=1)
    return batch[0], torch.multinomial(shares, 1, generator=generator)[:, 0]


def linear(n_inputs=D, n_outputs=K, seed=None):
    """A linear map without an offset, with zero or with random weights."""
    module = nn.Linear(n_inputs, n_outputs, bias=False, dtype=torch.float64)
    with torch.no_grad():
        module.weight.copy_(torch.zeros(()) if seed is None else normal(n_outputs, n_inputs))
    return module


class Attending(nn.Module):
    """A small transformer with dropout, a tied head, and a layer that is frozen."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.embedding = nn.Embedding(7, 8)
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True)
            self.norm = nn.LayerNorm(8)
            self.head = nn.Linear(8, 7)
        self.head.weight = self.embedding.weight
        self.norm.requires_grad_(False)

    def forward(self, tokens):
        return self.head(self.norm(self.layer(self.embedding(tokens))))


def next_token(module, tokens):
    logits = module(tokens[:, :-1]).transpose(1, 2)
    return cross_entropy(logits, tokens[:, 1:], reduction="none").sum(dim=1)


TOKENS = torch.from_numpy(np.random.default_rng(1).integers(7, size=(22, 6)))


def products_by_hand(module, loss, batch):
    """Inner products of gradients by plain backward passes."""
    module.eval().requires_grad_(True)
    parameters = list(module.parameters())
    rows = [
        torch.autograd.grad(loss(module, rows_at(batch, [i])).sum(), parameters)
        for i in range(as_rows(batch)[1])
    ]
    G = torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])
    return (G @ G.T).double().numpy()


class TestGram:
    def test_it_is_that_of_plain_gradients_of_all_parameters(self, monkeypatch):
        # A transformer allows vmap.
        monkeypatch.setattr(_gram, "_one_by_one", None)
        found = gradient_gram(Attending(), next_token, TOKENS)
        module = Attending()
        assert found.n_parameters == sum(p.numel() for p in module.parameters())
        known = products_by_hand(module, next_token, TOKENS)
        np.testing.assert_allclose(found.gram, known, rtol=1e-4, atol=1e-5 * known.max())
        losses = next_token(module, TOKENS).detach().numpy()
        np.testing.assert_allclose(found.losses, losses, rtol=1e-5)

    def test_groups_of_parameters_and_rows_one_by_one_give_the_same(self, monkeypatch):
        at_once = gradient_gram(Attending(), next_token, TOKENS)
        monkeypatch.setattr(_gram, "_ROWS", 9)
        # One parameter after the other.
        in_groups = gradient_gram(Attending(), next_token, TOKENS, max_bytes=1)
        tolerance = dict(rtol=1e-4, atol=1e-5 * at_once.gram.max())
        np.testing.assert_allclose(in_groups.gram, at_once.gram, **tolerance)

        def cannot(*arguments):  # As if it did not.
            raise RuntimeError("vmap: we do not support it")

        monkeypatch.setattr(_gram, "_by_vmap", cannot)
        for max_bytes in (1, 2**29):
            found = gradient_gram(Attending(), next_token, TOKENS, max_bytes=max_bytes)
            np.testing.assert_allclose(found.gram, at_once.gram, **tolerance)

    @pytest.mark.parametrize("error", [KeyError("a"), TypeError("b"), ValueError("c")], ids=repr)
    def test_errors_of_a_loss_are_not_taken_for_what_vmap_cannot(self, error):
        calls = []

        def loss(module, batch):
            calls.append(1)
            if len(calls) == 2:  # After that of all rows, within vmap.
                raise error
            return next_token(module, batch)

        with pytest.raises(type(error)) as raised:
            gradient_gram(Attending(), loss, TOKENS)
        assert raised.value is error
        assert len(calls) == 2

    def test_runtime_errors_of_a_loss_are_raised_as_they_are(self):
        def loss(module, batch):
            if len(batch) == 1:
                raise RuntimeError("of my own")
            return next_token(module, batch)

        with pytest.raises(RuntimeError, match=r"^of my own$"):
            gradient_gram(Attending(), loss, TOKENS)

    def test_memory_is_that_of_a_group(self, monkeypatch):
        sizes = []

        def noted(module, loss, batch, losses, group):
            sizes.append(len(losses) * sum(p.numel() * p.element_size() for p in group.values()))
            return original(module, loss, batch, losses, group)

        original = _gram._gradients
        monkeypatch.setattr(_gram, "_gradients", noted)
        gradient_gram(Attending(), next_token, TOKENS, max_bytes=22 * 4 * 300)
        assert max(sizes) <= 22 * 4 * 300
        assert len(sizes) > 2

    def test_modules_that_vmap_does_not_know(self):
        """A recurrent network, and one that looks at numbers."""

        class Looking(nn.Module):
            def __init__(self):
                super().__init__()
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(0)
                    self.gru = nn.GRU(2, 3, batch_first=True)

            def forward(self, X):
                states = self.gru(X)[0]
                return states[:, -1] if float(X.sum()) < np.inf else states[:, 0]

        batch = normal(9, 4, 2, dtype=torch.float32), torch.zeros(9)
        found = gradient_gram(Looking(), squared, batch)
        known = products_by_hand(Looking(), squared, batch)
        np.testing.assert_allclose(found.gram, known, rtol=1e-4, atol=1e-5 * known.max())

    def test_batches_of_all_kinds(self):
        X, y = normal(12, D), torch.arange(12) % K
        known = gradient_gram(linear(), nll, (X, y)).gram

        def of_dict(module, batch):
            return nll(module, (batch["X"], batch["y"])) * batch["weight"]

        named = gradient_gram(linear(), of_dict, {"X": X, "y": y, "weight": 1.0}).gram
        np.testing.assert_allclose(named, known, rtol=1e-12)
        loader = DataLoader(TensorDataset(X, y), batch_size=5)
        np.testing.assert_allclose(gradient_gram(linear(), nll, loader).gram, known, rtol=1e-12)
        # Whatever the caller has switched off.
        with torch.no_grad():
            np.testing.assert_allclose(gradient_gram(linear(), nll, [X, y]).gram, known, rtol=1e-12)
        with torch.inference_mode():
            X, y = X.clone(), y.clone()
            np.testing.assert_allclose(gradient_gram(linear(), nll, (X, y)).gram, known, rtol=1e-12)

    def test_trace_is_that_about_the_mean_and_of_the_mean(self):
        X, y = normal(30, D), torch.arange(30) % K
        gram = gradient_gram(linear(seed=1), nll, (X, y)).gram
        module = linear(seed=1)
        mean = torch.autograd.grad(nll(module, (X, y)).mean(), module.weight)[0]
        centred = np.trace(gram - gram.mean(axis=0)[:, None] - gram.mean(axis=0) + gram.mean())
        known = centred + 30 * float((mean**2).sum())
        assert np.trace(gram) == pytest.approx(known, rel=1e-12)
        found = gradient_rank(linear(seed=1), nll, (X, y))
        assert found.trace == pytest.approx(centred / 29, rel=1e-12)


@pytest.mark.parametrize(
    "measure",
    [
        gradient_gram,
        gradient_rank,
        lambda *given: fisher_rank(*given, lambda module, tokens, generator: tokens),
    ],
    ids=["gram", "gradient", "fisher"],
)
@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_changed(measure, training):
    module = Attending().train(training)
    next_token(module, TOKENS).sum().backward()
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    gradients = {name: p.grad for name, p in module.named_parameters()}
    copies = {name: None if g is None else g.clone() for name, g in gradients.items()}
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    one = measure(module, next_token, TOKENS)
    assert module.training == training
    assert all(part.training == training for part in module.modules())
    for name, value in module.state_dict().items():
        assert torch.equal(value, weights[name])
    for name, p in module.named_parameters():
        assert p.requires_grad == (not name.startswith("norm"))
        assert p.grad is gradients[name]
        assert p.grad is None or torch.equal(p.grad, copies[name])
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()
    # Nor is anything random, as dropout is.
    two = measure(module, next_token, TOKENS)
    if isinstance(one, GradientGram):
        np.testing.assert_array_equal(one.gram, two.gram)
    else:
        assert (one.value, one.trace) == (two.value, two.trace)


def settings():
    cuda, others = torch.backends.cuda, torch.backends
    return (
        torch.get_float32_matmul_precision(),
        cuda.flash_sdp_enabled(),
        cuda.math_sdp_enabled(),
        others.cudnn.enabled,
        others.mha.get_fastpath_enabled(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
    )


def test_what_is_set_in_torch_changes_nothing_and_stays_set():
    known = gradient_gram(Attending(), next_token, TOKENS).gram
    module = Attending()
    torch.set_float32_matmul_precision("medium")
    torch.set_default_dtype(torch.float64)
    try:
        before = settings()
        with torch.autocast("cpu", torch.bfloat16):
            found = gradient_gram(module, next_token, TOKENS).gram
        with pytest.raises(ValueError, match="loss returned"):
            gradient_gram(module, lambda module, batch: 0.0, TOKENS)
        assert settings() == before
    finally:
        torch.set_float32_matmul_precision("highest")
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(found, known)


class TestRank:
    def test_linear_regression_has_its_inputs(self):
        found = gradient_rank(linear(4, 1), squared, (normal(300, 4), normal(300, seed=1)))
        # Squared residuals have heavy tails, so that n rows are worth less.
        assert 3.7 < found.value <= 4
        assert 3 < found.participation_ratio < 4.5
        assert found.trusted
        assert (found.n, found.n_parameters) == (300, 4)
        assert found.cost > 0
        X = normal(300, 4) * torch.tensor([1.0, 1.0, 0.0, 0.0])
        assert gradient_rank(linear(4, 1), squared, (X, normal(300, seed=1))).value <= 2

    def test_softmax_regression_has_equal_eigenvalues(self):
        """(K - 1) d of them, each 1/K; n rows of white inputs show Page's share of them."""
        n = 1000
        batch = normal(n, D), torch.zeros(n, dtype=torch.long)
        found = fisher_rank(linear(), nll, batch, draw, random_state=0)
        assert found.value == pytest.approx(24 * np.exp(-24 / (2 * n)), abs=0.15)
        assert found.participation_ratio == pytest.approx(24, abs=1)
        assert found.trace == pytest.approx(24 / K, rel=0.1)
        assert found.trusted
        again = fisher_rank(linear(), nll, batch, draw, random_state=0)
        assert again.value == found.value
        assert fisher_rank(linear(), nll, batch, draw, random_state=1).value != found.value

    def test_answers_drawn_for_other_rows_are_refused(self):
        batch = normal(20, D), torch.zeros(20, dtype=torch.long)
        with pytest.raises(ValueError, match=r"draw returned 8 row\(s\) of 20"):
            fisher_rank(linear(), nll, batch, lambda m, b, g: (b[0][:8], b[1][:8]))

    @pytest.mark.slow
    def test_softmax_regression_with_as_many_rows_as_are_published(self):
        batch = normal(4000, D), torch.zeros(4000, dtype=torch.long)
        found = fisher_rank(linear(), nll, batch, draw, random_state=0)
        assert found.value == pytest.approx(23.91, abs=0.04)

    def test_independent_gradients_have_the_rank_of_page(self):
        G = np.random.default_rng(0).normal(size=(200, 20_000))
        found = rank_of(G)
        assert found.value == pytest.approx(198.0, abs=0.1)
        # Which is no property of what they are gradients of.
        assert not found.trusted
        assert "more than a fifth of the 200 rows" in found.reasons[0]
        G = np.random.default_rng(0).normal(size=(600, 20))
        assert rank_of(G).value == pytest.approx(20 * np.exp(-20 / 1198), abs=0.1)

    def test_standard_error_is_the_spread_of_other_rows(self):
        scale = 0.8 ** np.arange(20)
        found = [
            rank_of(np.random.default_rng(i).normal(size=(100, 20)) * scale) for i in range(60)
        ]
        spread = np.std([one.value for one in found])
        errors = np.mean([one.standard_error for one in found])
        assert errors == pytest.approx(spread, rel=0.3)
        assert np.isnan(rank_of(np.random.default_rng(0).normal(size=(19, 20))).standard_error)

    def test_participation_ratio_does_not_depend_on_the_rows(self):
        for center in (True, False):
            found = [
                rank_of(np.random.default_rng(i).normal(size=(30, 200)), center=center)
                for i in range(30)
            ]
            ratios = [one.participation_ratio for one in found]
            assert np.mean(ratios) == pytest.approx(200, rel=0.1)

    def test_unit_norms_count_each_row_alike(self):
        G = np.random.default_rng(0).normal(size=(200, 6))
        heavy = G.copy()
        heavy[:5] *= 1e3
        assert rank_of(heavy).value < 4.9
        assert rank_of(heavy, normalised=True).value == pytest.approx(
            rank_of(G, normalised=True).value, rel=1e-9
        )
        batch = normal(100, D), torch.arange(100) % K
        rank = gradient_rank(linear(), nll, batch, normalised=True)
        assert rank.trace == gradient_rank(linear(), nll, batch).trace


def rank_of(G, *, center=True, normalised=False, losses=1.0):
    """Rank of given gradients."""
    found = GradientGram(
        gram=G @ G.T,
        losses=np.broadcast_to(losses, len(G)),
        n_parameters=G.shape[1],
        resolution=2**-52,
        cost=0.0,
    )
    return rank_of_rows(found, 0.0, center=center, normalised=normalised, least_loss=None)


@pytest.mark.parametrize("normalised", [True, False])
def test_single_precision_is_enough(normalised):
    single, double = (
        gradient_rank(Attending().to(dtype), next_token, TOKENS, normalised=normalised)
        for dtype in (torch.float32, torch.float64)
    )
    assert single.value == pytest.approx(double.value, rel=1e-4)
    assert single.participation_ratio == pytest.approx(double.participation_ratio, rel=1e-4)


class TestExactFisher:
    @pytest.mark.parametrize("seed", [None, 1])
    def test_it_is_the_hessian_of_softmax_regression(self, seed):
        """At any weights: gradients of all labels, weighted by their probability."""
        n, module = 20, linear(seed=seed)
        X = normal(n, D)
        batches = [(X, torch.full((n,), label)) for label in range(K)]

        def mean_loss(weights):
            return cross_entropy(X @ weights.T, torch.zeros(n, dtype=torch.long))

        hessian = torch.autograd.functional.hessian(mean_loss, module.weight.detach())
        hessian = hessian.reshape(K * D, K * D)
        values = np.linalg.eigvalsh(hessian.numpy())
        every = torch.cat([X] * K), torch.arange(K).repeat_interleave(n)
        found = gradient_gram(module, nll, every)
        root = np.exp(-found.losses / 2) / np.sqrt(n)
        gram = root[:, None] * found.gram * root
        np.testing.assert_allclose(np.linalg.eigvalsh(gram)[-K * D :], values, atol=1e-15)
        rank = exact_fisher_rank(module, nll, batches)
        shares = values[values > 1e-12] / values[values > 1e-12].sum()
        assert rank.value == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-10)
        assert rank.trace == pytest.approx(np.trace(hessian), rel=1e-12)
        assert rank.n == n

    def test_answers_drawn_from_the_network_have_it_on_average(self):
        n, module = 200, linear(seed=1)
        X = normal(n, D)
        exact = exact_fisher_rank(module, nll, [(X, torch.full((n,), label)) for label in range(K)])
        drawn = [
            fisher_rank(module, nll, (X, torch.zeros(n, dtype=torch.long)), draw, random_state=i)
            for i in range(24)
        ]
        assert np.mean([one.trace for one in drawn]) == pytest.approx(exact.trace, rel=0.1)
        ratio = np.mean([one.participation_ratio for one in drawn])
        assert ratio == pytest.approx(exact.participation_ratio, rel=0.1)
        # Of r directions drawn answers show some r exp(-r / n): 0.94 in the place of 1 here, with a
        # standard error of 0.04.
        value = np.mean([one.value for one in drawn])
        assert 0.75 < np.log(exact.value / value) * n / exact.value < 1.15

    def test_answers_that_are_missing_are_told(self):
        X = normal(8, D)
        batches = [(X, torch.full((8,), label)) for label in range(K)]
        with pytest.raises(ValueError, match="row 0 add up to 0.8, and not to 1.*each possible"):
            exact_fisher_rank(linear(), nll, batches[1:])
        with pytest.raises(ValueError, match="list of two batches or more.*got dict"):
            exact_fisher_rank(linear(), nll, {})
        with pytest.raises(ValueError, match=r"batches have \[8, 7\] rows"):
            exact_fisher_rank(linear(), nll, [batches[0], (X[1:], batches[1][1][1:])])

    def test_known_answers_have_no_rank(self):
        X = torch.eye(D, dtype=torch.float64)
        module = linear(D, D)
        with torch.no_grad():
            module.weight.copy_(60 * torch.eye(D))
        batches = [(X, torch.full((D,), label)) for label in range(D)]
        found = exact_fisher_rank(module, nll, batches)
        assert np.isnan([found.value, found.participation_ratio]).all()
        assert 0 < found.trace < 1e-20


class TestResolution:
    """Where the loss is near zero gradients are rounding errors."""

    @pytest.mark.parametrize("scale", [25, 200])
    def test_nan_with_the_trace_beside(self, scale):
        module = linear(D, D).float()
        with torch.no_grad():
            module.weight.copy_(scale * torch.eye(D))
        X, y = torch.eye(D).repeat(10, 1), torch.arange(D).repeat(10)
        found = gradient_rank(module, nll, (X, y))
        assert np.isnan([found.value, found.participation_ratio, found.standard_error]).all()
        assert 0 <= found.trace < 1e-12
        assert not found.trusted
        assert "below 1.2e-05 gradients are rounding errors" in found.reasons[0]
        # Double precision resolves 25, but not 200.
        found = gradient_rank(module.double(), nll, (X.double(), y))
        assert np.isnan(found.value) == (scale == 200)

    def test_other_losses_have_another_limit(self):
        batch = 1e-4 * normal(50, 3, dtype=torch.float32), torch.zeros(50)
        module = nn.Linear(3, 1, bias=False)
        nn.init.ones_(module.weight)
        assert np.isnan(gradient_rank(module, squared, batch).value)
        assert gradient_rank(module, squared, batch, least_loss=0).value > 2

    def test_equal_gradients_do_not_differ(self):
        found = gradient_rank(linear(), nll, (torch.ones(8, D).double(), torch.zeros(8).long()))
        assert np.isnan(found.value)
        assert "All rows have the same gradient" in found.reasons[0]

    def test_loss_of_another_module_is_told(self):
        other = linear()
        found = gradient_rank(linear(), lambda module, batch: nll(other, batch), (X, Y))
        assert np.isnan(found.value)
        assert found.trace == 0
        assert "does not depend on the parameters" in found.reasons[0]

    def test_rows_without_loss_are_told(self):
        G = np.random.default_rng(0).normal(size=(60, 4))
        losses = np.r_[np.zeros(3), np.ones(57)]
        found = rank_of(G, losses=losses)
        assert found.value > 3
        assert found.reasons[0].startswith("3 of 60 rows have a loss of 0: they have no answer")
        G[:3] = 0
        found = rank_of(G, losses=losses, normalised=True)
        assert found.n == 57
        assert found.reasons[1].startswith("3 of 60 rows are left out")


X, Y = normal(6, D), torch.arange(6) % K


def of_dropped(module, batch):
    """Mean over the answers of each row, of which the third has none."""
    counts = torch.ones(len(batch[0]))
    counts[2:3] = 0
    return nll(module, batch) * counts / counts


def standardised(module, batch):
    return nll(module, (batch[0] - batch[0].mean(dim=0), batch[1]))


@pytest.mark.parametrize("measure", [gradient_gram, gradient_rank])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((linear(), nll, (X[:1], Y[:1])), r"batch has 1 row\(s\), and at least"),
        ((linear(), nll, (X, Y[1:])), r"shapes \[\(6, 6\), \(5,\)\].*equally many rows"),
        ((linear(), nll, "X"), "holds no tensor, but str.*as_tensor"),
        ((linear(), nll, (X, torch.tensor(1))), r"shapes \[\(6, 6\), \(\)\]"),
        ((linear(), lambda m, b: nll(m, b).mean(), (X, Y)), r"shape \(\) for 6 rows.*'none'"),
        ((linear(), lambda m, b: m(b[0]), (X, Y)), r"shape \(6, 5\) for 6 rows.*Sum over"),
        ((linear(), lambda m, b: 0.5, (X, Y)), "loss returned float for 6 rows"),
        ((linear(), nll, (torch.where(X < 1, X, torch.nan), Y)), "loss is nan in row .*not finite"),
        ((linear(), of_dropped, (X, Y)), "loss is nan in row 2, .* 1 of 6 rows.*no answer"),
        ((linear(seed=1), standardised, (X, Y)), "loss of row .* among the others.*alone.*only"),
        (
            (linear(), lambda m, b: nll(m, b) + (m.weight**2).sum().sqrt(), (X, Y)),
            "gradients of 6 of 6 rows are not finite, first that of row 0.*roots",
        ),
        (("net", nll, (X, Y)), "module='net' is not a torch.nn.Module.*network_"),
        ((nn.ReLU(), nll, (X, Y)), "module has no parameters"),
    ],
)
def test_wrong_arguments_are_refused(measure, given, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        measure(*given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(max_bytes=0), "max_bytes=0 must be an integer"),
        (dict(least_loss=-1), "least_loss=-1 must be at least 0"),
        (dict(least_loss=np.nan), "least_loss=nan must be at least 0"),
        (dict(least_loss="a"), "least_loss='a' must be at least 0"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        gradient_rank(linear(), nll, (X, Y), **options)


def test_module_that_cannot_be_copied():
    module = linear()
    module.kept = module.weight * 2
    with pytest.raises(ValueError, match="module cannot be copied.*Keep no results"):
        gradient_gram(module, nll, (X, Y))


def test_errors_of_the_network_are_its_own():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied") as error:
        gradient_gram(linear(), nll, (X[:, 1:], Y))
    assert "batch has tensors of the shapes" in error.value.__notes__[0]
