"""Sweeps find the lengths of theory and of the printed figures, exactly and by Monte Carlo."""

import warnings

import numpy as np
import pytest
from oracles import jordan, walk
from scipy.linalg import block_diag
from sklearn.base import clone

from sklearn_emerge import (
    DriftWorld,
    FiniteFilterPredictor,
    GRUPredictor,
    LinearSystemWorld,
    PersistencePredictor,
    RestrictedLinearPredictor,
    TruncatedKalmanPredictor,
)
from sklearn_emerge.datasets import load_published
from sklearn_emerge.linear_systems import PredictionRiskSweep


@pytest.mark.parametrize(
    "q", [1.0, *(pytest.param(q, marks=pytest.mark.slow) for q in (0.1, 0.01))]
)
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
        RestrictedLinearPredictor(),
        [4, 5],
        [10**3, 10**4, 10**5],
    ).fit()
    assert left_out.shortest_stable_length_ == 5


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
    assert np.isnan(truncated.shortest_stable_length_)
    fitted = PredictionRiskSweep(world, param_range=[1, 2, 6], horizons=horizons).fit()
    assert np.all(np.abs(fitted.cube_.growth_exponent) < 0.01)
    # The printed lengths of the normalised risk of the truncated filter.
    for horizon, length, risks in (
        (100, 2, (1.8859, 0.9843, 0.5136)),
        (10000, 10, (1.2575, 0.6697, 0.3567)),
    ):
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
    assert sweep.shortest_stable_length_ == 4
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
    assert low_rank.shortest_stable_length_ == 1


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
        # Horizons are too short for these lengths.
        warnings.filterwarnings("ignore", "From the growth of the risk")
        exact = PredictionRiskSweep(world, learner, **options).fit().cube_
        measured = (
            PredictionRiskSweep(
                world,
                learner,
                method="monte_carlo",
                n_train=4000,
                n_eval=3000,
                random_state=0,
                **options,
            )
            .fit()
            .cube_
        )
    error = np.abs(measured.total_risk - exact.total_risk)
    # Besides the evaluation the fitted coefficients are uncertain: about h S / N of risk, and
    # what that makes of a filter that is frozen.
    allowed = 4 * measured.total_risk_se + 0.03 * exact.total_risk + 0.02
    assert (error < allowed).all()


def test_monte_carlo_of_any_world_and_predictor():
    sweep = PredictionRiskSweep(
        DriftWorld(),
        GRUPredictor(max_steps=2),
        [2, 3],
        [8, 10],
        method="monte_carlo",
        n_train=20,
        n_eval=10,
        random_state=0,
    )
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
    assert sweep.shortest_stable_length_ == 8


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
