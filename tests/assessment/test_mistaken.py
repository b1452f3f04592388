"""What is passed in place of a world or a model is told what to pass, and not shown whole."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from torch import nn

from sklearn_emerge import (
    ArrayWorld,
    EmergenceAssessment,
    GRUPredictor,
    ModulePredictor,
    OscillatorWorld,
    read_recordings,
)

X = np.random.default_rng(0).normal(size=(60, 12))
LIMITS = dict(n_seeds=1, reservoir_sizes=None, baselines=("mean",), progress=False, random_state=0)


def gru():
    return GRUPredictor(2, max_steps=1)


@pytest.mark.parametrize(
    "data", [X, list(X), pd.DataFrame(X), xr.DataArray(X, dims=("trial", "time")), torch.tensor(X)]
)
def test_data_in_place_of_a_world_are_told_two_ways_and_both_work(data, no_training):
    with pytest.raises(ValueError, match=r"ArrayWorld\(X\).*EmergenceAssessment\(model=") as info:
        EmergenceAssessment(data, gru()).fit()
    assert len(str(info.value)) < 200
    assert ArrayWorld(data).sample(5, random_state=0).X.shape == (5, 12)
    with pytest.raises(pytest.fail.Exception, match="training started"):
        EmergenceAssessment(model=gru(), **LIMITS).fit(data)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_in_place_of_a_world_is_read_as_the_message_says(kind, tmp_path):
    np.save(tmp_path / "my.npy", X)
    path = kind(tmp_path / "my.npy")
    with pytest.raises(ValueError, match=r"is a file.*read_recordings\(") as info:
        EmergenceAssessment(path, gru()).fit()
    call = str(info.value).partition("world = ")[2].rstrip(".")
    world = eval(call, {"read_recordings": read_recordings})
    assert world.sample(5, random_state=0).X.shape == (5, 12)


@pytest.mark.parametrize(
    ("world", "model", "message"),
    [
        (OscillatorWorld, gru(), r"pass an object of it, world=OscillatorWorld\(\)"),
        ("oscillator", GRUPredictor, r"pass an object of it, model=GRUPredictor\(\)"),
        (GRUPredictor, X, "world is the class GRUPredictor"),
        ("oscillator", X, r"model is a ndarray of shape \(60, 12\), and no model.*ArrayWorld"),
    ],
)
def test_classes_and_what_was_exchanged_are_told_what_to_pass(world, model, message, no_training):
    with pytest.raises(ValueError, match=message):
        EmergenceAssessment(world, model).fit()


def test_weights_without_a_module_are_not_shown_and_get_one_as_the_message_says():
    make = partial(nn.GRU, 1, 3, batch_first=True)
    states = [make().state_dict() for _ in range(2)]
    for model in (states, states[0]):
        with pytest.raises(ValueError, match=r"from_trained\(state, fresh=\.\.\.\)") as info:
            EmergenceAssessment("oscillator", model).fit()
        assert len(str(info.value)) < 300
    given = ModulePredictor.from_trained(states[0], fresh=make)
    assert given.fit(X).network_.core.hidden_size == 3


def test_a_network_and_its_readout_are_joined_as_the_message_says():
    net, readout = nn.GRU(1, 3, batch_first=True), nn.Linear(3, 1)
    with pytest.raises(ValueError, match=r"ModulePredictor.from_trained\(net, readout\)"):
        EmergenceAssessment("oscillator", [(net, readout)]).fit()
    given = ModulePredictor.from_trained(net, readout).fit(X)
    assert torch.equal(given.network_.head.weight.cpu(), readout.weight)
