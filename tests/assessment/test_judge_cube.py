"""Statistics follow from measurements: a cube is judged again without any training."""

import json

import pytest
import xarray as xr
from conftest import small_assessment

from sklearn_emerge import GRUPredictor, explain, judge_cube, load_cube, summarise
from sklearn_emerge.assessment._case import cases_of
from sklearn_emerge.assessment._statistics import STATISTICS, measured

# What of a cube is neither measured nor found.
SAME = {"history"}


@pytest.fixture(scope="module")
def stopped_early():
    """A grid whose networks looked at held-out sequences."""
    model = GRUPredictor(early_stopping=True, max_steps=40, validation_steps=2, lr=0.01)
    options = dict(param_grid={"hidden_size": [2, 4]}, operator_evidence="loss", probe=None)
    return small_assessment(model=model, reservoir_sizes=(2, 4), **options).fit()


def without(attrs, names=SAME):
    return {name: value for name, value in attrs.items() if name not in names}


def test_judging_again_by_the_same_settings_finds_the_same(fitted, tmp_path):
    fitted.to_netcdf(tmp_path / "cube.nc")
    for source in fitted, fitted.cube_, load_cube(tmp_path / "cube.nc"), tmp_path / "cube.nc":
        again = judge_cube(source)
        xr.testing.assert_equal(again, fitted.cube_)
        assert list(again.data_vars) == list(fitted.cube_.data_vars)
        assert without(again.attrs) == without(fitted.cube_.attrs)
        for name, variable in fitted.cube_.variables.items():
            assert again[name].attrs == variable.attrs
    assert again.attrs["history"].count("judged again") == 1


def test_statistics_do_not_depend_on_old_ones(fitted):
    spoiled = fitted.cube_.copy(deep=True)
    for name in set(STATISTICS) & set(spoiled):
        spoiled[name][...] = "wrong" if spoiled[name].dtype == object else -7.0
    xr.testing.assert_equal(judge_cube(spoiled), fitted.cube_)
    assert spoiled.verdict.values.ravel()[0] == "wrong"


def test_every_variable_is_measured_or_a_statistic(fitted):
    left = measured(fitted.cube_)
    assert not set(left.variables) & {*STATISTICS, "claim"}
    # What is neither in it is found nowhere else.
    assert {"nll", "nll_baseline", "reference", "status", "probe_score"} <= set(left)
    assert set(fitted.cube_) - set(left) <= set(STATISTICS)
    assert not [name for name in left if "claim" in left[name].dims]


def test_settings_decide_and_are_kept(fitted):
    plain = judge_cube(fitted, correction=None, alpha=0.2, claims=["gain", "core"], n_flips=50)
    assert plain.claim.values.tolist() == ["gain", "core"]
    xr.testing.assert_equal(
        plain.claim_p_value_adjusted, plain.claim_p_value.rename("claim_p_value_adjusted")
    )
    run = json.loads(plain.attrs["configuration"])
    assert (run["correction"], run["alpha"], run["n_flips"]) == (None, 0.2, 50)
    assert run["claims"] == ["gain", "core"]
    # The other settings are those of before.
    assert run["margin"] == json.loads(fitted.cube_.attrs["configuration"])["margin"]
    wide = judge_cube(plain, margin=1e6)
    assert (wide.claim_margin == 1e6).all()
    assert not (wide.claim_state == "holds").any()
    assert (judge_cube(plain, alpha=0.01).ci_low <= plain.ci_low).all()
    xr.testing.assert_equal(measured(wide), measured(fitted.cube_))


def test_some_seeds_are_judged_by_themselves(fitted):
    part = fitted.cube_.isel(seed=[0])
    with pytest.raises(ValueError, match=r"judge_cube\(cube\), which tests the claims of these"):
        summarise(part)
    alone = judge_cube(part)
    assert (alone.verdict == "undecided").all()
    assert summarise(alone).shape[0] == fitted.summary().shape[0]
    assert "1 seed" in explain(alone)


def test_a_part_of_the_grid_is_a_family_of_its_own(fitted):
    grid = [dim for dim in fitted.cube_.nll.dims if dim not in ("condition", "mode", "seed")]
    alone = judge_cube(fitted.cube_.isel(dict.fromkeys(grid, slice(1))))
    xr.testing.assert_equal(alone.p_value_adjusted, alone.p_value.rename("p_value_adjusted"))
    assert json.loads(alone.attrs["configuration"])["n_configurations"] == 1


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_seeds": 3}, TypeError, "no setting 'n_seeds'; choose from alpha.*takes another fit"),
        ({"allpha": 0.1}, TypeError, "Did you mean 'alpha'"),
        ({"alpha": 2}, ValueError, "alpha=2"),
        ({"correction": "holmes"}, ValueError, "correction='holmes'"),
        ({"margin": -1}, ValueError, "'margin' parameter of judge_cube"),
        ({"interval": "t"}, ValueError, "'interval' parameter of judge_cube"),
        ({"claims": ["gains"]}, ValueError, "'gains' is not known"),
    ],
)
def test_settings_that_mean_nothing_are_refused(fitted, settings, error, message):
    with pytest.raises(error, match=message):
        judge_cube(fitted, **settings)


def test_cubes_that_do_not_say_how_they_were_made_are_refused(fitted):
    bare = fitted.cube_.copy()
    bare.attrs = {}
    with pytest.raises(ValueError, match="lost its attribute configuration"):
        judge_cube(bare)


def test_configurations_that_are_judged_together_are_as_each_alone(fitted, stopped_early):
    for assessment in fitted, stopped_early:
        whole = judge_cube(assessment, correction=None)
        cases = cases_of(whole)
        for i, size in enumerate(whole.hidden_size.values):
            alone = judge_cube(whole.sel(hidden_size=[size]))
            xr.testing.assert_equal(alone, whole.sel(hidden_size=[size]))
            (case,) = cases_of(alone)
            for name in ("settings", "verdict", "states", "falls", "obstacle", "best", "reference"):
                assert getattr(cases[i], name) == getattr(case, name), name
            assert cases[i].cube.equals(case.cube)
            for latent in case.latents:
                assert cases[i].scores(latent) == case.scores(latent)
        rows = summarise(whole)
        assert rows.iloc[0].tolist() == summarise(whole.isel(hidden_size=[0])).iloc[0].tolist()
