"""Pictures of worlds, in figures and in the terminal."""

import re

import pytest
from figure_checks import check_texts
from matplotlib.figure import Figure

from sklearn_emerge._registry import WORLDS, make_world
from sklearn_emerge.worlds._picture import draw_sequences, rows_of


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
