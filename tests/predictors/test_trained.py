"""A predictor around a trained network: nothing of it changes, and nothing is trained."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch import NeuralNetRegressor
from torch import nn

from sklearn_emerge import GRUPredictor, ModulePredictor, TransformerPredictor
from sklearn_emerge.training import Net

X = np.random.default_rng(0).normal(size=(30, 8)).cumsum(axis=1)
ONE = X[:, :, np.newaxis]
MODES = ("full", "readout", "random", "scrambled")


class Own(nn.Module):
    """Part of it cannot be re-initialised."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(1, 3)
        self.gain = nn.Module()
        self.gain.weight = nn.Parameter(torch.ones(3))

    def forward(self, inputs):
        return torch.tanh(self.first(inputs)) * self.gain.weight


class Resettable(Own):
    """Its own method sets all of it, but for a buffer that stays."""

    def __init__(self):
        super().__init__()
        self.register_buffer("step", torch.arange(3.0))

    def reset_parameters(self):
        nn.init.normal_(self.gain.weight)
        self.first.reset_parameters()


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.GRU(1, 3, batch_first=True)


@pytest.fixture
def head():
    torch.manual_seed(1)
    return nn.Linear(3, 1)


def fresh_gru():
    return nn.GRU(1, 3, batch_first=True)


def one_input(n_inputs):
    return nn.GRU(n_inputs, 3, batch_first=True)


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(module, other):
    mine = module if isinstance(module, dict) else module.state_dict()
    theirs = other if isinstance(other, dict) else other.state_dict()
    equal = all(mine[name].dtype == theirs[name].dtype for name in mine)
    return equal and set(mine) == set(theirs) and all(torch.equal(mine[n], theirs[n]) for n in mine)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["module", "state", "skorch", "predictor"])
def test_every_parameter_stays_bit_identical_and_nothing_is_trained(net, kind, dtype, monkeypatch):
    net = net.to(dtype)
    if kind == "predictor" and dtype == torch.float32:
        given = GRUPredictor(3, max_steps=2, random_state=0).fit(X)
        net = given.network_.core
    else:
        given = {"module": net, "state": net.state_dict(), "predictor": net}.get(kind)
        if kind == "skorch":
            given = NeuralNetRegressor(net).initialize()
    before = state(net)
    monkeypatch.setattr(Net, "train_on", lambda *args, **kwargs: pytest.fail("training started"))
    fresh = fresh_gru if kind == "state" else None
    model = clone(ModulePredictor.from_trained(given, fresh=fresh, max_steps=5, lr=0.1)).fit(X)
    assert same(model.network_.core, before)
    assert same(net, before)
    mine = {id(w) for w in model.network_.core.parameters()}
    assert mine.isdisjoint(id(w) for w in net.parameters())
    assert model.head_ is not None
    # The estimator has a copy, which later training elsewhere does not reach.
    with torch.no_grad():
        net.weight_hh_l0.add_(1.0)
    assert same(clone(model).fit(X).network_.core, before)


def test_predictions_are_those_of_core_and_head_on_inputs_as_they_are(net, head):
    model = ModulePredictor.from_trained(net, head).fit(X)
    assert same(model.network_.head, head)
    with torch.no_grad():
        states = net.double()(torch.from_numpy(ONE))[0]
        expected = head.double()(states)[:, :, 0].numpy()
    np.testing.assert_allclose(model.predict(X), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.transform(X), states.numpy(), rtol=0, atol=1e-12)


def test_the_head_is_that_of_a_network_that_was_not_trained_further(net):
    given = ModulePredictor.from_trained(net, noise_std=0.5).fit(X)
    options = dict(input_scaling=None, time_channel=None, noise_std=0.5)
    same_core = ModulePredictor(lambda n: copy.deepcopy(net), max_steps=0, **options).fit(X)
    assert given.score(X) == same_core.score(X)


@pytest.mark.parametrize(
    "given",
    [
        GRUPredictor(3, max_steps=5, random_state=0),
        GRUPredictor(3, max_steps=5, time_channel=None, input_scaling="first", random_state=0),
        TransformerPredictor(4, max_steps=3, random_state=0),
        ModulePredictor(partial(nn.GRU, hidden_size=3, batch_first=True), max_steps=3),
    ],
    ids=["gru", "first", "transformer", "module"],
)
def test_a_fitted_predictor_sees_inputs_as_it_saw_them(given):
    fitted = clone(given).fit(X)
    model = ModulePredictor.from_trained(fitted)
    assert model.fit(X).score(X) == pytest.approx(fitted.score(X), abs=1e-12)
    # On sequences of another scale, too, which would be scaled by other constants.
    other = 3 * X + 1
    states = model.fit(other).transform(other)
    np.testing.assert_allclose(states, fitted.transform(other), rtol=0, atol=1e-12)
    # Its twins are those of such a predictor, and so is a predictor of the predictor.
    again = ModulePredictor.from_trained(model, training="readout", random_state=0).fit(X)
    twin = clone(given).set_params(training="readout", random_state=0).fit(X)
    assert again.score(X) == pytest.approx(twin.score(X), abs=1e-12)


