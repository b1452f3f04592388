"""What labels and dtypes of latents of own recordings mean."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from recordings import CLASSES, GOOD, TRIALS, WIDE, N, T, assess, draw

from sklearn_emerge import ArrayWorld


@pytest.mark.parametrize(
    ("latents", "names"),
    [
        (pd.Series(GOOD[:, 0], name="speed"), ("speed",)),
        (pd.Series(GOOD[:, 0], name=("hand", "x")), ("hand x",)),
        (pd.Series(GOOD[:, 0], name=7), ("7",)),
        (pd.Series(GOOD[:, 0]), ("latent 0",)),
        (pd.DataFrame(WIDE[:, 0], columns=["a", "b", "c"]), ("a", "b", "c")),
        (pd.DataFrame(WIDE[:, 0], columns=[("x", "a"), ("x", "b"), "c"]), ("x a", "x b", "c")),
        (pd.DataFrame(GOOD, columns=[f"t{i}" for i in range(T)]), ("latent 0",)),
        (TRIALS, ("rate",)),
        (
            xr.DataArray(WIDE, {"latent": ["a", "b", "c"]}, ["trial", "time", "latent"]),
            ("a", "b", "c"),
        ),
        (xr.DataArray(WIDE), ("latent 0", "latent 1", "latent 2")),
    ],
)
def test_names_of_latents_are_kept(latents, names):
    sample = draw(GOOD, latents)
    assert sample.latent_names == names
    assert sample.latents.shape == (2, T, len(names))
    cube = assess(GOOD, latents, modes=("random",), nulls=()).cube_
    assert cube.latent.values.tolist() == list(names)


def test_a_table_of_latents_is_constant_in_time():
    table = pd.DataFrame({"a": GOOD[:, 0], "b": GOOD[:, 1]})
    world = ArrayWorld(GOOD, table)
    train, evaluation = world.split(N - 5, 5, 0)
    for sample in (train, evaluation):
        rows = [int(np.flatnonzero(GOOD[:, 0] == x[0])[0]) for x in sample.X]
        assert np.array_equal(sample.latents[:, 0], table.to_numpy()[rows])
        assert (sample.latents == sample.latents[:, :1]).all()


@pytest.mark.parametrize(
    "classes",
    [
        CLASSES,
        CLASSES.tolist(),
        CLASSES.astype(str),
        pd.Series(CLASSES, dtype="string"),
        pd.Series(CLASSES, dtype="category"),
        pd.Categorical(CLASSES, categories=["right", "left"]),
        pd.Categorical(np.where(CLASSES == "left", 0.5, 1.5)),
        pd.array(CLASSES == "right", dtype="boolean"),
        pd.Series(CLASSES == "right"),
        pd.array(CLASSES == "right", dtype="boolean").astype("Int64"),
        pd.DataFrame({"side": pd.Categorical(CLASSES)}),
        np.array([0, 1] * (N // 2), dtype=object),
        np.repeat(CLASSES[:, np.newaxis], T, axis=1),
        xr.DataArray(CLASSES),
    ],
)
def test_text_categories_and_booleans_are_classes_in_sorted_order(classes):
    world = ArrayWorld(GOOD, classes)
    latents = world.sample(N, 0).latents[:, 0, 0]
    assert world.latent_kind == "discrete"
    assert latents.dtype == np.int64
    # Left, then right, in turns.
    order = [int(np.flatnonzero(GOOD[:, 0] == x[0])[0]) for x in world.sample(N, 0).X]
    assert np.array_equal(latents, np.arange(N)[order] % 2)


@pytest.mark.parametrize("classes", [CLASSES, pd.Categorical(CLASSES)])
def test_classes_of_every_column_are_numbered_for_themselves(classes):
    table = pd.DataFrame({"side": classes, "id": pd.Categorical(np.arange(N) % 3 + 5), "n": 4})
    world = ArrayWorld(GOOD, table)
    latents = world.sample(N, 0).latents[:, 0]
    assert world.latent_kind == "discrete"
    assert np.unique(latents, axis=0).tolist() == [[i, j, 4] for i in (0, 1) for j in (0, 1, 2)]


def test_numbers_and_text_may_be_categories_of_one_latent():
    assert set(draw(GOOD, pd.Categorical([1, "a"] * (N // 2))).latents.ravel()) <= {0, 1}


def test_nullable_floats_are_quantities():
    latents = pd.array(GOOD[:, 0], dtype="Float64")
    assert ArrayWorld(GOOD, latents).latent_kind == "continuous"
    assert draw(GOOD, latents).latents.dtype == np.float64
