"""Gradients and curvature of a small transformer, against a loop over rows and a whole matrix."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from sklearn_emerge.geometry import gradient_gram, gradient_rank, hessian_top, hessian_trace


class Small(nn.Module):
    """Causal, of one block, with dropout that evaluation has to switch off."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(6, 4)
        self.block = nn.TransformerEncoderLayer(4, 2, 6, 0.3, batch_first=True, norm_first=True)
        self.head = nn.Linear(4, 6)

    def forward(self, tokens):
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1]).double()
        return self.head(self.block(self.tokens(tokens), src_mask=mask, is_causal=True))


def next_token(module, tokens):
    logits = module(tokens[:, :-1]).transpose(1, 2)
    return nn.functional.cross_entropy(logits, tokens[:, 1:], reduction="none").sum(dim=1)


@pytest.fixture(scope="module")
def known():
    """A module, rows, and the gradient of each row and the Hessian of their mean loss."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module, rows = Small().double().eval(), torch.randint(6, (12, 5))
    G = []
    for i in range(len(rows)):
        gradients = torch.autograd.grad(
            next_token(module, rows[i : i + 1]).sum(), [*module.parameters()]
        )
        G.append(torch.cat([gradient.ravel() for gradient in gradients]).numpy())
    named = dict(module.named_parameters())

    def mean_loss(weights):
        parts = weights.split([p.numel() for p in named.values()])
        own = {k: w.reshape(p.shape) for (k, p), w in zip(named.items(), parts, strict=True)}
        return next_token(lambda tokens: functional_call(module, own, (tokens,)), rows).mean()

    weights = torch.cat([p.detach().ravel() for p in named.values()])
    with sdpa_kernel(SDPBackend.MATH):
        hessian = torch.autograd.functional.hessian(mean_loss, weights).numpy()
    return module.train(), rows, np.array(G), hessian


def test_gradients_are_those_of_a_loop_over_rows(known):
    module, rows, G, _ = known
    np.testing.assert_allclose(gradient_gram(module, next_token, rows).gram, G @ G.T, atol=1e-9)
    values = np.linalg.eigvalsh(np.cov(G.T))
    shares = values[values > 1e-12 * values.sum()] / values.sum()
    found = gradient_rank(module, next_token, rows)
    assert found.value == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
    assert found.trace == pytest.approx(values.sum())


def test_curvature_is_that_of_the_whole_matrix(known):
    module, rows, _, hessian = known
    values = np.linalg.eigvalsh(hessian)
    for which, value in (("LA", values[-1]), ("SA", values[0])):
        found = hessian_top(module, next_token, rows, which=which, tol=1e-6)
        assert found.value == pytest.approx(value, rel=1e-5)
    trace = hessian_trace(module, next_token, rows, n_probes=200, random_state=0)
    error = np.sqrt(2 * ((hessian - np.diag(np.diag(hessian))) ** 2).sum() / 200)
    assert abs(trace.value - np.trace(hessian)) < 3 * error
