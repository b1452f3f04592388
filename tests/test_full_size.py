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


def test_oscillator_is_an_operator():
    model = GRUPredictor(16, max_steps=2000, lr=0.01)
    assessment = EmergenceAssessment(OscillatorWorld(), model, **OPTIONS).fit()
    cube = assessment.cube_
    assert assessment.verdict_ == "operator", assessment.verdict_reason_
    gain = cube.delta_nll.sel(condition="structured").mean("seed")
    assert 0.64 < gain.sel(mode="full") < 0.69
    assert 0.42 < gain.sel(mode="readout") < 0.47
    # A linear filter is nearly as good.
    best = cube.delta_nll_baseline.sel(condition="structured").mean("seed").max()
    assert 0.61 < best < 0.65
    # A random core does as well with several times as many units.
    assert 48 < cube.equivalent_reservoir_size.sel(mode="full") < 400
    assert cube.equivalent_reservoir_size.sel(mode="readout") < 16
    states = cube.claim_state.sel(claim=["representation x", "representation y"])
    assert (states == "fails").all()
    null = cube.sel(condition="resample", mode="full")
    assert null.ci_low < 0.005
    assert null.delta_nll.mean() < 0.02


@pytest.mark.parametrize("predictor", [GRUPredictor, RNNPredictor])
def test_regime_is_represented_after_training(predictor):
    model = predictor(16, max_steps=8000, lr=3e-3)
    assessment = EmergenceAssessment(RegimeWorld(), model, **OPTIONS).fit()
    cube = assessment.cube_
    scores = cube.probe_score.sel(condition="structured", latent="regime")
    untrained, trained = (scores.sel(mode=mode).mean() for mode in ("readout", "full"))
    if predictor is RNNPredictor:
        # Nothing there before training; seeds differ much in how far they have come by now.
        assert untrained < 0.05
        assert trained > untrained + 0.1
        # A window of inputs predicts as well.
        assert "operator" not in assessment.verdict_
    else:
        assert trained > untrained + 0.2
        needed = ["prediction", "core", "order", "memory", "representation regime"]
        assert (cube.claim_state.sel(claim=needed) == "holds").all()
    # Knowing the regime is worth .063 nats over a Markov chain, and no predictor does better.
    assert cube.delta_nll.sel(condition="structured", mode="full").max() < 0.063
    assert cube.ci_high.sel(condition="resample", mode="full") <= 0.02
