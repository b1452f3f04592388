"""Displays show what is in the cube, labelled."""

import importlib.util
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import small_assessment
from sklearn.exceptions import NotFittedError

from sklearn_emerge import (
    AssessmentDisplay,
    CapacityCurveDisplay,
    CriticalLengthDisplay,
    DecodingDisplay,
    OscillatorWorld,
    PredictionRiskDisplay,
    TrajectoryDisplay,
)
from sklearn_emerge.thresholds import PredictionRiskSweep


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_assessment_display_shows_means_and_labels(fitted_single):
    cube = fitted_single.cube_
    display = AssessmentDisplay.from_cube(cube)
    ax = display.ax_
    assert display.figure_ is ax.figure
    assert "nats per step" in ax.get_ylabel()
    assert ax.get_xlabel() == "condition"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["structured", "resample", "shuffle"]
    heights = [bar.get_height() for bar in ax.patches]
    means = cube.delta_nll.mean("seed").transpose("mode", "condition").values.ravel()
    assert np.allclose(heights, means)
    assert fitted_single.verdict_ in ax.get_title(loc="left")


def test_displays_read_files_and_draw_where_told(fitted, tmp_path):
    fitted.to_netcdf(tmp_path / "cube.nc")
    figure, axes = plt.subplots(1, 2)
    first = AssessmentDisplay.from_cube(tmp_path / "cube.nc", ax=axes[0], hidden_size=4)
    second = CapacityCurveDisplay.from_cube(tmp_path / "cube.nc", ax=axes[1])
    assert first.figure_ is second.figure_ is figure


def test_capacity_curve_shows_means_against_the_parameter(fitted):
    ax = CapacityCurveDisplay.from_cube(fitted.cube_).ax_
    assert ax.get_xlabel() == "hidden size"
    assert "nats per step" in ax.get_ylabel()
    lines = {c.get_label(): c.lines[0] for c in ax.containers}
    for mode in fitted.cube_.mode.values:
        assert lines[mode].get_xdata().tolist() == [2, 4]
        means = fitted.cube_.delta_nll.sel(condition="structured", mode=mode).mean("seed")
        assert np.allclose(lines[mode].get_ydata(), means)


def test_capacity_curve_is_drawn_in_order(fitted):
    ax = CapacityCurveDisplay.from_cube(fitted.cube_.isel(hidden_size=[1, 0])).ax_
    assert ax.containers[0].lines[0].get_xdata().tolist() == [2, 4]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda cube: AssessmentDisplay.from_cube(cube), "2 configurations along 'hidden_size'"),
        (lambda cube: AssessmentDisplay.from_cube(cube, hidden_size=3), "not in the cube.*2, 4"),
        (lambda cube: AssessmentDisplay.from_cube(cube, depth=3), "'depth' is not a dimension"),
        (lambda cube: CapacityCurveDisplay.from_cube(cube, "depth"), "parameter='depth'.*hidden_s"),
        (
            lambda cube: CapacityCurveDisplay.from_cube(cube, condition="phase"),
            "not in the cube.*structured",
        ),
        (lambda cube: AssessmentDisplay.from_cube(cube[["nll"]]), "not a cube.*delta_nll"),
    ],
)
def test_errors_say_what_to_choose(call, message, fitted):
    with pytest.raises(ValueError, match=message):
        call(fitted.cube_)


def test_decoding_display_shows_one_configuration_of_each_cube(fitted, fitted_single):
    cubes = {"single": fitted_single.cube_, "four": fitted.cube_.sel(hidden_size=4)}
    display = DecodingDisplay.from_cubes(cubes)
    left, right = display.axes_
    assert "probe score" in left.get_ylabel()
    assert "nats per step" in right.get_ylabel()
    means = [c.probe_score.isel(latent=0).sel(condition="structured", mode=mode).mean()
             for mode in ("random", "full") for c in cubes.values()]  # fmt: skip
    assert np.allclose([bar.get_height() for bar in left.patches], means)
    with pytest.raises(ValueError, match="The cube 'grid' varies 'hidden_size'; select one"):
        DecodingDisplay.from_cubes({"grid": fitted.cube_})


def test_displays_draw_the_ceiling(fitted, fitted_single):
    cube = fitted_single.cube_.sel(condition="structured")
    possible = float((cube.nll_reference - cube.nll_optimal).mean())
    ax = AssessmentDisplay.from_cube(fitted_single.cube_).ax_
    (lines,) = [c for c in ax.collections if c.get_label() == "best possible"]
    assert lines.get_segments()[0][0, 1] == pytest.approx(possible)
    ax = CapacityCurveDisplay.from_cube(fitted.cube_).ax_
    (line,) = [line for line in ax.lines if line.get_label() == "best possible"]
    grid = fitted.cube_.sel(condition="structured")
    possible = (grid.nll_reference - grid.nll_optimal).mean("seed")
    np.testing.assert_allclose(line.get_ydata(), possible)


def test_a_bound_is_not_called_the_best_possible(fitted_single):
    ax = AssessmentDisplay.from_cube(fitted_single.cube_).ax_
    labels = [c.get_label() for c in ax.collections]
    assert "best possible" in labels
    assert "best known" in labels


def test_decoding_display_leaves_out_what_diverged(fitted_single):
    cube = fitted_single.cube_.copy(deep=True)
    cube.delta_nll[dict(seed=0)] = np.nan
    display = DecodingDisplay.from_cubes({"diverged": cube})
    assert len(display.axes_[1].patches) == 0


