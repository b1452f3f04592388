"""Figures of attention: what is drawn is the pattern, with the names of the steps."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figure_checks import check_texts
from sklearn.exceptions import NotFittedError

from sklearn_emerge import AttentionDisplay, GRUPredictor, TransformerPredictor

pytestmark = pytest.mark.usefixtures("close_figures")
TOKENS = np.random.default_rng(0).integers(5, size=(30, 9))


@pytest.fixture(scope="module")
def model():
    options = dict(likelihood="categorical", max_steps=5, random_state=0)
    return TransformerPredictor(8, 2, 2, **options).fit(TOKENS)


def test_it_draws_the_pattern_of_a_layer_and_an_attention_head(model):
    pattern = model.attention_pattern(TOKENS)
    display = AttentionDisplay.from_estimator(model, TOKENS[:1], layer=2, head=1)
    drawn = display.image_.get_array()
    np.testing.assert_allclose(drawn.filled(0), pattern[0, 1, 1])
    # What comes later is not seen, rather than seen as zero.
    assert np.array_equal(drawn.mask, np.triu(np.ones((8, 8), dtype=bool), 1))
    assert display.image_.get_clim() == (0, 1)
    assert display.ax_.get_title(loc="left") == "Layer 2, attention head 1"
    assert display.ax_.get_xlabel() == "is attended to (step)"
    mean = AttentionDisplay.from_estimator(model, TOKENS)
    np.testing.assert_allclose(mean.pattern, pattern[:, 0].mean(axis=(0, 1)))
    words = mean.ax_.get_title(loc="left").replace("\n", " ")
    assert words == "Layer 1, mean of 2 attention heads, mean of 30 sequences"
    assert repr(display).startswith("<AttentionDisplay: Layer 2, attention head 1; most to an earl")


def test_one_attention_head_is_no_mean():
    model = TransformerPredictor(
        8, 1, 1, likelihood="categorical", max_steps=0, random_state=0
    ).fit(TOKENS)
    display = AttentionDisplay.from_estimator(model, TOKENS[:1])
    assert display.title == "Layer 1, attention head 0"


@pytest.mark.parametrize("tokens", [None, "abcdefghi", [f"a long $name {i}" for i in range(9)]])
def test_names_of_steps_are_read(model, tokens):
    display = AttentionDisplay.from_estimator(model, TOKENS[:1], tokens=tokens)
    check_texts(display.figure_)
    if tokens is not None:
        names = [tick.get_text().replace("\\", "") for tick in display.ax_.get_yticklabels()]
        assert names == [str(token) for token in tokens[:8]]
        assert display.ax_.get_ylabel() == "attends"


def test_plotting_again_remembers_what_was_given(model):
    display = AttentionDisplay.from_estimator(model, TOKENS[:1])
    figure = display.figure_
    assert display.plot(cmap="magma").figure_ is figure
    assert plt.get_fignums() == [figure.number]
    assert display.plot(vmax=0.5).image_.get_cmap().name == "magma"
    assert display.plot().image_.get_clim() == (0, 0.5)
    with pytest.raises(ValueError, match="vmax=0 is no share; pass a number above 0"):
        display.plot(vmax=0)
    given, ax = plt.subplots()
    assert display.plot(ax=ax).figure_ is given


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 3}, "layer=3 must be one integer or several, from 1 to 2"),
        ({"layer": [1, 2]}, r"layer=\[1, 2\] must be one integer; plot one after another"),
        ({"head": True}, "head=True is no attention head of this network; choose from 0 to 1"),
        ({"head": 1.0}, "head=1.0 is no attention head"),
        ({"head": 2}, "head=2 is no attention head of this network; choose from 0 to 1"),
        ({"tokens": "abc"}, "tokens has 3 names for 8 steps; pass one a step"),
    ],
)
def test_what_is_not_there_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        AttentionDisplay.from_estimator(model, TOKENS[:1], **options)


def test_it_needs_a_fitted_transformer():
    with pytest.raises(NotFittedError):
        AttentionDisplay.from_estimator(TransformerPredictor(), TOKENS)
    with pytest.raises(ValueError, match="GRUPredictor has no attention; pass a Transformer"):
        AttentionDisplay.from_estimator(GRUPredictor(), TOKENS)
