"""Lyapunov exponents of networks beside those of their world."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figure_checks import check_texts

from sklearn_emerge import (
    EchoStatePredictor,
    FunctionWorld,
    LyapunovDisplay,
    OscillatorWorld,
    RegimeWorld,
)
from sklearn_emerge.displays._style import ARM_COLORS
from sklearn_emerge.operators import lyapunov_spectrum
from sklearn_emerge.operators._flow_exponents import flow_exponents, flow_jacobians

pytestmark = pytest.mark.usefixtures("close_figures")
DRIVEN, CLOSED = np.array([[-0.1, -0.3], [-0.12, -0.34]]), np.array([[0.0, -0.2], [0.01, -0.24]])


def dots(ax):
    return [line.get_ydata() for line in ax.lines if line.get_marker() == "o"]


def test_seeds_are_dots_and_the_world_is_lines_beside_the_closed_loop():
    display = LyapunovDisplay.from_spectra(
        {"full": DRIVEN, "readout": DRIVEN - 0.2},
        {"full": CLOSED, "readout": CLOSED - 0.1},
        world=[0.0, -0.11, -9.0],
    )
    memory, dynamics = display.axes_
    assert memory.get_title(loc="left").startswith("Memory")
    assert memory.get_ylabel() == "Lyapunov exponent (nat/step)"
    assert np.array_equal(dots(memory), [DRIVEN.ravel(), DRIVEN.ravel() - 0.2])
    assert np.array_equal(dots(dynamics), [CLOSED.ravel(), CLOSED.ravel() - 0.1])
    colors = [line.get_color() for line in dynamics.lines if line.get_marker() == "o"]
    assert colors == [ARM_COLORS["full"], ARM_COLORS["readout"]]

    def black(ax):
        return [line.get_ydata()[0] for line in ax.lines if line.get_color() == "black"]

    # As many as the networks have, and none where they only remember.
    assert (black(memory), black(dynamics)) == ([], [0.0, -0.11])
    means = [set(np.round(bars.get_segments(), 3)[:, 0, 1]) for bars in memory.collections]
    assert means == [{-0.11, -0.32}, {-0.31, -0.52}]
    names = [text.get_text() for text in dynamics.get_legend().get_texts()]
    assert names == ["all weights", "readout only", "world"]
    assert "no evidence" in display.figure_._supxlabel.get_text().replace("\n", " ")
    check_texts(display.figure_)
    assert "all weights driven -0.110" in repr(display)


def test_exponents_that_are_not_finite_are_counted():
    closed = np.array([[0.0, -np.inf]])
    display = LyapunovDisplay.from_spectra(DRIVEN[:1], closed)
    assert "Not shown: 1 exponents" in display.figure_._supxlabel.get_text().replace("\n", " ")
    assert display.axes_[0].get_ylim()[0] > -1


def test_predictors_are_measured_in_both_loops():
    sample = OscillatorWorld(n_steps=60).sample(40, random_state=0)
    cores = [EchoStatePredictor(8, random_state=seed).fit(sample.X) for seed in (0, 1)]
    display = LyapunovDisplay.from_estimator(cores, sample, n_sequences=4, n_steps=30)
    for loop, found, options in (
        ("driven", display.driven, {"n_burn_in": 30}),
        ("closed", display.closed, {"n_steps": 30}),
    ):
        for core, row in zip(cores, found["network"], strict=True):
            spectrum = lyapunov_spectrum(
                core, sample.X[:4], loop=loop, n_exponents=4, random_state=0, **options
            )
            np.testing.assert_allclose(row, spectrum.mean("sequence"))
    # That of the cycle is ln of the modulus of the step along its radius.
    np.testing.assert_allclose(display.world, [0.0, -0.108], atol=0.02)
    single = LyapunovDisplay.from_estimator(cores[0], sample, n_sequences=2, n_steps=5)
    assert single.closed["network"].shape == (1, 4)


def test_a_law_that_is_not_known_for_so_long_has_no_lines():
    world = OscillatorWorld(omega=(0.8, 1.2), n_steps=40)
    sample = world.sample(20, random_state=0)
    core = EchoStatePredictor(4, random_state=0).fit(sample.X)
    display = LyapunovDisplay.from_estimator(core, sample, n_sequences=2, n_steps=5)
    assert display.world is None
    assert "not known for so many steps" in display.footer


def test_jacobians_of_a_flow_are_its_derivatives():
    world = OscillatorWorld()
    points, known = world.rest_points()
    np.testing.assert_allclose(flow_jacobians(world, points, 0), known, atol=1e-9)
    matrix = np.array([[0.9, 0.5], [0.0, 0.7]])
    linear = FunctionWorld(
        lambda n, rng: (rng.normal(size=(n, 9)), rng.normal(size=(n, 9, 2))),
        latent_names=("a", "b"),
        latent_kind="continuous",
        flow_kind="noisy",
        move=lambda latents, step: latents @ matrix.T,
        emit=lambda latents: latents[..., 0],
    )
    sample = linear.sample(3, random_state=0)
    np.testing.assert_allclose(flow_jacobians(linear, sample.latents[:, 0], 0)[2], matrix)
    exponents = flow_exponents(sample, 50, 60, random_state=0)
    np.testing.assert_allclose(exponents, np.log([[0.9, 0.7]] * 3), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: LyapunovDisplay.from_spectra([0.1], CLOSED),
            r"driven: .*shape \(1,\); pass a row",
        ),
        (lambda: LyapunovDisplay.from_spectra(DRIVEN, {}), "closed is empty; pass exponents"),
        (
            lambda: LyapunovDisplay.from_spectra(DRIVEN, CLOSED, world=CLOSED),
            r"world has shape \(2, 2\); pass its exponents",
        ),
        (
            lambda: LyapunovDisplay.from_spectra(DRIVEN, CLOSED, axes=[None]),
            "axes has 1 axes; pass two, for memory and dynamics",
        ),
        (
            lambda: LyapunovDisplay.from_estimator([], RegimeWorld().sample(2, random_state=0)),
            "estimator is empty; pass a fitted predictor",
        ),
        (lambda: LyapunovDisplay.from_estimator([], np.zeros((2, 3))), "sample is a ndarray"),
    ],
)
def test_errors_say_what_to_pass(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert plt.get_fignums() == []
