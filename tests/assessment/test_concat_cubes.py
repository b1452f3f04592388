"""Joined cubes are those of one assessment, and statistics are never those of a part."""

import json
from functools import partial

import numpy as np
import pytest
import xarray as xr
from conftest import small_assessment
from torch import nn

from sklearn_emerge import (
    ArrayWorld,
    AssessmentDisplay,
    TransformerPredictor,
    concat_cubes,
    explain,
    judge_cube,
    load_cube,
    summarise,
)
from sklearn_emerge.assessment._cube import save_cube
from sklearn_emerge.measures import attention_head_gates

# With one baseline nothing is chosen.
OPTIONS = {"baselines": ("mean",), "probe": None, "operator_evidence": "loss", "alpha": 0.8}
OPTIONS |= {"nulls": (), "claims": ("gain", "core"), "n_train": 20, "n_eval": 10}
# All that can be measured.
MUCH = {"probe": "auto", "operator_evidence": "flow", "reservoir_sizes": (2, 4), "claims": "auto"}
MUCH |= {"baselines": ("mean", "linear_filter"), "reference": "mean", "nulls": ("resample",)}
UNTIMED = "fit_seconds"


def run_of(cube):
    return json.loads(cube.attrs["configuration"])


def small(**options):
    return small_assessment(**OPTIONS | options)


@pytest.fixture(scope="module")
def four():
    return small(n_seeds=4, **MUCH).fit()


@pytest.fixture(scope="module")
def grid():
    return small(n_seeds=2, param_grid={"hidden_size": [2, 3, 4]}).fit()


def test_joined_seeds_are_those_of_one_assessment(four, tmp_path):
    first = small(n_seeds=2, **MUCH).fit()
    four.to_netcdf(tmp_path / "four.nc")
    last = load_cube(tmp_path / "four.nc").isel(seed=slice(2, 4))
    joined = concat_cubes([first, last])
    # The curve of random cores is of the first three seeds of an assessment, of two in the part.
    left_out = [UNTIMED, "nll_reservoir", "flow_error_cores"]
    sizes = [name for name in joined if "reservoir_size" in name]
    expected = four.cube_.drop_vars([*left_out, *sizes], errors="ignore")
    found = joined.drop_vars([*left_out, *sizes], errors="ignore")
    xr.testing.assert_identical(found.assign_attrs(expected.attrs), expected)
    assert found.verdict_reason.item() == expected.verdict_reason.item()
    assert run_of(joined) == run_of(four.cube_)
    assert joined.attrs["history"].endswith(four.cube_.attrs["source"])
    save_cube(joined, tmp_path / "joined.nc")
    xr.testing.assert_identical(load_cube(tmp_path / "joined.nc"), joined)


def test_parts_of_a_cube_join_to_the_whole(four, grid):
    halves = [four.cube_.isel(seed=slice(2)), four.cube_.isel(seed=slice(2, 4))]
    xr.testing.assert_equal(concat_cubes(halves), four.cube_)
    parts = [grid.cube_.isel(hidden_size=[i]) for i in range(3)]
    joined = concat_cubes([concat_cubes(parts[:2], "hidden_size"), parts[2]], dim="hidden_size")
    xr.testing.assert_equal(joined, grid.cube_)
    assert json.loads(joined.attrs["configuration"]) == json.loads(
        grid.cube_.attrs["configuration"]
    )


def test_configurations_of_two_assessments_are_those_of_one(grid):
    first = small(n_seeds=2, param_grid={"hidden_size": [2]}).fit()
    others = small(n_seeds=2, param_grid={"hidden_size": [3, 4]}).fit()
    joined = concat_cubes([first, others], "hidden_size").drop_vars(UNTIMED)
    xr.testing.assert_equal(joined, grid.cube_.drop_vars(UNTIMED))
    # The family is larger.
    alone = first.cube_.p_value_adjusted.values.ravel()
    assert (joined.p_value_adjusted.isel(hidden_size=0).values.ravel() >= alone).all()


def test_seeds_of_another_random_state_are_numbered_anew(four):
    other = small(n_seeds=2, random_state=1, **MUCH).fit().cube_
    joined = concat_cubes([four, other])
    assert joined.seed.values.tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(joined.nll[..., 4:], other.nll)
    xr.testing.assert_equal(judge_cube(joined), joined)
    origins = run_of(joined)["seed_origins"]
    assert origins["5"] == [run_of(other)["entropy"], 1]
    # Joined or not, the same seed is not counted twice.
    for twice in other, other.isel(seed=[1]), four:
        with pytest.raises(ValueError, match=r"same random_state.*would count twice.*drop_sel"):
            concat_cubes([joined, twice])
    third = other.isel(seed=[0]).copy()
    third.attrs["configuration"] = json.dumps(run_of(other) | {"entropy": [7, 7, 7, 7]})
    assert concat_cubes([joined, third]).sizes["seed"] == 7
    assert "7 seeds" in explain(concat_cubes([joined, third]))


