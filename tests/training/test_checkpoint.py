"""A training that was cut off goes on, and ends as if it had not been."""

from functools import cache, partial

import numpy as np
import pytest
import torch
import xarray as xr
from conftest import GAIN_ALONE, TRIANGLE, small_assessment
from joblib import Memory
from sklearn.base import clone
from skorch.callbacks import Callback, EpochTimer

from sklearn_emerge import (
    GRUPredictor,
    ModulePredictor,
    OscillatorWorld,
    TransformerPredictor,
)
from sklearn_emerge.training import Net, _checkpoint

TRANSFORMER = TransformerPredictor(8, 1, 2, dropout=0.3, batch_size=32, max_steps=23)
STOPPING = TransformerPredictor(
    8,
    1,
    2,
    lr=0.3,
    batch_size=32,
    max_steps=40,
    early_stopping=True,
    validation_steps=3,
    n_iter_no_change=2,
    precision="bfloat16",
    full_precision_steps=4,
    head="sgd",
)
OSCILLATOR = OscillatorWorld(n_steps=20)
SHORT_ROWS = clone(TRIANGLE).set_params(row_length=22)
SMALL = dict(head="sgd", batch_size=8, max_steps=23)
CASES = [
    (OSCILLATOR, GRUPredictor(5, engine="numba", **SMALL), "full"),
    (OSCILLATOR, GRUPredictor(5, engine="numba", **SMALL), "readout"),
    (OSCILLATOR, GRUPredictor(4, engine="torch", **SMALL), "full"),
    (OSCILLATOR, GRUPredictor(4, engine="torch", **SMALL), "readout"),
    (SHORT_ROWS, TRANSFORMER, "full"),
    (TRIANGLE, STOPPING, "full"),
    (OSCILLATOR, GRUPredictor(5, engine="numba", lr_schedule="cosine", **SMALL), "full"),
    (SHORT_ROWS, clone(TRANSFORMER).set_params(lr_schedule="cosine"), "full"),
    (SHORT_ROWS, GRUPredictor(5, engine="numba", **SMALL), "full"),
    (SHORT_ROWS, GRUPredictor(5, engine="numba", **SMALL), "readout"),
]
NAMES = ["scan", "heads", "torch", "head", "transformer", "early stopping"]
NAMES += ["scan with a schedule", "transformer with a schedule"]
NAMES += ["scan of tokens", "heads of tokens"]
# As those of heads and transformers by torch, of heads, and without a schedule.
SLOW = "torch", "scan with a schedule", "transformer with a schedule", "heads of tokens"


class Visits:
    """A measure that counts its visits, and is cut off at one, as by Ctrl-C or a power cut."""

    def __init__(self, fatal=None):
        self.count, self.fatal = 0, fatal

    def __reduce__(self):
        """Keep its state from the store, which would take it for another measure."""
        return Visits, ()

    def __call__(self, predictor, evaluation):
        self.count += 1
        if self.count == self.fatal:
            raise KeyboardInterrupt
        return float(np.square(predictor.predict(evaluation.X)).mean())


def assess(world, model, mode, memory=None, visits=None, **options):
    return small_assessment(
        world=world,
        model=model,
        modes=(mode,),
        record_at=list(range(0, 23, 2)),
        measures={"size": visits or Visits()},
        n_train=40,
        memory=memory,
        baselines=("mean",),
        **GAIN_ALONE,
        **options,
    ).fit()


@cache
def whole(number):
    """Return the cube of a case that is not cut off, and its visits."""
    visits = Visits()
    return assess(*CASES[number], visits=visits).cube_, visits.count


@pytest.fixture
def every_epoch(monkeypatch):
    monkeypatch.setattr(_checkpoint, "_INTERVAL", 0.0)


def assert_same(cube, other):
    """All but the time that it took, to the last digit."""
    xr.testing.assert_equal(cube.drop_vars("fit_seconds"), other.drop_vars("fit_seconds"))


def cut_off(tmp_path, case, fatal, **options):
    """Cut an assessment off."""
    with pytest.raises(KeyboardInterrupt):
        assess(*case, tmp_path, Visits(fatal), **options)


# In the first network of two and in the second.
@pytest.mark.parametrize(
    ("number", "fatal", "saved"),
    [
        pytest.param(
            number,
            *((8, 6), (19, 12))[number % 2],
            id=name,
            marks=[pytest.mark.slow] * (name in SLOW),
        )
        for number, name in enumerate(NAMES)
    ],
)
def test_it_ends_the_same(tmp_path, every_epoch, number, fatal, saved):
    cube, n_visits = whole(number)
    cut_off(tmp_path, CASES[number], fatal)
    visits = Visits()
    assert_same(assess(*CASES[number], tmp_path, visits).cube_, cube)
    # What was measured before the last end of an epoch is not measured again.
    assert visits.count <= n_visits - saved
    # What is finished leaves nothing but its result.
    assert not list(tmp_path.rglob("net-*.pt"))


