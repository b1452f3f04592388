"""Early stopping: what is held out, when training stops, and what is kept."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from torch import nn

from sklearn_emerge import GRUPredictor, LSTMPredictor, ModulePredictor, RNNPredictor
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.training import Checkpoints, TrainingContext, _checkpoint
from sklearn_emerge.training._early_stopping import rows_held_out

# Few sequences of noise, of which a network learns nothing but themselves.
X = np.random.default_rng(0).normal(size=(20, 15))
GAPS = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
TOKENS = np.where(np.isnan(GAPS), np.nan, np.floor(3 * np.random.default_rng(2).random(X.shape)))
STOPS = dict(early_stopping=True, validation_fraction=0.3, validation_steps=3, n_iter_no_change=3)
OPTIONS = dict(max_steps=300, batch_size=8, lr=0.03, **STOPS)
SCAN = GRUPredictor(6, engine="numba", **OPTIONS)
MODELS = {
    "rnn": RNNPredictor(6, engine="numba", **OPTIONS),
    "gru": SCAN,
    "lstm": LSTMPredictor(6, engine="numba", **OPTIONS),
    "head": GRUPredictor(6, engine="numba", training="readout", head="sgd", **OPTIONS),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request):
    return clone(request.param).set_params(random_state=0)


def held_out_of(model, X=X, groups=None):
    """Return the sequences that a model holds out."""
    model = clone(model)
    return X[rows_held_out(model.training_job(model.prepare(X), groups))[0]]


def assert_alike(one, other, rtol, X=X):
    assert one.stopped_at_ == other.stopped_at_ < 1
    for name in ("training_loss_", "validation_loss_"):
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=rtol, equal_nan=True)
    of_epochs = [each.net_.history[:, "train_loss"] for each in (one, other)]
    np.testing.assert_allclose(*of_epochs, rtol=rtol)
    assert np.allclose(one.predict(X), other.predict(X), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("data", [X, GAPS], ids=["complete", "gaps"])
def test_torch_and_compiled_scans_stop_at_the_same_update(model, data):
    by_torch = clone(model).set_params(engine="torch").fit(data)
    assert_alike(model.fit(data), by_torch, 1e-3)


@pytest.mark.parametrize("training", ["full", "readout"])
def test_networks_of_tokens_stop_as_with_torch_and_as_each_alone(training):
    model = clone(SCAN).set_params(likelihood="categorical", training=training, head="sgd", lr=0.1)
    together = fit_replicas(model, [TOKENS], [1, 2, 3])
    assert len({each.stopped_at_ for each in together}) > 1
    for seed, each in enumerate(together, start=1):
        alone = clone(model).set_params(random_state=seed).fit(TOKENS)
        assert_alike(each, alone, 1e-6, TOKENS)
        by_torch = clone(alone).set_params(engine="torch").fit(TOKENS)
        assert_alike(alone, by_torch, 1e-3, TOKENS)


@pytest.mark.parametrize("data", [X, GAPS], ids=["complete", "gaps"])
def test_seeds_stop_one_by_one_as_each_alone(model, data):
    together = fit_replicas(model, [data], [1, 2, 3])
    assert len({each.stopped_at_ for each in together}) > 1
    for seed, each in enumerate(together, start=1):
        assert_alike(each, clone(model).set_params(random_state=seed).fit(data), 1e-6)


def test_the_weights_with_the_lowest_held_out_loss_are_kept():
    # A look at every update, so that each part of the training has losses of known updates.
    model = clone(SCAN).set_params(head="sgd", validation_steps=1, random_state=0, noise_std=1.0)
    model.set_params(max_steps=20, n_iter_no_change=20).fit(X)
    kept = -model.score(held_out_of(model))
    assert model.validation_loss_.argmin() < 19
    assert kept == pytest.approx(model.validation_loss_.min(), rel=1e-5)
    # At the last update it is another network.
    all_updates = clone(model).set_params(n_iter_no_change=1000).fit(X)
    assert np.array_equal(all_updates.validation_loss_, model.validation_loss_)


def test_patience_is_counted_from_the_lowest_loss():
    model = clone(SCAN).set_params(random_state=0, max_steps=20, validation_steps=1).fit(X)
    looks = model.validation_loss_[np.isfinite(model.validation_loss_)]
    assert len(looks) - 1 - looks.argmin() == 3
    assert model.stopped_at_ == len(looks) / 20


def test_a_loss_that_stays_exactly_as_it_is_stops_training(model):
    # Single precision rounds such steps away; the first look is the lowest until then.
    assert model.set_params(lr=1e-20, max_steps=20).fit(X).stopped_at_ == (1 + 3) * 3 / 20


def test_it_is_off_by_default_and_changes_nothing_then():
    plain = GRUPredictor(6, engine="numba", max_steps=5, random_state=0)
    assert plain.early_stopping is False
    plain.fit(X)
    assert np.isnan(plain.validation_loss_).all()
    assert np.isnan(plain.stopped_at_)
    patient = clone(plain).set_params(validation_fraction=0.5, n_iter_no_change=1).fit(X)
    assert np.array_equal(plain.predict(X), patient.predict(X))


def test_groups_are_held_out_as_a_whole():
    groups = np.repeat([7, 3, 5, 1], 5)
    held_out = held_out_of(SCAN, groups=groups)
    found = [np.flatnonzero((row == X).all(axis=1))[0] for row in held_out]
    [label] = np.unique(groups[found])
    assert sorted(found) == np.flatnonzero(groups == label).tolist()


def test_seeds_that_hold_out_groups_of_unequal_size_are_as_each_alone():
    groups = np.repeat([0, 1, 2, 3], [2, 3, 7, 8])
    together = fit_replicas(SCAN, [X], range(4), groups=[groups])
    sizes = [len(held_out_of(clone(SCAN).set_params(random_state=s), X, groups)) for s in range(4)]
    assert len(set(sizes)) > 1
    for seed, each in enumerate(together):
        [alone] = fit_replicas(SCAN, [X], [seed], groups=[groups])
        assert_alike(each, alone, 1e-6)


def test_a_module_stops_early():
    core = partial(nn.LSTM, hidden_size=6, batch_first=True)
    model = ModulePredictor(core, random_state=0, engine="torch", **OPTIONS).fit(X)
    assert_alike(model, clone(model).set_params(engine="numba").fit(X), 1e-3)


def test_training_that_goes_on_from_a_file_stops_where_it_would_have(tmp_path, monkeypatch):
    monkeypatch.setattr(_checkpoint, "_INTERVAL", 0.0)

    class Cut(Exception):
        pass

    class CutOff(Callback):
        """A callback that ends the program in the middle."""

        def __init__(self):
            self.n = 0

        def on_batch_end(self, net, **kwargs):
            self.n += 1
            if self.n == cut:
                raise Cut

    plain = fit_replicas(SCAN, [X], [1, 2, 3])
    ends = [300 * each.stopped_at_ for each in plain]
    # When the first has stopped, an epoch has gone by, and the last has not stopped.
    cut = min(ends) + 3
    assert cut < max(ends)
    with pytest.raises(Cut):
        fit_replicas(
            SCAN, [X], [1, 2, 3], TrainingContext((CutOff(),), None, Checkpoints(tmp_path))
        )
    again = fit_replicas(SCAN, [X], [1, 2, 3], TrainingContext((), None, Checkpoints(tmp_path)))
    for one, other in zip(plain, again, strict=True):
        assert_alike(one, other, 0)
        same = zip(one.network_.parameters(), other.network_.parameters(), strict=True)
        assert all(torch.equal(*pair) for pair in same)


def test_a_recorder_sees_the_weights_that_are_kept_once_a_seed_has_stopped():
    class Recorder:
        at = (0, 30, 300)

        def __init__(self):
            self.seen = {}

        def __call__(self, replica, step, predictor, loss):
            self.seen[replica, step] = predictor.predict(X), loss

    recorder = Recorder()
    fitted = fit_replicas(SCAN, [X], [1, 2, 3], TrainingContext(recorder=recorder))
    for replica, each in enumerate(fitted):
        alone = Recorder()
        fit_replicas(SCAN, [X], [replica + 1], TrainingContext(recorder=alone))
        for step in Recorder.at:
            prediction, loss = recorder.seen[replica, step]
            assert np.allclose(prediction, alone.seen[0, step][0], rtol=1e-6, atol=1e-6)
            assert loss == pytest.approx(alone.seen[0, step][1], nan_ok=True)
        assert np.isnan(recorder.seen[replica, 300][1])
        assert np.allclose(recorder.seen[replica, 300][0], each.predict(X))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (None, "validation_fraction=0.01 of 20 sequences is 0: some have to be held out"),
        (np.repeat([0, 1], 10), "validation_fraction=0.01 of 2 groups is 0: some have to be held"),
    ],
)
def test_too_little_to_hold_out_is_refused_with_a_remedy(groups, message):
    model = clone(SCAN).set_params(validation_fraction=0.01)
    with pytest.raises(ValueError, match=message):
        fit_replicas(model, [X], [0], groups=[groups])
    fit_replicas(model.set_params(validation_fraction=0.5, max_steps=3), [X], [0], groups=[groups])
