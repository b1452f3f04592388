"""Assessments of worlds with inputs, and of tasks."""

import warnings

import numpy as np
import pytest
from torch import nn

from sklearn_emerge import (
    ArrayWorld,
    EmergenceAssessment,
    FlipFlopWorld,
    GRUPredictor,
    LinearFilterPredictor,
    MeanPredictor,
    ModulePredictor,
    PersistencePredictor,
    WindowPredictor,
    explain,
    load_cube,
)
from sklearn_emerge.assessment._panel import make_baselines
from sklearn_emerge.measures import exchange_states, memory_curve, outcome_accuracy
from sklearn_emerge.predictors._last_inputs import window_of

OPTIONS = dict(n_seeds=6, reservoir_sizes=None, random_state=0, progress=False)
FEW = dict(n_seeds=2, n_train=20, n_eval=10, random_state=0, progress=False, reservoir_sizes=(4,))


def assess(*args, **options):
    with warnings.catch_warnings():
        # Seeds are few, and training is short.
        warnings.simplefilter("ignore")
        return EmergenceAssessment(*args, **options).fit()


def driven(n_sequences=40, n_steps=10):
    """Return x_{t+1} = .6 x_t + 1.5 u_t + noise, and u."""
    rng = np.random.default_rng(0)
    inputs, X = rng.normal(size=(2, n_sequences, n_steps))
    for t in range(n_steps - 1):
        X[:, t + 1] = 0.6 * X[:, t] + 1.5 * inputs[:, t] + 0.5 * X[:, t + 1]
    return X, inputs


def delayed(delay=2, n_sequences=300, n_steps=12):
    """Return the input of some steps before, with noise, and the input."""
    rng = np.random.default_rng(0)
    outputs, inputs = rng.normal(scale=[[[0.7]], [[1.0]]], size=(2, n_sequences, n_steps))
    outputs[:, delay:] += inputs[:, :-delay]
    return outputs, inputs


def test_a_driven_recording_is_assessed_from_end_to_end(tmp_path):
    X, inputs = driven()
    world = ArrayWorld(X, latents=X, inputs=inputs)
    nulls = ("resample", "shuffle", "phase", "exchange")
    cube = assess(world, GRUPredictor(4, max_steps=20), nulls=nulls, **FEW).cube_
    assert cube.nll.notnull().all()
    here = cube.nll_baseline.sel(condition="structured").mean("seed")
    assert {"persistence", "seasonal", "time_varying_filter", "echo_state"} <= set(
        cube.baseline.values
    )
    assert here.idxmin().item() in ("linear_filter", "time_varying_filter", "window")
    # What is not driven predicts hardly at all.
    assert here.sel(baseline="linear_filter") < here.sel(baseline="persistence") - 0.5
    assert "accuracy" not in cube
    cube.to_netcdf(tmp_path / "cube.nc")
    assert "inputs exchanged" in str(explain(load_cube(tmp_path / "cube.nc")))


def test_the_panel_of_a_task_sees_what_the_network_sees():
    X, inputs = driven()
    world = ArrayWorld(X, inputs=inputs, input_delay=0, feedback=False)
    cube = assess(world, GRUPredictor(4, max_steps=10), **FEW).cube_
    panel = ["mean", "step_mean", "linear_filter", "time_varying_filter", "window", "echo_state"]
    assert cube.baseline.values.tolist() == panel
    assert cube.nll_reservoir.notnull().any()
    assert cube.nll_memory.notnull().all()


def test_last_inputs_in_place_of_states_are_those_that_are_seen():
    X, inputs = driven()
    fed, task = (ArrayWorld(X, inputs=inputs, feedback=feedback) for feedback in (True, False))
    sample = fed.sample(40, random_state=0)
    window = window_of(sample.X, 2, None, None, n_exogenous=fed.n_exogenous)
    assert window.shape == (40, 10, 4)
    centred = sample.X - sample.X.mean(axis=(0, 1))
    np.testing.assert_allclose(window[:, 3], np.hstack([centred[:, 3], centred[:, 2]]))
    window = window_of(sample.X, 2, None, None, n_exogenous=1, feedback=task.feedback)
    np.testing.assert_allclose(window[:, 3], np.stack([centred[:, 3, 1], centred[:, 2, 1]], axis=1))


