"""Tables of results, and what a notebook shows."""

import base64
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from chosen import RUN, STEEP, cube_of, told, with_curve

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld, summarise
from sklearn_emerge.assessment._assembly import compare
from sklearn_emerge.assessment._html import results_html
from sklearn_emerge.assessment._shown import in_columns
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
    lines = repr(table).splitlines()
    assert max(map(len, lines)) <= 79
    assert "..." not in repr(table)
    # Nothing is left out of the table itself, and of what is printed it is said.
    text, _, caption = repr(table).partition("\n\n")
    missing = [name for name in table if name.split()[0] not in text and name != "converged"]
    assert missing == []
    for name in ("gain", "vs best", "vs readout", "vs null", "verdict"):
        assert name in table
    assert "gain: over" in caption
    # A row a configuration, and no digit of it lost.
    for cell in table.to_numpy().ravel():
        for part in cell.replace("/", " ").split():
            assert part in text


def test_what_there_is_no_room_for_is_said_and_is_still_there():
    crowded = chosen_cube(6, True, 3)
    name = "a_parameter_of_the_model_with_a_name_that_leaves_little_room"
    crowded = crowded.rename(hidden_size=name.replace("_", ""))
    table = summarise(crowded)
    said = " ".join(repr(table).split())
    assert "Left out for want of room: R2 x, R2 y" in said
    assert "R2 x" in table
    assert "R2 x" not in said.partition("By how much")[0]
    assert "Left out" not in repr(summarise(chosen_cube()))


def test_cells_go_on_in_a_second_line_only_where_there_is_little_room():
    alone, crowded = repr(summarise(chosen_cube())), repr(summarise(chosen_cube(6, True, 3)))
    assert ".200 filter" in alone
    assert ".200 filter" not in crowded
    rows = crowded.partition("\n\n")[0].splitlines()
    assert len(rows) > 2 * 6


def test_a_long_table_is_printed_from_both_ends(assessment):
    text = repr(assessment.summary()).partition("\n\n")[0]
    assert "..." not in text
    long = summarise(xr.concat([chosen_cube(2)] * 40, "lr").assign_coords(lr=np.arange(40)))
    text = repr(long).partition("\n\n")[0]
    assert "\n...\n" in text
    assert max(map(len, text.splitlines())) <= 79


def test_the_full_table_is_printed_whole_with_what_its_labels_mean(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    table = summarise(chosen_cube(latents=2), detail="full")
    with pd.option_context("display.width", 80, "display.max_columns", 0):
        text = repr(table)
    assert max(map(len, text.splitlines())) <= 79
    assert "..." not in text
    for name in table:
        assert name in text
    said = " ".join(text.split())
    assert "structured: the world; resample: order destroyed; full: all weights;" in said
    assert "of 95%" in said
    ninety = summarise(told(cube_of(), run=RUN | {"alpha": 0.1}), detail="full")
    assert "of 90%" in " ".join(repr(ninety).split())
    assert "order destroyed" in table._repr_html_()


def test_cells_are_the_numbers_of_the_cube():
    cube = chosen_cube(latents=2)
    row = summarise(cube).iloc[0]
    low, high = cube.claim_low.sel(claim="gain").item(), cube.claim_high.sel(claim="gain").item()
    ends = f"{low:.3f},{high:.3f}".replace("0.", ".")
    assert row.gain == f".700 [{ends}]"
    assert row["vs best"] == ".200 filter"
    assert row["vs readout"] == f"{cube.claim_effect.sel(claim='core').item():.3f}".removeprefix(
        "0"
    )
    assert row["random units"] == "245"
    assert row["R2 y"] == ".80/.20"
    assert row.verdict == "operator+"


@pytest.mark.parametrize(("size", "cell"), [(0.0, "<16"), (np.inf, ">512"), (245.2, "245")])
def test_equivalent_reservoir_in_a_cell(size, cell):
    table = summarise(told(cube_of(), sizes=(size, np.nan, np.nan)))
    assert table["random units"].item() == cell
    assert "random units" not in summarise(told(cube_of()))


def test_marks_of_a_verdict_are_in_the_caption():
    table = summarise(told(with_curve(cube_of(), STEEP)))
    assert table.verdict.item() == "undecided"
    assert "+: and representation" in summarise(chosen_cube()).attrs["caption"]
    table = summarise(told(cube_of(full=0.505)))
    assert table.verdict.item() == "learned"
    assert "+:" not in table.attrs["caption"]
    assert "filter: a linear filter" in table.attrs["caption"]
    assert "nats per step" in table.attrs["caption"]


def test_whether_fits_have_converged_has_a_column():
    ended, late = with_curve(cube_of(), 1.0), with_curve(cube_of(), STEEP)
    assert summarise(told(ended)).converged.item() == "yes"
    assert summarise(told(late)).converged.item() == "no"
    ended["status"][1, 0, 2] = "head not converged"
    assert summarise(told(ended)).converged.item() == "no"
    # Without curves nobody knows.
    assert "converged" not in summarise(told(cube_of()))


def test_the_caption_says_which_interval_it_is():
    assert "[bounds: one-sided, each at 95%" in summarise(told(cube_of())).attrs["caption"]
    table = summarise(told(cube_of(), run=RUN | {"alpha": 0.1}))
    assert "[bounds: one-sided, each at 90%" in table.attrs["caption"]
    assert "bounds" not in summarise(told(cube_of(n_seeds=1))).attrs["caption"]


def test_latents_that_training_added_least_to_are_left_out_first():
    table = summarise(chosen_cube(latents=3))
    wide = table.assign(verdict="x" * 60)
    _, left_out = in_columns(wide, table._least_first)
    assert left_out[:3] == ["R2 x", "R2 y", "R2 z"]


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
    assert "vs readout" not in table
    assert "gain" in table
    cube = cube_of()
    cube["nll"][0, 1, 0] = np.nan
    assert "vs readout" not in summarise(told(cube))


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
    with pytest.raises(ValueError, match="Did you mean 'full'"):
        fitted.summary(detail="ful")
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


def test_html_of_a_summary_has_its_verdict_caption_and_figure():
    pytest.importorskip("matplotlib.pyplot")
    html = summarise(chosen_cube())._repr_html_()
    assert "<p><b>Operator: the trained network" in html
    assert html.count("data:image/png;base64,") == 1
    assert "nats per step" in html
    assert "<details>" not in html
    assert "None: neither" in summarise(told(cube_of(full=1.2, readout=1.1)))._repr_html_()


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
