"""The ceilings: filters equal independent computations, and nothing beats them."""

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.tsa.statespace.kalman_filter import KalmanFilter

from sklearn_emerge import (
    ArrayWorld,
    AutoregressivePredictor,
    BernoulliWorld,
    DriftWorld,
    ExchangeablePredictor,
    FlipFlopWorld,
    KalmanPredictor,
    MarkovPredictor,
    MeanPredictor,
    NoisyPeriodicWorld,
    OscillatorPredictor,
    OscillatorWorld,
    PersistencePredictor,
    RegimePredictor,
    RegimeWorld,
    SwitchingLinearWorld,
    ceilings,
    predictors,
)
from sklearn_emerge.worlds import Sample, World

WORLDS = {
    "drift": DriftWorld(),
    "oscillator": OscillatorWorld(n_steps=128),
    "clear oscillator": OscillatorWorld(initial_std=0.15, n_steps=128),
    "wide oscillator": OscillatorWorld(initial_std=0.5, observation_std=0.2, n_steps=128),
    "slow oscillator": OscillatorWorld(omega=0.5, n_steps=128),
    "nonstationary": OscillatorWorld(omega=(0.8, 1.2), n_steps=128),
    "regime": RegimeWorld(),
    "coins": BernoulliWorld(0.3),
    "flip-flop": FlipFlopWorld(n_steps=40),
    "cycle": NoisyPeriodicWorld(n_steps=60),
    "one regime": SwitchingLinearWorld([0.9], n_steps=40),
    "resampled": OscillatorWorld(n_steps=64).null("resample"),
    "resampled drift": DriftWorld().null("resample"),
}


@pytest.mark.parametrize("n_channels", [1, 2])
def test_kalman_filter_equals_statsmodels(n_channels):
    rng = np.random.default_rng(0)
    A = np.array([[0.9, 0.3], [-0.2, 0.8]])
    C = rng.normal(size=(n_channels, 2))
    Q, R = np.diag([0.1, 0.4]), 0.3 * np.eye(n_channels) + 0.1
    P, m, b = np.array([[1.0, 0.2], [0.2, 0.5]]), np.array([1.0, -1.0]), np.array([0.3, 0.1])
    X = rng.normal(size=(3, 30, n_channels))
    model = KalmanPredictor(
        A, C, Q, R, offset=b, initial_mean=m, initial_covariance=P, noise_std=1.0
    ).fit(X)
    predicted = model.predict(X)
    for i in range(3):
        reference = KalmanFilter(k_endog=n_channels, k_states=2)
        reference.bind(np.ascontiguousarray(X[i]))
        reference["transition"], reference["design"], reference["selection"] = A, C, np.eye(2)
        reference["state_cov"], reference["obs_cov"] = Q, R
        reference["state_intercept"] = b[:, np.newaxis]
        reference.initialize_known(m, P)
        result = reference.filter()
        np.testing.assert_allclose(predicted[i, :-1].T, result.forecasts[:, 1:], atol=1e-10)
        covariances = model.innovation_covariances_.transpose(1, 2, 0)
        np.testing.assert_allclose(covariances, result.forecasts_error_cov, atol=1e-10)


