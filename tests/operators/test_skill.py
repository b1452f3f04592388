"""What errors of forecasts say of operators."""

import numpy as np
import pytest
import xarray as xr

from sklearn_emerge.operators import log_error_ratio, log_margin_ratio, operator_skill


def by_prompt(last, first=9.0):
    """Return errors of prompts and horizons, of which those at the last horizon count."""
    last = np.asarray(last, dtype=float)
    values = np.stack([np.full_like(last, first), last], axis=-1)
    coords = {"prompt": np.arange(1, last.shape[-1] + 1), "horizon": [1, 2]}
    if last.ndim == 1:
        return xr.DataArray(values, coords, ("prompt", "horizon"))
    return xr.DataArray(values, {"seed": np.arange(len(last)), **coords}, ("seed", *coords))


def test_skill_is_0_of_linear_filters_and_1_of_the_optimum():
    assert operator_skill(2.0, 2.0, 1.0) == 0
    assert operator_skill(1.0, 2.0, 1.0) == 1
    assert operator_skill(3.0, 2.0, 1.0) == 1 - 8 / 3
    assert isinstance(operator_skill(1.0, 2.0), float)


def test_squares_are_averaged_over_prompts_at_the_last_horizon():
    skill = operator_skill(by_prompt([1.0, 7.0]), by_prompt([6.0, 8.0]), by_prompt([0.0, 0.0]))
    assert skill.dims == ()
    assert skill.item() == pytest.approx(1 - 25 / 50)
    several = by_prompt([[3.0, 4.0], [0.0, 5.0], [1.0, 1.0]])
    skills = operator_skill(several, by_prompt([6.0, 8.0]))
    assert skills.dims == ("seed",)
    assert skills.values == pytest.approx([0.75, 0.75, 0.98])
    # One number a seed may be there already.
    assert np.allclose(operator_skill(several, np.sqrt(50.0)), skills)
    assert skills.attrs == {"long_name": "operator skill", "units": "1"}


@pytest.mark.parametrize(
    ("linear", "optimal", "room"),
    [
        (np.sqrt(1.0499), 1.0, False),
        (np.sqrt(1.0501), 1.0, True),
        (0.5, 1.0, False),
        (0.0, 0.0, False),
        (1e-6, 0.0, True),
    ],
)
def test_there_is_no_skill_without_room(linear, optimal, room):
    assert np.isnan(operator_skill(1.0, linear, optimal)) != room


def test_what_explodes_is_no_success():
    assert operator_skill(np.inf, 2.0, 1.0) == -np.inf
    assert log_error_ratio(np.inf, 1.0) == -np.inf
    assert log_margin_ratio(np.inf, 2.0, 1.0) == -np.inf
    # Neither of two is better.
    assert np.isnan(operator_skill(np.inf, np.inf, 1.0))
    assert log_error_ratio(np.inf, np.inf) == log_error_ratio(0.0, 0.0) == 0
    assert log_error_ratio(0.0, 1.0) == np.inf
    # What is missing stays so: of one prompt, too.
    assert np.isnan(operator_skill(by_prompt([1.0, np.nan]), 2.0))
    assert np.isnan(log_error_ratio(np.nan, 1.0))


@pytest.mark.parametrize("margin", [0, 0.25, 0.5, 1])
def test_the_margin_is_passed_where_skill_is_above_it(margin):
    errors = np.linspace(0.9, 2.1, 200)
    passed = log_margin_ratio(errors, 2.0, 1.0, margin=margin) > 0
    assert np.array_equal(passed, operator_skill(errors, 2.0, 1.0) > margin)


def test_without_a_margin_it_is_the_ratio_to_linear_filters():
    error, linear = by_prompt([[3.0, 4.0], [1.0, 2.0]]), by_prompt([6.0, 8.0])
    expected = log_error_ratio(error, linear)
    assert np.allclose(log_margin_ratio(error, linear, 1.0, margin=0), expected)
    assert np.allclose(log_margin_ratio(error, linear, np.inf, margin=0), expected)
    assert expected.values == pytest.approx([np.log(2), np.log(20) / 2])


def test_seeds_have_to_be_the_same():
    few, many = by_prompt(np.ones((2, 2))), by_prompt(np.ones((3, 2)))
    with pytest.raises(ValueError, match="seed"):
        log_error_ratio(few, many)


def test_bad_arguments():
    for function in (operator_skill, log_margin_ratio, log_error_ratio):
        with pytest.raises(ValueError, match=r"error has -1, but errors are roots"):
            function(-1.0, 1.0)
    with pytest.raises(ValueError, match="error_linear has -2"):
        operator_skill(1.0, [1.0, -2.0])
    for margin in (-0.1, 1.1, "half", True, np.nan):
        with pytest.raises(ValueError, match="must be a number from 0 to 1"):
            log_margin_ratio(1.0, 2.0, margin=margin)
