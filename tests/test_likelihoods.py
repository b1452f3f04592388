"""Likelihoods: what each decides, and that another one is an object and its criterion."""

import numpy as np
import pytest
import statsmodels.api as sm
import torch
from scipy.special import log_softmax, logit
from scipy.stats import bernoulli, geom, nbinom, norm, poisson
from scipy.stats import t as student_t
from sklearn.linear_model import PoissonRegressor
from sklearn.utils._param_validation import StrOptions

from sklearn_emerge import (
    ArrayWorld,
    AutoregressivePredictor,
    EchoStatePredictor,
    EmergenceAssessment,
    GRUPredictor,
    KalmanPredictor,
    LinearFilterPredictor,
    MarkovPredictor,
    MeanPredictor,
    OscillatorWorld,
    PersistencePredictor,
    SeasonalPredictor,
    TimeVaryingFilterPredictor,
    WindowPredictor,
)
from sklearn_emerge._families import Counts
from sklearn_emerge._glm import fit_glm
from sklearn_emerge._losses import Loss
from sklearn_emerge._moments import Moments
from sklearn_emerge._tokens import indicators
from sklearn_emerge.assessment._panel import make_baselines
from sklearn_emerge.likelihoods import LIKELIHOODS, Likelihood
from sklearn_emerge.likelihoods._negative_binomial import dispersions
from sklearn_emerge.measures import exchange_states
from sklearn_emerge.testing import check_predictor

RNG = np.random.default_rng(0)
OUTPUT = RNG.normal(size=(4, 5, 3))
OBSERVED = {
    "gaussian": RNG.normal(size=OUTPUT.shape),
    "bernoulli": RNG.integers(2, size=OUTPUT.shape).astype(float),
    "categorical": RNG.integers(3, size=(*OUTPUT.shape[:2], 1)).astype(float),
}
OBSERVED["student_t"] = OBSERVED["gaussian"]
OBSERVED["poisson"] = OBSERVED["negative_binomial"] = RNG.poisson(2.0, size=OUTPUT.shape) * 1.0
# Degrees of freedom or dispersions; one tells negative binomial counts from Poisson counts, or not.
SHAPE = np.array([0.7, 0.0, 2.0])


def _columns(name, x):
    return indicators(x, 3) if LIKELIHOODS[name].tokens else x


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_the_criterion_is_the_mean_log_density_with_a_minus(name):
    likelihood, x = LIKELIHOODS[name], OBSERVED[name]
    noise_std, scale = np.array([0.5, 1.0, 2.0]), np.array([1.0, 3.0, 2.0])
    if not likelihood.identity_link:
        scale = np.ones(3)
    shape = SHAPE + (name == "student_t")
    scaled = x if likelihood.tokens else x / scale
    tensors = (torch.from_numpy(part.astype(np.float32)) for part in (OUTPUT, scaled))
    loss = likelihood.criterion(noise_std, scale, shape)(*tensors).item()
    density = likelihood.log_density(x, likelihood.mean(OUTPUT * scale), noise_std, shape)
    assert loss == pytest.approx(-density.sum(axis=2).mean(), rel=1e-5)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_what_is_next_to_a_regression_is_a_mean_and_means_stay(name):
    likelihood = LIKELIHOODS[name]
    possible = likelihood.possible(OUTPUT + 2)
    assert likelihood.is_mean(possible)
    assert np.allclose(likelihood.possible(possible), possible)


@pytest.mark.parametrize("name", [each for each in LIKELIHOODS if not LIKELIHOODS[each].counts])
def test_what_is_repeated_is_a_mean_and_nearest_to_what_there_is(name):
    likelihood, x = LIKELIHOODS[name], OBSERVED[name]
    of_tokens = (3,) if likelihood.tokens else ()
    mean, nearest = likelihood.repeat(x, 0.9, *of_tokens), _columns(name, x)
    assert likelihood.is_mean(mean)
    assert np.allclose(mean, nearest, atol=0.1 + 1e-12)
    assert likelihood.repeat(x, 1.0, *of_tokens) == pytest.approx(nearest)


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
    assert density.shape == x.shape
    theirs = np.take_along_axis(log_softmax(OUTPUT, axis=2), x.astype(int), axis=2)
    assert density == pytest.approx(theirs)


