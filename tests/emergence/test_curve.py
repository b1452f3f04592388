"""The emergence curve finds what was put in, and no step where there is none."""

import warnings

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import curve_fit
from scipy.special import expit
from scipy.stats import binom, binomtest
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from sklearn_emerge import EmergenceCurve, EmergenceCurveDisplay
from sklearn_emerge.emergence import fit_curve
from sklearn_emerge.emergence._fit import curve as curve_of
from sklearn_emerge.emergence._fit import fit
from sklearn_emerge.emergence._networks import draw_jumps, draw_networks

CAPACITY = np.logspace(2, 6, 12)
X = CAPACITY[:, np.newaxis]
LOCATION = 2e4


def logistic(sharpness, chance=0.0, asymptote=1.0, capacity=CAPACITY):
    return chance + (asymptote - chance) * expit(sharpness * np.log(capacity / LOCATION))


def counts(mean, n_trials, seed):
    return np.random.default_rng(seed).binomial(n_trials, mean) / n_trials


def test_counts_agree_with_a_generalised_linear_model():
    for seed in range(5):
        rate = counts(logistic(1.3), 40, seed)
        curve = EmergenceCurve().fit(X, rate, n_trials=40)
        design = np.column_stack([np.ones(12), np.log(CAPACITY)])
        model = GLM(np.column_stack([rate * 40, (1 - rate) * 40]), design, Binomial()).fit()
        assert curve.sharpness_ == pytest.approx(model.params[1], rel=1e-5)
        assert np.log(curve.location_) == pytest.approx(-model.params[0] / model.params[1])
        np.testing.assert_allclose(curve.predict(X), model.fittedvalues, rtol=1e-5, atol=1e-7)
        table = curve.compare(n_draws=19, random_state=0).table
        assert table.log_likelihood["logistic"] == pytest.approx(model.llf)
        k, n = 2, 12
        assert table.aicc["logistic"] == pytest.approx(model.aic + 2 * k * (k + 1) / (n - k - 1))
        overall = rate.mean()
        constant = binom.logpmf(np.round(rate * 40), 40, overall).sum()
        assert table.log_likelihood["constant"] == pytest.approx(constant)


def test_rates_agree_with_least_squares():
    rate = logistic(1.3, 0.2, 0.9) + 0.02 * np.random.default_rng(0).standard_normal(12)
    curve = EmergenceCurve("fit", "fit").fit(X, rate)

    def mean(x, sharpness, place, low, high):
        return low + (high - low) * expit(sharpness * (x - place))

    start = 1.0, np.log(LOCATION), 0.2, 0.9
    found, _ = curve_fit(mean, np.log(CAPACITY), rate, p0=start)
    ours = curve.sharpness_, np.log(curve.location_), curve.chance_, curve.asymptote_
    np.testing.assert_allclose(ours, found, rtol=1e-3)
    np.testing.assert_allclose(curve.predict(X), mean(np.log(CAPACITY), *found), atol=1e-5)


def test_ends_of_counts_are_found():
    rate = counts(logistic(2.5, 0.25, 0.9), 20_000, 0)
    curve = EmergenceCurve("fit", "fit").fit(X, rate, n_trials=20_000)
    assert curve.chance_ == pytest.approx(0.25, abs=0.005)
    assert curve.asymptote_ == pytest.approx(0.9, abs=0.005)
    assert curve.location_ == pytest.approx(LOCATION, rel=0.02)
    assert curve.sharpness_ == pytest.approx(2.5, rel=0.03)


def test_capacity_is_the_product_of_resources():
    rate = counts(logistic(1.3), 40, 1)
    parts = np.column_stack([CAPACITY / 7, np.full(12, 3.5), np.full(12, 2.0)])
    one, several = (EmergenceCurve().fit(Z, rate, n_trials=40) for Z in (X, parts))
    assert several.location_ == pytest.approx(one.location_, rel=1e-6)
    np.testing.assert_allclose(several.predict(parts), one.predict(X), rtol=1e-6)
    # Units are free.
    scaled = EmergenceCurve().fit(1000 * X, rate, n_trials=40)
    assert scaled.location_ == pytest.approx(1000 * one.location_, rel=1e-6)
    assert scaled.sharpness_ == pytest.approx(one.sharpness_, rel=1e-6)
    assert one.predict([[0.0]])[0] == 0


