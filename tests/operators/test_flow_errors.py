"""How far predictors that go on by themselves are from their worlds."""

import pickle
from functools import partial

import numpy as np
import pytest
from conftest import GAIN_ALONE, small_assessment
from scipy.stats import chi2
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

from sklearn_emerge import (
    ArrayWorld,
    DriftWorld,
    EchoStatePredictor,
    EmergenceAssessment,
    FlipFlopWorld,
    GRUPredictor,
    LinearFilterPredictor,
    LinearSystemWorld,
    LorenzWorld,
    LSTMPredictor,
    MarkovPredictor,
    MeanPredictor,
    ModulePredictor,
    OscillatorWorld,
    PersistencePredictor,
    RegimeWorld,
    SwitchingLinearWorld,
    TransformerPredictor,
    TriangleWorld,
    WindowPredictor,
)
from sklearn_emerge.assessment._prepare import make_plan
from sklearn_emerge.assessment._schedule import N_SLOW, schedule
from sklearn_emerge.operators import flow_errors, target_of
from sklearn_emerge.operators._errors import (
    _count_sequences,
    _forecasts,
    _squared_errors,
)
from sklearn_emerge.predictors import BasePredictor
from sklearn_emerge.predictors._stepping import steps_quickly
from sklearn_emerge.worlds import Sample

ONE_NULL = {**GAIN_ALONE, "nulls": ("resample",)}
ANGLE = 0.3
ROTATION = [[np.cos(ANGLE), -np.sin(ANGLE)], [np.sin(ANGLE), np.cos(ANGLE)]]
CIRCLE = LinearSystemWorld(ROTATION, [1.0, 0.0], Q=0, R=1e-14, n_steps=40, initial=np.eye(2))
# A chain that stays with a probability of .9.
CHAIN = RegimeWorld(stay_probability=(0.9, 0.9), n_steps=32)


class Fixed(BasePredictor):
    """Predict what a function of the last step says."""

    takes_missing = True

    def __init__(self, function=None, likelihood="auto", noise_std="auto"):
        self.function = function
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _fit(self, X):
        pass

    def _predict(self, X):
        return self.function(X)


def stay(x):
    return np.where(x > 0.5, 0.9, 0.1)


def test_a_filter_that_is_the_rotation_makes_no_error():
    train, evaluation = CIRCLE.split(200, 50, random_state=0)
    model = LinearFilterPredictor(lags=2).fit(train.X)
    errors = flow_errors(model, evaluation)
    assert errors.dims == ("prompt", "horizon")
    assert errors.prompt.values.tolist() == [5, 10, 20]
    assert errors.horizon.values.tolist() == [1, 2, 4, 8, 16, 20]
    assert (errors.target, errors.units) == ("flow", "unit of the data")
    assert errors.max() < 1e-4
    assert flow_errors(PersistencePredictor().fit(train.X), evaluation).min() > 0.1


def test_persistence_lags_behind_a_drift_by_what_has_passed():
    world = DriftWorld(0.5, dynamics_std=0, observation_std=1e-9, n_steps=30)
    sample = world.sample(20, random_state=0)
    model = PersistencePredictor().fit(sample.X)
    errors = flow_errors(model, sample, prompts=[1, 10], horizon=20)
    h = errors.horizon.values
    assert errors.target == "flow"
    expected = 0.5 * np.sqrt((h + 1) * (2 * h + 1) / 6)
    assert errors.values == pytest.approx(np.stack([expected, expected]))


def test_the_optimal_predictor_makes_its_own_forecasts():
    for world in (RegimeWorld(), FlipFlopWorld(n_bits=2)):
        sample = world.sample(20, random_state=0)
        errors = flow_errors(world.optimal_predictor(), sample, target="forecast")
        assert errors.target == "forecast"
        assert (errors == 0).all()


def test_from_the_flow_a_filter_is_as_far_as_its_state_is_uncertain():
    """In the drift world by the same amount at all horizons, the median of a squared normal."""
    world, n = DriftWorld(), 4000
    sample = world.sample(n, random_state=0)
    errors = flow_errors(
        world.optimal_predictor(), sample, target="flow", prompts=[32], n_sequences=None
    )
    # The steady gain K, and the variance K R after an observation.
    expected = np.sqrt(chi2(1).median() * 0.220696) * world.observation_std
    assert errors.values == pytest.approx(np.full(errors.shape, expected), rel=0.08)
    assert np.ptp(errors.values) < 1e-12