@pytest.mark.slow
def test_a_delayed_copy_is_not_beyond_a_linear_filter():
    outputs, inputs = delayed()
    world = ArrayWorld(outputs, inputs=inputs, input_delay=0, feedback=False)
    baselines = ("mean", "linear_filter")
    model = GRUPredictor(8, max_steps=600)
    assessment = assess(world, model, baselines=baselines, **OPTIONS)
    assert assessment.verdict_ == "learned, not beyond a linear filter"
    # All that is left is the noise, but for the first steps, which have no input so long ago.
    noise = 0.5 * np.log(2 * np.pi * np.e * 0.7**2)
    found = assessment.cube_.nll_baseline.sel(condition="structured", baseline="linear_filter")
    assert found.mean().item() == pytest.approx(noise, abs=0.05)


def test_a_flip_flop_takes_memory_and_nonlinearity():
    """The task of Sussillo and Barak: outputs hold the last pulse, and are not fed back."""
    world = FlipFlopWorld(1, pulse_probability=0.15, n_steps=30, feedback=False)
    train, evaluation = world.split(200, 200, random_state=0)
    roles = dict(n_exogenous=1, feedback=False, likelihood="bernoulli")
    best = world.optimal_predictor()
    assert best.score(evaluation.X) == pytest.approx(0, abs=1e-5)
    assert outcome_accuracy(best, evaluation) == 1
    network = GRUPredictor(6, max_steps=600, lr=0.02, random_state=0, **roles).fit(train.X)
    assert outcome_accuracy(network, evaluation) > 0.995
    assert network.score(evaluation.X) > -0.02
    for predictor in (
        LinearFilterPredictor(**roles),
        WindowPredictor(10, n_features=50, random_state=0, **roles),
        GRUPredictor(6, training="readout", random_state=0, **roles),
    ):
        predictor.fit(train.X)
        assert outcome_accuracy(predictor, evaluation) < 0.97
        assert predictor.score(evaluation.X) < -0.1
    # It is its state that holds the bit, and not its last input.
    curve = memory_curve(network, evaluation, n_sequences=50)
    assert curve[0] > curve[-1] + 0.3
    exchanged = exchange_states(network, evaluation, latent="bit", n_sequences=100)
    assert exchanged.sel(exchange="rise") > 0.5
    assert exchanged.sel(exchange="correlation") > 0.9


def test_the_accuracy_of_a_task_is_in_the_cube():
    world = FlipFlopWorld(2, pulse_probability=0.2, n_steps=12, feedback=False)
    baselines = ("mean", "linear_filter")
    options = FEW | dict(n_train=60, n_eval=40, baselines=baselines, nulls=("exchange",), n_jobs=1)
    options |= dict(modes=("full",), claims=("gain",), reservoir_sizes=None)
    model = GRUPredictor(4, max_steps=200, lr=0.02, engine="numba")
    assessment = assess(world, model, **options)
    cube = assessment.cube_
    assert cube.accuracy.dims == cube.nll.dims
    assert cube.accuracy_baseline.dims == cube.nll_baseline.dims
    here = cube.sel(condition="structured")
    assert (here.accuracy.sel(mode="full") > 0.85).all()
    assert (here.accuracy_baseline.sel(baseline="mean") < 0.7).all()
    assert (abs(cube.accuracy.sel(condition="exchange") - 0.5) < 0.1).all()
    predictor = assessment.predictor(mode="full", seed=0)
    evaluation = world.splits(2, 60, 40, _data(assessment))[0][1]
    found = outcome_accuracy(predictor, evaluation)
    assert found == here.accuracy.sel(mode="full", seed=0).item()
    np.testing.assert_array_equal(cube.nll_optimal.sel(condition="structured") < 1e-5, True)
    # Of two bits.
    assert cube.nll_optimal.sel(condition="exchange").values == pytest.approx(2 * np.log(2))


def _data(assessment):
    """Return the stream of the data of an assessment."""
    import json

    from sklearn_emerge._random import substream

    entropy = json.loads(assessment.cube_.attrs["configuration"])["entropy"]
    return substream(entropy, "data")


def test_the_accuracy_is_that_of_a_count_of_right_outcomes():
    rng = np.random.default_rng(0)
    tokens, inputs = rng.integers(0, 3, (20, 6)), rng.normal(size=(20, 6))
    X = np.stack([tokens, inputs], axis=2)
    roles = dict(n_exogenous=1, feedback=False)
    model = LinearFilterPredictor(1, likelihood="categorical", **roles).fit(X)
    right = model.predict(X)[:, :-1].argmax(axis=2) == tokens[:, 1:]
    assert outcome_accuracy(model, X) == right.mean()
    X[:, 3, 0] = np.nan
    assert outcome_accuracy(model, X) == np.delete(right, 2, axis=1).mean()
    model = MeanPredictor(**roles).fit(X)
    with pytest.raises(ValueError, match="MeanPredictor was fitted with likelihood='gaussian'"):
        outcome_accuracy(model, X)