@pytest.mark.parametrize("name", ["bernoulli", "categorical"])
def test_one_surprise_costs_no_more_than_a_probability_of_a_millionth(name):
    x = OBSERVED[name]
    density = LIKELIHOODS[name].log_density(x, 1 - _columns(name, x))
    assert density.min() == pytest.approx(np.log(1e-6))
    assert np.isfinite(density).all()


def test_means_are_the_inverse_of_the_link():
    assert LIKELIHOODS["gaussian"].mean(OUTPUT) is OUTPUT
    assert logit(LIKELIHOODS["bernoulli"].mean(OUTPUT)) == pytest.approx(OUTPUT)
    means = LIKELIHOODS["categorical"].mean(OUTPUT)
    assert means.sum(axis=2) == pytest.approx(np.ones((4, 5)))
    assert np.diff(np.log(means)) == pytest.approx(np.diff(OUTPUT))


def test_tokens_stay_numbers_and_are_columns_of_regressions():
    X = RNG.integers(3, size=(4, 5, 1)).astype(float)
    model = MarkovPredictor(likelihood="categorical", n_tokens=4).fit(X)
    assert np.array_equal(model.encode(X), X)
    columns = indicators(X, 4)
    assert columns.shape == (4, 5, 4)
    assert (columns.argmax(axis=2) == X[:, :, 0]).all()
    assert (columns.sum(axis=2) == 1).all()
    with pytest.raises(ValueError, match="tokens"):
        model.encode(X + 0.5)


def test_each_is_for_what_it_says():
    LIKELIHOODS["gaussian"].check(OUTPUT)
    LIKELIHOODS["bernoulli"].check(OBSERVED["bernoulli"])
    with pytest.raises(ValueError, match=r"0 of X has 0\.5 at .*likelihood='gaussian' or"):
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


MEANS = np.exp(np.random.default_rng(5).normal(scale=2, size=(2000, 3)))
UNIFORMS = np.random.default_rng(6).random(MEANS.shape)
# The ends of what may be asked for.
UNIFORMS[0], UNIFORMS[1] = 2.0**-54, 1 - 2.0**-53
NOISE = np.array([0.5, 1.0, 2.0])


@pytest.mark.parametrize(
    ("name", "mean", "shape", "expected"),
    [
        ("gaussian", MEANS, None, norm.ppf(UNIFORMS, MEANS, NOISE)),
        ("student_t", MEANS, SHAPE + 1, student_t.ppf(UNIFORMS, SHAPE + 1, MEANS, NOISE)),
        ("bernoulli", MEANS / (1 + MEANS), None, bernoulli.ppf(UNIFORMS, MEANS / (1 + MEANS))),
        ("poisson", MEANS, None, poisson.ppf(UNIFORMS, MEANS)),
        (
            "negative_binomial",
            MEANS,
            SHAPE,
            np.where(
                SHAPE > 0,
                nbinom.ppf(UNIFORMS, 1 / (SHAPE + 1e-300), 1 / (1 + SHAPE * MEANS)),
                poisson.ppf(UNIFORMS, MEANS),
            ),
        ),
    ],
)
def test_draws_are_those_of_scipy_by_the_same_uniform_numbers(name, mean, shape, expected):
    drawn = LIKELIHOODS[name].draw(mean, UNIFORMS, NOISE, shape)
    assert drawn.dtype == np.float64
    assert np.isfinite(drawn).all()
    assert np.allclose(drawn, expected, rtol=1e-9)


def test_tokens_are_drawn_as_often_as_they_are_probable():
    mean = np.array([0.2, 0.0, 0.5, 0.3])
    # Evenly, so that no chance is in it.
    uniforms = (np.arange(1000) + 0.5)[:, np.newaxis] / 1000
    drawn = LIKELIHOODS["categorical"].draw(np.tile(mean, (1000, 1)), uniforms)
    assert (np.bincount(drawn[:, 0].astype(int), minlength=4) / 1000).tolist() == mean.tolist()
    assert (np.diff(drawn[:, 0]) >= 0).all()
    # What an output that is no token has leaves their ratios as they are.
    less = LIKELIHOODS["categorical"].draw(np.tile(0.8 * mean, (1000, 1)), uniforms)
    assert np.array_equal(less, drawn)
    # A token that cannot be is not drawn, whatever is left by rounding.
    last = LIKELIHOODS["categorical"].draw(
        np.array([[0.3, 0.7 - 1e-16, 0.0]]), np.array([[1 - 2.0**-53]])
    )
    assert last.tolist() == [[1]]


