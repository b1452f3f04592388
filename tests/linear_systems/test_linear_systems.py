"""Linear systems: the world, its filters and learners against independent computations."""

import numpy as np
import pytest
from oracles import covariance_of_observations
from scipy.linalg import block_diag, solve_discrete_are, toeplitz
from scipy.stats import multivariate_normal
from statsmodels.tsa.statespace.structural import UnobservedComponents
from statsmodels.tsa.vector_ar.var_model import VAR

from sklearn_emerge import (
    AutoregressivePredictor,
    EmergenceAssessment,
    FiniteFilterPredictor,
    GRUPredictor,
    KalmanPredictor,
    LinearSystemWorld,
    RestrictedLinearPredictor,
    TruncatedKalmanPredictor,
)
from sklearn_emerge.datasets import make_linear_system

TREND = LinearSystemWorld.local_linear_trend(0.2, 0.05, 0.5, n_steps=40)


@pytest.mark.parametrize(
    "world", [TREND, LinearSystemWorld(0.7, 1.0, 0.3, 0.2, n_steps=40, initial=2.0)]
)
def test_sequences_have_the_covariance_of_the_system(world):
    X = world.sample(20_000, random_state=0).X
    expected = covariance_of_observations(world)
    scale = np.sqrt(np.diag(expected))
    error = (X.T @ X / len(X) - expected) / np.outer(scale, scale)
    assert np.abs(error).max() < 5 / np.sqrt(20_000)


def test_latents_are_the_states():
    sample = TREND.sample(4000, random_state=0)
    level, slope = sample.latents[..., 0], sample.latents[..., 1]
    noise = level[:, 1:] - level[:, :-1] - slope[:, :-1]
    assert noise.var() == pytest.approx(0.2, rel=0.02)
    assert (sample.X - level).var() == pytest.approx(0.5, rel=0.02)
    assert not LinearSystemWorld(initial="zero").sample(3).latents[:, 0].any()


def test_channels_and_loader():
    C = [[1.0, 0.0], [1.0, 1.0]]
    X, latents = make_linear_system(
        TREND.A, C, 0.1, 1.0, 7, n_steps=12, random_state=3, return_X_latents=True
    )
    assert X.shape == (7, 12, 2)
    assert latents.shape == (7, 12, 2)
    world = LinearSystemWorld(TREND.A, C, 0.1, 1.0, 12)
    assert np.array_equal(world.sample(7, random_state=3).X, X)
    assert world.null_kinds == ("shuffle", "resample", "phase")
    assert world.noise_std == "estimate"


def test_shortcuts():
    walk = LinearSystemWorld.random_walk(0.3, 0.7, 9)
    assert [np.squeeze(part).item() for part in walk.system()[:4]] == [1, 1, 0.3, 0.7]
    assert walk.n_steps == 9
    A, C, Q, R, _ = LinearSystemWorld.jordan_block(3, 0.9, 0.2, 0.4).system()
    assert A.tolist() == [[0.9, 1, 0], [0, 0.9, 1], [0, 0, 0.9]]
    assert (C.tolist(), Q.tolist(), R.tolist()) == (
        [[1, 0, 0]],
        np.diag([0.2] * 3).tolist(),
        [[0.4]],
    )
    with pytest.raises(ValueError, match="size=0 is not the size of a block"):
        LinearSystemWorld.jordan_block(0)
    for call, name in (
        (lambda: LinearSystemWorld.random_walk(-1), "q"),
        (lambda: LinearSystemWorld.local_linear_trend(0.1, [1, 2]), "slope"),
        (lambda: LinearSystemWorld.jordan_block(2, 1.0, 0.1, np.nan), "r"),
    ):
        with pytest.raises(ValueError, match=f"{name}=.* is not a variance"):
            call()
    with pytest.raises(ValueError, match="eigenvalue=1j must be a real number"):
        LinearSystemWorld.jordan_block(2, 1j)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"A": [[1.0, 2.0]]}, "A must be a number or a square matrix"),
        ({"A": [[np.nan]]}, "A must be a finite"),
        ({"A": np.eye(2), "C": [[1.0, 0.0, 0.0]]}, "C must have one column"),
        ({"Q": -0.1}, "Q=-0.1 is not a covariance"),
        ({"A": np.eye(2), "Q": [[1.0, 0.5], [0.0, 1.0]]}, "Q=.* is not a covariance"),
        ({"R": np.eye(2)}, "R must be a number or a matrix of shape"),
        ({"A": np.eye(2), "C": [1.0, 0.0]}, "not detectable: .* do not decay .eigenvalues 1, 1"),
        ({"Q": 0.0}, "no steady state: a mode of A of modulus 1 gets no process noise"),
        ({"A": [["a"]]}, r"A=\[\['a'\]\] is not a real number or matrix"),
        ({"A": [[1j]]}, "A=.* is not a real number or matrix .it is complex"),
        ({"A": [[1.0, 2.0], [3.0]]}, "A=.* is not a real number .* rows of equal length"),
        ({"A": 0.5, "Q": -1e-13, "R": 1e-13}, "Q=-1e-13 is not a covariance"),
        ({"A": np.eye(2), "Q": 1e-9 * np.array([[1, 5], [0, 1]])}, "Q=.* is not a covariance"),
        ({"C": [[1.0], [1.0]], "R": 0.0}, "free of noise and redundant"),
        ({"n_steps": 1}, "n_steps"),
        ({"initial": "stationary"}, "initial"),
        ({"initial": -1.0}, "initial=-1.0 is not a covariance"),
        ({"A": 1e9, "n_steps": 100}, "exceed the range of float64 .* eigenvalue of modulus 1e"),
    ],
)
def test_bad_systems_are_refused_before_anything_runs(params, message):
    world = LinearSystemWorld(**params)
    with pytest.raises(ValueError, match=message):
        world.sample(3)
    with pytest.raises(ValueError, match=message):
        EmergenceAssessment(world, GRUPredictor(2, max_steps=1), progress=False).fit()


