"""The choice among baselines, how they are fitted, and the sequences that cells share."""

import threading
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from sklearn_emerge import (
    EmergenceAssessment,
    GRUPredictor,
    MeanPredictor,
    OscillatorWorld,
    PersistencePredictor,
)
from sklearn_emerge.assessment._baselines import _choose
from sklearn_emerge.worlds import Sample

BASELINES = {"mean": MeanPredictor(), "persistence": PersistencePredictor()}


def splits_of(*scales, n=12):
    """Return training sequences of seeds: random walks of these scales, plus noise."""
    random = np.random.default_rng(0)
    noise = random.normal(size=(len(scales), n, 30, 1))
    walks = np.array(scales)[:, None, None, None] * noise.cumsum(axis=2)
    return [(Sample(X), None) for X in walks + random.normal(size=walks.shape)]


def chosen(splits):
    """Return the chosen baseline."""
    return _choose(BASELINES, splits, lambda name, seed, X: BASELINES[name].fit(X))


def test_with_few_sequences_those_of_all_seeds_choose():
    misleading = splits_of(3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert chosen(misleading[:1]) == "persistence"
    assert chosen(misleading) == "mean"


def test_with_many_sequences_a_fold_of_the_first_seed_chooses():
    assert chosen(splits_of(3.0, 0.0, 0.0, n=250)) == "persistence"


@pytest.mark.parametrize("n_seeds", [1, 2, 9])
def test_every_fold_is_left_out_however_many_seeds_there_are(n_seeds):
    left_out = []

    def fitted(name, seed, X):
        left_out.append({*range(100)} - {*X[:, 0, 0].astype(int)})
        return BASELINES[name].fit(X)

    X = np.random.default_rng(0).normal(size=(100, 5, 1))
    X[:, 0, 0] = np.arange(100)
    _choose(["mean"], [(Sample(X), None)] * n_seeds, fitted)
    assert set.union(*left_out) == {*range(100)}
    assert len(left_out) == max(5, n_seeds)


def fit_small(**options):
    world = OscillatorWorld(n_steps=12)
    model = GRUPredictor(3, max_steps=2, lr=1e-3, engine="torch")
    sizes = dict(n_seeds=2, n_train=30, n_eval=20, reservoir_sizes=(2, 4))
    options = sizes | dict(baselines=("mean", "linear_filter", "window")) | options
    with warnings.catch_warnings():
        # It is small.
        warnings.simplefilter("ignore")
        return (
            EmergenceAssessment(world, model, random_state=0, progress=False, **options).fit().cube_
        )


@pytest.mark.slow
def test_baselines_are_the_same_in_however_many_threads():
    n_threads = torch.get_num_threads()
    try:
        cubes = []
        for n in (1, 3):
            torch.set_num_threads(n)
            cubes.append(fit_small(nulls=(), modes=("full",)))
    finally:
        torch.set_num_threads(n_threads)
    for name in ("nll_baseline", "status_baseline", "nll_optimal", "nll_reservoir"):
        assert (cubes[0][name] == cubes[1][name]).all(), name


def test_baselines_of_torch_are_fitted_one_after_the_other(monkeypatch):
    names = []
    fit = GRUPredictor.fit

    def noted(self, X):
        names.append(threading.current_thread() is threading.main_thread())
        return fit(self, X)

    monkeypatch.setattr(GRUPredictor, "fit", noted)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    baselines = {"mean": MeanPredictor(), "network": GRUPredictor(2, max_steps=1, lr=1e-3)}
    fit_small(nulls=(), modes=("full",), baselines=baselines, reference="mean")
    assert names
    assert all(names)


def test_cells_that_run_one_after_the_other_share_sequences(monkeypatch):
    drawn, split = [], OscillatorWorld.split

    def counted(self, *args):
        drawn.append(args)
        return split(self, *args)

    monkeypatch.setattr(OscillatorWorld, "split", counted)
    shared = fit_small(nulls=("phase",), operator_evidence="loss")
    n_shared = len(drawn)
    monkeypatch.setattr("sklearn_emerge.assessment._run.splits_kept", nullcontext)
    alone = fit_small(nulls=("phase",), operator_evidence="loss")
    # Of two seeds: the second mode of both conditions, and random cores after windows.
    assert len(drawn) - n_shared == n_shared + 6
    for name in ("nll", "nll_baseline", "nll_optimal", "nll_reservoir", "probe_score"):
        assert np.array_equal(shared[name], alone[name], equal_nan=True), name