class GeometricLoss(Loss):
    def forward(self, output, target):
        loss = (target + 1) * torch.nn.functional.softplus(output) - target * output
        return loss.mean() * output.shape[-1]


class Geometric(Likelihood):
    """Numbers of failures, of whose means the logarithm is linear."""

    name = "geometric"

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

    def log_density(self, x, mean, noise_std, shape=None):
        return geom.logpmf(x + 1, 1 / (1 + mean))

    def draw(self, mean, uniforms, noise_std, shape=None):
        return geom.ppf(uniforms, 1 / (1 + mean)) - 1

    def criterion(self, noise_std, scale, shape):
        return GeometricLoss()

    def fit_head(self, ridge, chunks, moments):
        raise AssertionError("heads by gradient descent need none")


# Rates rise and fall alike in all sequences.
RATES = np.exp(1 + np.sin(np.arange(20) / 3))
X = np.random.default_rng(1).poisson(RATES, size=(300, 20)).astype(float)
# A rate of each sequence, which only a memory can know, in two channels.
LEVELS = np.exp(np.random.default_rng(2).normal(0.5, 1.0, size=(200, 1, 1))) * [1.0, 0.3]
STEADY = np.random.default_rng(3).poisson(LEVELS, size=(200, 12, 2)).astype(float)
DISPERSED = np.random.default_rng(4).negative_binomial(2, 2 / (2 + LEVELS), (200, 12, 2)) * 1.0


def test_another_likelihood_is_an_object_and_its_criterion(monkeypatch):
    monkeypatch.setitem(LIKELIHOODS, "geometric", Geometric())
    for predictor in (GRUPredictor, MeanPredictor, PersistencePredictor):
        known = predictor._parameter_constraints | {"likelihood": [StrOptions({"geometric"})]}
        monkeypatch.setattr(predictor, "_parameter_constraints", known)
    X = np.random.default_rng(1).geometric(1 / (1 + RATES), size=(300, 20)) - 1.0
    options = dict(likelihood="geometric")
    network = GRUPredictor(8, head="sgd", max_steps=200, lr=0.02, random_state=0, **options).fit(X)
    # There is no kernel for it, and none is taken for that of another one.
    assert network.engine_ == "torch"
    best = geom.logpmf(X[:, 1:] + 1, 1 / (1 + RATES[1:])).mean()
    step_mean = MeanPredictor(per_step=True, **options).fit(X).score(X)
    assert step_mean == pytest.approx(best, abs=0.01)
    assert MeanPredictor(**options).fit(X).score(X) < best - 0.05
    assert network.score(X) == pytest.approx(best, abs=0.03)
    assert PersistencePredictor(**options).fit(X).score(X) < best - 0.1
    assert network.training_loss_[-1] == pytest.approx(-network.score(X), abs=0.03)
    with pytest.raises(ValueError, match="engine='numba'.*its likelihood has no kernel"):
        GRUPredictor(8, head="sgd", engine="numba", **options).fit(X)
    with pytest.raises(ValueError, match="other numbers than counts"):
        MeanPredictor(**options).fit(X - 1)


@pytest.mark.parametrize("head", ["exact", "sgd"])
def test_networks_learn_rates(head):
    options = dict(max_steps=200, lr=0.02, random_state=0, likelihood="poisson", head=head)
    network = GRUPredictor(8, **options).fit(X)
    best = poisson.logpmf(X[:, 1:], RATES[1:]).mean()
    assert network.score(X) == pytest.approx(best, abs=0.03)
    assert network.training_loss_[-1] == pytest.approx(-network.score(X), abs=0.05)
    assert MeanPredictor(likelihood="poisson").fit(X).score(X) < best - 0.2


def data(n=800, scale=(1.0, 5.0, 0.2)):
    rng = np.random.default_rng(0)
    F = rng.normal(size=(n, 3)) * scale
    mean = np.exp(0.5 + F @ [0.3, 0.05, 1.0])
    counts = rng.poisson(mean), rng.negative_binomial(2, 2 / (2 + mean))
    return F, *(each[:, np.newaxis].astype(float) for each in counts)


def moments_of(F, y):
    moments, half = Moments(2, F.shape[1], y.shape[1]), len(F) // 2
    for fold, rows in enumerate((slice(half), slice(half, None))):
        moments.add(fold, F[rows], y[rows])
    return moments


