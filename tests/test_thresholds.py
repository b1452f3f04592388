"""Thresholds of linear systems equal brute force, closed forms and the printed tables."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag
from sklearn.base import clone
from statsmodels.tsa.stattools import innovations_algo
from test_linear_systems import covariance_of_observations

from sklearn_emerge import (
    DriftWorld,
    EmergenceAssessment,
    FiniteFilterPredictor,
    GRUPredictor,
    LinearSystemWorld,
    PersistencePredictor,
    RestrictedLinearPredictor,
    TruncatedKalmanPredictor,
)
from sklearn_emerge.datasets import load_published
from sklearn_emerge.thresholds import (
    PredictionRiskSweep,
    best_filter,
    critical_filter_length,
    equivalent_filter_length,
    excess_risk,
    filter_risk,
    linear_filter_risk,
    orbit_dimension,
    stability_threshold,
)


def walk(q):
    """Return rho, K, S of a random walk in noise of variance 1."""
    rho = 1 + q / 2 - np.sqrt(q + q**2 / 4)
    return rho, 1 - rho, 1 / rho


def jordan(size):
    return np.eye(size) + np.eye(size, k=1)


ANGLE = np.pi / 6
ROTATION = np.array([[np.cos(ANGLE), -np.sin(ANGLE)], [np.sin(ANGLE), np.cos(ANGLE)]])
SYSTEMS = {
    # name: A, C, stability threshold
    "walk": (1.0, 1.0, 1),
    "trend": (jordan(2), [1.0, 0.0], 2),
    "block of 3": (jordan(3), [1.0, 0.0, 0.0], 3),
    "alternating": (np.diag([1.0, -1.0]), [1.0, 1.0], 2),
    "walk and decay": (np.diag([1.0, 0.8]), [1.0, 1.0], 1),
    "decay": (0.8, 1.0, 0),
    "rotation and decay": (block_diag(ROTATION, 0.5), [1.0, 0.0, 1.0], 2),
}


def brute_force(world, length, horizon, padding):
    """Return the smallest risk from the covariance of all observations, by its definition."""
    covariance = covariance_of_observations(clone(world).set_params(n_steps=horizon))
    gram, cross, constant = np.zeros((length, length)), np.zeros(length), 0.0
    for t in range(1, horizon):
        if padding == "drop" and t < length:
            continue
        best = np.linalg.solve(covariance[:t, :t], covariance[:t, t])
        past = np.zeros((length, t))
        for k in range(min(length, t)):
            past[k, t - 1 - k] = 1.0
        gram += past @ covariance[:t, :t] @ past.T
        cross += past @ covariance[:t, :t] @ best
        constant += best @ covariance[:t, :t] @ best
    if not length:
        return constant
    return constant - cross @ np.linalg.solve(gram, cross)


@pytest.mark.parametrize("padding", ["zero", "drop"])
@pytest.mark.parametrize("q", [1.0, 0.1, 0.01])
def test_closed_form_equals_brute_force(q, padding):
    world = LinearSystemWorld.random_walk(q)
    for horizon in (10, 60):
        for length in (0, 1, 2, 5):
            expected = brute_force(world, length, horizon, padding)
            found = filter_risk(q, 1.0, length, horizon, padding=padding)
            assert found == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("padding", ["zero", "drop"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_general_risk_equals_brute_force(name, padding):
    A, C, _ = SYSTEMS[name]
    world = LinearSystemWorld(A, C, 0.1, 1.0)
    for length in (0, 1, 3):
        expected = brute_force(world, length, 25, padding)
        found = linear_filter_risk(A, C, 0.1, 1.0, length, 25, padding=padding)
        assert found == pytest.approx(expected, rel=1e-7)


def test_several_channels_equal_brute_force():
    A, C = block_diag(jordan(2), 0.5), np.array([[1.0, 0.0, 1.0], [0.0, 1.0, -1.0]])
    world = LinearSystemWorld(A, C, 0.1, np.diag([0.5, 0.2]), n_steps=12)
    sample = world.sample(4, random_state=0).X
    coef = best_filter(A, C, 0.1, np.diag([0.5, 0.2]), 2, 12)
    least = linear_filter_risk(A, C, 0.1, np.diag([0.5, 0.2]), 2, 12)
    # The covariance of predictions, from the linear map of each predictor.
    names = np.eye(24).reshape(24, 12, 2)
    best = world.optimal_predictor().predict(names)[:, :-1].reshape(24, -1)
    model = FiniteFilterPredictor(2).fit(sample)
    *_, P = world.system()
    states = np.zeros((12, 3, 12, 3))
    for t in range(12):
        for s in range(t, 12):
            power = np.linalg.matrix_power(A, s - t)
            states[t, :, s], states[s, :, t] = P @ power.T, power @ P
        P = A @ P @ A.T + 0.1 * np.eye(3)
    noise = np.einsum("ts,ij->tisj", np.eye(12), np.diag([0.5, 0.2]))
    covariance = (np.einsum("ia,tasb,jb->tisj", C, states, C) + noise).reshape(24, 24)

    def risk(coef):
        model.coef_ = coef
        apart = model.predict(names)[:, :-1].reshape(24, -1) - best
        return np.trace(apart.T @ covariance @ apart)

    assert risk(coef) == pytest.approx(least, rel=1e-9)
    rng = np.random.default_rng(0)
    for _ in range(10):
        other = coef + 0.05 * rng.normal(size=coef.shape)
        assert risk(other) > least
        stated = linear_filter_risk(A, C, 0.1, np.diag([0.5, 0.2]), 2, 12, coef=other)
        assert stated == pytest.approx(risk(other), rel=1e-9)


def companion(*roots):
    """Return the companion matrix of a polynomial with these roots."""
    A = np.eye(len(roots), k=-1)
    A[0] = -np.poly(roots)[1:]
    return A


# Risks computed with 150 digits, by the least squares of innovations.
EXACT = {
    ((1.5, 0.8), 50): {1: 26.72258, 2: 3.921440, 3: 2.616346},
    ((1.5, 0.8), 200): {1: 108.9144},
    ((1.05, 1.0), 1000): {1: 49820.05, 2: 3880.524},
    ((1.0, 1.0, 1.0), 1000): {2: 10474.07, 3: 9169.454},
}


@pytest.mark.parametrize(("roots", "horizon"), EXACT)
def test_slow_modes_are_not_lost_beside_fast_ones(roots, horizon):
    n = len(roots)
    Q = np.zeros((n, n))
    Q[0, 0] = 0.1
    for length, expected in EXACT[roots, horizon].items():
        risk = linear_filter_risk(companion(*roots), np.eye(1, n), Q, 1.0, length, horizon)
        assert risk == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("horizon", [50, 400])
@pytest.mark.parametrize(
    "A", [np.diag([1.3, 1.0, 0.5]), np.diag([1.05, 1.02, 1.0, 0.3]), block_diag(jordan(2), 0.5)]
)
def test_risk_does_not_depend_on_coordinates(A, horizon):
    n = len(A)
    P = np.random.default_rng(0).normal(size=(n, n))
    back = np.linalg.inv(P)
    C = np.ones((1, n))
    for length in range(5):
        plain = linear_filter_risk(A, C, 0.1, 1.0, length, horizon)
        mixed = linear_filter_risk(P @ A @ back, C @ back, 0.1 * P @ P.T, 1.0, length, horizon)
        assert mixed == pytest.approx(plain, rel=1e-6)


def test_rounded_unit_roots_are_warned_of():
    P = np.random.default_rng(0).normal(size=(3, 3))
    back = np.linalg.inv(P)
    with pytest.warns(UserWarning, match="eigenvalue of modulus .* exact, or take shorter horiz"):
        linear_filter_risk(P @ jordan(3) @ back, np.eye(1, 3) @ back, 0.1 * P @ P.T, 1.0, 2, 10**5)


@settings(deadline=None, max_examples=60)
@given(
    q=st.floats(1e-4, 1e4),
    r=st.floats(1e-3, 1e3),
    length=st.integers(0, 40),
    horizon=st.integers(1, 10**7),
    padding=st.sampled_from(["zero", "drop"]),
)
def test_closed_form_is_the_general_one_on_a_walk(q, r, length, horizon, padding):
    closed = filter_risk(q, r, length, horizon, padding=padding)
    general = linear_filter_risk(1.0, 1.0, q, r, length, horizon, padding=padding)
    assert general == pytest.approx(closed, rel=1e-6, abs=1e-14 * q * horizon)


# Horizon, critical length, and the risk in units of S one step below, at and above it.
TABLE = {
    1.0: [
        (100, 3, (1.740691, 0.246961, 0.035556)),
        (1000, 4, (2.641328, 0.383962, 0.055941)),
        (10000, 5, (3.868508, 0.564133, 0.082293)),
    ],
    0.1: [
        (100, 6, (1.755812, 0.908338, 0.473801)),
        (1000, 10, (1.585672, 0.842445, 0.447911)),
        (10000, 14, (1.296128, 0.690253, 0.367616)),
    ],
    0.01: [
        (100, 13, (1.082691, 0.863858, 0.690640)),
        (1000, 26, (1.158161, 0.946198, 0.773190)),
        (10000, 38, (1.103639, 0.903468, 0.739617)),
    ],
}


@pytest.mark.parametrize("q", TABLE)
def test_table_of_critical_lengths(q):
    S = walk(q)[2]
    for horizon, length, risks in TABLE[q]:
        assert critical_filter_length(q, 1.0, horizon) == length
        assert critical_filter_length(q, 1.0, horizon, padding="drop") == length
        for i, expected in enumerate(risks):
            for risk in (
                filter_risk(q, 1.0, length - 1 + i, horizon),
                linear_filter_risk(1.0, 1.0, q, 1.0, length - 1 + i, horizon),
            ):
                assert risk / S == pytest.approx(expected, abs=1e-6)


def test_multiples_of_the_logarithm_decide():
    """The total diverges at half of the critical rate and vanishes at one and a half."""
    rate = 1.587681
    expected = {0.5: (7.01, 57.5, 861), 1.0: (0.474, 0.690, 0.842), 1.5: (0.0684, 0.0084, 0.00082)}
    for multiple, risks in expected.items():
        for horizon, risk in zip((10**2, 10**4, 10**6), risks, strict=True):
            length = int(multiple * rate * np.log(horizon))
            found = filter_risk(0.1, 1.0, length, horizon) / walk(0.1)[2]
            assert found == pytest.approx(risk, rel=0.01)


def test_persistence_refutes_the_printed_theorem():
    rho, _, S = walk(0.1)
    for horizon in (10, 1000, 10**6):
        risk = linear_filter_risk(1.0, 1.0, 0.1, 1.0, 1, horizon, coef=[1.0])
        assert risk == pytest.approx(rho**2 * S * (horizon - 1), rel=1e-12)
        assert risk / horizon < rho**2 * S
    # Measured with the predictor of that name, too.
    world = LinearSystemWorld.random_walk(0.1, n_steps=50)
    X = world.sample(20_000, random_state=0).X
    held = PersistencePredictor().fit(X).predict(X)
    apart = ((held - world.optimal_predictor().predict(X))[:, :-1] ** 2).sum(axis=1)
    error = apart.std() / np.sqrt(20_000)
    assert abs(apart.mean() - rho**2 * S * 49) < 4 * error


@pytest.mark.parametrize("length", [1, 2, 4, 8])
def test_limit_of_the_risk_per_step_equals_the_innovations_algorithm(length):
    """The differenced walk is a moving average; its finite past predicts with this error."""
    rho, _, S = walk(0.1)
    autocovariance = np.zeros(length + 1)
    autocovariance[:2] = 0.1 + 2, -1
    if length == 1:
        autocovariance = autocovariance[:2]
    variance = innovations_algo(autocovariance, nobs=length + 1)[1][length - 1]
    limit = S * (1 - rho**2) * rho ** (2 * length) / (1 - rho ** (2 * length))
    assert variance - S == pytest.approx(limit, rel=1e-7)
    assert filter_risk(0.1, 1.0, length, 10**9) / 10**9 == pytest.approx(limit, rel=1e-6)


# Risk per step in units of S at horizons 1e3, 1e4, 1e5, 1e6.
GENERAL = {
    ("trend", 1): (6.965, 70.24, 703.1, 7031),
    ("trend", 2): (1.441, 1.634, 1.655, 1.658),
    ("block of 3", 2): (2.381, 19.58, 191.6, 1912),
    ("block of 3", 3): (2.101, 3.516, 3.764, 3.790),
    ("alternating", 2): (0.2822, 0.2874, 0.2880, 0.2880),
    ("walk and decay", 1): (0.4428, 0.4559, 0.4573, 0.4574),
    ("rotation and decay", 2): (1.928, 2.228, 2.263, 2.267),
}


@pytest.mark.parametrize(("name", "length"), GENERAL)
def test_table_of_general_systems(name, length):
    A, C, _ = SYSTEMS[name]
    S = LinearSystemWorld(A, C, 0.1, 1.0).noise_std ** 2
    for horizon, expected in zip((10**3, 10**4, 10**5, 10**6), GENERAL[name, length], strict=True):
        risk = linear_filter_risk(A, C, 0.1, 1.0, length, horizon) / horizon / S
        assert risk == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", SYSTEMS)
def test_stability_thresholds_by_algebra_and_by_growth(name):
    A, C, expected = SYSTEMS[name]
    assert stability_threshold(A, C) == expected
    world = LinearSystemWorld(A, C, 0.1, 1.0)
    # A filter of length 0 is the prediction of zero, which no predictor class needs.
    risks = [
        [linear_filter_risk(A, C, 0.1, 1.0, length, T) / T for T in (10**4, 10**5)]
        for length in range(5)
    ]
    exponents = [np.log10(late / early) for early, late in risks]
    assert int(np.argmax(np.array(exponents) < 0.5)) == expected
    sweep = PredictionRiskSweep(world, param_range=range(1, 5), horizons=[10**3, 10**4, 10**5])
    assert sweep.fit().stability_threshold_ == max(expected, 1)


@pytest.mark.parametrize(
    ("A", "C", "expected"),
    [
        (np.diag(1 + 0.1 * np.arange(8)), np.ones(8), 8),
        (jordan(30), np.eye(1, 30), 30),
        (1.0, 9e-5, 1),
        ([[1.0, 1e6], [0.0, 1.0]], [1.0, 0.0], 2),
        (np.diag([1.0, -1.0]), [[1e5, 0.0], [0.0, 1.0]], 1),
        (np.diag([1.0, 2.0, 1e5]), [1.0, 1.0, 1.0], 3),
    ],
)
def test_stability_threshold_of_many_modes_and_in_any_units(A, C, expected):
    assert stability_threshold(A, C) == expected


def test_stability_threshold_of_several_channels_and_of_rounded_eigenvalues():
    C = np.zeros((2, 4))
    C[0, 0] = C[1, 2] = 1
    assert stability_threshold(block_diag(jordan(2), 1.0), C[:, :3]) == 2
    assert stability_threshold(jordan(4), C) == 2
    rng = np.random.default_rng(0)
    P = rng.normal(size=(4, 4))
    mixed = P @ jordan(4) @ np.linalg.inv(P)
    assert stability_threshold(mixed, rng.normal(size=4), n_unstable=4) == 4
    with pytest.warns(UserWarning, match=r"modulus 0.99.*n_unstable="):
        stability_threshold(mixed, rng.normal(size=4))
    with pytest.raises(ValueError, match="n_unstable=5 exceeds the 4 states"):
        stability_threshold(mixed, rng.normal(size=4), n_unstable=5)
    with pytest.raises(ValueError, match="not detectable"):
        stability_threshold(np.eye(2), [1.0, 0.0])


@pytest.mark.parametrize(
    ("A", "dimension"),
    [
        (jordan(4), 12), (block_diag(jordan(2), jordan(2)), 8), (block_diag(jordan(3), 1.0), 10),
        (np.eye(4), 0), (np.eye(2), 0), (np.diag([1.0, 1.1]), 2), (0.5, 0),
    ],
)  # fmt: skip
def test_orbit_dimensions(A, dimension):
    assert orbit_dimension(A) == dimension
    if np.ndim(A):
        P = np.random.default_rng(0).normal(size=np.shape(A))
        assert orbit_dimension(P @ A @ np.linalg.inv(P)) == dimension


@pytest.mark.parametrize("q", [1.0, 0.1, 0.01])
def test_critical_length_grows_at_the_rate_of_theory(q):
    sweep = PredictionRiskSweep(
        LinearSystemWorld.random_walk(q),
        param_range=range(1, 70),
        horizons=[10**4 * 2**k for k in range(8)],
    ).fit()
    measured = {1.0: 0.519589, 0.1: 1.588318, 0.01: 5.008025}[q]
    assert sweep.slope_ == pytest.approx(measured, abs=1e-5)
    assert sweep.reference_slope_ == pytest.approx(-0.5 / np.log(walk(q)[0]), rel=1e-9)
    assert sweep.slope_ == pytest.approx(sweep.reference_slope_, rel=0.01)


@pytest.mark.parametrize(
    "world",
    [
        LinearSystemWorld(np.diag([1.0, 0.95]), [1.0, 1.0], np.diag([0.1, 0.0])),
        LinearSystemWorld(np.diag([1.0, 0.95]), [1.0, 0.0], 0.1),
    ],
)
def test_modes_that_play_no_part_do_not_change_the_slope(world):
    horizons = [10**4 * 2**k for k in range(4)]
    sweep = PredictionRiskSweep(world, None, range(1, 30), horizons).fit()
    assert sweep.slope_ == pytest.approx(sweep.reference_slope_, rel=0.01)
    assert sweep.reference_slope_ == pytest.approx(1.587681, abs=1e-6)


@pytest.mark.parametrize(
    "options", [dict(learner=TruncatedKalmanPredictor()), dict(refit="frozen")]
)
def test_no_slope_is_stated_where_theory_has_none(options):
    sweep = PredictionRiskSweep(param_range=range(1, 30), horizons=[100, 200, 400], **options)
    assert np.isnan(sweep.fit().reference_slope_)


def test_floor_of_the_modes_that_a_block_leaves_out():
    for radius, horizons in ((1.0, [100, 1000, 10_000]), (1.1, [100, 200, 400])):
        A = block_diag(radius * np.eye(4) + np.eye(4, k=1), 0.4 * np.eye(3))
        world = LinearSystemWorld(A, 1.0, 1.0, 0.0)
        sweep = PredictionRiskSweep(world, RestrictedLinearPredictor(), range(4, 8), horizons)
        cube = sweep.fit().cube_
        for k in range(4, 8):
            floor = (7 - k) * 0.16 / 0.84 * (np.array(horizons) - 1)
            np.testing.assert_allclose(cube.total_risk.sel(size=k), floor, rtol=0.02)
    left_out = PredictionRiskSweep(
        LinearSystemWorld(block_diag(jordan(4), 1.0), 1.0, 1.0, 0.0),
        RestrictedLinearPredictor(), [4, 5], [10**3, 10**4, 10**5],
    ).fit()  # fmt: skip
    assert left_out.stability_threshold_ == 5


def test_truncated_filter_diverges_per_step_and_the_fitted_one_does_not():
    world = LinearSystemWorld.random_walk(0.1)
    horizons = [10**5, 10**6]
    rho, _, S = walk(0.1)
    truncated = PredictionRiskSweep(world, TruncatedKalmanPredictor(), [1, 2, 6], horizons).fit()
    for i, length in enumerate((1, 2, 6)):
        n = np.array(horizons) - length
        np.testing.assert_allclose(
            truncated.cube_.total_risk[i], 0.1 * rho ** (2 * length) * n * (n - 1) / 2, rtol=1e-9
        )
    assert np.all(np.abs(truncated.cube_.growth_exponent - 1) < 0.02)
    assert np.isnan(truncated.stability_threshold_)
    fitted = PredictionRiskSweep(world, param_range=[1, 2, 6], horizons=horizons).fit()
    assert np.all(np.abs(fitted.cube_.growth_exponent) < 0.01)
    # The printed normalised thresholds of the truncated filter.
    for horizon, length, risks in (
        (100, 2, (1.8859, 0.9843, 0.5136)), (10000, 10, (1.2575, 0.6697, 0.3567)),
    ):  # fmt: skip
        sweep = PredictionRiskSweep(
            world, TruncatedKalmanPredictor(), range(length - 1, length + 2), [horizon]
        ).fit()
        np.testing.assert_allclose(sweep.cube_.risk[:, 0] / S, risks, atol=1e-4)


def test_a_frozen_filter_does_not_generalise_in_length():
    sweep = PredictionRiskSweep(
        LinearSystemWorld.random_walk(0.1), None, [4], [100, 10**3, 10**4, 10**5], refit="frozen"
    ).fit()
    risk = sweep.cube_.risk.values[0] / walk(0.1)[2]
    np.testing.assert_allclose(risk, [0.0345, 0.0792, 0.518, 4.90], rtol=2e-3)
    longer = PredictionRiskSweep(
        LinearSystemWorld.random_walk(0.1), None, [4], [100, 10**6, 10**7], refit="frozen"
    ).fit()
    assert longer.cube_.growth_exponent.item() == pytest.approx(1, abs=0.02)


def test_figure_1_of_the_source():
    published = load_published("linear-systems-figure1")
    for radius in (1.0, 1.1):
        A = block_diag(radius * np.eye(4) + np.eye(4, k=1), 0.4 * np.eye(3))
        sweep = PredictionRiskSweep(
            LinearSystemWorld(A, 1.0, 1.0, 0.0, initial=1.0),
            RestrictedLinearPredictor("block"),
            param_range=range(1, 8),
            horizons=[11, 71],  # 10 and 70 predicted steps
        ).fit()
        risk = np.log1p(sweep.cube_.total_risk / (sweep.cube_.horizon - 1))
        rows = published[published.spectral_radius == radius]
        expected = rows.pivot(index="k", columns="horizon", values="log1p_risk").values
        np.testing.assert_allclose(risk, expected, atol=0.01)


def test_families_with_too_few_parameters_diverge():
    world = LinearSystemWorld(np.diag([1.0, -1.0]), 1.0, 1.0, 0.0)
    sweep = PredictionRiskSweep(
        world,
        RestrictedLinearPredictor("affine", random_state=0),
        param_range=range(5),
        horizons=[10**3, 10**4, 10**5],
    ).fit()
    np.testing.assert_allclose(sweep.cube_.growth_exponent[:4], 1, atol=0.01)
    assert (sweep.cube_.risk[4] < 1e-9).all()
    assert sweep.stability_threshold_ == 4
    # The orbit of the identity is a point: a family without parameters fits it exactly.
    identity = PredictionRiskSweep(
        LinearSystemWorld(np.eye(2), 1.0, 1.0, 0.0),
        RestrictedLinearPredictor("affine", origin=np.eye(2)),
        param_range=[0],
        horizons=[100, 1000],
    ).fit()
    assert (identity.cube_.total_risk == 0).all()
    low_rank = PredictionRiskSweep(
        LinearSystemWorld(np.diag([1.0, 0.5, 0.4]), 1.0, 1.0, 0.0),
        RestrictedLinearPredictor("low_rank"),
        param_range=[0, 1, 2, 3],
        horizons=[10**3, 10**4, 10**5],
    ).fit()
    assert low_rank.stability_threshold_ == 1


@pytest.mark.parametrize("refit", ["per_horizon", "frozen"])
@pytest.mark.parametrize(
    ("world", "learner", "sizes"),
    [
        (LinearSystemWorld.random_walk(0.1), FiniteFilterPredictor(), [1, 2, 4]),
        (LinearSystemWorld.random_walk(0.1), FiniteFilterPredictor(padding="drop"), [2, 4]),
        (LinearSystemWorld.random_walk(0.1), TruncatedKalmanPredictor(), [1, 4]),
        (LinearSystemWorld.local_linear_trend(), FiniteFilterPredictor(), [2, 5]),
        (
            LinearSystemWorld(np.diag([1.0, 0.5]), 1.0, 1.0, 0.0),
            RestrictedLinearPredictor("low_rank"),
            [1],
        ),
    ],
)
def test_monte_carlo_agrees_with_the_exact_risk(world, learner, sizes, refit):
    options = dict(param_range=sizes, horizons=[30, 120], refit=refit)
    with warnings.catch_warnings():
        # Horizons are too short for thresholds.
        warnings.filterwarnings("ignore", "From the growth of the risk")
        exact = PredictionRiskSweep(world, learner, **options).fit().cube_
        measured = PredictionRiskSweep(
            world, learner, method="monte_carlo", n_train=4000, n_eval=3000, random_state=0,
            **options,
        ).fit().cube_  # fmt: skip
    error = np.abs(measured.total_risk - exact.total_risk)
    # Besides the evaluation the fitted coefficients are uncertain: about h S / N of risk, and
    # what that makes of a filter that is frozen.
    allowed = 4 * measured.total_risk_se + 0.03 * exact.total_risk + 0.02
    assert (error < allowed).all()


def test_monte_carlo_of_a_fixed_filter_is_unbiased():
    rng = np.random.default_rng(0)
    for q, length, horizon in ((1.0, 2, 50), (0.1, 5, 120), (0.01, 3, 200)):
        world = LinearSystemWorld.random_walk(q, n_steps=horizon)
        coef = best_filter(1.0, 1.0, q, 1.0, length, horizon) + 0.02 * rng.normal(size=(1, 1))
        X = world.sample(4000, random_state=1).X
        model = FiniteFilterPredictor(length).fit(X[:2])
        model.coef_ = coef
        apart = (model.predict(X) - world.optimal_predictor().predict(X))[:, :-1] ** 2
        sums = apart.sum(axis=1)
        expected = linear_filter_risk(1.0, 1.0, q, 1.0, length, horizon, coef=coef)
        assert abs(sums.mean() - expected) < 4 * sums.std() / np.sqrt(4000)


def test_monte_carlo_of_any_world_and_predictor():
    sweep = PredictionRiskSweep(
        DriftWorld(), GRUPredictor(max_steps=2), [2, 3], [8, 10], method="monte_carlo",
        n_train=20, n_eval=10, random_state=0,
    )  # fmt: skip
    cube = sweep.fit().cube_
    assert cube.total_risk.dims == ("hidden_size", "horizon")
    assert np.isfinite(cube.total_risk).all()
    again = clone(sweep).set_params(horizons=[10]).fit().cube_
    assert np.array_equal(again.total_risk_se.shape, (2, 1))


@pytest.mark.filterwarnings("ignore:From the growth of the risk")
def test_results_of_monte_carlo_do_not_depend_on_what_else_is_asked():
    world = LinearSystemWorld.random_walk(0.1)
    options = dict(method="monte_carlo", n_train=30, n_eval=20, random_state=0)
    whole = PredictionRiskSweep(world, None, [1, 2], [10, 20], **options).fit().cube_
    part = PredictionRiskSweep(world, None, [2], [20], **options).fit().cube_
    assert whole.total_risk.sel(length=2, horizon=20) == part.total_risk.item()


@pytest.mark.parametrize("learner", [FiniteFilterPredictor(), GRUPredictor(max_steps=3)])
@pytest.mark.parametrize("seed", [0, np.random.SeedSequence(3)])
def test_a_sweep_can_be_repeated(learner, seed):
    options = dict(method="monte_carlo", n_train=20, n_eval=10, random_state=seed)
    sweep = PredictionRiskSweep(DriftWorld(), learner, [2, 3], [8, 10], **options)
    assert sweep.fit().cube_.identical(clone(sweep).fit().cube_)


def test_a_random_family_is_the_same_at_all_horizons():
    world = LinearSystemWorld(np.diag([1.0, -1.0]), 1.0, 1.0, 0.0)
    sweep = PredictionRiskSweep(
        world, RestrictedLinearPredictor("affine"), [1, 2, 3, 4], [10**3, 10**4], random_state=0
    ).fit()
    np.testing.assert_allclose(sweep.cube_.growth_exponent[:3], 1, atol=0.01)
    assert sweep.cube_.identical(clone(sweep).fit().cube_)


@pytest.mark.parametrize(
    ("q", "horizons", "message"),
    [
        (0.01, [10, 100, 1000], "still slowing down for 1 of 1 sizes.*longer horizons"),
        (0.01, [10, 100], "is nan, but by algebra it is 1: up to 100 steps .*longer horizons"),
        (1e-5, [100, 1000, 10_000], "is nan, but by algebra it is 1"),
    ],
)
def test_horizons_too_short_to_tell_are_warned_of(q, horizons, message):
    with pytest.warns(UserWarning, match=message):
        PredictionRiskSweep(LinearSystemWorld.random_walk(q), None, [1], horizons).fit()


def test_exact_filters_at_the_first_horizon_do_not_hide_the_growth():
    sweep = PredictionRiskSweep(param_range=[8, 16], horizons=[5, 1000, 10_000]).fit()
    assert sweep.stability_threshold_ == 8


def test_monte_carlo_where_no_filter_is_steady():
    world = LinearSystemWorld(1.0, 1.0, 0.0, 1.0, initial=4.0)
    sweep = PredictionRiskSweep(
        world, None, [1, 2], [10, 20], "monte_carlo", n_train=50, n_eval=50, random_state=0
    )
    sweep.fit()
    assert np.isfinite(sweep.cube_.total_risk).all()
    assert np.isnan(sweep.reference_slope_)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"param_range": [2, 1]}, r"param_range=\[2, 1\] must be increasing integers from 0"),
        ({"param_range": [0.5]}, "param_range=.* must be increasing integers"),
        ({"horizons": [1, 10]}, "horizons=.* must be increasing integers from 2"),
        ({"param_name": "lags"}, "param_name='lags' is not a parameter of FiniteFilter.*length"),
        ({"method": "guess"}, "'method'.*'exact'"),
        ({"tol": 0}, "'tol'"),
        ({"learner": PersistencePredictor()}, "PersistencePredictor has no parameter length, size"),
        ({"param_range": [0, 1]}, "'length' .* Got 0"),
        (
            {
                "learner": RestrictedLinearPredictor(basis=[[[1.0]]]),
                "world": LinearSystemWorld(R=0.0),
            },
            "basis and origin belong to family='affine'",
        ),
        ({"learner": FiniteFilterPredictor(alpha=1.0)}, "alpha=1.0: a penalty has no effect"),
        ({"learner": GRUPredictor()}, "method='exact' is for .* use method='monte_carlo'"),
        ({"world": DriftWorld()}, "not for FiniteFilterPredictor in DriftWorld"),
        ({"learner": RestrictedLinearPredictor()}, "world with C=1.0 and R=0.0"),
        ({"world": LinearSystemWorld(initial="zero")}, "initial='steady' or method='monte_carlo'"),
        (
            {"world": DriftWorld().null("phase"), "method": "monte_carlo"},
            "distance to the optimal predictor .* which PhaseNull does not offer",
        ),
        ({"world": LinearSystemWorld(1.5)}, "horizon=1000 is too long .* at most 283 steps"),
    ],
)
def test_bad_sweeps_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        PredictionRiskSweep(**params).fit()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: filter_risk(0.0, 1.0, 1, 10), "'q' .* Got 0.0"),
        (lambda: filter_risk(np.nan, 1.0, 1, 10), "'q' .* Got nan"),
        (lambda: filter_risk(1.0, -1.0, 1, 10), "'r' .* Got -1.0"),
        (lambda: filter_risk(1.0, 1.0, 1.5, 10), "'length' .* Got 1.5"),
        (lambda: filter_risk(1.0, 1.0, 1, 0), "'horizon' .* Got 0"),
        (lambda: filter_risk(1.0, 1.0, 1, 9, padding="mirror"), "'padding' .* Got 'mirror'"),
        (lambda: critical_filter_length(1.0, 1.0, 10, tol=0), "'tol' .* Got 0"),
        (lambda: linear_filter_risk(1.0, 0.0, 1.0, 1.0, 1, 10), "not detectable"),
        (lambda: linear_filter_risk(1.0, 1.0, 1.0, 1.0, 2, 9, coef=[1.0]), "coef must be .*2, 1"),
        (lambda: orbit_dimension([[1.0, 2.0]]), "A must be a number or a square"),
        (lambda: equivalent_filter_length(1.0, DriftWorld()), "'world' .*LinearSystemWorld"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_filters_longer_than_the_past_lose_nothing():
    for length in (9, 10, 30):
        assert filter_risk(0.1, 1.0, length, 10) == 0
        assert linear_filter_risk(1.0, 1.0, 0.1, 1.0, length, 10) == pytest.approx(0, abs=1e-25)
    assert best_filter(1.0, 1.0, 0.1, 1.0, 12, 10).shape == (12, 1, 1)


def test_nothing_is_scored_where_all_is_dropped():
    coef = np.ones(20)
    options = dict(coef=coef, padding="drop")
    assert linear_filter_risk(1.0, 1.0, 0.1, 1.0, 20, 10, **options) == 0
    assert linear_filter_risk(1.0, 1.0, 0.1, 1.0, 20, 21, **options) > 0


def test_critical_length_of_a_billion_steps():
    length = critical_filter_length(0.1, 1.0, 10**9)
    S = walk(0.1)[2]
    assert filter_risk(0.1, 1.0, length, 10**9) <= S < filter_risk(0.1, 1.0, length - 1, 10**9)


def test_noise_free_observations_need_one_step():
    assert filter_risk(0.1, 0.0, 1, 100) == 0
    assert filter_risk(0.1, 0.0, 0, 100) == pytest.approx(0.1 * 100 * 99 / 2)
    assert critical_filter_length(0.1, 0.0, 100) == 1


def test_equivalent_length_inverts_the_risk():
    world = LinearSystemWorld.random_walk(0.1, n_steps=200)
    lengths = np.arange(12)
    risks = [filter_risk(0.1, 1.0, length, 200) for length in lengths]
    np.testing.assert_allclose(equivalent_filter_length(risks, world), lengths, atol=1e-9)
    between = equivalent_filter_length(np.sqrt(risks[3] * risks[4]), world)
    assert between == pytest.approx(3.5)
    edge = equivalent_filter_length([1e9, 0.0, -1.0, np.nan], world)
    assert np.array_equal(edge, [0, np.inf, np.inf, np.nan], equal_nan=True)


def test_a_filter_in_an_assessment_is_worth_its_length():
    world = LinearSystemWorld.random_walk(0.1, n_steps=60)
    cube = EmergenceAssessment(
        world, FiniteFilterPredictor(5), modes=("full",), nulls=(), n_train=4000, n_eval=4000,
        n_seeds=4, correction=None, alpha=0.1, random_state=0, progress=False,
        baselines=("mean",),
    ).fit().cube_  # fmt: skip
    risk = excess_risk(cube, world)
    assert risk.dims == ("mode", "seed")
    length = equivalent_filter_length(risk, world)
    assert length.attrs["units"] == "steps"
    assert float(length.mean()) == pytest.approx(5, abs=0.4)
    with pytest.raises(ValueError, match="does not know the standard deviation"):
        excess_risk(cube, LinearSystemWorld(initial="zero"))
