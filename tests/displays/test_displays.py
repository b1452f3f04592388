"""Displays show what is in the cube, labelled."""

import importlib.util
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from conftest import small_assessment
from figure_checks import check_room, check_texts, make_cube
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError

from sklearn_emerge import (
    AssessmentDisplay,
    CapacityCurveDisplay,
    CriticalLengthDisplay,
    DecodingDisplay,
    EmergenceCurve,
    EmergenceCurveDisplay,
    MemoryDisplay,
    OscillatorWorld,
    PredictionRiskDisplay,
    TrajectoryDisplay,
    explain,
    load_cube,
)
from sklearn_emerge._registry import WORLDS, make_world
from sklearn_emerge.assessment._case import cases_of
from sklearn_emerge.assessment._words import in_digits
from sklearn_emerge.displays._captions import footer
from sklearn_emerge.displays._kinds import KINDS
from sklearn_emerge.displays._style import ARM_COLORS
from sklearn_emerge.linear_systems import PredictionRiskSweep
from sklearn_emerge.reporting._training import fall_in_words
from sklearn_emerge.reproduce import RECIPES
from sklearn_emerge.reproduce._figures import draw_recipe
from sklearn_emerge.worlds._picture import draw_sequences, rows_of

CUBES = Path(__file__).parents[2] / "datasets" / "cubes"


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def diamonds(ax):
    """Return place and height of the means in axes; those of legends have none."""
    means = [line.get_xydata() for line in ax.lines if line.get_marker() == "D"]
    return [mean[0].tolist() for mean in means if len(mean)]


def names_beside(ax):
    """Return what is named in axes, and at which height its line begins."""
    # Of names that stand in several panels the first.
    return {text.get_text().replace("\n", " "): text.xy[1] for text in reversed(ax.texts)}


def test_assessment_display_shows_means_and_labels(fitted_single):
    cube = fitted_single.cube_
    display = AssessmentDisplay.from_cube(cube)
    ax = display.ax_
    assert display.figure_ is ax.figure
    assert "nats per step" in ax.get_ylabel()
    assert ax.get_yscale() == "linear"
    words = [t.get_text().replace("\n", " ") for t in ax.get_xticklabels()]
    assert words == ["all weights", "readout only"] * 3
    (above,) = ax.child_axes
    titles = [t.get_text().replace("\n", " ") for t in above.get_xticklabels()]
    assert titles == ["the world", "order destroyed", "steps shuffled"]
    bottom, top = ax.get_ylim()
    means = cube.delta_nll.mean("seed").transpose("condition", "mode", ...)
    means = means.sel(mode=["full", "readout"]).values.ravel()
    shown = means[(means > bottom) & (means < top)]
    assert np.allclose([height for _, height in diamonds(ax)], shown)
    assert fitted_single.verdict_ in ax.get_title(loc="left")
    gain = cube.delta_nll.sel(condition="structured", mode="full").mean().item()
    assert repr(display).startswith(
        "<AssessmentDisplay: gains of GRUPredictor on OscillatorWorld: "
        f"the world: all weights {in_digits(gain)[0]} nats per step, readout only "
    )


def test_the_arm_without_a_trained_head_is_shown_on_request():
    cube = make_cube(modes=("full", "random"))
    without, alone = AssessmentDisplay.from_cube(cube).ax_, cube.sel(mode=["random"])
    means = cube.delta_nll.sel(mode="full").mean("seed")
    assert np.allclose([height for _, height in diamonds(without)], means)
    with_it = AssessmentDisplay.from_cube(cube, modes=["full", "random"]).ax_
    # It is far below, and does not say what the range is.
    assert np.allclose(with_it.get_ylim()[1], without.get_ylim()[1], rtol=0.02)
    assert with_it.get_ylim()[0] > -1
    far = cube.delta_nll.sel(mode="random", condition="structured").mean().item()
    assert f"{far:.3g}" in names_beside(with_it)
    assert [line.get_marker() for line in with_it.lines].count("v") == 2
    # Where nothing else is there, it is shown.
    assert AssessmentDisplay.from_cube(alone).ax_.get_ylim()[0] < far


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
    assert arrow.get_xdata().tolist() == [4]


