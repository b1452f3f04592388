"""Networks in: an assessment of networks that are trained already, one a seed."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from conftest import small_assessment
from sklearn.base import clone
from torch import nn

from sklearn_emerge import (
    GRUPredictor,
    LinearFilterPredictor,
    ModulePredictor,
    OscillatorWorld,
    explain,
    load_cube,
    summarise,
)
from sklearn_emerge.training import Net

WORLD = OscillatorWorld(n_steps=20)
X = WORLD.sample(30, 1).X
QUICK = dict(
    world=WORLD, n_seeds=None, probe=None, claims=("gain",), baselines=("mean", "persistence")
)


def network(seed, n_hidden=3):
    torch.manual_seed(seed)
    return nn.GRU(1, n_hidden, batch_first=True)


def fitted(seed, **options):
    return GRUPredictor(3, max_steps=3, random_state=seed, **options).fit(X)


@pytest.fixture
def nets():
    return [network(seed) for seed in range(3)]


def state(module):
    return {name: values.clone() for name, values in module.state_dict().items()}


def test_given_networks_are_scored_as_they_are_and_stay_so(nets):
    before = [state(net) for net in nets]
    assessment = small_assessment(model=nets, modes=("full", "readout", "random"), **QUICK).fit()
    cube = assessment.cube_
    assert cube.sizes["seed"] == 3
    for seed, net in enumerate(nets):
        assert all(torch.equal(values, before[seed][n]) for n, values in state(net).items())
        evaluation = assessment.evaluation(seed=seed)
        alone = ModulePredictor.from_trained(net, noise_std=WORLD.noise_std)
        nll = cube.nll.sel(condition="structured", mode="full", seed=seed).item()
        assert -alone.fit(evaluation.train.X).score(evaluation.X) == pytest.approx(nll, abs=1e-12)
        assert -assessment.predictor(seed=seed).score(evaluation.X) == nll
        core = assessment.predictor("readout", seed).network_.core
        assert not torch.equal(core.weight_hh_l0, net.weight_hh_l0)
    assert np.isnan(cube.training_loss.sel(condition="structured")).all()


@pytest.mark.slow
def test_in_nulls_fresh_networks_are_trained_and_nowhere_else(nets):
    few, more = (
        small_assessment(
            model=[ModulePredictor.from_trained(net, max_steps=n, lr=0.05) for net in nets],
            modes=("full", "readout", "scrambled"),
            **QUICK,
        ).fit()
        for n in (2, 6)
    )
    here, there = (
        a.cube_.nll.sel(condition="structured").equals(b.cube_.nll.sel(condition="structured"))
        for a, b in ((few, more), (few, few))
    )
    assert here
    assert there
    changed = few.cube_.nll != more.cube_.nll
    null = changed.sel(condition="resample")
    assert null.sel(mode=["full", "scrambled"]).all()
    assert not null.sel(mode="readout").any()
    trained = more.predictor(condition="resample", seed=1)
    train = more.evaluation(condition="resample", seed=1).train
    alone = ModulePredictor(
        ModulePredictor.from_trained(nets[1]).module,
        max_steps=6,
        lr=0.05,
        input_scaling=None,
        time_channel=None,
        noise_std=WORLD.noise_std,
        output_scaling=trained.output_scaling,
        random_state=trained.random_state,
    ).fit(train.X)
    assert alone.score(train.X) == trained.score(train.X)


def test_a_given_network_that_somebody_trained_here_scores_as_it_did():
    networks = [fitted(seed) for seed in range(2)]
    assessment = small_assessment(model=networks, **QUICK).fit()
    for seed, predictor in enumerate(networks):
        evaluation = assessment.evaluation(seed=seed)
        states = assessment.predictor(seed=seed).transform(evaluation.X)
        np.testing.assert_allclose(states, predictor.transform(evaluation.X), rtol=0, atol=1e-12)


def test_given_heads_are_taken_as_they_are(nets):
    heads = [nn.Linear(3, 1) for _ in nets]
    pairs = zip(nets, heads, strict=True)
    model = [ModulePredictor.from_trained(net, head) for net, head in pairs]
    assessment = small_assessment(model=model, nulls=(), **QUICK).fit()
    for seed, head in enumerate(heads):
        assert torch.equal(assessment.predictor(seed=seed).network_.head.weight, head.weight)
    assert f'"given_heads": {len(nets)}' in assessment.cube_.attrs["configuration"]


@pytest.mark.usefixtures("without_figures")
def test_one_network_shows_effects_and_says_what_it_cannot_say(tmp_path):
    with pytest.warns(UserWarning, match="number of networks, n_seeds=1, cannot.*Pass 5 networks"):
        assessment = small_assessment(
            model=[network(0)], **QUICK | dict(alpha=0.05, claims="auto")
        ).fit()
    assert assessment.verdict_ == "undecided"
    assert assessment.verdict_reason_.startswith("one network was given: effects are its own")
    cube = assessment.cube_
    assert np.isfinite(cube.claim_effect).all()
    assert (cube.claim_state == "open").all()
    assert (cube.claim_p_value == 1).all()
    text = " ".join(explain(assessment).split())
    assert "1 given network, one a seed, each on sequences of its own" in text
    assert "one network cannot say. Pass at least 5 networks." in text
    assert "seeds." not in text.partition("Words")[0].replace("one a seed", "")
    assert summarise(assessment).verdict.item() == "undecided"
    assessment.to_netcdf(tmp_path / "one.nc")
    assert explain(load_cube(tmp_path / "one.nc")) == explain(assessment)
    assessment.report(tmp_path / "one.html")
    assert "Networks were given, trained already" in (tmp_path / "one.html").read_text()


def test_five_networks_have_a_verdict():
    nets = [network(seed) for seed in range(5)]
    assessment = small_assessment(
        model=nets, **QUICK | dict(alpha=0.05, claims="auto", nulls=())
    ).fit()
    assert "network was given" not in assessment.verdict_reason_
    assert np.isfinite(assessment.cube_.claim_low).all()
    assert "training_loss" not in assessment.cube_
    assert summarise(assessment).converged.item() == "yes"


@pytest.mark.slow
def test_stored_cells_of_the_same_networks_are_read(tmp_path, nets, monkeypatch):
    def assess(networks):
        model = [ModulePredictor.from_trained(copy.deepcopy(net)) for net in networks]
        return small_assessment(model=model, memory=tmp_path, **QUICK).fit().cube_

    first = assess(nets)
    monkeypatch.setattr(Net, "train_on", lambda *args, **kwargs: pytest.fail("training started"))
    assert assess(nets).equals(first)
    monkeypatch.undo()
    with torch.no_grad():
        nets[2].weight_hh_l0.mul_(2.0)
    changed = assess(nets).nll.sel(condition="structured", mode="full") != first.nll.sel(
        condition="structured", mode="full"
    )
    assert changed.values.tolist() == [False, False, True]


def test_networks_are_assessed_in_several_worlds(nets):
    options = dict(model=nets, nulls=(), **QUICK)
    grid = {"world__n_steps": [10, 12]}
    cube = small_assessment(param_grid=grid, **options).fit().cube_
    alone = small_assessment(**options | {"world": OscillatorWorld(n_steps=12)}).fit().cube_
    assert np.array_equal(cube.nll.sel(world__n_steps=12), alone.nll)


def test_clones_and_pickles_keep_given_networks(nets):
    model = [ModulePredictor.from_trained(net) for net in nets]
    assessment = small_assessment(model=model, nulls=(), **QUICK)
    expected = assessment.fit().cube_.nll
    assert clone(assessment).fit().cube_.nll.equals(expected)
    assert pickle.loads(pickle.dumps(assessment)).predictor(seed=1).score(X) == (
        assessment.predictor(seed=1).score(X)
    )


def acausal():
    return nn.GRU(1, 3, batch_first=True, bidirectional=True)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (list, {}, r"model=\[\] has no networks; pass at least one"),
        (lambda: network(0), {}, r"model is one GRU.*pass a list.*\[network\]"),
        (lambda: ModulePredictor.from_trained(network(0)), {}, "model is one ModulePredictor"),
        (lambda: [network(0), 3], {}, r"model\[1\]=3 is no network; pass"),
        (lambda: [network(0), LinearFilterPredictor()], {}, r"model\[1\]=Linear.*is no network"),
        (lambda: [state(network(0))], {}, r"model\[0\] is a mapping.*from_trained\(state, fresh"),
        (lambda: state(network(0)), {}, r"model is a mapping.*from_trained\(state, fresh"),
        (lambda: [(network(0), nn.Linear(3, 1))], {}, r"tuple of 2.*from_trained\(net, readout\)"),
        (lambda: [GRUPredictor(3)], {}, r"model\[0\] is a GRUPredictor that is not fitted.*fit it"),
        (lambda: [network(0), network(0)], {}, r"model\[0\] and model\[1\] have the same weights"),
        (
            lambda: [network(0), network(1, 4)],
            {},
            r"model\[1\] and model\[0\].*different sizes: 'bias_hh_l0'.*\(12,\) and \(9,\)",
        ),
        (
            lambda: [network(0), ModulePredictor.from_trained(network(1), lr=0.1)],
            {},
            r"model\[1\] has lr=0.1, but model\[0\] has 0.001; pass .* the same parameters",
        ),
        (lambda: [network(0), network(1)], {"n_seeds": 6}, "n_seeds=6, but model has 2 networks"),
        (
            lambda: [network(0)],
            {"param_grid": {"module": [partial(nn.GRU, hidden_size=3)]}},
            "param_grid key 'module' cannot be varied",
        ),
        (lambda: [acausal()], {}, r"not causal.*\s.*model\[0\]"),
        (lambda: [nn.GRU(2, 3, batch_first=True)], {}, r"must take 1 inputs.*\s.*model\[0\]"),
        (lambda: [nn.MultiheadAttention(2, 1)], {}, r"model\[0\]: .*pass fresh.*from_trained"),
        (
            lambda: [ModulePredictor.from_trained(network(0), nn.Linear(3, 2))],
            {},
            r"head maps 3 units to 2 outputs.*\s.*model\[0\]",
        ),
    ],
)
def test_what_is_no_list_of_networks_is_refused_before_training(
    model, options, message, no_training
):
    with pytest.raises(ValueError, match=message):
        small_assessment(model=model(), **QUICK | options).fit()


class Whole(nn.Module):
    """A network with its own output layer."""

    def __init__(self):
        super().__init__()
        self.core, self.out = nn.GRU(1, 3, batch_first=True), nn.Linear(3, 1)

    def forward(self, inputs):
        return self.out(self.core(inputs)[0])


@pytest.mark.filterwarnings("always")
def test_whole_networks_are_warned_of_once_in_an_assessment():
    with pytest.warns(UserWarning, match="whole network") as warned:
        small_assessment(model=[Whole() for _ in range(3)], nulls=(), **QUICK).fit()
    assert ["whole network" in str(each.message) for each in warned].count(True) == 1
