"""Tables of results, and what a notebook shows."""

import base64
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from chosen import STEEP, cube_of, told, with_curve

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld, summarise
from sklearn_emerge.assessment._assembly import compare
from sklearn_emerge.assessment._html import results_html
from sklearn_emerge.inference import required_seeds


@pytest.fixture(scope="module")
def assessment():
    path = Path(__file__).parents[2] / "benchmarks" / "summary.py"
    spec = importlib.util.spec_from_file_location("benchmark", path)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    cube = benchmark.made_up(30)
    # Networks that are the same in all seeds, and some that failed.
    cube.nll[dict(hidden_size=0)] = 0.7
    cube.nll[dict(hidden_size=1, seed=2)] = np.nan
    cube.nll[dict(hidden_size=2, seed=2)] = np.inf
    cube = compare(cube, "student", 0.05, "holm")
    assessment = EmergenceAssessment(OscillatorWorld(), GRUPredictor())
    assessment.cube_ = benchmark.decide(cube)
    return assessment


def test_each_row_has_the_seeds_that_its_gains_require(assessment):
    table = assessment.summary(detail="full")
    n_known = 0
    for (size, condition, mode), row in table.iterrows():
        place = dict(hidden_size=size, condition=condition, mode=mode)
        gains = assessment.cube_.delta_nll.sel(place).values
        seen = np.isfinite(gains).all() and gains.mean() > 0 and row.p_value_adjusted > 0.05
        # Gains without a spread say nothing about further seeds.
        if seen and np.ptp(gains) > 0:
            assert row.required_seeds == required_seeds(gains, n_tests=30)
            n_known += 1
        else:
            assert np.isnan(row.required_seeds)
    assert n_known > 30


def test_no_correction_of_the_summary_collects_garbage(assessment, monkeypatch):
    monkeypatch.setattr("gc.collect", lambda *_: pytest.fail("garbage collected"))
    assert len(assessment.summary(detail="full")) == 270


def test_a_long_table_is_shown_from_both_ends(assessment):
    html = assessment._repr_html_()
    assert '<th rowspan="' in html
    assert all(f'valign="top">{size}</th>' in html for size in (0, 29))
    assert ">...<" in html
    assert html.count("<tr") < len(assessment.summary(detail="full"))


def chosen_cube(n_configurations=1, second=False, latents=1):
    """Return a cube with chosen losses, of a grid of no, one or two parameters."""
    names = ["x", "y", "z"][:latents]
    cubes = []
    for i in range(n_configurations):
        cube = cube_of(full=0.3 + 0.1 * i)
        scores = np.full((2, 2, latents, 6), 0.9) - 0.1 * np.arange(latents)[:, np.newaxis]
        scores[:, 1] -= 0.3 * np.arange(1, latents + 1)[:, np.newaxis]
        cube = cube.assign_coords(latent=names)
        cube["probe_score"] = (("condition", "mode", "latent", "seed"), scores)
        cube["probe_score_shuffled"] = 0 * cube.probe_score
        cubes.append(cube)
    if n_configurations == 1:
        return told(cubes[0], sizes=(245.2, 100, np.inf))
    cube = xr.concat(cubes, "hidden_size").assign_coords(hidden_size=4 * np.arange(len(cubes)))
    if second:
        cube = xr.concat([cube, cube], "world__n_steps").assign_coords(world__n_steps=[64, 128])
        cube = cube.isel(hidden_size=slice(3))
    return told(cube)


@pytest.mark.parametrize("latents", [1, 3])
@pytest.mark.parametrize(("n", "second"), [(1, False), (6, False), (6, True)])
def test_it_fits_a_terminal(n, second, latents, monkeypatch):
    table = summarise(chosen_cube(n, second, latents))
    assert len(table) == n
    for options in (
        # Not a terminal, and one.
        ("display.width", 80, "display.max_columns", 20),
        ("display.width", 80, "display.max_columns", 0),
    ):
        monkeypatch.setenv("COLUMNS", "80")
        with pd.option_context(*options):
            lines = repr(table).splitlines()
        assert max(map(len, lines)) <= 80
        assert "..." not in repr(table)
        assert len(lines) == n + 1 + (n > 1)
    for name in ("gain", "prediction", "verdict"):
        assert name in table


