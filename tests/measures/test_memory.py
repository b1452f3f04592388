"""What a network's memory is worth: predictions from the last inputs alone, and of other states."""

from functools import partial

import numpy as np
import pytest
import torch
import xarray as xr
from conftest import ALL_MODES, small_assessment
from scipy.stats import norm
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import Bunch
from torch import nn

from sklearn_emerge import (
    AutoregressivePredictor,
    EchoStatePredictor,
    GRUPredictor,
    LSTMPredictor,
    MarkovPredictor,
    MeanPredictor,
    MemoryDisplay,
    ModulePredictor,
    OscillatorWorld,
    RegimeWorld,
    RNNPredictor,
    TransformerPredictor,
    TriangleWorld,
    WindowPredictor,
)
from sklearn_emerge.assessment._words import baseline_in_words
from sklearn_emerge.measures import exchange_states, memory_curve
from sklearn_emerge.measures._exchange import _pairs
from sklearn_emerge.predictors import _evaluation

WORLD = OscillatorWorld(n_steps=20)
X, FRESH = WORLD.sample(60, random_state=0).X, WORLD.sample(40, random_state=1).X
PAIR = np.stack([X, 100 + 5 * X[::-1]], axis=2)
BINARY = RegimeWorld(n_steps=20).sample(60, random_state=0).X
TOKENS = np.random.default_rng(0).integers(2, size=(60, 20)).cumsum(axis=1) % 3
QUICK = dict(max_steps=3, random_state=0)
SGD = dict(head="sgd", **QUICK)
MODELS = {
    "gru, numba, sgd": GRUPredictor(3, engine="numba", **SGD),
    "gru, torch, sgd": GRUPredictor(4, engine="torch", **SGD),
    "gru, numba": GRUPredictor(3, engine="numba", **QUICK),
    "lstm, torch": LSTMPredictor(4, engine="torch", **QUICK),
    "rnn, torch": RNNPredictor(4, engine="torch", input_scaling="first", **QUICK),
    "transformer, sgd": TransformerPredictor(8, 2, 2, initial_weights="glorot", **SGD),
    "transformer, context": TransformerPredictor(8, 2, 2, context=9, **QUICK),
    "module": ModulePredictor(partial(nn.GRU, hidden_size=3, num_layers=2, batch_first=True)),
    "echo state": EchoStatePredictor(10, n_draws=1, time_channel="full_time", random_state=0),
}
MODELS["module"].set_params(**QUICK)
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def memoryless(**options):
    """Return a network without a state."""
    return ModulePredictor(lambda n_inputs: nn.Linear(n_inputs, 4), **{**QUICK, **options})


@each_model
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(X, id="one"),
        pytest.param(PAIR, id="two", marks=pytest.mark.slow),
        pytest.param(BINARY, id="binary", marks=pytest.mark.slow),
        pytest.param(TOKENS, id="tokens"),
    ],
)
def test_all_inputs_give_the_ordinary_loss(model, data):
    likelihood = {id(BINARY): "bernoulli", id(TOKENS): "categorical"}.get(id(data), "auto")
    engine = (
        {"engine": "auto"} if getattr(model, "engine", "") == "numba" and data is TOKENS else {}
    )
    model = clone(model).set_params(likelihood=likelihood, **engine).fit(data)
    curve = memory_curve(model, data)
    assert curve.window.values.tolist() == [1, 2, 4, 8, 16, 20]
    assert curve.sel(window=20).item() == pytest.approx(-model.score(data), abs=1e-12)
    assert np.isfinite(curve).all()
    # All steps that predict something are as many.
    assert memory_curve(model, data, windows=[19])[0] == curve[-1]