def test_notes_count_seeds_or_give_p_values():
    cube = make_cube(conditions=("structured",))
    cube.delta_nll[dict(mode=1, seed=0)] = 0.009
    texts = names_beside(AssessmentDisplay.from_cube(cube).ax_)
    assert {"6 of 6", "5 of 6"} <= set(texts)
    texts = names_beside(AssessmentDisplay.from_cube(cube, note="p").ax_)
    assert "p = .016" in texts
    cube.delta_nll[dict(mode=0, seed=0)] = np.nan
    ax = AssessmentDisplay.from_cube(cube).ax_
    assert "1 of 6 diverged" in names_beside(ax)
    assert len(diamonds(ax)) == 1
    with pytest.raises(ValueError, match="note='stars' is not known; choose 'seeds', 'p'"):
        AssessmentDisplay.from_cube(cube, note="stars")


@pytest.mark.parametrize("name", ["oscillator-gru", "regime-null-gru", "drift-rnn"])
def test_seeds_are_counted_as_in_the_words_on_claims(name):
    cube = load_cube(CUBES / f"{name}-corrected.nc")
    one = cases_of(cube)[-1]
    texts = names_beside(AssessmentDisplay.from_cube(one.cube).ax_)
    claim = one.claims["gain"]
    n_above, n_seeds = (claim.values > claim.margin).sum(), len(claim.values)
    assert f"{n_above} of {n_seeds}" in texts
    assert f"in {n_above} of {n_seeds} seeds" in " ".join(explain(one.cube).split())
    assert any("Above: seeds that gain more than 0.01, the margin." in text for text in texts)


def test_gains_of_nothing_are_not_counted_as_findings():
    cube = make_cube()
    tiny = np.abs(cube.delta_nll.sel(condition="resample")) * 1e-3
    cube.delta_nll.loc[{"condition": "resample"}] = tiny
    notes = [text.get_text() for text in AssessmentDisplay.from_cube(cube).ax_.texts]
    assert notes.count("0 of 6") == 2
    # Without a margin only what is significant is counted.
    without = make_cube(claims=False)
    without.delta_nll.loc[{"condition": "resample"}] = tiny
    without.p_value.loc[{"condition": "resample"}] = 0.2
    ax = AssessmentDisplay.from_cube(without).ax_
    notes = [text.get_text() for text in ax.texts]
    assert [note for note in notes if " of 6" in note] == ["6 of 6", "6 of 6"]
    said = "Above, where the gain is significant: seeds that gain anything over the reference."
    assert any(said in text for text in names_beside(ax))


@pytest.mark.parametrize(
    ("configuration", "test"),
    [
        ({}, "by sign flips over seeds."),
        ({"world": {"type": "ArrayWorld"}}, "by the corrected resampled t-test."),
        ({"world": {"type": "ArrayWorld"}, "units": None}, "by sign flips over seeds."),
    ],
)
def test_the_note_on_p_values_says_which_test_it_was(configuration, test):
    cube = make_cube(configuration=configuration)
    texts = names_beside(AssessmentDisplay.from_cube(cube, note="p").ax_)
    assert any(test in text for text in texts)
    # One seed has no p-value.
    one = make_cube(n_seeds=1, configuration=configuration)
    one.p_value[:] = np.nan
    texts = names_beside(AssessmentDisplay.from_cube(one, note="p").ax_)
    assert not any(text.startswith("p =") or "p:" in text for text in texts)