def test_to_who_sees_means_no_pulse_comes():
    """Who knows the bits keeps them, and predicts .95 of each; its forecast of them fades."""
    world = FlipFlopWorld(n_bits=2)
    sample = world.sample(200, random_state=0)
    optimal = world.optimal_predictor()
    errors = flow_errors(optimal, sample, prompts=[50], horizon=50)
    spread = sample.X.std(axis=(0, 1))[2:]
    assert errors.values == pytest.approx(np.sqrt((0.05 / spread) ** 2 @ [1, 1] / 4), rel=1e-6)
    # A linear filter has no rest but one.
    linear = LinearFilterPredictor(32).fit(sample.X)
    assert flow_errors(linear, sample, prompts=[50], horizon=50)[0, -1] > 5 * errors[0, -1]


def test_what_few_paths_add_is_subtracted():
    """A chain whose forecast is known: .5 (1 + .8^k) after a one."""
    sample = CHAIN.sample(400, random_state=0)
    model = Fixed(stay, likelihood="bernoulli").fit(sample.X)
    prompt, ahead, n_paths = sample.X[:, :8], 12, 10
    known = 0.5 + np.where(prompt[:, -1:] > 0.5, 0.5, -0.5) * 0.8 ** np.arange(1, ahead + 1)
    optimal = CHAIN.optimal_predictor()
    assert np.allclose(_forecasts(optimal, prompt, ahead, 2, None)[0, :, :, 0], known)
    paths = _forecasts(model, prompt, ahead, n_paths, 0)
    assert paths.shape == (n_paths, 400, ahead, 1)
    square = _squared_errors(paths, known[np.newaxis, :, :, np.newaxis], np.ones(1))
    # The first step is not drawn.
    assert np.abs(square[:, 0]).max() < 1e-15
    means = square[:, 1:].mean(axis=1)
    standard_error = means.std() / np.sqrt(len(means))
    assert abs(means.mean()) < 3 * standard_error
    drawn = model.rollout(prompt, ahead, n_paths=n_paths, random_state=0)
    assert np.allclose(paths.mean(axis=0)[..., 0], drawn)
    uncorrected = ((drawn - known) ** 2)[:, 1:].mean()
    assert uncorrected > 10 * standard_error
    # Squares of single steps are below 0 where they have to be; those of sequences are not.
    assert (square < 0).any()
    options = dict(n_paths=n_paths, n_sequences=None)
    errors = flow_errors(model, sample, **options)
    assert errors.target == "forecast"
    assert (errors >= 0).all()
    assert (errors[:, -1] < 0.5 * np.sqrt(uncorrected)).all()
    # One that is wrong is found to be so.
    wrong = Fixed(lambda x: 1 - stay(x), likelihood="bernoulli").fit(sample.X)
    assert (flow_errors(wrong, sample, **options)[:, -1] > 2 * np.sqrt(uncorrected)).all()


def test_errors_of_drawn_paths_are_those_of_the_forecasts():
    """A chain that stays with .8 where it is .9: off by .5 (.6^k - .8^k) in all sequences."""
    sample = CHAIN.sample(300, random_state=0)
    model = Fixed(lambda x: np.where(x > 0.5, 0.8, 0.2), likelihood="bernoulli").fit(sample.X)
    errors = flow_errors(model, sample, prompts=[4], horizon=16, n_sequences=None)
    k = np.arange(1, 17)
    square = (0.5 * (0.6**k - 0.8**k)) ** 2
    expected = np.sqrt(square.cumsum() / k)[errors.horizon.values - 1]
    assert errors.values[0] == pytest.approx(expected, rel=0.05)


def test_the_same_uniform_numbers_are_drawn_for_all():
    sample = CHAIN.sample(20, random_state=0)
    first, second = (Fixed(stay, likelihood="bernoulli").fit(sample.X) for _ in range(2))
    errors = flow_errors(first, sample, prompts=[4, 16])
    assert errors.equals(flow_errors(second, sample, prompts=[4, 16]))
    # Those of a prompt depend on no other.
    assert errors[1:].equals(flow_errors(first, sample, prompts=[16], horizon=16))
    assert not errors.equals(flow_errors(first, sample, prompts=[4, 16], random_state=1))


def test_sequences_that_slip_do_not_rule_the_median():
    X = np.repeat(np.arange(10.0)[:, np.newaxis], 16, axis=1)
    X[:4, 12:] += 1000
    sample = Sample(X, world=ArrayWorld(X))
    model = PersistencePredictor().fit(X)
    errors = flow_errors(model, sample)
    assert errors.target == "continuation"
    assert (errors == 0).all()
    X[4:6, 12:] += 1000
    assert flow_errors(model, Sample(X, world=ArrayWorld(X)))[-1, -1] > 100


def test_steps_that_are_missing_do_not_count():
    X = np.tile([1.0, 1.0, 2.0, 3.0], (6, 1))
    X[:, 2] = np.nan
    X[0, 3] = np.nan
    model = PersistencePredictor().fit(X)
    errors = flow_errors(model, Sample(X, world=ArrayWorld(X)), prompts=[2], horizon=2)
    # None is left at the first horizon; at the second it is the last step alone.
    assert np.isnan(errors.values[0, 0])
    assert errors.values[0, 1] == 2