@each_model
def test_a_window_sees_its_inputs_alone(model):
    model = clone(model).fit(X)
    k, t = 3, 12
    before = FRESH.copy()
    # The first step stays: input_scaling="first" takes it off everywhere.
    before[:, 1 : t - k + 1] = X[: len(FRESH), 1 : t - k + 1]
    mean, other = (model._predict_from(x[:, :, np.newaxis], k)[:, :, 0] for x in (FRESH, before))
    assert np.array_equal(mean[:, t:], other[:, t:])
    assert not np.isclose(mean[:, t - 1], other[:, t - 1]).all()
    # The first of the window is seen, later ones are not.
    seen, later = FRESH.copy(), FRESH.copy()
    seen[:, t - k + 1] += 1
    later[:, t + 1 :] += 1
    assert not np.isclose(model._predict_from(seen[:, :, np.newaxis], k)[:, t, 0], mean[:, t]).any()
    assert np.array_equal(model._predict_from(later[:, :, np.newaxis], k)[:, t, 0], mean[:, t])


@each_model
def test_steps_with_fewer_inputs_see_what_there_is(model):
    model = clone(model).fit(X)
    ordinary = model.predict(FRESH)
    mean = model._predict_from(FRESH[:, :, np.newaxis], 5)[:, :, 0]
    assert np.allclose(mean[:, :5], ordinary[:, :5], rtol=0, atol=1e-6)
    assert not np.isclose(mean[:, 5:], ordinary[:, 5:], rtol=0, atol=1e-9).all()


@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("chunk", [1024, 7])
def test_recurrent_networks_start_from_zero_with_the_true_clock(engine, chunk, monkeypatch):
    monkeypatch.setattr(_evaluation, "_CHUNK", chunk)
    model = GRUPredictor(3, engine=engine, **SGD).fit(X)
    k, clock = 4, np.arange(20) / 19
    z = (FRESH - X.mean()) / X.std()
    mean = model._predict_from(FRESH[:, :, np.newaxis], k)[:, :, 0]
    for t in (4, 11, 19):
        window = slice(t - k + 1, t + 1)
        inputs = np.stack([z[:, window], np.tile(clock[window], (len(z), 1))], axis=2)
        with torch.no_grad():
            last = model.network_(torch.from_numpy(inputs).float())[:, -1, 0].numpy()
        assert np.allclose(mean[:, t], last * X.std() + X.mean(), atol=1e-5)


@pytest.mark.parametrize("context", [None, 9])
def test_transformers_keep_the_true_positions(context):
    model = TransformerPredictor(8, 2, 2, context=context, initial_weights="glorot", **QUICK).fit(X)
    network, k = model.network_.double(), 4
    z = torch.from_numpy((FRESH - X.mean()) / X.std())[:, :, np.newaxis]
    mean = model._predict_from(FRESH[:, :19, np.newaxis], k)[:, :, 0]
    for t in (6, 15, 18):
        last = min(t, len(network.core.positions) - 1)
        with torch.no_grad():
            hidden = network.core.embedding(z[:, t - k + 1 : t + 1])
            hidden = hidden + network.core.positions[last - k + 1 : last + 1]
            for block in network.core.blocks:
                hidden = block(hidden)
            output = network.head(network.core.norm(hidden))[:, -1, 0].numpy()
        assert np.allclose(mean[:, t], output * X.std() + X.mean(), atol=1e-12)


def test_a_network_without_memory_has_a_flat_curve():
    for model, data in [(memoryless(), X), (memoryless(likelihood="categorical"), TOKENS)]:
        curve = memory_curve(model.fit(data), data)
        assert np.allclose(curve, curve[-1], rtol=0, atol=1e-12)


def test_what_has_learned_to_remember_loses_by_a_reset():
    model = EchoStatePredictor(30, n_draws=2, random_state=0).fit(X)
    curve = memory_curve(model, FRESH)
    assert curve[0] > curve[3] + 0.1 > curve[-1]
    exchange = exchange_states(model, FRESH)
    assert exchange.sel(exchange="rise") > 0.1
    assert exchange.sel(exchange="correlation") > 0.5