@pytest.mark.parametrize(
    "world",
    [
        LinearSystemWorld(1.0, 9e-5, 0.1, 8.1e-9),
        LinearSystemWorld([[1.0, 1e6], [0.0, 1.0]], [1.0, 0.0], np.diag([0.1, 1e-13])),
        LinearSystemWorld(np.diag([1.0, -1.0]), [[1e3, 0.0], [0.0, 1e-3]]),
        LinearSystemWorld(np.diag([1.0, 0.9999]), [1.0, 1.0]),
    ],
)
def test_units_do_not_matter(world):
    assert np.isfinite(world.sample(3, random_state=0).X).all()


def test_fit_of_an_exploding_system_is_least_squares():
    X = LinearSystemWorld(1.1, n_steps=200).sample(50, random_state=0).X
    model = FiniteFilterPredictor(3).fit(X)
    padded = np.pad(X, ((0, 0), (2, 0)))
    rows = np.stack([padded[:, 2 - k : -1 - k] for k in range(3)], axis=2).reshape(-1, 3)
    norms = np.linalg.norm(rows, axis=0)
    expected = np.linalg.lstsq(rows / norms, X[:, 1:].ravel())[0] / norms

    def loss(coef):
        return ((X[:, 1:].ravel() - rows @ coef) ** 2).sum()

    assert loss(model.coef_.ravel()) <= loss(expected) * (1 + 1e-6)


def test_a_system_without_steady_state_has_a_world_if_it_starts_somewhere():
    world = LinearSystemWorld(1.0, 1.0, 0.0, 1.0, n_steps=20, initial=4.0)
    X = world.sample(20_000, random_state=0).X
    # A constant in noise: the best prediction is the shrunken mean of what was seen.
    seen = X.cumsum(axis=1)
    expected = seen / (np.arange(1, 21) + 1 / 4)
    np.testing.assert_allclose(world.optimal_predictor().predict(X), expected, atol=1e-10)


def test_steady_filter_is_the_solution_of_the_riccati_equation():
    A, C, Q, R, P = TREND.system()
    np.testing.assert_allclose(P, solve_discrete_are(A.T, C.T, Q, R), rtol=1e-12)
    S = C @ P @ C.T + R
    np.testing.assert_allclose(P, A @ (P - P @ C.T @ C @ P / S) @ A.T + Q, rtol=1e-10)
    gains = TREND.optimal_predictor().gains_
    np.testing.assert_allclose(gains, np.broadcast_to(gains[0], gains.shape), rtol=1e-9)
    assert TREND.noise_std == pytest.approx(np.sqrt(S.item()), rel=1e-12)


@pytest.mark.parametrize(
    ("kind", "world"),
    [
        ("llevel", LinearSystemWorld.random_walk(0.3, 0.7, 60)),
        ("lltrend", LinearSystemWorld.local_linear_trend(0.3, 0.1, 0.7, 60)),
    ],
)
def test_optimal_predictor_equals_unobserved_components(kind, world):
    _, _, Q, R, P = world.system()
    X = world.sample(3, random_state=0).X
    best = world.optimal_predictor()
    predicted, scores = best.predict(X), best.score_samples(X)
    for i in range(3):
        model = UnobservedComponents(X[i], kind)
        model.ssm.initialize_known(np.zeros(len(Q)), P)
        model.loglikelihood_burn = 0
        result = model.filter([R.item(), *np.diag(Q)])
        np.testing.assert_allclose(predicted[i, :-1], result.forecasts[0, 1:], atol=1e-12)
        first = result.llf_obs[0]
        assert scores[i] + first == pytest.approx(result.llf, rel=1e-8)
        dense = multivariate_normal(np.zeros(60), covariance_of_observations(world))
        assert scores[i] + first == pytest.approx(dense.logpdf(X[i]), rel=1e-8)


