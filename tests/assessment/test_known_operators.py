"""Verdicts on networks of which it is known what they do when they are left alone."""

import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_emerge import (
    EmergenceAssessment,
    GRUPredictor,
    LinearSystemWorld,
    ModulePredictor,
    OscillatorWorld,
)
from sklearn_emerge.assessment._case import cases_of
from sklearn_emerge.assessment._claims import states_of

pytestmark = pytest.mark.slow

OPTIONS = {"n_train": 600, "n_eval": 300, "probe": None, "reservoir_sizes": None}
GRU = GRUPredictor(16, max_steps=1500, lr=0.01, engine="numba")


class Kalman(nn.Module):
    """The steady filter of a random walk in noise: what is seen corrects it by a gain."""

    def __init__(self, gain):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def reset_parameters(self):
        nn.init.uniform_(self.gain, 0, 1)

    def forward(self, inputs):
        state, states = torch.zeros_like(inputs[:, 0, :1]), []
        for x in inputs[:, :, :1].unbind(1):
            state = state + self.gain * (x - state)
            states.append(state)
        return torch.stack(states, 1)


class Window(nn.Module):
    """The last inputs themselves, without a state and linear."""

    def __init__(self, scale, n_steps=64):
        super().__init__()
        self.n_steps, self.scale = n_steps, nn.Parameter(torch.tensor([scale]))

    def reset_parameters(self):
        nn.init.uniform_(self.scale, 0.5, 1.5)

    def forward(self, inputs):
        padded = nn.functional.pad(inputs[:, :, 0] * self.scale, (self.n_steps - 1, 0))
        return padded.unfold(1, self.n_steps, 1)


def assessed(world, networks, **options):
    """Return the verdict and the states of claims."""
    cube = EmergenceAssessment(
        world, networks, random_state=0, progress=False, **OPTIONS | options
    ).fit()
    (case,) = cases_of(cube.cube_)
    return cube.verdict_, states_of(case.here, case.claims), cube.explain()


def test_the_best_filter_of_a_linear_world_has_no_room():
    world = LinearSystemWorld.random_walk(0.1, n_steps=48)
    # The steady gain: K^2 / (1 - K) = 0.1.
    gain = ((0.1**2 + 0.4) ** 0.5 - 0.1) / 2
    # Networks that are the same are refused as one.
    gains = [gain + 1e-4 * i for i in range(6)]
    networks = [
        ModulePredictor.from_trained(Kalman(each), nn.Linear(1, 1), max_steps=50) for each in gains
    ]
    verdict, states, text = assessed(world, networks)
    assert "operator" not in verdict
    assert states["dynamics"] == "fails"
    assert "no network can show more" in " ".join(text.split())


def test_a_window_that_is_linear_is_no_operator():
    world = OscillatorWorld(n_steps=128)
    scales = [1 + 0.01 * i for i in range(6)]
    networks = [ModulePredictor.from_trained(Window(each), max_steps=50) for each in scales]
    verdict, states, _ = assessed(world, networks)
    assert "operator" not in verdict
    assert states["dynamics"] == "fails"


@pytest.mark.parametrize("kind", ["phase", "resample"])
def test_networks_that_have_learned_a_null_are_no_operators(kind):
    world = OscillatorWorld(n_steps=96)
    learned = world.null(kind)
    networks = [
        clone(GRU).set_params(random_state=i).fit(learned.sample(600, random_state=[9, i]).X)
        for i in range(6)
    ]
    verdict, states, _ = assessed(world, networks)
    assert "operator" not in verdict
    assert states["dynamics"] == "fails"


def test_networks_that_have_learned_the_world_are():
    world = OscillatorWorld(n_steps=96)
    # As many sequences as an assessment takes by itself.
    verdict, states, _ = assessed(world, GRU, n_train=2000, n_eval=500)
    assert verdict == "operator"
    assert states["dynamics"] == "holds"
