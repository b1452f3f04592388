"""Linear filters of counts, and of sequences that have a mean of their own."""

import numpy as np
import pytest
from scipy.stats import norm, poisson

from sklearn_emerge import LinearFilterPredictor, MeanPredictor, TimeVaryingFilterPredictor

FILTERS = LinearFilterPredictor, TimeVaryingFilterPredictor


def linear_counts(n_sequences, n_steps=32, rest=0.3, last=0.4, before=0.5):
    """Return counts of a linear intensity, and the means that these have."""
    rng = np.random.default_rng(n_sequences)
    mean, X = np.full(n_sequences, rest / (1 - last - before)), []
    means = [mean]
    for _ in range(n_steps):
        X.append(rng.poisson(mean))
        mean = rest + last * X[-1] + before * mean
        means.append(mean)
    return np.stack(X, axis=1), np.stack(means, axis=1)[:, 1:]


def log_linear_counts(n_sequences, n_steps=32):
    """Return counts, the logarithm of whose mean is linear in the last one."""
    rng = np.random.default_rng(n_sequences)
    X = [rng.poisson(1.0, n_sequences)]
    for _ in range(n_steps - 1):
        X.append(rng.poisson(np.exp(1.0 - 0.6 * X[-1])))
    return np.stack(X, axis=1), np.exp(1.0 - 0.6 * np.stack(X, axis=1))


@pytest.mark.parametrize("Filter", FILTERS)
@pytest.mark.parametrize(
    ("draw", "link"), [(linear_counts, "identity"), (log_linear_counts, "log")]
)
def test_counts_of_either_link_are_predicted_nearly_as_well_as_can_be(Filter, draw, link):
    X, means = draw(1000)
    model = Filter(likelihood="poisson").fit(draw(300)[0])
    best = poisson.logpmf(X[:, 1:], means[:, :-1]).mean()
    assert model.link_ == link
    assert best - 0.003 < model.score(X) <= best + 0.001


@pytest.mark.parametrize("likelihood", ["gaussian", "student_t", "bernoulli"])
def test_other_likelihoods_have_the_link_that_they_have(likelihood):
    X = np.random.default_rng(0).integers(0, 2, (30, 8))
    link = "logit" if likelihood == "bernoulli" else "identity"
    assert LinearFilterPredictor(likelihood=likelihood).fit(X).link_ == link


def test_the_link_of_counts_can_be_given_and_of_others_not():
    X = linear_counts(60)[0]
    assert LinearFilterPredictor(link="log", likelihood="poisson").fit(X).link_ == "log"
    with pytest.raises(ValueError, match="link='log' is for counts.* leave link='auto'"):
        LinearFilterPredictor(link="log").fit(X)


def neurons(n_sequences, seed, gain, n_steps=24, n_neurons=20):
    """Return counts of neurons that follow three slow variables, many where all come together."""
    weights = gain * np.random.default_rng(0).normal(size=(3, n_neurons))
    rng = np.random.default_rng(seed)
    state, X = np.zeros((n_sequences, 3)), []
    for _ in range(n_steps):
        state = 0.9 * state + 0.19**0.5 * rng.normal(size=state.shape)
        X.append(rng.poisson(np.exp(state @ weights)))
    return np.stack(X, axis=1)


@pytest.mark.parametrize("Filter", FILTERS)
@pytest.mark.parametrize("gain", [0.0, 0.5, 1.0])
@pytest.mark.filterwarnings("ignore:A head of TimeVarying")
def test_logarithms_of_means_of_many_neurons_do_not_run_away(Filter, gain):
    train, X = neurons(30, 1, gain), neurons(100, 2, gain)
    model = Filter(link="log", likelihood="poisson").fit(train)
    mean = MeanPredictor(likelihood="poisson").fit(train).score(X)
    # Of pure noise next to nothing is lost, and of the others much is known.
    assert model.score(X) > mean + (3 if gain else -0.1)
    assert (model.predict(X) <= train.max(axis=(0, 1))).all()


@pytest.mark.parametrize("Filter", FILTERS)
def test_linear_means_of_counts_stay_above_zero(Filter):
    X = linear_counts(100)[0]
    model = Filter(likelihood="negative_binomial").fit(X)
    assert model.link_ == "identity"
    model.heads_ = [type(head)(-head.coef, -head.intercept) for head in model.heads_]
    np.testing.assert_allclose(model.predict(X), 0.05 * X.mean())


@pytest.mark.parametrize("n_steps", [24, 48])
def test_a_mean_of_each_sequence_is_found_from_all_that_was_seen(n_steps):
    def draw(n_sequences):
        rng = np.random.default_rng(n_sequences)
        noise = rng.normal(size=(n_sequences, n_steps + 1))
        return noise[:, :1] + noise[:, 1:]

    X, seen = draw(2000), np.arange(1, n_steps)
    # The posterior mean of the mean of a sequence, and its variance.
    mean = X[:, :-1].cumsum(axis=1) / (1 + seen)
    best = norm.logpdf(X[:, 1:], mean, np.sqrt(1 + 1 / (1 + seen))).mean()
    assert best - 0.008 < LinearFilterPredictor().fit(draw(300)).score(X) < best
