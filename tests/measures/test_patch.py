"""By how much the loss rises with states of other sequences."""

import numpy as np
import pytest

from sklearn_emerge import GRUPredictor, MeanPredictor, OscillatorWorld, TransformerPredictor
from sklearn_emerge.measures import patch_effect
from sklearn_emerge.worlds import Sample

TOKENS = np.random.default_rng(0).integers(4, size=(40, 7))
OTHERS = np.roll(TOKENS, 1, axis=0)


def fitted(**options):
    model = TransformerPredictor(
        8, 1, 2, likelihood="categorical", max_steps=20, lr=0.01, random_state=0
    )
    return model.set_params(**options).fit(TOKENS)


@pytest.fixture(scope="module")
def networks():
    return fitted(), fitted(training="readout")


def test_the_effect_is_the_rise_of_the_loss_of_the_patched_network(networks):
    model, twin = networks
    found = patch_effect(model, TOKENS, OTHERS, twin=twin)
    assert dict(found.sizes) == {"network": 2, "place": 5, "patched_step": 6, "sequence": 40}
    rows, steps = np.arange(40)[:, np.newaxis], np.arange(6)
    for name, network in (("trained", model), ("untrained", twin)):
        for place, step in (("embedding", 0), ("layer 1 attention", 3), ("hidden", 5)):
            patched = network.patch(TOKENS, OTHERS, place, step)[rows, steps, TOKENS[:, 1:]]
            own = network.predict(TOKENS)[rows, steps, TOKENS[:, 1:]]
            expected = np.log(own / patched).mean(axis=1)
            one = found.sel(network=name, place=place, patched_step=step)
            np.testing.assert_allclose(one, expected, atol=1e-9)
    given = patch_effect(model, Sample(TOKENS), Sample(OTHERS), at="hidden", twin=twin)
    assert given.equals(found.sel(place=["hidden"]))
    assert found.attrs == {"long_name": "rise of the loss by a patch", "units": "nat/step"}


def test_patches_with_itself_have_no_effect(networks):
    assert (patch_effect(networks[0], TOKENS, TOKENS.copy()) == 0).all()


def test_the_last_place_changes_the_prediction_of_one_step(networks):
    """All single patches of it together are the prediction of the others."""
    model = networks[0]
    found = patch_effect(model, TOKENS, OTHERS, at="hidden")
    rows, steps = np.arange(40)[:, np.newaxis], np.arange(6)
    own, other = (
        -np.log(model.predict(each)[rows, steps, TOKENS[:, 1:]]).mean(axis=1)
        for each in (TOKENS, OTHERS)
    )
    total = found.sum("patched_step").sel(network="trained", place="hidden")
    np.testing.assert_allclose(total, other - own, atol=1e-9)
    np.testing.assert_allclose(own, -model.score_samples(TOKENS) / 6, atol=1e-9)


def test_scored_steps_alone_count(networks):
    scored = np.zeros(TOKENS.shape, dtype=bool)
    scored[1:, 4] = True
    found = patch_effect(networks[0], Sample(TOKENS, scored=scored), OTHERS, at="embedding")
    assert np.isnan(found.sel(sequence=0)).all()
    # What is scored is predicted from step 3.
    found = found.sel(sequence=slice(1, None))
    assert (found.sel(patched_step=[4, 5]) == 0).all()
    assert (np.abs(found.sel(patched_step=[0, 3])).mean("sequence") > 1e-4).all()


def test_a_recurrent_network_forgets_a_patch_or_not():
    X = OscillatorWorld(n_steps=12).sample(30, random_state=0).X
    model = GRUPredictor(4, max_steps=50, random_state=0).fit(X)
    found = patch_effect(model, X, X[::-1], steps=[0, -2, -1])
    assert found.patched_step.values.tolist() == [0, 10, 11]
    # The last step predicts what is not known.
    assert (found.sel(patched_step=11) == 0).all()
    assert (found.sel(patched_step=10) != 0).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: patch_effect(MeanPredictor(), TOKENS, OTHERS), "predictor=MeanPredictor.. has"),
        (lambda m: patch_effect(m, TOKENS, OTHERS, twin=3), "twin=3 is no network; pass clone"),
        (lambda m: patch_effect(m, TOKENS, OTHERS, twin=m), "trained itself, in max_steps=20 upd"),
        (
            lambda m: patch_effect(m, TOKENS, OTHERS, twin=fitted(training="random")),
            "twin has the head of training='random', .*; set training='readout'",
        ),
        (
            lambda m: patch_effect(m, TOKENS, OTHERS, twin=fitted(n_layers=2, max_steps=0)),
            "twin has weights of other shapes than the network, .*; pass clone",
        ),
        (lambda m: patch_effect(m, TOKENS, OTHERS, at=3), "at=3 must be the name of a place, or"),
        (lambda m: patch_effect(m, TOKENS, OTHERS[:4]), "source has 4 sequences, but X has 40"),
        (lambda m: patch_effect(m, TOKENS, OTHERS, at="mlp"), "at='mlp' is no place of this"),
        (lambda m: patch_effect(m, TOKENS, OTHERS, at=[]), r"at=\[\] names no place"),
        (lambda m: patch_effect(m, TOKENS, OTHERS, steps=7), "steps=7 must be one integer or"),
    ],
)
def test_what_cannot_be_patched_is_refused(networks, call, message):
    with pytest.raises(ValueError, match=message):
        call(networks[0])
