"""Keys of stored cells tell values and code apart, and are the same in every process."""

import copy
import linecache
import shutil
import subprocess
import sys
import threading
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_emerge import (
    BernoulliWorld,
    DriftWorld,
    GRUPredictor,
    LinearSystemWorld,
    ModulePredictor,
    OscillatorWorld,
    RegimeWorld,
)
from sklearn_emerge.assessment import _key, _reach
from sklearn_emerge.assessment._baselines import Baselines
from sklearn_emerge.assessment._cores import Cores
from sklearn_emerge.assessment._design import Design
from sklearn_emerge.assessment._grid import Grid
from sklearn_emerge.assessment._key import key_of, library_versions
from sklearn_emerge.assessment._networks import Networks
from sklearn_emerge.assessment._panel import make_baselines
from sklearn_emerge.assessment._plan import expand
from sklearn_emerge.assessment._trajectory import Timed
from sklearn_emerge.assessment._windows import Windows
from sklearn_emerge.ceilings._of_world import maker_of
from sklearn_emerge.linear_systems import PredictionRiskSweep
from sklearn_emerge.measures import memory_curve, task_scores

BASE = "class Base:\n    size = {value}\n"
CODE = """
from collections import namedtuple
from functools import partial
from base_of_mine import Base

Pair = namedtuple("Pair", "a b")


class Own(Base):
    pass


def helper():
    return {value}


def measure(predictor, evaluation):
    return helper()


def same(n_inputs, net):
    return net
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """How to write two modules, with a value in one of them, and import them anew."""
    monkeypatch.syspath_prepend(tmp_path)

    def written(base=0, code=0):
        (tmp_path / "base_of_mine.py").write_text(BASE.format(value=base))
        (tmp_path / "code_of_mine.py").write_text(CODE.format(value=code))
        for name in ("base_of_mine", "code_of_mine"):
            sys.modules.pop(name, None)
            linecache.clearcache()
        # Files of one size and second look the same to the cache of bytecode.
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        return import_module("code_of_mine")

    yield written
    for name in ("base_of_mine", "code_of_mine"):
        sys.modules.pop(name, None)


def test_what_code_names_outside_of_its_file_and_itself_counts(write):
    code = write()
    code.net = nn.Linear(1, 1)
    exec("def start(n_inputs): return net, Base", vars(code))
    code.start.__module__ = "code_of_mine"

    def key():
        return key_of(code.start)

    before = key()
    assert key() == before
    with torch.no_grad():
        code.net.weight += 1
    after = key()
    assert after != before
    with torch.no_grad():
        code.net.weight -= 1
    assert key() == before
    # Without a key it cannot be told from another; with one it counts.
    code.net = lambda: 0
    assert key() not in (before, after)


def test_a_function_that_names_itself_has_a_key(write):
    code = write()
    exec("def again(n): return again(n - 1) if n else helper()", vars(code))
    code.again.__module__ = "code_of_mine"
    assert key_of(code.again) == key_of(code.again)


USES = {
    "class": lambda code: code.Own,
    "object": lambda code: code.Own(),
    "in an estimator": lambda code: GRUPredictor(callbacks=[code.Own()]),
    "in a grid": lambda code: {"module": [code.Own]},
    "function": lambda code: code.measure,
    "partial": lambda code: partial(code.measure, 3),
    "made by a call": lambda code: code.Pair(1, 2),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_other_code_gives_another_key(write, use):
    before = key_of(use(write()))
    assert key_of(use(write(code=1))) != before
    assert key_of(use(write())) == before


@pytest.mark.parametrize("name", ["class", "object", "in an estimator", "in a grid"])
def test_code_that_is_inherited_counts(write, name):
    use = USES[name]
    before = key_of(use(write()))
    assert key_of(use(write(base=1))) != before


def test_a_file_that_is_edited_after_it_was_used_is_not_what_runs(write, tmp_path):
    code = write()
    before = key_of(code.measure)
    (tmp_path / "code_of_mine.py").write_text(CODE.format(value=12))
    assert key_of(code.measure) == before


def test_code_of_the_package_is_known_by_its_files_and_versions(monkeypatch):
    assert key_of(OscillatorWorld(omega=2.0)) == key_of(OscillatorWorld(omega=2.0))
    assert key_of(OscillatorWorld(omega=2.0)) != key_of(OscillatorWorld())
    assert key_of(np.mean) == key_of(np.mean) != key_of(np.median)
    before = library_versions()
    # They are read once.
    library_versions.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr("sklearn_emerge.assessment._key.version", lambda name: "0")
        assert library_versions() != before
    library_versions.cache_clear()
    assert library_versions() == before


def cell(name, text):
    """Run code as a notebook runs a cell, and return what it defines."""
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    return run(compile(text, name, "exec"))


def run(code):
    """Run code in the place of a program."""
    vars(sys.modules["__main__"]).pop("Typed", None)
    exec(code, vars(sys.modules["__main__"]))
    return sys.modules["__main__"].Typed


TYPED = "class Typed:\n    def __call__(self, *args): return {}\n"


def test_code_that_is_typed_is_known_if_it_can_be_read():
    keys = [key_of(cell(f"<cell {i}>", TYPED.format(i // 2))) for i in range(4)]
    assert keys[0] == keys[1] != keys[2] == keys[3]


def test_code_that_cannot_be_read_is_that_of_no_other_class():
    keys = set()
    for value in range(20):
        # The class before is forgotten, and its address is free.
        typed = run(TYPED.format(value))
        keys.add(key_of(typed()))
        assert key_of(typed) == key_of(typed)
    assert len(keys) == 20


def net(value=0.0, **options):
    torch.manual_seed(0)
    made = nn.Sequential(nn.GRU(1, 2), nn.Linear(2, 2, dtype=torch.bfloat16), nn.Linear(2, 2))
    with torch.no_grad():
        made[2].bias[0] = value
    return made


def test_weights_count_by_value():
    whole = net()
    assert key_of(whole) == key_of(copy.deepcopy(whole)) == key_of(net()) != key_of(net(1.0))
    assert key_of(whole) != key_of(net().requires_grad_(False))
    assert key_of(torch.zeros(2, 3)) != key_of(torch.zeros(3, 2)) != key_of(torch.zeros(3, 2).int())
    tied = net()
    tied[2].bias, other = tied[0].bias_hh_l0, net()
    other[2].bias = nn.Parameter(tied[0].bias_hh_l0.detach().clone())
    assert key_of(tied) != key_of(other)


def test_another_process_has_the_same_key(write, tmp_path):
    code = write()
    torch.manual_seed(0)
    core = nn.Linear(2, 2)
    torch.save(core, tmp_path / "core.pt")
    program = (
        "import torch, code_of_mine\n"
        "from functools import partial\n"
        "from sklearn_emerge import ModulePredictor\n"
        "from sklearn_emerge.assessment._key import key_of, library_versions\n"
        "from sklearn_emerge.measures import task_scores\n"
        "core = torch.load('core.pt', weights_only=False)\n"
        "model = ModulePredictor(partial(code_of_mine.same, net=core))\n"
        "measures = {'tasks': partial(task_scores, n_queries=3), 'own': code_of_mine.Own()}\n"
        "print(key_of((library_versions(), model, measures)))\n"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join([str(tmp_path), *filter(None, sys.path)])},
    )
    model = ModulePredictor(partial(code.same, net=core))
    measures = {"tasks": partial(task_scores, n_queries=3), "own": code.Own()}
    assert other.stdout.strip() == key_of((library_versions(), model, measures))


def baselines_of(world, *nulls, names="auto"):
    """Return baselines of an assessment of a world and its nulls."""
    (only,) = expand(world, GRUPredictor(2), Grid(), nulls)
    return Baselines(
        Design(2, 20, 10, False, [0]),
        only.worlds,
        {name: make_baselines(names, each, world, 2) for name, each in only.models.items()},
        ["mean"],
        {name: {"likelihood": "auto", "noise_std": "auto"} for name in only.worlds},
        {name: maker_of(each) for name, each in only.worlds.items()},
    )


def works(engine="torch"):
    """Return the works of a small assessment, of each kind."""
    model = GRUPredictor(2, max_steps=2, engine=engine)
    (only,) = expand(OscillatorWorld(n_steps=12), model, Grid(), ["resample"])
    design, world = Design(2, 20, 10, False, [0]), only.worlds["structured"]
    probing = {"probe": "auto", "n_probe": 10}
    measures = {"memory": Timed(memory_curve, (0, 1))}
    recorded = {"with_memory": True, "record_at": (0, 1), "measures": measures}
    networks = (
        Networks(design, only.worlds[condition], only.models[condition], mode, **probing, **options)
        for condition, mode, options in (
            ("structured", "full", recorded),
            ("resample", "readout", {}),
            ("structured", "scrambled", {}),
        )
    )
    return [
        *networks,
        baselines_of(world, "resample"),
        Windows(design, world, 2, None, None, **probing),
        Cores(design, world, (2, 3), None),
    ]


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """How to add a comma to files of the package and get the keys of values, in a copy of it."""
    copy = tmp_path / "sklearn_emerge"
    shutil.copytree(_reach.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(_reach, "PACKAGE", copy)

    def keys(values, *files):
        for file in files:
            with (copy / file).open("a") as text:
                text.write("# ,")
        # A comma changes no import.
        _reach.digest_of.cache_clear()
        return [key_of(value) for value in values]

    yield keys
    _reach.digest_of.cache_clear()
    _reach._imports.cache_clear()
    _reach._imported.cache_clear()


def test_code_that_no_cell_comes_by_is_in_no_key(copied):
    files = (
        "__init__.py",
        "_docs.py",
        "displays/_assessment.py",
        "reporting/_report.py",
        "cli/__init__.py",
        "serving/__init__.py",
        "reproduce/_recipes.py",
        "worlds/_triangle.py",
        "predictors/_transformer.py",
        "assessment/_sentences.py",
        "assessment/_explain.py",
        "assessment/_words.py",
        "assessment/_summary.py",
        "assessment/_html.py",
        "assessment/_verdict.py",
        "assessment/_assessment.py",
    )
    assert copied(works()) == copied(works(), *files)


def test_code_that_a_cell_runs_is_in_its_key(copied):
    before = copied(works())
    # Random cores are not trained, and nobody probes them.
    for file, of_cores in {
        "recurrence/_scan.py": False,
        "predictors/_neural.py": False,
        "training/_run.py": False,
        "probes.py": False,
        "worlds/_oscillator.py": True,
        "assessment/_networks.py": False,
        "assessment/_work.py": True,
        "_random.py": True,
    }.items():
        after = copied(works(), file)
        changed = [old != new for old, new in zip(before, after, strict=True)]
        assert changed == [of_cores or not isinstance(work, Cores) for work in works()], file
        before = after


def test_code_of_somebodys_own_may_use_all_of_the_package(copied, write):
    code = write()
    (before,), (after,) = copied([code.measure]), copied([code.measure], "displays/_assessment.py")
    assert before != after


WITH_CEILINGS = {
    "oscillator": OscillatorWorld(n_steps=12),
    "regime": RegimeWorld(n_steps=12),
    "drift": DriftWorld(n_steps=12),
    "linear_system": LinearSystemWorld.random_walk(n_steps=12),
    "bernoulli": BernoulliWorld(n_steps=12),
}


def test_the_best_predictors_and_the_files_of_other_worlds_are_in_no_key(copied):
    def works():
        return [baselines_of(world) for world in WITH_CEILINGS.values()] + [
            baselines_of(OscillatorWorld(n_steps=12), "shuffle"),
            *WITH_CEILINGS.values(),
        ]

    before, names = copied(works()), list(WITH_CEILINGS)
    shuffled, drawn = len(names), [len(names) + 1 + i for i in range(len(names))]
    for file, changed in {
        "ceilings/_regime.py": {names.index("regime")},
        "ceilings/_oscillator.py": {names.index("oscillator"), shuffled},
        "ceilings/_drift.py": {names.index("drift")},
        "ceilings/_linear_system.py": {names.index("linear_system")},
        "ceilings/_kalman.py": {names.index("drift"), names.index("linear_system")},
        "ceilings/_bernoulli.py": {names.index("bernoulli")},
        "ceilings/_exchangeable.py": {shuffled},
        "ceilings/_of_world.py": {*range(shuffled + 1)},
        "worlds/_array.py": set(),
        "worlds/_drift.py": {names.index("drift"), drawn[names.index("drift")]},
        "worlds/_regime.py": {names.index("regime"), drawn[names.index("regime")]},
        "worlds/_base.py": {*range(len(before))},
    }.items():
        after = copied(works(), file)
        assert {i for i, key in enumerate(before) if key != after[i]} == changed, file
        before = after


def test_a_file_that_asks_a_world_for_its_best_predictor_has_all_in_its_key(copied):
    asks, does_not = PredictionRiskSweep, memory_curve
    before = copied([asks, does_not])
    after = copied([asks, does_not], "ceilings/_regime.py")
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_what_type_checkers_alone_import_is_in_no_key(tmp_path, monkeypatch):
    package = tmp_path / "sklearn_emerge"
    package.mkdir()
    monkeypatch.setattr(_reach, "PACKAGE", package)
    for name in "bcde":
        (package / f"{name}.py").touch()
    (package / "a.py").write_text(
        "from .b import B\n"
        "if TYPE_CHECKING:\n    from .c import C\n"
        "else:\n    from .d import D\n"
        "if not TYPE_CHECKING:\n    from .e import E\n"
    )
    assert {path.stem for path in _reach.files_of("sklearn_emerge.a")} == {"a", "b", "d", "e"}


@pytest.mark.parametrize("engine", ["torch", pytest.param("numba", marks=pytest.mark.slow)])
def test_no_cell_runs_a_file_that_is_not_in_its_key(monkeypatch, engine):
    # The exchangeable predictor of a null, and each of the others.
    ceilings = [baselines_of(w, "shuffle", names=("mean",)) for w in WITH_CEILINGS.values()]
    for work in (*works(engine), *ceilings):
        modules, files = set(), set()
        with monkeypatch.context() as patch:
            patch.setattr(_key, "digest_of", lambda module, known=modules: known.add(module))
            key_of(work)
        counted = set().union(*map(_reach.files_of, modules))

        def note(frame, event, argument, files=files):
            # Rooms are loaded as a whole; what of them is called counts.
            if frame.f_code.co_name != "<module>":
                files.add(frame.f_code.co_filename)

        threading.setprofile(note)
        sys.setprofile(note)
        try:
            work.run()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
        ran = {path for path in map(Path, files) if path.is_relative_to(_reach.PACKAGE)}
        assert len(ran) > 10
        # Docstrings are filled in where rooms are loaded.
        assert ran - {_reach.PACKAGE / "_docs.py"} <= counted