def test_what_differs_is_named(four, grid):
    run = run_of(four.cube_)
    others = {
        r"cubes\[1\].*model.max_steps is 5, not 4.* differ in seed alone": {
            "model": run["model"] | {"max_steps": 5}
        },
        r"margin is 0.5, not 0.01.*judge_cube": {"margin": 0.5},
        r"n_train is 41, not 20": {"n_train": 41},
    }
    for message, changed in others.items():
        other = four.cube_.assign_attrs(configuration=json.dumps(run | {"entropy": 7} | changed))
        with pytest.raises(ValueError, match=message):
            concat_cubes([four, other])
    with pytest.raises(ValueError, match=r"cubes\[1\] has the grid \['hidden_size'\]"):
        concat_cubes([four, grid])
    with pytest.raises(ValueError, match="cubes.1. has mode .'full'., and cubes.0. has"):
        concat_cubes([four.cube_.isel(seed=[0]), four.cube_.isel(seed=[1], mode=[0])])
    with pytest.raises(ValueError, match="cubes.1. has hidden_size 3, and cubes.0. has 2"):
        concat_cubes([grid.cube_.isel(seed=[i], hidden_size=i) for i in (0, 1)])
    with pytest.raises(ValueError, match="hidden_size=3 is in more than one"):
        concat_cubes([grid, grid.cube_.isel(hidden_size=[1])], "hidden_size")
    with pytest.raises(ValueError, match="dim='sed' cannot be joined.*Did you mean 'seed'"):
        concat_cubes([four], "sed")
    with pytest.raises(ValueError, match=r"keep the dimension: sel\(hidden_size=\[2\]\)"):
        concat_cubes([grid.cube_.isel(hidden_size=0)], "hidden_size")
    with pytest.raises(ValueError, match="cubes is empty; pass at least one"):
        concat_cubes([])
    with pytest.raises(ValueError, match="cubes=Dataset must be a list"):
        concat_cubes(four.cube_)


def test_recordings_of_the_same_shape_are_told_apart():
    walks = np.random.default_rng(0).normal(size=(2, 30, 12)).cumsum(axis=2)
    options = {"n_train": None, "n_eval": None, "n_seeds": 1}
    cubes = [
        small(world=ArrayWorld(X), random_state=i, **options).fit().cube_
        for i, X in enumerate((walks[0], walks[1], walks[0]))
    ]
    with pytest.raises(ValueError, match=r"world.X.sha256"):
        concat_cubes(cubes[:2])
    assert concat_cubes(cubes[::2]).sizes["seed"] == 2


def test_seeds_that_share_data_are_not_mixed(four):
    shared = [small(n_seeds=1, shared_data=True, random_state=i).fit() for i in (0, 1)]
    with pytest.raises(ValueError, match="neither about the same data nor independent"):
        concat_cubes(shared)


def test_other_choices_and_versions_are_told(four):
    halves = [four.cube_.isel(seed=slice(2)), four.cube_.isel(seed=slice(2, 4)).copy(deep=True)]
    run = run_of(halves[1])
    run["versions"]["numpy"] = "1.0"
    halves[1].attrs["configuration"] = json.dumps(run)
    with pytest.warns(UserWarning, match="other versions than cubes.0.: numpy 1.0, not"):
        concat_cubes(halves)
    halves[1] = four.cube_.isel(seed=slice(2, 4)).copy(deep=True)
    # In a null only the candidates and the best baseline are scored.
    halves[1]["best_baseline"][...] = "mean"
    halves[1]["nll_baseline"].loc[{"condition": "resample", "baseline": "linear_filter"}] = np.nan
    message = "best_baseline 'mean' where cubes.0. has 'linear_filter'.*order is not tested"
    with pytest.warns(UserWarning, match=message):
        joined = concat_cubes(halves)
    assert (joined.best_baseline == "linear_filter").all()
    assert joined.claim_state.sel(claim="order") == "untested"
    assert joined.claim_state.sel(claim="prediction") != "untested"


@pytest.mark.parametrize("read", [summarise, explain, judge_cube, AssessmentDisplay.from_cube])
def test_statistics_of_a_part_are_noticed(four, grid, read):
    options = {"data_vars": "minimal", "coords": "minimal", "compat": "override"}
    halves = [four.cube_.isel(seed=slice(2)), four.cube_.isel(seed=slice(2, 4))]
    judged = [judge_cube(half) for half in halves]
    with pytest.raises(ValueError, match="4 seeds.*about 2.*Join them by concat_cubes"):
        read(xr.concat(judged, "seed", **options))
    parts = [judge_cube(grid.cube_.isel(hidden_size=[i])) for i in (0, 1)]
    with pytest.raises(ValueError, match="2 configurations.*about 1.*Join them by concat_cubes"):
        read(xr.concat(parts, "hidden_size", **options))


def test_labels_of_measures_and_their_depths_are_joined():
    options = {
        "model": TransformerPredictor(8, 1, 2, max_steps=1),
        "record_at": [0, 1],
        "measures": {"gate": partial(attention_head_gates, n_focus=2)},
    }
    both = small(param_grid={"n_layers": [1, 2]}, **options).fit().cube_
    parts = [small(param_grid={"n_layers": [n]}, **options).fit() for n in (1, 2)]
    joined = concat_cubes(parts, "n_layers")
    assert joined.depth.dims == ("n_layers", "layer")
    xr.testing.assert_equal(joined.drop_vars(UNTIMED), both.drop_vars(UNTIMED))
    # Seeds have the same.
    halves = [both.isel(seed=[i]) for i in range(2)]
    xr.testing.assert_equal(concat_cubes(halves), both)


def test_given_networks_are_counted():
    def given(seeds, **options):
        networks = [nn.GRU(1, 3, batch_first=True) for _ in seeds]
        options |= {"n_seeds": None, "claims": ("gain",)}
        return small(model=networks, modes=("full",), **options).fit().cube_

    joined = concat_cubes([given(range(2)), given(range(3), random_state=1)])
    assert run_of(joined)["given_networks"] == 5
    assert "5 given networks" in explain(joined)
