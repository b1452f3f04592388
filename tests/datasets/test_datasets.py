"""Loaders, the published tables, and the frozen samples."""

import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from sklearn_emerge import datasets
from sklearn_emerge._registry import WORLDS as NAMED
from sklearn_emerge._registry import make_world
from sklearn_emerge.datasets import load_published

DATASETS = Path(__file__).parents[2] / "datasets"
sys.path.insert(0, str(DATASETS))
from freeze_samples import WORLDS, frozen_sample  # noqa: E402


@pytest.mark.parametrize("name", WORLDS)
def test_generators_still_give_the_frozen_samples(name):
    path = DATASETS / "samples" / f"{name}.npz"
    sums = dict(
        reversed(line.split()) for line in (path.parent / "SHA256SUMS").read_text().splitlines()
    )
    assert sha256(path.read_bytes()).hexdigest() == sums[path.name]
    frozen, today = np.load(path), frozen_sample(WORLDS[name])
    assert set(frozen) == set(today)
    for key, array in today.items():
        np.testing.assert_allclose(array, frozen[key], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in datasets.__all__ if name.startswith("make_")])
def test_loaders_sample_their_worlds_with_the_same_defaults(name):
    loader = getattr(datasets, name)
    cls = type(loader(n_sequences=4).world)
    assert cls in {type(make_world(name)) for name in NAMED}
    world = cls()
    bunch = loader(n_sequences=4, random_state=1)
    assert np.array_equal(bunch.X, world.sample(4, random_state=1).X)
    X, latents = loader(n_sequences=4, random_state=1, return_X_latents=True)
    assert np.array_equal(X, bunch.X)
    assert np.array_equal(latents, bunch.latents)


def test_published_tables():
    tables = load_published("recurrent-tables")
    assert len(tables) == 30
    row = tables.query("table == '4'").iloc[0]
    assert (row.model, row.delta_nll) == ("gru", 15.9312)
    # The three figures of *Scaling Down Transformers*: no A->C without examples, some with 50.
    last = {part: load_published(f"triangle-fig2{part}").tail(10) for part in "abc"}
    assert last["b"].A2C.max() == 0
    assert last["c"].A2C.mean() == pytest.approx(0.565)
    assert (last["c"][["A2B", "B2C"]] == 1).all(axis=None)
    assert load_published("triangle-table1").accuracy_percent.min() == 93.5


def test_unknown_published_table_names_the_known():
    with pytest.raises(ValueError, match="name='nope'.*recurrent-tables"):
        load_published("nope")