@pytest.mark.parametrize(
    ("configuration", "footer"),
    [
        ({}, "its 95% interval (Student's)"),
        ({"alpha": 0.1, "interval": "bootstrap"}, "its 90% interval (bootstrap)"),
        ({"world": {"type": "ArrayWorld"}}, "interval (corrected: seeds share recordings)"),
        ({"world": {"type": "ResampleNull", "world": {"type": "ArrayWorld"}}}, "(corrected"),
        ({"world": {"type": "ArrayWorld"}, "shared_data": True}, "interval (Student's)"),
    ],
)
def test_the_footer_says_which_interval_is_drawn(configuration, footer):
    ax = AssessmentDisplay.from_cube(make_cube(n_seeds=7, configuration=configuration)).ax_
    (said,) = [text for text in names_beside(ax) if "Points" in text]
    assert "Points: 7 seeds" in said
    assert footer in said
    one = AssessmentDisplay.from_cube(make_cube(n_seeds=1, configuration=configuration)).ax_
    (said,) = [text for text in names_beside(one) if "Arms" in text]
    assert "1 seed." in said
    assert "interval" not in said


@pytest.mark.parametrize(
    ("verdict", "title"),
    [
        ("operator", "Verdict: operator"),
        ("prediction+representation", "Verdict: prediction and representation"),
        ("learned, not beyond a linear filter", "Verdict: learned, not beyond a linear filter"),
        ("undecided", "Verdict: undecided"),
    ],
)
def test_the_title_is_the_verdict_and_turns_with_it(verdict, title):
    cube = make_cube(verdict=verdict, conditions=("structured", "resample", "phase"))
    ax = AssessmentDisplay.from_cube(cube).ax_
    assessed = "GRUPredictor on OscillatorWorld"
    assert ax.get_title(loc="left").replace("\n", " ") == f"{title} {assessed}"
    # Verdicts of before there were claims followed from other rules.
    ax = AssessmentDisplay.from_cube(cube.drop_vars("claim_state")).ax_
    assert ax.get_title(loc="left").startswith("Verdict by earlier rules: ")


def test_the_title_says_which_configuration_it_is():
    cube = make_cube(sizes=[2, 4])
    ax = AssessmentDisplay.from_cube(cube, hidden_size=4).ax_
    assert ax.get_title(loc="left").endswith("GRUPredictor on OscillatorWorld, hidden size 4")


def test_lines_are_named_where_they_are():
    cube = make_cube()
    ax = AssessmentDisplay.from_cube(cube).ax_
    names = names_beside(ax)
    here = cube.sel(condition="structured", seed=0)
    assert names["best possible"] == pytest.approx((here.nll_reference - here.nll_optimal).item())
    # The best of the panel is chosen on training data: the evaluation may favour another.
    best = (here.nll_reference - here.nll_best_baseline).item()
    assert names["a time-varying linear filter"] == pytest.approx(best)
    assert names["reference: persistence"] == 0
    heights = [c.get_segments()[0][0, 1] for c in ax.collections if c.get_linestyle()[0][1]]
    assert pytest.approx(best) in heights
    same = names_beside(AssessmentDisplay.from_cube(make_cube(best_baseline="persistence")).ax_)
    assert "persistence" not in same
    assert names_beside(CapacityCurveDisplay.from_cube(make_cube(sizes=[2, 4])).ax_).keys() >= {
        "best possible",
        "a time-varying linear filter",
        "reference: persistence",
        "all weights",
    }


def test_lines_of_every_panel_are_named_or_said_in_the_footer():
    cube = make_cube(conditions=("structured", "resample", "phase"))
    cube.reference[dict(condition=2)] = "mean"
    wide = AssessmentDisplay.from_cube(cube).ax_
    assert [text.get_text() for text in wide.texts].count("best possible") == 3
    assert not any("without a name" in text for text in names_beside(wide))
    _, ax = plt.subplots(figsize=(5, 3.5))
    narrow = AssessmentDisplay.from_cube(cube, ax=ax).ax_
    assert [text.get_text() for text in narrow.texts].count("best possible") == 1
    said = "Lines without a name: as in the world; in phases randomised, reference: the mean."
    assert any(said in text for text in names_beside(narrow))


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


