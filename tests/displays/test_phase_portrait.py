"""Paths of networks that are left alone, beside the flow of their world."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figure_checks import check_texts
from sklearn.exceptions import NotFittedError

from sklearn_emerge import (
    DriftWorld,
    EchoStatePredictor,
    GRUPredictor,
    LinearFilterPredictor,
    NoisyPeriodicWorld,
    OscillatorWorld,
    PhasePortraitDisplay,
    RegimeWorld,
)
from sklearn_emerge.displays._style import BLUE, GREY

pytestmark = pytest.mark.usefixtures("close_figures")
WORLD = OscillatorWorld(n_steps=80)
portrait = PhasePortraitDisplay.from_estimator


@pytest.fixture(scope="module")
def sample():
    return WORLD.sample(80, random_state=0)


@pytest.fixture(scope="module")
def core(sample):
    return EchoStatePredictor(48, random_state=0).fit(sample.X)


@pytest.fixture(scope="module")
def filtered(sample):
    return LinearFilterPredictor(8).fit(sample.X)


def test_latents_are_decoded_beside_the_flow(core, sample):
    twin = EchoStatePredictor(16, random_state=1).fit(sample.X)
    display = portrait(core, sample, twin=twin, prompts=[10, 40], n_steps=40, n_sequences=2)
    assert [ax.get_title(loc="left") for ax in display.axes_] == ["10 steps seen", "40 steps seen"]
    assert (display.axes_[0].get_xlabel(), display.axes_[0].get_ylabel()) == (
        "latent x",
        "latent y",
    )
    colors = {name: lines[0].get_color() for name, lines in display.lines_.items()}
    assert colors == {"world": "black", "network": BLUE, "untrained twin": GREY}
    # Half of the sequences is what the map is fitted to.
    first = display.lines_["world"][0].get_xydata()
    assert np.array_equal(first, sample.latents[40, 9:50])
    own = display.lines_["network"][0].get_xydata()
    assert own.shape == first.shape
    assert np.linalg.norm(own[0] - first[0]) < 0.2
    grid, moves = display.arrows
    np.testing.assert_allclose(grid + moves, WORLD.flow(grid, 1, 39)[:, 0])
    assert np.array_equal(display.rest["world"].points, [[0.0, 0.0]])
    assert not display.rest["world"].stable.any()
    assert "network" in display.rest
    check_texts(display.figure_)


def test_the_plane_has_the_latents_that_are_asked_for(core, sample):
    display = portrait(core, sample, latents=(1, 0), prompts=[20], n_steps=5, n_sequences=1)
    (line,) = display.lines_["world"]
    assert np.array_equal(line.get_xydata(), sample.latents[40, 19:25, ::-1])
    assert display.axes_[0].get_xlabel() == "latent y"
    figure, ax = plt.subplots()
    assert display.plot([ax]).figure_ is figure


def test_without_states_what_is_predicted_is_drawn_against_what_was(filtered, sample):
    display = portrait(filtered, sample, prompts=[40], n_steps=40, n_sequences=2, delay=7)
    (first, _) = display.lines_["network"]
    rollout = filtered.rollout(sample.X[:1, :40], 40)[0]
    np.testing.assert_allclose(first.get_xydata(), np.stack([rollout[7:], rollout[:-7]], axis=1))
    truth = WORLD.emission(WORLD.flow(sample.latents[:1, 39], 40, 39))[0]
    world = display.lines_["world"][0].get_xydata()
    np.testing.assert_allclose(world, np.stack([truth[7:], truth[:-7]], axis=1))
    assert display.axes_[0].get_ylabel() == "7 steps before (unit of the data)"
    # A quarter of the period.
    assert "31 steps before" in portrait(filtered, sample, n_steps=40).axes_[0].get_ylabel()


def test_one_latent_is_drawn_by_delays():
    sample = DriftWorld(n_steps=24).sample(30, random_state=0)
    core = EchoStatePredictor(8, random_state=0).fit(sample.X)
    display = portrait(core, sample)
    assert "steps before" in display.axes_[0].get_ylabel()
    assert "world" in display.lines_
    # What disturbs a null is not known.
    null = WORLD.null("phase").sample(30, random_state=0)
    alone = portrait(LinearFilterPredictor(4).fit(null.X), null)
    assert list(alone.lines_) == ["network"]
    assert "is not known" in alone.footer


def test_what_turns_without_growing_does_not_attract():
    sample = NoisyPeriodicWorld(n_steps=40).sample(40, random_state=0)
    display = portrait(EchoStatePredictor(8, random_state=0).fit(sample.X), sample)
    assert not display.rest["world"].stable.any()


def test_a_clock_that_runs_leaves_no_rest_points(sample):
    model = GRUPredictor(3, max_steps=1, engine="torch", random_state=0).fit(sample.X)
    assert "network" not in portrait(model, sample, n_steps=5).rest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"plane": "phase"}, "plane='phase' is not known; choose from auto, latents, delay"),
        ({"latents": (0, 2)}, r"latents=\(0, 2\) must be two different numbers from 0 to 1"),
        ({"latents": (1, 1)}, r"latents=\(1, 1\) must be two different"),
        ({"prompts": [90]}, r"prompts=\[90\] must be integers from 1 to 80"),
        ({"n_steps": 0}, "n_steps"),
        ({"n_sequences": 0}, "n_sequences"),
        ({"plane": "delay", "delay": 40}, "delay=40 must be below the steps to go on, n_steps=40"),
        ({"twin": LinearFilterPredictor(4)}, "not fitted"),
        ({"axes": [None]}, "axes has 1 axes for 2 prompts"),
    ],
)
def test_errors_come_before_anything_is_drawn(core, sample, options, message):
    with pytest.raises((ValueError, NotFittedError), match=message):
        portrait(core, sample, **options)
    assert plt.get_fignums() == []


def test_errors_say_what_to_use_instead(core, filtered, sample):
    with pytest.raises(ValueError, match="LinearFilterPredictor has no hidden states.*plane='del"):
        portrait(filtered, sample, plane="latents")
    with pytest.raises(ValueError, match="sample is a ndarray; pass what World.sample returns"):
        portrait(core, sample.X)
    outcomes = RegimeWorld(n_steps=20).sample(20, random_state=0)
    chain = EchoStatePredictor(4, random_state=0).fit(outcomes.X)
    with pytest.raises(ValueError, match="observation='binary'.*n_paths=40.*ForecastErrorDisplay"):
        portrait(chain, outcomes)
