"""Of several differences that all have to be above zero: the least certain one."""

import numpy as np
import pytest
import xarray as xr

from sklearn_emerge.inference._labelled import least_of, p_values


def drawn(means, n_seeds=6, n=300):
    """Return ratios with these means, of 300 assessments; they share the network's own error."""
    rng = np.random.default_rng(n_seeds)
    own = 0.2 * rng.normal(size=(n, n_seeds))
    dims = "assessment", "seed"
    each = (mean + 0.3 * rng.normal(size=(n, n_seeds)) - own for mean in means)
    return {str(i): xr.DataArray(values, dims=dims) for i, values in enumerate(each)}


@pytest.mark.parametrize("n_seeds", [5, 6, 7])
def test_where_the_least_certain_is_above_zero_all_are(n_seeds):
    ratios = drawn([0.2, 0.4, 0.6], n_seeds)
    every = xr.concat([p_values(each) for each in ratios.values()], "other").max("other")
    assert (p_values(least_of(ratios)) == every).all()


def test_one_that_is_not_above_zero_is_enough():
    """So it holds as rarely as the test of that one does, 3 / 64 in the mean."""
    assert (p_values(least_of(drawn([0.0, 9.0, 9.0, 9.0]))) <= 0.05).mean() < 0.08


def test_what_is_a_little_above_zero_does_not_fail():
    """The least in each seed is below zero in most assessments, by chance."""
    ratios = drawn([0.1] * 5)
    in_each_seed = xr.concat(ratios.values(), "other").min("other")
    assert (p_values(-in_each_seed) <= 0.05).mean() > 0.4
    assert (p_values(-least_of(ratios)) <= 0.05).mean() < 0.1


@pytest.mark.parametrize("units", [None, (16, 4)])
def test_what_is_far_below_zero_is_less_certain_than_what_is_zero(units):
    zero, below = (xr.DataArray(x, dims="seed") for x in ([0.0] * 6, [-9.0, -8, -9, -8, -7, 1]))
    ratios = {"phase": zero, "linear": below, "readout": zero + 1}
    assert least_of(ratios, units=units).equals(below)


def test_what_has_to_exceed_a_margin_is_compared_with_it():
    """Surely above zero is not surely above the margin: it is nearer to it that decides."""
    sure, wide = (xr.DataArray(x, dims="seed") for x in ([0.1, 0.11, 0.12] * 2, [0.2, 2.0, 4] * 2))
    found = {"sure": sure, "wide": wide}
    assert least_of(found, margin=0.15).equals(sure)
    assert least_of({"wide": wide, "below": wide - 9}, margin=-20.0).equals(wide - 9)


def test_a_seed_that_lacks_one_of_them_is_undefined():
    values = xr.DataArray([0.1, np.nan, 0.3, 0.4], dims="seed")
    least = least_of({"a": values, "b": values.fillna(0.2) - 0.01})
    assert least.isnull().values.tolist() == [False, True, False, False]


def test_seeds_that_lack_one_of_them_do_not_choose():
    """In the five seeds that have both it is "b" of which nobody can be certain."""
    a = xr.DataArray([0.3, 0.2, 0.4, 0.3, 0.2, -0.05, -0.3], dims="seed")
    b = xr.DataArray([0.3, 0.2, 0.4, 0.3, -0.01, np.nan, np.nan], dims="seed")
    assert p_values(a) > p_values(b) > 0.05 > p_values(a.where(b.notnull()))
    assert least_of({"a": a, "b": b}).equals(b)
