"""Nothing in a figure overlaps or leaves it, in any size."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figure_checks import CUBES, DRAWN, check_room, check_texts, make_cube
from matplotlib.figure import Figure
from trajectories import DRAWN as DRAWN_OF_TASKS
from trajectories import make_anatomy

from sklearn_emerge import AssessmentDisplay, MemoryDisplay, load_cube
from sklearn_emerge.reproduce import RECIPES
from sklearn_emerge.reproduce._figures import draw_recipe

pytestmark = pytest.mark.usefixtures("close_figures")

CASES = {
    "typical": {},
    "many": {
        "n_seeds": 40,
        "modes": ("full", "readout", "random", "scrambled"),
        "conditions": ("structured", "resample", "phase"),
        "verdict": "learned, not beyond a time-varying linear filter",
    },
    "near zero": {"scale": 1e-4, "verdict": "none"},
    "long names": {
        "reference": "a_baseline_of_my_own_without_spaces",
        "ceiling": "bound",
        "best_baseline": "a baseline of mine with a long name",
        "conditions": ("structured", "permuted"),
        "verdict": "operator+representation",
    },
    "one seed": {"n_seeds": 1, "verdict": "undecided"},
}


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case != "near zero"])
@pytest.mark.parametrize("kind", DRAWN)
def test_no_labels_overlap_or_leave_the_figure(kind, case):
    sizes = [1, 2, 4, 8, 16, 512] if kind == "capacity" else None
    check_texts(DRAWN[kind](make_cube(sizes=sizes, **CASES[case])).figure_)


# Of notebooks, of axes that are given; that of the command line is larger.
SIZES = {"thumbnail": (6, 3), "axes": (5, 3.5)}


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", [case for case in CASES if case != "many"])
@pytest.mark.parametrize("kind", ["gains", "memory", "trajectory", "capacity"])
def test_small_figures_are_readable(kind, case, size):
    cube = make_cube(sizes=[2, 4, 8] if kind == "capacity" else None, **CASES[case])
    given = {"layout": "constrained"} if size != "axes" else {}
    figure, ax = plt.subplots(figsize=SIZES[size], **given)
    DRAWN[kind](cube, ax=ax)
    check_texts(figure)
    check_room(ax, is_drawn=True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "name", ["oscillator-gru", "drift-rnn", "regime-null-gru", "triangle-sparse-gru"]
)
def test_small_figures_of_results_are_readable(name, size):
    cube = load_cube(CUBES / f"{name}-corrected.nc")
    grid = {d: -1 for d in cube.delta_nll.dims if d not in ("condition", "mode", "seed")}
    given = {"layout": "constrained"} if size != "axes" else {}
    figure, ax = plt.subplots(figsize=SIZES[size], **given)
    AssessmentDisplay.from_cube(cube.isel(grid), ax=ax)
    check_texts(figure)
    check_room(ax, is_drawn=True)
    if size != "axes":
        assert {tick.get_rotation() for tick in ax.get_xticklabels()} == {0}


@pytest.mark.parametrize("kind", ["gains", "decoding", "memory", "forecast", "trajectory"])
def test_no_labels_overlap_where_networks_diverged(kind):
    cube = make_cube()
    measured = ("delta_nll", "ci_low", "ci_high", "nll_memory", "nll_trajectory", "probe_score")
    for name in (*measured, "flow_error"):
        cube[name].loc[{"mode": "readout"}] = np.nan
    cube.delta_nll[dict(seed=0)] = np.nan
    check_texts(DRAWN[kind](cube).figure_)


@pytest.mark.parametrize("kind", DRAWN)
def test_dollar_signs_in_names_are_no_formulas(kind):
    sizes = ["$_$", "$b_$"] if kind == "capacity" else None
    cube = make_cube(sizes=sizes, reference="$r_$", best_baseline="$a_$", verdict="$v_$")
    cube = cube.assign_coords(latent=["$x_$", "y"])
    cube.nll_trajectory.attrs["long_name"] = "$m_$"
    # What is no formula is drawn; this one would be an error.
    check_texts(DRAWN[kind](cube).figure_)


OF_TASKS = {
    "all": {"sizes": ("1x64", "2x128")},
    "one seed": {"n_seeds": 1, "sizes": ("2x128",), "levels": (3,)},
}


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("case", ["all", pytest.param("one seed", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", DRAWN_OF_TASKS)
def test_figures_of_tasks_are_readable(kind, case):
    check_texts(DRAWN_OF_TASKS[kind][0](make_anatomy(**OF_TASKS[case])).figure_)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("kind", DRAWN_OF_TASKS)
def test_small_figures_of_tasks_are_readable(kind):
    draw, shape = DRAWN_OF_TASKS[kind]
    figure, axes = plt.subplots(*shape, figsize=(6, 3.5), layout="constrained")
    data = make_anatomy(tasks=("COPY", "PAR", "CMP"), sizes=("1x64", "2x128"))
    draw(data, axes=axes)
    check_texts(figure)
    check_room(np.ravel(axes)[-1], is_drawn=True)


def test_texts_that_overlap_are_found():
    display = AssessmentDisplay.from_cube(make_cube())
    display.ax_.text(0.5, 0.2, "over")
    check_texts(display.figure_)
    beyond = display.ax_.text(1e3, 0.2, "beyond")
    # Else the layout would make room for it.
    beyond.set_in_layout(False)
    with pytest.raises(AssertionError, match="beyond"):
        check_texts(display.figure_)
    beyond.remove()
    display.ax_.text(0.51, 0.2, "lapping")
    with pytest.raises(AssertionError, match="lapping"):
        check_texts(display.figure_)
    check_room(AssessmentDisplay.from_cube(make_cube()).ax_)
    with pytest.raises(AssertionError, match="no line"):
        ax = MemoryDisplay.from_cube(make_cube()).ax_
        ax.plot([], [], label="no line")
        ax.legend()
        check_room(ax)
    with pytest.raises(AssertionError, match="longer than its axis"):
        ax = MemoryDisplay.from_cube(make_cube()).ax_
        ax.set_ylabel("longer than its axis " * 4)
        check_room(ax)


@pytest.mark.parametrize(
    ("recipe", "protocol"),
    [
        pytest.param("recurrent-figure-1", "published", marks=pytest.mark.slow),
        pytest.param("recurrent-figure-2", "published", marks=pytest.mark.slow),
        ("recurrent-drift", "corrected"),
        pytest.param("triangle-figure-2c", "published", marks=pytest.mark.slow),
        ("triangle-sparse", "corrected"),
        pytest.param("emergence-complexity", "corrected", marks=pytest.mark.slow),
    ],
)
def test_no_labels_of_recipes_overlap(recipe, protocol):
    names = RECIPES[recipe].experiments
    figure = Figure(layout="constrained")
    draw_recipe(
        recipe, {name: load_cube(CUBES / f"{name}-{protocol}.nc") for name in names}, figure
    )
    check_texts(figure)