def test_displays_take_an_assessment_a_cube_and_a_file(fitted, tmp_path):
    fitted.to_netcdf(tmp_path / "cube.nc")
    figure, axes = plt.subplots(1, 2)
    first = AssessmentDisplay.from_cube(tmp_path / "cube.nc", ax=axes[0], hidden_size=4)
    second = CapacityCurveDisplay.from_cube(str(tmp_path / "cube.nc"), ax=axes[1])
    assert first.figure_ is second.figure_ is figure
    for source in (fitted, fitted.cube_, tmp_path / "cube.nc"):
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


def test_what_is_left_out_of_a_figure_is_said(fitted_single):
    left_out = "Not shown: networks of which nothing was trained."
    assert left_out in footer(fitted_single.cube_, ["full", "readout"])
    assert left_out not in footer(fitted_single.cube_, ["full", "random"])
    assert left_out not in footer(fitted_single.cube_.sel(mode=["full"]), ["full"])


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
        ("bars", "kind='bars' is not known; choose from gains, capacity, decoding, memory, traj"),
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


def test_decoding_display_shows_one_configuration_of_each_cube(fitted, fitted_single):
    cubes = {"single": fitted_single.cube_, "four": fitted.cube_.sel(hidden_size=4)}
    left, right = DecodingDisplay.from_cube(cubes).axes_
    assert "score of decoding" in left.get_ylabel()
    assert "nats per step" in right.get_ylabel()
    # Every latent, from the untrained core, the trained one, and the last inputs.
    assert [t.get_text() for t in left.get_xticklabels()] == ["x", "y"] * 2
    here = [cube.sel(condition="structured") for cube in cubes.values()]
    means = [
        value.sel(latent=latent).mean().item()
        for cube in here
        for latent in ("x", "y")
        for value in (
            cube.probe_score.sel(mode="full"),
            cube.probe_score.sel(mode="readout"),
            cube.probe_score_window,
        )
    ]
    assert np.allclose([height for _, height in diamonds(left)], means)
    names = [text.get_text() for text in right.get_legend().get_texts()]
    # As in the figure of gains.
    assert names == ["all weights", "readout only", "the last inputs alone"]
    assert left.get_ylim()[0] < 0 < 1 < left.get_ylim()[1]
    with pytest.raises(ValueError, match="'grid': 'hidden_size' left open.*select one"):
        DecodingDisplay.from_cube({"grid": fitted.cube_})


@pytest.mark.parametrize(
    ("name", "score"), [("oscillator-gru", "R²"), ("regime-time-gru", "D²"), ("both", "R² or D²")]
)
def test_the_axis_of_decoding_says_which_score_it_is(name, score):
    names = ["oscillator-gru", "regime-time-gru"] if name == "both" else [name]
    cubes = {each: cases_of(load_cube(CUBES / f"{each}-corrected.nc"))[0].cube for each in names}
    display = DecodingDisplay.from_cube(cubes)
    label = display.axes_[0].get_ylabel().replace("\n", " ")
    assert label == f"score of decoding (cross-validated {score})"
    cube = cubes[names[0]].sel(condition="structured")
    latent = cube.latent.values[0]
    trained, untrained = (
        in_digits(cube.probe_score.sel(mode=mode, latent=latent).mean().item())[0]
        for mode in ("full", "readout")
    )
    said = f"{latent}: {untrained} from untrained states, {trained} from trained states"
    assert said in repr(display)


def test_scores_do_not_exceed_one():
    cube = make_cube()
    cube.probe_score[dict(seed=0)] = 0.5
    left, _ = DecodingDisplay.from_cube(cube).axes_
    ends = [line.get_ydata() for line in left.lines if line.get_linestyle() == "-"]
    assert max(np.max(end) for end in ends) == 1
    assert any("Intervals end at what is possible." in text for text in names_beside(left))