def test_a_trained_network_of_a_process_of_order_one_needs_its_last_input_only():
    rng = np.random.default_rng(0)
    series = np.zeros((200, 20))
    for t in range(1, 20):
        series[:, t] = 0.9 * series[:, t - 1] + rng.normal(size=200)
    model = EchoStatePredictor(10, n_draws=2, random_state=0).fit(series)
    exchange = exchange_states(model, series)
    # The oscillator's is above .1.
    assert abs(exchange.sel(exchange="rise")) < 0.02


def test_only_steps_that_count_are_scored():
    world = TriangleWorld(examples={"A->B": 40, "B->C": 40})
    sample = world.sample(world.default_n_train, random_state=0)
    model = GRUPredictor(4, likelihood="categorical", n_tokens=world.n_tokens, **QUICK)
    model.fit(sample.X)
    n = sample.X.shape[1]
    loss = -model.score_steps(sample.X)[sample.scored[:, 1:]].mean()
    assert memory_curve(model, sample, windows=[n])[0] == pytest.approx(loss, abs=1e-12)
    assert memory_curve(model, sample.X, windows=[n])[0] == pytest.approx(-model.score(sample.X))
    assert np.isfinite(exchange_states(model, sample, n_steps=2)).all()


def test_some_sequences_are_the_first_ones():
    model = GRUPredictor(3, **QUICK).fit(X)
    for measure in (partial(memory_curve, windows=[2, 5]), partial(exchange_states, n_steps=3)):
        xr.testing.assert_identical(measure(model, X, n_sequences=9), measure(model, X[:9]))


def test_exchange_gives_the_past_of_the_nearest_sequence():
    # What follows depends on the step before the last: of half the pairs it is another.
    rng = np.random.default_rng(0)
    chain = rng.integers(2, size=(300, 12))
    for t in range(2, 12):
        chain[:, t] = chain[:, t - 2] ^ (rng.random(300) < 0.1)
    model = WindowPredictor(2, 1, likelihood="bernoulli", random_state=0).fit(chain)
    exchange = exchange_states(model, chain, n_steps=100)
    p = np.array([0.9, 0.1])
    rise = (p * np.log(p)).sum() - (p[::-1] * np.log(p)).sum()
    assert exchange.sel(exchange="rise").item() == pytest.approx(rise / 2, abs=0.1)
    assert exchange.sel(exchange="correlation").item() == pytest.approx(0.8, abs=0.05)
    assert exchange.sel(exchange="distance") == 0
    short = exchange_states(MarkovPredictor(likelihood="bernoulli").fit(chain), chain)
    assert short.sel(exchange="rise") == 0
    assert np.isnan(short.sel(exchange="correlation"))


def test_partners_are_others_with_the_same_or_the_nearest_last_input():
    last = np.array([[0.0], [1.0], [0.0], [0.0], [2.0], [1.0]])
    rows, others = _pairs(last, exact=True)
    assert sorted(rows) == sorted(others) == [0, 1, 2, 3, 5]
    assert np.array_equal(last[rows], last[others])
    assert (rows != others).all()
    rows, others = _pairs(np.array([[0.0], [3.0], [1.0], [1.0]]), exact=False)
    assert rows.tolist() == [0, 1, 2, 3]
    assert others[2:].tolist() == [3, 2]
    assert others[0] in (2, 3)


def test_changes_follow_a_latent_whatever_its_sign():
    sample = WORLD.sample(60, random_state=0)
    model = EchoStatePredictor(20, n_draws=2, random_state=0).fit(sample.X)
    name = "x"
    turned = Bunch(**{**sample, "latents": -sample.latents})
    found, other = (exchange_states(model, s, latent=name) for s in (sample, turned))
    assert 0.2 < found.sel(exchange="correlation") <= 1
    assert np.allclose(found, other)
    noise = np.random.default_rng(0).normal(size=sample.latents.shape)
    unrelated = exchange_states(model, Bunch(**{**sample, "latents": noise}), latent=name)
    assert unrelated.sel(exchange="correlation") < 0.15