@pytest.mark.slow
def test_what_cannot_be_read_is_named(tmp_path, every_epoch):
    cut_off(tmp_path, CASES[0], 11)
    (file,) = tmp_path.rglob("net-1.pt")
    file.write_bytes(file.read_bytes()[:100])
    told = r"training in .*net-1.pt.* cannot be read.*begins anew"
    # Whose cells run in other processes.
    with pytest.warns(UserWarning, match=told) as warned:
        cube = assess(*CASES[0], tmp_path, n_jobs=2).cube_
    assert [warning.filename for warning in warned] == [__file__]
    assert_same(cube, whole(0)[0])


def test_a_full_disk_does_not_end_the_training(tmp_path, monkeypatch, every_epoch):
    def full(path, *parts):
        raise OSError("No space left on device")

    monkeypatch.setattr(_checkpoint, "write_atomically", full)
    with pytest.warns(UserWarning, match="could not be kept: No space.*make room"):
        assess(*CASES[0], tmp_path)


def test_an_interrupt_while_writing_is_no_end_of_training(tmp_path, monkeypatch, every_epoch):
    written, write = [], _checkpoint.write_atomically

    def interrupted_at_the_third(path, *parts):
        written.append(path)
        if len(written) == 3:
            raise KeyboardInterrupt
        write(path, *parts)

    monkeypatch.setattr(_checkpoint, "write_atomically", interrupted_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        assess(*CASES[0], tmp_path)
    cube = assess(*CASES[0], tmp_path).cube_
    assert_same(cube, whole(0)[0])


@pytest.mark.parametrize("before", [False, True])
def test_progress_may_be_shown_in_one_of_the_runs(tmp_path, every_epoch, before):
    cut_off(tmp_path, CASES[0], 11, progress=before)
    visits = Visits()
    cube = assess(*CASES[0], tmp_path, visits, progress=not before).cube_
    assert visits.count < 2 * 12
    assert_same(cube, whole(0)[0])


@pytest.mark.slow
def test_a_training_that_stopped_early_is_finished(tmp_path, monkeypatch):
    """The second seed is cut off, at its first visit; the first has stopped within an epoch."""
    world, model, mode = CASES[NAMES.index("early stopping")]
    model = clone(model).set_params(
        max_steps=400, validation_steps=1, n_iter_no_change=1, head="exact"
    )
    trained = []
    step = Net.train_step

    def counting(net, *args, **kwargs):
        trained.append(net)
        return step(net, *args, **kwargs)

    monkeypatch.setattr(Net, "train_step", counting)
    cut_off(tmp_path, (world, model, mode), 13)
    first = len(trained)
    assert 0 < first < 23
    cube = assess(world, model, mode, tmp_path).cube_
    assert len({id(net) for net in trained[first:]}) == 1
    assert_same(cube, assess(world, model, mode).cube_)


def test_clearing_the_store_clears_it(tmp_path, every_epoch):
    cut_off(tmp_path, CASES[0], 11)
    assert list(tmp_path.rglob("net-1.pt"))
    Memory(tmp_path, verbose=0).clear(warn=False)
    assert not list(tmp_path.rglob("net-1.pt"))


@pytest.mark.slow
def test_another_cell_does_not_go_on_from_it(tmp_path, every_epoch):
    cut_off(tmp_path, CASES[2], 19)
    world, model, mode = CASES[2]
    other = assess(world, model, mode, tmp_path, random_state=7).cube_
    fresh = assess(world, model, mode, random_state=7).cube_
    assert_same(other, fresh)


class Idle(Callback):
    """Somebody's callback."""


@pytest.mark.parametrize(
    "model",
    [
        GRUPredictor(4, callbacks=[Idle()], **SMALL),
        ModulePredictor(partial(torch.nn.GRU, hidden_size=4, batch_first=True), **SMALL),
    ],
)
def test_what_may_keep_more_begins_anew(tmp_path, every_epoch, model):
    case = OSCILLATOR, model, "full"
    cut_off(tmp_path, case, 8)
    visits = Visits()
    cube = assess(*case, tmp_path, visits).cube_
    assert visits.count == 2 * 12
    assert_same(cube, assess(*case).cube_)


def test_without_interruption_states_are_written_once_a_net(tmp_path, monkeypatch):
    written = []
    write = _checkpoint.write_atomically

    def counted(path, *parts):
        written.append(path)
        write(path, *parts)

    monkeypatch.setattr(_checkpoint, "write_atomically", counted)
    assess(*CASES[2], tmp_path)
    # Two seeds of less than a minute each.
    assert [path.name for path in written] == ["net-1.pt", "net-2.pt"]


def test_an_interrupt_between_epochs_is_no_end_of_training(tmp_path, monkeypatch):
    """It may come while the net's own callbacks run; only a user's may stop training so."""
    ended, on_epoch_end = [], EpochTimer.on_epoch_end

    def interrupted(timer, net, **kwargs):
        on_epoch_end(timer, net, **kwargs)
        ended.append(net)
        if len(ended) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(EpochTimer, "on_epoch_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        assess(*CASES[0], tmp_path)
    assert_same(assess(*CASES[0], tmp_path).cube_, whole(0)[0])