def test_an_experiment_without_latents_says_so():
    left, _ = DecodingDisplay.from_cube(
        {"with": make_cube(), "without": make_cube().drop_dims("latent")}
    ).axes_
    assert "no latents" in [t.get_text().replace("\n", " ") for t in left.get_xticklabels()]


def test_displays_draw_the_ceiling(fitted):
    ax = CapacityCurveDisplay.from_cube(fitted.cube_).ax_
    (line,) = [line for line in ax.lines if line.get_label() == "best possible"]
    grid = fitted.cube_.sel(condition="structured")
    possible = (grid.nll_reference - grid.nll_optimal).mean("seed")
    np.testing.assert_allclose(line.get_ydata(), possible)


def test_a_bound_is_not_called_the_best_possible():
    assert "best possible" in names_beside(AssessmentDisplay.from_cube(make_cube()).ax_)
    names = names_beside(AssessmentDisplay.from_cube(make_cube(ceiling="bound")).ax_)
    assert "best known" in names
    assert "best possible" not in names
    unknown = names_beside(AssessmentDisplay.from_cube(make_cube(ceiling="unknown")).ax_)
    assert not {"best possible", "best known"} & set(unknown)


def test_decoding_display_has_no_mean_of_what_diverged(fitted_single):
    cube = fitted_single.cube_.copy(deep=True)
    cube.delta_nll[dict(seed=0)] = np.nan
    assert not diamonds(DecodingDisplay.from_cube({"diverged": cube}).axes_[1])


@pytest.mark.parametrize("display", [AssessmentDisplay.from_cube, DecodingDisplay.from_cube])
def test_a_display_says_that_matplotlib_is_needed(display, fitted_single, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="need matplotlib.*pip install matplotlib"):
        display(fitted_single.cube_)


DRAWN = {
    "gains": AssessmentDisplay.from_cube,
    "p": lambda cube: AssessmentDisplay.from_cube(cube, modes=cube.mode.values, note="p"),
    "decoding": DecodingDisplay.from_cube,
    "several": lambda cube: DecodingDisplay.from_cube(
        {"oscillator-nonstationary-gru": cube, "a first one": cube}
    ),
    "memory": MemoryDisplay.from_cube,
    "trajectory": TrajectoryDisplay.from_cube,
    "log": lambda cube: TrajectoryDisplay.from_cube(cube, along="condition", xscale="log"),
    "capacity": CapacityCurveDisplay.from_cube,
}
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


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", DRAWN)
def test_no_labels_overlap_or_leave_the_figure(kind, case):
    sizes = [1, 2, 4, 8, 16, 512] if kind == "capacity" else None
    check_texts(DRAWN[kind](make_cube(sizes=sizes, **CASES[case])).figure_)


# Of notebooks, of axes that are given, of the command line.
SIZES = {"thumbnail": (6, 3), "axes": (5, 3.5), "command line": (6.4, 4.2)}


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", [case for case in CASES if case != "many"])
@pytest.mark.parametrize("kind", ["gains", "memory", "trajectory", "capacity"])
def test_small_figures_are_readable(kind, case, size):
    cube = make_cube(sizes=[2, 4, 8] if kind == "capacity" else None, **CASES[case])
    given = {"layout": "constrained"} if size != "axes" else {}
    figure, ax = plt.subplots(figsize=SIZES[size], **given)
    DRAWN[kind](cube, ax=ax)
    check_texts(figure)
    check_room(ax)


@pytest.mark.filterwarnings("error::UserWarning")
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
    check_room(ax)
    if size != "axes":
        assert {tick.get_rotation() for tick in ax.get_xticklabels()} == {0}


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("kind", ["gains", "decoding", "memory", "trajectory"])
def test_no_labels_overlap_where_networks_diverged(kind):
    cube = make_cube()
    for name in ("delta_nll", "ci_low", "ci_high", "nll_memory", "nll_trajectory", "probe_score"):
        cube[name].loc[{"mode": "readout"}] = np.nan
    cube.delta_nll[dict(seed=0)] = np.nan
    check_texts(DRAWN[kind](cube).figure_)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("kind", DRAWN)