def test_profile_interval_is_where_the_likelihood_falls():
    rate = counts(logistic(1.3), 40, 2)
    curve = EmergenceCurve().fit(X, rate, n_trials=40)

    def best(place):
        # The sharpness given the place, on a grid.
        mean = expit(np.linspace(0.3, 4, 4000)[:, np.newaxis] * (np.log(CAPACITY) - place))
        mean = np.clip(mean, 1e-12, 1 - 1e-12)
        return (40 * (rate * np.log(mean) + (1 - rate) * np.log1p(-mean))).sum(axis=1).max()

    top = best(np.log(curve.location_))
    for end in curve.interval("location"):
        assert 2 * (top - best(np.log(end))) == pytest.approx(3.8415, rel=0.01)
    boot = curve.interval("location", method="bootstrap", random_state=0)
    np.testing.assert_allclose(np.log(boot), np.log(curve.interval("location")), atol=0.05)
    wide, narrow = (curve.interval("sharpness", confidence=c) for c in (0.99, 0.5))
    assert wide.low < narrow.low < curve.sharpness_ < narrow.high < wide.high


def test_a_step_has_no_upper_bound_of_sharpness():
    rate = (CAPACITY > LOCATION).astype(float)
    with pytest.warns(
        UserWarning, match="the sharpness has no upper bound; add capacities between"
    ):
        curve = EmergenceCurve().fit(X, rate, n_trials=50)
    low, high = curve.interval("sharpness")
    assert 1 < low < high == np.inf
    assert curve.interval("sharpness", method="bootstrap", random_state=0).high == np.inf
    low, high = curve.interval("location")
    below, above = CAPACITY[CAPACITY <= LOCATION].max(), CAPACITY[CAPACITY > LOCATION].min()
    assert below * 0.8 < low < high < above * 1.2
    assert curve.compare(random_state=0).steeper_than_smooth


def test_what_it_is_not_sure_of_it_says():
    with pytest.warns(UserWarning, match="lies outside of the capacities 100 to 1e\\+06"):
        EmergenceCurve().fit(X, np.linspace(0.01, 0.1, 12))
    rate = np.round(np.clip(logistic(1.3) + np.tile([-0.2, 0.2], 6), 0, 1) * 500) / 500
    with pytest.warns(UserWarning, match="The counts vary more around the curve than binomial"):
        curve = EmergenceCurve().fit(X, rate, n_trials=500)
    found = curve.compare(n_draws=19, random_state=0)
    assert not found.steeper_than_smooth
    assert "no decision: counts vary more" in found.reason


