"""The alternatives to a network: linear filters, windows, echo states, seasons."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, cross_val_predict

from sklearn_emerge import (
    AutoregressivePredictor,
    EchoStatePredictor,
    LinearFilterPredictor,
    LinearSystemWorld,
    MarkovPredictor,
    MeanPredictor,
    OscillatorWorld,
    PersistencePredictor,
    RegimeWorld,
    SeasonalPredictor,
    TimeVaryingFilterPredictor,
    WindowPredictor,
    _glm,
)
from sklearn_emerge._moments import Moments
from sklearn_emerge._ridge import PENALTIES
from sklearn_emerge.likelihoods import LIKELIHOODS
from sklearn_emerge.predictors._lagged import LaggedMoments
from sklearn_emerge.training import fit_head, folds

SMALL = [
    LinearFilterPredictor(),
    LinearFilterPredictor(3, time_channel="full_time"),
    TimeVaryingFilterPredictor(3),
    TimeVaryingFilterPredictor(2, time_channel="full_time"),
    WindowPredictor(5, n_features=10, random_state=0),
    WindowPredictor(n_features=8, time_channel="full_time", random_state=0),
    EchoStatePredictor(8, n_draws=2, random_state=0),
    EchoStatePredictor(5, n_draws=2, time_channel="full_time", random_state=0),
    SeasonalPredictor(),
    SeasonalPredictor(3, time_channel="full_time"),
]


@pytest.fixture(params=SMALL, ids=str)
def alternative(request):
    return clone(request.param)


@pytest.fixture(scope="module")
def X():
    return OscillatorWorld(n_steps=24).sample(60, random_state=0).X


def autoregression(n_sequences, n_steps, phi, random_state=0):
    noise = np.random.default_rng(random_state).normal(size=(n_sequences, n_steps))
    X = noise / np.sqrt(1 - phi**2)
    for t in range(1, n_steps):
        X[:, t] = phi * X[:, t - 1] + noise[:, t]
    return X


def tokens(n_sequences, n_steps, random_state=0):
    """Mostly count up, modulo three."""
    rng = np.random.default_rng(random_state)
    return (rng.choice(3, p=[0.2, 0.7, 0.1], size=(n_sequences, n_steps)).cumsum(axis=1)) % 3


def test_predictions_are_causal(alternative, X):
    alternative.fit(X)
    changed = X.copy()
    changed[:, 10:] += 1
    before, after = alternative.predict(X)[:, :10], alternative.predict(changed)[:, :10]
    assert np.allclose(before, after, atol=1e-12)


def test_units_do_not_matter(alternative, X):
    raw = alternative.fit(X).predict(X)
    scaled = alternative.fit(1e-9 * X + 2e-8).predict(1e-9 * X + 2e-8)
    assert np.allclose((scaled - 2e-8) / 1e-9, raw, atol=1e-4)


def test_the_same_seed_gives_the_same_fit(alternative, X):
    first = alternative.fit(X).predict(X)
    assert np.array_equal(alternative.fit(X).predict(X), first)


def test_several_channels_are_predicted_from_all(alternative, X):
    """Of two channels the second repeats the first one step later."""
    both = np.stack([X, np.roll(X, 1, axis=1)], axis=2)[:, 1:]
    alternative.fit(both)
    assert alternative.predict(both).shape == both.shape
    assert alternative.noise_std_.shape == (2,)
    if not isinstance(alternative, SeasonalPredictor):
        error = (both[:, 1:, 1] - alternative.predict(both)[:, :-1, 1]).std()
        assert error < 0.7 * np.diff(X, axis=1).std()


def test_tokens_have_probabilities(alternative):
    X = tokens(60, 12)
    alternative.set_params(likelihood="categorical")
    probability = alternative.fit(X).predict(X)
    assert probability.shape == (60, 12, 3)
    assert np.allclose(probability.sum(axis=2), 1)
    assert (probability > 0).all()
    if not isinstance(alternative, SeasonalPredictor):
        assert (probability[:, :-1].argmax(axis=2) == (X[:, :-1] + 1) % 3).mean() > 0.9


def test_zeros_and_ones_have_probabilities(alternative):
    X = RegimeWorld(n_steps=16).sample(100, random_state=0).X
    alternative.set_params(likelihood="bernoulli")
    probability = alternative.fit(X).predict(X)
    score = alternative.score(X)
    assert ((probability > 0) & (probability < 1)).all()
    assert score > -np.log(2) - 0.01


def test_noise_comes_from_sequences_left_out(alternative):
    """White noise of standard deviation 1: what is fitted explains some in training only."""
    X = np.random.default_rng(0).normal(size=(10, 12))
    alternative.fit(X)
    inside = np.sqrt(((X[:, 1:] - alternative.predict(X)[:, :-1]) ** 2).mean())
    assert alternative.noise_std_[0] ** 2 == pytest.approx(alternative.cv_error_[0])
    assert alternative.noise_std_[0] > inside


def test_white_noise_is_predicted_no_worse_than_by_its_mean(alternative):
    train, other = np.random.default_rng(1).normal(size=(2, 200, 16))
    mean = MeanPredictor().fit(train).score(other)
    assert alternative.fit(train).score(other) > mean - 0.01


def test_other_lengths_can_be_predicted(alternative, X):
    alternative.fit(X)
    same = alternative.predict(X)[:, :10]
    assert np.allclose(alternative.at_length(10).predict(X[:, :10]), same)
    longer = np.hstack([X, X])
    longest = alternative.at_length(48).predict(longer)
    assert np.isfinite(longest).all()
    assert np.allclose(longest[:, :10], same)


@pytest.mark.parametrize(
    ("alternative", "message"),
    [
        (LinearFilterPredictor(24), "lags=24 is longer .* use at most lags=23, or lags='auto'"),
        (TimeVaryingFilterPredictor(99), "lags=99 is longer .* use at most lags=23"),
        (WindowPredictor(24), "window=24 is longer .* use at most window=23, or window='auto'"),
        (SeasonalPredictor(24), "period=24 does not pass .* use at most period=23"),
        (LinearFilterPredictor(0), "'lags' parameter"),
        (SeasonalPredictor(0), "'period' parameter"),
        (WindowPredictor(n_features=-1), "'n_features' parameter"),
        (WindowPredictor(input_scale=0), "'input_scale' parameter"),
        (EchoStatePredictor(0), "'n_units' parameter"),
        (EchoStatePredictor(leak=1.5), "'leak' parameter"),
        (EchoStatePredictor(n_draws=0), "'n_draws' parameter"),
        (SeasonalPredictor(time_channel="no_time"), "'time_channel' parameter"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(alternative, message, X):
    with pytest.raises(ValueError, match=message):
        alternative.fit(X)


def test_a_head_that_does_not_converge_warns_and_says_so(monkeypatch):
    monkeypatch.setattr(_glm, "_FIRST", 1)
    monkeypatch.setattr(_glm, "_N_SEARCHES", 0)
    X = RegimeWorld(n_steps=8).sample(30, random_state=0).X
    model = LinearFilterPredictor(2, likelihood="bernoulli")
    with pytest.warns(ConvergenceWarning, match="LinearFilterPredictor has not converged"):
        model.fit(X)
    assert not model.converged_


# Linear filters


def test_a_filter_of_an_autoregression_has_its_coefficient():
    X = autoregression(400, 30, 0.8)
    model = LinearFilterPredictor().fit(X)
    assert model.coef_[0, 0, 0] == pytest.approx(0.8, abs=0.03)
    assert np.abs(model.coef_[1:]).sum() < 0.1
    assert model.noise_std_[0] == pytest.approx(1, abs=0.02)
    varying = TimeVaryingFilterPredictor().fit(X)
    other = autoregression(2000, 30, 0.8, random_state=1)
    assert varying.score(other) == pytest.approx(model.score(other), abs=0.001)


def test_the_filter_is_that_of_scikit_learn_with_cross_validation_over_sequences(X):
    model = LinearFilterPredictor(4).fit(X)
    rows = np.lib.stride_tricks.sliding_window_view(X, 5, axis=1).reshape(-1, 5)
    past, following = rows[:, 3::-1], rows[:, 4]
    scale = past.std(axis=0)
    errors = []
    for penalty in PENALTIES:
        # Sixty sequences of twenty steps: folds of 240 rows, trained on 960.
        ridge = Ridge(penalty * 960, solver="svd")
        prediction = cross_val_predict(ridge, past / scale, following, cv=KFold(5))
        errors.append(((prediction - following) ** 2).mean())
    theirs = Ridge(PENALTIES[np.argmin(errors)] * 1200, solver="svd").fit(past / scale, following)
    np.testing.assert_allclose(model.coef_.ravel(), theirs.coef_ / scale, rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, [theirs.intercept_], rtol=1e-9)


def test_the_logistic_filter_equals_that_of_scikit_learn():
    X = RegimeWorld(n_steps=20).sample(200, random_state=0).X
    model = LinearFilterPredictor(2, likelihood="bernoulli").fit(X)
    past = np.lib.stride_tricks.sliding_window_view(X, 3, axis=1).reshape(-1, 3)
    theirs = LogisticRegression(C=1e4, tol=1e-8).fit(past[:, 1::-1], past[:, 2])
    assert np.allclose(model.coef_.ravel(), theirs.coef_[0], atol=0.01)
    ours = expit(model.intercept_ + past[:, 1::-1] @ model.coef_.ravel())
    assert np.allclose(model.predict(X)[:, 1:-1].ravel(), ours)


def test_longer_filters_are_chosen_where_they_are_needed():
    """Every value is that of four steps ago, and a little noise."""
    noise = np.random.default_rng(0).normal(size=(100, 24))
    X = noise.copy()
    for t in range(4, 24):
        X[:, t] = 0.9 * X[:, t - 4] + 0.3 * noise[:, t]
    assert LinearFilterPredictor().fit(X).lags_ == 4
    assert LinearFilterPredictor().fit(autoregression(100, 24, 0.9)).lags_ < 4


def test_first_steps_of_a_random_walk_are_filtered_as_well_as_by_a_kalman_filter():
    world = LinearSystemWorld.random_walk(q=0.1)
    train, other = world.split(2000, 2000, random_state=0)
    settings = dict(likelihood=world.likelihood, noise_std=world.noise_std)
    best = world.optimal_predictor().set_params(**settings).fit(train.X).score(other.X)
    score = LinearFilterPredictor(**settings).fit(train.X).score(other.X)
    pooled = AutoregressivePredictor(32, **settings).fit(train.X).score(other.X)
    assert score > best - 0.0005
    assert score > pooled + 0.0015


@pytest.mark.parametrize("kind", [LinearFilterPredictor, TimeVaryingFilterPredictor])
def test_few_sequences_are_filtered_no_worse_than_by_pooled_least_squares(kind):
    world = OscillatorWorld(n_steps=64)
    train, other = world.split(12, 500, random_state=0)
    settings = dict(likelihood=world.likelihood, noise_std=world.noise_std)
    pooled = AutoregressivePredictor(32, **settings).fit(train.X).score(other.X)
    assert kind(**settings).fit(train.X).score(other.X) > pooled


def test_coefficients_that_change_with_time_are_found():
    rng = np.random.default_rng(0)
    phi = np.cos(np.arange(20))
    X = rng.normal(size=(2, 500, 20))
    for t in range(1, 20):
        X[..., t] += phi[t] * X[..., t - 1]
    model = TimeVaryingFilterPredictor(1).fit(X[0])
    assert np.allclose(model.coefs_.ravel(), phi[1:], atol=0.2)
    assert np.isfinite(model.amount_).all()
    assert model.score(X[1]) > LinearFilterPredictor(1).fit(X[0]).score(X[1]) + 0.1
    binary = (X > 0).astype(float)
    varying = TimeVaryingFilterPredictor(1, likelihood="bernoulli").fit(binary[0])
    same = LinearFilterPredictor(1, likelihood="bernoulli").fit(binary[0])
    assert varying.score(binary[1]) > same.score(binary[1]) + 0.02


def test_the_clock_takes_part_in_a_filter():
    """A trend in time, and noise around it."""
    X = np.linspace(0, 5, 20) ** 2 + np.random.default_rng(0).normal(size=(2, 100, 20))
    with_clock = LinearFilterPredictor(1, time_channel="full_time").fit(X[0])
    without = LinearFilterPredictor(1).fit(X[0])
    assert with_clock.score(X[1]) > without.score(X[1]) + 0.01


# Windows


def test_a_window_sees_as_far_as_it_is_long():
    """Only the value of four steps ago is of use."""
    X = np.random.default_rng(0).normal(size=(200, 20))
    for t in range(4, 20):
        X[:, t] += 0.9 * X[:, t - 4]
    short, long = (WindowPredictor(k, n_features=0).fit(X) for k in (3, 4))
    assert long.noise_std_[0] < 0.8 * short.noise_std_[0]


def test_random_features_find_what_is_not_linear():
    X = np.random.default_rng(0).uniform(-1, 1, size=(200, 20))
    for t in range(1, 20):
        X[:, t] = 1 - 2 * X[:, t - 1] ** 2
    linear = LinearFilterPredictor().fit(X)
    window = WindowPredictor(2, n_features=50, random_state=0).fit(X)
    assert window.noise_std_[0] < 0.1 * linear.noise_std_[0]


def test_products_of_two_values_find_repeats():
    """Whether the last step was a repeat decides whether the next one is."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, size=(2, 100, 24)).astype(float)
    for t in range(2, 24):
        repeat = (X[..., t - 1] == X[..., t - 2]) ^ (rng.random(X.shape[:2]) < 0.1)
        X[..., t] = np.where(repeat, X[..., t - 1], 1 - X[..., t - 1])
    model = WindowPredictor(3, n_features=0, likelihood="bernoulli").fit(X[0])
    assert model.binary_
    entropy = (2 * 0.1 * np.log(0.1) + 2 * 0.9 * np.log(0.9)) / 2
    assert model.predict(X[1])[:, 1:].shape == (100, 23)
    late = model.score_steps(X[1])[:, 1:].mean()
    assert late == pytest.approx(entropy, abs=0.04)
    assert MarkovPredictor(likelihood="bernoulli").fit(X[0]).score(X[1]) < -0.6
    # The same two values in other units are the same data.
    options = dict(n_features=0, likelihood="gaussian")
    raw = WindowPredictor(3, **options).fit(X[0]).predict(X[1])
    scaled = WindowPredictor(3, **options).fit(2 * X[0] - 1).predict(2 * X[1] - 1)
    assert np.allclose(scaled, 2 * raw - 1, atol=1e-6)


