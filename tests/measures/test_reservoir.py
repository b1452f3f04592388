"""The size of a random core that predicts as well as a network."""

import numpy as np
import pytest
import xarray as xr

from sklearn_emerge import ArrayWorld, EchoStatePredictor, EmergenceAssessment, OscillatorWorld
from sklearn_emerge.measures import (
    equivalent_reservoir_size,
    reservoir_curve,
    reservoir_interval,
)
from sklearn_emerge.measures._reservoir import nll_of_cores
from sklearn_emerge.worlds import Sample

WORLD = OscillatorWorld(n_steps=24)
OPTIONS = dict(sizes=(2, 8), n_seeds=2, n_train=60, n_eval=40, random_state=0)


def curve_of(values, sizes=(16, 64, 256)):
    return xr.DataArray(
        np.atleast_2d(values), coords={"n_units": list(sizes)}, dims=("seed", "n_units")
    )


FALLING = curve_of([[0.62, 0.50, 0.41], [0.60, 0.52, 0.40], [0.58, 0.48, 0.39]])


@pytest.fixture(scope="module")
def curve():
    return reservoir_curve(WORLD, **OPTIONS)


def test_more_units_predict_better(curve):
    assert curve.dims == ("seed", "n_units")
    assert (curve.sel(n_units=8) < curve.sel(n_units=2)).all()


@pytest.mark.parametrize("n_tuned", [128, 4, 2])
def test_a_seed_does_not_hang_on_what_else_is_asked(n_tuned, monkeypatch):
    """Cores that are larger than those that are tuned take over what a smaller one has chosen."""
    for module in ("measures._reservoir", "predictors._echo_state"):
        monkeypatch.setattr(f"sklearn_emerge.{module}.N_TUNED", n_tuned)
    whole = reservoir_curve(WORLD, **OPTIONS)
    alone = reservoir_curve(WORLD, **{**OPTIONS, "sizes": (8,), "n_seeds": 1})
    assert alone.item() == whole.sel(seed=0, n_units=8).item()


def test_large_cores_are_scored_by_their_difference_from_a_smaller_one(monkeypatch):
    module = "sklearn_emerge.measures._reservoir"
    monkeypatch.setattr("sklearn_emerge.predictors._echo_state.N_TUNED", 2)
    monkeypatch.setattr(f"{module}.N_TUNED", 2)
    train, evaluation = WORLD.split(60, 40, random_state=0)
    stream = np.random.SeedSequence(0)

    def losses(n_sequences, sizes=(2, 8)):
        sample = Sample(evaluation.X[:n_sequences])
        return nll_of_cores(WORLD, train.X, sample, sizes, None, stream)

    whole, first = losses(40), losses(15)
    monkeypatch.setattr(f"{module}._N_LARGE", 15)
    found = losses(40)
    assert found[0] == whole[0]
    assert found[1] == pytest.approx(whole[0] + first[1] - first[0])
    # Whatever else is asked.
    assert losses(40, (8,)) == found[1]


def test_a_core_is_worth_its_own_size(curve):
    sizes = equivalent_reservoir_size(curve.mean("seed"), curve)
    np.testing.assert_allclose(sizes, [2, 8])


def test_seeds_are_evaluated_on_the_sequences_of_an_assessment(curve):
    assessment = EmergenceAssessment(
        WORLD,
        EchoStatePredictor(8),
        modes=("full",),
        nulls=(),
        n_train=60,
        n_eval=40,
        n_seeds=2,
        random_state=0,
        progress=False,
        baselines=("mean",),
    )
    with pytest.warns(UserWarning, match="cannot reach alpha"):
        cube = assessment.fit().cube_
    nll = cube.nll.sel(condition="structured", mode="full").values
    # Other weights, the same sequences: what differs is far less than between seeds.
    own = curve.sel(n_units=8).values
    assert np.abs(own - nll).max() < np.abs(own[::-1] - nll).max()


def test_recordings_and_their_clock():
    X = np.cumsum(np.random.default_rng(0).normal(size=(30, 12)), axis=1)
    options = dict(sizes=(3,), n_seeds=1, n_train=20, n_eval=10, random_state=0)
    plain = reservoir_curve(ArrayWorld(X), **options)
    clocked = reservoir_curve(ArrayWorld(X), time_channel="full_time", **options)
    assert np.isfinite(plain).all()
    assert plain.item() != clocked.item()


