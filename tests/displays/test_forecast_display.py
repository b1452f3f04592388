"""Error of networks that are left alone against the number of steps ahead."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from figure_checks import check_texts, make_cube

from sklearn_emerge import ForecastErrorDisplay
from sklearn_emerge.displays._style import ARM_COLORS

pytestmark = pytest.mark.usefixtures("close_figures")


def errors(value=1.0, **sizes):
    coords = {"prompt": [2, 4], "horizon": [1, 2, 4]}
    shape = [len(values) for values in coords.values()]
    made = xr.DataArray(value * np.ones(shape), coords, ("prompt", "horizon"))
    return made.expand_dims(**sizes) if sizes else made


def test_a_panel_shows_each_prompt_and_thick_lines_are_medians():
    cube = make_cube(n_seeds=5)
    display = ForecastErrorDisplay.from_cube(cube)
    assert [ax.get_title(loc="left") for ax in display.axes_] == [
        f"{n} steps seen" for n in cube.prompt.values
    ]
    trained = cube.flow_error.sel(condition="structured", mode="full")
    of_null = cube.flow_error.sel(condition="resample", mode="full")
    for name, expected in (
        ("full", trained),
        ("resample", of_null),
        ("linear", cube.flow_error_linear),
    ):
        for i, line in enumerate(display.lines_[name]):
            np.testing.assert_allclose(line.get_ydata(), expected.median("seed")[i])
            assert line.get_xdata().tolist() == cube.horizon.values.tolist()
    colors = {name: lines[0].get_color() for name, lines in display.lines_.items()}
    assert [colors[mode] for mode in ("full", "readout")] == [
        ARM_COLORS[mode] for mode in ("full", "readout")
    ]
    assert {colors[name] for name in ("linear", "reservoir", "optimal")} == {"black"}
    assert len(set(colors.values())) == 4
    names = [text.get_text() for text in display.axes_[-1].get_legend().get_texts()]
    assert [name.replace("\n", " ") for name in names] == [
        "all weights",
        "readout only",
        "all weights, trained with order destroyed",
        "best linear predictor",
        "echo-state network",
        "best possible",
    ]
    # Each seed has a thin line.
    assert len(display.axes_[0].lines) == 3 * (1 + 5) + 3
    assert "5 seeds" in display.figure_._supxlabel.get_text()


def test_prompts_and_horizons_of_other_configurations_are_left_out():
    cube = make_cube(sizes=[2, 4])
    cube.flow_error.loc[{"hidden_size": 2, "prompt": 10}] = np.nan
    cube.flow_error.loc[{"hidden_size": 2, "horizon": 10}] = np.nan
    display = ForecastErrorDisplay.from_cube(cube, hidden_size=2)
    assert len(display.axes_) == 2
    assert max(display.lines_["full"][0].get_xdata()) == 8
    assert max(display.axes_[0].get_xticks()) == 8
    assert len(ForecastErrorDisplay.from_cube(cube, hidden_size=4).axes_) == 3


def test_an_optimum_without_error_is_said_and_not_drawn():
    cube = make_cube(configuration={"world": {"type": "RegimeWorld"}})
    cube["flow_error_optimal"] = 0 * cube.flow_error_optimal
    display = ForecastErrorDisplay.from_cube(cube)
    assert "optimal" not in display.lines_
    said = display.figure_._supxlabel.get_text().replace("\n", " ")
    assert "its error is 0" in said
    assert "median over sequences" not in said
    assert display.axes_[0].get_ylabel() == "error when left alone (probability)"


def test_what_has_gone_far_away_leaves_the_frame_and_is_said():
    cube = make_cube()
    cube.flow_error.loc[{"condition": "resample", "mode": "full"}] *= 5
    display = ForecastErrorDisplay.from_cube(cube)
    top = display.axes_[0].get_ylim()[1]
    assert max(display.lines_["resample"][0].get_ydata()) < top
    assert "leave the frame" not in display.figure_._supxlabel.get_text()
    cube.flow_error.loc[{"condition": "resample", "mode": "full"}] = 1e6
    cube.flow_error.loc[{"condition": "structured", "mode": "readout"}] = np.inf
    display = ForecastErrorDisplay.from_cube(cube)
    assert display.axes_[0].get_ylim()[1] < 1e3
    assert "leave the frame" in display.figure_._supxlabel.get_text()
    names = [text.get_text() for text in display.axes_[-1].get_legend().get_texts()]
    assert "readout only: diverged" in names
    check_texts(display.figure_)


def test_errors_of_ones_own_are_drawn_by_name():
    display = ForecastErrorDisplay.from_errors(
        {"a filter": errors(2.0), "several": errors(1.0, seed=[0, 1])},
        compared={"optimal": errors(0.5), "the mean": errors(4.0)},
    )
    assert list(display.lines_) == ["a filter", "several", "optimal", "the mean"]
    assert display.lines_["the mean"][1].get_ydata().tolist() == [4.0] * 3
    assert "a filter 2.00, several 1.00" in repr(display)
    figure, axes = plt.subplots(1, 2)
    assert ForecastErrorDisplay.from_errors(errors(), axes=axes).figure_ is figure
    assert figure._suptitle is None
    check_texts(figure)
    again = display.plot()
    assert again.figure_ is display.figure_


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ForecastErrorDisplay.from_errors({}), "errors is empty; pass what flow_errors"),
        (
            lambda: ForecastErrorDisplay.from_errors(errors().isel(prompt=0)),
            "'network' are to have the dimensions prompt and horizon.*has the dimensions horizon",
        ),
        (lambda: ForecastErrorDisplay.from_errors({"a": 1.0}), "'a'.*has none"),
        (
            lambda: ForecastErrorDisplay.from_errors(errors(), axes=[None]),
            "axes has 1 axes for 2 prompts, of 2, 4 steps; pass one each",
        ),
        (
            lambda: ForecastErrorDisplay.from_cube(make_cube().drop_vars("flow_error")),
            "No network was left alone; assess with claims that have 'dynamics' among them",
        ),
        (
            lambda: ForecastErrorDisplay.from_cube(make_cube(sizes=[2, 4])),
            "'hidden_size' left open",
        ),
        (lambda: ForecastErrorDisplay.from_cube(make_cube(), modes="half"), "'half'.*not in the"),
    ],
)
def test_errors_say_what_to_pass(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert plt.get_fignums() == []