@pytest.mark.parametrize("fresh", [None, fresh_gru, one_input])
def test_twins_are_fresh_whatever_max_steps(net, fresh):
    model = ModulePredictor.from_trained(net, fresh=fresh, random_state=0)
    for mode in ("readout", "random"):
        few, many = (
            clone(model).set_params(training=mode, max_steps=n).fit(X) for n in (1, 1_000_000)
        )
        assert few.score(X) == many.score(X)
        assert not torch.equal(few.network_.core.weight_hh_l0, net.weight_hh_l0)
    other = clone(model).set_params(training="random", random_state=1).fit(X)
    assert other.score(X) != few.score(X)
    assert model.training_modes == MODES
    scrambled = clone(model).set_params(training="scrambled").fit(X).network_.core.weight_hh_l0
    assert torch.equal(scrambled.flatten().sort()[0], net.weight_hh_l0.flatten().sort()[0])


def test_re_initialised_twins_have_the_law_of_new_modules(net):
    with torch.no_grad():
        for weights in net.parameters():
            weights.fill_(7.0)
            weights.requires_grad_(False)
    model = ModulePredictor.from_trained(net, training="readout", random_state=3).fit(X)
    new = ModulePredictor(one_input, time_channel=None, training="readout", random_state=3).fit(X)
    assert same(model.network_.core, new.network_.core)
    assert all(weights.requires_grad for weights in model.network_.core.parameters())


def test_a_part_is_re_initialised_by_what_contains_it():
    net = Resettable()
    model = ModulePredictor.from_trained(net, training="readout", random_state=0).fit(X)
    core = model.network_.core
    assert not torch.equal(core.gain.weight, net.gain.weight)
    assert torch.equal(core.step, net.step)


def test_making_one_leaves_global_random_numbers_alone(net):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    ModulePredictor.from_trained(net, training="readout").fit(X)
    assert torch.equal(torch.rand(1), expected)


def test_it_is_an_estimator_that_can_be_pickled(net, head):
    model = ModulePredictor.from_trained(net, head, max_steps=7)
    assert model.get_params()["max_steps"] == 7
    assert clone(model).fit(X).score(X) == pickle.loads(pickle.dumps(model)).fit(X).score(X)


def test_state_dicts_keep_their_precision(net):
    net = net.double()
    model = ModulePredictor.from_trained(net.state_dict(), fresh=fresh_gru).fit(X)
    assert same(model.network_.core, net)


def acausal():
    return nn.GRU(1, 3, batch_first=True, bidirectional=True)


def unfinished(net):
    with torch.no_grad():
        net.bias_hh_l0[0] = torch.nan
    return net


