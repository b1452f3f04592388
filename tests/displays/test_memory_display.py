"""Loss against the number of last inputs that are seen."""

import numpy as np
import pytest
import xarray as xr
from figure_checks import make_cube, names_beside

from sklearn_emerge import MemoryDisplay
from sklearn_emerge.displays._style import ARM_COLORS

pytestmark = pytest.mark.usefixtures("close_figures")


def test_bands_end_where_their_line_leaves_the_frame():
    cube = make_cube(modes=("full",))
    cube.nll_memory.loc[{"window": 16}] += 70
    ax = MemoryDisplay.from_cube(cube).ax_
    (band,) = ax.collections
    mean, top = cube.nll_memory.sel(mode="full").mean("seed"), ax.get_ylim()[1]
    x = np.log2(np.concatenate([path.vertices[:, 0] for path in band.get_paths()]))
    # Of the line itself, at the edges.
    for left, right in ((8, 16), (16, 20)):
        ends = [mean.sel(window=w).item() for w in (left, right)]
        crossing = np.interp(
            0, np.sort(np.array(ends) - top), np.log2([left, right])[np.argsort(ends)]
        )
        assert np.isclose(x, crossing, atol=1e-2).any()
        assert not ((x > 3.99) & (x < 4.01)).any()


def test_what_is_compared_looks_unlike_the_loss_with_the_longest_window():
    cube = make_cube()
    ax = MemoryDisplay.from_cube(cube).ax_
    level = [line for line in ax.lines if line.get_color() == "black"]
    longest = [
        line
        for line in ax.lines
        if line.get_marker() == "None" and line.get_color() in ARM_COLORS.values()
    ]
    assert (len(level), len(longest)) == (2, 2)
    styles = {line.get_linestyle() for line in level}
    assert not styles & {line.get_linestyle() for line in longest}
    assert any("Dash-dotted: with the longest window" in text for text in names_beside(ax))


def test_short_windows_are_in_the_frame_unless_they_flatten_what_is_compared():
    curve = xr.DataArray([2.8, 2.2, 1.6, 1.6], {"window": [1, 2, 4, 8]}, ("window",))
    baselines = {"linear": 1.58, "reference": 1.9}
    ax = MemoryDisplay.from_curve(curve, baselines=baselines).ax_
    assert ax.get_ylim()[1] > 2.8
    assert not [line for line in ax.lines if line.get_marker() == "^"]
    far = MemoryDisplay.from_curve(curve.where(curve.window > 1, 30), baselines=baselines).ax_
    assert far.get_ylim()[1] < 3
    assert [line.get_xdata()[0] for line in far.lines if line.get_marker() == "^"] == [1, 2]


def test_the_words_around_memory_are_of_what_is_drawn():
    curve = xr.DataArray([2.0, 1.0], {"window": [1, 2]}, ("window",))
    alone = MemoryDisplay.from_curve(curve)
    assert "Dash-dotted" in alone.footer
    assert "Black" not in alone.footer
    assert "Black" in MemoryDisplay.from_curve(curve, baselines={"linear": 1.5}).footer
    cube = make_cube(sizes=(2, 4))
    title = MemoryDisplay.from_cube(cube, hidden_size=4).ax_.get_title(loc="left")
    assert title.endswith(", hidden size 4")


def test_windows_of_which_a_seed_has_no_value_are_left_out():
    cube = make_cube()
    cube.nll_memory.loc[{"mode": "full", "window": 20, "seed": 0}] = np.nan
    display = MemoryDisplay.from_cube(cube)
    assert display.lines_["full"].get_xdata().tolist() == [1, 2, 4, 8, 16]
    assert display.lines_["readout"].get_xdata().tolist() == [1, 2, 4, 8, 16, 20]
    assert np.isfinite(display.lines_["full"].get_ydata()).all()


def test_memory_of_networks_that_all_diverged_leaves_what_is_compared():
    cube = make_cube()
    cube.nll_memory[:] = np.nan
    display = MemoryDisplay.from_cube(cube)
    assert display.lines_ == {}
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names[:2] == ["all weights: diverged", "readout only: diverged"]
    bottom, top = display.ax_.get_ylim()
    assert all(bottom < loss < top for loss in display.baselines.values())
