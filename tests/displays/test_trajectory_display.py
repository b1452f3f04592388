"""Measures in the course of training."""

import numpy as np
import pytest
import xarray as xr
from conftest import ALL_MODES, small_assessment
from figure_checks import check_room, check_texts, make_cube, names_beside

from sklearn_emerge import OscillatorWorld, TrajectoryDisplay
from sklearn_emerge.displays._bands import band_of
from sklearn_emerge.displays._style import ARM_COLORS
from sklearn_emerge.inference import student_interval

pytestmark = pytest.mark.usefixtures("close_figures")


def test_a_trajectory_of_one_step_is_points_and_bars():
    cube = make_cube().isel(step=[3])
    display = TrajectoryDisplay.from_cube(cube)
    seeds = [line for line in display.ax_.lines if line.get_alpha() == 0.5]
    assert len(seeds) == 12
    assert len(display.ax_.collections) == 2
    said = "Small points: 6 seeds; large points and bars: mean and its 95% interval (Student's)."
    assert said in names_beside(display.ax_)
    check_texts(display.figure_)


def test_the_loss_in_training_is_shown_of_what_was_trained():
    cube = make_cube()
    cube["train_loss_trajectory"] = cube.nll_trajectory.copy()
    cube.train_loss_trajectory.attrs = {
        "long_name": "mean loss of the updates since the step before, as it is minimised",
        "units": "nat/step",
    }
    cube.train_loss_trajectory.loc[{"mode": "readout"}] = np.nan
    display = TrajectoryDisplay.from_cube(cube, "train_loss")
    assert display.ax_.get_ylabel() == "training loss (nat/step)"
    assert list(display.lines_) == ["full"]
    check_room(display.ax_)


def test_a_measure_is_shown_at_the_updates_at_which_it_was_taken():
    cube = make_cube()
    steps = cube.step.values
    cube["slow_trajectory"] = cube.nll_trajectory.where(cube.step.isin(steps[[1, 3]]))
    display = TrajectoryDisplay.from_cube(cube, "slow", along="mode")
    assert display.lines_["full"].get_xdata().tolist() == steps[[1, 3]].tolist()
    assert f"from update {steps[1]} to {steps[3]}" in repr(display)
    # Once is a point with a bar, as where there is one update only.
    cube["slow_trajectory"] = cube.nll_trajectory.where(cube.step == steps[2])
    display = TrajectoryDisplay.from_cube(cube, "slow", along="mode")
    assert display.trajectory.step.values.tolist() == [steps[2]]
    assert any(name.startswith("Small points: 6 seeds") for name in names_beside(display.ax_))


@pytest.mark.slow
def test_trajectory_display_shows_means_and_names_what_is_open():
    world = OscillatorWorld(n_steps=20)
    cube = (
        small_assessment(
            world=world,
            modes=ALL_MODES,
            record_at=[0, 2, 4],
            measures={"edges": first_and_last},
            n_seeds=3,
        )
        .fit()
        .cube_
    )
    assert list(TrajectoryDisplay.from_cube(cube).lines_) == ["full", "readout"]
    display = TrajectoryDisplay.from_cube(cube, mode=["full", "readout", "random"])
    assert list(display.lines_) == ["full", "readout", "random"]
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names[:4] == ["all weights", "readout only", "nothing", "best possible"]
    for mode, line in display.lines_.items():
        assert line.get_color() == ARM_COLORS[mode]
    # Measures of one's own are shown of all.
    edges = TrajectoryDisplay.from_cube(cube, "edges", edges_item="last")
    assert list(edges.lines_) == ["full", "readout", "random"]
    expected = cube.nll_trajectory.sel(condition="structured", mode="full").mean("seed")
    np.testing.assert_allclose(display.lines_["full"].get_ydata(), expected)
    assert display.ax_.get_xlabel() == "updates of the optimiser"
    # The loss before the first update is not known.
    loss = TrajectoryDisplay.from_cube(cube, "train_loss", along="condition")
    assert loss.lines_["structured"].get_xdata().tolist() == [2, 4]
    for selection, message in (
        ({}, "'edges_item' left open.*select one, for instance edges_item='first'"),
        ({"mode": "half"}, "is not in the cube; its values are"),
        ({"depth": 1}, "'depth' is not a dimension of what is shown, which has condition"),
        ({"along": "depth"}, "along='depth' is not a dimension of the trajectory"),
        ({"xscale": "half"}, "xscale='half' is not known"),
        ({"seed": 0}, "'seed' cannot be the dimension along which lines differ, nor be selected"),
        ({"step": 4}, r"'step' cannot .* for instance cube.isel\(step=\[0\]\)"),
    ):
        with pytest.raises(ValueError, match=message):
            measure = "nll" if "xscale" in selection else "edges"
            TrajectoryDisplay.from_cube(cube, measure, **{"along": "condition"} | selection)
    with pytest.raises(ValueError, match="'seed' cannot be the dimension"):
        TrajectoryDisplay.from_cube(cube, along="seed")
    with pytest.raises(ValueError, match="measure='words' has not been recorded; the cube"):
        TrajectoryDisplay.from_cube(cube, "words", along="mode")


def test_bands_are_the_intervals_of_each_place_and_none_where_a_seed_has_no_value():
    values = make_cube(n_seeds=3).nll_memory.sel(mode="full").copy()
    values[dict(seed=1, window=2)] = np.nan
    low, high = band_of(values, (None, 1.2))
    assert np.isnan([low[2], high[2]]).all()
    for window in (0, 5):
        ends = student_interval(values.isel(window=window))
        assert (low[window], high[window]) == pytest.approx(np.minimum(ends, 1.2), rel=1e-12)
    assert np.isnan(band_of(values.isel(seed=[0]))).all()


@pytest.mark.parametrize("bounds", [None, (None, 1.0), (0.0, None)])
def test_bands_end_at_what_is_possible(bounds):
    cube = make_cube(n_seeds=3)
    cube["probe_trajectory"] = cube.nll_trajectory * 0 + xr.DataArray([0, 0.9, 1.0], dims="seed")
    ax = TrajectoryDisplay.from_cube(cube, "probe", bounds=bounds).ax_
    heights = np.concatenate([band.get_paths()[0].vertices[:, 1] for band in ax.collections])
    low, high = bounds or (None, None)
    assert (heights.min() < 0) == (low is None)
    assert (heights.max() > 1) == (high is None)


def test_updates_can_be_shown_on_a_logarithmic_axis():
    cube = make_cube()
    ax = TrajectoryDisplay.from_cube(cube, xscale="log").ax_
    assert ax.get_xscale() == "symlog"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "10", "100", "1000"]
    later = TrajectoryDisplay.from_cube(cube.isel(step=[1, 2, 3]), xscale="log").ax_
    assert later.get_xscale() == "log"
    assert TrajectoryDisplay.from_cube(cube).ax_.get_xscale() == "linear"


def test_many_lines_have_colours_of_their_own():
    cube = make_cube(sizes=range(1, 11))
    lines = TrajectoryDisplay.from_cube(cube, along="hidden_size").lines_
    assert len({tuple(line.get_color()) for line in lines.values()}) == 10


def first_and_last(predictor, evaluation):
    loss = predictor.score_steps(evaluation.X)
    return {"first": loss[:, 0].mean(), "last": loss[:, -1].mean()}
