"""Networks that are left alone in the worlds of the paper: what is published of them.

Skills are those of a linear filter of 64 steps, as in the notes that these numbers are from.
"""

import numpy as np
import pytest

from sklearn_emerge import (
    AutoregressivePredictor,
    DriftWorld,
    EchoStatePredictor,
    GRUPredictor,
    LinearFilterPredictor,
    MarkovPredictor,
    OscillatorWorld,
    RegimeWorld,
    RNNPredictor,
)
from sklearn_emerge.operators import flow_errors, operator_skill

pytestmark = pytest.mark.slow

SEEDS = 3
TRAINED = {"max_steps": 4000, "lr": 1e-3, "time_channel": None, "engine": "numba"}


def skills(world, make, linear, trained_in=None, n_train=2000, n_eval=300):
    """Return the skill of each seed, with sequences of its own."""
    found = []
    for seed in range(SEEDS):
        train, evaluation = world.split(n_train, n_eval, seed)
        known = None if trained_in is None else trained_in.split(n_train, 5, seed)[0]
        errors = [
            flow_errors(model, evaluation, n_sequences=n_eval)
            for model in (
                make(seed).fit((train if known is None else known).X),
                linear.fit(train.X),
                world.optimal_predictor(),
            )
        ]
        found.append(operator_skill(*errors))
    return np.array(found)


def oscillator(make, **options):
    return skills(OscillatorWorld(), make, AutoregressivePredictor(64), **options)


@pytest.mark.parametrize(("network", "least"), [(GRUPredictor, 0.96), (RNNPredictor, 0.9)])
def test_trained_networks_go_on_as_the_oscillator_does(network, least):
    found = oscillator(lambda seed: network(16, random_state=seed, **TRAINED))
    assert (found > least).all()
    assert (found <= 1.02).all()


def test_its_untrained_core_does_not():
    untrained = TRAINED | {"training": "readout"}
    found = oscillator(lambda seed: GRUPredictor(16, random_state=seed, **untrained))
    assert np.median(found) < 0.1


def test_a_tuned_random_core_of_four_times_as_many_units_does():
    assert (oscillator(lambda seed: EchoStatePredictor(64, random_state=seed)) > 0.95).all()


def test_a_network_that_knows_the_spectrum_alone_does_not():
    found = oscillator(
        lambda seed: GRUPredictor(16, random_state=seed, **TRAINED),
        trained_in=OscillatorWorld().null("phase"),
    )
    assert (found < 0).all()


def test_an_rnn_does_not_carry_the_regime():
    options = TRAINED | {"max_steps": 8000, "likelihood": "bernoulli"}
    options |= {"time_channel": "full_time"}
    found = skills(
        RegimeWorld(),
        lambda seed: RNNPredictor(16, random_state=seed, **options),
        MarkovPredictor(likelihood="bernoulli"),
    )
    assert (found < 0.2).all()


def test_a_drift_leaves_no_room():
    found = skills(
        DriftWorld(),
        lambda seed: AutoregressivePredictor(8),
        LinearFilterPredictor(),
        n_train=20_000,
        n_eval=5000,
    )
    assert np.isnan(found).all()
