"""What a predictor left alone does, against worlds and loops in closed form."""

import copy
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from known import oscillator_predictor
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

from sklearn_emerge import (
    AutoregressivePredictor,
    DriftWorld,
    EchoStatePredictor,
    GRUPredictor,
    LinearSystemWorld,
    LSTMPredictor,
    MeanPredictor,
    ModulePredictor,
    OscillatorWorld,
    RegimeWorld,
    RNNPredictor,
    TransformerPredictor,
)
from sklearn_emerge.operators import attractor, conjugacy_error, state_r2, valid_time
from sklearn_emerge.operators._attractors import _period
from sklearn_emerge.operators._energy import energy_distance
from sklearn_emerge.operators._loops import closed_loop, closed_states
from sklearn_emerge.testing import check_measure
from sklearn_emerge.worlds import Sample

NO_CLOCK = dict(max_steps=3, random_state=0, time_channel=None, engine="torch")
ALL = [attractor, conjugacy_error, state_r2, valid_time]
TURN = 0.1


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def turning_world(C=((1, 0), (0, 1)), R=1e-12):
    """A rotation, of which both coordinates are observed, in noise or nearly without."""
    return LinearSystemWorld(rotation(TURN), C, 0.0, R, n_steps=40, initial=np.eye(2))


def copying_network(X, head, scale=1e-4):
    """Return a network whose hidden states are its inputs, and its head a matrix of these."""
    n_inputs, n_outputs = X.shape[2], len(head)
    core, readout = nn.RNN(n_inputs, n_inputs, batch_first=True), nn.Linear(n_inputs, n_outputs)
    weights = {
        # So small that tanh is linear.
        core.weight_ih_l0: scale * np.eye(n_inputs),
        core.weight_hh_l0: np.zeros((n_inputs, n_inputs)),
        core.bias_ih_l0: np.zeros(n_inputs),
        core.bias_hh_l0: np.zeros(n_inputs),
        readout.weight: np.asarray(head) / scale,
        readout.bias: np.zeros(n_outputs),
    }
    core, readout = core.double(), readout.double()
    with torch.no_grad():
        for parameter, value in weights.items():
            parameter.copy_(torch.from_numpy(value))
    return ModulePredictor.from_trained(core, readout).fit(X)


class Turning(MeanPredictor):
    """A sine of known period, amplitude and angles, whatever it sees."""

    def following(self, period, amplitude, angles):
        model = copy.copy(self)
        model.known = 2 * np.pi / period, amplitude, angles
        return model

    def _begin(self, X):
        turn, amplitude, angles = self.known
        return amplitude * np.cos(angles + turn)[:, np.newaxis], angles + turn

    def _advance(self, state, x):
        turn, amplitude, _ = self.known
        return amplitude * np.cos(state + turn)[:, np.newaxis], state + turn


def on_cycle(n_sequences, world):
    """Return sequences of two steps on the limit cycle, at all angles, and the last of these."""
    period, amplitude = world.cycle()
    angles = 2 * np.pi * np.arange(n_sequences) / n_sequences
    both = angles[:, np.newaxis] + [-2 * np.pi / period, 0]
    latents = amplitude * np.stack([np.cos(both), np.sin(both)], axis=2)
    noise = np.random.default_rng(0).normal(0, world.observation_std, both.shape)
    return Sample(latents[:, :, 0] + noise, latents, world=world), angles


def turning(sample, angles, period, amplitude):
    return Turning().fit(sample.X).following(period, amplitude, angles)