def test_a_latent_may_say_whether_a_value_stays():
    world = RegimeWorld(n_steps=20)
    exchange = exchange_states(world.optimal_predictor(), world.sample(100, random_state=0))
    known = exchange_states(
        world.optimal_predictor(), world.sample(100, random_state=0), latent="regime"
    )
    assert known.sel(exchange="correlation") > 0.6
    assert exchange.sel(exchange="correlation") < 0.5


def test_states_are_exchanged_as_the_network_sees_its_inputs():
    # Relative to the first step, all sequences are alike: no state differs.
    steps = np.arange(12) + np.random.default_rng(0).normal(size=(30, 1))
    model = GRUPredictor(3, input_scaling="first", **QUICK).fit(steps)
    exchange = exchange_states(model, steps)
    assert exchange.sel(exchange="rise").item() == pytest.approx(0, abs=1e-6)
    assert exchange.sel(exchange="distance").item() == pytest.approx(0, abs=1e-6)


def test_a_broken_network_has_no_correlation():
    model = GRUPredictor(3, engine="torch", **SGD).fit(X)
    with torch.no_grad():
        model.network_.head.bias.fill_(np.nan)
    assert np.isnan(exchange_states(model, X).sel(exchange=["loss", "correlation"])).all()
    assert np.isnan(memory_curve(model, X)).all()


FITTED = MeanPredictor().fit(X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"windows": [0, 2]}, r"windows=\[0, 2\] must be increasing integers from 1.*to 20"),
        ({"windows": [1, 21]}, r"windows=\[1, 21\].*20, all steps"),
        ({"windows": [4, 2]}, "increasing"),
        ({"windows": [1.5]}, "integers"),
        ({"windows": []}, "integers"),
        ({"windows": 4}, "windows=4 must be"),
        ({"n_sequences": 0}, "n_sequences=0 is no number.*None for all"),
        ({"n_sequences": 2.0}, "n_sequences=2.0"),
    ],
)
def test_windows_that_cannot_be_are_refused(options, message):
    model = EchoStatePredictor(2, n_draws=1, random_state=0).fit(X)
    with pytest.raises(ValueError, match=message):
        memory_curve(model, X, **options)


def test_predictors_that_cannot_be_measured_are_refused():
    with pytest.raises(ValueError, match="MeanPredictor has no state.*pass a network"):
        memory_curve(FITTED, X)
    for measure in (memory_curve, exchange_states):
        with pytest.raises(NotFittedError):
            measure(GRUPredictor(), X)
        with pytest.raises(ValueError, match="expecting 20 features"):
            measure(EchoStatePredictor(2, n_draws=1, random_state=0).fit(X), X[:, :9])


@pytest.mark.parametrize(
    ("sample", "options", "message"),
    [
        (X, {"n_steps": 0}, "n_steps=0 must be"),
        (X, {"latent": "x"}, "latent='x' is not a latent.*none"),
        (WORLD.sample(5, random_state=0), {"latent": "z"}, "latent='z'.*'x'"),
        (
            Bunch(X=X, latents=TOKENS[:, :, np.newaxis], latent_names=("state",)),
            {"latent": "state"},
            "'state' has 3 classes",
        ),
        (X, {"n_sequences": 1}, "No two of the 1 sequences.*pass more"),
    ],
)
def test_exchanges_that_cannot_be_are_refused(sample, options, message):
    with pytest.raises(ValueError, match=message):
        exchange_states(FITTED, sample, **options)


def test_two_steps_have_no_past_to_exchange():
    with pytest.raises(ValueError, match="Sequences of 2 steps.*at least 3"):
        exchange_states(MeanPredictor().fit(X[:, :2]), X[:, :2])


@pytest.fixture(scope="module")
def cube():
    """A cube with memory curves and exchanges."""
    measures = {"memory": memory_curve, "exchange": partial(exchange_states, n_steps=2)}
    return (
        small_assessment(
            world=WORLD, modes=ALL_MODES, record_at=[0, 4], measures=measures, probe=None
        )
        .fit()
        .cube_
    )