def test_poisson_heads_are_those_of_statsmodels_and_scikit_learn():
    F, y, _ = data()
    # Two targets of different rates at once are two regressions.
    both = np.hstack([y, np.minimum(y, 1)])
    fit = fit_glm(lambda: [(F, both)], moments_of(F, both), np.zeros(2), Counts())
    assert fit.converged
    for target, intercept, coef in zip(both.T, fit.intercept, fit.coef.T, strict=True):
        theirs = sm.GLM(target, sm.add_constant(F), family=sm.families.Poisson()).fit(tol=1e-12)
        assert np.append(intercept, coef) == pytest.approx(theirs.params, abs=1e-6)
    S = (F - F.mean(axis=0)) / F.std(axis=0)
    penalised = fit_glm(lambda: [(S, y)], moments_of(S, y), 1e-2, Counts())
    theirs = PoissonRegressor(alpha=1e-2, tol=1e-12, max_iter=10_000).fit(S, y[:, 0])
    assert penalised.coef[:, 0] == pytest.approx(theirs.coef_, abs=1e-6)
    assert penalised.intercept[0] == pytest.approx(theirs.intercept_, abs=1e-6)


def test_negative_binomial_heads_and_dispersions_are_those_of_statsmodels():
    F, _, y = data()
    likelihood = LIKELIHOODS["negative_binomial"]
    fit = likelihood.shrink_head(
        lambda: [(F[:300], y[:300]), (F[300:], y[300:])], moments_of(F, y), 0
    )
    found = dispersions(y, likelihood.mean(F @ fit.coef + fit.intercept))
    options = dict(method="newton", maxiter=200, tol=1e-12, disp=0)
    theirs = sm.NegativeBinomial(y[:, 0], sm.add_constant(F)).fit(**options)
    ours = np.concatenate([fit.intercept, fit.coef[:, 0], found])
    assert ours == pytest.approx(theirs.params, abs=1e-6)


def test_counts_that_vary_no_more_than_their_mean_have_no_dispersion():
    rng = np.random.default_rng(0)
    x = np.stack([rng.binomial(6, 0.5, 500), rng.negative_binomial(1, 0.25, 500)], axis=1) * 1.0
    below, above = dispersions(x, x.mean(axis=0))
    assert below == 0
    assert above == pytest.approx(1.0, rel=0.2)
    # What was not observed does not count.
    missing = np.vstack([x, np.full((9, 2), np.nan)])
    assert np.array_equal(dispersions(missing, x.mean(axis=0)), [below, above])
    assert dispersions(np.zeros((9, 1)), np.ones(1)).tolist() == [0.0]


def test_log_densities_are_those_of_scipy():
    x, mean = OBSERVED["poisson"], np.exp(OUTPUT)
    ours = {name: LIKELIHOODS[name].log_density for name in LIKELIHOODS}
    assert ours["poisson"](x, mean) == pytest.approx(poisson.logpmf(x, mean), abs=1e-12)
    alpha = np.array([0.01, 0.7, 40.0])
    theirs = nbinom.logpmf(x, 1 / alpha, 1 / (1 + alpha * mean))
    assert ours["negative_binomial"](x, mean, None, alpha) == pytest.approx(theirs, abs=1e-10)
    for dispersion in (0.0, 1e-8, 1e-6, 1e-4):
        near = ours["negative_binomial"](x, mean, None, np.full(3, dispersion))
        assert near == pytest.approx(poisson.logpmf(x, mean), abs=100 * dispersion + 1e-7)
    theirs = student_t.logpdf(x, [1.0, 4.0, 9.0], mean, 2.0)
    assert np.array_equal(ours["student_t"](x, mean, 2.0, np.array([1.0, 4.0, 9.0])), theirs)
    # With many degrees of freedom it is the Gaussian.
    assert ours["student_t"](x, mean, 2.0) == pytest.approx(norm.logpdf(x, mean, 2.0), abs=0.01)


PANEL = {
    "mean": MeanPredictor(),
    "step_mean": MeanPredictor(per_step=True),
    "persistence": PersistencePredictor(),
    "markov": MarkovPredictor(),
    "autoregressive": AutoregressivePredictor(3),
    "seasonal": SeasonalPredictor(),
    "filter": LinearFilterPredictor(),
    "varying": TimeVaryingFilterPredictor(2),
    "window": WindowPredictor(n_features=8, random_state=0),
    "echo_state": EchoStatePredictor(8, n_draws=2, random_state=0),
}


