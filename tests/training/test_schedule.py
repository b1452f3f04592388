"""The step size falls along a cosine, whatever computes, and stays as it is without a schedule."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sklearn_emerge import GRUPredictor, ModulePredictor, OscillatorWorld, TransformerPredictor
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.training import TrainingContext

X = OscillatorWorld(n_steps=20).sample(30, random_state=0).X
# Four batches an epoch: a schedule goes on from one epoch to the next.
SMALL = dict(max_steps=10, batch_size=8, head="sgd", random_state=0)


class StepSizes(Callback):
    """Keep the step size of each update."""

    def initialize(self):
        self.seen = []
        return self

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        self.seen += [group["lr"] for group in net.optimizer_.param_groups]


class Weights:
    """Keep weights at some updates."""

    def __init__(self, *at):
        self.at, self.seen = at, {}

    def __call__(self, replica, step, predictor, train_loss=None):
        self.seen[replica, step] = weights_of(predictor)


def weights_of(predictor):
    return torch.nn.utils.parameters_to_vector(predictor.network_.parameters()).clone()


def known(lr, n_updates):
    """Return the step sizes of the scheduler of torch."""
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_updates)
    sizes = []
    for _ in range(n_updates):
        sizes += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    return sizes


@pytest.mark.parametrize(
    "model",
    [
        GRUPredictor(4, engine="numba", lr=0.01, **SMALL),
        GRUPredictor(4, engine="torch", lr=0.01, **SMALL),
        GRUPredictor(4, engine="numba", training="readout", lr=0.01, **SMALL),
        GRUPredictor(4, engine="torch", training="readout", lr=0.01, **SMALL),
        TransformerPredictor(8, 1, 2, weight_decay=0.01, lr=0.01, **SMALL),
        ModulePredictor(lambda n: torch.nn.GRU(n, 3, batch_first=True), lr=0.01, **SMALL),
    ],
    ids=["scan", "torch", "heads", "head", "transformer", "module"],
)
def test_step_sizes_are_those_of_torch(model):
    for schedule, expected in (("cosine", known(0.01, 10)), (None, [0.01] * 10)):
        model.set_params(lr_schedule=schedule, callbacks=[StepSizes()]).fit(X)
        # Networks train with copies of callbacks.
        sizes = dict(model.net_.callbacks_)["StepSizes"].seen
        np.testing.assert_allclose(sizes, expected, rtol=1e-9)
    assert sizes == expected


@pytest.mark.parametrize("engine", ["torch", "numba"])
def test_several_at_once_train_as_alone_and_recording_changes_nothing(engine):
    model = GRUPredictor(5, engine=engine, lr_schedule="cosine", **SMALL)
    keep = Weights(0, 1, 4, 10)
    together = fit_replicas(model, [X], [1, 2], TrainingContext(recorder=keep))
    constant = Weights(0, 1, 4, 10)
    model.set_params(lr_schedule=None)
    fit_replicas(model, [X], [1, 2], TrainingContext(recorder=constant))
    model.set_params(lr_schedule="cosine")
    for replica, seed in enumerate((1, 2)):
        (alone,) = fit_replicas(model, [X], [seed])
        assert torch.equal(weights_of(alone), weights_of(together[replica]))
        assert torch.equal(keep.seen[replica, 10], weights_of(alone))
        # The first update has the whole step size, and later ones less.
        for step, same in ((0, True), (1, True), (4, False), (10, False)):
            assert torch.equal(keep.seen[replica, step], constant.seen[replica, step]) is same
        both = keep.seen, constant.seen
        ways = [(seen[replica, 10] - seen[replica, 4]).abs().mean() for seen in both]
        assert ways[0] < 0.7 * ways[1]


def test_engines_agree():
    found = [
        GRUPredictor(5, engine=engine, lr_schedule="cosine", **SMALL).fit(X).predict(X)
        for engine in ("torch", "numba")
    ]
    np.testing.assert_allclose(*found, atol=1e-4)


def test_a_second_fit_begins_anew():
    model = GRUPredictor(4, lr_schedule="cosine", **SMALL)
    first, second = (weights_of(model.fit(X)) for _ in range(2))
    assert torch.equal(first, second)


def test_what_is_no_schedule_is_refused():
    with pytest.raises(ValueError, match="'lr_schedule' parameter .* must be a str among"):
        GRUPredictor(4, lr_schedule="linear").fit(X)
