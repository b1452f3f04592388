"""Results do not depend on what has been set, nor on where cells run; and nothing stays set."""

import gc
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Event, get_ident

import numpy as np
import pytest
import torch
import xarray as xr
from conftest import GAIN_ALONE, small_assessment
from joblib import parallel_config
from numba import objmode
from numba.core import caching
from threadpoolctl import threadpool_info, threadpool_limits
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import __main__
from sklearn_emerge import (
    EchoStatePredictor,
    GRUPredictor,
    LSTMPredictor,
    ModulePredictor,
    TransformerPredictor,
    WindowPredictor,
    _abandoned,
)
from sklearn_emerge._moments import Moments
from sklearn_emerge._threads import computed_ahead, one_thread
from sklearn_emerge.assessment._costs import Cost
from sklearn_emerge.assessment._plan import Cell
from sklearn_emerge.assessment._progress import Progress
from sklearn_emerge.measures import count_flops
from sklearn_emerge.predictors import _alternative
from sklearn_emerge.recurrence import Compiled
from sklearn_emerge.serving import export_network, load_network
from sklearn_emerge.training import _heads, _isolation, isolated_torch, moments_of

X = np.random.default_rng(0).normal(size=(40, 20)).cumsum(axis=1)
TOKENS = np.random.default_rng(0).integers(0, 9, size=(64, 12))
TRANSFORMER = TransformerPredictor(
    32, 1, 2, dropout=0.1, likelihood="categorical", max_steps=4, random_state=0
)
SMALL = dict(max_steps=4, random_state=0)
MODELS = [
    GRUPredictor(3, engine="numba", **SMALL),
    GRUPredictor(3, engine="numba", training="readout", head="sgd", **SMALL),
    LSTMPredictor(8, engine="torch", **SMALL),
    GRUPredictor(3, engine="torch", training="readout", head="sgd", **SMALL),
    GRUPredictor(3, engine="torch", training="random", **SMALL),
    TRANSFORMER,
]


@contextmanager
def changed(read, write, value):
    before = read()
    write(value)
    try:
        yield
    finally:
        write(before)


@contextmanager
def default_device():
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


PRECISION = torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
DETERMINISTIC = torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms
SETTINGS = {
    "default dtype": partial(
        changed, torch.get_default_dtype, torch.set_default_dtype, torch.float64
    ),
    "default device": default_device,
    "device": partial(torch.device, "meta"),
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "autocast": partial(torch.autocast, "cpu", torch.bfloat16),
    "precision of products": partial(changed, *PRECISION, "medium"),
    "attention": partial(sdpa_kernel, SDPBackend.MATH),
    "deterministic": partial(changed, *DETERMINISTIC, True),
}


def all_settings():
    stack = ExitStack()
    for setting in SETTINGS.values():
        stack.enter_context(setting())
    return stack


def results():
    """What each model predicts, and what it makes of it."""
    found = []
    for model in MODELS:
        sequences = TOKENS if model is TRANSFORMER else X
        model.fit(sequences)
        found += [model.predict(sequences), model.transform(sequences)]
    return [*found, TRANSFORMER.generate(TOKENS[:, :4], 4), TRANSFORMER.attention_logits(TOKENS)]


def state():
    """All that is set in this process."""
    flags = torch.backends.cuda
    numbers = [torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()]
    return [
        *numbers,
        random.getstate(),
        np.geterr(),
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.empty(0).device,
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
        flags.flash_sdp_enabled(),
        flags.mem_efficient_sdp_enabled(),
        flags.math_sdp_enabled(),
    ]


@pytest.fixture(scope="module")
def plain():
    return results()


@pytest.mark.parametrize("setting", [*SETTINGS.values(), all_settings], ids=[*SETTINGS, "all"])
def test_what_is_set_changes_no_result_and_stays_set(plain, setting):
    with setting():
        before = state()
        found = results()
        assert state() == before
    assert all(map(np.array_equal, found, plain))