@pytest.mark.parametrize("predictor", PANEL.values(), ids=PANEL)
@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial"])
def test_every_alternative_predicts_means_above_0_of_counts(predictor, likelihood):
    # A channel is silent.
    counts = np.concatenate([STEADY, np.zeros_like(STEADY[..., :1])], axis=2)[:60]
    model = predictor.set_params(likelihood=likelihood).fit(counts)
    assert (model.predict(counts) > 0).all()
    assert np.isfinite(model.score_samples(counts + 1)).all()


@pytest.mark.parametrize("name", ["filter", "varying", "window", "echo_state"])
@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial"])
def test_alternatives_with_a_memory_learn_the_rate_of_a_sequence(name, likelihood):
    counts = STEADY if likelihood == "poisson" else DISPERSED
    options = dict(likelihood=likelihood)
    train, held_out = counts[:150], counts[150:]
    model = PANEL[name].set_params(**options).fit(train)
    assert model.converged_
    gain = model.score(held_out) - MeanPredictor(**options).fit(train).score(held_out)
    assert gain > 0.1


def test_a_linear_filter_of_one_lag_is_the_regression_on_the_last_step():
    model = LinearFilterPredictor(1, link="log", likelihood="poisson").fit(X)
    rows, y = X[:, :-1].reshape(-1, 1), X[:, 1:].ravel()
    theirs = PoissonRegressor(alpha=0, tol=1e-12, max_iter=10_000).fit(rows, y)
    # All but for the penalty.
    assert model.coef_.ravel() == pytest.approx(theirs.coef_, rel=1e-3)


def test_baselines_of_counts_are_means_of_counts():
    x = np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 4.0]])
    options = dict(likelihood="poisson")
    assert MeanPredictor(**options).fit(x).mean_[0] == pytest.approx(6.5 / 6)
    per_step = MeanPredictor(per_step=True, **options).fit(x).mean_.ravel()
    assert per_step.tolist() == [0.25, 1.25, 2.25]
    persistence = PersistencePredictor(**options).fit(x)
    # Three zeros are followed by 2, 0 and 4.
    assert persistence.after_zero_[0] == pytest.approx(6.5 / 3)
    assert persistence.predict(x)[0].tolist() == pytest.approx([6.5 / 3, 2.0, 6.5 / 3])
    with pytest.raises(ValueError, match="mean=0 is not made of numbers above 0.*'poisson'"):
        MeanPredictor(mean=0, **options).fit(x)


def test_dispersed_counts_are_worth_more_under_their_own_likelihood():
    options = dict(max_steps=0, training="readout", random_state=0)
    poisson_, own = (
        GRUPredictor(6, likelihood=name, **options).fit(DISPERSED[:150])
        for name in ("poisson", "negative_binomial")
    )
    assert own.score(DISPERSED[150:]) > poisson_.score(DISPERSED[150:]) + 0.1
    # They are dispersed by a half around means that are known.
    assert own.shape_ == pytest.approx([0.5, 0.5], abs=0.4)
    # Of Poisson counts around the same means there is none, or next to none.
    model = GRUPredictor(6, likelihood="negative_binomial", max_steps=200, lr=0.02, random_state=0)
    assert model.fit(X).shape_[0] < 0.02


def heavy(n=400):
    """Return two channels that forget nothing but noise, with tails of 2.5 and 200 degrees."""
    rng = np.random.default_rng(0)
    noise = np.stack(
        [student_t.rvs(2.5, size=(n, 10), random_state=rng), rng.normal(size=(n, 10))], 2
    )
    return 5.0 + np.array([1.0, 3.0]) * noise


def test_heavy_tails_have_the_scale_and_the_degrees_of_freedom_of_scipy():
    X = heavy()
    model = MeanPredictor(mean=[5.0, 5.0], likelihood="student_t").fit(X)
    for channel in range(2):
        freedom, _, scale = student_t.fit(X[:, 1:, channel] - 5.0, floc=0)
        assert model.noise_std_[channel] == pytest.approx(scale, rel=1e-2)
        if channel == 0:
            assert model.shape_[channel] == pytest.approx(freedom, rel=1e-3)
    assert model.shape_[1] > 20
    gaussian = MeanPredictor(mean=[5.0, 5.0]).fit(X)
    assert model.score(X) > gaussian.score(X) + 0.1
    # A scale that is given stays.
    given = MeanPredictor(mean=[5.0, 5.0], likelihood="student_t", noise_std=[1.0, 3.0]).fit(X)
    assert given.noise_std_.tolist() == [1.0, 3.0]
    freedom = student_t.fit(X[:, 1:, 0] - 5.0, floc=0, fscale=1)[0]
    assert given.shape_[0] == pytest.approx(freedom, rel=1e-3)


