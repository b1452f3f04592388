"""Networks beside random cores of growing size."""

import numpy as np
import pytest
import xarray as xr
from figure_checks import CUBES, check_texts, make_cube
from matplotlib.colors import to_rgba

from sklearn_emerge import ReservoirCurveDisplay, load_cube
from sklearn_emerge.displays._style import ARM_COLORS

pytestmark = pytest.mark.usefixtures("close_figures")


@pytest.fixture(scope="module")
def cube():
    return load_cube(CUBES / "oscillator-gru-corrected.nc").sel(hidden_size=16)


def _footer(ax):
    (footer,) = (text for text in ax.texts if text.get_text().startswith("Random cores, points"))
    return footer.get_text().replace("\n", " ")


def test_cores_are_a_curve_and_networks_a_level(cube):
    display = ReservoirCurveDisplay.from_cube(cube)
    ax, here = display.ax_, cube.sel(condition="structured")
    gains = here.nll_reference.mean("seed") - here.nll_reservoir
    (curve,) = (line for line in ax.lines if line.get_marker() == "D")
    np.testing.assert_array_equal(curve.get_xdata(), here.n_units)
    np.testing.assert_allclose(curve.get_ydata(), gains.mean("seed"))
    (level,) = (line for line in ax.lines if line.get_color() == ARM_COLORS["full"])
    assert level.get_ydata()[0] == pytest.approx(here.delta_nll.sel(mode="full").mean().item())
    # Where the curve crosses the level is what the network is worth.
    (size,) = (line.get_xdata()[0] for line in ax.lines if line.get_color() == "white")
    assert size == here.equivalent_reservoir_size.sel(mode="full").item()
    crossing = np.interp(np.log(size), np.log(curve.get_xdata()), curve.get_ydata())
    assert crossing == pytest.approx(level.get_ydata()[0], abs=0.002)
    assert f"Worth {size:.0f} random units" in ax.get_title(loc="left")
    assert _footer(ax) == (
        "Random cores, points: 3 seeds; line and band: mean and its 95% interval (Student's). "
        "Networks: 7 seeds; levels and bands: mean and its 95% interval (Student's). "
        "Bar: 95% interval of the size."
    )
    assert ax.get_ylabel() == "gain over persistence (nats per step)"
    check_texts(display.figure_)


def test_what_is_asked_for_is_shown(cube):
    display = ReservoirCurveDisplay.from_cube(cube, modes="readout")
    colors = {line.get_color() for line in display.ax_.lines}
    assert ARM_COLORS["readout"] in colors
    assert ARM_COLORS["full"] not in colors
    # What networks with all weights trained are worth is not said of others.
    assert "Worth" not in display.ax_.get_title(loc="left")
    assert "Bar" not in _footer(display.ax_)
    with pytest.raises(ValueError, match="mode"):
        display.plot(modes="none")


def test_a_network_beyond_all_cores_is_worth_more_than_the_largest(cube):
    beyond = cube.copy()
    beyond["delta_nll"] = cube.delta_nll + 1
    for end in ("", "_low", "_high"):
        name = f"equivalent_reservoir_size{end}"
        beyond[name] = xr.full_like(cube[name], np.inf)
    title = ReservoirCurveDisplay.from_cube(beyond).ax_.get_title(loc="left")
    assert "Worth more than 512 random units (interval: more than 512)" in title


def test_where_any_size_would_do_none_is_named(cube):
    unknown = cube.copy()
    unknown["equivalent_reservoir_size_low"] = 0 * cube.equivalent_reservoir_size_low
    unknown["equivalent_reservoir_size_high"] = cube.equivalent_reservoir_size_high + np.inf
    display = ReservoirCurveDisplay.from_cube(unknown)
    title = display.ax_.get_title(loc="left")
    assert title.endswith("How many random units it is worth cannot be told")
    assert "Worth" not in repr(display)


def test_a_network_below_the_frame_has_its_gain_and_no_band(cube):
    low = cube.copy(deep=True)
    for name in ("delta_nll", "ci_low"):
        low[name].loc[{"mode": "readout"}] = -1.5
    # Its interval reaches into the frame.
    low.ci_high.loc[{"mode": "readout"}] = 0.6
    ax = ReservoirCurveDisplay.from_cube(low).ax_
    assert ax.get_ylim()[0] > -1.5
    orange = to_rgba(ARM_COLORS["readout"], 0.15)
    assert orange not in [patch.get_facecolor() for patch in ax.patches]
    names = [text.get_text().replace("\n", " ") for text in ax.texts]
    assert "network, readout only: -1.5" in names
    inside = ReservoirCurveDisplay.from_cube(cube).ax_
    assert orange in [patch.get_facecolor() for patch in inside.patches]


def test_a_window_far_below_does_not_flatten_the_others(cube):
    far = cube.copy(deep=True)
    far.nll_baseline.loc[{"baseline": "window"}] += 100
    limits = [ReservoirCurveDisplay.from_cube(each).ax_.get_ylim() for each in (cube, far)]
    assert np.diff(limits[1]) < 2 * np.diff(limits[0])


def test_without_cores_of_several_sizes_there_is_a_remedy():
    with pytest.raises(ValueError, match=r"reservoir_sizes=\(16, 32"):
        ReservoirCurveDisplay.from_cube(make_cube())