def test_channels_are_in_their_own_units():
    X = np.random.default_rng(0).normal(size=(50, 20, 2)).cumsum(axis=1)
    X[:, :, 1] *= 100
    sample = Sample(X, world=ArrayWorld(X))
    errors = flow_errors(PersistencePredictor().fit(X), sample)
    assert errors.units == "standard deviation of the channel"
    scaled = X / X.std(axis=(0, 1))
    square = (scaled[:, 10:] - scaled[:, 9:10]) ** 2
    assert errors.values[-1, -1] == pytest.approx(np.sqrt(np.median(square.mean(axis=(1, 2)))))
    # A channel that is constant is right, and has no unit.
    X[:, :, 1] = 7.0
    alone = X[:, :, 0]
    errors, single = (
        flow_errors(PersistencePredictor().fit(x), Sample(x, world=ArrayWorld(x)))
        for x in (X, alone)
    )
    assert errors.values == pytest.approx(single.values / alone.std() / np.sqrt(2))


@pytest.mark.parametrize("factor", [1e100, -1e100])
def test_forecasts_that_explode_are_infinitely_far_away(factor):
    sample = OscillatorWorld(n_steps=40).sample(9, random_state=0)
    model = Fixed(lambda x: factor * x).fit(sample.X)
    errors = flow_errors(model, sample)
    assert np.isinf(errors[:, -1]).all()
    assert np.isfinite(errors[:, 0]).all()
    # What is no number any more is no small error either.
    lost = Fixed(lambda x: np.where(np.abs(x) > 1, np.nan, 1.5 + 0 * x)).fit(sample.X)
    assert np.isinf(flow_errors(lost, sample)[:, -1]).all()


def test_what_worlds_are_compared_with():
    X = np.zeros((4, 8))
    inputs = FlipFlopWorld(feedback=False)
    targets = {
        OscillatorWorld(): "flow",
        LorenzWorld(): "flow",
        CIRCLE: "flow",
        LinearSystemWorld(Q=1.0): "flow",
        DriftWorld(): "flow",
        RegimeWorld(): "forecast",
        FlipFlopWorld(): "flow",
        SwitchingLinearWorld(): "flow",
        ArrayWorld(X): "continuation",
        OscillatorWorld().null("resample"): "continuation",
        RegimeWorld().null("shuffle"): "continuation",
        TriangleWorld(): None,
        inputs: None,
        inputs.null("exchange"): None,
        LinearSystemWorld(B=1.0): None,
    }
    assert {world: target_of(world) for world in targets} == targets


def test_a_network_whose_clock_runs_stays_within_its_length():
    train, evaluation = OscillatorWorld(n_steps=20).split(30, 20, random_state=0)
    model = GRUPredictor(3, max_steps=3, random_state=0).fit(train.X)
    assert model.time_channel == "full_time"
    assert flow_errors(model, evaluation, prompts=[1, 10]).shape == (2, 5)
    # Too short for three prompts that differ.
    assert flow_errors(model, *[Sample(**_first(evaluation, 2))]).prompt.values.tolist() == [1]


def _first(sample, n_steps):
    """Return the fields of a sample of the first steps."""
    return {
        "X": sample.X[:, :n_steps],
        "latents": sample.latents[:, :n_steps],
        "world": sample.world,
    }


def test_slow_predictors_are_asked_of_fewer_sequences():
    X = RegimeWorld(n_steps=12).sample(30, random_state=0).X
    quick = dict(max_steps=2, random_state=0)
    numbers = {}
    for likelihood in ("gaussian", "bernoulli"):
        for model in (
            GRUPredictor(3, likelihood=likelihood, **quick),
            EchoStatePredictor(3, likelihood=likelihood, n_draws=1, random_state=0),
            LinearFilterPredictor(likelihood=likelihood),
            TransformerPredictor(4, 1, 1, likelihood=likelihood, **quick),
            WindowPredictor(2, likelihood=likelihood),
            MarkovPredictor(likelihood="bernoulli"),
        ):
            number = _count_sequences(model.fit(X), 1024)
            numbers.setdefault(type(model).__name__, []).append(number)
    assert numbers == {
        "GRUPredictor": [500, 60],
        "EchoStatePredictor": [500, 60],
        "LinearFilterPredictor": [500, 60],
        "TransformerPredictor": [16, 8],
        "WindowPredictor": [16, 8],
        "MarkovPredictor": [60, 60],
    }
    # Of shorter ones there are more.
    assert _count_sequences(model, 64) == 256