def test_dollar_signs_in_names_are_no_formulas(kind):
    sizes = ["$_$", "$b_$"] if kind == "capacity" else None
    cube = make_cube(sizes=sizes, reference="$r_$", best_baseline="$a_$", verdict="$v_$")
    cube = cube.assign_coords(latent=["$x_$", "y"])
    cube.nll_trajectory.attrs["long_name"] = "$m_$"
    # What is no formula is drawn; this one would be an error.
    check_texts(DRAWN[kind](cube).figure_)


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


def test_memory_of_networks_that_all_diverged_leaves_what_is_compared():
    cube = make_cube()
    cube.nll_memory[:] = np.nan
    display = MemoryDisplay.from_cube(cube)
    assert display.lines_ == {}
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names[:2] == ["all weights: diverged", "readout only: diverged"]
    bottom, top = display.ax_.get_ylim()
    assert all(bottom < loss < top for loss in display.baselines.values())


@pytest.mark.parametrize("kind", ["capacity", "decoding", "memory", "trajectory"])
def test_a_cube_without_the_world_is_not_shown(kind):
    cube = make_cube(sizes=[2] if kind != "capacity" else [2, 4]).sel(condition=["resample"])
    message = r"'condition': 'structured' is not in the cube; its values are \['resample'\]"
    with pytest.raises(ValueError, match=message):
        DRAWN[kind](cube)


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


def test_displays_leave_the_settings_of_matplotlib_alone():
    before = dict(plt.rcParams)
    for draw in DRAWN.values():
        draw(make_cube(sizes=[2]))
    assert dict(plt.rcParams) == before


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


def test_emergence_curve_display_writes_its_location():
    X = np.array([1, 4, 16, 64, 256.0])
    curve = EmergenceCurve().fit(X[:, np.newaxis], 1 / (1 + (X / 20) ** -2))
    display = EmergenceCurveDisplay.from_estimator(curve, label="width")
    (said,) = display.ax_.get_legend().get_texts()
    low, high = curve.interval("location")
    assert said.get_text() == f"width: location 20 (95%: {low:.3g} to {high:.3g})"
    assert "location 20" in repr(display)
    assert [t.get_text() for t in display.ax_.get_xticklabels() if t.get_text()]
    check_texts(display.figure_)


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


def test_a_fitted_curve_says_what_it_found():
    X = np.array([1, 4, 16, 64, 256.0])
    curve = EmergenceCurve(chance=0.1)
    assert repr(curve) == "EmergenceCurve(chance=0.1)"
    curve = EmergenceCurve().fit(X, 1 / (1 + (X / 20) ** -2))
    assert repr(curve) == "<EmergenceCurve() fitted to 5 points: location 20, sharpness 2>"