def test_what_is_set_stays_set_after_an_error():
    def fail(n_inputs):
        raise RuntimeError("no module")

    with all_settings():
        before = state()
        with pytest.raises(ValueError, match="no module"):
            ModulePredictor(fail).fit(X)
        assert state() == before


@pytest.mark.slow
def test_what_is_set_changes_no_assessment():
    assessment = small_assessment(record_at=[0, 2], modes=("full", "random"))
    before = state()
    plain = assessment.fit().cube_.drop_vars("fit_seconds")
    with all_settings():
        cube = assessment.fit().cube_.drop_vars("fit_seconds")
    xr.testing.assert_equal(cube, plain)
    assert state() == before


def test_what_is_set_changes_no_exported_network(tmp_path, plain):
    def logits():
        export_network(TRANSFORMER, tmp_path / "network.pt2")
        return load_network(tmp_path / "network.pt2").logits(TOKENS[:, :8])

    expected = logits()
    with ExitStack() as stack:
        for name, setting in SETTINGS.items():
            # Serving computes in many threads, so that it cannot set what belongs to the process.
            if name not in ("precision of products", "attention"):
                stack.enter_context(setting())
        assert np.array_equal(logits(), expected)
        assert count_flops(nn.Linear(10, 20, device="cpu", dtype=torch.float32), (5, 10)) == 2000


@pytest.mark.skipif(not hasattr(torch.backends, "fp32_precision"), reason="since torch 2.9")
def test_precision_by_backend_is_restored(plain):
    backends = torch.backends
    with ExitStack() as stack:
        for owner, value in ((backends, "tf32"), (backends.mkldnn.matmul, "bf16")):
            read, write = (partial(f, owner, "fp32_precision") for f in (getattr, setattr))
            stack.enter_context(changed(read, write, value))
        assert np.array_equal(LSTMPredictor(8, engine="torch", **SMALL).fit(X).predict(X), plain[4])
        assert (backends.fp32_precision, backends.mkldnn.matmul.fp32_precision) == ("tf32", "bf16")
        backends.fp32_precision = "ieee"
        # What was inherited is so still.
        assert backends.cuda.matmul.fp32_precision == "ieee"


def test_modules_are_trained_in_single_precision_whatever_they_are_made_in():
    def core(n_inputs, dtype):
        return nn.GRU(n_inputs, 3, batch_first=True).to(dtype)

    single, double = (
        ModulePredictor(partial(core, dtype=dtype), **SMALL).fit(X).predict(X)
        for dtype in (torch.float32, torch.float64)
    )
    assert np.array_equal(single, double)


@pytest.mark.slow
def test_cells_of_transformers_do_not_depend_on_the_number_of_threads():
    assessment = small_assessment(
        model=TransformerPredictor(32, 1, 2, max_steps=4), modes=("full",), **GAIN_ALONE
    )
    one = assessment.fit().cube_.nll
    with changed(torch.get_num_threads, torch.set_num_threads, 2):
        assert assessment.fit().cube_.nll.equals(one)


def double(x):
    return 2 * x


def full(*args):
    raise OSError("No space left on device")


@pytest.mark.parametrize(
    ("owner", "name"),
    [(caching._CacheLocator, "ensure_cache_path"), (caching.Cache, "save_overload")],
    ids=["no folder", "full disk"],
)
def test_code_that_cannot_be_kept_is_compiled(monkeypatch, owner, name):
    monkeypatch.setattr(owner, name, full)
    function = Compiled(double)
    assert not function.ready
    assert function(21) == 42
    assert function.ready


@pytest.fixture
def eager_collector():
    """Look for garbage whenever there is a new object; afterwards as it was."""
    thresholds, enabled = gc.get_threshold(), gc.isenabled()
    gc.set_threshold(1)
    yield
    gc.set_threshold(*thresholds)
    (gc.enable if enabled else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False])
def test_no_garbage_is_looked_for_while_a_kernel_is_read(eager_collector, enabled):
    function, phases = Compiled(double), []
    (gc.enable if enabled else gc.disable)()
    gc.callbacks.append(lambda phase, info: phases.append(phase))
    try:
        assert function(2) == 4
        found, still = len(phases), gc.isenabled()
    finally:
        gc.callbacks.pop()
    # Of the calls around the reading, and not hundreds.
    assert found < 30
    assert still is enabled


