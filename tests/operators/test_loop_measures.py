"""Exponents and rest points as measures, against loops in closed form."""

from functools import partial

import numpy as np
import pytest
import torch
from conftest import GAIN_ALONE, small_assessment
from known import known_predictor, oscillator_predictor
from sklearn.exceptions import NotFittedError

from sklearn_emerge import (
    ArrayWorld,
    AutoregressivePredictor,
    EchoStatePredictor,
    GRUPredictor,
    LinearSystemWorld,
    LorenzWorld,
    LSTMPredictor,
    OscillatorWorld,
    RegimeWorld,
)
from sklearn_emerge.dynamics import euler_cycle
from sklearn_emerge.operators import fixed_points, lyapunov, lyapunov_spectrum, rest_point
from sklearn_emerge.testing import check_measure
from sklearn_emerge.worlds import Sample

WORLD = OscillatorWorld(n_steps=64)
SAMPLE = WORLD.sample(12, random_state=0)
QUICK = dict(max_steps=3, time_channel=None, random_state=0)
BOTH = [partial(lyapunov, n_steps=20, n_burn_in=5), partial(rest_point, n_steps=20, n_starts=8)]


def test_an_observer_of_the_oscillator_has_its_exponents_and_its_rest():
    model = oscillator_predictor(SAMPLE.X)
    found = lyapunov(model, SAMPLE, n_steps=126, n_burn_in=300, n_sequences=1)
    assert found.dims == ("loop", "exponent")
    expected = [0.0, np.log(euler_cycle(1.0, 0.05).multiplier)]
    assert np.abs(found.sel(loop="closed")[:2] - expected).max() < 1e-3
    # Of two numbers of a state there are two exponents.
    assert np.isnan(found[:, 2:]).all()
    growth, angle, distance, number = rest_point(model, SAMPLE, n_steps=20).values
    assert (growth, angle) == pytest.approx((0.049923, 0.047583), abs=1e-6)
    assert distance == pytest.approx(0, abs=1e-8)
    assert number == 1