def test_the_figure_of_a_curve_names_its_location_and_its_bands():
    X = np.array([1, 4, 16, 64, 256.0])
    curve = EmergenceCurve().fit(X, 1 / (1 + (X / 20) ** -2))
    ax = EmergenceCurveDisplay.from_estimator(curve, confidence=0.9).ax_
    names = names_beside(ax)
    assert "location" in names
    assert any(text.startswith("5 points. Curve and band: fitted, pointwise 90%") for text in names)
    # Several curves may be drawn into given axes: what a footer says of one is not true of all.
    _, ax = plt.subplots()
    for label in ("one", "two"):
        EmergenceCurveDisplay.from_estimator(curve, label=label, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["location", "location"]


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


def test_trajectory_display_shows_means_and_names_what_is_open():
    world = OscillatorWorld(n_steps=20)
    cube = (
        small_assessment(
            world=world, record_at=[0, 2, 4], measures={"edges": first_and_last}, n_seeds=3
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


@pytest.mark.parametrize("bounds", [None, (None, 1.0), (0.0, None)])
def test_bands_end_at_what_is_possible(bounds):
    cube = make_cube(n_seeds=3)
    cube["probe_trajectory"] = cube.nll_trajectory * 0 + xr.DataArray([0, 0.9, 1.0], dims="seed")
    ax = TrajectoryDisplay.from_cube(cube, "probe", bounds=bounds).ax_
    heights = np.concatenate([band.get_paths()[0].vertices[:, 1] for band in ax.collections])
    low, high = bounds or (None, None)
    assert (heights.min() < 0) == (low is None)
    assert (heights.max() > 1) == (high is None)


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


def test_figures_of_the_page_on_linear_systems(tmp_path, monkeypatch):
    folder = Path(__file__).parents[2] / "docs"
    spec = importlib.util.spec_from_file_location("page", folder / "make_linear_systems.py")
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    monkeypatch.setattr(page, "FIGURES", tmp_path)
    page.main()
    committed = {path.name for path in (folder / "figures").glob("linear-systems-*.png")}
    assert {path.name for path in tmp_path.glob("*.png")} == committed
    check_texts(page.network_figure())
    for ax in page.source_figure().axes:
        short, long, published = (line.get_ydata() for line in ax.lines)
        np.testing.assert_allclose(published, np.concatenate([short, long]), atol=0.01)


@pytest.mark.parametrize(
    ("recipe", "protocol"),
    [
        ("recurrent-figure-1", "published"),
        ("recurrent-figure-2", "published"),
        ("recurrent-drift", "corrected"),
        ("triangle-figure-2c", "published"),
        ("triangle-sparse", "corrected"),
        ("emergence-complexity", "corrected"),
    ],
)
def test_no_labels_of_recipes_overlap(recipe, protocol):
    names = RECIPES[recipe].experiments
    figure = Figure(layout="constrained")
    draw_recipe(
        recipe, {name: load_cube(CUBES / f"{name}-{protocol}.nc") for name in names}, figure
    )
    check_texts(figure)


def test_titles_say_where_a_panel_is():
    cube = make_cube(sizes=[2, 4]).rename(hidden_size="model__hidden_size")
    title = "GRUPredictor on OscillatorWorld"
    assert CapacityCurveDisplay.from_cube(cube).ax_.get_title(loc="left") == title
    null = CapacityCurveDisplay.from_cube(cube, condition="resample").ax_
    assert null.get_title(loc="left") == f"{title}, order destroyed"
    assert null.get_xlabel() == "hidden size"
    one = TrajectoryDisplay.from_cube(cube, along="condition", model__hidden_size=4).ax_
    assert one.get_title(loc="left") == f"{title}, all weights, hidden size 4"


@pytest.mark.parametrize(
    ("fall", "said"),
    [
        (0.065, "falls by 0.065"),
        (-0.065, "rises by 0.065"),
        (np.nan, ""),
        (1e-6, "changes by less than 0.0001"),
        (-1e-6, "changes by less than 0.0001"),
    ],
)
def test_a_loss_that_rises_is_not_said_to_fall(fall, said):
    assert fall_in_words(fall) == said


@pytest.mark.parametrize("name", WORLDS)
def test_pictures_of_worlds_say_what_they_show(name):
    world = make_world(name)
    figure = Figure(figsize=(6.4, 2.4), layout="constrained")
    ax = figure.subplots()
    draw_sequences(world, ax)
    title = ax.get_title(loc="left")
    assert title.startswith(type(world).__name__)
    assert ("black: 1, white: 0" in title) == (world.observation == "binary")
    check_texts(figure)
    # Tokens are whole, here and in the terminal.
    if name == "triangle":
        (text,) = ax.texts
        for row in [text.get_text(), *rows_of(world)]:
            assert all(re.fullmatch(r"[a-d]\d+|[|.]|<\w+>|\.\.\.", token) for token in row.split())
