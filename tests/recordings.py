"""Own recordings in many forms, and short ways to assess and to draw them."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import small_assessment

from sklearn_emerge import ArrayWorld, GRUPredictor, OscillatorPredictor

N, T = 24, 12
RNG = np.random.default_rng(0)
GOOD = RNG.normal(size=(N, T))
WIDE = RNG.normal(size=(N, T, 3))
RECORDING = RNG.normal(size=400)
TOKENS = RNG.integers(0, 5, (N, T))


def assess(X, y=None, **options):
    return small_assessment(world=None, n_train=None, n_eval=None, **options).fit(X, y)


def fit(X):
    return GRUPredictor(3, max_steps=1).fit(X)


def draw(X, latents=None, names=None):
    return ArrayWorld(X, latents, names).sample(2, 0)


def channel(values, data=WIDE):
    return np.concatenate([data, np.broadcast_to(values, data.shape[:2])[:, :, None]], axis=2)


def padded(fill, sequences=GOOD, at_end=True):
    """Return sequences of 5 steps or more, filled up with zeros or the last value."""
    X = sequences.copy()
    for i, row in enumerate(X):
        n = 5 + 7 * i % (X.shape[1] - 4)
        row[n:] = 0 if fill == "zero" else row[n - 1]
    return X if at_end else X[:, ::-1].copy()


def with_value(value, X=GOOD):
    X = X.copy()
    X[3, 4] = value
    return X


def masked(X=GOOD):
    X = np.ma.masked_array(X)
    X[3, 4] = np.ma.masked
    return X


def windows(step, length=30, recording=RECORDING):
    return np.lib.stride_tricks.sliding_window_view(recording, length)[::step]


def twice(X):
    return np.repeat(X, 2, axis=0)


def filtered(X):
    """Fit a predictor that does not take missing steps."""
    return OscillatorPredictor(observation_std=3.0).fit(X)


def gaussian(X):
    return assess(X, model=GRUPredictor(3, max_steps=1, likelihood="gaussian"))


def unequal(lengths=(12, 10, 11, 12), shape=()):
    return [RNG.normal(size=(n, *shape)) for n in lengths]


def as_objects(rows):
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


LEVELS = pd.MultiIndex.from_product([range(N), range(T)], names=["trial", "time"])
LONG = pd.DataFrame(WIDE.reshape(-1, 3), LEVELS, columns=["x", "y", "z"])
TIMED = pd.DataFrame(WIDE.reshape(-1, 3), pd.date_range("2020", periods=N * T, freq="s"))
FRAME = pd.DataFrame(GOOD, index=[f"trial {i}" for i in range(N)])
ORDER = RNG.permutation(N)
SHUFFLED = pd.Series(GOOD[:, 0], FRAME.index).iloc[ORDER]
TRIALS = xr.DataArray(GOOD, {"trial": np.arange(N)}, ["trial", "time"], name="rate")
CLASSES = np.array(["left", "right"], dtype=object)[np.arange(N) % 2]
# From a stream of their own.
OTHER = np.random.default_rng(1)
LONGER = OTHER.normal(size=(30, 100))
MANY = OTHER.normal(size=20_000)
WHOLE = OTHER.normal(0, 500, 200).astype(int)
EQUAL = np.concatenate([GOOD, GOOD[:1]])


def refused(call):
    with pytest.raises(ValueError, match=".") as error:
        call()
    return str(error.value)
