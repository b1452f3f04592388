"""Comparisons of benchmarks are fair to both sides."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from sklearn_emerge import GRUPredictor, OscillatorWorld
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.training import TrainingContext


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))


def test_probes_of_both_sides_are_run_as_often(monkeypatch):
    """The least of several runs is less than one run, of whatever it is."""
    probes = importlib.import_module("probes")
    repeats = []

    def timed(function, n_repeats=1):
        repeats.append(n_repeats)
        return 1.0, function()

    monkeypatch.setattr(probes, "timed", timed)
    monkeypatch.setattr(probes, "SIZES", ((20, 10, 3),))
    monkeypatch.setattr(sys, "argv", ["probes.py"])
    probes.main()
    assert len(repeats) == 4
    assert set(repeats) == {probes.N_REPEATS}


@pytest.mark.parametrize("faster", [1, 2])
def test_torch_has_all_cores_for_one_seed_if_they_help(monkeypatch, faster):
    plain = importlib.import_module("plain_torch")
    monkeypatch.setattr(plain, "CORES", 2)

    def updates(kind, n_units, updates, n_tokens=None, n_threads=1):
        return updates * (0.001 if n_threads == faster else 0.004)

    monkeypatch.setattr(plain, "torch_updates", updates)
    assert plain.time_torch("gru", 4, 10, None, n_seeds=1) == pytest.approx(1.0)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_a_clock_counts_updates_of_each_training_but_the_first(engine):
    """The time is the number of times that it was asked for, squared."""
    measure = importlib.import_module("measure")
    asked = []

    def clock():
        asked.append(None)
        return len(asked) ** 2

    X = OscillatorWorld(n_steps=10).sample(20, random_state=0).X
    model = GRUPredictor(2, engine=engine, max_steps=100, head="sgd")
    watch = measure.Clock(clock, n_updates=4, n_first=3)
    fit_replicas(model, [X], [0, 1], TrainingContext(progress=(watch,)))
    # Scans train both at once, torch one after another.
    spans = {"numba": [(3, 7)], "torch": [(3, 7), (10, 14)]}[engine]
    assert watch.seconds == sum(last**2 - first**2 for first, last in spans)
    assert len(asked) == spans[-1][1]


def test_operations_of_an_update_are_counted():
    recurrence = importlib.import_module("recurrence")
    # An update of one GRU of 4 units: 64 sequences of 255 steps, 3 gates, 12 and 4 terms.
    assert recurrence.operations("gru", 4, 1) == 2 * 64 * 255 * 12 * 16
    assert recurrence.operations("lstm", 4, 5) == 5 * 2 * 64 * 255 * 16 * 16
    # At one GFLOP/s, and as much for tanh and the like as for 65 multiplications and additions a
    # unit; the head has three products of 4 weights, and its bias is added and has a gradient.
    others = 2 * 64 * 255 * (65 * 4 + 3 * 4 + 2)
    least = recurrence.least_time("gru", 4, 1, limit=1.0)
    assert least == pytest.approx((recurrence.operations("gru", 4, 1) + others) / 1e6)


@pytest.mark.parametrize("task", ["probes", "heads"])
def test_scikit_learn_finds_the_same(task):
    compare = getattr(importlib.import_module("probes"), task)
    rng = np.random.default_rng(0)
    ours, theirs = compare(rng.normal(size=(20, 12, 8)).cumsum(axis=1), rng)
    np.testing.assert_allclose(ours(), theirs(), rtol=0, atol=1e-9)
