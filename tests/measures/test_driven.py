"""Measures of networks that are driven by inputs, and of tasks."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_emerge import ArrayWorld, GRUPredictor, TransformerPredictor
from sklearn_emerge.measures import patch_effect, probe_layers

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(60, 8))
SUMMED = INPUTS.cumsum(axis=1)
# The input before, with noise.
OUTPUTS = np.hstack([np.zeros((60, 1)), INPUTS[:, :-1]]) + 0.1 * RNG.normal(size=(60, 8))
NETWORKS = [GRUPredictor(6, max_steps=60, lr=0.02), TransformerPredictor(8, 1, 2, max_steps=10)]


def fitted(network, X, feedback):
    roles = dict(n_exogenous=1, feedback=feedback, random_state=0)
    return clone(network).set_params(**roles).fit(X)


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_layers_are_probed_beside_windows_of_what_is_seen(network, feedback):
    X = np.stack([OUTPUTS, INPUTS], axis=2)
    scores = probe_layers(fitted(network, X, feedback), (X, SUMMED))
    assert scores.notnull().all()
    window = scores.sel(network="window", score="probe").values
    # Six inputs, or eight, are nearly all that is summed.
    assert (window > 0.9).all()
    others = X.copy()
    others[:, :, 0] = X[::-1, :, 0]
    same = probe_layers(fitted(network, X, feedback), (others, SUMMED)) == scores
    assert bool(same.all()) != feedback


def test_layers_of_a_task_are_probed_while_nothing_is_asked():
    asked = np.arange(8) == np.full((60, 1), 5)
    options = dict(observed=asked, inputs=INPUTS, input_delay=0, feedback=False)
    network = NETWORKS[0]
    known = ArrayWorld(OUTPUTS, SUMMED, **options).sample(60, random_state=0)
    model = fitted(network, known.X, False)
    scores = probe_layers(model, known)
    assert scores.notnull().all()
    # The row behind the last step is no part of it, whatever its latent.
    changed = known.latents.copy()
    changed[:, -1] = 100.0
    other = probe_layers(model, {**known, "latents": changed})
    np.testing.assert_array_equal(other, scores)
    # Alone with latents, a task has them at all rows.
    assert probe_layers(model, (known.X, known.latents)).notnull().all()


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_patches_of_inputs_raise_the_loss_of_what_they_drive(network, feedback):
    X = np.stack([OUTPUTS, INPUTS], axis=2)
    model = fitted(network, X, feedback)
    source = X.copy()
    source[:, 3, 1] += 3.0
    rise = patch_effect(model, X, source, at="hidden", steps=[2, 3]).mean("sequence").squeeze()
    assert rise.sel(patched_step=2) == 0
    assert rise.sel(patched_step=3) > 0.05