def test_choices_at_the_last_step_of_trials_are_assessed():
    """Evidence is integrated, and the choice asked for once, at the end."""
    rng = np.random.default_rng(0)
    evidence = rng.normal(size=(80, 10))
    choices = np.zeros((80, 10))
    choices[:, -1] = evidence.sum(axis=1) > 0
    asked = np.arange(10) == np.full((80, 1), 9)
    world = ArrayWorld(choices, inputs=evidence, observed=asked, input_delay=0, feedback=False)
    options = FEW | dict(n_train=None, n_eval=None, baselines=("mean", "linear_filter"))
    cube = assess(world, GRUPredictor(4, max_steps=60), **options).cube_
    here = cube.sel(condition="structured")
    assert (here.accuracy_baseline.sel(baseline="linear_filter") > 0.8).all()
    assert (here.accuracy_baseline.sel(baseline="mean") < 0.75).all()
    assert cube.nll.notnull().all()


@pytest.mark.slow
def test_latents_of_a_task_are_decoded_while_nothing_is_asked():
    rng = np.random.default_rng(0)
    evidence = rng.normal(size=(60, 8))
    summed = evidence.cumsum(axis=1)
    asked = np.arange(8) == np.full((60, 1), 4)
    options = dict(observed=asked, inputs=evidence, input_delay=0, feedback=False)
    model = GRUPredictor(4, max_steps=5)
    few = FEW | dict(n_train=None, n_eval=None, baselines="mean", reservoir_sizes=None)
    # An answer in the middle of a trial, and latents that are known at it alone, or as classes.
    for latents in (summed, np.where(asked, summed, np.nan), (summed > 0).astype(int)):
        world = ArrayWorld((summed > 0) * 1.0, latents, **options)
        cube = assess(world, model, nulls=(), **few).cube_
        assert cube.probe_score.notnull().all()
        assert cube.probe_score_window.notnull().all()


def verdict_of_an_operator(assessment):
    """Return what is said first of an assessment if its verdict is an operator."""
    cube = assessment.cube_.copy(deep=True)
    cube["verdict"][...] = "operator"
    return " ".join(explain(cube).partition("What was found")[0].split())


@pytest.mark.slow
def test_sentences_and_table_have_the_accuracy_of_a_task_and_say_what_it_gains_by():
    world = FlipFlopWorld(1, pulse_probability=0.2, n_steps=12, feedback=False)
    options = FEW | dict(n_train=60, n_eval=40, baselines=("mean", "linear_filter"))
    assessment = assess(world, GRUPredictor(4, max_steps=20), nulls="exchange", **options)
    here = assessment.cube_.sel(condition="structured")[["accuracy", "accuracy_baseline"]].mean(
        "seed"
    )
    best = here.accuracy_baseline.sel(baseline="linear_filter").item()
    full, readout = here.accuracy.sel(mode=["full", "readout"]).values
    said = " ".join(assessment.explain().split())
    assert (
        f"Answers that are right: {full:.1%} by the trained network, {readout:.1%} by its "
        f"untrained core and {best:.1%} by a linear filter."
    ) in said
    table = assessment.summary()
    assert table.accuracy.item() == f"{full:.3f}/{best:.3f}".replace("0.", ".")
    assert "accuracy: right answers, of the trained network/the best" in table.attrs["caption"]
    # Targets of a task have no order that its predictors see; those of what is driven have.
    by_inputs, by_order = (
        "by what its inputs tell and with its",
        "by the order in time and with its",
    )
    assert by_inputs in verdict_of_an_operator(assessment)
    X, inputs = driven()
    sizes = options | dict(n_train=None, n_eval=None, nulls="resample")
    fed = assess(ArrayWorld(X, inputs=inputs), GRUPredictor(4, max_steps=20), **sizes)
    assert by_order in verdict_of_an_operator(fed)
    assert "Answers" not in fed.explain()
    assert "accuracy" not in fed.summary()


