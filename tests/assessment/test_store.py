"""What is kept of an assessment is used if it is whole, and is not needed if it cannot be kept."""

import resource
import warnings
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from shutil import copytree, rmtree
from typing import ClassVar

import joblib
import numpy as np
import pytest
import torch
import xarray as xr
from conftest import GAIN_ALONE, small_assessment
from damage import flip
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import Bunch
from torch import nn

from sklearn_emerge import (
    GRUPredictor,
    MeanPredictor,
    ModulePredictor,
    OscillatorWorld,
    TransformerPredictor,
)
from sklearn_emerge._files import seal
from sklearn_emerge.assessment._design import Design
from sklearn_emerge.assessment._store import Store
from sklearn_emerge.assessment._work import Work
from sklearn_emerge.cli._output import save_figure
from sklearn_emerge.serving import export_network
from sklearn_emerge.training import Checkpoints, Optimisation, _checkpoint, make_net

RNG = np.random.default_rng(0)
# Two cells of two seeds, of milliseconds.
TINY = dict(
    world=OscillatorWorld(n_steps=8),
    model=GRUPredictor(2, max_steps=8, batch_size=8, engine="torch"),
    modes=("full",),
    baselines=("mean",),
    n_train=16,
    n_eval=8,
    **GAIN_ALONE,
)


@dataclass(frozen=True)
class Double(Work):
    """A work of no time, of one seed by default."""

    number: int = 0
    runs: ClassVar = []

    def measure(self, seeds, known, progress_file=None, checkpoint_folder=None):
        self.runs.append((self.number, *seeds))
        return [Bunch(value=2 * self.number + seed) for seed in seeds]


def twice(memory, number, n_seeds=1):
    """Return twice a number and its trouble, from the store."""
    work = Double(Design(n_seeds, 4, 5, False, [0]), number)
    found, troubles = Store(memory).entry(work).look_up(work, {})
    return [each.value for each in found], list(troubles.values())


def fit(memory=None, **options):
    return small_assessment(**TINY, memory=memory, **options).fit().cube_.drop_vars("fit_seconds")


@contextmanager
def told():
    """Collect the texts of warnings."""
    texts = []
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        yield texts
    texts += [str(warning.message) for warning in recorded]


def test_a_result_is_kept_by_what_it_rests_on(tmp_path):
    Double.runs.clear()
    for number in (3, 4, 3):
        assert twice(tmp_path, number) == ([2 * number], [])
    assert Double.runs == [(3, 0), (4, 0)]
    assert Store(None).entry(Double(Design(1, 4, 5, False, [0]), 3)) is None
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_no_flipped_bit_of_a_result_is_used(tmp_path):
    twice(tmp_path, 3)
    (file,) = tmp_path.rglob("seed-*.pkl")
    for bit in range(0, 8 * file.stat().st_size, 7):
        flip(file, bit)
        value, (trouble,) = twice(tmp_path, 3)
        assert value == [6]
        assert "cannot be read (it is damaged" in trouble
        assert twice(tmp_path, 3) == ([6], [])


@pytest.mark.parametrize("content", [b"", b"half", b"".join(seal(b"no pickle")), None])
def test_what_is_no_result_is_computed_again(tmp_path, content):
    twice(tmp_path, 3)
    (file,) = tmp_path.rglob("seed-*.pkl")
    file.unlink()
    file.mkdir() if content is None else file.write_bytes(content)
    value, troubles = twice(tmp_path, 3)
    assert value == [6]
    assert any("it is computed again" in trouble for trouble in troubles)


def test_damage_of_an_assessment_is_told_once_and_mended(tmp_path):
    whole = fit(tmp_path)
    for file in tmp_path.rglob("seed-*.pkl"):
        flip(file, 1000)
    with told() as texts:
        xr.testing.assert_equal(fit(tmp_path), whole)
    assert len(texts) == 4
    assert all("A finished cell in" in text for text in texts)
    xr.testing.assert_equal(fit(tmp_path), whole)