@pytest.mark.parametrize(
    ("truth", "best"),
    [
        (0.5 + 0 * CAPACITY, "constant"),
        (0.1 + 0.08 * np.log(CAPACITY / 100), "line"),
        (0.9 * (CAPACITY / 1e6) ** 0.4, "power law"),
        (1 - (1 + CAPACITY / 3000) ** -0.4, "saturation"),
        (np.exp(-LOCATION / CAPACITY), "Gompertz"),
        (logistic(2.0), "logistic"),
    ],
)
@pytest.mark.slow
def test_the_true_family_is_found(truth, best):
    rate = counts(truth, 1000, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        curve = EmergenceCurve().fit(X, rate, n_trials=1000)
    found = curve.compare(random_state=0)
    assert found.best == best
    assert found.steeper_than_smooth == (best == "logistic")
    assert found.table.delta_aicc.min() == found.table.delta_aicc[best] == 0
    if best != "logistic":
        assert found.table.p_value[best] > 0.05
        assert best in found.reason
    # All others are rejected by each of 199 draws, but for those that hold the truth, or nearly.
    near = {
        "constant": ["line", "power law", "Weibull", "Gompertz"],
        "line": ["Gompertz"],
        "power law": ["Weibull"],
    }.get(best, [])
    # Counts of trials have no single jumps.
    wrong = found.table.p_value.drop(list({"logistic", best, *near})).dropna()
    assert len(wrong)
    assert (wrong == 1 / 200).all()
    again = curve.compare(random_state=0)
    assert found.table.equals(again.table)


def test_a_slow_rise_is_no_step():
    curve = EmergenceCurve().fit(X, counts(logistic(0.4), 5000, 0), n_trials=5000)
    found = curve.compare(random_state=0)
    assert not found.steeper_than_smooth
    assert "no step shown: a sharpness of 0.4 is that of a slow rise" in found.reason


def test_one_resource_may_have_one_dimension():
    rate = counts(logistic(1.3), 40, 0)
    column, flat = (EmergenceCurve().fit(x, rate, n_trials=40) for x in (X, CAPACITY))
    assert (flat.location_, flat.sharpness_) == (column.location_, column.sharpness_)
    assert flat.n_features_in_ == 1
    for curve in (column, flat):
        np.testing.assert_array_equal(curve.predict(CAPACITY.tolist()), curve.predict(X))
    options = dict(n_draws=20, random_state=0)
    np.testing.assert_array_equal(flat.band(CAPACITY, **options), column.band(X, **options))
    # A row of several resources is no list of capacities.
    several = EmergenceCurve().fit(np.hstack([X, X]), rate)
    with pytest.raises(ValueError, match="Reshape your data"):
        several.predict(CAPACITY[:2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (-X, logistic(1)),
            r"X\[0, 0\] is -100, but a capacity is at least zero. If these are log",
        ),
        ((X[:3], logistic(1)[:3]), "3 samples, but a minimum of 4 is required.*more capacities"),
        ((CAPACITY[:3], logistic(1)[:3]), "3 samples, but a minimum of 4 is required"),
        ((CAPACITY, logistic(1)[:5]), "X has 12 capacities, but y has 5 rates"),
        ((CAPACITY[np.newaxis], logistic(1)), r"one row are np.ravel\(X\)"),
        ((CAPACITY, np.ones((2, 12))), r"y has shape \(2, 12\).*np.tile\(X, 2\) and np.ravel"),
        ((CAPACITY, np.ones((12, 3))), r"y has shape \(12, 3\).*np.repeat\(X, 3\) and np.ravel"),
        ((CAPACITY, np.full(12, 57), 100), "y contains 57.*Divide counts by n_trials"),
        ((np.ones((12, 1)), logistic(1)), "1 different capacities above zero"),
        (
            (X, 100 * logistic(1)),
            "outside of 0 to 1: it must hold rates. Divide percentages by 100",
        ),
        ((X, logistic(1), 7), "is not a whole number of right answers"),
        ((X, np.round(logistic(1)), 0), "n_trials=0 must be whole numbers of at least 1"),
        ((np.where(X > 1e5, np.nan, X), logistic(1)), "contains NaN"),
    ],
)
def test_bad_data_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        EmergenceCurve().fit(*arguments)


def test_what_refusals_advise_is_accepted():
    rates = np.stack([logistic(1), logistic(1)])
    alone = EmergenceCurve().fit(CAPACITY, logistic(1)).location_
    for X_, y in (
        (np.ravel(CAPACITY[np.newaxis]), logistic(1)),
        (np.tile(CAPACITY, 2), np.ravel(rates)),
        (np.repeat(CAPACITY, 2), np.ravel(rates.T)),
        (CAPACITY.tolist(), logistic(1).tolist()),
    ):
        assert EmergenceCurve().fit(X_, y).location_ == pytest.approx(alone, rel=1e-6)


def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match="chance=0.5 must lie below asymptote=0.2"):
        EmergenceCurve(0.5, 0.2).fit(X, logistic(1))
    with pytest.raises(ValueError, match="with n_trials they are probabilities"):
        EmergenceCurve(0, 100).fit(X, logistic(1), n_trials=5)
    curve = EmergenceCurve().fit(X, logistic(1))
    with pytest.raises(ValueError, match="'parameter' .* Got 'alpha'"):
        curve.interval("alpha")
    with pytest.raises(ValueError, match="confidence=95 is not a level"):
        curve.interval(confidence=95)
    few = EmergenceCurve().fit(X[::3], [0.1, 0.2, 0.9, 0.95])
    with pytest.raises(ValueError, match="4 points are too few to compare curves of 3 parameters"):
        few.compare()