def test_the_logarithm_of_the_size_is_interpolated():
    assert equivalent_reservoir_size(0.45, FALLING) == pytest.approx(128)
    assert equivalent_reservoir_size([0.6, 0.55], FALLING) == pytest.approx([16, 32])


def test_ends_are_named():
    sizes = equivalent_reservoir_size([0.61, 0.39, np.nan], FALLING)
    np.testing.assert_equal(sizes, [0, np.inf, np.nan])


def test_where_a_curve_rises_again_a_smaller_core_is_as_good():
    curve = curve_of([0.6, 0.5, 0.55, 0.4], (16, 32, 64, 128))
    assert equivalent_reservoir_size(0.5, curve) == pytest.approx(32)


def test_labels_are_kept():
    nll = xr.DataArray(
        [[0.55, 0.5], [0.45, 0.4]], coords={"mode": ["a", "b"]}, dims=("mode", "seed"), name="nll"
    )
    sizes = equivalent_reservoir_size(nll, FALLING)
    assert sizes.dims == nll.dims
    assert sizes.units == "units of a random core"
    for end in reservoir_interval(nll, FALLING):
        assert end.dims == ("mode",)
        assert end.coords["mode"].values.tolist() == ["a", "b"]


def test_the_interval_holds_the_size_and_widens_with_confidence():
    nll = [0.46, 0.45, 0.44]
    size = equivalent_reservoir_size(np.mean(nll), FALLING)
    narrow = reservoir_interval(nll, FALLING, confidence=0.5)
    wide = reservoir_interval(nll, FALLING, confidence=0.95)
    assert wide.low < narrow.low < size < narrow.high < wide.high


def test_the_interval_is_that_of_welch():
    """At its ends a t test between networks and cores is at its level."""
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(0)
    cores = 0.5 + 0.02 * rng.normal(size=(4, 1)) - [0.0, 0.1]
    nll = 0.45 + 0.01 * rng.normal(size=6)
    interval = reservoir_interval(nll, curve_of(cores, (10, 1000)), confidence=0.9)
    for end in interval:
        at_end = cores[:, 0] - 0.1 * np.log(end / 10) / np.log(100)
        assert ttest_ind(nll, at_end, equal_var=False).pvalue == pytest.approx(0.1)


def test_an_interval_reaches_beyond_the_sizes():
    assert reservoir_interval([0.41, 0.40], FALLING).high == np.inf
    assert reservoir_interval([0.6, 0.61], FALLING).low == 0


def test_seeds_that_do_not_differ_have_no_width():
    curve = curve_of([[0.6, 0.5, 0.4]] * 2)
    assert reservoir_interval([0.45, 0.45], curve) == pytest.approx((128, 128))


def test_the_interval_covers_the_size():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        curve = curve_of([0.6, 0.5, 0.4] + 0.01 * rng.normal(size=(3, 3)))
        low, high = reservoir_interval(0.45 + 0.005 * rng.normal(size=5), curve, confidence=0.9)
        hits += low <= 128 <= high
    # Three standard errors.
    assert hits / 300 > 0.9 - 3 * np.sqrt(0.9 * 0.1 / 300)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reservoir_curve("x"), "'world' .*World"),
        (lambda: reservoir_curve(WORLD, sizes=(4, 2)), r"sizes=\(4, 2\) must be .*increase"),
        (lambda: reservoir_curve(WORLD, sizes=(0, 2)), r"sizes=\(0, 2\) must be"),
        (lambda: reservoir_curve(WORLD, sizes=()), r"sizes=\(\) must be"),
        (lambda: reservoir_curve(WORLD, n_seeds=0), "'n_seeds'"),
        (lambda: equivalent_reservoir_size("a", FALLING), "nll='a'.*pass numbers"),
        (lambda: equivalent_reservoir_size(0.5, [1.0]), "curve must be.*pass what"),
        (lambda: equivalent_reservoir_size(0.5, FALLING * np.nan), "curve must be finite"),
        (lambda: reservoir_interval([0.5], FALLING), "nll has 1 and the curve 3 seeds"),
        (lambda: reservoir_interval(0.5, FALLING), "nll has 1 and the curve 3 seeds"),
        (lambda: reservoir_interval([0.5, 0.4], FALLING[:1]), "the curve 1 seeds"),
        (lambda: reservoir_interval(FALLING.mean("seed"), FALLING), "needs 'seed' among them"),
        (lambda: reservoir_interval([0.5, 0.4], FALLING, confidence=1), "'confidence'"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