def test_an_assessment_records_them(cube):
    recorded = cube.memory_trajectory
    assert recorded.dims == ("condition", "mode", "seed", "step", "window")
    assert recorded.attrs["units"] == "nat/step"
    assert "last inputs" in cube.window.attrs["long_name"]
    assert np.allclose(recorded.sel(step=4, window=20), cube.nll, atol=1e-9)
    assert cube.exchange_trajectory.exchange.values.tolist() == [
        "loss",
        "rise",
        "correlation",
        "distance",
    ]


def test_the_display_shows_a_cube(cube):
    ended = MemoryDisplay.from_cube(cube, modes=["full"])
    at_the_end = cube.nll_memory.sel(mode="full").mean("seed")
    assert np.allclose(ended.lines_["full"].get_ydata(), at_the_end)
    display = MemoryDisplay.from_cube(cube, "memory")
    assert list(display.lines_) == ["full", "readout"]
    shown = cube.memory_trajectory.sel(condition="structured", mode="full", step=4).mean("seed")
    assert np.allclose(display.lines_["full"].get_ydata(), shown)
    assert display.ax_.get_xlabel() == "last inputs that are seen (steps)"
    assert display.ax_.get_ylabel() == "negative log-likelihood (nat/step)"
    assert [t.get_text() for t in display.ax_.get_xticklabels()] == ["1", "2", "4", "8", "16", "20"]
    best = cube.nll_best_baseline.sel(condition="structured").mean()
    assert display.baselines[baseline_in_words(cube.best_baseline[0].item())] == best
    untrained = MemoryDisplay.from_cube(cube, "memory", modes=["random"], step=0)
    assert list(untrained.lines_) == ["random"]


def test_the_display_shows_curves_beside_baselines():
    model = EchoStatePredictor(4, n_draws=1, random_state=0).fit(X)
    short = EchoStatePredictor(2, n_draws=1, random_state=0).fit(X)
    curves = {"4": memory_curve(model, X), "2": memory_curve(short, X, windows=[1, 2, 19])}
    loss = -AutoregressivePredictor().fit(X).score(X)
    ax = MemoryDisplay.from_curve(curves, baselines={"linear": loss}).ax_
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["4", "2", "linear"]
    assert [line for line in ax.lines if np.allclose(line.get_ydata(), loss)]
    # Of 19 and 20 one has a label: there is no room for both.
    labels = [tick.get_text() for tick in ax.get_xticklabels()]
    assert [label for label in labels if label] == ["1", "2", "4", "8", "16", "20"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "nll"}, "'nll' is no memory curve.*record_at"),
        ({"measure": "other"}, "'other' is no memory curve"),
        ({"condition": "resample"}, "in the structured world alone"),
        ({"step": 4}, "in the structured world alone"),
        ({"measure": "memory", "step": 3}, r"'step': 3.* is not in the cube.*\[0, 4\]"),
        ({"condition": "other"}, "condition='other'"),
        ({"modes": ["scrambled"]}, "'scrambled'.* is not in the cube"),
    ],
)
def test_the_display_says_what_the_cube_has(cube, options, message):
    with pytest.raises(ValueError, match=message):
        MemoryDisplay.from_cube(cube, **options)


def test_the_display_refuses_other_curves(cube):
    with pytest.raises(ValueError, match="'network' has the dimensions condition"):
        MemoryDisplay.from_curve(cube.memory_trajectory)


def test_losses_of_a_gaussian_are_those_of_scipy():
    model = GRUPredictor(3, **QUICK).fit(X)
    mean = model._predict_from(X[:, :-1, np.newaxis], 2)[:, :, 0]
    expected = -norm.logpdf(X[:, 1:], mean, model.noise_std_).mean()
    assert memory_curve(model, X, windows=[2])[0] == pytest.approx(expected)
