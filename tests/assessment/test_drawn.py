"""Configurations that are drawn from distributions."""

import json
import warnings

import numpy as np
import pytest
import xarray as xr
from conftest import GAIN_ALONE, small_assessment
from scipy import stats

from sklearn_emerge import (
    GRUPredictor,
    OscillatorWorld,
    compare_cubes,
    concat_cubes,
    judge_cube,
    load_cube,
)
from sklearn_emerge.assessment._grid import read_grid

LR, UNITS = stats.loguniform(1e-3, 1e-1), stats.randint(2, 5)
GRID = {"lr": LR, "model__hidden_size": UNITS, "world__omega": [1.0, 2.0]}
FEW = GAIN_ALONE | dict(
    world=OscillatorWorld(n_steps=8),
    model=GRUPredictor(2, max_steps=3, engine="torch"),
    modes=("full",),
    baselines=("mean",),
    param_grid=GRID,
    n_configurations=3,
    alpha=0.6,
    correction=None,
    random_state=1,
)


@pytest.mark.parametrize("sampling", ["random", "sobol"])
def test_draws_have_their_distributions_and_the_first_stay(sampling):
    def draw(n, seed=0):
        return read_grid(GRID, n, sampling, np.random.SeedSequence(seed)).values

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, few = draw(2000), draw(5)
    assert {key: values[:5] for key, values in found.items()} == few
    assert draw(5) == few != draw(5, 1)
    assert stats.kstest(found["lr"], LR.cdf).pvalue > 1e-3
    for key, n in (("model__hidden_size", 3), ("world__omega", 2)):
        counts = np.unique(found[key], return_counts=True)[1]
        assert len(counts) == n
        assert stats.chisquare(counts).pvalue > 1e-3
    assert set(map(type, found["model__hidden_size"])) == {int}
    # They do not depend on each other.
    assert abs(np.corrcoef(found["lr"], found["world__omega"])[0, 1]) < 0.1


def test_points_of_sobol_are_more_even():
    grid = {"a": stats.uniform(), "b": stats.uniform()}

    def discrepancy(sampling, seed):
        values = read_grid(grid, 64, sampling, np.random.SeedSequence(seed)).values
        return stats.qmc.discrepancy(np.column_stack(list(values.values())))

    sobol, random = ([discrepancy(name, i) for i in range(5)] for name in ("sobol", "random"))
    assert max(sobol) < min(random)


def test_drawn_configurations_lie_along_a_dimension_with_their_parameters(tmp_path):
    assessment = small_assessment(**FEW, memory=tmp_path).fit()
    cube = assessment.cube_
    assert cube.nll.sizes["configuration"] == 3
    drawn = {name: each.values.tolist() for name, each in cube.coords.items() if name in GRID}
    assert set(drawn) == set(GRID)
    assert all(cube[name].dims == ("configuration",) for name in GRID)
    assert all(2 <= n < 5 for n in drawn["model__hidden_size"])
    # Each is the assessment of its parameters.
    one = {name: [values[1]] for name, values in drawn.items()}
    alone = small_assessment(**FEW | dict(param_grid=one, n_configurations=None)).fit().cube_
    assert np.array_equal(alone.nll.squeeze(list(GRID)), cube.nll.sel(configuration=1))
    predictor = assessment.predictor(configuration=1, seed=1)
    assert predictor.lr == drawn["lr"][1]
    evaluation = assessment.evaluation(configuration=1, seed=1)
    nll = cube.nll.sel(configuration=1, seed=1, condition="structured", mode="full").item()
    assert -predictor.score(evaluation.X) == nll
    with pytest.raises(ValueError, match="configuration is a parameter of the grid, and no value"):
        assessment.predictor()
    # Words, tables and files have them.
    assert f"lr={drawn['lr'][0]}" in assessment.explain()
    assert list(assessment.summary().index.names) == ["configuration", *GRID]
    run = json.loads(cube.attrs["configuration"])
    assert run["param_grid"]["lr"] == "loguniform(0.001, 0.1)"
    assert run["n_configurations"] == 3
    assessment.to_netcdf(tmp_path / "cube.nc")
    xr.testing.assert_equal(load_cube(tmp_path / "cube.nc"), cube)
    # More of them add to the first.
    more = small_assessment(**FEW | dict(n_configurations=4), memory=tmp_path).plan()
    assert (more.n_networks, more.n_networks_stored) == (4 * 2, 3 * 2)
    # Parts of it are one again.
    parts = [cube.isel(configuration=[0]), cube.isel(configuration=[1, 2])]
    xr.testing.assert_equal(concat_cubes(parts, "configuration"), judge_cube(cube))
    halves = [cube.isel(seed=[0]), cube.isel(seed=[1])]
    assert concat_cubes(halves).lr.equals(cube.lr)
    others = cube.assign_coords(lr=("configuration", cube.lr.values * 2))
    with pytest.raises(ValueError, match="has lr"):
        concat_cubes([halves[0], others.isel(seed=[1])])
    assert len(compare_cubes({"a": cube, "b": cube}))
    with pytest.raises(ValueError, match="were drawn, and have other lr"):
        compare_cubes({"a": cube, "b": others})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(n_configurations=None), r"'lr'\] is a distribution, but n_configurations is None"),
        (dict(param_grid={"lr": [0.1]}), "n_configurations=3, but param_grid has no distribution"),
        (dict(param_grid={"lr": stats.loguniform}), "loguniform without parameters; pass it"),
        (dict(param_grid={"lr": stats.uniform(0, np.inf)}), "values that are not finite"),
        (dict(n_configurations=0), "n_configurations"),
        (dict(sampling="grid"), "sampling"),
        (dict(param_grid={"lrr": LR}), "'lrr' is not a parameter"),
        (dict(param_grid={"lr": LR, "model__lr": LR}), "are the same parameter"),
        (dict(param_grid={"seed": LR}), "is the name of a dimension"),
        (dict(param_grid={"hidden_size": stats.norm(-9, 0.1)}), "hidden_size"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small_assessment(**FEW | options).fit()