@pytest.mark.parametrize("display", [AssessmentDisplay.from_cube, DecodingDisplay.from_cubes])
def test_a_display_says_that_matplotlib_is_needed(display, fitted_single, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    cubes = {"world": fitted_single.cube_}
    with pytest.raises(ImportError, match="need matplotlib.*pip install matplotlib"):
        display(cubes if display == DecodingDisplay.from_cubes else fitted_single.cube_)


def test_prediction_risk_display_shows_the_sweep():
    sweep = PredictionRiskSweep(param_range=range(1, 9), horizons=[50, 100]).fit()
    ax = PredictionRiskDisplay.from_sweep(sweep).ax_
    assert ax.get_xlabel() == "length of the learner (steps)"
    assert ax.get_ylabel() == "total excess risk (squared units of the data)"
    assert ax.get_yscale() == "log"
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_allclose(lines["50 steps"].get_ydata(), sweep.cube_.total_risk[:, 0])
    marks = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D"]
    np.testing.assert_allclose(marks, sweep.critical_length_)
    log = PredictionRiskDisplay.from_sweep(sweep, quantity="log1p").ax_
    expected = np.log1p(sweep.cube_.total_risk[:, 1] / 99)
    np.testing.assert_allclose(log.lines[1].get_ydata(), expected)
    with pytest.raises(ValueError, match="quantity='loss' is not known; choose from total_risk"):
        PredictionRiskDisplay.from_sweep(sweep, quantity="loss")
    with pytest.raises(NotFittedError):
        PredictionRiskDisplay.from_sweep(PredictionRiskSweep())


def test_critical_length_display_shows_points_and_the_slope_of_theory():
    sweep = PredictionRiskSweep(param_range=range(1, 25), horizons=[100, 1000, 10**4]).fit()
    ax = CriticalLengthDisplay.from_sweep(sweep, label="walk").ax_
    points, line = ax.lines
    np.testing.assert_allclose(points.get_ydata(), sweep.critical_length_)
    slope = np.polyfit(np.log(line.get_xdata()), line.get_ydata(), 1)[0]
    assert slope == pytest.approx(sweep.reference_slope_)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "horizon (steps)", "critical filter length (steps)"
    )  # fmt: skip
    assert ax.get_ylim()[1] > sweep.critical_length_.max()
    assert "walk" in ax.get_legend().get_texts()[0].get_text()
    none = PredictionRiskSweep(param_range=[1], horizons=[1000, 10**4]).fit()
    assert not np.isfinite(CriticalLengthDisplay.from_sweep(none).ax_.lines[0].get_ydata()).any()


def test_trajectory_display_shows_means_and_names_what_is_open():
    world = OscillatorWorld(n_steps=20)
    cube = small_assessment(
        world=world, record_at=[0, 2, 4], measures={"edges": first_and_last}, n_seeds=3
    ).fit().cube_  # fmt: skip
    display = TrajectoryDisplay.from_cube(cube, along="mode")
    assert list(display.lines_) == ["full", "readout", "random"]
    expected = cube.nll_trajectory.sel(condition="structured", mode="full").mean("seed")
    np.testing.assert_allclose(display.lines_["full"].get_ydata(), expected)
    assert display.ax_.get_xlabel() == "updates of the optimiser"
    # The loss before the first update is not known.
    loss = TrajectoryDisplay.from_cube(cube, "train_loss", along="condition")
    assert loss.lines_["structured"].get_xdata().tolist() == [2, 4]
    for selection, message in (
        ({}, "leaves edges_item open; select one value of each, for instance selection={'edges_it"),
        ({"mode": "half"}, "is not in the cube, which has"),
        ({"depth": 1}, "'depth' is not a dimension of the trajectory"),
        ({"seed": 0}, "'seed' cannot be the dimension along which lines differ, nor be selected"),
        ({"step": 4}, r"'step' cannot .* for instance cube.isel\(step=\[0\]\)"),
    ):
        with pytest.raises(ValueError, match=message):
            TrajectoryDisplay.from_cube(cube, "edges", along="condition", selection=selection)
    with pytest.raises(ValueError, match="'seed' cannot be the dimension"):
        TrajectoryDisplay.from_cube(cube, along="seed")
    with pytest.raises(ValueError, match="measure='words' has not been recorded; the cube"):
        TrajectoryDisplay.from_cube(cube, "words", along="mode")


def first_and_last(predictor, evaluation):
    loss = predictor.score_steps(evaluation.X)
    return {"first": loss[:, 0].mean(), "last": loss[:, -1].mean()}


def test_figures_of_the_page_on_linear_systems(tmp_path, monkeypatch):
    folder = Path(__file__).parent.parent / "docs"
    spec = importlib.util.spec_from_file_location("page", folder / "make_linear_systems.py")
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    monkeypatch.setattr(page, "FIGURES", tmp_path)
    page.main()
    committed = {path.name for path in (folder / "figures").glob("linear-systems-*.png")}
    assert {path.name for path in tmp_path.glob("*.png")} == committed
    for ax in page.source_figure().axes:
        short, long, published = (line.get_ydata() for line in ax.lines)
        np.testing.assert_allclose(published, np.concatenate([short, long]), atol=0.01)
