"""Arrays in another order than sequences, steps and channels."""

import re
import warnings
from itertools import permutations

import numpy as np
import pytest
import xarray as xr
from conftest import small_assessment
from scipy.signal import lfilter

from sklearn_emerge import ArrayWorld
from sklearn_emerge._registry import WORLDS, make_world
from sklearn_emerge.assessment._order import warn_if_steps_are_elsewhere


def slow(n_sequences=40, n_steps=24, n_channels=None, seed=0):
    shape = (n_sequences, n_steps) if n_channels is None else (n_sequences, n_steps, n_channels)
    noise = np.random.default_rng(seed).normal(size=shape)
    return lfilter([1.0], [1.0, -0.9], noise, axis=1)


def warned(X):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_steps_are_elsewhere(X)
    return [str(each.message) for each in caught]


def test_steps_along_another_axis_are_warned_of_in_every_order():
    for seed in range(5):
        for X in (slow(seed=seed), slow(n_channels=12, seed=seed)):
            for order in permutations(range(X.ndim)):
                said = warned(np.transpose(X, order))
                # Which of the others are sequences and which channels nothing tells.
                assert len(said) == (order[1] != 1)
                if said:
                    axis = order.index(1)
                    assert f"If axis {axis} is time, pass np.swapaxes(X, {axis}, 1)" in said[0]


def test_the_remedy_works():
    X = slow(n_channels=12).transpose(1, 0, 2)
    [said] = warned(X)
    turned = eval(re.search(r"pass (np.*?\)),", said).group(1), {"np": np, "X": X})
    assert not warned(turned)
    assert turned.shape == (40, 24, 12)


@pytest.mark.parametrize("name", WORLDS)
def test_no_world_is_warned_of(name):
    world = make_world(name)
    for n_sequences in (10, 60):
        assert not warned(world.sample(n_sequences, 0).X)


def test_what_is_alike_along_sequences_by_drift_or_the_step_alone_is_not_warned_of():
    noise = np.random.default_rng(0).normal(size=(40, 24))
    assert not warned(noise + np.linspace(0, 9, 40)[:, np.newaxis])
    assert not warned(noise + np.sin(np.arange(24)))
    # Names tell, and of little nothing is known.
    assert not warned(xr.DataArray(slow().T, dims=("trial", "time")))
    assert not warned(slow(6, 24).T)
    gaps = slow()
    gaps[:, 20:] = np.nan
    assert not warned(gaps)
    assert warned(gaps[:, :20].T)


@pytest.mark.filterwarnings("error:X has shape .* Neighbours")
def test_an_assessment_warns_before_training(no_training):
    options = dict(n_train=None, n_eval=None)
    X = slow().T
    for world, given in ((ArrayWorld(X), ()), (None, (X,))):
        with pytest.raises(UserWarning, match="Neighbours along axis 0 are alike"):
            small_assessment(world=world, **options).fit(*given)


def test_latents_that_fit_another_order_say_which():
    X = slow(40, 24, 12)
    latents = X[..., 0]
    with pytest.raises(ValueError, match=r"They fit np.transpose\(X, \(2, 1, 0\)\)"):
        ArrayWorld(X.transpose(2, 1, 0), latents).sample(5, 0)
    assert ArrayWorld(X, latents).sample(5, 0).latents.shape == (5, 24, 1)