@pytest.mark.slow
# One in a thousand is warned of by chance.
@pytest.mark.filterwarnings("ignore:The counts vary more")
def test_recovery_and_coverage(report):
    """500 data sets of 12 points: bias of ln C_c under 2%, coverage of 95% intervals 92 to 98%."""
    n = 500
    for kind in ("counts", "rates"):
        logs, covered = [], {"location": [], "sharpness": []}
        truth = {"location": LOCATION, "sharpness": 1.5}
        for seed in range(n):
            if kind == "counts":
                curve = EmergenceCurve().fit(X, counts(logistic(1.5), 100, seed), n_trials=100)
            else:
                noise = 0.03 * np.random.default_rng(seed).standard_normal(12)
                curve = EmergenceCurve(0.2, 0.8).fit(X, logistic(1.5, 0.2, 0.8) + noise)
            logs.append(np.log(curve.location_))
            for name, values in covered.items():
                low, high = curve.interval(name)
                values.append(low <= truth[name] <= high)
        bias = np.mean(logs) / np.log(LOCATION) - 1
        report(f"emergence curve, {kind}", "relative bias of ln C_c", abs(bias), n)
        # Of the logarithm, which depends on the unit of capacity; and in nats.
        assert abs(bias) < 0.02
        assert abs(np.mean(logs) - np.log(LOCATION)) < 0.03
        for name, values in covered.items():
            report(f"emergence curve, {kind}", f"coverage of the {name}", np.mean(values), n)
            assert 0.92 <= np.mean(values) <= 0.98


@pytest.mark.slow
def test_a_step_is_found_where_there_is_one_only(report):
    n = 300
    smooth = {
        "power law": 0.9 * (CAPACITY / 1e6) ** 0.3,
        "steep power law": 0.9 * (CAPACITY / 1e6) ** 0.8,
        "saturation": 1 - (1 + CAPACITY / 3000) ** -0.8,
        "hyperbola": logistic(1.0),
        "line": 0.05 + 0.095 * np.log(CAPACITY / 100),
        "Weibull": 1 - np.exp(-CAPACITY / LOCATION),
        "Gompertz": np.exp(-LOCATION / CAPACITY),
    }
    sharp = {f"sharpness {s}": logistic(s) for s in (1.25, 1.5, 2.0)}
    power = []
    for name, mean in (smooth | sharp).items():
        found = []
        for seed in range(n):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                curve = EmergenceCurve().fit(X, counts(mean, 100, seed), n_trials=100)
            found.append(curve.compare(n_draws=99, random_state=seed).steeper_than_smooth)
        rate = np.mean(found)
        report(f"emergence curve, {name}", "steeper than smooth", rate, n)
        if name in smooth:
            assert rate <= binom.ppf(0.999, n, 0.05) / n
        else:
            power.append(rate)
    assert (np.diff(power) >= -0.05).all()
    assert power[-1] > 0.8


def networks(n_sizes, n_networks, factor=4):
    """Return capacities a factor apart, and logarithms of them around their middle."""
    x = np.log(factor) * (np.arange(n_sizes) - (n_sizes - 1) / 2)
    return np.repeat(np.exp(x), n_networks), np.repeat(x, n_networks)


def jump(probability, rng):
    """Return accuracies of networks of which each has learned all or nothing."""
    return rng.binomial(1, probability).astype(float)


def share_of_steps(capacity, draw, n):
    """Return in how many of n data sets the curve is steeper than smooth."""
    found = 0
    for seed in range(n):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            curve = EmergenceCurve().fit(capacity, draw(np.random.default_rng(seed)))
        found += curve.compare(n_draws=99, random_state=seed).steeper_than_smooth
    return found


@pytest.mark.slow
@pytest.mark.parametrize("n_networks", [3, 5, 10])
def test_networks_that_jump_one_by_one_are_no_step(n_networks, report):
    n = 100
    for n_sizes in (6, 8):
        capacity, x = networks(n_sizes, n_networks)
        found = share_of_steps(capacity, lambda rng, x=x: jump(expit(x), rng), n)
        name = f"{n_networks} networks of {n_sizes} sizes jump along a hyperbola"
        most = binomtest(found, n).proportion_ci(method="exact").high
        report(name, "steeper than smooth", found / n, n)
        report(name, "steeper than smooth, upper limit (Clopper-Pearson)", most, n)
        assert most <= 0.08


@pytest.mark.slow
@pytest.mark.parametrize("n_networks", [3, 5])
def test_a_step_of_networks_is_found(n_networks, report):
    n = 100
    # Networks of sizes farther apart, each at 0 or 1, form a step by chance too often.
    capacity, x = networks(6, n_networks, factor=2)
    settings = {
        "at one size": lambda rng: (x > rng.uniform(-0.3, 0.3)).astype(float),
        "sharpness 3, noise .05": lambda rng: np.clip(
            expit(3 * x) + 0.05 * rng.standard_normal(len(x)), 0, 1
        ),
        "jumps of sharpness 6": lambda rng: jump(expit(6 * x), rng),
    }
    for name, draw in settings.items():
        rate = share_of_steps(capacity, draw, n) / n
        report(f"{n_networks} networks of 6 sizes, {name}", "steeper than smooth", rate, n)
        if name != "jumps of sharpness 6":
            assert rate >= 0.8


