"""The history of a training."""

import pickle
from contextlib import nullcontext

import numpy as np
import pytest
from skorch.callbacks import Callback
from skorch.history import History

from sklearn_emerge import RNNPredictor
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.training._callbacks import ReplicaHistory
from sklearn_emerge.training._history import QuickHistory

N_EPOCHS = 3
INDICES = [
    0,
    -1,
    slice(None),
    slice(1, None),
    (),
    (-1, "loss"),
    (-1, "batches"),
    (0, ("loss", "epoch")),
    (1, ["loss"]),
    (-1, "batches", -1),
    (0, "batches", slice(None), "train_loss"),
    (-1, "batches", 0, "size"),
    (slice(None), "loss"),
    (slice(-2, None), "batches", -1, "size"),
    # Of what is not there.
    5,
    (7, "loss"),
    (-1, "other"),
    (-1, "batches", slice(None), "other"),
    (-1, "batches", 9),
    (-1, "loss", 0),
    (0, "batches", 0, "size", 0),
    "loss",
]


def recorded(kind):
    """Return a history of some epochs."""
    history = kind()
    for epoch in range(N_EPOCHS):
        history.new_epoch()
        history.record("epoch", epoch)
        history.record("loss", 1 / (1 + epoch))
        for size in (4, 2):
            history.new_batch()
            history.record_batch("size", size)
            history.record_batch("train_loss", epoch + size / 10)
    return history


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_it_has_what_that_of_skorch_has(index):
    ours, theirs = recorded(QuickHistory), recorded(History)
    assert ours == theirs
    try:
        expected = theirs[index]
    except Exception as error:
        with pytest.raises(type(error)):
            ours[index]
    else:
        assert ours[index] == expected


def test_it_finds_an_epoch_without_a_copy_of_all(monkeypatch):
    history = recorded(QuickHistory)

    def copy(history):
        assert len(history) == 1, "a copy of all epochs"
        return list(history)

    monkeypatch.setattr(History, "to_list", copy)
    history.new_batch()
    history.record_batch("size", 3)
    history.record("loss", 0.0)
    assert history[-1, "batches", -1, "size"] == 3
    assert history[-1, "loss"] == 0
    with pytest.raises(AssertionError, match="a copy of all epochs"):
        history[:, "loss"]


@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("n_seeds", [1, 2])
@pytest.mark.parametrize("callbacks", [None, [Callback()]])
def test_fitted_networks_have_one(engine, n_seeds, callbacks):
    X = np.random.default_rng(0).normal(size=(12, 6))
    model = RNNPredictor(2, max_steps=9, batch_size=5, engine=engine, callbacks=callbacks)
    for fitted in fit_replicas(model, [X], range(n_seeds)):
        history = fitted.net_.history
        assert isinstance(history, QuickHistory)
        assert history[:, "epoch"] == [1, 2, 3]
        again = pickle.loads(pickle.dumps(history))
        assert isinstance(again, QuickHistory)
        assert again == history


def test_networks_that_train_together_have_the_history_of_each():
    """The last batch of an epoch is smaller, and the last epoch is cut short."""
    X = np.random.default_rng(0).normal(size=(12, 6))
    model = RNNPredictor(2, max_steps=8, batch_size=5, engine="numba")
    together = fit_replicas(model, [X], range(2))
    for seed, fitted in enumerate(together):
        (alone,) = fit_replicas(model, [X], [seed])
        history, expected = fitted.net_.history, alone.net_.history
        for name in ("epoch", "train_batch_count"):
            assert history[:, name] == expected[:, name]
        assert history[:, "train_batch_count"] == [3, 3, 2]
        np.testing.assert_allclose(history[:, "train_loss"], expected[:, "train_loss"], rtol=1e-6)
        assert min(history[:, "dur"]) > 0


def test_a_history_ends_where_its_network_stops():
    class Net:
        stopped = np.array([False, False])
        history = recorded(QuickHistory)

    Net.history.record("dur", 0.5)
    kept = ReplicaHistory()
    kept.on_train_begin(Net)
    batch = (np.empty((2, 4)),)
    stops = np.array([[False, False], [True, False]])
    for stopped in stops:
        for losses in ([1.0, 2.0], [3.0, 6.0]):
            Net.replica_losses_ = losses
            kept.on_batch_end(Net, batch)
        Net.stopped = stopped
        kept.on_epoch_end(Net)
    # Of an epoch that has no end.
    kept.on_batch_end(Net, batch)
    first, second = kept.of_replicas()
    assert first[:, "train_loss"] == [2.0]
    assert second[:, "train_loss"] == [4.0, 4.0]
    assert second[:, "train_batch_count"] == [2, 2]
    assert second[:, "dur"] == [0.5, 0.5]


def test_without_a_whole_epoch_a_history_is_empty():
    kept = ReplicaHistory()
    kept.on_train_begin(None)

    class Net:
        replica_losses_ = [1.0, 2.0]

    kept.on_batch_end(Net, (np.empty((2, 4)),))
    assert kept.of_replicas() == [[], []]


@pytest.mark.parametrize("callbacks", [None, [Callback()]])
def test_callbacks_with_nothing_to_do_are_called_for_a_user_only(callbacks, monkeypatch):
    def begin(*args, **kwargs):
        raise RuntimeError("called")

    monkeypatch.setattr(Callback, "on_batch_begin", begin)
    X = np.random.default_rng(0).normal(size=(12, 6))
    model = RNNPredictor(2, max_steps=2, engine="numba", callbacks=callbacks)
    with pytest.raises(RuntimeError, match="called") if callbacks else nullcontext():
        model.fit(X)