def test_networks_that_were_trained_on_a_task_are_assessed_as_they_are():
    outputs, inputs = delayed(n_sequences=40)
    world = ArrayWorld(outputs, inputs=inputs, input_delay=0, feedback=False)
    nets = [ModulePredictor.from_trained(nn.RNN(1, 4, batch_first=True), max_steps=5) for _ in "ab"]
    options = {name: value for name, value in FEW.items() if name != "n_seeds"}
    cube = assess(world, nets, baselines=("mean", "linear_filter"), **options).cube_
    assert cube.nll.notnull().all()
    assert cube.sizes["seed"] == 2


def test_networks_of_the_inputs_alone_are_told_that_they_are_those_of_a_task():
    outputs, inputs = delayed(n_sequences=40)
    nets = [nn.RNN(1, 4, batch_first=True) for _ in "ab"]
    options = {name: value for name, value in FEW.items() if name != "n_seeds"}
    options |= dict(baselines=("mean",), modes="random", nulls=(), probe=None)
    message = (
        r"must take 2 inputs.* It takes 1, .*inputs=\.\.\., feedback=False\), with input_delay=0"
    )
    with pytest.raises(ValueError, match=message):
        assess(ArrayWorld(outputs, inputs=inputs), nets, **options)
    with pytest.raises(ValueError, match=r"in forward\.\s*$|in forward\.\n"):
        assess(ArrayWorld(outputs, inputs=inputs), [nn.RNN(3, 4, batch_first=True)], **options)
    task = ArrayWorld(outputs, inputs=inputs, input_delay=0, feedback=False)
    assert assess(task, nets, **options).cube_.nll.notnull().all()


@pytest.mark.parametrize(
    ("options", "message", "remedy"),
    [
        (
            dict(model=GRUPredictor(3, n_exogenous=2, max_steps=1)),
            r"n_exogenous=2 of GRUPredictor is not that of the world or the model, 1; leave it",
            dict(model=GRUPredictor(3, max_steps=1)),
        ),
        (
            dict(baselines=["mean", "persistence"]),
            r"baselines=.*'persistence' would .*feedback=False\); leave out .*baselines=\['mean'\]",
            dict(baselines=["mean"]),
        ),
        (
            dict(baselines="seasonal"),
            r"'seasonal' would .*, baselines=\['mean', 'linear_filter'\]",
            dict(baselines=["mean", "linear_filter"]),
        ),
        (
            dict(baselines={"last": PersistencePredictor()}),
            r"baselines has 'last' \(PersistencePredictor\), which would predict from what is "
            r"predicted.*feedback=False\); pass others, baselines=\['mean', 'linear_filter'\]",
            dict(baselines=["mean", "linear_filter"]),
        ),
        (
            dict(baselines={"last": PersistencePredictor(), "filter": LinearFilterPredictor()}),
            r"leave them out, {name: baselines\[name\] for name in \['filter'\]}",
            dict(baselines={"filter": LinearFilterPredictor()}),
        ),
        (
            dict(baselines={"filter": LinearFilterPredictor(feedback=True)}),
            r"baselines has 'filter' \(LinearFilterPredictor\).*; leave their feedback 'auto'",
            dict(baselines={"filter": LinearFilterPredictor()}),
        ),
    ],
)
def test_what_does_not_fit_a_task_is_refused_before_training(options, message, remedy):
    outputs, inputs = delayed(n_sequences=40)
    world = ArrayWorld(outputs, inputs=inputs, input_delay=0, feedback=False)
    model = GRUPredictor(3, max_steps=1)
    with pytest.raises(ValueError, match=message):
        assess(world, **{"model": model} | FEW | options)
    assess(world, **{"model": model, "baselines": "mean"} | FEW | remedy)


def test_the_panel_of_fed_worlds_is_as_before():
    X, _ = driven()
    model = GRUPredictor(likelihood="gaussian")
    assert "persistence" in make_baselines("auto", model, ArrayWorld(X))


@pytest.mark.slow
def test_a_network_that_holds_the_bit_is_an_operator_and_a_filter_is_none():
    world = FlipFlopWorld(1, pulse_probability=0.15, n_steps=40, feedback=False)
    model, sizes = GRUPredictor(8, max_steps=1500, lr=0.02), dict(n_train=300, n_eval=100)
    nulls = ("resample", "exchange")
    assessment = assess(world, model, nulls=nulls, **sizes, **OPTIONS)
    assert assessment.verdict_ == "operator+representation"
    assert (assessment.cube_.accuracy.sel(condition="structured", mode="full") > 0.999).all()