def asks():
    with objmode(enabled="boolean"):
        enabled = gc.isenabled()
    return enabled


@pytest.mark.filterwarnings("ignore:Cannot cache:numba.NumbaWarning")
def test_garbage_is_looked_for_in_the_first_call_of_a_kernel():
    assert gc.isenabled()
    assert Compiled(asks)()


def n_threads():
    return [library["num_threads"] for library in threadpool_info()]


def test_threads_that_overlap_leave_the_libraries_as_they_were():
    """The first to enter leaves first; each has one thread meanwhile."""
    entered, left = Event(), Event()

    def overlapping():
        with one_thread():
            entered.set()
            assert left.wait(10)
            return n_threads()

    outer = threadpool_limits(2)
    # Since threadpoolctl 3.8 only the thread that was first can set it, until it leaves a context.
    with threadpool_limits(None):
        pass
    try:
        with ThreadPoolExecutor() as pool:
            before = n_threads()
            assert 2 in before
            with one_thread():
                other = pool.submit(overlapping)
                assert entered.wait(10)
                with one_thread():
                    assert set(n_threads()) == {1}
            left.set()
            assert set(other.result()) == {1}
        assert n_threads() == before
    finally:
        outer.restore_original_limits()


def test_threads_of_an_assessment_leave_the_libraries_as_they_were():
    with threadpool_limits(2), parallel_config("threading", n_jobs=3):
        before = n_threads()
        assert 2 in before
        small_assessment(modes=("random",), nulls=()).fit()
        assert n_threads() == before


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_process_that_is_forked_while_a_network_is_fitted_can_use_torch():
    entered, left = Event(), Event()

    def fitting():
        with isolated_torch(np.random.SeedSequence(0), "cpu"):
            entered.set()
            assert left.wait(10)

    with ThreadPoolExecutor() as pool:
        other = pool.submit(fitting)
        assert entered.wait(10)
        child = os.fork()
        if not child:
            os._exit(0 if _isolation._TORCH_LOCK.acquire(timeout=1) else 1)
        left.set()
        other.result()
    assert os.waitpid(child, 0)[1] == 0


CELL = """
class Core(nn.Module):
    def __init__(self, n_inputs):
        super().__init__()
        self.gru = nn.GRU(n_inputs, 3, batch_first=True)
    def forward(self, inputs):
        return self.gru(inputs)
"""


@pytest.mark.slow
def test_classes_of_a_notebook_are_stored_by_workers(tmp_path, monkeypatch):
    for name, value in (("nn", nn), ("Core", None)):
        monkeypatch.setattr(__main__, name, value, raising=False)
    exec(CELL, vars(__main__))
    options = dict(model=ModulePredictor(__main__.Core, max_steps=2), modes=("full",))
    options |= GAIN_ALONE
    plain = small_assessment(**options).fit().cube_
    for n_jobs in (2, None):
        cube = small_assessment(**options, memory=tmp_path, n_jobs=n_jobs).fit().cube_
        xr.testing.assert_equal(cube.drop_vars("fit_seconds"), plain.drop_vars("fit_seconds"))
        # The second time they are read.
        assert len(list(tmp_path.rglob("seed-*.pkl"))) == 4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_processes_that_return_all_results_at_the_end(tmp_path):
    options = dict(modes=("full", "random"), **GAIN_ALONE)
    plain = small_assessment(**options).fit().cube_
    with parallel_config("multiprocessing", n_jobs=2):
        cube = small_assessment(**options, memory=tmp_path).fit().cube_
    xr.testing.assert_equal(cube.drop_vars("fit_seconds"), plain.drop_vars("fit_seconds"))


