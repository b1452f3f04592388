"""One torch thread, no windows, and a small assessment that several tests share."""

import gc
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld, TriangleWorld
from sklearn_emerge.assessment import _panel
from sklearn_emerge.reporting import _sections
from sklearn_emerge.training import Net

matplotlib.use("Agg")
torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption(
        "--calibration", metavar="FOLDER", help="keep the rates that slow tests measure, as CSV"
    )


# Pages whose examples take half a minute: docs/emergence.md, and all of docs/how-to together.
SLOW_PAGES = {"emergence.md"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name in SLOW_PAGES or item.path.parent.name == "how-to":
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish():
    # What was imported and collected stays to the end: do not look for garbage in it again, and
    # not after every 700 objects either.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.fixture
def report(request):
    """Return a function that takes a row of what a test measured: setting, test, rate, n."""
    rows = []
    yield lambda *row: rows.append(row)
    folder = request.config.getoption("--calibration")
    if folder is not None:
        name = request.node.name.removeprefix("test_").replace("[", "-").removesuffix("]")
        path = Path(folder, f"{name}.csv")
        path.parent.mkdir(exist_ok=True)
        table = pd.DataFrame(rows, columns=["setting", "test", "rate", "assessments"])
        table.to_csv(path, index=False)


@pytest.fixture
def close_figures():
    """Close all figures after the test."""
    yield
    plt.close("all")


@pytest.fixture
def without_figures(monkeypatch):
    """Leave out what takes time in reports, for tests of text."""
    monkeypatch.setattr(_sections, "figures_of", lambda case: [])
    monkeypatch.setattr(_sections, "training_curves", lambda case: None)
    monkeypatch.setattr(_sections, "picture_of_world", lambda world, nulls, of: None)


@pytest.fixture
def no_training(monkeypatch):
    """Fail as soon as a cell of an assessment runs or a network is trained."""

    def begun(*args, **kwargs):
        pytest.fail("training started")

    monkeypatch.setattr(EmergenceAssessment, "_run", begun)
    monkeypatch.setattr(Net, "train_on", begun)


@pytest.fixture
def few_baselines(monkeypatch):
    """Leave out the baselines that take seconds a seed, for tests of something else."""
    few = {
        kind: [name for name in names if _panel.ALTERNATIVES[name].trivial]
        for kind, names in _panel._AUTO.items()
    }
    monkeypatch.setattr(_panel, "_AUTO", few)


# Three languages of four words.
TRIANGLE = TriangleWorld(n_words=4, examples={"A->B": 60, "B->C": 60, "A->C": 6})
ALL_MODES = ("full", "readout", "random")
FEW_BASELINES = ("mean", "step_mean", "persistence")
WITH_FILTER = (*FEW_BASELINES, "linear_filter")
SMALL = dict(
    n_train=40,
    n_eval=20,
    n_seeds=2,
    alpha=0.6,
    progress=False,
    random_state=0,
    modes=("full", "readout"),
    nulls=("resample",),
    reservoir_sizes=None,
    baselines=FEW_BASELINES,
)

# Leaves out what a test that asks for losses or gains does without.
GAIN_ALONE = dict(nulls=(), claims=("gain",), probe=None)


def small_assessment(**options):
    """Return an assessment that takes a second: its numbers mean nothing."""
    world = options.pop("world", OscillatorWorld(n_steps=10))
    model = options.pop("model", GRUPredictor(hidden_size=3, max_steps=4))
    if getattr(world, "observation", None) == "token":
        # Softmax filters take long.
        options = {"baselines": "auto"} | options
    return EmergenceAssessment(world, model, **{**SMALL, **options})


@pytest.fixture(scope="session")
def fitted():
    """A fitted assessment over a grid of hidden sizes."""
    return small_assessment(param_grid={"hidden_size": [2, 4]}, modes=ALL_MODES).fit()


@pytest.fixture(scope="session")
def fitted_single():
    """A fitted assessment of one configuration."""
    options = dict(nulls=("resample", "shuffle"), modes=ALL_MODES, baselines=WITH_FILTER)
    return small_assessment(**options).fit()


@pytest.fixture(scope="session")
def cube():
    """The cube of five seeds of a tiny network."""
    options = dict(nulls=("resample", "phase"), baselines=WITH_FILTER)
    return small_assessment(n_seeds=5, **options).fit().cube_