@pytest.mark.parametrize(
    "model",
    [
        RNNPredictor(4, **NO_CLOCK),
        GRUPredictor(4, engine="torch", max_steps=3, random_state=0),
        LSTMPredictor(4, input_scaling="first", **NO_CLOCK),
        EchoStatePredictor(5, n_draws=1, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_closed_states_are_those_that_rollouts_are_read_from(model):
    X = np.random.default_rng(0).normal(size=(20, 24)).cumsum(axis=1)
    model = clone(model).fit(X)
    loop, running = closed_loop(model, X[:, :10], 9, None)
    states = list(closed_states(loop, running, 9))
    read = [loop._mean(state @ running.coef + running.intercept)[:, 0] for state in states]
    rollout = model.rollout(X[:, :10], 10)
    assert np.abs(np.stack(read, axis=1) - rollout).max() < 1e-12
    assert np.abs(states[0] - model.transform(X)[:, 9]).max() < 1e-5


def test_what_reads_past_steps_themselves_has_no_closed_loop():
    sample = OscillatorWorld(n_steps=24).sample(20, random_state=0)
    model = TransformerPredictor(8, 1, 2, max_steps=1, random_state=0).fit(sample.X)
    with pytest.raises(ValueError, match="TransformerPredictor does not go on from a state"):
        conjugacy_error(model, sample)


@pytest.mark.parametrize("own", [TURN, 0.0, 1.1 * TURN, -TURN])
def test_conjugacy_error_of_a_rotation_by_another_angle(own):
    """Whatever the states: |e^{ika} - e^{ikb}| / |e^{ikb} - 1|; it stands still at a = 0."""
    sample = turning_world().sample(40, random_state=0)
    model = copying_network(sample.X, rotation(own))
    k = np.array([1, 4, 16, 64])
    expected = np.abs(np.sin(k * (own - TURN) / 2) / np.sin(k * TURN / 2))
    error = conjugacy_error(model, sample)
    assert error.horizon.values.tolist() == k.tolist()
    assert np.allclose(error, expected, rtol=1e-5, atol=2e-5)
    if own == 0:
        assert np.allclose(error, 1, atol=2e-5)


def test_decoders_are_fitted_to_other_sequences():
    sample = turning_world().sample(40, random_state=0)
    model = copying_network(sample.X, rotation(1.1 * TURN))
    spoiled = Sample(sample.X, sample.latents.copy(), world=sample.world)
    spoiled.latents[20:] = spoiled.latents[20:][:, :, ::-1] + 7
    assert conjugacy_error(model, sample).equals(conjugacy_error(model, spoiled))
    halves = [
        Sample(sample.X[rows], sample.latents[rows], world=sample.world)
        for rows in (slice(20), slice(20, None))
    ]
    apart = conjugacy_error(model, halves[1], fit_on=halves[0])
    assert conjugacy_error(model, sample).equals(apart)
    # Groups are not divided: the first half are the first two, in other places.
    sample.groups = np.repeat([2, 1, 4, 3], 10)
    assert conjugacy_error(model, sample).shape == (4,)
    sample.groups = np.repeat([1, 2], 20)
    with pytest.raises(ValueError, match=r"2 units.*at least 4.*fit_on"):
        conjugacy_error(model, sample)
    assert conjugacy_error(model, sample, fit_on=sample).shape == (4,)


def test_the_flow_starts_at_the_last_step_of_the_prompt():
    """Where the law changes with time it is known to the end of the sequences, and no further."""
    sample = OscillatorWorld(omega=(0.8, 1.2), n_steps=40).sample(20, random_state=0)
    model = EchoStatePredictor(5, n_draws=1, random_state=0).fit(sample.X)
    assert np.isfinite(conjugacy_error(model, sample, prompts=[20], steps=[1, 21])).all()
    with pytest.raises(ValueError, match="not known at step 40"):
        conjugacy_error(model, sample, prompts=[20], steps=[1, 22])


def test_a_flow_that_does_not_move_or_explodes_has_no_error():
    still = LinearSystemWorld(np.eye(2), np.eye(2), 0.0, 0.01, n_steps=40, initial=np.eye(2))
    sample = still.sample(20, random_state=0)
    error = conjugacy_error(copying_network(sample.X, np.eye(2)), sample, steps=[1, 2])
    assert np.isnan(error).all()
    # The Euler steps of an oscillator from 100 on leave the range of numbers.
    world = OscillatorWorld(n_steps=40)
    sample = world.sample(20, random_state=0)
    model = EchoStatePredictor(5, n_draws=1, random_state=0).fit(sample.X)
    far = Sample(sample.X, 100 + sample.latents, world=world)
    assert np.isnan(conjugacy_error(model, sample, steps=[30], fit_on=far)).all()


def test_scores_of_states_that_are_what_is_observed():
    """Latents of variance s in noise r; a third channel is noise alone."""
    r = 0.25
    world = turning_world([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], r)
    sample = world.sample(2000, random_state=0)
    s = sample.latents.var(axis=(0, 1)).mean()
    model = copying_network(sample.X, np.eye(3))
    latents, states, cycle = state_r2(model, sample).values
    assert latents == pytest.approx(s / (s + r), abs=0.01)
    assert states == pytest.approx(2 * s / (2 * s + 3 * r), abs=0.01)
    assert cycle == pytest.approx((2 * s + 2 * r) / (2 * s + 3 * r), abs=0.01)


def test_scores_do_not_depend_on_where_zero_is():
    sample = turning_world([[1, 0], [0, 1], [0, 0]], 0.25).sample(200, random_state=0)
    moved = Sample(sample.X + np.arange(3.0), sample.latents - 4)
    scores = [state_r2(copying_network(each.X, np.eye(3)), each) for each in (sample, moved)]
    assert np.allclose(*scores, atol=1e-4)


def test_scores_are_of_sequences_left_out():
    """Of noise that is the same at all steps of a sequence nothing is known elsewhere."""
    rng = np.random.default_rng(0)
    X, latents = (np.repeat(rng.normal(size=(30, 1, n)), 20, axis=1) for n in (12, 2))
    model = copying_network(X, np.eye(12))
    scores = state_r2(model, Sample(X, latents))
    assert (scores.sel(score=["latents", "states"]) < 0.1).all()


def test_nothing_varies_nothing_is_scored():
    sample = turning_world().sample(20, random_state=0)
    still = Sample(sample.X, np.ones_like(sample.latents), world=sample.world)
    scores = state_r2(copying_network(sample.X, np.eye(2)), still)
    assert np.isnan(scores.sel(score="latents"))


@pytest.mark.parametrize(("period", "amplitude"), [(125.6, 1.0), (125.6, 0.3), (60.0, 2.0)])
def test_period_and_amplitude_of_a_sine(period, amplitude):
    sample, angles = on_cycle(40, OscillatorWorld(n_steps=2))
    found = attractor(turning(sample, angles, period, amplitude), sample, n_transient=10)
    values = dict(zip(found.attractor.values.tolist(), found.values.tolist(), strict=True))
    assert values["period"] == pytest.approx(period, abs=0.01)
    assert values["amplitude"] == pytest.approx(amplitude, rel=2e-3)
    assert (values["moving"], values["censored"]) == (1, 0)
    same = amplitude == 1 and period == 125.6
    assert abs(values["distance"]) < 0.01 if same else values["distance"] > 0.1


def test_a_period_is_right_whatever_the_phase_and_the_end():
    """Of 1,000 steps, a thousandth of a step; the slope of the phase would ask for whole turns."""
    t = np.arange(1000)
    for phase in np.linspace(0, 2 * np.pi, 17):
        wave = 3 + np.cos(2 * np.pi * t / 125.6 + phase)
        assert _period(wave) == pytest.approx(125.6, abs=0.02)


def test_a_loop_that_is_the_flow_has_an_error_where_states_are_behind():
    """An observer that starts at rest: its states take a while, and the decoder shrinks."""
    sample = OscillatorWorld(n_steps=100).sample(40, random_state=0)
    error = conjugacy_error(oscillator_predictor(sample.X), sample, steps=[1, 16, 64])
    assert error.values == pytest.approx([0.37, 0.22, 0.08], abs=0.02)


@pytest.mark.parametrize("level", [0.0, 0.4])
def test_a_constant_output_is_dead(level):
    """From the cycle, of radius sqrt(2) in standard deviations, the distance is known."""
    world = OscillatorWorld(n_steps=2, observation_std=1e-3)
    sample, _ = on_cycle(64, world)
    model = MeanPredictor(mean=[level]).fit(sample.X)
    found = attractor(model, sample, n_transient=10)
    assert np.isnan(found.sel(attractor="period"))
    assert found.sel(attractor=["amplitude", "moving", "censored"]).values.tolist() == [0, 0, 0]
    angles = np.linspace(0, 2 * np.pi, 10_000, endpoint=False)
    radius, at = np.sqrt(2), np.sqrt(2) * level / world.cycle().amplitude
    away = np.hypot(radius * np.cos(angles) - at, radius * np.sin(angles) - at).mean()
    expected = 2 * away - 4 / np.pi * radius
    assert found.sel(attractor="distance").item() == pytest.approx(expected, abs=0.07)


def test_a_period_that_does_not_end_is_censored():
    sample, angles = on_cycle(20, OscillatorWorld(n_steps=2))
    found = attractor(turning(sample, angles, 900, 1.0), sample, n_transient=10, n_steps=200)
    assert np.isnan(found.sel(attractor="period"))
    assert found.sel(attractor=["moving", "censored"]).values.tolist() == [1, 1]


def test_a_rollout_that_explodes_is_infinitely_far():
    world = OscillatorWorld(n_steps=2)
    sample, angles = on_cycle(20, world)
    model = turning(sample, angles, 125.6, 1.0)
    model._advance = lambda state, x: (1e30 * x, state)
    found = attractor(model, sample, n_transient=100, n_steps=100)
    assert np.isinf(found.sel(attractor=["amplitude", "distance"])).all()
    assert np.isnan(found.sel(attractor="period"))
    assert found.sel(attractor="moving") == 1
    assert valid_time(model, sample, n_steps=100).sel(valid_time="censored") == 0


def test_energy_distance_has_no_bias():
    rng = np.random.default_rng(0)
    same = [energy_distance(*rng.normal(size=(2, 6, 4, 2))) for _ in range(400)]
    assert min(same) < 0
    assert abs(np.mean(same)) < 3.5 * np.std(same) / np.sqrt(len(same))
    # What sequences have of their own, such as a level, is no bias, either.
    own = []
    for _ in range(400):
        x, y = rng.normal(size=(2, 6, 4, 2)) + 2 * rng.normal(size=(2, 6, 1, 2))
        own.append(energy_distance(x, y))
    assert abs(np.mean(own)) < 3.5 * np.std(own) / np.sqrt(len(own))


def test_energy_distance_of_two_points_and_of_two_normal_laws():
    x, y = np.zeros((3, 2, 2)), np.full((3, 2, 2), [3.0, 4.0])
    assert energy_distance(x, y) == pytest.approx(10)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 200, 5, 1))
    # E|N(d, 2)| - E|N(0, 2)|, twice, at d = 1.
    expected = 2 * (2 / np.sqrt(np.pi) * np.exp(-0.25) + 0.5204999 - 2 / np.sqrt(np.pi))
    assert energy_distance(x, y + 1) == pytest.approx(expected, abs=0.06)


def test_valid_time_of_an_oscillator_that_turns_faster_by_a_hundredth():
    """The last steps are on the cycle, and the standard deviation is that of the sequences."""
    world = OscillatorWorld()
    sample = world.sample(400, random_state=0)
    angles = np.arctan2(sample.latents[:, -1, 1], sample.latents[:, -1, 0])
    period, amplitude = world.cycle()
    faster = turning(sample, angles, period / 1.01, amplitude)
    median, censored = valid_time(faster, sample).values
    assert median == pytest.approx(542, abs=5)
    assert censored == 0
    # The shortest and the longest over phases are 517 and 571.
    shares = [valid_time(faster, sample, n_steps=n).values[1] for n in (510, 525, 560, 578)]
    assert shares[0] == 1 > shares[1] > shares[2] > shares[3] == 0
    exact = turning(sample, angles, period, amplitude)
    assert valid_time(exact, sample).values.tolist() == [1024, 1]


def test_valid_time_counts_from_one():
    """A forecast that is wrong at once is wrong at step 1."""
    sample, _ = on_cycle(40, OscillatorWorld(n_steps=2))
    wrong = MeanPredictor(mean=[10.0]).fit(sample.X)
    assert valid_time(wrong, sample, n_steps=5).values.tolist() == [1, 0]


@pytest.fixture(scope="module")
def trained():
    train, evaluation = OscillatorWorld(n_steps=24).split(20, 10, 0)
    evaluation.train = train
    return GRUPredictor(4, **NO_CLOCK).fit(train.X), evaluation


@pytest.mark.parametrize(
    "measure",
    [
        partial(attractor, n_transient=5, n_steps=20),
        conjugacy_error,
        state_r2,
        partial(valid_time, n_steps=20),
    ],
    ids=lambda measure: getattr(measure, "func", measure).__name__,
)
def test_they_are_measures(measure, trained):
    model, evaluation = trained
    check_measure(measure, model, evaluation)
    # Of several channels, too; and of nulls there is nothing to tell.
    several = turning_world().sample(10, random_state=0)
    assert np.isfinite(measure(copying_network(several.X, rotation(TURN)), several)).any()
    null = OscillatorWorld(n_steps=24).null("phase").sample(10, random_state=0)
    found = measure(model, null)
    assert np.isnan(found).all()
    assert found.sizes == measure(model, evaluation).sizes


@pytest.mark.parametrize("measure", [attractor, conjugacy_error, valid_time])
def test_a_world_with_a_flow_is_needed(measure, trained):
    model, evaluation = trained
    for sample, message in (
        (evaluation.X, "sample has no world"),
        (Sample(evaluation.X), "sample has no world.*flow_kind='exact'"),
        (Sample(evaluation.X, world=evaluation.world), "sample has no latents"),
        (DriftWorld(n_steps=24).sample(10, random_state=0), "DriftWorld has flow_kind='mean'"),
        (RegimeWorld(n_steps=24).sample(10, random_state=0), "latent_kind='discrete'"),
    ):
        with pytest.raises(ValueError, match=message):
            measure(model, sample)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, s: conjugacy_error(m, s, steps=(4, 1)), "steps=.*increasing"),
        (lambda m, s: conjugacy_error(m, s, steps=()), "steps=.*increasing"),
        (lambda m, s: conjugacy_error(m, s, steps=(0, 1)), "steps=0.*at least 1"),
        (lambda m, s: conjugacy_error(m, s, prompts=(25,)), "prompts=.*at most 24"),
        (lambda m, s: conjugacy_error(m, s, clock="run"), "clock='run'.*no clock that runs"),
        (lambda m, s: state_r2(m, s, burn_in=24), "burn_in=24 leaves nothing"),
        (lambda m, s: state_r2(m, Sample(s.X)), "sample has no latents.*floats"),
        (
            lambda m, s: state_r2(m, Sample(s.X, (s.latents > 0).astype(int))),
            "classes as latents.*floats",
        ),
        (lambda m, s: state_r2(m, Sample(s.X[:1], s.latents[:1])), "1 unit.*more sequences"),
        (lambda m, s: attractor(m, s, delay=1000), "delay=1000 must be below n_steps=1000"),
        (lambda m, s: attractor(m, s, least_motion=1), "least_motion=1 must be between"),
        (lambda m, s: attractor(m, s, n_steps=7), "n_steps=7.*at least 8"),
        (lambda m, s: attractor(m, s, n_sequences=1), "n_sequences=1.*at least 2"),
        (lambda m, s: valid_time(m, s, threshold=0), "threshold=0 must be a positive"),
        (lambda m, s: valid_time(m, s, n_prompt=25), "n_prompt=25 is more than the 24"),
    ],
)
def test_what_is_wrong_is_told(call, message, trained):
    with pytest.raises(ValueError, match=message):
        call(*trained)


def test_filters_have_no_states_and_networks_have_clocks(trained):
    _, sample = trained
    linear = AutoregressivePredictor(lags=2).fit(sample.X)
    for measure in (conjugacy_error, state_r2):
        with pytest.raises(ValueError, match="AutoregressivePredictor has no hidden states"):
            measure(linear, sample)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clock = GRUPredictor(4, max_steps=1, random_state=0).fit(sample.X)
    for measure in (attractor, conjugacy_error, valid_time):
        with pytest.raises(ValueError, match="clock"):
            measure(clock, sample)
    assert np.isfinite(conjugacy_error(clock, sample, clock=0.5)).all()
    for measure in ALL:
        with pytest.raises(NotFittedError):
            measure(GRUPredictor(4), sample)