@pytest.mark.parametrize(
    ("make", "message", "remedy"),
    [
        (lambda net: dict(core=3), "core=3 is no trained network", dict()),
        (lambda net: dict(core={}), "core=a dict of 0 entries is no", dict()),
        (
            lambda net: dict(core=GRUPredictor(3)),
            "GRUPredictor is not fitted.*call its fit",
            dict(),
        ),
        (
            lambda net: dict(core=NeuralNetRegressor(fresh_gru)),
            "NeuralNetRegressor has no module yet.*initialize",
            dict(),
        ),
        (lambda net: dict(core=net.state_dict()), "state dict.*pass fresh", dict(fresh=fresh_gru)),
        (lambda net: dict(core=net, head=4), "head=4 is not a torch.nn.Linear", dict(head=None)),
        (
            lambda net: dict(core=net, head=nn.Linear(4, 1)),
            "head maps 4 units to 1 outputs, but the core has 3.*or None",
            dict(head=None),
        ),
        (
            lambda net: dict(core=net, head=nn.Linear(3, 2)),
            "head maps 3 units to 2 outputs.*the data 1 channels",
            dict(head=nn.Linear(3, 1)),
        ),
        (lambda net: dict(core=net, fresh=net.state_dict()), "fresh=.*be called", dict(fresh=None)),
        (
            lambda net: dict(core=Own()),
            r"reset_parameters.*none sets those of gain \(Module\); pass fresh",
            dict(core=Resettable()),
        ),
        (
            lambda net: dict(core=unfinished(net)),
            "'bias_hh_l0'.*not finite",
            dict(core=fresh_gru()),
        ),
        (lambda net: dict(core=acausal()), "not causal", dict(core=fresh_gru())),
        (
            lambda net: dict(core=nn.GRU(2, 3, batch_first=True)),
            "failed on inputs.*must take 1 inputs a step.*the clock",
            dict(time_channel="full_time"),
        ),
        (lambda net: dict(core=net, fresh=lambda: net), "same GRU twice", dict(fresh=fresh_gru)),
        (
            lambda net: dict(core=net, fresh=lambda: copy.deepcopy(net)),
            "fresh returned GRU with the weights of the trained network",
            dict(fresh=fresh_gru),
        ),
        (
            lambda net: dict(core=net, fresh=lambda: nn.GRU(1, 4, batch_first=True)),
            r"fresh, asked for 1 inputs.*'bias_hh_l0' has the shape \(12,\).*\(9,\)",
            dict(fresh=fresh_gru),
        ),
        (
            lambda net: dict(core=net, fresh=lambda: nn.Linear(1, 3)),
            "fresh, asked for 1 inputs, returned Linear.*same architecture",
            dict(fresh=fresh_gru),
        ),
        (lambda net: dict(core=net, fresh=lambda: 3), "returned int", dict(fresh=fresh_gru)),
        (
            lambda net: dict(core=net, training="full", head_="sgd"),
            "head='sgd' would train",
            dict(head_="exact"),
        ),
        (
            lambda net: dict(core=net.double(), engine="numba"),
            "engine='numba' computes in single precision",
            dict(engine="auto"),
        ),
        (
            lambda net: dict(core=GRUPredictor(3, max_steps=1).fit(X[:, :5])),
            "X has 8 steps, but the clock of the network ran over 5",
            dict(core=GRUPredictor(3, max_steps=1).fit(X)),
        ),
        (
            lambda net: dict(core=GRUPredictor(3, max_steps=1).fit(np.stack([X, X], 2))),
            "X has 1 channels, but the network was trained on 2",
            dict(core=GRUPredictor(3, max_steps=1).fit(X)),
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_remedy(net, make, message, remedy):
    def fit(core, head=None, fresh=None, head_="exact", **params):
        model = ModulePredictor.from_trained(core, head, fresh=fresh, **params)
        return model.set_params(head=head_).fit(X)

    given = make(net)
    with pytest.raises(ValueError, match=message):
        fit(**given)
    if remedy:
        fit(**(given | remedy))


class Whole(nn.Module):
    """A network with its own output layer."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 3, batch_first=True)
        self.readout = nn.Sequential(nn.Linear(3, 1))

    def forward(self, inputs):
        return self.readout(self.gru(inputs)[0])


def test_a_whole_network_is_warned_of_and_divided_as_the_message_says():
    net = Whole()
    model = ModulePredictor.from_trained(net)
    with pytest.warns(UserWarning, match="whole network.*torch.nn.Identity") as warned:
        model.fit(X)
    lines = str(warned[0].message).partition("pass it as the head: ")[2].partition(", and fresh")[0]
    *before, call = lines.split("; ")
    names = {"copy": copy, "torch": torch, "net": net, "ModulePredictor": ModulePredictor}
    for line in before:
        exec(line, names)
    divided = eval(call, names).fit(X)
    assert divided.network_.core(torch.as_tensor(ONE, dtype=torch.float32)).shape == (*X.shape, 3)
    with torch.no_grad():
        expected = net(torch.as_tensor(ONE, dtype=torch.float32)).numpy()[:, :, 0]
    np.testing.assert_allclose(divided.predict(X), expected, atol=1e-6)


def test_cores_of_one_hidden_unit_are_no_whole_networks():
    for core in (nn.GRU(1, 1, batch_first=True), GRUPredictor(1, max_steps=1).fit(X)):
        ModulePredictor.from_trained(core).fit(X)


def test_names_of_a_part_of_a_network_are_told_what_they_begin_with():
    given = Whole().state_dict()
    with pytest.raises(ValueError, match="begin with 'gru.', as those of a part") as error:
        ModulePredictor.from_trained(given, fresh=fresh_gru).fit(X)
    remedy = str(error.value).partition("below 'gru.', ")[2].removesuffix(".")
    below = eval(remedy, {"state": given})
    model = ModulePredictor.from_trained(below, fresh=fresh_gru).fit(X)
    assert torch.equal(model.network_.core.weight_hh_l0, given["gru.weight_hh_l0"])