# Echo states


def test_states_follow_the_equation():
    X = np.random.default_rng(0).normal(size=(6, 9))
    settings = dict(spectral_radius=0.5, leak=0.3, input_scale=0.7, time_channel="full_time")
    model = EchoStatePredictor(4, random_state=0, **settings).fit(X)
    assert np.abs(np.linalg.eigvals(model.recurrent_weights_)).max() == pytest.approx(0.5)
    state = np.zeros((6, 4))
    for t in range(9):
        inputs = np.column_stack([(X[:, t] - X.mean()) / X.std(), np.full(6, t / 8)])
        drive = state @ model.recurrent_weights_ + inputs @ model.input_weights_ + model.bias_
        state = 0.7 * state + 0.3 * np.tanh(drive)
        assert np.allclose(model.transform(X)[:, t], state, atol=1e-5)
    assert model.n_parameters_ == 4 + 1
    prediction = state @ model.head_.coef + model.head_.intercept
    assert np.allclose(model.predict(X)[:, -1], prediction[:, 0], atol=1e-5)


def test_the_head_is_the_best_on_its_states():
    X = OscillatorWorld(n_steps=40).sample(300, random_state=0).X
    model = EchoStatePredictor(30, random_state=0).fit(X)
    states = model.transform(X)[:, :-1].reshape(-1, 30)
    design = np.column_stack([np.ones(len(states)), states])
    best = design @ np.linalg.lstsq(design, X[:, 1:].ravel())[0]
    error = ((X[:, 1:].ravel() - best) ** 2).mean()
    ours = ((X[:, 1:] - model.predict(X)[:, :-1]) ** 2).mean()
    assert ours < 1.001 * error


