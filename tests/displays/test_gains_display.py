"""Gains of one configuration: means, notes, footers, titles and lines."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figure_checks import CUBES, diamonds, make_cube, names_beside

from sklearn_emerge import AssessmentDisplay, CapacityCurveDisplay, explain, load_cube
from sklearn_emerge.assessment._case import cases_of
from sklearn_emerge.assessment._words import in_digits
from sklearn_emerge.displays._captions import footer

pytestmark = pytest.mark.usefixtures("close_figures")


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


def test_what_is_left_out_of_a_figure_is_said(fitted_single):
    left_out = "Not shown: networks of which nothing was trained."
    assert left_out in footer(fitted_single.cube_, ["full", "readout"])
    assert left_out not in footer(fitted_single.cube_, ["full", "random"])
    assert left_out not in footer(fitted_single.cube_.sel(mode=["full"]), ["full"])


def test_a_bound_is_not_called_the_best_possible():
    assert "best possible" in names_beside(AssessmentDisplay.from_cube(make_cube()).ax_)
    names = names_beside(AssessmentDisplay.from_cube(make_cube(ceiling="bound")).ax_)
    assert "best known" in names
    assert "best possible" not in names
    unknown = names_beside(AssessmentDisplay.from_cube(make_cube(ceiling="unknown")).ax_)
    assert not {"best possible", "best known"} & set(unknown)
