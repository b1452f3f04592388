"""The curve of the training loss that every trained network has."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from skorch.callbacks import Callback
from torch import nn

from sklearn_emerge import (
    GRUPredictor,
    ModulePredictor,
    OscillatorWorld,
    RegimeWorld,
    RNNPredictor,
    TransformerPredictor,
)
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.training import Checkpoints, TrainingContext, _checkpoint

X = OscillatorWorld(n_steps=20).sample(40, random_state=0).X
PAIR = np.stack([X, 100 + 5 * X[::-1]], axis=2)
BINARY = RegimeWorld(n_steps=20).sample(40, random_state=0).X
TOKENS = np.random.default_rng(0).integers(3, size=(40, 20))
TWICE = dict(max_steps=45, batch_size=16, random_state=0)
MODELS = {
    "scan": GRUPredictor(3, engine="numba", **TWICE),
    "heads": GRUPredictor(3, engine="numba", training="readout", head="sgd", **TWICE),
    "torch": RNNPredictor(3, engine="torch", **TWICE),
    "head": RNNPredictor(3, engine="torch", training="readout", head="sgd", **TWICE),
    "scrambled": GRUPredictor(3, engine="numba", training="scrambled", **TWICE),
    "module": ModulePredictor(partial(nn.LSTM, hidden_size=3, batch_first=True), **TWICE),
    "transformer": TransformerPredictor(4, 1, 1, dropout=0.1, **TWICE),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request):
    return clone(request.param)


def test_it_is_the_mean_over_twentieths_of_the_updates(model):
    model.set_params(noise_std=0.2).fit(X)
    losses = [batch["train_loss"] for row in model.net_.history for batch in row["batches"]]
    assert len(losses) == 45
    expected = [part.mean() for part in np.array_split(losses, 20)]
    assert np.allclose(model.training_loss_, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("data", "likelihood", "engine"),
    [
        (X, "gaussian", "numba"),
        (X, "gaussian", "torch"),
        (BINARY, "bernoulli", "numba"),
        (BINARY, "bernoulli", "torch"),
        (TOKENS, "categorical", "numba"),
        (TOKENS, "categorical", "torch"),
    ],
)
def test_it_is_the_negative_score_of_weights_that_stay(data, likelihood, engine):
    model = GRUPredictor(
        3, head="sgd", lr=1e-30, batch_size=40, max_steps=20, likelihood=likelihood, engine=engine
    ).fit(data)
    # Also where the noise is estimated.
    assert np.allclose(model.training_loss_, -model.score(data), rtol=1e-5)


def test_the_noise_of_several_channels_is_one_in_their_units():
    options = dict(head="sgd", lr=1e-30, batch_size=40, max_steps=20)
    model = GRUPredictor(3, random_state=0, **options).fit(PAIR)
    loss, units = model.training_loss_[0], PAIR.std(axis=(0, 1))
    error = (model.noise_std_ / units) ** 2
    assert error[0] != pytest.approx(error[1], rel=0.01)
    pooled = np.log(2 * np.pi * error.mean()) + 1 + np.log(units).sum()
    assert loss == pytest.approx(pooled, rel=1e-5)
    assert loss > -model.score(PAIR)


def test_a_perfect_prediction_has_a_finite_loss():
    constant = np.full((40, 20), 3.0)
    model = TransformerPredictor(4, 1, 1, **TWICE).fit(constant)
    assert np.isfinite(model.training_loss_).all()


@pytest.mark.parametrize("X", [X, TOKENS], ids=["gaussian", "categorical"])
def test_replicas_have_the_curves_that_they_have_alone(X):
    likelihood = "categorical" if X is TOKENS else "gaussian"
    model = GRUPredictor(3, engine="numba", max_steps=30, batch_size=16, likelihood=likelihood)
    together = fit_replicas(model, [X, X[::-1]], [1, 2])
    for predictor, seed, data in zip(together, (1, 2), (X, X[::-1]), strict=True):
        alone = model.set_params(random_state=seed).fit(data)
        assert np.array_equal(predictor.training_loss_, alone.training_loss_)
    assert not np.array_equal(*(predictor.training_loss_ for predictor in together))


@pytest.mark.parametrize(
    "options",
    [{"training": "random"}, {"training": "readout"}, {"max_steps": 0}],
    ids=["random", "readout", "no update"],
)
def test_without_training_there_is_none(options):
    loss = GRUPredictor(3, **{"max_steps": 20, **options}).fit(X).training_loss_
    assert loss.shape == (20,)
    assert np.isnan(loss).all()


def test_few_updates_are_spread_over_the_parts():
    model = GRUPredictor(3, max_steps=7, lr=0.01, noise_std=0.2, random_state=0).fit(X)
    losses = [batch["train_loss"] for row in model.net_.history for batch in row["batches"]]
    expected = np.repeat(losses, [3, 3, 3, 3, 3, 3, 2])
    assert np.allclose(model.training_loss_, expected, rtol=1e-6)
    assert model.training_loss_[-1] < model.training_loss_[-4]


def test_there_is_none_after_an_early_stop():
    X = np.random.default_rng(0).integers(0, 4, (60, 12))
    model = TransformerPredictor(
        16,
        1,
        2,
        likelihood="categorical",
        max_steps=2000,
        lr=0.02,
        early_stopping=True,
        validation_fraction=0.25,
        validation_steps=5,
        n_iter_no_change=4,
        random_state=0,
    ).fit(X)
    (n_updates,) = (c.done_ for _, c in model.net_.callbacks_ if type(c).__name__ == "StopEarly")
    assert n_updates < 1000
    # The one at which it stops is not counted.
    assert np.array_equal(np.isnan(model.training_loss_), np.arange(20) > (n_updates - 2) // 100)


def test_the_curve_of_a_user_s_early_stop_ends_there():
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                raise KeyboardInterrupt

    model = GRUPredictor(3, max_steps=40, batch_size=20, callbacks=[Stop()], random_state=0)
    assert np.array_equal(np.isnan(model.fit(X).training_loss_), np.arange(20) >= 2)


class CutOff(Callback):
    """End the training at an update, as by Ctrl-C."""

    def __init__(self, at=None):
        self.at = at
        self.done_ = 0

    def announce_compilation(self):
        pass

    def on_batch_end(self, net, **kwargs):
        self.done_ += 1
        if self.done_ == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["scan", "heads", "torch", "transformer"])
def test_a_training_that_goes_on_has_the_same_curve(name, tmp_path, monkeypatch):
    monkeypatch.setattr(_checkpoint, "_INTERVAL", 0.0)
    fit = partial(fit_replicas, MODELS[name], [X], [0, 1])
    whole = fit()
    with pytest.raises(KeyboardInterrupt):
        fit(TrainingContext((CutOff(20),), checkpoints=Checkpoints(tmp_path)))
    rest = CutOff()
    resumed = fit(TrainingContext((rest,), checkpoints=Checkpoints(tmp_path)))
    assert rest.done_ > 0
    for one, other in zip(whole, resumed, strict=True):
        assert np.array_equal(one.training_loss_, other.training_loss_)