def test_cells_are_the_numbers_of_the_cube():
    cube = chosen_cube(latents=2)
    (row,) = summarise(cube).itertuples(index=False)
    low, high = cube.claim_low.sel(claim="gain").item(), cube.claim_high.sel(claim="gain").item()
    ends = f"{low:.3f},{high:.3f}".replace("0.", ".")
    assert row.gain == f".700 [{ends}]"
    assert row.prediction == ".200 filter"
    assert row.core == f"{cube.claim_effect.sel(claim='core').item():.3f}".removeprefix("0")
    assert row.units == "245"
    assert row[-2] == ".80/.20"
    assert row.verdict == "operator+"


@pytest.mark.parametrize(("size", "cell"), [(0.0, "<16"), (np.inf, ">512"), (245.2, "245")])
def test_equivalent_reservoir_in_a_cell(size, cell):
    table = summarise(told(cube_of(), sizes=(size, np.nan, np.nan)))
    assert table.units.item() == cell
    assert "units" not in summarise(told(cube_of()))


def test_marks_of_a_verdict_are_in_the_caption():
    table = summarise(told(with_curve(cube_of(), STEEP)))
    assert table.verdict.item() == "undecided*"
    assert "*: training had not ended" in table.attrs["caption"]
    table = summarise(told(cube_of(full=0.505)))
    assert table.verdict.item() == "learned"
    assert "*:" not in table.attrs["caption"]
    assert "filter: a linear filter" in table.attrs["caption"]
    assert "nats per step" in table.attrs["caption"]
    crowded = summarise(chosen_cube(6, True, 3))
    assert "left out for want of room: order, R2 x" in crowded.attrs["caption"]


def test_latents_that_training_added_least_to_are_left_out_first():
    table = summarise(chosen_cube(latents=3))
    assert list(table)[-2] == "R2 z"
    assert "R2 x" not in table


def test_of_heads_alone_the_untrained_core_is_shown():
    table = summarise(told(cube_of().sel(mode=["readout"])))
    assert table.untrained.item() == ".400"
    assert "untrained: of the untrained core over the best trivial" in table.attrs["caption"]
    assert "untrained" not in summarise(told(cube_of()))


def test_of_one_seed_there_are_no_bounds():
    table = summarise(told(cube_of(n_seeds=1)))
    assert table.gain.item() == ".70"


def test_claims_that_were_not_tested_have_no_cell():
    table = summarise(told(cube_of().sel(mode=["full"])))
    assert "core" not in table
    assert "gain" in table
    cube = cube_of()
    cube["nll"][0, 1, 0] = np.nan
    assert "core" not in summarise(told(cube))


def test_of_an_assessment_a_cube_and_a_file(fitted, tmp_path):
    path = tmp_path / "cube.nc"
    fitted.to_netcdf(path)
    for detail in ("short", "full"):
        table = fitted.summary(detail=detail)
        for other in (fitted, fitted.cube_, path):
            pd.testing.assert_frame_equal(
                table, summarise(other, detail=detail), check_index_type=False, check_dtype=False
            )
    assert fitted.summary().index.name == "hidden_size"
    with pytest.raises(ValueError, match="detail='long' is not known; choose 'short' or 'full'"):
        fitted.summary(detail="long")
    with pytest.raises(ValueError, match="no claims"):
        summarise(fitted.cube_.drop_dims("claim"))


def test_html_has_the_verdict_the_table_a_figure_and_the_rest_folded():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    cube = chosen_cube(latents=2)
    cube["best_baseline"] = xr.full_like(cube.best_baseline, "<b>own</b>")
    before = pyplot.get_fignums()
    html = results_html(cube)
    assert pyplot.get_fignums() == before
    assert "<p><b>Operator: the trained network predicts better than &lt;b&gt;own" in html
    assert "<b>own" not in html
    assert html.index("</table>") < html.index("data:image/png;base64,") < html.index("<details>")
    png = base64.b64decode(html.partition("base64,")[2].partition('"')[0])
    assert png.startswith(b"\x89PNG")
    assert html.count("<details>") == html.count("</details>") == 2
    assert "nats per step" in html.partition("<details>")[0]
    assert "delta_nll" in html.partition("<details>")[2]


def test_html_of_a_grid_counts_verdicts():
    cube = chosen_cube(3)
    html = results_html(cube)
    assert "base64" not in html
    assert "operator+ (" not in html
    assert f"({int((cube.verdict == 'operator+representation').sum())}): hidden_size=0" in html


def test_html_does_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    html = results_html(chosen_cube())
    assert "base64" not in html
    assert "Operator" in html