def test_what_cannot_be_kept_is_computed_and_told_once(tmp_path):
    (tmp_path / "sklearn_emerge_cells").mkdir()
    for name in ("networks", "baselines"):
        (tmp_path / "sklearn_emerge_cells" / name).write_text("in the way")
    with told() as texts:
        cube = fit(tmp_path)
    xr.testing.assert_equal(cube, fit())
    (text,) = [text for text in texts if "Finished cells cannot be kept" in text]
    assert str(tmp_path) in text
    assert "Choose a file in a folder" in text


@pytest.mark.parametrize("memory", ["", "/dev/null", __file__, 3, "/proc/none"])
def test_memory_that_is_no_folder_is_refused_before_training(memory, monkeypatch):
    monkeypatch.setattr(nn.Module, "__init__", lambda *a: pytest.fail("training started"))
    with pytest.raises(ValueError, match=r"memory=.* (is no folder|cannot be used as a folder)"):
        fit(memory)


class Own(MeanPredictor):
    def __init__(self, part=None):
        super().__init__()
        self.part = part


def start(n_inputs, core):
    """Return a trained core to start from."""
    return deepcopy(core)


LAMBDA = ModulePredictor(lambda n_inputs: nn.Linear(n_inputs, 2), max_steps=2)
PROBE = make_pipeline(FunctionTransformer(lambda states: states), Ridge())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("model", dict(model=LAMBDA)),
        ("param_grid", dict(model=ModulePredictor(start), param_grid={"module": [LAMBDA.module]})),
        ("probe", dict(probe=PROBE)),
        ("baselines", dict(baselines={"own": Own(lambda: 1)}, reference="own")),
        ("measures", dict(record_at=[0], measures={"one": lambda *args: 1.0})),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_key_is_refused_before_training(tmp_path, name, options):
    with pytest.raises(ValueError, match=rf"(?s)memory is set, but {name}=.*functools.partial"):
        small_assessment(**TINY | options, memory=tmp_path).fit()
    assert not list(tmp_path.rglob("seed-*.pkl"))


def test_a_net_to_start_from_is_given_by_a_partial(tmp_path):
    n_cells = []
    for value in (0.0, 0.0, 1.0):
        core = nn.Linear(2, 2)
        nn.init.constant_(core.weight, value)
        nn.init.zeros_(core.bias)
        model = ModulePredictor(partial(start, core=core), max_steps=2)
        small_assessment(**TINY | {"model": model, "memory": tmp_path}).fit()
        n_cells.append(len(list((tmp_path / "sklearn_emerge_cells" / "networks").iterdir())))
    assert n_cells == [1, 1, 2]


def test_folder_of_joblib(tmp_path):
    memory = joblib.Memory(tmp_path, verbose=0)
    whole = fit(memory)
    assert len(list(tmp_path.rglob("seed-*.pkl"))) == 4
    xr.testing.assert_equal(fit(memory), whole)
    memory.reduce_size(items_limit=0)
    assert not list(tmp_path.rglob("seed-*.pkl"))
    fit(memory)
    memory.clear(warn=False)
    assert not list(tmp_path.rglob("seed-*.pkl"))
    assert Store(joblib.Memory(None)).folder is None


def make():
    """Return a net as it begins."""
    torch.manual_seed(0)
    optimisation = Optimisation(max_steps=6, batch_size=4, lr=0.1)
    return make_net(nn.Linear(2, 1), nn.MSELoss(), [np.random.SeedSequence(0)], 8, optimisation)


def weights(net):
    return [weight.tolist() for weight in net.module_.state_dict().values()]


@pytest.fixture
def file(tmp_path):
    """The file of a training that is finished."""
    X = torch.arange(16.0).reshape(8, 2) / 16
    net = make()
    net.train_on(X, X[:, :1], Checkpoints(tmp_path).of_next())
    assert weights(net) != weights(make())
    return tmp_path / "net-1.pt"


