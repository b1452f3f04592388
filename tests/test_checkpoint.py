"""A training that was cut off goes on, and ends as if it had not been."""

import numpy as np
import pytest
import xarray as xr
from conftest import small_assessment
from skorch.callbacks import Callback

from sklearn_emerge import GRUPredictor, OscillatorWorld, TransformerPredictor, TriangleWorld
from sklearn_emerge.predictors import _checkpoint

TRIANGLE = TriangleWorld(n_words=4, examples={"A->B": 60, "B->C": 60, "A->C": 6})
TRANSFORMER = TransformerPredictor(8, 1, 2, dropout=0.3, batch_size=32, max_steps=23)
STOPPING = TransformerPredictor(
    8, 1, 2, lr=0.3, batch_size=32, max_steps=40, early_stopping=True, validation_steps=3,
    n_iter_no_change=2, precision="bfloat16", full_precision_steps=4,
)  # fmt: skip
OSCILLATOR = OscillatorWorld(n_steps=20)
SMALL = dict(batch_size=8, max_steps=23)
CASES = [
    (OSCILLATOR, GRUPredictor(4, engine="numba", **SMALL), "full"),
    (OSCILLATOR, GRUPredictor(4, engine="numba", **SMALL), "readout"),
    (OSCILLATOR, GRUPredictor(4, engine="torch", **SMALL), "full"),
    (OSCILLATOR, GRUPredictor(4, engine="torch", **SMALL), "readout"),
    (TRIANGLE, TRANSFORMER, "full"),
    (TRIANGLE, STOPPING, "full"),
]
NAMES = ["scan", "heads", "torch", "head", "transformer", "early stopping"]


class Visits:
    """A measure that is cut off at one of its visits, as by Ctrl-C or a power cut."""

    count, fatal = 0, None

    def __call__(self, predictor, evaluation):
        Visits.count += 1
        if Visits.count == Visits.fatal:
            raise KeyboardInterrupt
        return float(np.square(predictor.predict(evaluation.X)).mean())


def assess(world, model, mode, memory=None, **options):
    return small_assessment(
        world=world, model=model, modes=(mode,), nulls=(), record_at=list(range(0, 23, 2)),
        measures={"size": Visits()}, n_train=40, memory=memory, probe=None, **options,
    ).fit()  # fmt: skip


@pytest.fixture
def every_epoch(monkeypatch):
    monkeypatch.setattr(_checkpoint, "_INTERVAL", 0.0)


def interrupted(tmp_path, monkeypatch, world, model, mode, fatal):
    """Cut an assessment off, run it again, and return the cube and its number of visits."""
    monkeypatch.setattr(Visits, "count", 0)
    monkeypatch.setattr(Visits, "fatal", fatal)
    with pytest.raises(KeyboardInterrupt):
        assess(world, model, mode, tmp_path)
    Visits.count, Visits.fatal = 0, None
    cube = assess(world, model, mode, tmp_path).cube_
    return cube, Visits.count


@pytest.mark.parametrize(("fatal", "saved"), [(9, 4), (20, 10)])
@pytest.mark.parametrize(("world", "model", "mode"), CASES, ids=NAMES)
def test_it_ends_the_same(tmp_path, monkeypatch, every_epoch, world, model, mode, fatal, saved):
    whole = assess(world, model, mode).cube_
    cube, visits = interrupted(tmp_path, monkeypatch, world, model, mode, fatal)
    # All but the time that it took, to the last digit.
    xr.testing.assert_equal(whole.drop_vars("fit_seconds"), cube.drop_vars("fit_seconds"))
    Visits.count = 0
    assess(world, model, mode)
    # What was measured before the last end of an epoch is not measured again, but for the start.
    assert visits <= Visits.count - saved
    # What is finished leaves nothing but its result.
    assert not list((tmp_path / "unfinished").iterdir())


def test_what_is_kept_is_whole_or_named(tmp_path, monkeypatch, every_epoch):
    monkeypatch.setattr(Visits, "count", 0)
    monkeypatch.setattr(Visits, "fatal", 12)
    with pytest.raises(KeyboardInterrupt):
        assess(*CASES[0], tmp_path)
    (file,) = (tmp_path / "unfinished").rglob("*.pt")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"interrupted training in .*net-1.pt.*delete the file"):
        assess(*CASES[0], tmp_path)
    file.unlink()
    assess(*CASES[0], tmp_path)


def test_another_cell_does_not_go_on_from_it(tmp_path, monkeypatch, every_epoch):
    monkeypatch.setattr(Visits, "count", 0)
    monkeypatch.setattr(Visits, "fatal", 20)
    with pytest.raises(KeyboardInterrupt):
        assess(*CASES[2], tmp_path)
    Visits.fatal = None
    world, model, mode = CASES[2]
    other = assess(world, model, mode, tmp_path, random_state=7).cube_
    fresh = assess(world, model, mode, random_state=7).cube_
    xr.testing.assert_equal(other.drop_vars("fit_seconds"), fresh.drop_vars("fit_seconds"))


class Counting(Callback):
    """Somebody's callback, with a state that has no particular name."""


def test_a_training_with_callbacks_begins_anew(tmp_path, monkeypatch, every_epoch):
    world, model, mode = CASES[2]
    model = GRUPredictor(4, callbacks=[Counting()], **SMALL)
    whole = assess(world, model, mode).cube_
    cube, visits = interrupted(tmp_path, monkeypatch, world, model, mode, 9)
    xr.testing.assert_equal(whole.drop_vars("fit_seconds"), cube.drop_vars("fit_seconds"))
    assert visits == 1 + 2 * 12


def test_without_interruption_states_are_written_once_a_net(tmp_path, monkeypatch):
    written = []
    write = _checkpoint.write_atomically
    monkeypatch.setattr(
        _checkpoint, "write_atomically", lambda path, do: (written.append(path), write(path, do))
    )
    assess(*CASES[2], tmp_path)
    # Two seeds of less than a minute each.
    assert [path.name for path in written] == ["net-1.pt", "net-2.pt"]