@pytest.mark.parametrize("known_phase", [True, False])
def test_regime_filter_equals_enumeration(known_phase):
    stay, period, n_steps = (0.9, 0.6), 3, 9
    world = RegimeWorld(period, stay, n_steps)
    X = world.sample(5, random_state=0).X.astype(int)

    def probability(states):
        """Return P(states), summed over the hidden hypotheses one by one."""
        total = 0.0
        phases = [0] if known_phase else range(period)
        for first in (0, 1):
            for phase in phases:
                p = 0.5 / len(phases) / 2
                for t in range(1, len(states)):
                    q = stay[(first + (t + phase) // period) % 2]
                    p *= q if states[t] == states[t - 1] else 1 - q
                total += p
        return total

    expected = [
        [probability([*row[: t + 1], 1]) / probability(row[: t + 1]) for t in range(n_steps)]
        for row in X.tolist()
    ]
    model = RegimePredictor(period, stay, known_phase=known_phase, likelihood="bernoulli")
    np.testing.assert_allclose(model.fit(X).predict(X), expected, atol=1e-12)


def test_oscillator_filter_equals_a_dense_grid():
    world = OscillatorWorld(n_steps=60)
    X = world.sample(4, random_state=0).X
    axis = np.linspace(-0.5, 0.5, 401)
    x, y = (g.ravel() for g in np.meshgrid(axis, axis))
    log_weight = np.tile(norm.logpdf(x, 0, 0.1) + norm.logpdf(y, 0, 0.1), (4, 1))
    expected = np.empty_like(X)
    for t in range(60):
        log_weight += norm.logpdf(X[:, t : t + 1], x, 0.05)
        growth = 1 - x * x - y * y
        x, y = x + 0.05 * (growth * x - y), y + 0.05 * (growth * y + x)
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        expected[:, t] = (weight @ x) / weight.sum(axis=1)
    predicted = world.optimal_predictor().predict(X)
    np.testing.assert_allclose(predicted, expected, atol=1e-4)


def test_oscillator_filter_does_not_depend_on_its_grid_and_nears_the_noise_floor():
    world = OscillatorWorld()
    X = world.sample(60, random_state=0).X
    coarse, fine = (
        OscillatorPredictor(n_grid=n, noise_std=0.05).fit(X).predict(X) for n in (15, 31)
    )
    np.testing.assert_allclose(coarse, fine, atol=1e-3)
    latent = world.sample(60, random_state=0).latents[:, :, 0]
    excess = ((coarse[:, :-1] - latent[:, 1:]) ** 2).mean(axis=0) / 0.05**2
    # Early on the start is unknown; later the state is known to a small part of the noise.
    assert excess[:5].mean() > 0.3
    assert excess[-50:].mean() < 0.02


def advantages(world, others, X_train, X):
    """Return by how many standard errors others beat the optimal predictor of a world."""
    noise_std = world.noise_std if world.likelihood == "gaussian" else 0.05

    def scores(model):
        model.set_params(likelihood=world.likelihood, noise_std=noise_std)
        return model.fit(X_train).score_samples(X)

    best = scores(world.optimal_predictor())
    differences = [scores(other) - best for other in others]
    return [d.mean() / (d.std() / np.sqrt(len(X)) + 1e-12) for d in differences]


@pytest.mark.parametrize("name", WORLDS)
def test_nothing_beats_an_exact_ceiling(name):
    world = WORLDS[name]
    train, evaluation = world.split(2000, 1000, random_state=0)
    assert world.ceiling == "exact"
    others = [
        MeanPredictor(),
        MeanPredictor(per_step=True),
        PersistencePredictor(),
        MarkovPredictor(),
        AutoregressivePredictor(lags=32),
        ExchangeablePredictor(),
    ]
    assert max(advantages(world, others, train.X, evaluation.X)) < 3.5


def test_ceiling_of_a_shuffled_world_is_a_bound_below():
    world = OscillatorWorld().null("shuffle")
    train, evaluation = world.split(3000, 1000, random_state=0)
    assert world.ceiling == "bound"
    others = [MeanPredictor(), AutoregressivePredictor(lags=32)]
    assert max(advantages(world, others, train.X, evaluation.X)) < -10
    assert OscillatorWorld().null("phase").optimal_predictor() is None


def test_drift_filter_settles_at_the_noise_that_the_world_states():
    world = DriftWorld(n_steps=400)
    model = world.optimal_predictor()
    assert model.innovation_covariances_[-1, 0, 0] ** 0.5 == pytest.approx(world.noise_std)


def test_errors_of_the_filters_name_the_argument():
    X = np.zeros((3, 4))
    for params, message in (
        ({"A": [[1.0, 2.0]]}, "A must be a number or a square matrix"),
        ({"A": np.eye(2), "C": np.ones((1, 3))}, "C must have one column"),
        ({"C": [[1.0], [2.0]]}, "C has 2 rows, one a channel, but X has 1 channel"),
        ({"A": 1.2, "C": 0.0}, "not detectable: A has modes that do not decay .eigenvalues 1.2"),
        ({"Q": 0.0}, "no steady state"),
        ({"Q": -1.0}, "Q=-1.0 is not a covariance"),
        ({"R": 0.0, "initial_covariance": 0.0}, "without error .* in R"),
    ):
        with pytest.raises(ValueError, match=message):
            KalmanPredictor(**params).fit(X)
    with pytest.raises(ValueError, match="stay_probability"):
        RegimePredictor(stay_probability=(0.9, 1.2)).fit(X)
    with pytest.raises(ValueError, match="OscillatorPredictor is for one channel"):
        OscillatorPredictor().fit(np.zeros((3, 4, 2)))


def test_recordings_have_no_ceiling():
    X = np.random.default_rng(0).normal(size=(20, 5))
    assert ArrayWorld(X).optimal_predictor() is None
    assert ArrayWorld(X).null("resample").optimal_predictor() is None


@pytest.mark.parametrize(
    "params", [{"observation_std": 0.01}, {"initial_std": 1.0}, {"omega": (0.1, 1.0)}]
)
def test_oscillators_beyond_the_grid_state_no_ceiling(params):
    assert OscillatorWorld(**params).ceiling is None
    assert OscillatorWorld(**params).optimal_predictor() is None


def test_a_grid_that_is_too_coarse_is_refused():
    world = OscillatorWorld(observation_std=0.005, n_steps=30)
    X = world.sample(20, random_state=0).X
    coarse = OscillatorPredictor(observation_std=0.005, noise_std=0.005).fit(X)
    with pytest.raises(ValueError, match="n_grid=15 is too coarse.*Raise n_grid"):
        coarse.score(X)
    fine = OscillatorPredictor(observation_std=0.005, noise_std=0.005, n_grid=121).fit(X)
    assert fine.score(X) > AutoregressivePredictor(8, noise_std=0.005).fit(X).score(X) - 0.1


@pytest.mark.parametrize("world", [OscillatorWorld(omega=(0.8, 1.2)), DriftWorld(n_steps=256)])
def test_filters_at_another_length_see_the_same_world(world):
    X = world.sample(20, random_state=0).X
    model = world.optimal_predictor()
    shorter = model.at_length(100)
    np.testing.assert_allclose(shorter.predict(X[:, :100]), model.predict(X)[:, :100])


def test_a_filter_of_few_steps_runs_on_many():
    few, many = (DriftWorld(n_steps=n) for n in (10, 256))
    X = many.sample(20, random_state=0).X
    expected = many.optimal_predictor().predict(X)
    np.testing.assert_allclose(few.optimal_predictor().at_length(256).predict(X), expected)


def test_predictors_that_have_moved_are_found_where_they_were():
    for name in ("ExchangeablePredictor", "KalmanPredictor", "OscillatorPredictor"):
        with pytest.warns(FutureWarning, match=f"sklearn_emerge.ceilings.{name} now; import it"):
            assert getattr(predictors, name) is getattr(ceilings, name)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = predictors.Nothing


def test_a_world_that_has_a_ceiling_says_by_which_predictor():
    class Promised(World):
        ceiling, n_steps, observation = "exact", 5, "continuous"

        def _draw(self, n_sequences, stream):
            return Sample(np.zeros((n_sequences, 5)))

    with pytest.raises(NotImplementedError, match="Promised has a ceiling, but nothing says"):
        Promised().optimal_predictor()
