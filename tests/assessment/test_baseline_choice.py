"""The choice among baselines."""

import numpy as np
import pytest

from sklearn_emerge import MeanPredictor, PersistencePredictor
from sklearn_emerge.assessment._alternatives import _choose
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
