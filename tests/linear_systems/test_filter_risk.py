"""Exact risks of filters equal brute force, closed forms and the printed tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import SYSTEMS, brute_force, jordan, walk
from scipy.linalg import block_diag
from statsmodels.tsa.stattools import innovations_algo

from sklearn_emerge import (
    DriftWorld,
    EmergenceAssessment,
    FiniteFilterPredictor,
    LinearSystemWorld,
    PersistencePredictor,
)
from sklearn_emerge.linear_systems import (
    best_filter,
    critical_filter_length,
    equivalent_filter_length,
    excess_risk,
    filter_risk,
    linear_filter_risk,
)


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
    cube = (
        EmergenceAssessment(
            world,
            FiniteFilterPredictor(5),
            modes=("full",),
            nulls=(),
            n_train=4000,
            n_eval=4000,
            n_seeds=4,
            correction=None,
            alpha=0.1,
            random_state=0,
            progress=False,
            baselines=("mean",),
        )
        .fit()
        .cube_
    )
    risk = excess_risk(cube, world)
    assert risk.dims == ("mode", "seed")
    length = equivalent_filter_length(risk, world)
    assert length.attrs["units"] == "steps"
    assert float(length.mean()) == pytest.approx(5, abs=0.4)
    with pytest.raises(ValueError, match="does not know the standard deviation"):
        excess_risk(cube, LinearSystemWorld(initial="zero"))
