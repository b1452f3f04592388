"""What displays share: what they are drawn from, what they remember, and what they refuse."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from conftest import small_assessment
from figure_checks import DRAWN, diamonds, make_cube, names_beside
from sklearn.exceptions import NotFittedError

from sklearn_emerge import (
    AssessmentDisplay,
    CapacityCurveDisplay,
    DecodingDisplay,
    MemoryDisplay,
    TrajectoryDisplay,
)
from sklearn_emerge.displays._kinds import KINDS
from sklearn_emerge.displays._style import ARM_COLORS

pytestmark = pytest.mark.usefixtures("close_figures")


def test_intervals_that_leave_the_frame_end_in_an_arrow():
    cube = make_cube(modes=("full", "readout"))
    assert "^" not in [line.get_marker() for line in AssessmentDisplay.from_cube(cube).ax_.lines]
    cube.ci_high.loc[{"condition": "resample", "mode": "full"}] = 100.0
    ax = AssessmentDisplay.from_cube(cube).ax_
    assert ax.get_ylim()[1] < 1
    (arrow,) = [line for line in ax.lines if line.get_marker() == "^"]
    assert arrow.get_color() == ARM_COLORS["full"]
    curve = make_cube(sizes=[2, 4])
    curve.ci_low.loc[{"condition": "structured", "mode": "readout", "hidden_size": 4}] = -100.0
    ax = CapacityCurveDisplay.from_cube(curve).ax_
    (arrow,) = [line for line in ax.lines if line.get_marker() == "v"]
    assert arrow.get_xdata() == pytest.approx([4], rel=0.05)


def test_triangles_are_explained_where_there_are_any():
    cube = make_cube()
    said = "Triangles: beyond the frame."
    for draw in (AssessmentDisplay.from_cube, lambda c: DecodingDisplay.from_cube(c).axes_[1]):
        here = draw(cube)
        ax = getattr(here, "ax_", here)
        assert not any(said in text for text in names_beside(ax))
    cube.ci_high.loc[{"condition": "structured", "mode": "readout"}] = 100.0
    for draw in (AssessmentDisplay.from_cube, lambda c: DecodingDisplay.from_cube(c).axes_[1]):
        here = draw(cube)
        ax = getattr(here, "ax_", here)
        assert any(said in text for text in names_beside(ax))


def test_points_beyond_the_frame_are_numbers():
    cube = make_cube(sizes=[2, 4, 8])
    for name in ("delta_nll", "ci_low", "ci_high"):
        cube[name].loc[{"condition": "structured", "mode": "readout", "hidden_size": 2}] -= 50
    mean = cube.delta_nll.sel(condition="structured", mode="readout", hidden_size=2).mean().item()
    ax = CapacityCurveDisplay.from_cube(cube).ax_
    assert f"{mean:.3g}" in names_beside(ax)
    # A line leads there, without the slope that it would have.
    (dotted,) = [
        line
        for line in ax.lines
        if line.get_linestyle() == ":" and line.get_color() == ARM_COLORS["readout"]
    ]
    assert dotted.get_ydata()[0] == ax.get_ylim()[0]
    memory = make_cube()
    memory.nll_memory.loc[{"mode": "full", "window": [1, 4]}] += 70
    ax = MemoryDisplay.from_cube(memory).ax_
    for window in (1, 4):
        loss = memory.nll_memory.sel(mode="full", window=window).mean().item()
        assert f"{loss:.3g}" in names_beside(ax)
        assert loss > ax.get_ylim()[1]
    assert any("Triangles: losses above the frame." in text for text in names_beside(ax))


def test_plotting_again_remembers_what_was_given():
    cube = make_cube(modes=("full", "readout", "random"))
    display = AssessmentDisplay.from_cube(cube, modes=["full", "random"], note="p")
    figure = display.figure_
    again = display.plot()
    assert again.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    words = [tick.get_text().replace("\n", " ") for tick in again.ax_.get_xticklabels()]
    assert words == ["all weights", "nothing"] * 2
    assert any(text.startswith("p = ") for text in names_beside(again.ax_))
    changed = display.plot(modes=None, note="seeds")
    words = [tick.get_text().replace("\n", " ") for tick in changed.ax_.get_xticklabels()]
    assert words == ["all weights", "readout only"] * 2
    # What is wrong is not remembered.
    with pytest.raises(ValueError, match="note='stars'"):
        display.plot(note="stars")
    assert "6 of 6" in names_beside(display.plot().ax_)
    log = TrajectoryDisplay.from_cube(cube, xscale="log")
    assert log.plot().ax_.get_xscale() == "symlog"
    assert log.plot(xscale="linear").ax_.get_xscale() == "linear"
    curve = CapacityCurveDisplay.from_cube(make_cube(sizes=[2, 4]), modes=["readout"])
    assert [bars.get_label() for bars in curve.plot().ax_.containers] == ["readout"]


@pytest.mark.slow
def test_what_others_have_drawn_is_left_alone():
    cube = make_cube()
    display = AssessmentDisplay.from_cube(cube)
    first = display.figure_
    first.canvas.draw()
    assert display.plot().figure_ is first
    line = display.ax_.axhline(0.3)
    assert display.plot().figure_ is not first
    assert line in first.axes[0].lines
    # Notebooks close figures that they have shown.
    plt.close(display.figure_)
    assert plt.fignum_exists(display.plot().figure_.number)
    figure, ax = plt.subplots()
    given = AssessmentDisplay.from_cube(cube, ax=ax)
    assert given.plot().figure_ is not figure
    decoding = DecodingDisplay.from_cube(cube)
    assert decoding.plot().figure_ is decoding.figure_
    assert len(decoding.figure_.axes) == 2


def test_displays_take_an_assessment_and_a_file(fitted, tmp_path):
    fitted.to_netcdf(tmp_path / "cube.nc")
    figure, axes = plt.subplots(1, 2)
    first = AssessmentDisplay.from_cube(tmp_path / "cube.nc", ax=axes[0], hidden_size=4)
    second = CapacityCurveDisplay.from_cube(str(tmp_path / "cube.nc"), ax=axes[1])
    assert first.figure_ is second.figure_ is figure
    # Cubes themselves are what the other tests pass.
    for source in (fitted, tmp_path / "cube.nc"):
        for display in (AssessmentDisplay, DecodingDisplay, MemoryDisplay):
            shown = display.from_cube(source, hidden_size=4)
            assert repr(shown).startswith(f"<{display.__name__}: ")
    assert diamonds(AssessmentDisplay.from_estimator(fitted, hidden_size=4).ax_) == diamonds(
        first.plot().ax_
    )
    with pytest.raises(NotFittedError):
        AssessmentDisplay.from_estimator(small_assessment())
    with pytest.raises(NotFittedError):
        DecodingDisplay.from_cube(small_assessment())
    with pytest.raises(TypeError, match="cube=DataArray is no cube; pass a fitted Emergence"):
        MemoryDisplay.from_cube(fitted.cube_.nll)


def test_an_assessment_plots_each_kind(fitted, fitted_single):
    for kind, display in KINDS.items():
        if kind != "trajectory":
            options = {} if kind == "capacity" else {"hidden_size": 2}
            assert type(fitted.plot(kind, **options)) is display
    assert type(fitted_single.plot()) is AssessmentDisplay
    # Of a grid that nobody selects from.
    assert type(fitted.plot()) is CapacityCurveDisplay
    assert type(fitted.plot(**{name: values[0] for name, values in fitted.param_grid.items()})) is (
        AssessmentDisplay
    )
    for kind, message in (
        ("bars", "kind='bars' is not known; choose from gains, capacity, decoding, memory, fore"),
        ("capacity", "it has none: give EmergenceAssessment a param_grid"),
        ("trajectory", "the cube has none, assess with record_at"),
    ):
        with pytest.raises(ValueError, match=message):
            fitted_single.plot(kind)
    for kind, meant in (("gain", "gains"), ("dekoding", "decoding"), ("Memory", "memory")):
        with pytest.raises(ValueError, match=f"kind='{kind}' is not .* Did you mean '{meant}'?"):
            fitted_single.plot(kind)
    with pytest.raises(NotFittedError):
        small_assessment().plot()
    no_latents = fitted_single.cube_.drop_dims("latent")
    with pytest.raises(ValueError, match="No latents were decoded; assess a world with latents"):
        DecodingDisplay.from_cube(no_latents)
    with pytest.raises(ValueError, match="assess with claims that have 'memory' among them"):
        MemoryDisplay.from_cube(fitted_single.cube_.drop_vars("nll_memory"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda cube: AssessmentDisplay.from_cube(cube), "'hidden_size' left open.*hidden_size=2"),
        (lambda cube: DecodingDisplay.from_cube(cube), "select one, for instance hidden_size=2"),
        (lambda cube: MemoryDisplay.from_cube(cube), "'hidden_size' left open: there are 2 values"),
        (lambda cube: AssessmentDisplay.from_cube(cube, hidden_size=3), "not in the cube.*2, 4"),
        (lambda cube: AssessmentDisplay.from_cube(cube, depth=3), "'depth' is not a dimension"),
        (
            lambda cube: AssessmentDisplay.from_cube(cube, hiden_size=2),
            r"'hiden_size' is not a dimension .*\. Did you mean 'hidden_size'\?",
        ),
        (
            lambda cube: AssessmentDisplay.from_cube(cube, modes="ful", hidden_size=2),
            r"\['ful'\] is not in the cube.*\. Did you mean 'full'\?",
        ),
        (lambda cube: AssessmentDisplay.from_cube(cube, modes="half", hidden_size=2), "'half'"),
        (lambda cube: CapacityCurveDisplay.from_cube(cube, "depth"), "parameter='depth'.*hidden_s"),
        (
            lambda cube: CapacityCurveDisplay.from_cube(cube, condition="phase"),
            "not in the cube.*structured",
        ),
        (lambda cube: AssessmentDisplay.from_cube(cube[["nll"]]), "not a cube.*delta_nll"),
        (
            lambda cube: AssessmentDisplay.from_cube(cube, modes=[], hidden_size=2),
            "No mode is selected; its values are .*'full'",
        ),
    ],
)
def test_errors_say_what_to_choose(call, message, fitted):
    with pytest.raises(ValueError, match=message):
        call(fitted.cube_)


def test_displays_draw_the_ceiling(fitted):
    ax = CapacityCurveDisplay.from_cube(fitted.cube_).ax_
    (line,) = [line for line in ax.lines if line.get_label() == "best possible"]
    grid = fitted.cube_.sel(condition="structured")
    possible = (grid.nll_reference - grid.nll_optimal).mean("seed")
    np.testing.assert_allclose(line.get_ydata(), possible)


@pytest.mark.parametrize("display", [AssessmentDisplay.from_cube, DecodingDisplay.from_cube])
def test_a_display_says_that_matplotlib_is_needed(display, fitted_single, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="need matplotlib.*pip install matplotlib"):
        display(fitted_single.cube_)


@pytest.mark.parametrize("kind", DRAWN)
def test_drawing_says_that_matplotlib_is_needed(kind, monkeypatch):
    cube = make_cube(sizes=[2])
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="need matplotlib.*pip install matplotlib"):
        DRAWN[kind](cube)


@pytest.mark.parametrize("kind", ["capacity", "decoding", "memory", "forecast", "trajectory"])
def test_a_cube_without_the_world_is_not_shown(kind):
    cube = make_cube(sizes=[2] if kind != "capacity" else [2, 4]).sel(condition=["resample"])
    message = r"'condition': 'structured' is not in the cube; its values are \['resample'\]"
    with pytest.raises(ValueError, match=message):
        DRAWN[kind](cube)


@pytest.mark.slow
def test_displays_leave_the_settings_of_matplotlib_alone():
    before = dict(plt.rcParams)
    for draw in DRAWN.values():
        draw(make_cube(sizes=[2]))
    assert dict(plt.rcParams) == before


@pytest.mark.parametrize(
    ("configuration", "discrete"),
    [
        ({}, False),
        ({"world": {"type": "RegimeWorld"}}, True),
        ({"world": {"type": "ResampleNull", "world": {"type": "TriangleWorld"}}}, True),
        ({"model": {"likelihood": "categorical"}}, True),
        ({"model": {"likelihood": "gaussian"}, "world": {"type": "RegimeWorld"}}, False),
    ],
)
def test_losses_of_discrete_data_are_not_below_zero(configuration, discrete):
    cube = make_cube(n_seeds=2, configuration=configuration)
    for name in ("nll_trajectory", "nll_memory"):
        cube[name] = cube[name] * 0 + xr.DataArray([0.0, 1.0], dims="seed")
    for display in (TrajectoryDisplay.from_cube(cube), MemoryDisplay.from_cube(cube)):
        bands = display.ax_.collections
        lowest = min(band.get_paths()[0].vertices[:, 1].min() for band in bands)
        assert (lowest >= 0) == discrete


def test_titles_say_where_a_panel_is():
    cube = make_cube(sizes=[2, 4]).rename(hidden_size="model__hidden_size")
    title = "GRUPredictor on OscillatorWorld"
    assert CapacityCurveDisplay.from_cube(cube).ax_.get_title(loc="left") == title
    null = CapacityCurveDisplay.from_cube(cube, condition="resample").ax_
    assert null.get_title(loc="left") == f"{title}, order destroyed"
    assert null.get_xlabel() == "hidden size"
    one = TrajectoryDisplay.from_cube(cube, along="condition", model__hidden_size=4).ax_
    assert one.get_title(loc="left") == f"{title}, all weights, hidden size 4"
