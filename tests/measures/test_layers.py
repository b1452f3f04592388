"""What can be decoded from each layer, beside an untrained network, the inputs and the clock."""

from functools import partial

import numpy as np
import pytest
import xarray as xr
from conftest import small_assessment
from sklearn.base import clone
from torch import nn

from sklearn_emerge import (
    GRUPredictor,
    MeanPredictor,
    ModulePredictor,
    OscillatorWorld,
    TransformerPredictor,
)
from sklearn_emerge.assessment import _networks
from sklearn_emerge.measures import probe_layers
from sklearn_emerge.predictors import TransformerPredictor as Transformer
from sklearn_emerge.predictors import _evaluation
from sklearn_emerge.probes import cross_validate_probe
from sklearn_emerge.worlds import Sample

RNG = np.random.default_rng(0)
WORLD = OscillatorWorld(n_steps=16)
TRAIN, EVALUATION = WORLD.split(40, 30, random_state=0)
# The second latent is the clock, the third a class that the last but one token decides.
TOKENS = RNG.integers(3, size=(60, 8))
PREVIOUS = np.roll(TOKENS, 1, axis=1)
CLASSES = np.stack([TOKENS, np.broadcast_to(np.arange(8) % 2, TOKENS.shape), PREVIOUS], axis=2)


@pytest.fixture(scope="module")
def gru():
    return GRUPredictor(4, max_steps=10, random_state=0).fit(TRAIN.X)


@pytest.fixture(scope="module")
def transformer():
    model = TransformerPredictor(12, 2, 2, likelihood="categorical", max_steps=5, random_state=0)
    return model.fit(TOKENS)


@pytest.mark.slow
def test_scores_are_those_of_a_probe_of_each_layer(transformer):
    found = probe_layers(transformer, (TOKENS, CLASSES))
    assert found.dims == ("network", "layer", "decoded", "score")
    assert found.layer.values.tolist() == [0, 1, 2]
    assert found.network.values.tolist() == ["trained", "untrained", "window", "clock"]
    twin = clone(transformer).set_params(training="random").fit(TOKENS)
    for name, model in (("trained", transformer), ("untrained", twin)):
        for layer in transformer.layers_:
            expected = cross_validate_probe(model.transform(TOKENS, layer), CLASSES)
            np.testing.assert_allclose(
                found.sel(network=name, layer=layer, score="probe"), expected.score, atol=1e-6
            )
    assert found.attrs["units"] == "1"
    assert all(found[dim].attrs["long_name"] for dim in found.dims)


@pytest.mark.slow
def test_what_is_known_of_a_latent_is_found(transformer):
    found = probe_layers(transformer, (TOKENS, CLASSES)).rename(decoded="latent")
    token, clock, previous = found.latent.values
    probe, beyond = found.sel(score="probe"), found.sel(score="beyond")
    # The embedding has the token and the position, and nothing of tokens before.
    assert (probe.sel(latent=token, network="trained") > 0.9).all()
    assert probe.sel(latent=clock, network="trained", layer=0) > 0.6
    assert probe.sel(latent=previous, network="trained", layer=0) < 0.1
    assert (probe.sel(latent=previous, network="window") > 0.9).all()
    # The clock has time alone, which other sequences have as well.
    assert (probe.sel(latent=clock, network="clock") > 0.9).all()
    assert (probe.sel(latent=[token, previous], network="clock") < 0.1).all()
    assert (beyond.sel(latent=clock, layer=0, network=["trained", "clock"]) < 0.05).all()
    assert (beyond.sel(network="clock") < 0.05).all()
    difference = probe - found.sel(score="other sequences").clip(0)
    np.testing.assert_allclose(beyond, difference, atol=1e-12)


def test_a_layer_that_is_made_to_hold_a_latent_shows_it(transformer, monkeypatch):
    """And no other does."""
    true = Transformer.states

    def planted(self, X, at):
        found = true(self, X, at)
        if self is transformer:
            found["layer 1 output"] = np.eye(3)[PREVIOUS] @ RNG.normal(size=(3, 12))
        return found

    monkeypatch.setattr(Transformer, "states", planted)
    found = probe_layers(transformer, (TOKENS, PREVIOUS), steps=[2, 3, 4, 5])
    beyond = found.sel(score="beyond").squeeze("decoded")
    assert beyond.sel(network="trained", layer=1) > 0.95
    assert beyond.sel(network="trained", layer=0) < 0.1
    assert beyond.sel(network="untrained", layer=1) < 0.9


def test_the_network_runs_once_for_all_layers(transformer, monkeypatch):
    runs = []
    true = _evaluation.NetworkEvaluation._forward

    def counted(self, *args, **options):
        runs.append(1)
        return true(self, *args, **options)

    monkeypatch.setattr(_evaluation.NetworkEvaluation, "_forward", counted)
    probe_layers(transformer, (TOKENS, CLASSES), twin=None)
    assert len(runs) == 1


