"""Loaders, the published tables, and the frozen samples."""

import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from sklearn_emerge import DriftWorld, OscillatorWorld, RegimeWorld
from sklearn_emerge.datasets import load_published, make_drift, make_oscillator, make_regime

DATASETS = Path(__file__).parents[1] / "datasets"
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


@pytest.mark.parametrize(
    ("loader", "world"),
    [
        (make_drift, DriftWorld()),
        (make_oscillator, OscillatorWorld()),
        (make_regime, RegimeWorld()),
    ],
)
def test_loaders_sample_their_worlds(loader, world):
    bunch = loader(4, random_state=1)
    assert np.array_equal(bunch.X, world.sample(4, random_state=1).X)
    X, latents = loader(4, random_state=1, return_X_latents=True)
    assert np.array_equal(X, bunch.X)
    assert np.array_equal(latents, bunch.latents)


def test_published_tables():
    tables = load_published("recurrent-tables")
    assert len(tables) == 30
    row = tables.query("table == '4'").iloc[0]
    assert (row.model, row.delta_nll) == ("gru", 15.9312)


def test_unknown_published_table_names_the_known():
    with pytest.raises(ValueError, match="name='nope'.*recurrent-tables"):
        load_published("nope")
