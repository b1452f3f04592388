"""Configurations that agree in what their networks are compared with compute it once."""

import numpy as np
import pytest
from conftest import small_assessment

from sklearn_emerge import GRUPredictor, OscillatorWorld, TransformerPredictor
from sklearn_emerge.assessment import _checks
from sklearn_emerge.assessment._networks import Networks
from sklearn_emerge.assessment._prepare import make_plan
from sklearn_emerge.assessment._schedule import schedule

FEW = dict(
    world=OscillatorWorld(n_steps=8),
    model=GRUPredictor(2, max_steps=3, engine="torch"),
    nulls=("resample",),
    baselines=("mean", "echo_state"),
    modes=("full",),
    reservoir_sizes=(2,),
    n_seeds=3,
    alpha=0.9,
    correction=None,
)
COMPARED = ("nll_baseline", "nll_optimal", "probe_score_window", "nll_reservoir")


def compared(**options):
    """Return how many configurations share each unit of work that is no network's."""
    cells = schedule(make_plan(small_assessment(**FEW | options), None, None))
    return [len(cell.places) for cell in cells if not isinstance(cell.work, Networks)]


@pytest.mark.parametrize(
    ("grid", "shared"),
    [
        ({"lr": [0.1, 0.2], "max_steps": [1, 2]}, [4] * 3),
        # A random core has as many units, and a window as many values.
        ({"lr": [0.1, 0.2, 0.3], "hidden_size": [2, 3]}, [3] * 6),
        # These change what is predicted, or what is seen of it.
        ({"noise_std": [0.1, 0.2]}, [1] * 6),
        ({"time_channel": [None, "full_time"]}, [1] * 6),
        ({"world__n_steps": [8, 9], "lr": [0.1, 0.2]}, [2] * 6),
    ],
)
def test_what_networks_are_compared_with_is_shared_by_those_that_agree_in_it(grid, shared):
    assert compared(param_grid=grid) == shared


def test_what_is_shared_is_that_of_each_alone():
    grid = {"lr": [0.1, 0.01], "hidden_size": [3]}
    whole = small_assessment(**FEW, param_grid=grid).fit().cube_
    for lr in grid["lr"]:
        for size in grid["hidden_size"]:
            model = GRUPredictor(size, lr=lr, max_steps=3, engine="torch")
            alone = small_assessment(**FEW | dict(model=model)).fit().cube_
            here = whole.sel(lr=lr, hidden_size=size)
            for name in ("nll", *COMPARED):
                np.testing.assert_array_equal(here[name], alone[name], err_msg=name)


@pytest.mark.slow
def test_more_seeds_of_what_is_shared():
    grid = {"lr": [0.1, 0.01]}
    once = small_assessment(**FEW | dict(n_seeds=4), param_grid=grid).fit()
    added = small_assessment(**FEW, param_grid=grid).fit().add_seeds(1)
    for name in ("nll", *COMPARED):
        np.testing.assert_array_equal(added.cube_[name], once.cube_[name], err_msg=name)


def test_a_unit_of_work_is_called_by_what_its_configurations_have_in_common():
    plan = make_plan(
        small_assessment(**FEW, param_grid={"lr": [0.1, 0.2], "hidden_size": [2, 3]}), None, None
    )
    names = [cell.name for cell in schedule(plan) if cell.mode is None and cell.condition is None]
    assert len(names) == 2
    assert not any("lr" in name for name in names)
    assert all("hidden_size" in name for name in names)


def test_networks_that_differ_in_training_alone_are_tried_once(monkeypatch):
    tried, untrained_network = [], _checks.untrained_network

    def count(model, X):
        tried.append(model.hidden_size)
        return untrained_network(model, X)

    monkeypatch.setattr(_checks, "untrained_network", count)
    grid = {"lr": [0.1, 0.2, 0.3], "hidden_size": [2, 3], "batch_size": [4, 8]}
    make_plan(small_assessment(**FEW, param_grid=grid), None, None)
    assert sorted(tried) == [2, 3]


def test_each_network_that_cannot_be_built_is_found():
    model = TransformerPredictor(hidden_size=4, n_layers=1, n_heads=2, max_steps=1)
    grid = {"lr": [0.1, 0.2], "n_heads": [2, 3]}
    with pytest.raises(ValueError, match="n_heads=3"):
        make_plan(small_assessment(**FEW | dict(model=model), param_grid=grid), None, None)
