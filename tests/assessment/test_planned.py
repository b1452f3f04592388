"""What is said of a fit before it, without doing it."""

import logging

import numpy as np
import pytest
from conftest import GAIN_ALONE, small_assessment

from sklearn_emerge import ArrayWorld, GRUPredictor, OscillatorWorld
from sklearn_emerge.assessment._baselines import Baselines
from sklearn_emerge.assessment._networks import Networks
from sklearn_emerge.inference import smallest_p_value

WORLD = OscillatorWorld(n_steps=8)
FEW = GAIN_ALONE | dict(
    world=WORLD,
    model=GRUPredictor(2, max_steps=6, engine="torch"),
    nulls=("resample",),
    baselines=("mean",),
    param_grid={"lr": [0.01, 0.02]},
    alpha=0.6,
)


@pytest.fixture
def nothing_runs(monkeypatch):
    def fail(*args):
        raise AssertionError("something was computed")

    for work in (Networks, Baselines):
        monkeypatch.setattr(work, "measure", fail)


@pytest.mark.usefixtures("nothing_runs")
def test_a_plan_counts_and_computes_nothing():
    assessment = small_assessment(**FEW, n_seeds=3, modes=("full", "random"))
    planned = assessment.plan()
    assert planned.n_configurations == 2
    # Baselines, which both have, and of each configuration networks of two conditions and modes.
    assert (planned.n_cells, planned.n_networks) == (1 + 2 * 4, 2 * 4 * 3)
    assert planned.n_updates == 2 * 2 * 3 * 6
    assert planned.n_results_stored == planned.n_updates_stored == 0
    assert planned.smallest_p_value == smallest_p_value(3, 2)
    assert planned.seconds > 0
    assert planned.n_bytes > 1e8
    assert not hasattr(assessment, "cube_")
    assert not hasattr(assessment, "n_features_in_")


@pytest.mark.usefixtures("nothing_runs")
def test_a_plan_of_recordings_has_no_smallest_p_value():
    X = WORLD.sample(40, 0).X
    options = FEW | dict(world=None, param_grid=None, n_train=None, n_eval=None)
    planned = small_assessment(**options).plan(X)
    assert np.isnan(planned.smallest_p_value)
    assert "none: seeds are splits" in str(planned)
    with pytest.raises(ValueError, match="fit received X, but world is set"):
        small_assessment(**FEW).plan(X)
    again = small_assessment(**options | dict(world=ArrayWorld(X))).plan()
    assert again.n_cells == planned.n_cells == 5


def test_a_plan_knows_what_is_in_the_store_and_is_what_is_announced(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    small_assessment(**FEW, n_seeds=2, modes=("full",), memory="runs").fit()
    more = small_assessment(**FEW, n_seeds=3, modes=("full", "random"), memory="runs")
    planned = more.plan()
    # Of the networks of either configuration two of three seeds; with few sequences baselines are
    # those of all seeds.
    assert planned.n_cells_stored == 0
    assert planned.n_networks_stored == planned.n_results_stored == planned.n_results_apart == 8
    assert planned.n_updates_stored == 2 * 2 * 2 * 6
    text = str(planned)
    assert "updates           72, of which 48 are in runs" in text
    assert text == repr(planned)
    wide = small_assessment(**FEW | dict(modes=("full", "readout", "random", "scrambled")))
    assert max(map(len, f"{text}\n{wide.plan()}".splitlines())) < 80
    with caplog.at_level(logging.INFO, "sklearn_emerge"):
        more.set_params(progress="log").fit()
    announced = caplog.messages[0]
    for word in ("9 cells, 24 networks, 72 updates", "8 of 27 seeds read from runs"):
        assert word in announced
        assert word in planned.line
    whole = more.plan()
    assert whole.n_cells_stored == whole.n_cells == 9
    assert whole.n_updates_stored == whole.n_updates
    assert whole.n_results_apart == 0