@pytest.mark.slow
def test_single_jumps_are_an_alternative_for_rates_of_several_networks_only():
    capacity, x = networks(6, 3)
    rate = jump(expit(x), np.random.default_rng(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = EmergenceCurve().fit(capacity, rate).compare(n_draws=39, random_state=0)
        counted = EmergenceCurve().fit(capacity, rate, n_trials=1)
        alone = EmergenceCurve().fit(capacity[::3], rate.reshape(6, 3).mean(axis=1))
    assert found.table.p_value["single jumps"] > 0.05
    # No likelihood of theirs compares with a density around a curve.
    assert np.isnan(found.table.aicc["single jumps"])
    for other in (counted, alone):
        assert "single jumps" not in other.compare(n_draws=19, random_state=0).table.index


def test_draws_of_networks_vary_as_networks_do():
    capacity, x = networks(8, 40)
    rng = np.random.default_rng(0)
    jumping = EmergenceCurve().fit(capacity, jump(expit(x), rng))._data
    noisy = EmergenceCurve().fit(capacity, 0.5 + 0.1 * (x > 0) + 0.05 * rng.standard_normal(320))
    for mean, data, deviation in (
        (expit(x), jumping, np.sqrt(expit(x) * (1 - expit(x)))),
        (0.5 + 0.1 * (x > 0), noisy._data, np.full(320, 0.05)),
    ):
        drawn = draw_networks(data, mean, 0.05, 4000, np.random.default_rng(1))
        np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.04)
        # The spread is that of the law, at every capacity.
        spread = drawn.reshape(4000, 8, 40).std(axis=(0, 2))
        np.testing.assert_allclose(spread, deviation[::40], rtol=0.05)
    # Those that jump are at one of both ends.
    drawn = draw_networks(jumping, expit(x), 0.05, 100, np.random.default_rng(1))
    assert np.minimum(drawn, 1 - drawn).max() < 0.01
    jumps = draw_jumps(jumping, expit(x), 4000, np.random.default_rng(1))
    np.testing.assert_allclose(jumps.mean(axis=0), expit(x), atol=0.04)
    assert set(np.unique(jumps)) == {0.0, 1.0}


@pytest.mark.parametrize("family", ["Weibull", "Gompertz"])
def test_smooth_families_rise_by_at_most_one_e_fold(family):
    """Steeper ones are steps themselves, so that no fit may become one."""
    curve = EmergenceCurve().fit(X, (CAPACITY > LOCATION) * 0.98 + 0.01)
    theta, _ = fit(curve._data, family)
    x = np.linspace(-2, 2, 4001)
    mean = curve_of(curve._data, family, theta, x)[0]
    slope = np.gradient(mean, x) / curve._scale
    assert slope.max() == pytest.approx(np.exp(-1), rel=1e-3)
    assert (np.diff(mean) >= 0).all()


# One in a thousand data sets warns by chance.
@pytest.mark.filterwarnings("ignore:The counts vary more")
@pytest.mark.slow
@pytest.mark.parametrize("n", [30, 120])
def test_band_covers_the_curve(n):
    """Pointwise, over data sets whose curve is known."""
    rng = np.random.default_rng(0)
    X = np.logspace(2, 6, 12)[:, np.newaxis]
    truth = 1 / (1 + (X[:, 0] / 1e4) ** -1.2)
    at = np.array([[1e3], [1e4], [1e5]])
    expected = 1 / (1 + (at[:, 0] / 1e4) ** -1.2)
    covered = []
    for i in range(n):
        rate = rng.binomial(100, truth) / 100
        curve = EmergenceCurve().fit(X, rate, n_trials=100)
        low, high = curve.band(at, n_draws=200, random_state=i)
        assert (low < curve.predict(at)).all()
        assert (curve.predict(at) < high).all()
        covered.append((low <= expected) & (expected <= high))
    # Four standard errors below 95%.
    assert np.mean(covered, axis=0).min() > 0.95 - 4 * np.sqrt(0.95 * 0.05 / n)
    narrow = curve.band(at, confidence=0.5, n_draws=200, random_state=0)
    assert (narrow[1] - narrow[0] < high - low).all()


def test_curve_of_a_cube_is_that_of_its_points():
    rng = np.random.default_rng(1)
    sizes = np.array([0, 4, 8, 16, 32, 64])
    scores = xr.DataArray(
        1 / (1 + (np.maximum(sizes, 1e-9)[:, np.newaxis] / 12) ** -2.0)
        + 0.01 * rng.standard_normal((6, 3)),
        dims=("size", "seed"),
        coords={"size": sizes},
    ).clip(0, 1)
    scores[2, 1] = np.nan
    curve = fit_curve(scores, "size")
    kept = np.isfinite(scores.values).ravel()
    X = np.repeat(sizes, 3)[kept][:, np.newaxis]
    plain = EmergenceCurve().fit(X, scores.values.ravel()[kept])
    assert (curve.location_, curve.sharpness_) == (plain.location_, plain.sharpness_)
    assert curve.location_ == pytest.approx(12, rel=0.1)
    # A variable of the cube that does not depend on the seed, in any order of dimensions.
    by_parameters = fit_curve(scores.T, scores["size"] ** 2)
    assert by_parameters.location_ == pytest.approx(curve.location_**2, rel=1e-3)
    for capacity, message in (
        ("width", "capacity='width' is not a coordinate of the scores, which have size"),
        (xr.DataArray([1.0], dims="depth"), "whose dimensions are among size, seed"),
        (3, "got 3"),
    ):
        with pytest.raises(ValueError, match=message):
            fit_curve(scores, capacity)
    with pytest.raises(ValueError, match="scores must be a DataArray out of a cube"):
        fit_curve(scores.values, "size")


def test_display_draws_points_curve_and_location():
    X = np.array([0, 1, 4, 16, 64, 256.0])[:, np.newaxis]
    y = np.array([0, 0.02, 0.1, 0.5, 0.9, 0.98])
    curve = EmergenceCurve().fit(X, y)
    display = EmergenceCurveDisplay.from_estimator(curve, label="curve")
    points, line, location, *_ = display.ax_.lines
    assert points.get_xdata()[1:].tolist() == X[1:, 0].tolist()
    # Zero stands left of all others.
    assert 0 < points.get_xdata()[0] < 1
    np.testing.assert_allclose(line.get_ydata(), curve.predict(line.get_xdata()[:, np.newaxis]))
    assert location.get_xdata()[0] == curve.location_
    assert (display.ax_.get_xlabel(), display.ax_.get_xscale()) == ("capacity", "log")
    # Two resources whose product is the capacity give the same curve.
    two = EmergenceCurve().fit(np.hstack([X / 2, np.full_like(X, 2)]), y)
    other = EmergenceCurveDisplay.from_estimator(two)
    np.testing.assert_allclose(other.mean, display.mean, rtol=1e-6)


def test_band_of_a_jump_spans_the_gap():
    """Nothing is known between two capacities where the accuracy jumps from 0 to 1."""
    capacity = np.logspace(0, 4, 12)[:, np.newaxis]
    rate = (np.arange(12) >= 6).astype(float)
    with pytest.warns(UserWarning, match="jumps from one capacity to the next"):
        curve = EmergenceCurve().fit(capacity, rate, n_trials=20)
    before, after = capacity[5, 0], capacity[6, 0]
    low, high = curve.band([[before * 1.1], [np.sqrt(before * after)], [after / 1.1]])
    assert low[1:].max() < 0.2
    assert high[:2].min() > 0.8
    far = curve.band([[1.0], [1e4]])
    np.testing.assert_allclose(far, [[0, 1], [0, 1]], atol=0.01)


@pytest.mark.slow
def test_four_capacities_decide_nothing():
    """Curves of four parameters meet any four means, however many networks there are."""
    rng = np.random.default_rng(0)
    capacity = np.repeat([1.0, 10.0, 100.0, 1000.0], 7)[:, np.newaxis]
    rate = expit(3 * np.log(capacity[:, 0] / 30)) + 0.01 * rng.standard_normal(28)
    curve = EmergenceCurve(chance="fit", asymptote="fit").fit(capacity, rate)
    found = curve.compare(random_state=0)
    assert not found.steeper_than_smooth
    assert found.reason.startswith("no decision: curves of 4 parameters meet the means at any 4")
    # With both ends known there are two left for each curve.
    known = EmergenceCurve().fit(capacity, rate.clip(0, 1)).compare(random_state=0)
    assert not known.reason.startswith("no decision")
