"""A world beside its nulls."""

import numpy as np
import pytest
from figure_checks import check_texts

from sklearn_emerge import (
    AlgorithmicWorld,
    LorenzWorld,
    NullsDisplay,
    OscillatorWorld,
    TriangleWorld,
)
from sklearn_emerge.measures._sequences import negative_log_likelihood

pytestmark = pytest.mark.usefixtures("close_figures")


def test_a_world_and_its_nulls_have_the_same_values_on_one_scale():
    world = OscillatorWorld(n_steps=30)
    display = NullsDisplay.from_world(world, n_sequences=6, random_state=3)
    assert list(display.worlds) == ["structured", *world.null_kinds]
    assert len({ax.get_ylim() for ax in display.axes_}) == 1
    for ax, each in zip(display.axes_, display.worlds.values(), strict=True):
        drawn = [line.get_ydata() for line in ax.lines]
        np.testing.assert_array_equal(drawn, each.sample(6, random_state=3).X)
    check_texts(display.figure_)
    again = display.plot(n_sequences=2)
    assert [len(ax.lines) for ax in again.axes_] == [2] * len(display.worlds)


def test_the_loss_of_the_best_possible_predictor_is_said_where_it_is_known():
    world = OscillatorWorld(n_steps=30)
    display = NullsDisplay.from_world(world, kinds="resample")
    best = world.optimal_predictor()
    assert display.losses["structured"] == -best.score(world.sample(500, random_state=0).X)
    said = display.axes_[0].get_title(loc="left").splitlines()
    assert said == ["the world", f"best possible: {display.losses['structured']:.2f} nats per step"]
    display = NullsDisplay.from_world(LorenzWorld(n_steps=20), kinds=["phase"])
    assert display.losses == {}
    assert [ax.get_title(loc="left") for ax in display.axes_] == ["the world", "phases randomised"]


def test_the_loss_is_that_of_the_steps_that_assessments_score():
    world = AlgorithmicWorld()
    display = NullsDisplay.from_world(world, kinds="resample")
    # Answers follow from what is asked, of which nothing is scored.
    assert display.losses["structured"] == 0
    assert "best possible: 0" in display.axes_[0].get_title(loc="left")
    null = world.null("resample")
    expected = negative_log_likelihood(null.optimal_predictor(), null.sample(500, random_state=0))
    assert display.losses["resample"] == expected
    assert expected > -null.optimal_predictor().score(null.sample(500, random_state=0).X) + 1


def test_of_a_generator_all_panels_have_the_same_draw():
    world, rng = OscillatorWorld(n_steps=30), np.random.default_rng(0)
    display = NullsDisplay.from_world(world, kinds="shuffle", random_state=rng)
    world_there, shuffled = (
        np.array([line.get_ydata() for line in ax.lines]) for ax in display.axes_
    )
    np.testing.assert_array_equal(np.sort(world_there), np.sort(shuffled))
    again = [line.get_ydata() for line in display.plot().axes_[0].lines]
    np.testing.assert_array_equal(again, world_there)


def test_tokens_are_cells():
    world = TriangleWorld()
    display = NullsDisplay.from_world(world, kinds=["resample"], n_sequences=5)
    for ax, each in zip(display.axes_, display.worlds.values(), strict=True):
        (image,) = ax.images
        np.testing.assert_array_equal(image.get_array(), each.sample(5, random_state=0).X)
        assert image.get_clim() == (0, world.n_tokens - 1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda world: NullsDisplay.from_world(world.sample(3).X), "pass a World, of arrays Array"),
        (lambda world: NullsDisplay.from_world(world, kinds=["none"]), "none"),
        (lambda world: NullsDisplay.from_world(world, axes=[None]), "axes has 1 axes for 4"),
        (lambda world: NullsDisplay.from_world(world, n_sequences=0), "n_sequences=0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call(OscillatorWorld(n_steps=10))