def test_fitted_filter_is_least_squares_with_a_past_of_zeros():
    X = TREND.sample(30, random_state=0).X[:, :, np.newaxis] * [[[1.0, 50.0]]]
    X += np.random.default_rng(0).normal(size=X.shape)
    for padding in ("zero", "drop"):
        model = FiniteFilterPredictor(3, padding).fit(X)
        rows, targets = [], []
        for x in X:
            for t in range(2 if padding == "drop" else 0, 39):
                past = [x[t - k] if t >= k else np.zeros(2) for k in range(3)]
                rows.append(np.concatenate(past))
                targets.append(x[t + 1])
        expected = np.linalg.lstsq(np.array(rows), np.array(targets))[0]
        np.testing.assert_allclose(model.coef_.reshape(6, 2), expected, rtol=1e-8)
        predicted = np.array(rows) @ model.coef_.reshape(6, 2)
        shown = model.predict(X)[:, 2 if padding == "drop" else 0 : -1].reshape(-1, 2)
        np.testing.assert_allclose(shown, predicted, atol=1e-9)
        np.testing.assert_allclose(model.dc_gain_, model.coef_.sum(axis=0))


def test_ridge_is_in_the_units_of_the_data():
    X = TREND.sample(20, random_state=0).X[:, :, np.newaxis] * [[[1.0, 7.0]]]
    X += np.random.default_rng(0).normal(size=X.shape)
    rows = np.concatenate([X[:, 1:-1], X[:, :-2]], axis=2).reshape(-1, 4)
    gram = rows.T @ rows + 30.0 * np.eye(4)
    expected = np.linalg.solve(gram, rows.T @ X[:, 2:].reshape(-1, 2))
    model = FiniteFilterPredictor(2, "drop", alpha=30.0).fit(X)
    np.testing.assert_allclose(model.coef_.reshape(4, 2), expected, rtol=1e-9)


def test_truncated_filter_tends_to_the_kalman_filter():
    X = TREND.sample(5, random_state=0).X
    best = TREND.optimal_predictor().predict(X)
    matrices = TREND.system()[:4]
    whole = TruncatedKalmanPredictor(40, *matrices).fit(X)
    np.testing.assert_allclose(whole.predict(X), best, atol=1e-10)
    short = TruncatedKalmanPredictor(5, *matrices).fit(X)
    assert np.array_equal(short.coef_, whole.coef_[:5])
    np.testing.assert_allclose(short.predict(X)[:, :5], best[:, :5], atol=1e-10)
    assert np.abs(short.predict(X) - best).max() > 0.1
    with pytest.raises(ValueError, match="C has 2 rows, one a channel, but X has 1 channel;"):
        TruncatedKalmanPredictor(2, A=np.eye(2), C=1.0).fit(X)


STATES = LinearSystemWorld(
    [[0.9, 0.3, 0.0], [0.0, 0.7, 0.4], [0.2, 0.0, 0.5]], 1.0, 1.0, 0.0, n_steps=60
)


def test_unrestricted_family_equals_a_vector_autoregression():
    X = STATES.sample(2, random_state=0).X
    found = RestrictedLinearPredictor("block", 3).fit(X[:1].repeat(2, axis=0)).transition_
    expected = VAR(X[0]).fit(1, trend="n").coefs[0]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    full_rank = RestrictedLinearPredictor("low_rank", 3).fit(X[:1].repeat(2, axis=0))
    np.testing.assert_allclose(full_rank.transition_, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("family", "size", "n_parameters"), [("block", 2, 4), ("low_rank", 2, 8), ("affine", 4, 4)]
)
def test_families_contain_what_they_say_and_nothing_in_them_fits_better(family, size, n_parameters):
    X = STATES.sample(20, random_state=0).X
    model = RestrictedLinearPredictor(family, size, random_state=1).fit(X)
    assert model.n_parameters_ == n_parameters
    M = model.transition_
    past, following = X[:, :-1].reshape(-1, 3), X[:, 1:].reshape(-1, 3)

    def loss(M):
        return ((following - past @ M.T) ** 2).sum()

    rng = np.random.default_rng(0)
    directions = {
        "block": [np.pad(rng.normal(size=(2, 2)), (0, 1)) for _ in range(4)],
        # The set of matrices of rank 2 is curved: move along it.
        "low_rank": [],
        "affine": model._affine(3)[1],
    }[family]
    if family == "low_rank":
        assert np.linalg.matrix_rank(M, rtol=1e-10) == 2
        for _ in range(20):
            other = (np.eye(3) + 1e-3 * rng.normal(size=(3, 3))) @ M
            assert loss(other @ (np.eye(3) + 1e-3 * rng.normal(size=(3, 3)))) > loss(M)
    if family == "block":
        assert not M[2].any()
        assert not M[:, 2].any()
    for direction in directions:
        gradient = 2 * np.sum(((past @ M.T - following).T @ past) * direction)
        assert abs(gradient) < 1e-7 * loss(M)