def test_progress_needs_no_folder(monkeypatch):
    asked = []

    def unwritable(**options):
        asked.append(options)
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(_abandoned, "TemporaryDirectory", unwritable)
    small_assessment(modes=("random",), nulls=(), progress=False).fit()
    assert not asked
    cells = [Cell(None, n_updates=100), Cell(None, n_updates=50)]
    with Progress(cells, [Cost(training=2.0), Cost(training=1.0)], "bar") as progress:
        assert progress.file(0) is None
        progress.finish(1)
        progress.view.show()
        assert 1 <= progress.view.bar.n < 2
    assert asked


@contextmanager
def three_threads():
    """Let there be three threads of torch, and one of BLAS."""
    with changed(torch.get_num_threads, torch.set_num_threads, 3), one_thread():
        yield


def with_three_threads(function, items, **options):
    """Yield what the function returns."""
    with three_threads():
        yield from computed_ahead(function, items, **options)


def test_what_threads_compute_ahead_comes_in_order():
    def slower_first(item):
        time.sleep(0.02 / (1 + item))
        return item, get_ident()

    found, threads = zip(*with_three_threads(slower_first, range(8)), strict=True)
    assert found == tuple(range(8))
    assert len(set(threads)) > 1
    assert get_ident() not in threads
    assert {thread for _, thread in computed_ahead(slower_first, range(8))} == {get_ident()}


def test_no_thread_waits_for_one_that_takes_longer_where_results_may_wait():
    later = Event()

    def first_waits_for_later(item):
        if item == 7:
            later.set()
        return item > 0 or later.wait(60)

    assert all(with_three_threads(first_waits_for_later, range(8), n_waiting=8))


def test_an_error_in_a_thread_ends_what_is_computed_ahead():
    begun = []

    def fail(item):
        begun.append(item)
        raise ValueError(f"of {item}")

    with pytest.raises(ValueError, match="of 0"):
        list(with_three_threads(fail, range(50)))
    assert len(begun) < 10


@pytest.mark.parametrize(
    "model",
    [
        EchoStatePredictor(8, random_state=0),
        EchoStatePredictor(200, random_state=0),
        WindowPredictor(8, random_state=0),
        WindowPredictor(30, random_state=0),
    ],
    ids=["small core", "large core", "short window", "long window"],
)
def test_random_features_do_not_depend_on_threads(model):
    X = np.random.default_rng(0).normal(size=(70, 200))
    predictions = []
    for n_threads in (1, 3):
        with changed(torch.get_num_threads, torch.set_num_threads, n_threads), one_thread():
            predictions.append(model.fit(X).predict(X))
    np.testing.assert_array_equal(*predictions)


def threads_of(monkeypatch, owner, name, function):
    """Return the threads in which a function calls a method, where there are three."""
    method, found = getattr(owner, name), []

    def noted(*args):
        found.append(get_ident())
        return method(*args)

    with monkeypatch.context() as patch, three_threads():
        patch.setattr(owner, name, noted)
        function()
    return found


@pytest.mark.parametrize(
    ("model", "n_tried"), [(EchoStatePredictor(8, random_state=0), 8), (WindowPredictor(4), 4)]
)
def test_hyper_parameters_are_tried_in_threads_unless_that_takes_much_memory(
    monkeypatch, model, n_tried
):
    tried = partial(threads_of, monkeypatch, type(model), "_tuning_error")
    assert get_ident() not in tried(lambda: model.fit(X))
    monkeypatch.setattr(_alternative, "_MOST_BYTES_AT_ONCE", 0)
    assert tried(lambda: model.fit(X)) == [get_ident()] * n_tried


def test_moments_are_added_up_in_threads_unless_they_take_much_memory(monkeypatch):
    def moments():
        moments_of(lambda part: part, X[..., np.newaxis], 1, again=False, compute=computed_ahead)

    # Each sequence on its own. The first says what products are about.
    monkeypatch.setattr(_heads, "_QUICK", 1)
    monkeypatch.setattr(_heads, "_CHUNK_BYTES", 8 * 20)
    added = partial(threads_of, monkeypatch, Moments, "add")
    first, *later = added(moments)
    assert first == get_ident()
    assert get_ident() not in later
    monkeypatch.setattr(_heads, "_CHUNK_BYTES", 8)
    assert added(moments) == [get_ident()] * len(X)