def test_heads_of_heavy_tails_are_scored_by_the_spread_of_sequences_left_out():
    X = heavy(40).cumsum(axis=1)
    model = WindowPredictor(3, 30, likelihood="student_t", random_state=0).fit(X)
    inside = X[:, 1:] - model.predict(X)[:, :-1]
    for channel in range(2):
        own = student_t.fit(inside[..., channel], floc=0)[2]
        larger = model.noise_std_[channel] / own
        square = model.cv_error_[channel] / (inside[..., channel] ** 2).mean()
        assert larger == pytest.approx(np.sqrt(square), rel=0.005)
        assert larger > 1.02


def test_residuals_of_nothing_but_zeros_have_a_scale():
    X = np.tile([[1.0, 2.0], [1.0, 2.0]], (2, 3))
    model = SeasonalPredictor(2, likelihood="student_t").fit(X)
    assert np.isfinite(model.score(X))
    held = np.zeros((20, 10))
    held[3, 4] = 1.0
    assert np.isfinite(MeanPredictor(mean=0.0, likelihood="student_t").fit(held).score(held))


@pytest.mark.slow
def test_networks_train_under_heavy_tails():
    rng = np.random.default_rng(0)
    X = np.sin(np.arange(20) / 3) + 0.1 * student_t.rvs(2, size=(300, 20), random_state=rng)
    model = GRUPredictor(8, likelihood="student_t", max_steps=200, lr=0.02, random_state=0)
    mean = MeanPredictor(per_step=True, likelihood="student_t").fit(X)
    assert model.fit(X).score(X) == pytest.approx(mean.score(X), abs=0.1)
    assert model.shape_[0] == pytest.approx(2.0, abs=0.7)


def test_noise_is_that_of_each_channel():
    X = RNG.normal(size=(30, 8, 2)) * [1.0, 5.0]
    each = np.array([1.0, 5.0])
    for model in (
        MeanPredictor(noise_std=each),
        LinearFilterPredictor(1, noise_std=list(each)),
        KalmanPredictor(A=np.eye(2) / 2, C=np.eye(2), noise_std=each),
        GRUPredictor(3, max_steps=5, random_state=0, noise_std=each),
    ):
        density = norm.logpdf(X[:, 1:], model.fit(X).predict(X)[:, :-1], each).sum(axis=(1, 2))
        assert model.score_samples(X) == pytest.approx(density)
        assert model.noise_std_.tolist() == [1.0, 5.0]
    # Estimated, it is of each channel, too.
    assert MeanPredictor().fit(X).noise_std_ == pytest.approx(X[:, 1:].std(axis=(0, 1)), rel=0.05)
    best = OscillatorWorld().optimal_predictor(noise_std=[0.1])
    assert best.noise_std_.tolist() == [0.1]


def test_an_assessment_takes_a_noise_for_each_channel():
    X = np.random.default_rng(0).normal(size=(30, 8, 2)).cumsum(axis=1)
    model = GRUPredictor(2, max_steps=2, noise_std=[1.0, 2.0])
    cube = small(model=model, nulls=("resample", "phase")).fit(X).cube_
    mean = MeanPredictor(noise_std=[1.0, 2.0])
    train, evaluation = ArrayWorld(X).splits(1, 24, 6, 0)[0]
    assert np.isfinite(mean.fit(train.X).score(evaluation.X))
    assert np.isfinite(cube.nll).all()


def small(**options):
    options = {"n_seeds": 2, "baselines": ("mean", "persistence"), "nulls": ("resample",)} | options
    return EmergenceAssessment(
        probe=None, reservoir_sizes=None, random_state=0, progress=False, alpha=0.3, **options
    )