def test_chunks_of_sequences_make_no_difference(monkeypatch, X):
    whole = EchoStatePredictor(10, n_draws=2, random_state=0).fit(X)
    monkeypatch.setattr("sklearn_emerge.training._heads._CHUNK_BYTES", 1)
    monkeypatch.setattr("sklearn_emerge.training._heads._KEPT_BYTES", 1)
    parts = EchoStatePredictor(10, n_draws=2, random_state=0).fit(X)
    assert np.allclose(parts.predict(X), whole.predict(X), atol=1e-4)


def test_more_units_predict_the_oscillator_better():
    """Of 16 and 64 units: .57 and .66 nats over persistence, of .68, at 256 steps."""
    world = OscillatorWorld()
    train, other = world.split(300, 300, random_state=0)
    settings = dict(likelihood=world.likelihood, noise_std=world.noise_std)
    scores = [
        model.set_params(**settings).fit(train.X).score(other.X)
        for model in (
            PersistencePredictor(),
            EchoStatePredictor(16, random_state=0),
            EchoStatePredictor(64, random_state=0),
        )
    ]
    assert 0.5 < scores[1] - scores[0] < 0.62
    assert 0.63 < scores[2] - scores[0] < 0.68


def test_large_cores_have_the_hyper_parameters_of_smaller_ones(monkeypatch, X):
    monkeypatch.setattr("sklearn_emerge.predictors._echo_state.N_TUNED", 5)
    names = ("spectral_radius", "leak", "input_scale")
    small, large = (EchoStatePredictor(n, random_state=0).fit(X) for n in (5, 12))
    chosen = {name: getattr(small, f"{name}_") for name in names}
    assert chosen == {name: getattr(large, f"{name}_") for name in names}
    given = EchoStatePredictor(12, **chosen, random_state=0).fit(X)
    assert np.array_equal(given.predict(X), large.predict(X))


