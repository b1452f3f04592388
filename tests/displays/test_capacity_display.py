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
        assert np.log2(line.get_xdata()).round(1).tolist() == [1, 2]
        assert line.get_color() == ARM_COLORS[mode]
        means = fitted.cube_.delta_nll.sel(condition="structured", mode=mode).mean("seed")
        assert np.allclose(line.get_ydata(), means)


def test_capacity_curve_is_drawn_in_order(fitted):
    ax = CapacityCurveDisplay.from_cube(fitted.cube_.isel(hidden_size=[1, 0])).ax_
    assert np.log2(ax.containers[0].lines[0].get_xdata()).round(1).tolist() == [1, 2]


def test_arms_stand_side_by_side_around_the_value():
    for sizes in ([2, 4, 8], [0, 1, 3]):
        ax = CapacityCurveDisplay.from_cube(make_cube(sizes=sizes)).ax_
        first, second = (container.lines[0].get_xdata() for container in ax.containers)
        scale = np.log2 if ax.get_xscale() == "log" else np.asarray
        assert (first < second).all()
        np.testing.assert_allclose((scale(first) + scale(second)) / 2, scale(sizes))
        # Points and bars are where their mean is.
        bars = ax.containers[0].lines[2][0].get_segments()
        np.testing.assert_allclose([bar[0, 0] for bar in bars], first)
        assert ax.get_xticks().tolist() == sizes


def test_names_without_an_order_are_not_joined_by_a_line():
    cube = make_cube(sizes=["no_time", "full_time"]).rename(hidden_size="time_channel")
    ax = CapacityCurveDisplay.from_cube(cube).ax_
    assert ax.get_xlabel() == "time channel"
    assert all(c.lines[0].get_linestyle() == "None" for c in ax.containers)
