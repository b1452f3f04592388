"""Floors of the start of training, and whether sizes differ in them."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sklearn_emerge.geometry import collapse_floor, scale_invariance
from sklearn_emerge.inference import student_interval

STEPS = [0, 60, 100, 200, 300]


def test_floor_is_the_minimum_in_the_window():
    rng = np.random.default_rng(0)
    values = rng.uniform(2, 9, (3, 4, 5))
    values[..., 4] = 1.0
    measure = xr.DataArray(values, dims=("task", "seed", "step"), coords={"step": STEPS})
    found = collapse_floor(measure)
    np.testing.assert_array_equal(found.floor, values[..., :4].min(axis=-1))
    np.testing.assert_array_equal(found.floor_step, np.array(STEPS)[values[..., :4].argmin(-1)])
    np.testing.assert_allclose(found["mean"], found.floor.mean("seed"))
    for task in range(3):
        expected = student_interval(found.floor.isel(task=task).values)
        assert (found.low[task], found.high[task]) == expected
    # Later visits belong to it if they are asked for.
    assert (collapse_floor(measure, window=(0, 300)).floor == 1).all()


def test_runs_without_a_value_are_left_out():
    measure = xr.DataArray(
        [[4.0, 3, 2, 5, 5], [np.nan] * 5, [4, 4, np.nan, 5, 5]],
        dims=("seed", "step"),
        coords={"step": STEPS},
    )
    found = collapse_floor(measure)
    np.testing.assert_array_equal(found.floor, [2, np.nan, 4])
    np.testing.assert_array_equal(found.floor_step, [100, np.nan, 0])
    assert found["mean"] == 3
    one = collapse_floor(measure.isel(seed=[0]))
    assert one["mean"] == 2
    assert np.isnan(one.low)


SIZES = np.array([405e3, 1.35e6, 6e6, 22.2e6, 85e6])


def test_slope_is_that_of_least_squares():
    rng = np.random.default_rng(0)
    floor = xr.DataArray(np.exp(rng.normal(1, 0.2, (2, 5, 3))), dims=("task", "size", "seed"))
    found = scale_invariance(floor, SIZES)
    for task in range(2):
        x, y = np.repeat(np.log(SIZES), 3), np.log(floor.values[task]).ravel()
        line = stats.linregress(x, y)
        assert found.slope[task] == pytest.approx(line.slope)
        half = line.stderr * stats.t.ppf(0.975, 13)
        assert found.high[task] == pytest.approx(line.slope + half)


def test_invariance_is_an_equivalence():
    rng = np.random.default_rng(0)
    noise = np.exp(rng.normal(0, 0.02, (5, 5)))
    growing = (SIZES / SIZES[0])[:, np.newaxis] ** 0.2
    floor = xr.DataArray([2 * noise, 2 * growing * noise], dims=("task", "size", "seed"))
    found = scale_invariance(floor, SIZES)
    assert found.verdict.values.tolist() == ["no trend", "trend"]
    assert found.margin.item() == pytest.approx(np.log(1.25) / np.log(SIZES[-1] / SIZES[0]))
    # A larger change is let pass.
    assert scale_invariance(floor, SIZES, ratio=5.0).verdict[1] == "no trend"
    # Runs that differ widely show neither.
    wide = xr.DataArray(np.exp(rng.normal(1, 0.5, (200, 5, 5))), dims=("task", "size", "seed"))
    assert (scale_invariance(wide, SIZES).verdict == "undecided").mean() > 0.95
    two = scale_invariance(floor.isel(size=[0, 4], seed=[0]), SIZES[[0, 4]])
    assert np.isnan(two.slope).all()
    assert (two.verdict == "undecided").all()


def test_a_small_variation_over_five_sizes_shows_nothing():
    """A coefficient of variation of .08 of five networks, and its interval."""
    low, high = 0.08 * np.sqrt(4 / stats.chi2.ppf([0.975, 0.025], 4))
    assert (round(low, 2), round(high, 2)) == (0.05, 0.23)
    rng = np.random.default_rng(0)
    words = []
    for _ in range(50):
        floor = rng.standard_normal(5)
        floor = 2 * (1 + 0.08 * (floor - floor.mean()) / floor.std(ddof=1))
        words.append(scale_invariance(xr.DataArray(floor, dims="size"), SIZES).verdict.item())
    assert words.count("no trend") < 15


def test_floors_that_change_by_the_margin_are_seldom_invariant():
    """The level of the equivalence, at its border."""
    rng, n = np.random.default_rng(0), 400
    border = (SIZES / SIZES[0]) ** (np.log(1.25) / np.log(SIZES[-1] / SIZES[0]))
    noise = np.exp(rng.normal(0, 0.05, (n, 5, 4)))
    floor = xr.DataArray(border[:, np.newaxis] * noise, dims=("task", "size", "seed"))
    found = scale_invariance(floor, SIZES)
    assert (found.verdict == "no trend").mean() < 0.05
    assert (found.verdict == "trend").mean() < 0.05
    assert abs(((found.low <= found.margin) & (found.high >= found.margin)).mean() - 0.95) < 0.03


def test_difference_of_sizes_is_that_of_two_models():
    """The F test of a mean for each size against one for all, by least squares."""
    rng = np.random.default_rng(0)
    floor = np.exp(rng.normal(1, 0.2, (5, 3)))
    floor[0, 0] = np.nan
    found = scale_invariance(xr.DataArray(floor, dims=("size", "seed")), SIZES)
    seen = np.isfinite(floor)
    at, y = np.repeat(np.arange(5), 3).reshape(5, 3)[seen], np.log(floor[seen])
    residuals = []
    for design in (np.ones((14, 1)), np.eye(5)[at]):
        residuals.append(((y - design @ np.linalg.lstsq(design, y, rcond=None)[0]) ** 2).sum())
    f = (residuals[0] - residuals[1]) / 4 / (residuals[1] / (14 - 5))
    assert found.p_difference.item() == pytest.approx(stats.f.sf(f, 4, 9))


def test_a_floor_that_rises_and_falls_differs_without_a_trend():
    """Level of the difference where there is none, and power where there is no trend."""
    rng, n = np.random.default_rng(0), 400
    noise, dims = np.exp(rng.normal(0, 0.05, (n, 5, 3))), ("task", "size", "seed")
    found = scale_invariance(xr.DataArray(2 * noise, dims=dims), SIZES)
    assert 0.02 < (found.p_difference <= 0.05).mean() < 0.09
    hill = np.exp(0.2 * np.array([0, 1, 1, 1, 0.0]))[:, np.newaxis]
    found = scale_invariance(xr.DataArray(hill * noise, dims=dims), SIZES)
    assert (found.p_difference <= 0.05).mean() > 0.95
    assert (found.verdict == "trend").mean() < 0.05


def test_single_runs_or_runs_that_are_alike_show_no_difference():
    rng = np.random.default_rng(0)
    single = xr.DataArray(np.exp(rng.normal(1, 0.2, 5)), dims="size")
    found = scale_invariance(single, SIZES)
    assert np.isfinite(found.slope)
    assert np.isnan(found.p_difference)
    assert np.isnan(scale_invariance(FLOOR, SIZES).p_difference)


def test_numbers_of_parameters_go_by_the_labels_of_sizes():
    rng = np.random.default_rng(0)
    names = [f"size {i}" for i in range(5)]
    floor = xr.DataArray(
        np.exp(0.2 * np.log(SIZES)[:, np.newaxis] + rng.normal(0, 0.1, (5, 3))),
        {"size": names, "n_parameters": ("size", SIZES)},
        ("size", "seed"),
    )
    expected = scale_invariance(floor.drop_vars("n_parameters"), SIZES)
    assert expected.slope == pytest.approx(0.2, abs=0.05)
    turned = floor.isel(size=[3, 1, 0, 2, 4])
    labelled = xr.DataArray(SIZES, {"size": names}, ("size",))
    for found in (
        scale_invariance(floor),
        scale_invariance(turned),
        scale_invariance(turned, labelled),
        scale_invariance(turned.drop_vars("n_parameters"), labelled),
    ):
        for name in ("slope", "low", "high", "p_difference"):
            assert found[name].item() == pytest.approx(expected[name].item())
    with pytest.raises(ValueError, match="n_parameters has other labels of size"):
        scale_invariance(floor, labelled.assign_coords(size=list("abcde")))


def test_floors_at_the_end_of_their_window_are_counted():
    measure = xr.DataArray(
        [[[9, 4, 2, 8], [9, 3, 4, 8]], [[9, 3, 4, 8], [9, 3, np.nan, 8]]],
        {"size": ["a", "b"], "step": [0, 50, 100, 400]},
        ("size", "seed", "step"),
    )
    floor = collapse_floor(measure).floor
    # What was recorded last in the window is the last of a run.
    assert floor.at_window_end.values.tolist() == [[True, False], [False, True]]
    assert scale_invariance(floor, [1e5, 1e6]).n_at_window_end == 2
    assert scale_invariance(floor.where(floor != 2), [1e5, 1e6]).n_at_window_end == 1
    assert "n_at_window_end" not in scale_invariance(FLOOR, SIZES)


def test_sizes_without_floors_are_named():
    floor = xr.DataArray(np.full((3, 2), 2.0), {"size": ["a", "b", "c"]}, ("size", "seed"))
    with pytest.warns(UserWarning, match="no values of the sizes b, which are left out"):
        scale_invariance(floor.where(floor["size"] != "b"), SIZES[:3])
    with pytest.raises(ValueError, match=r"of 1 of 3 sizes \(c\), and at least 2"):
        scale_invariance(floor.where(floor["size"] == "c"), SIZES[:3])


def test_sizes_without_floors_are_not_in_the_range_of_a_trend():
    rng = np.random.default_rng(0)
    sizes = [1e5, 1e6, 1e9]
    floor = xr.DataArray(np.exp(rng.normal(1, 0.03, (3, 5))), dims=("size", "seed"))
    expected = scale_invariance(floor[:2], sizes[:2])
    assert expected.verdict == "no trend"
    with pytest.warns(UserWarning, match="no values of the sizes 2"):
        found = scale_invariance(floor.where(np.arange(3)[:, np.newaxis] < 2), sizes)
    xr.testing.assert_identical(found, expected)


FLOOR = xr.DataArray(np.full((5, 3), 2.0), dims=("size", "seed"))
MEASURE = xr.DataArray(np.ones((2, 5)), dims=("seed", "step"), coords={"step": STEPS})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: collapse_floor(MEASURE.isel(seed=0)), "dimensions step, and no seed; name them"),
        (lambda: collapse_floor(MEASURE.isel(step=0)), "dimensions seed, and no step"),
        (lambda: collapse_floor(MEASURE, window=(1, 9)), r"window=\(1, 9\) holds no visit"),
        (lambda: collapse_floor(MEASURE * np.nan), "holds no visit at which the measure was"),
        (lambda: collapse_floor(MEASURE, confidence=2), "confidence=2 is not a level"),
        (
            lambda: collapse_floor(MEASURE.isel(step=[0, 2, 1])),
            "must rise.*60 follows 100; sort the visits",
        ),
        (lambda: scale_invariance(FLOOR), "no coordinate n_parameters, as what join_sizes"),
        (
            lambda: scale_invariance(collapse_floor(MEASURE), [1e5]),
            r"floor is a Dataset, .* pass floor\['floor'\], floor\['floor_step'\]",
        ),
        (
            lambda: scale_invariance(MEASURE.expand_dims("size"), [1e5]),
            r"dimension step, .* pass collapse_floor\(floor\)",
        ),
        (lambda: scale_invariance(FLOOR.isel(size=0), 1e5), "dimensions seed, and no size"),
        (lambda: scale_invariance(FLOOR, [1e5, 1e6]), r"shape \(2,\), but there are 5 sizes"),
        (lambda: scale_invariance(FLOOR, [1e5] * 5), "must be different numbers above zero"),
        (lambda: scale_invariance(FLOOR * 0, SIZES), "floor has the value 0, which has no log"),
        (lambda: scale_invariance(FLOOR, SIZES, ratio=1.0), "'ratio' .* Got 1.0"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call()
