"""When a measure departed, of trajectories whose departure is known."""

import numpy as np
import pytest
import xarray as xr

from sklearn_emerge.geometry import departure_step

STEPS = [0, 20, 60, 100, 150, 200, 300, 400, 500]


def trajectory(*rows, steps=STEPS):
    return xr.DataArray(
        np.array(rows, float), dims=("task", "step"), coords={"step": steps}, name="rankme"
    )


def test_departure_is_from_the_running_minimum():
    rows = {
        # Twice at 1.25 times the minimum is not three times.
        "too short": ([40, 9, 5, 4, 5, 5, 4, 5, 5], np.nan),
        # Exactly 1.25 times the minimum is enough.
        "just": ([40, 9, 5, 4, 5, 5, 5, 4, 4], 150),
        # A later rise to another height changes nothing: nothing later is known.
        "high": ([40, 9, 5, 4, 5, 5, 5, 400, 400], 150),
        # The minimum runs on: a second fall is a new one.
        "falls again": ([40, 9, 5, 6, 5, 2, 2.5, 3, 4], 300),
        "never": ([40, 30, 20, 10, 9, 8, 7, 6, 5], np.nan),
        "at zero": ([0, 0, 0, 0, 0, 0, 0, 0, 0], np.nan),
        "from zero": ([0, 0, 0, 0, 0, 1, 1, 1, 1], 200),
    }
    found = departure_step(trajectory(*(values for values, _ in rows.values())))
    assert found.dims == ("task",)
    assert found.attrs["units"] == "updates"
    np.testing.assert_array_equal(found, [step for _, step in rows.values()])


def test_rise_and_visits_in_a_row_are_parameters():
    measure = trajectory([40, 9, 5, 4, 5, 5, 4, 6, 6])
    assert departure_step(measure, n_sustained=2) == 150
    assert departure_step(measure, rise=0.5, n_sustained=2) == 400
    assert np.isnan(departure_step(measure, rise=0.6, n_sustained=2))


def test_scale_of_a_measure_does_not_matter():
    rng = np.random.default_rng(0)
    measure = trajectory(*rng.uniform(1, 3, (20, len(STEPS))))
    np.testing.assert_array_equal(departure_step(measure), departure_step(1024 * measure))


def test_visits_without_a_measure_are_left_out():
    dense = trajectory([40, 9, 5, 4, 5, 6, 7, 8, 9])
    # Taken at some visits only: three of these in a row.
    sparse = dense.where(dense.step.isin([0, 100, 200, 400, 500]))
    assert departure_step(sparse) == 200


def test_departure_from_a_mean():
    steps = np.r_[0:400:10]
    noise = np.random.default_rng(1).standard_normal((500, len(steps)))
    measure = xr.DataArray(noise, dims=("seed", "step"), coords={"step": steps})
    options = {"reference": "mean"}
    # White noise: three visits in a row beyond three standard deviations of sixteen are rare.
    assert departure_step(measure, **options).notnull().mean() < 0.01
    up, down = (measure + 20 * sign * (measure.step >= 300) for sign in (1, -1))
    for moved in (up, down):
        found = departure_step(moved, **options)
        assert (found == 300).mean() > 0.98
    # It comes after the window, whatever the window holds.
    assert departure_step(up, window=(50, 320), n_sd=1.0, **options).min() > 320


def test_negative_measures_have_no_rise():
    with pytest.raises(ValueError, match='measure has the value -1.*pass reference="mean"'):
        departure_step(trajectory([40, 9, -1, 4, 5, 5, 5, 4, 4]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: departure_step(m.values), "measure must be a DataArray.*not ndarray; pass"),
        (lambda m: departure_step(m.isel(step=0)), "measure has the dimensions task, and no step"),
        (
            lambda m: departure_step(m.assign_coords(step=STEPS[::-1])),
            "step of measure must rise.*400 follows 500; sort",
        ),
        (
            lambda m: departure_step(m.assign_coords(step=[0, 20, 20, *STEPS[3:]])),
            "20 follows 20.*drop repeated",
        ),
        (lambda m: departure_step(m * np.nan), "measure is NaN at all visits; pass"),
        (lambda m: departure_step(m.astype(str)), "measure=.*pass numbers"),
        (lambda m: departure_step(m, reference="max"), "'reference' .* Got 'max'"),
        (lambda m: departure_step(m, rise=0), "'rise' .* Got 0"),
        (lambda m: departure_step(m, n_sustained=0), "'n_sustained' .* Got 0"),
        (
            lambda m: departure_step(m, reference="mean", window=(0, 20)),
            r"window=\(0, 20\) holds 2 visits.*needs 3; record more, or widen",
        ),
        (
            lambda m: departure_step(m, reference="mean", window=(200, 50)),
            r"window=\(200, 50\) must be two updates that rise",
        ),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call(trajectory([40, 9, 5, 4, 5, 5, 5, 4, 4]))
