"""Large recordings: kept once, sent to workers once, hashed once, and never copied for checks."""

import errno
import os
import pickle
import tracemalloc

import joblib
import numpy as np
import pytest
from conftest import small_assessment
from joblib import _memmapping_reducer
from joblib.externals.loky.backend.reduction import dumps
from joblib.hashing import NumpyHasher

from sklearn_emerge import ArrayWorld, GRUPredictor
from sklearn_emerge.assessment import _recordings
from sklearn_emerge.assessment._design import Design
from sklearn_emerge.assessment._grid import read_grid
from sklearn_emerge.assessment._key import arrays_hashed_once, key_of
from sklearn_emerge.assessment._plan import expand
from sklearn_emerge.assessment._prepare import check_plan, make_plan
from sklearn_emerge.assessment._schedule import schedule
from sklearn_emerge.worlds import _rows

RNG = np.random.default_rng(0)
# Above the megabyte from which on joblib maps arrays.
LARGE = RNG.normal(size=(1200, 60, 2))
FEW = dict(n_train=12, n_eval=8, param_grid={"lr": [0.01, 0.02, 0.03]})


@pytest.fixture
def sent(monkeypatch, tmp_path):
    """Sizes of what would be sent to workers; it arrives here, in place of in processes."""
    sizes, call = [], joblib.Parallel.__call__

    def here(parallel, jobs):
        # Others, as of scikit-learn, are none of cells.
        return sent_here(parallel, jobs) if parallel.return_generator else call(parallel, jobs)

    def sent_here(parallel, jobs):
        wanted = {name: parallel._backend_kwargs[name] for name in ("max_nbytes", "mmap_mode")}
        wanted["temp_folder_resolver"] = lambda: str(tmp_path / "maps")
        reducers, _ = _memmapping_reducer.get_memmapping_reducers(
            unlink_on_gc_collect=False, **wanted
        )
        for job in jobs:
            message = dumps(job, reducers=reducers)
            sizes.append(len(message))
            function, arguments, options = pickle.loads(message)
            yield function(*arguments, **options)

    monkeypatch.setattr(joblib.Parallel, "__call__", here)
    # Of files that a test has made there is nothing to clean.
    monkeypatch.setattr(_memmapping_reducer.resource_tracker, "register", lambda *args: None)
    return sizes


@pytest.fixture
def hashed(monkeypatch):
    """Sizes of large arrays that are hashed."""
    sizes, save = [], NumpyHasher.save

    def counted(self, obj):
        if isinstance(obj, np.ndarray) and obj.nbytes >= 2**16:
            sizes.append(obj.nbytes)
        save(self, obj)

    monkeypatch.setattr(NumpyHasher, "save", counted)
    return sizes


def in_a_file(X, folder):
    """Return an array as a memory map."""
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


def mapped(predictor, sample):
    """Return 1 where the recordings are a memory map, and try to write to them."""
    rows = sample.world.X
    while isinstance(rows.base, np.ndarray):
        rows = rows.base
    is_map = isinstance(rows, np.memmap)
    if is_map and rows.flags.writeable:
        # As a user's own world may do; nobody else sees it.
        sample.world.X[:] = 0
    return float(is_map)


SENT = dict(FEW, nulls=(), baselines=("mean",), modes=("full",), claims=("gain",))
SENT |= dict(record_at=[4], measures={"mapped": mapped})


@pytest.mark.parametrize("in_file", [False, True])
def test_recordings_are_sent_to_workers_once_and_are_maps_there(in_file, tmp_path, sent):
    X = in_a_file(LARGE, tmp_path) if in_file else LARGE.copy()
    cube = small_assessment(world=ArrayWorld(X), **SENT).fit().cube_
    # Baselines of all, and networks of three configurations.
    assert len(sent) == 4
    assert (cube.mapped_trajectory == 1).all()
    size, limit = sum(sent), X.nbytes / 10
    assert size < limit
    assert len(list(tmp_path.rglob("maps/*"))) == (0 if in_file else 1)
    np.testing.assert_array_equal(X, LARGE)


@pytest.mark.parametrize(
    ("reason", "error", "match"),
    [
        (os.strerror(errno.ENOSPC), OSError, "JOBLIB_TEMP_FOLDER"),
        ("no name", pickle.PicklingError, "task"),
    ],
)
def test_without_room_for_a_map_a_fit_says_where_to_find_some(reason, error, match, monkeypatch):
    def refuse(parallel, jobs):
        raise pickle.PicklingError("Could not pickle the task.") from OSError(reason)

    assessment = small_assessment(world=ArrayWorld(LARGE), **SENT)
    monkeypatch.setattr(joblib.Parallel, "__call__", refuse)
    with pytest.raises(error, match=match):
        assessment.fit()


@pytest.mark.slow
def test_real_workers_map_recordings_and_find_the_same():
    X = LARGE.copy()
    here, there = (small_assessment(world=ArrayWorld(X), n_jobs=n, **SENT).fit() for n in (1, 2))
    assert (here.cube_.mapped_trajectory == 0).all()
    assert (there.cube_.mapped_trajectory == 1).all()
    for name in ("nll", "nll_baseline"):
        np.testing.assert_array_equal(here.cube_[name], there.cube_[name])
    np.testing.assert_array_equal(X, LARGE)


