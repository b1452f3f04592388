"""Risks and critical lengths of a sweep."""

import numpy as np
import pytest
from figure_checks import check_texts
from sklearn.exceptions import NotFittedError

from sklearn_emerge import CriticalLengthDisplay, PredictionRiskDisplay
from sklearn_emerge.linear_systems import PredictionRiskSweep

pytestmark = pytest.mark.usefixtures("close_figures")


def test_prediction_risk_display_shows_the_sweep():
    sweep = PredictionRiskSweep(param_range=range(1, 9), horizons=[50, 100]).fit()
    ax = PredictionRiskDisplay.from_estimator(sweep).ax_
    assert ax.get_xlabel() == "length of the learner (steps)"
    assert ax.get_ylabel() == "total excess risk (squared units of the data)"
    assert ax.get_yscale() == "log"
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_allclose(lines["50 steps"].get_ydata(), sweep.cube_.total_risk[:, 0])
    marks = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D"]
    np.testing.assert_allclose(marks, sweep.critical_length_)
    log = PredictionRiskDisplay.from_estimator(sweep, quantity="log1p").ax_
    expected = np.log1p(sweep.cube_.total_risk[:, 1] / 99)
    np.testing.assert_allclose(log.lines[1].get_ydata(), expected)
    with pytest.raises(ValueError, match="quantity='loss' is not known; choose from total_risk"):
        PredictionRiskDisplay.from_estimator(sweep, quantity="loss")
    with pytest.raises(NotFittedError):
        PredictionRiskDisplay.from_estimator(PredictionRiskSweep())
    with pytest.raises(ValueError, match="not that of a PredictionRiskSweep: it has no variable"):
        PredictionRiskDisplay.from_cube(sweep.cube_[["risk"]])
    check_texts(ax.figure)


def test_sweeps_are_drawn_from_cubes_and_files(tmp_path):
    sweep = PredictionRiskSweep(param_range=range(1, 9), horizons=[50, 100]).fit()
    sweep.cube_.to_netcdf(tmp_path / "sweep.nc")
    for display in (PredictionRiskDisplay, CriticalLengthDisplay):
        for source in (sweep, sweep.cube_, tmp_path / "sweep.nc"):
            drawn = display.from_cube(source)
            assert repr(drawn).startswith(f"<{display.__name__}: ")
            assert drawn.cube.critical_length.equals(sweep.cube_.critical_length)


def test_critical_length_display_shows_points_and_the_slope_of_theory():
    sweep = PredictionRiskSweep(param_range=range(1, 25), horizons=[100, 1000, 10**4]).fit()
    ax = CriticalLengthDisplay.from_estimator(sweep, label="walk").ax_
    points, line = ax.lines
    np.testing.assert_allclose(points.get_ydata(), sweep.critical_length_)
    slope = np.polyfit(np.log(line.get_xdata()), line.get_ydata(), 1)[0]
    assert slope == pytest.approx(sweep.reference_slope_)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "horizon (steps)",
        "critical filter length (steps)",
    )
    assert ax.get_ylim()[1] > sweep.critical_length_.max()
    assert "walk" in ax.get_legend().get_texts()[0].get_text()
    none = PredictionRiskSweep(param_range=[1], horizons=[1000, 10**4]).fit()
    assert not np.isfinite(
        CriticalLengthDisplay.from_estimator(none).ax_.lines[0].get_ydata()
    ).any()
