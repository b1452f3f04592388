"""The main job at a size at which its numbers mean something (make test-slow)."""

import pytest

from sklearn_emerge import (
    EmergenceAssessment,
    GRUPredictor,
    OscillatorWorld,
    RegimeWorld,
    RNNPredictor,
)

pytestmark = pytest.mark.slow
OPTIONS = dict(n_train=4000, n_eval=1000, random_state=0, progress=False)


def test_oscillator_needs_an_operator_and_no_representation():
    assessment = EmergenceAssessment(
        OscillatorWorld(), GRUPredictor(16, max_steps=2000), **OPTIONS
    ).fit()
    cube = assessment.cube_
    print(assessment.summary().to_string())
    gain = cube.delta_nll.sel(condition="structured").mean("seed")
    assert 0.5 < gain.sel(mode="full") < 0.713  # The noise floor bounds it.
    assert gain.sel(mode="readout") < gain.sel(mode="full") - 0.2
    assert gain.sel(mode="random") < -10
    untrained = cube.probe_score.sel(condition="structured", mode="random")
    assert (untrained.sel(latent="x") > 0.95).all()
    assert cube.ci_high.sel(condition="resample", mode="full") <= 0.02
    assert assessment.verdict_ == "operator"


@pytest.mark.parametrize(
    "model", [GRUPredictor(16, max_steps=3000), RNNPredictor(16, max_steps=3000)]
)
def test_regime_is_represented_after_training(model):
    assessment = EmergenceAssessment(RegimeWorld(), model, **OPTIONS).fit()
    print(assessment.summary().to_string())
    scores = assessment.cube_.probe_score.sel(condition="structured", latent="regime")
    untrained = scores.sel(mode="random").mean()
    if isinstance(model, RNNPredictor):
        assert untrained < 0.05
        assert scores.sel(mode="full").mean() > untrained
    else:
        assert scores.sel(mode="full").mean() > untrained + 0.2
        assert assessment.verdict_ == "operator+representation"
    # A Bernoulli likelihood bounds the gain over a Markov chain by .063 nats.
    assert assessment.cube_.delta_nll.sel(condition="structured", mode="full").max() < 0.063
    assert assessment.cube_.ci_high.sel(condition="resample", mode="full") <= 0.02