def test_given_basis_and_origin():
    X = STATES.sample(200, random_state=0).X
    origin = STATES.system()[0].copy()
    origin[0, 0] = 0.0
    basis = np.zeros((1, 3, 3))
    basis[0, 0, 0] = 1.0
    model = RestrictedLinearPredictor("affine", 1, basis=basis, origin=origin).fit(X)
    assert model.transition_[0, 0] == pytest.approx(0.9, abs=0.03)
    assert np.array_equal(model.transition_[1:], origin[1:])
    with pytest.raises(ValueError, match=r"basis must be finite and of shape \(2, 3, 3\)"):
        RestrictedLinearPredictor("affine", 2, basis=basis).fit(X)
    with pytest.raises(ValueError, match="size=4 is too large for family='low_rank' of 3 x 3"):
        RestrictedLinearPredictor("low_rank", 4).fit(X)


def test_linear_baseline_is_no_better_than_the_kalman_filter():
    train, evaluation = TREND.split(2000, 2000, random_state=0)
    best = TREND.optimal_predictor()
    noise = {"noise_std": TREND.noise_std}
    for other in (
        AutoregressivePredictor(**noise),
        FiniteFilterPredictor(8, **noise),
        TruncatedKalmanPredictor(8, *TREND.system()[:4], **noise),
    ):
        gain = other.fit(train.X).score_samples(evaluation.X) - best.score_samples(evaluation.X)
        assert gain.mean() < 3 * gain.std() / np.sqrt(2000)


def test_assessment_of_a_linear_world():
    world = LinearSystemWorld.random_walk(n_steps=30)
    assessment = EmergenceAssessment(
        world,
        GRUPredictor(4, max_steps=400),
        n_train=300,
        n_eval=200,
        n_seeds=2,
        alpha=0.3,
        param_grid={"world__Q": [0.1, 1.0]},
        correction=None,
        random_state=0,
        progress=False,
        modes=("full", "random"),
        nulls=(),
        baselines=("mean", "persistence"),
        claims=("gain",),
        reservoir_sizes=None,
    ).fit()
    cube = assessment.cube_.sel(condition="structured")
    assert (cube.ceiling == "exact").all()
    assert (cube.efficiency.sel(mode="full") < 1.02).all()
    # With so little training only where persistence is poor, that is in much noise.
    assert cube.efficiency.sel(mode="full", world__Q=0.1).mean() > 0.5
    # The state is in the observations, decodable from the untrained network, too.
    assert (cube.probe_score.sel(mode="random", latent="x") > 0.5).all()


def test_kalman_predictor_takes_systems_of_several_channels():
    A = block_diag(TREND.A, [[0.5]])
    C = [[1.0, 0.0, 1.0], [0.0, 1.0, -1.0]]
    world = LinearSystemWorld(A, C, 0.1, np.diag([0.5, 0.2]), n_steps=15)
    X = world.sample(5000, random_state=0).X
    apart = X[:, 1:] - world.optimal_predictor().predict(X)[:, :-1]
    expected = KalmanPredictor(*world.system()[:4]).fit(X).innovation_covariances_[0]
    measured = np.einsum("nti,ntj->ij", apart, apart) / (5000 * 14)
    np.testing.assert_allclose(measured, expected, rtol=0.03, atol=0.01)
    # Innovations are white.
    lagged = np.einsum("nti,ntj->ij", apart[:, 1:], apart[:, :-1]) / (5000 * 13)
    assert np.abs(lagged).max() < 0.03


def test_observations_of_a_stationary_system_have_its_autocovariance():
    world = LinearSystemWorld(0.8, 1.0, 0.36, 0.5, n_steps=12, initial=1.0)
    lags = 0.8 ** np.arange(12)
    expected = toeplitz(lags) + 0.5 * np.eye(12)
    np.testing.assert_allclose(covariance_of_observations(world), expected, rtol=1e-12)