@pytest.mark.parametrize(
    "likelihood",
    [
        "poisson",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("negative_binomial", "student_t")),
    ],
)
def test_an_assessment_of_recordings_runs(likelihood):
    X = STEADY[:40].astype(int) if likelihood != "student_t" else heavy(40)
    model = GRUPredictor(2, max_steps=2, likelihood=likelihood)
    assessment = small(model=model, nulls=("shuffle", "resample")).fit(X)
    assert np.isfinite(assessment.cube_.nll).all()


@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial", "student_t"])
def test_predictors_of_other_likelihoods_keep_to_their_contract(likelihood):
    check_predictor(GRUPredictor(3, max_steps=3, random_state=0, likelihood=likelihood))
    check_predictor(LinearFilterPredictor(2, likelihood=likelihood))


def test_states_of_counts_are_exchanged_between_sequences_that_are_near():
    model = EchoStatePredictor(8, n_draws=1, likelihood="poisson", random_state=0).fit(STEADY)
    found = exchange_states(model, STEADY)
    assert found.sel(exchange="rise") > 0
    assert found.sel(exchange="distance") > 0


def test_counts_of_many_channels_have_no_filter_of_each_step():
    model = GRUPredictor(likelihood="poisson")
    for n_channels, name in ((12, True), (13, False)):
        world = ArrayWorld(RNG.poisson(1.0, size=(10, 6, n_channels)))
        names = make_baselines("auto", model, world)
        assert ("time_varying_filter" in names) == name
        assert {"linear_filter", "window", "echo_state", "seasonal"} <= set(names)
        assert all(baseline.likelihood == "poisson" for baseline in names.values())


INTEGERS = np.random.default_rng(5).poisson(2.0, size=(30, 12, 2))
FEW = INTEGERS.copy()
FEW[..., 1] = 0
FEW[4, 5, 1] = 3
SILENT = INTEGERS * [1, 0]
NETWORK = GRUPredictor(2, max_steps=2)


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: MeanPredictor(likelihood="poisson").fit(STEADY - 1),
            r"likelihood='poisson' is for counts.*sequence \d+ of X has -1 at step \d+.*; pass",
        ),
        (
            lambda: GRUPredictor(likelihood="negative_binomial").fit(STEADY / 2),
            r"likelihood='negative_binomial' is for counts.* has 0.5 at .*'gaussian'",
        ),
        (
            lambda: small(model=GRUPredictor(likelihood="poisson")).fit(heavy(20)),
            "likelihood='poisson' is for counts",
        ),
        (
            lambda: small(model=GRUPredictor(likelihood="poisson")).fit(SILENT),
            r"constant over all recordings: \[1\].*np.delete\(X, \[1\], axis=2\)",
        ),
        (
            lambda: small(model=GRUPredictor(likelihood="poisson"), nulls="phase").fit(INTEGERS),
            "nulls has 'phase', but counts.*choose from 'shuffle' and 'resample'",
        ),
        (
            lambda: small(model=GRUPredictor(likelihood="negative_binomial")).fit(FEW),
            r"X\[:, :, 1\] is above 0 at 1 steps only.*dispersion.*likelihood='poisson'",
        ),
        (
            lambda: small(model=NETWORK).fit(INTEGERS),
            r"X holds integers, 0 to \d+.*likelihood='poisson'.*'negative_binomial'.*"
            r"'categorical'.*X.astype\(float\)",
        ),
        (
            lambda: MeanPredictor(noise_std=[1.0, 2.0, 3.0]).fit(STEADY),
            r"noise_std=\[1.0, 2.0, 3.0\] has shape \(3,\), but X has 2 channels; pass one number",
        ),
        (
            lambda: GRUPredictor(noise_std=[1.0, 0.0]).fit(STEADY),
            r"noise_std=\[1.0, 0.0\] must be finite and above 0.*'estimate'",
        ),
        (
            lambda: MeanPredictor(noise_std=["a", "b"]).fit(STEADY),
            r"noise_std=\['a', 'b'\].*pass numbers",
        ),
    ],
)
def test_what_does_not_suit_a_likelihood_is_refused(call, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call()


def test_remedies_work():
    for likelihood, X in (
        ("poisson", np.delete(SILENT, [1], axis=2)),
        ("negative_binomial", np.delete(FEW, [1], axis=2)),
        ("gaussian", INTEGERS.astype(float)),
    ):
        model = GRUPredictor(2, max_steps=2, likelihood=likelihood)
        assert np.isfinite(small(model=model, nulls=()).fit(X).cube_.nll).all()
