"""Figures of tasks: when they emerge, floors, layers, trajectories and leads."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from figure_checks import check_texts, shown_texts
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from trajectories import DRAWN, STEPS, draw_floors, draw_leads, draw_map, events_of, make_anatomy

from sklearn_emerge import (
    CollapseFloorDisplay,
    EmergenceMapDisplay,
    EventTrajectoryDisplay,
    LayerProfileDisplay,
    LeadsDisplay,
)
from sklearn_emerge.geometry import (
    collapse_floor,
    count_leads,
    layer_order,
    leads,
    precursor_test,
    rankme_of_noise,
    scale_invariance,
)
from sklearn_emerge.inference import adjust_p_values, student_interval

pytestmark = pytest.mark.usefixtures("close_figures")
FEW = {"tasks": ("COPY", "PAR", "MUL"), "sizes": ("1x64", "2x128")}


@pytest.fixture(scope="module")
def data():
    return make_anatomy(**FEW)


@pytest.fixture(scope="module")
def one_size(data):
    return data.sel(size="2x128").drop_vars(["n_parameters", "size"])


def said(figure):
    """Return all that is written in a figure."""
    return " ".join(text.get_text().replace("\n", " ") for text in shown_texts(figure))


def test_a_map_has_the_median_update_of_each_size(data):
    emergence, _ = events_of(data)
    exact = emergence["exact match"].copy()
    # One of five seeds more or less does not move the median to nowhere; three do.
    exact.loc[{"task": "COPY", "level": 1, "size": "1x64", "seed": [0]}] = np.nan
    exact.loc[{"task": "COPY", "level": 2, "size": "1x64", "seed": [0, 1, 2]}] = np.nan
    ax = EmergenceMapDisplay.from_events(exact, STEPS).axes_[0]
    (mesh,) = ax.collections
    shown = mesh.get_array()
    assert [tick.get_text() for tick in ax.get_yticklabels()][:4] == [
        "COPY 1",
        "COPY 2",
        "COPY 3",
        "PAR 1",
    ]
    by_row = exact.stack(row=("task", "level")).transpose("row", "size", "seed").values
    expected = np.median(np.where(np.isnan(by_row), np.inf, by_row), axis=2)
    np.testing.assert_array_equal(shown[np.isfinite(expected)], expected[np.isfinite(expected)])
    assert np.isinf(expected[1, 0])
    grey = mesh.cmap.get_over()
    np.testing.assert_allclose(mesh.to_rgba(shown)[1, 0], grey)
    np.testing.assert_allclose(mesh.to_rgba(shown)[5], [grey, grey])
    assert not np.allclose(mesh.to_rgba(shown)[0, 0], grey)
    # Of COPY 1 and 2, and where none of both sizes has emerged.
    assert sorted(text.get_text() for text in ax.texts) == [*["0/5"] * 4, "2/5", "4/5"]
    assert f"{exact.notnull().sum().item()} of {exact.size} emerged" in said(ax.figure)
    assert "not by 10,560" in said(ax.figure)


def test_a_map_of_one_size_has_a_column_a_seed(one_size):
    emergence, _ = events_of(one_size)
    ax = EmergenceMapDisplay.from_events(emergence["gain"], STEPS).axes_[0]
    assert ax.get_xlabel() == "seed"
    assert ax.collections[0].get_array().shape == (9, 5)
    # The colour says it of one seed.
    assert not ax.texts


def test_the_title_of_one_map_stands_apart_from_the_name_of_its_colours():
    emergence, _ = events_of(make_anatomy(n_seeds=3))
    display = EmergenceMapDisplay.from_events(emergence["gain"], STEPS)
    check_texts(display.figure_)
    title = display.axes_[0].get_title(loc="left")
    boxes = {text.get_text(): text.get_window_extent() for text in shown_texts(display.figure_)}
    # A space of letters of this size is 4 pixels wide.
    around = boxes.pop(title).padded(4)
    assert "updates" in boxes
    assert not [text for text, box in boxes.items() if box.overlaps(around)]


def test_a_map_marks_what_is_false(data):
    display = draw_map(data)
    ax = display.axes_[0]
    places = {line.get_marker(): line.get_ydata().tolist() for line in ax.lines}
    # The last levels of two tasks depart and never emerge.
    assert sorted(set(places["^"])) == [5, 8]
    assert "X" not in places
    assert "false alarms, RankMe departed alone: 20 of 90 (exact match)" in said(ax.figure)
    assert "in the null world: 0 of 90 (exact match)" in said(ax.figure)
    emergence = display.emergence
    null = {name: each.where(each.task == "COPY") for name, each in emergence.items()}
    ax = EmergenceMapDisplay.from_events(emergence, STEPS, null_emergence=null).axes_[1]
    (crosses,) = ax.lines
    assert sorted(set(crosses.get_ydata())) == [0, 1, 2]
    assert "in the null world: 30 of 90 (exact match), 30 of 90 (gain)" in said(ax.figure)


def test_a_map_on_which_nothing_emerged_says_so(one_size):
    emergence, departure = events_of(one_size)
    display = EmergenceMapDisplay.from_events(
        emergence["gain"] * np.nan, STEPS, departure=departure
    )
    assert "Nothing emerged by 10,560 updates." in said(display.figure_)
    assert "45 of 45" in said(display.figure_)
    assert repr(display) == "<EmergenceMapDisplay: emerged by 10,560 updates: emergence 0 of 45>"


def test_a_map_refuses_what_it_cannot_show(data):
    emergence, departure = events_of(data)
    with pytest.raises(ValueError, match="null_emergence has the behaviours other, and emergence"):
        EmergenceMapDisplay.from_events(
            emergence, STEPS, null_emergence={"other": emergence["gain"]}
        )
    with pytest.raises(ValueError, match="has the dimension layer; select one of it"):
        EmergenceMapDisplay.from_events(emergence["gain"].expand_dims("layer"), STEPS)
    with pytest.raises(ValueError, match="has an event at .* where no visit was"):
        EmergenceMapDisplay.from_events(emergence["gain"] + 1, STEPS)
    with pytest.raises(ValueError, match="departure.* has other labels of task"):
        EmergenceMapDisplay.from_events(emergence, STEPS, departure=departure.isel(task=[0]))
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="axes has 1 axes for 2 behaviours, exact match, gain"):
        EmergenceMapDisplay.from_events(emergence, STEPS, axes=ax)


def test_floors_are_those_of_the_analysis_with_what_noise_has(data):
    rankme = data.rankme.sel(layer="hidden")
    ax = draw_floors(data).ax_
    means = [line.get_ydata() for line in ax.lines if line.get_marker() == "D"]
    expected = np.exp(collapse_floor(np.log(rankme))["mean"]).stack(row=("task", "level"))
    np.testing.assert_allclose(means, expected.transpose("size", "row"))
    noise = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert noise[0].get_ydata()[0] == pytest.approx(rankme_of_noise(200, 128))
    assert noise[0].get_label() == "noise: 200 rows, 128 units"
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[1] > rankme_of_noise(200, 128)
    ax = CollapseFloorDisplay.from_measure(rankme, n_rows=200, n_units=[64, 128]).ax_
    heights = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(heights, [rankme_of_noise(200, d) for d in (64, 128)])
    assert "noise: 200 rows, 64 to 128 units" in said(ax.figure)
    # The participation ratio has no bias of few rows.
    other = rankme.rename("participation_ratio")
    display = CollapseFloorDisplay.from_measure(other, n_units=128)
    assert (display.noise, display.noise_name) == ([128.0], "noise: 128 units")
    assert display.label == "floor of participation ratio (directions)"


def bars_of(ax):
    """Return the lower and upper ends of vertical bars."""
    return np.concatenate([[path[:, 1] for path in each.get_segments()] for each in ax.collections])


def test_intervals_of_floors_are_those_of_the_axis():
    # The interval of the mean itself begins below zero.
    floors = np.array([1.1, 3.0, 5.0])
    assert student_interval(floors).low < 0
    measure = xr.DataArray(
        [[[40, floor] for floor in floors]],
        dims=("task", "seed", "step"),
        coords={"task": ["ADD"], "step": [0, 100]},
        name="rankme",
    )
    ax = CollapseFloorDisplay.from_measure(measure).ax_
    logs = student_interval(np.log(floors))
    np.testing.assert_allclose(bars_of(ax), [np.exp([logs.low, logs.high])])
    assert ax.get_ylim()[0] < np.exp(logs.low) < np.exp(logs.high) < ax.get_ylim()[1]
    assert "geometric mean, 95% interval (Student's, of ln floor)" in said(ax.figure)
    assert "cut at the frame" not in said(ax.figure)
    # Where an axis is linear nothing has a logarithm.
    ax = CollapseFloorDisplay.from_measure(measure.copy(data=measure - 2), confidence=0.9).ax_
    assert ax.get_yscale() == "linear"
    plain = student_interval(floors - 2, confidence=0.9)
    np.testing.assert_allclose(bars_of(ax), [[plain.low, plain.high]])
    assert "diamonds, bars: mean, 90% interval (Student's)." in said(ax.figure)
    assert "1 of the bars cut at the frame." in said(ax.figure)


def test_seeds_of_floors_can_be_seen(data):
    ax = draw_floors(data).ax_
    sizes = {line.get_marker(): line.get_markersize() for line in ax.lines}
    assert 3 <= sizes["o"] < sizes["D"]


def test_footers_of_floors_say_where_sizes_differ(data):
    display = draw_floors(data)
    p_values = scale_invariance(display.floors.floor).p_difference
    n_differ = int((adjust_p_values(p_values.values) <= 0.05).sum())
    assert 0 < n_differ < 9
    assert f"Sizes differ in {n_differ} of 9 task-levels" in said(display.figure_)
    # One run a size does not tell.
    assert "Sizes differ" not in said(draw_floors(data.isel(seed=[0])).figure_)


def test_the_title_of_floors_follows_their_equivalence():
    # Of the last task alone the floor grows with the size.
    data = make_anatomy(tasks=("COPY", "PAR", "MUL"))
    display = draw_floors(data)
    assert display.ax_.get_title(loc="left").replace("\n", " ") == (
        "Floors of 9 task-levels: trend with size in 3, no trend in 6, undecided in 0"
    )
    assert "Trend with size: MUL 1, MUL 2, MUL 3." in said(display.figure_)
    # What still falls at the end of its window is no floor.
    rankme = data.rankme.sel(layer="hidden")
    falling = CollapseFloorDisplay.from_measure(rankme, window=(0, 60))
    trends = int((falling.invariance.verdict == "trend").sum())
    late = f"trend with size in {trends} (in {trends} of these, runs may still fall), no trend"
    assert trends
    assert late in falling.ax_.get_title(loc="left").replace("\n", " ")
    two = draw_floors(data.isel(seed=[0], size=[0, 1]))
    assert "undecided in 9" in said(two.figure_)
    one = draw_floors(data.isel(size=[0], seed=[0]))
    assert one.ax_.get_title(loc="left").startswith("Floors from ")
    assert "1 seed, and no interval" in said(one.figure_)


def test_floors_refuse_what_they_cannot_show(data):
    rankme = data.rankme.sel(layer="hidden")
    with pytest.raises(ValueError, match="no numbers of parameters; take it from what join_sizes"):
        CollapseFloorDisplay.from_measure(rankme.drop_vars("n_parameters"))
    with pytest.raises(ValueError, match="n_units has 3 numbers for 2 sizes"):
        CollapseFloorDisplay.from_measure(rankme, n_rows=200, n_units=[1, 2, 3])
    with pytest.raises(ValueError, match="pass n_rows=200"):
        CollapseFloorDisplay.from_measure(rankme, n_units=64)
    with pytest.raises(ValueError, match="not of 'loss'; leave out n_units"):
        CollapseFloorDisplay.from_measure(rankme.rename("loss"), n_rows=200, n_units=64)
    with pytest.raises(ValueError, match="has the dimension layer"):
        CollapseFloorDisplay.from_measure(data.rankme)
    with pytest.raises(ValueError, match="holds no visit at which the measure was recorded"):
        CollapseFloorDisplay.from_measure(rankme * np.nan)


def test_layers_are_shown_at_the_floor_and_at_the_end(one_size):
    display = LayerProfileDisplay.from_measure(one_size.rankme)
    left, right = display.axes_
    floor = collapse_floor(one_size.rankme).floor.mean(("level", "seed")).sel(task="COPY")
    end = one_size.rankme.isel(step=-1).mean(("level", "seed")).sel(task="COPY")
    for ax, values in ((left, floor), (right, end)):
        np.testing.assert_allclose(ax.lines[0].get_ydata(), values[1:3])
        # The state after the norm is not joined to those of blocks, and is open.
        assert ax.lines[1].get_ydata()[0] == pytest.approx(values[3].item())
        assert ax.lines[1].get_markerfacecolor() == "white"
        words = [label.get_text() for label in ax.get_xticklabels()]
        assert words == ["block\n1", "block\n2", "after\nnorm"]
    order = layer_order(one_size.rankme.isel(layer=[1, 2]))
    assert order.share.sel(claim="gradient") == 1
    assert "Deeper blocks have lower floors in 100% of task-levels (p = 0.031)" in said(
        display.figure_
    )
    assert "Not shown: embedding, 0 throughout" in said(display.figure_)


def test_tasks_on_layers_have_colours_that_can_be_told_apart():
    data = make_anatomy(n_seeds=2, levels=(1,), sizes=("2x128",)).isel(size=0)
    ax = LayerProfileDisplay.from_measure(data.rankme).axes_[1]
    colors = np.array([to_rgb(text.get_color()) for text in ax.texts])
    assert len(colors) == 8
    # Lines to names begin beside the points of the last layer.
    assert all(2 < text.xy[0] < 2.1 for text in ax.texts)
    apart = np.linalg.norm(colors[:, np.newaxis] - colors, axis=2)[np.triu_indices(8, k=1)]
    # Among as many of viridis neighbours are 0.12 apart.
    assert apart.min() > 0.2
    lines = {to_rgb(line.get_color()) for line in ax.lines}
    assert lines == set(map(tuple, colors))


def test_the_claim_about_layers_turns_with_the_data(one_size):
    turned = one_size.rankme.isel(layer=[2, 1]).assign_coords(layer=["1", "2"])
    display = LayerProfileDisplay.from_measure(turned)
    assert "lower floors in 0% of task-levels (p = 1)" in said(display.figure_)
    one_seed = LayerProfileDisplay.from_measure(one_size.rankme.isel(seed=[0]))
    assert "Of one seed there is no order of layers" in said(one_seed.figure_)
    one_block = LayerProfileDisplay.from_measure(one_size.rankme.isel(layer=[0, 1, 3]))
    assert "Of one block there is no order of layers" in said(one_block.figure_)
    assert "lines" in said(display.figure_).lower()
    assert "lines" not in said(one_block.figure_).lower()
    with pytest.raises(ValueError, match="axes has 1 axes; pass two"):
        one_block.plot(axes=plt.gca())


def trajectories(data, **place):
    emergence, _ = events_of(data)
    return EventTrajectoryDisplay.from_trajectories(
        {"exact match": data.exact_match, "gain": data.gain},
        data.rankme.sel(layer="hidden"),
        emergence=emergence,
        **place,
    )


def test_events_stand_where_they_were(one_size):
    display = trajectories(one_size, task="MUL", level=2)
    emergence, departure = events_of(one_size)
    here = {"task": "MUL", "level": 2}
    top, bottom = display.axes_
    for ax, marker, event in (
        (top, "o", emergence["exact match"]),
        (bottom, "^", departure),
        (bottom, "v", collapse_floor(one_size.rankme.sel(layer="hidden")).floor_step),
    ):
        marked = next(line for line in ax.lines if line.get_marker() == marker)
        np.testing.assert_array_equal(marked.get_xdata(), event.sel(here))
    # A point stands on the line of its seed.
    circles = next(line for line in top.lines if line.get_marker() == "o")
    exact = one_size.exact_match.sel(here)
    heights = [exact.sel(seed=s, step=circles.get_xdata()[s]).item() for s in range(5)]
    np.testing.assert_allclose(circles.get_ydata(), heights)
    assert "MUL, level 2: RankMe departs before exact match emerges in 5 of 5 seeds" in said(
        display.figure_
    )


def test_curves_that_are_cut_are_told(one_size):
    place = {"task": "MUL", "level": 2}
    assert "Cut at the frame" not in said(trajectories(one_size, **place).figure_)
    low = one_size.copy()
    low["gain"] = one_size.gain.where(one_size.step > 0, -3)
    display = trajectories(low, **place)
    assert display.axes_[0].get_ylim()[0] == -0.5
    assert "Cut at the frame: gain below -0.5." in said(display.figure_)


def test_events_that_never_were_are_told(one_size):
    display = trajectories(one_size, task="MUL", level=3)
    words = said(display.figure_)
    assert "MUL, level 3: exact match does not emerge; gain does not emerge" in words
    assert "Not by 10,560 updates: exact match in 5, gain in 5 of 5." in words
    assert repr(display).endswith("exact match never, gain never>")
    rankme = one_size.rankme.sel(layer="hidden")
    flat = EventTrajectoryDisplay.from_trajectories(
        one_size.gain, rankme * 0 + 3, task="MUL", level=3
    )
    assert "RankMe: does not depart" in said(flat.figure_)


def test_trajectories_refuse_what_they_cannot_show(one_size):
    with pytest.raises(ValueError, match="'level' left open: there are 3 values"):
        trajectories(one_size, task="COPY")
    with pytest.raises(ValueError, match="'colour' is not a dimension of what is shown"):
        trajectories(one_size, task="COPY", level=1, colour="red")
    with pytest.raises(ValueError, match="emergence has 'other', and behaviours are a, b"):
        EventTrajectoryDisplay.from_trajectories(
            {"a": one_size.gain, "b": one_size.gain},
            one_size.rankme.sel(layer="hidden"),
            emergence={"other": one_size.gain},
        )


def test_leads_are_counted_in_words_and_have_their_verdict(one_size):
    emergence, departure = events_of(one_size)
    null = departure.copy(data=np.roll(departure.values, 1, axis=departure.dims.index("seed")))
    display = LeadsDisplay.from_events(departure, emergence, STEPS, null_departure=null)
    words = said(display.figure_)
    for pairs, counts in (
        ("own", count_leads(leads(departure, emergence, STEPS))),
        ("other", count_leads(leads(departure, emergence, STEPS, pairs="other"))),
        ("null", count_leads(leads(null, emergence, STEPS))),
    ):
        for behaviour, row in counts.iterrows():
            n = row[["early", "synchronous", "late", "missed"]].sum()
            share = f"leads {row.early:.0f} of {n:.0f} ({100 * row.precursor_rate:.0f}%)"
            alarms = f"{row['false alarm']:.0f} false alarms"
            assert f"{share}, {alarms}" in words, (pairs, behaviour)
    verdict = precursor_test(
        {"rankme": departure}, emergence, STEPS, null_departure={"rankme": null}
    ).verdicts.iloc[0]
    assert verdict.verdict == "early"
    assert f"RankMe is early; {verdict.reason}" in words
    # Bars of a row are all of its pairs with an event.
    heights = [bar.get_height() for bar in display.axes_[0].patches]
    assert max(heights) == pytest.approx(0.56)


def test_the_verdict_on_leads_turns_with_the_data():
    rng = np.random.default_rng(0)
    dims = "task", "seed"
    steps = np.arange(0, 4001, 10)
    departure = xr.DataArray(10 * rng.integers(10, 30, (12, 6)), dims=dims, name="rankme")
    follows = LeadsDisplay.from_events(
        departure, 4 * departure, steps, null_departure=2 * departure
    )
    assert "RankMe is a precursor: order, null world and coupling" in said(follows.figure_)
    before = LeadsDisplay.from_events(4 * departure, departure, steps)
    assert "RankMe is late" in said(before.figure_)


def test_leads_without_a_null_world_say_what_is_not_tested(one_size):
    emergence, departure = events_of(one_size)
    display = LeadsDisplay.from_events(departure, emergence, STEPS)
    words = said(display.figure_)
    assert "RankMe is early; without a null world a precursor cannot be tested" in words


def test_lines_on_leads_are_told_and_do_not_cross_counts(one_size):
    display = draw_leads(one_size)
    assert "black lines: medians of all pairs with bars" in said(display.figure_)
    found = display.found["own"].sel(behaviour="gain").log_lead.values.ravel()
    median = np.median(found[np.isfinite(found)]) / np.log(2)
    ax = display.axes_[1]
    assert median in [line.get_xdata()[0] for line in ax.lines if line.get_color() == "black"]
    at_one = [line for line in ax.lines if set(line.get_xdata()) == {0}]
    assert at_one
    counts = [Text.get_window_extent(text) for text in ax.texts if "leads" in text.get_text()]
    assert len(counts) == 3
    for line in at_one:
        box = line.get_window_extent()
        assert not any(box.y0 < count.y1 and count.y0 < box.y1 for count in counts)


def test_leads_without_a_test_say_why(one_size):
    emergence, departure = events_of(one_size)
    nothing = LeadsDisplay.from_events(departure, emergence["gain"] * np.nan, STEPS)
    words = said(nothing.figure_)
    assert "by 10,560 updates there is no event of emergence that it could lead" in words
    assert "leads 0 of 0, 45 false alarms" in words
    one = LeadsDisplay.from_events(
        departure.isel(seed=[0]), emergence["gain"].isel(seed=[0]), STEPS
    )
    assert "RankMe: one seed, of which there is no test" in said(one.figure_)
    with pytest.raises(ValueError, match="no events at all. Train longer"):
        LeadsDisplay.from_events(departure * np.nan, emergence["gain"] * np.nan, STEPS)
    with pytest.raises(ValueError, match="axes has 1 axes for 2 behaviours"):
        LeadsDisplay.from_events(departure, emergence, STEPS, axes=plt.gca())


@pytest.mark.parametrize("kind", DRAWN)
def test_figures_of_tasks_are_plotted_again_in_their_figure(kind):
    before = dict(plt.rcParams)
    data = make_anatomy(n_seeds=2, tasks=("COPY", "PAR"), levels=(1,), sizes=("2x128",))
    # A dollar sign begins no formula: this one would be an error.
    display = DRAWN[kind][0](data.assign_coords(task=["$a_$", "PAR"]))
    figure = display.figure_
    figure.draw_without_rendering()
    assert display.plot().figure_ is figure
    assert plt.get_fignums() == [figure.number]
    assert dict(plt.rcParams) == before
    assert repr(display).startswith(f"<{type(display).__name__}: ")