def begins_anew(file):
    """Whether a net is told that there is no state to go on from, and is as it was."""
    net, fresh = make(), make()
    state = torch.get_rng_state()
    checkpoint = Checkpoints(file.parent).of_next()
    assert not checkpoint.restore(net)
    (trouble,) = checkpoint.owner.troubles.values()
    assert "begins anew" in trouble
    assert (checkpoint.finished, checkpoint.owner.seconds) == (False, 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert net.optimizer_.state_dict() == fresh.optimizer_.state_dict()
    assert net.history == fresh.history
    assert net.iterator_train__max_steps == fresh.iterator_train__max_steps
    rngs = [each.iterator_train__rngs[0].bit_generator.state for each in (net, fresh)]
    return weights(net) == weights(fresh) and rngs[0] == rngs[1]


def test_no_flipped_bit_of_a_training_is_used(file):
    whole = file.read_bytes()
    for bit in RNG.integers(8 * len(whole), size=120).tolist():
        file.write_bytes(whole)
        flip(file, bit)
        assert begins_anew(file)
    file.write_bytes(whole)
    assert Checkpoints(file.parent).of_next().restore(make())


@pytest.mark.parametrize("state", [{}, [], torch.ones(3), "optimizer", "torch", "parts", "seconds"])
def test_a_training_of_something_else_changes_nothing(file, state):
    """A state without one of its parts is found out late, when others have been read."""
    if isinstance(state, str):
        known = torch.load(file, weights_only=False)
        state = {name: value for name, value in known.items() if name != state}
    content = BytesIO()
    torch.save(state, content)
    file.write_bytes(content.getvalue())
    assert begins_anew(file)
    file.write_bytes(b"".join(seal(content.getvalue())))
    assert begins_anew(file)


@contextmanager
def full_disk():
    """Let writing more than a few bytes to a file fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_room_results_are_errors(tmp_path, fitted_single):
    tokens = np.arange(60).reshape(12, 5) % 3
    network = TransformerPredictor(4, 1, 1, likelihood="categorical", max_steps=1).fit(tokens)
    writers = [fitted_single.to_netcdf, partial(export_network, network)]
    writers.append(partial(save_figure, draw=lambda figure: None))
    for write in writers:
        with full_disk(), pytest.raises(OSError, match="file.png' cannot be written") as raised:
            write(tmp_path / "file.png")
        assert "File too large" in str(raised.value)
        assert "MB are free there; make room, or choose another folder" in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_without_room_an_assessment_goes_on(tmp_path):
    whole = fit()
    with full_disk(), told() as texts:
        cube = fit(tmp_path)
    xr.testing.assert_equal(cube, whole)
    # Of both seeds, each kept at its end, once.
    assert sorted(text.split(":")[0] for text in texts) == [
        "Finished cells cannot be kept in the folder of memory",
        "The state of a training could not be kept",
    ]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".gitignore"]


@pytest.mark.slow
def test_bits_flipped_in_the_files_of_assessments(tmp_path, monkeypatch):
    """80 in finished cells, 120 in trainings that were cut off: all cubes are the same."""
    rng = np.random.default_rng(1)
    whole = fit()
    fit(tmp_path / "cells")
    monkeypatch.setattr(_checkpoint, "_INTERVAL", 0.0)
    write = _checkpoint.Checkpoint.write

    def cut_off(self, net, *, finished):
        write(self, net, finished=finished)
        if len(net.history) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_checkpoint.Checkpoint, "write", cut_off)
        fit(tmp_path / "trainings")
    for source, pattern, n in (("cells", "seed-*.pkl", 80), ("trainings", "net-*.pt", 120)):
        n_told = 0
        for _ in range(n):
            copytree(tmp_path / source, tmp_path / "copy")
            file = rng.choice(sorted((tmp_path / "copy").rglob(pattern)))
            flip(file, int(rng.integers(8 * file.stat().st_size)))
            with told() as texts:
                xr.testing.assert_equal(fit(tmp_path / "copy"), whole)
            n_told += len(texts)
            rmtree(tmp_path / "copy")
        assert n_told == n
