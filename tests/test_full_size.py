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


def test_oscillator_after_2000_updates():
    model = GRUPredictor(16, max_steps=2000)
    assessment = EmergenceAssessment(OscillatorWorld(), model, **OPTIONS).fit()
    cube = assessment.cube_
    print(assessment.summary().to_string())
    gain = cube.delta_nll.sel(condition="structured").mean("seed")
    assert 0.5 < gain.sel(mode="full") < 0.713  # The noise floor bounds it.
    assert gain.sel(mode="readout") < gain.sel(mode="full") - 0.2
    assert gain.sel(mode="random") < -10
    untrained = cube.probe_score.sel(condition="structured", mode="random")
    assert (untrained.sel(latent="x") > 0.95).all()
    null = cube.sel(condition="resample", mode="full")
    assert null.ci_low < 0
    assert null.delta_nll.mean() < 0.02
    # Trained, and no new representation; a linear filter of 32 steps is about as good so far.
    p = cube.test_p_value
    assert p.sel(test="gain_over_readout") == p.sel(test="gain_over_null_resample") == 1 / 32
    assert p.sel(test="decoding_gain") > 0.05
    published = EmergenceAssessment(
        OscillatorWorld(), model, baselines=("mean", "persistence"), **OPTIONS
    ).fit()
    assert published.verdict_ == "operator"


def test_oscillator_after_4000_updates_is_an_operator_beyond_linear_filters():
    model = GRUPredictor(16, max_steps=4000)
    assessment = EmergenceAssessment(OscillatorWorld(), model, **OPTIONS).fit()
    print(assessment.summary().to_string())
    assert assessment.verdict_ == "operator"
    assert assessment.cube_.best_baseline.sel(condition="structured") == "autoregressive"


@pytest.mark.parametrize("model", [GRUPredictor(16), RNNPredictor(16)])
def test_regime_is_represented_after_training(model):
    model.set_params(max_steps=8000)
    assessment = EmergenceAssessment(RegimeWorld(), model, **OPTIONS).fit()
    print(assessment.summary().to_string())
    cube = assessment.cube_
    scores = cube.probe_score.sel(condition="structured", latent="regime")
    untrained, trained = (scores.sel(mode=mode).mean() for mode in ("random", "full"))
    if isinstance(model, RNNPredictor):
        # Nothing there before training; seeds differ much in how far they have come by now.
        assert untrained < 0.05
        assert trained > untrained + 0.1
        assert assessment.verdict_.startswith("operator")
    else:
        assert trained > untrained + 0.2
        assert assessment.verdict_ == "operator+representation"
    # Knowing the regime is worth .063 nats over a Markov chain, and no predictor does better.
    assert cube.delta_nll.sel(condition="structured", mode="full").max() < 0.063
    assert cube.ci_high.sel(condition="resample", mode="full") <= 0.02
