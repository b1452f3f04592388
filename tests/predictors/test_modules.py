"""A user's torch module is never changed, and training starts from the weights that it has."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from conftest import GAIN_ALONE, small_assessment
from sklearn.base import clone
from torch import nn

from sklearn_emerge import (
    GRUPredictor,
    MeanPredictor,
    ModulePredictor,
    TransformerPredictor,
)

MODES = ("full", "readout", "random", "scrambled")
X = np.random.default_rng(0).normal(size=(20, 8)).cumsum(axis=1)


@pytest.fixture
def net():
    """A network that somebody has trained; its recurrent weights are far from orthogonal."""
    torch.manual_seed(0)
    net = nn.GRU(2, 3, batch_first=True)
    with torch.no_grad():
        net.weight_hh_l0.mul_(0.3)
    return net


def sharing(net, n_inputs):
    """Return a new module each time, with the weights of a network as its own."""
    core = nn.GRU(n_inputs, 3, batch_first=True)
    for name, weights in net.named_parameters():
        setattr(core, name, weights)
    return core


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in second)


@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("training", MODES)
def test_weights_of_a_user_stay_as_they_are(net, training, engine):
    before = state(net)
    options = dict(
        training=training, head="sgd", engine=engine, max_steps=3, lr=0.1, random_state=0
    )
    model = ModulePredictor(lambda n: sharing(net, n), **options).fit(X)
    assert same(state(net), before)
    trained = state(model.network_.core)
    assert same(trained, before) == (training in ("readout", "random"))


def test_an_assessment_changes_no_weights_and_starts_every_cell_from_them(net):
    before = state(net)
    nll = {}
    # All that is measured of one, and of the other its loss.
    for max_steps, options in ((1, GAIN_ALONE), (6, {"nulls": ()})):
        model = ModulePredictor(lambda n: sharing(net, n), head="sgd", max_steps=max_steps, lr=0.1)
        assessment = small_assessment(model=model, modes=MODES, baselines=("mean",), **options)
        nll[max_steps] = assessment.fit().cube_.nll.sel(condition="structured")
        assert same(state(net), before)
    assert nll[1].sel(mode="random").equals(nll[6].sel(mode="random"))
    for mode in ("full", "readout", "scrambled"):
        assert (nll[1].sel(mode=mode) != nll[6].sel(mode=mode)).all()


def test_training_starts_from_the_weights_of_a_copy(net):
    model = ModulePredictor(lambda n: copy.deepcopy(net), head="sgd", max_steps=0)
    first, second = (clone(model).set_params(random_state=seed).fit(X) for seed in (0, 1))
    assert same(state(first.network_.core), state(net))
    assert same(state(second.network_.core), state(net))
    assert not torch.equal(first.network_.head.weight, second.network_.head.weight)


def test_weights_of_a_fresh_module_are_those_that_its_stream_draws():
    model = ModulePredictor(partial(nn.GRU, hidden_size=3, batch_first=True), max_steps=0)
    first, again, other = (
        state(clone(model).set_params(random_state=seed).fit(X).network_) for seed in (0, 0, 1)
    )
    assert same(first, again)
    assert not torch.equal(first["core.weight_hh_l0"], other["core.weight_hh_l0"])
    weights = first["core.weight_hh_l0"]
    assert not torch.allclose(weights.T @ weights, torch.eye(3), atol=0.1)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda net: net, "module is a GRU.*a class, or.*ModulePredictor.from_trained"),
        (lambda net: lambda n: net, "same GRU twice.*a new one.*ModulePredictor.from_trained"),
        (lambda net: lambda: net, "cannot be built.*takes 0 positional arguments"),
    ],
)
def test_modules_that_are_not_made_anew_are_refused(net, module, message):
    before = state(net)
    with pytest.raises(ValueError, match=message):
        ModulePredictor(module(net), max_steps=2).fit(X)
    assert same(state(net), before)


@pytest.mark.parametrize(
    ("model", "modes"),
    [
        (MeanPredictor(), MODES[:1]),
        (GRUPredictor(3, max_steps=1), MODES),
        (TransformerPredictor(8, max_steps=1), MODES[:3]),
        (ModulePredictor(partial(nn.GRU, hidden_size=3, batch_first=True), max_steps=1), MODES),
        (ModulePredictor(lambda n: nn.Linear(n, 3), max_steps=1), MODES[:3]),
    ],
)
def test_a_predictor_says_which_training_modes_it_has(model, modes):
    assert model.training_modes == modes
    # Of three channels, which another module may need.
    assert clone(model).fit(np.stack([X] * 3, axis=2)).training_modes == modes
    for mode in modes[1:]:
        clone(model).set_params(training=mode, max_steps=0).fit(X)
    for mode in set(MODES[1:]) - set(modes) if len(modes) > 1 else ():
        with pytest.raises(ValueError, match="scrambled"):
            clone(model).set_params(training=mode, max_steps=0).fit(X)


def test_modes_are_those_of_the_module_for_the_channels_of_the_data():
    def two_channels(n_inputs):
        if n_inputs != 3:
            raise ValueError("three inputs, please")
        return nn.RNN(3, 2, batch_first=True)

    data = np.stack([X, X], axis=2)
    model = ModulePredictor(two_channels, max_steps=1)
    assessment = small_assessment(
        world=None, model=model, modes=("full", "scrambled"), n_train=10, n_eval=10
    )
    assert assessment.fit(data).cube_.mode.values.tolist() == ["full", "scrambled"]


def test_fitted_predictors_are_announced_to_be_fitted_anew():
    # Of as many steps as those of the assessment.
    ten = np.hstack([X, X[:, :2]])
    fitted = GRUPredictor(3, max_steps=2, random_state=0).fit(ten)
    options = dict(modes=("random",), n_seeds=2, **GAIN_ALONE)
    with pytest.warns(UserWarning, match="^model is fitted.*clone.*model=.fitted."):
        cube = small_assessment(model=fitted, **options).fit().cube_
    baselines = {"mine": MeanPredictor().fit(X)}
    with pytest.warns(UserWarning, match=r"^baselines\['mine'\] is fitted"):
        small_assessment(baselines=baselines, **options).fit()
    # What the message says instead.
    fresh = small_assessment(model=clone(fitted), **options).fit().cube_
    assert fresh.nll.equals(cube.nll)
    options |= dict(modes=("full",), n_seeds=None)
    assert small_assessment(model=[fitted], **options).fit().cube_.sizes["seed"] == 1
