"""Likelihoods: what each decides, and that another one is an object and its criterion."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, logit
from scipy.stats import bernoulli, norm, poisson
from sklearn.utils._param_validation import StrOptions

from sklearn_emerge import GRUPredictor, MeanPredictor, PersistencePredictor
from sklearn_emerge._losses import Loss
from sklearn_emerge.likelihoods import LIKELIHOODS, Likelihood

RNG = np.random.default_rng(0)
OUTPUT = RNG.normal(size=(4, 5, 3))
OBSERVED = {
    "gaussian": RNG.normal(size=OUTPUT.shape),
    "bernoulli": RNG.integers(2, size=OUTPUT.shape).astype(float),
    "categorical": np.eye(3)[RNG.integers(3, size=OUTPUT.shape[:2])],
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_the_criterion_is_the_mean_log_density_with_a_minus(name):
    likelihood, x = LIKELIHOODS[name], OBSERVED[name]
    noise_std, scale = np.array([0.5, 1.0, 2.0]), np.array([1.0, 3.0, 2.0])
    if not likelihood.identity_link:
        scale = np.ones(3)
    tensors = (torch.from_numpy(part.astype(np.float32)) for part in (OUTPUT, x / scale))
    loss = likelihood.criterion(noise_std, scale)(*tensors).item()
    density = likelihood.log_density(x, likelihood.mean(OUTPUT * scale), noise_std)
    assert loss == pytest.approx(-density.sum(axis=2).mean(), rel=1e-5)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_what_is_next_to_a_regression_is_a_mean_and_means_stay(name):
    likelihood = LIKELIHOODS[name]
    possible = likelihood.possible(OUTPUT + 2)
    assert likelihood.is_mean(possible)
    assert np.allclose(likelihood.possible(possible), possible)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_what_is_repeated_is_a_mean_and_nearest_to_what_there_is(name):
    likelihood, x = LIKELIHOODS[name], OBSERVED[name]
    mean = likelihood.repeat(x, 0.9)
    assert likelihood.is_mean(mean)
    assert np.allclose(mean, x, atol=0.1 + 1e-12)
    assert likelihood.repeat(x, 1.0) == pytest.approx(x)


def test_log_densities_are_those_of_scipy_and_torch():
    x, noise_std = OBSERVED["gaussian"], np.array([0.5, 1.0, 2.0])
    density = LIKELIHOODS["gaussian"].log_density(x, OUTPUT, noise_std)
    assert density == pytest.approx(norm.logpdf(x, OUTPUT, noise_std))
    x, flips = OBSERVED["bernoulli"], LIKELIHOODS["bernoulli"]
    density = flips.log_density(x, flips.mean(OUTPUT))
    assert density == pytest.approx(bernoulli.logpmf(x, 1 / (1 + np.exp(-OUTPUT))))
    loss = torch.nn.BCEWithLogitsLoss(reduction="none")
    assert density == pytest.approx(-loss(torch.tensor(OUTPUT), torch.tensor(x)).numpy())
    x, tokens = OBSERVED["categorical"], LIKELIHOODS["categorical"]
    density = tokens.log_density(x, tokens.mean(OUTPUT))
    assert density == pytest.approx(x * log_softmax(OUTPUT, axis=2))


@pytest.mark.parametrize("name", ["bernoulli", "categorical"])
def test_one_surprise_costs_no_more_than_a_probability_of_a_millionth(name):
    x = OBSERVED[name]
    density = LIKELIHOODS[name].log_density(x, 1 - x)
    assert density.min() == pytest.approx(np.log(1e-6))
    assert np.isfinite(density).all()


def test_means_are_the_inverse_of_the_link():
    assert LIKELIHOODS["gaussian"].mean(OUTPUT) is OUTPUT
    assert logit(LIKELIHOODS["bernoulli"].mean(OUTPUT)) == pytest.approx(OUTPUT)
    means = LIKELIHOODS["categorical"].mean(OUTPUT)
    assert means.sum(axis=2) == pytest.approx(np.ones((4, 5)))
    assert np.diff(np.log(means)) == pytest.approx(np.diff(OUTPUT))


def test_tokens_are_channels_and_others_stay_as_they_are():
    X = RNG.integers(3, size=(4, 5, 1)).astype(float)
    channels = LIKELIHOODS["categorical"].encode(X, 4)
    assert channels.shape == (4, 5, 4)
    assert (channels.argmax(axis=2) == X[:, :, 0]).all()
    assert (channels.sum(axis=2) == 1).all()
    with pytest.raises(ValueError, match="tokens"):
        LIKELIHOODS["categorical"].encode(X + 0.5, 4)
    for name in ("gaussian", "bernoulli"):
        assert LIKELIHOODS[name].encode(X, None) is X


def test_each_is_for_what_it_says():
    LIKELIHOODS["gaussian"].check(OUTPUT)
    LIKELIHOODS["bernoulli"].check(OBSERVED["bernoulli"])
    with pytest.raises(ValueError, match=r"X contains 0\.5; use likelihood='gaussian' or binarise"):
        LIKELIHOODS["bernoulli"].check(np.full((2, 3, 1), 0.5))


def test_shares_are_those_of_laplace_s_rule():
    total = np.array([3.0, 0.0, 5.0])
    assert LIKELIHOODS["gaussian"].frequency(total, 8) == pytest.approx(total / 8)
    assert LIKELIHOODS["bernoulli"].frequency(total, 8) == pytest.approx((total + 1) / 10)
    assert LIKELIHOODS["categorical"].frequency(total, 8) == pytest.approx((total + 1) / 11)


def test_noise_is_what_is_given_or_what_the_data_show_and_tokens_have_none():
    quantities = LIKELIHOODS["gaussian"]
    assert quantities.noise(2, 0.5, None).tolist() == [0.5, 0.5]
    assert quantities.noise(2, None, lambda: np.array([1.0, 3.0])).tolist() == [1, 3]
    assert np.isnan(LIKELIHOODS["categorical"].noise(2, 0.5, None)).all()


class PoissonLoss(Loss):
    def forward(self, output, target):
        loss = torch.nn.PoissonNLLLoss(full=False)(output, target)
        return loss * output.shape[-1]


class Poisson(Likelihood):
    """Counts, of whose means the logarithm is linear."""

    name = "poisson"

    def check(self, X):
        if (X < 0).any() or (np.floor(X) != X).any():
            raise ValueError("X has other numbers than counts; pass counts.")

    def mean(self, output):
        return np.exp(output)

    def is_mean(self, mean):
        return (mean >= 0).all()

    def frequency(self, total, count):
        return (total + 0.5) / count

    def repeat(self, x, share):
        return share * x + (1 - share)

    def noise(self, n_channels, given, estimate):
        return np.full(n_channels, np.nan)

    def log_density(self, x, mean, noise_std):
        return poisson.logpmf(x, mean)

    def criterion(self, noise_std, scale):
        return PoissonLoss()

    def fit_head(self, ridge, chunks, moments):
        raise AssertionError("heads by gradient descent need none")


@pytest.fixture
def counts(monkeypatch):
    monkeypatch.setitem(LIKELIHOODS, "poisson", Poisson())
    for predictor in (GRUPredictor, MeanPredictor, PersistencePredictor):
        known = predictor._parameter_constraints | {"likelihood": [StrOptions({"poisson"})]}
        monkeypatch.setattr(predictor, "_parameter_constraints", known)
    # Rates rise and fall alike in all sequences.
    rates = np.exp(1 + np.sin(np.arange(20) / 3))
    return rates, np.random.default_rng(1).poisson(rates, size=(300, 20)).astype(float)


def test_another_likelihood_is_an_object_and_its_criterion(counts):
    rates, X = counts
    options = dict(likelihood="poisson")
    network = GRUPredictor(8, head="sgd", max_steps=400, lr=0.02, random_state=0, **options).fit(X)
    # There is no kernel for it, and none is taken for that of another one.
    assert network.engine_ == "torch"
    best = poisson.logpmf(X[:, 1:], rates[1:]).mean()
    step_mean = MeanPredictor(per_step=True, **options).fit(X).score(X)
    mean = MeanPredictor(**options).fit(X).score(X)
    assert step_mean == pytest.approx(best, abs=0.01)
    assert mean < best - 0.2 < network.score(X) < step_mean + 0.01
    assert network.score(X) == pytest.approx(best, abs=0.03)
    persistence = PersistencePredictor(**options).fit(X).score(X)
    assert persistence < mean
    # In nats per step, without what does not hang on the mean.
    constant = poisson.logpmf(X[:, 1:], 1.0).mean() + 1
    assert network.training_loss_[-1] - constant == pytest.approx(-network.score(X), abs=0.03)
    with pytest.raises(ValueError, match="engine='numba'.*its likelihood has no kernel"):
        GRUPredictor(8, head="sgd", engine="numba", **options).fit(X)
    with pytest.raises(ValueError, match="other numbers than counts"):
        MeanPredictor(**options).fit(X - 1)