@pytest.mark.parametrize("n_steps", [64, 20])
def test_exponents_are_means_over_sequences(n_steps):
    """Of short sequences half are left over."""
    sample = OscillatorWorld(n_steps=n_steps).sample(8, random_state=0)
    model = LSTMPredictor(3, **QUICK).fit(sample.X)
    found = lyapunov(model, sample, n_exponents=6, n_steps=30, n_burn_in=10, n_sequences=5)
    options = {"driven": {"n_burn_in": min(50, n_steps // 2)}}
    options["closed"] = {"n_burn_in": 10, "n_steps": 30}
    for loop, steps in options.items():
        whole = lyapunov_spectrum(model, sample.X[:5], loop=loop, random_state=1, **steps)
        # Directions at the start are others.
        assert np.abs(found.sel(loop=loop).sum() - whole.mean("sequence").sum()) < 1e-9


def test_the_rest_point_is_that_whose_output_is_where_the_world_rests():
    """tanh(2 h) rests at 0 and at two points where it ends, of which one is near all states."""
    X = np.random.default_rng(0).normal(0.5, 0.5, size=(6, 12))
    model = known_predictor(lambda h, x: torch.tanh(2 * x), 1, X, [[1.0]])
    decay = LinearSystemWorld(0.5, 1.0, 0.01, 0.01, n_steps=12)
    measure = partial(rest_point, n_steps=20)
    expected = [np.log(2.0), 0.0, 0.0, 3]
    assert np.allclose(measure(model, Sample(X, world=decay)), expected, atol=1e-6)
    # Where nobody knows the rest of the world it is the one near the states.
    expected = [np.log(0.166372), 0.0, np.nan, 3]
    for world in (None, ArrayWorld(X), decay.null("phase")):
        found = measure(model, Sample(X, world=world))
        assert np.allclose(found, expected, atol=1e-5, equal_nan=True)


def test_one_of_several_rest_points_is_chosen():
    """Lorenz rests between its wings and in both, and so does a polynomial."""
    world = LorenzWorld(n_steps=20)
    sample = world.sample(20, random_state=0)
    first, second = (world.emission(world.rest_points().points[None, [i]])[0, 0] for i in (1, 2))
    middle = world.emission(world.rest_points().points[None, [0]])[0, 0]
    slopes = {}
    # A cubic through three points, steeper at one of the outer ones.
    a, b = np.atleast_1d(first)[0], np.atleast_1d(second)[0]
    assert np.allclose(middle, 0)

    def step(h, x):
        return x + 1e-3 * x * (x - a) * (x - b) * (x + 20) / 20

    model = known_predictor(step, 1, sample.X, [[1.0]])
    for i, at in enumerate((0.0, a, b)):
        h = torch.tensor([[at]], dtype=torch.float64, requires_grad=True)
        slopes[i] = torch.autograd.grad(step(h, h).sum(), h)[0].item()
    for i, slope in slopes.items():
        found = rest_point(model, sample, rest=i, n_steps=1)
        assert found[0] == pytest.approx(np.log(abs(slope)), abs=1e-6)
    with pytest.raises(ValueError, match="rest=3, but LorenzWorld has 3 rest points"):
        rest_point(model, sample, rest=3)


def test_what_is_dead_has_numbers_and_no_angle():
    """A loop that is at its rest after one step has nothing that would turn."""
    model = known_predictor(lambda h, x: 0 * h + 0.3, 1, SAMPLE.X, [[1.0]])
    growth, angle, distance, number = rest_point(model, SAMPLE, n_steps=5).values
    assert (growth, number) == (-np.inf, 1)
    assert np.isnan(angle)
    # The world rests at 0.
    assert distance == pytest.approx(0.3 / SAMPLE.X.std())
    found = lyapunov(model, SAMPLE, n_exponents=1, n_steps=5, n_burn_in=5)
    assert (found == -np.inf).all()


def test_a_loop_without_rest_has_none():
    model = known_predictor(lambda h, x: x + 0.1, 1, SAMPLE.X, [[1.0]])
    growth, angle, distance, number = rest_point(model, SAMPLE, n_steps=5).values
    assert np.isnan([growth, angle, distance]).all()
    assert number == 0


def test_a_loop_that_leaves_the_range_of_numbers_has_no_exponents():
    model = known_predictor(lambda h, x: 30 * x**3, 1, SAMPLE.X + 2, [[1.0]])
    found = lyapunov(model, Sample(SAMPLE.X + 2), n_exponents=1)
    assert np.isnan(found.sel(loop="closed")).all()
    # Driven, nothing is carried over.
    assert (found.sel(loop="driven") == -np.inf).all()


def test_a_clock_that_runs_leaves_no_map():
    model = GRUPredictor(3, max_steps=3, random_state=0).fit(SAMPLE.X)
    exponents, rest = (measure(model, SAMPLE) for measure in BOTH)
    assert np.isnan(exponents.sel(loop="closed")).all()
    assert np.isfinite(exponents.sel(loop="driven")[:3]).all()
    assert np.isnan(rest).all()
    exponents, rest = (measure(model, SAMPLE, clock=0.5) for measure in BOTH)
    assert np.isfinite(exponents[:, :3]).all()
    assert np.isfinite(rest).all()
    expected = fixed_points(model, SAMPLE.X, clock=0.5, n_steps=20, n_starts=8, random_state=0)
    assert rest.sel(rest_point="number") == len(expected.states)


def test_where_means_do_not_enter_there_is_no_map():
    outcomes = RegimeWorld(n_steps=24).sample(10, random_state=0)
    binary = GRUPredictor(3, likelihood="bernoulli", **QUICK).fit(outcomes.X)
    driven = LinearSystemWorld(0.5, 1.0, 0.01, 0.01, B=1.0, n_steps=24).sample(10, random_state=0)
    exogenous = GRUPredictor(3, n_exogenous=1, **QUICK).fit(driven.X)
    for model, sample in ((binary, outcomes), (exogenous, driven)):
        exponents, rest = (measure(model, sample) for measure in BOTH)
        assert np.isnan(exponents.sel(loop="closed")).all()
        assert np.isfinite(exponents.sel(loop="driven")[:3]).all()
        assert np.isnan(rest).all()


def test_loops_that_differ_between_sequences_have_exponents_and_no_rest():
    model = GRUPredictor(3, input_scaling="first", **QUICK).fit(SAMPLE.X)
    exponents, rest = (measure(model, SAMPLE) for measure in BOTH)
    assert np.isfinite(exponents[:, :3]).all()
    assert np.isnan(rest).all()


@pytest.mark.parametrize("measure", BOTH, ids=lambda measure: measure.func.__name__)
def test_they_are_measures(measure):
    check_measure(measure)
    check_measure(measure, EchoStatePredictor(5, n_draws=1, random_state=0).fit(SAMPLE.X), SAMPLE)
    null = WORLD.null("phase").sample(10, random_state=0)
    model = GRUPredictor(3, **QUICK).fit(null.X)
    assert np.isfinite(measure(model, null)).any()
    assert measure(model, null).sizes == measure(model, SAMPLE).sizes


def test_an_assessment_records_them_while_networks_train():
    assessment = small_assessment(
        model=GRUPredictor(3, max_steps=4, time_channel=None),
        **GAIN_ALONE,
        record_at=[0, 4],
        measures=dict(zip(("exponents", "rest"), BOTH, strict=True)),
    ).fit()
    cube = assessment.cube_
    assert {"step", "loop", "exponent"} < set(cube.exponents_trajectory.dims)
    assert np.isfinite(cube.exponents_trajectory.sel(exponent=[1, 2, 3])).all()
    assert cube.rest_trajectory.rest_point.values.tolist() == [
        "growth",
        "angle",
        "distance",
        "number",
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, s: lyapunov(m, s.X), "sample is a ndarray; pass what World.sample returns"),
        (lambda m, s: rest_point(m, s.X), "sample is a ndarray; pass what World.sample returns"),
        (lambda m, s: lyapunov(m, s, n_exponents=0), "n_exponents=0 must be an integer"),
        (lambda m, s: lyapunov(m, s, n_sequences=0), "n_sequences=0 must be an integer"),
        (lambda m, s: lyapunov(m, s, n_burn_in=-1), "n_burn_in=-1 must be an integer"),
        (lambda m, s: lyapunov(m, s, clock=0.5), "clock=0.5.*no clock that runs"),
        (lambda m, s: rest_point(m, s, rest=1), "rest=1, but OscillatorWorld has 1 rest points"),
        (lambda m, s: rest_point(m, s, n_starts=0), "n_starts=0 must be an integer"),
        (lambda m, s: rest_point(m, s, clock=0.5), "clock=0.5.*no clock that runs"),
    ],
)
def test_arguments_are_checked(call, message):
    with pytest.raises(ValueError, match=message):
        call(GRUPredictor(2, **QUICK).fit(SAMPLE.X), SAMPLE)


@pytest.mark.parametrize("measure", BOTH, ids=lambda measure: measure.func.__name__)
def test_what_has_no_state_says_why(measure):
    with pytest.raises(ValueError, match="AutoregressivePredictor does not go on from a state"):
        measure(AutoregressivePredictor(2).fit(SAMPLE.X), SAMPLE)
    with pytest.raises(NotFittedError):
        measure(GRUPredictor(2), SAMPLE)