@pytest.mark.parametrize(
    "model",
    [
        WindowPredictor(3, n_features=4, input_scale=1.0, random_state=0),
        EchoStatePredictor(4, 0.9, 0.5, 0.5, random_state=0),
    ],
    ids=str,
)
def test_heads_are_fitted_to_as_many_sequences_as_are_enough(model, monkeypatch, X):
    module = "sklearn_emerge.predictors._alternative"
    monkeypatch.setattr(f"{module}._LEAST", 10)
    sequences = X[:, :, np.newaxis]
    for each, n_sequences in ((1, 10), (100, None)):
        monkeypatch.setattr(f"{module}._STEPS_EACH", each)
        n_features = model.fit(X).n_parameters_ - 1
        # 23 steps of a sequence are predicted.
        n_sequences = n_sequences or -(-100 * n_features // 23)
        some = sequences[np.linspace(0, 59, n_sequences).astype(int)]
        head, _ = fit_head(model._features, some, n_features, LIKELIHOODS["gaussian"])
        assert n_sequences < len(X)
        assert np.array_equal(model.head_.coef, head.coef)


# Seasons


def test_the_period_and_its_weight_are_found():
    rng = np.random.default_rng(0)
    season = rng.normal(size=(200, 7))
    X = 5 + np.tile(season, 4) + 0.5 * rng.normal(size=(200, 28))
    model = SeasonalPredictor().fit(X)
    assert model.period_ == 7
    assert model.weight_[0] == pytest.approx(1 / 1.25, abs=0.03)
    late = (X[:, 7:] - model.predict(X)[:, 6:-1]).std()
    assert late == pytest.approx(np.sqrt(1.25 - 1 / 1.25), abs=0.02)
    assert np.allclose(model.predict(X)[:, :6], X[:, 1:].mean())


def test_a_surprise_in_a_perfect_season_stays_finite():
    X = np.tile([[0, 1, 1], [1, 0, 0]], 4).astype(float)
    model = SeasonalPredictor(3, likelihood="bernoulli").fit(X)
    surprise = X.copy()
    surprise[:, 5] = 1 - surprise[:, 5]
    assert -3 < model.score(surprise) < model.score(X) < 0


def test_a_trend_is_known_to_the_clock():
    X = np.arange(12.0) + np.random.default_rng(0).normal(size=(50, 12))
    model = SeasonalPredictor(2, time_channel="full_time").fit(X)
    assert model.noise_std_[0] == pytest.approx(1, abs=0.1)
    assert np.allclose(model.at_length(20).predict(np.zeros((50, 20)))[0, -1], 20, atol=5)


@pytest.mark.parametrize("n_channels", [1, 150])
def test_moments_of_lagged_steps_are_those_of_their_rows(n_channels):
    """There are several blocks where there are many channels."""
    X = 5 + np.random.default_rng(0).normal(size=(7, 9, n_channels)).cumsum(axis=1)
    clock = np.linspace(0, 1, 9)[:, np.newaxis]
    lagged = LaggedMoments(X, clock, 3)
    origin = lagged.mean(4, 2)
    for t in (1, 7, 4):
        moments = lagged.at(t, 2, origin)
        rows = np.hstack([np.full((7, 1), clock[t]), X[:, t], X[:, t - 1]])
        direct = Moments(5, rows.shape[1], n_channels, origin)
        for fold, some in enumerate(folds(7)):
            direct.add(fold, rows[some], X[some, t + 1])
        assert np.array_equal(moments.counts, direct.counts)
        assert np.allclose(moments.sums, direct.sums, atol=1e-10)
        assert np.allclose(moments.products, direct.products, atol=1e-10)


def test_the_spectral_radius_of_a_large_core_is_what_was_asked_for():
    X = np.random.default_rng(0).normal(size=(4, 5))
    options = dict(spectral_radius=0.9, leak=0.5, input_scale=0.5, noise_std=1.0, random_state=0)
    for n_units in (20, 300):
        weights = EchoStatePredictor(n_units, **options).fit(X).recurrent_weights_
        assert np.abs(np.linalg.eigvals(weights)).max() == pytest.approx(0.9, rel=1e-12)