@pytest.mark.slow
def test_places_twins_and_groups_can_be_chosen(gru):
    model = ModulePredictor(
        partial(nn.Sequential, nn.Identity()), max_steps=0, time_channel=None, random_state=0
    )

    def stack(n_inputs):
        return nn.Sequential(nn.Linear(n_inputs, 3), nn.Tanh())

    model.set_params(module=stack).fit(TRAIN.X)
    found = probe_layers(model, EVALUATION, layers=["0", "hidden"], twin=None)
    assert found.depth.values.tolist() == pytest.approx([np.nan, 1], nan_ok=True)
    assert found.layer.values.tolist() == ["0", "hidden"]
    assert found.network.values.tolist() == ["trained", "window", "clock"]
    assert found.decoded.values.tolist() == ["x", "y"]
    twin = clone(gru).set_params(training="readout").fit(TRAIN.X)
    given, drawn = probe_layers(gru, EVALUATION, twin=twin), probe_layers(gru, EVALUATION)
    xr.testing.assert_allclose(given, drawn)
    groups = Sample(**(dict(EVALUATION) | {"groups": np.arange(30) // 3}))
    assert not probe_layers(gru, groups).equals(drawn)
    few = probe_layers(gru, EVALUATION, n_sequences=20)
    assert few.equals(
        probe_layers(gru, (EVALUATION.X[:20], EVALUATION.latents[:20])).assign_coords(
            decoded=["x", "y"]
        )
    )


def test_missing_steps_have_no_part_in_it():
    observed = RNG.random((30, 16)) < 0.8
    observed[:, 0] = True
    X = np.where(observed, EVALUATION.X, np.nan)
    model = GRUPredictor(4, max_steps=5, random_state=0).fit(X)
    latents = np.where(observed[:, :, np.newaxis], EVALUATION.latents, np.nan)
    found = probe_layers(model, (X, latents))
    expected = cross_validate_probe(model.transform(X), latents, observed=observed)
    trained = found.sel(network="trained", layer=1, score="probe")
    np.testing.assert_allclose(trained, expected.score, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("model", [GRUPredictor(4), TransformerPredictor(4, 2, 2)])
def test_beyond_its_controls_is_what_the_claim_of_an_assessment_is_about(model, monkeypatch):
    """To the last digit, given the random numbers of its probes."""
    true, probed = _networks._probe_scores, []

    def noted(predictor, sample, probe, n_probe, stream):
        if predictor.training == "full":
            probed.append((predictor, sample, stream))
        return true(predictor, sample, probe, n_probe, stream)

    monkeypatch.setattr(_networks, "_probe_scores", noted)
    options = {"world": WORLD, "model": model.set_params(max_steps=5), "nulls": ()}
    claims = small_assessment(**options, modes=("full", "readout")).fit().cube_.claim_difference
    claimed = claims.sel(claim=["representation x", "representation y"]).transpose("seed", "claim")
    assert len(probed) == len(claimed)
    for (predictor, sample, stream), expected in zip(probed, claimed.values, strict=True):
        beyond = probe_layers(predictor, sample, random_state=stream)
        beyond = beyond.sel(score="beyond").isel(layer=-1)
        most = beyond.sel(network=["untrained", "window"]).max("network").clip(0)
        np.testing.assert_allclose(beyond.sel(network="trained") - most, expected, atol=1e-9)


@pytest.mark.slow
def test_layers_are_probed_in_the_course_of_training():
    assessment = small_assessment(
        world=WORLD, record_at=[0, 4], measures={"layers": partial(probe_layers, n_sequences=15)}
    ).fit()
    found = assessment.cube_.layers_trajectory.sel(score="probe")
    assert np.isnan(found.sel(condition="resample")).all()
    found = found.sel(condition="structured")
    trained = found.sel(network="trained", mode="full")
    # Before the first update the network is its twin, which stays as it is.
    twin = found.sel(network="untrained", mode="full")
    np.testing.assert_allclose(trained.sel(step=0), twin.sel(step=0), atol=1e-6)
    np.testing.assert_allclose(twin.sel(step=4), twin.sel(step=0), atol=1e-6)
    assert (np.abs(trained.sel(step=4) - trained.sel(step=0)) > 1e-4).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: probe_layers(MeanPredictor(), EVALUATION), "MeanPredictor has no layers; probe"),
        (lambda m: probe_layers(m, EVALUATION.X), "sample has no latents to probe for; pass a Sam"),
        (lambda m: probe_layers(m, EVALUATION, layers=[2]), r"layers=\[2\] must be 'all', or some"),
        (lambda m: probe_layers(m, EVALUATION, layers=[1, "hidden"]), "or of the places 'hidden'"),
        (lambda m: probe_layers(m, EVALUATION, layers=[1, 1]), "has a layer twice; drop one"),
        (lambda m: probe_layers(m, EVALUATION, layers=1.5), "layers=1.5 must be 'all', or some of"),
        (
            lambda m: probe_layers(m, EVALUATION, layers=[[1]]),
            r"layers=\[\[1\]\] must be 'all', or",
        ),
        (lambda m: probe_layers(m, EVALUATION, twin="random"), "twin='random' is no network; pass"),
        (lambda m: probe_layers(m, EVALUATION, twin=m), "twin was trained itself, in max_steps=10"),
        (
            lambda m: probe_layers(m, EVALUATION, twin=GRUPredictor(5, max_steps=0).fit(TRAIN.X)),
            "twin has weights of other shapes than the network, .*; pass clone",
        ),
        (lambda m: probe_layers(m, EVALUATION, steps=[16]), r"steps=\[16\] must be one integer or"),
        (lambda m: probe_layers(m, EVALUATION, n_sequences=0), "n_sequences=0 is no number of seq"),
    ],
)
def test_what_cannot_be_probed_is_refused(gru, call, message):
    with pytest.raises(ValueError, match=message):
        call(gru)
