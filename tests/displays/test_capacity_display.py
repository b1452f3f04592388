"""Gains against a parameter of the grid."""

import numpy as np
import pytest
from figure_checks import make_cube

from sklearn_emerge import CapacityCurveDisplay
from sklearn_emerge.displays._style import ARM_COLORS

pytestmark = pytest.mark.usefixtures("close_figures")


def test_capacity_curve_shows_means_against_the_parameter(fitted):
    ax = CapacityCurveDisplay.from_cube(fitted.cube_).ax_
    assert ax.get_xlabel() == "hidden size"
    assert "nats per step" in ax.get_ylabel()
    lines = {c.get_label(): c.lines[0] for c in ax.containers}
    assert list(lines) == ["full", "readout"]
    for mode, line in lines.items():
        assert line.get_xdata().tolist() == [2, 4]
        assert line.get_color() == ARM_COLORS[mode]
        means = fitted.cube_.delta_nll.sel(condition="structured", mode=mode).mean("seed")
        assert np.allclose(line.get_ydata(), means)


def test_capacity_curve_is_drawn_in_order(fitted):
    ax = CapacityCurveDisplay.from_cube(fitted.cube_.isel(hidden_size=[1, 0])).ax_
    assert ax.containers[0].lines[0].get_xdata().tolist() == [2, 4]


def test_names_without_an_order_are_not_joined_by_a_line():
    cube = make_cube(sizes=["no_time", "full_time"]).rename(hidden_size="time_channel")
    ax = CapacityCurveDisplay.from_cube(cube).ax_
    assert ax.get_xlabel() == "time channel"
    assert all(c.lines[0].get_linestyle() == "None" for c in ax.containers)
