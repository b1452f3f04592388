"""Worlds of a report are made again from their description, or it says why not."""

import json

import numpy as np
import pytest

from sklearn_emerge import FunctionWorld, OscillatorWorld, worlds
from sklearn_emerge._registry import WORLDS
from sklearn_emerge.assessment._cube import describe
from sklearn_emerge.reporting import _figures
from sklearn_emerge.reporting._world import Lost, rebuild


def test_the_picture_of_a_world_does_not_say_that_nulls_have_the_same_sequences():
    world = OscillatorWorld(n_steps=20)
    captions = [
        _figures.picture_of_world(world, nulls).caption
        for nulls in ((), ("resample",), ("resample", "phase"))
    ]
    assert all("same" not in caption for caption in captions)
    for caption, part in zip(
        captions,
        ("if there are any. They", "two of its null.", "two of each of its nulls."),
        strict=True,
    ):
        assert part in caption


@pytest.mark.parametrize("name", sorted({type(w.make()).__name__ for w in WORLDS.values()}))
def test_worlds_are_made_again_from_their_description(name):
    world = getattr(worlds, name)()
    again = rebuild(json.loads(json.dumps(describe(world))))
    assert type(again) is type(world)
    assert np.array_equal(again.sample(3, 0).X, world.sample(3, 0).X)
    null = world.null("resample")
    again = rebuild(json.loads(json.dumps(describe(null))))
    assert np.array_equal(again.sample(3, 0).X, null.sample(3, 0).X)


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        (describe(worlds.LinearSystemWorld(A=np.eye(1))), "the size of its parameter A"),
        (describe(FunctionWorld(np.zeros)), "drawn by numpy.zeros, of which the cube has the"),
        ({"type": "MyWorld"}, "MyWorld is no world of this package"),
        ({"type": "OscillatorWorld", "n_steps": 0}, "not enough.*n_steps"),
    ],
)
def test_a_world_that_cannot_be_made_again_says_why(description, reason):
    with pytest.raises(Lost, match=reason):
        rebuild(description)
