"""Adam without what torch calls around it."""

import subprocess
import sys
from copy import deepcopy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from sklearn_emerge import GRUPredictor
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.training._adam import Adam
from sklearn_emerge.training._callbacks import ClipEachGradient


def change(optimizer, weights, method):
    """Change weights by random gradients, the last of them only at some steps."""
    generator = torch.Generator().manual_seed(0)
    for step in range(20):
        for each in weights:
            each.grad = torch.randn(each.shape, generator=generator)
        if step % 3:
            weights[-1].grad = None
        optimizer.param_groups[0]["lr"] = 0.1 / (1 + step)
        getattr(optimizer, method)()


@pytest.mark.parametrize(
    "options", [{}, {"eps": 0.1, "betas": (0.5, 0.8)}, {"maximize": True}, {"amsgrad": True}]
)
@pytest.mark.parametrize("way", [{}, {"foreach": True}, {"fused": True}])
@pytest.mark.parametrize("weight_decay", [0, 0.1])
def test_updates_are_the_steps_of_torch(options, way, weight_decay):
    found = []
    for kind, method in ((torch.optim.Adam, "step"), (Adam, "update")):
        weights = [torch.nn.Parameter(torch.ones(shape)) for shape in ((3, 50), (7,), (4, 2))]
        optimizer = kind(weights, weight_decay=weight_decay, **options, **way)
        change(optimizer, weights, method)
        state = deepcopy(optimizer.state_dict())
        if kind is Adam:
            # It goes on from the state of the other.
            optimizer.load_state_dict(deepcopy(found[0][1]))
        change(optimizer, weights, method)
        found.append((weights, state))
    (expected, expected_state), (weights, state) = found
    assert all(map(torch.equal, weights, expected))
    assert state["state"].keys() == expected_state["state"].keys() == {0, 1, 2}
    for k, values in state["state"].items():
        assert all(torch.equal(expected_state["state"][k][name], values[name]) for name in values)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_a_callback_that_watches_changes_nothing(engine):
    X = np.random.default_rng(0).normal(size=(20, 8))
    model = GRUPredictor(3, max_steps=5, engine=engine, random_state=0)
    watched = clone(model).set_params(callbacks=[Callback()]).fit(X)
    weights = (each.network_.parameters() for each in (model.fit(X), watched))
    assert all(map(torch.equal, *weights))


def test_a_callback_of_the_training_can_change_the_gradient(monkeypatch):
    X = np.random.default_rng(0).normal(size=(20, 8))
    model = GRUPredictor(3, max_steps=3, lr=0.1, head="sgd", engine="numba", random_state=0)
    start = clone(model).set_params(training="random").fit(X).network_.core.weight_hh_l0
    assert not torch.equal(model.fit(X).network_.core.weight_hh_l0, start)
    monkeypatch.setattr(GRUPredictor, "_training_callbacks", lambda self: [ClipEachGradient(0.0)])
    assert torch.equal(model.fit(X).network_.core.weight_hh_l0, start)


@pytest.mark.parametrize("n_networks", [1, 2])
def test_weights_that_trained_together_are_pickled_apart(n_networks):
    X = np.random.default_rng(0).normal(size=(20, 8))
    model = GRUPredictor(3, max_steps=1, engine="numba")
    for each in fit_replicas(model, [X], range(n_networks)):
        weights = list(each.network_.parameters())
        assert len({weight.untyped_storage().data_ptr() for weight in weights}) == len(weights)


def test_training_does_not_import_a_compiler_of_torch():
    code = (
        "import sys\n"
        "from sklearn_emerge import OscillatorWorld, RNNPredictor, TransformerPredictor\n"
        "X = OscillatorWorld(n_steps=8).sample(64, random_state=0).X\n"
        "for engine, training in (('numba', 'full'), ('numba', 'random'), ('torch', 'full')):\n"
        "    RNNPredictor(3, training=training, max_steps=2, engine=engine).fit(X).score(X)\n"
        "TransformerPredictor(8, 1, 1, max_steps=2).fit(X).score(X)\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