@pytest.mark.parametrize(
    ("model", "quickly"),
    [
        (ModulePredictor(partial(nn.GRU, hidden_size=2, batch_first=True), max_steps=1), True),
        (ModulePredictor(partial(nn.GRU, hidden_size=2, num_layers=2, batch_first=True)), False),
        (LSTMPredictor(2), True),
        (TransformerPredictor(4, 1, 1), False),
    ],
)
def test_an_assessment_leaves_those_alone_in_few_sequences_that_step_slowly(model, quickly):
    """By the answer that flow_errors has: a module of one plain layer goes on from a state."""
    X = OscillatorWorld(n_steps=16).sample(9, random_state=0).X
    assert steps_quickly(clone(model).set_params(max_steps=1, random_state=0).fit(X)) == quickly
    options = {"n_train": 10, "n_eval": 10, "probe": None, "reservoir_sizes": None}
    assessment = EmergenceAssessment(OscillatorWorld(n_steps=16), model, **options)
    works = [cell.work for cell in schedule(make_plan(assessment, None, None))]
    numbers = {work.left_alone.n_sequences for work in works if work.left_alone is not None}
    assert numbers == ({"auto"} if quickly else {N_SLOW})


def test_the_first_sequences_are_taken():
    sample = OscillatorWorld(n_steps=20).sample(30, random_state=0)
    model = PersistencePredictor().fit(sample.X)
    few = Sample(sample.X[:7], sample.latents[:7], world=sample.world)
    assert flow_errors(model, sample, n_sequences=7).equals(flow_errors(model, few))
    assert flow_errors(model, sample, n_sequences=None).equals(flow_errors(model, sample))


def test_it_is_a_measure_of_an_assessment():
    few = partial(flow_errors, n_sequences=5, n_paths=2)
    assert pickle.loads(pickle.dumps(flow_errors)) is flow_errors
    assessment = small_assessment(
        measures={"flow": flow_errors, "few": few}, record_at=[0, 4], **ONE_NULL
    ).fit()
    cube = assessment.cube_
    flow = cube.flow_trajectory
    assert set(flow.dims) >= {"condition", "seed", "step", "prompt", "horizon"}
    assert (flow > 0).all()
    assert not flow.equals(cube.few_trajectory)
    assert flow.attrs["units"] == "unit of the data"


def test_bad_arguments():
    world = OscillatorWorld(n_steps=20)
    sample = world.sample(10, random_state=0)
    model = PersistencePredictor().fit(sample.X)
    for prompts in ([0, 5], [5, 5], [20], [], [1.5], 3):
        with pytest.raises(ValueError, match=r"increasing integers from 1 to 19"):
            flow_errors(model, sample, prompts=prompts)
    with pytest.raises(ValueError, match=r"horizon=11 after a prompt of 10 steps .* horizon=10 or"):
        flow_errors(model, sample, horizon=11)
    for name, value in {"horizon": 0, "n_sequences": 0, "n_paths": 1}.items():
        with pytest.raises(ValueError, match=f"{name}={value} must be an integer of at least"):
            flow_errors(model, sample, **{name: value})
    with pytest.raises(ValueError, match="n_sequences='all' must be .* 'auto', or None for all"):
        flow_errors(model, sample, n_sequences="all")
    for given, what in ((sample.X, "is a ndarray"), (Sample(sample.X), "has no world")):
        with pytest.raises(ValueError, match=f"sample {what}"):
            flow_errors(model, given)
    with pytest.raises(ValueError, match="Did you mean 'forecast'"):
        flow_errors(model, sample, target="forecasts")
    with pytest.raises(NotFittedError):
        flow_errors(PersistencePredictor(), sample)


def test_targets_that_a_world_does_not_have():
    model = PersistencePredictor().fit(np.eye(8))
    recordings = Sample(np.eye(8), world=ArrayWorld(np.eye(8)))
    with pytest.raises(ValueError, match=r"no flow .*flow_kind=None.*target='continuation'"):
        flow_errors(model, recordings, target="flow")
    with pytest.raises(ValueError, match=r"no optimal predictor .*; pass target='continuation'"):
        flow_errors(model, recordings, target="forecast")
    regime = RegimeWorld(n_steps=8).sample(8, random_state=0)
    with pytest.raises(ValueError, match=r"pass target='forecast' or 'continuation'"):
        flow_errors(model, regime, target="flow")
    task = FlipFlopWorld(feedback=False, n_steps=8).sample(8, random_state=0)
    with pytest.raises(ValueError, match="has exogenous channels, n_exogenous=3"):
        flow_errors(model, task)
    tokens = TriangleWorld().sample(8, random_state=0)
    with pytest.raises(ValueError, match="made of tokens"):
        flow_errors(MarkovPredictor(likelihood="categorical").fit(tokens.X), tokens)
    two = MeanPredictor().fit(np.random.default_rng(0).normal(size=(8, 8, 2)))
    with pytest.raises(ValueError, match="channels"):
        flow_errors(two, OscillatorWorld(n_steps=8).sample(8, random_state=0))