@pytest.mark.parametrize("in_file", [False, True])
def test_recordings_are_hashed_once_for_all_keys_of_a_fit(in_file, tmp_path, hashed):
    X = in_a_file(LARGE, tmp_path) if in_file else LARGE
    options = FEW | {"modes": ("random",), "memory": tmp_path}
    plan = make_plan(small_assessment(world=ArrayWorld(X), **options), None, None)
    with arrays_hashed_once():
        check_plan(plan, None)
        cells = schedule(plan)
    assert hashed == [X.nbytes]
    assert len(cells) == 1 + 3 * 2
    hashed.clear()
    # A fit that adds to it looks at the array again.
    schedule(plan)
    assert hashed == [X.nbytes]


def test_an_array_that_is_changed_in_place_has_another_key_the_next_time():
    X = LARGE.copy()
    world = ArrayWorld(X)
    keys = []
    for value in (0.0, 1.0, 0.0):
        X[0, 0] = value
        with arrays_hashed_once():
            keys.append(key_of(world))
            assert key_of(ArrayWorld(X)) == keys[-1]
            # Another view of the same memory, and another array, are others.
            assert len({key_of(X), key_of(X[::-1]), key_of(X[:-1]), key_of(X + 1)}) == 4
    assert keys[0] == keys[2] != keys[1]


def test_memory_that_is_used_again_is_another_array():
    with arrays_hashed_once():
        keys = [key_of(np.full(2**14, float(i))) for i in range(4)]
    assert len(set(keys)) == 4


def test_configurations_that_differ_in_the_model_alone_share_their_worlds():
    world = ArrayWorld(LARGE)
    grid = {"hidden_size": [2, 3], "world__latents": [None, LARGE[:, :, :1]]}
    found = expand(world, GRUPredictor(), read_grid(grid), ("resample",))
    for condition in ("structured", "resample"):
        a, b, c, d = (each.worlds[condition] for each in found)
        assert a is c
        assert b is d
        assert a is not b
    assert all(each.worlds["structured"].X is LARGE for each in found)
    assert found[0].worlds["structured"] is not world


LATENTS = RNG.normal(size=(1200, 60, 1))
WORLDS = {
    "sequences": ArrayWorld(LARGE),
    "with latents": ArrayWorld(LARGE, LATENTS),
    "in groups": ArrayWorld(LARGE, groups=np.arange(1200) // 80),
    "one recording": ArrayWorld.from_recording(LARGE.reshape(-1, 2), length=60),
}


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("shared_data", [False, True])
def test_rows_of_a_design_are_those_of_its_splits(name, shared_data):
    design = Design(3, 40, 20, shared_data, [1])
    rows, splits = design.rows(WORLDS[name]), design.splits(WORLDS[name])
    assert len(rows) == len(splits)
    for numbers, samples in zip(rows, splits, strict=True):
        for few, sample in zip(numbers, samples, strict=True):
            part = WORLDS[name]._sample_of(few)
            np.testing.assert_array_equal(part.X, sample.X)
            np.testing.assert_array_equal(part.groups, sample.groups)
            np.testing.assert_array_equal(part.latents, sample.latents)


@pytest.mark.parametrize("name", WORLDS)
def test_checks_before_training_copy_no_recordings_for_each_seed(name, monkeypatch, tmp_path):
    # Parts as small against these recordings as they are against large ones.
    monkeypatch.setattr(_rows, "_NUMBERS", 2**13)
    options = {"world": WORLDS[name], "n_seeds": 6, "n_train": None, "n_eval": None}
    plan = make_plan(small_assessment(**options, memory=tmp_path), None, None)
    tracemalloc.start()
    try:
        check_plan(plan, None)
        schedule(plan)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Evaluation sequences of a seed, a fifth, and latents of all.
    limit = 2 * LARGE.nbytes
    assert peak < limit


@pytest.mark.parametrize("in_blocks", [False, True])
def test_sequences_of_single_precision_are_converted_part_by_part(in_blocks, monkeypatch):
    X = LARGE.astype(np.float32)
    rows = RNG.permutation(1200)[:500]
    values = X.reshape(10, 120, 60, 2) if in_blocks else X
    monkeypatch.setattr(_rows, "_NUMBERS", 2**12)
    taken = _rows.Rows(values, in_blocks=in_blocks)
    assert taken.take(rows).dtype == np.float64
    np.testing.assert_array_equal(taken.take(rows), X[rows])
    np.testing.assert_array_equal(taken.take(slice(3, 9)), X[3:9])


def test_what_is_refused_part_by_part_is_told_of_the_place_among_all(monkeypatch):
    counts = RNG.poisson(2, size=(40, 10, 1)).astype(float)
    counts[33, 4] = -1
    monkeypatch.setattr(_rows, "_NUMBERS", 100)
    assessment = small_assessment(
        world=ArrayWorld(counts), model=GRUPredictor(2, likelihood="poisson")
    )
    with pytest.raises(ValueError, match="sequence 33 of X has -1 at step 4"):
        make_plan(assessment, None, None)
    counts[33, 4] = 2
    factors = _rows.Rows(3 * counts)
    with pytest.warns(UserWarning, match="multiples of 3"):
        _recordings._check_counts(factors, "poisson")
