"""A claim of several cubes, and how they differ, as a figure."""

import numpy as np
import pytest
from conftest import small_assessment

from sklearn_emerge import CubeComparisonDisplay, GRUPredictor, RNNPredictor, compare_cubes

pytestmark = pytest.mark.usefixtures("close_figures")
OPTIONS = dict(n_seeds=3, baselines=("mean",), probe=None, operator_evidence="loss", nulls=())


@pytest.fixture(scope="module")
def cubes():
    options = OPTIONS | {"param_grid": {"max_steps": [2, 4]}}
    gru = small_assessment(model=GRUPredictor(3), **options).fit().cube_
    rnn = small_assessment(model=RNNPredictor(3), random_state=1, **options).fit().cube_
    later = gru.copy(deep=True)
    later["claim_difference"] += 1
    return {"GRU": gru, "$RNN": rnn, "later": later}


@pytest.fixture(scope="module")
def pairs(cubes):
    """Two of them, whose seeds are pairs."""
    two = {name: cubes[name] for name in ("GRU", "later")}
    options = {"alpha": 0.1, "correction": None, "max_steps": 4}
    return CubeComparisonDisplay.from_cubes(two, "core", **options)


def drawn(ax, marker):
    return [line for line in ax.lines if line.get_marker() == marker]


def test_effects_and_differences_are_those_of_the_table(cubes):
    display = CubeComparisonDisplay.from_cubes(cubes, "core", max_steps=4)
    left, right = display.axes_
    effects = [cube.claim_effect.sel(claim="core", max_steps=4) for cube in cubes.values()]
    effects[2] = effects[2] + 1
    np.testing.assert_allclose([d.get_ydata()[0] for d in drawn(left, "D")], effects)
    picked = {name: cube.sel(max_steps=4, drop=True) for name, cube in cubes.items()}
    table = compare_cubes(picked).loc["core"]
    np.testing.assert_allclose([d.get_ydata()[0] for d in drawn(right, "D")], table.difference)
    # Points are pairs: those of other random states have none.
    (points,) = drawn(right, "o")
    np.testing.assert_allclose(points.get_ydata(), -1)
    notes = [text.get_text() for text in right.texts]
    assert [f"p = {p:.2g}" for p in table.p_value_adjusted] == [n for n in notes if "p =" in n]
    footer = next(note.replace("\n", " ") for note in notes if "pairs of seeds" in note)
    assert "95% interval (Student's; without points: independent seeds, Welch's)" in footer
    assert "p: sign flips of pairs, or Welch's t, two-sided, adjusted (holm)" in footer
    assert left.get_ylabel() == "effect (nats per step)"
    assert "core of GRU, $RNN, later" in repr(display)


def test_the_footer_names_level_and_test_of_pairs(pairs):
    notes = " ".join(text.get_text().replace("\n", " ") for text in pairs.axes_[1].texts)
    assert "mean and 90% interval (Student's)" in notes
    assert "p: sign flips of pairs, two-sided, not adjusted" in notes
    assert "different tests can disagree" in notes


def test_what_is_not_there_is_named(cubes):
    with pytest.raises(ValueError, match="claim='gains' was not tested in 'GRU'.*mean 'gain'"):
        CubeComparisonDisplay.from_cubes(cubes, "gains", max_steps=2)
    with pytest.raises(ValueError, match="select one, for instance max_steps=2"):
        CubeComparisonDisplay.from_cubes(cubes)
    with pytest.raises(ValueError, match="at least two cubes by name"):
        CubeComparisonDisplay.from_cubes({"GRU": cubes["GRU"]})


def test_axes_of_ones_own_are_taken(pairs):
    axes = pairs.figure_.axes[:2]
    assert pairs.plot(axes).axes_.tolist() == axes
