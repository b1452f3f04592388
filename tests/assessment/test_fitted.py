"""Networks out: the predictor behind a cell is the one that the cube has measured."""

import copy
from functools import partial

import numpy as np
import pytest
from conftest import GAIN_ALONE, small_assessment
from torch import nn

from sklearn_emerge import (
    ArrayWorld,
    GRUPredictor,
    LinearFilterPredictor,
    ModulePredictor,
    OscillatorWorld,
    TransformerPredictor,
)
from sklearn_emerge.training import Net

MODES = ("full", "readout", "random", "scrambled")
CORE = partial(nn.GRU, hidden_size=3, batch_first=True)


def check_cells(assessment):
    """Compare the score of every network with the cube."""
    cube = assessment.cube_
    grid = [name for name in cube.nll.dims if name not in ("condition", "mode", "seed")]
    for place in np.ndindex(cube.nll.shape):
        cell = cube.nll[place]
        where = {name: cell[name].item() for name in ("seed", "condition", *grid)}
        predictor = assessment.predictor(mode=cell["mode"].item(), **where)
        assert -predictor.score(assessment.evaluation(**where).X) == cell.item()


@pytest.mark.parametrize(
    ("engine", "head"),
    [
        ("torch", "exact"),
        ("numba", "sgd"),
        pytest.param("torch", "sgd", marks=pytest.mark.slow),
        pytest.param("numba", "exact", marks=pytest.mark.slow),
    ],
)
def test_predictors_are_trained_again_bit_for_bit(engine, head):
    model = GRUPredictor(3, max_steps=4, engine=engine, head=head)
    options = dict(modes=MODES, baselines=("mean",), claims=("gain",), probe=None)
    check_cells(small_assessment(model=model, **options).fit())


@pytest.mark.slow
def test_predictors_are_the_same_after_cells_ran_in_two_processes():
    options = dict(param_grid={"world__n_steps": [10, 12]}, baselines=("mean",), **GAIN_ALONE)
    check_cells(small_assessment(**options, modes=("full", "readout"), n_jobs=2).fit())


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"shared_data": True},
        {"model": LinearFilterPredictor(), "modes": ("full",)},
        {"model": TransformerPredictor(4, max_steps=3, early_stopping=True), "modes": MODES[:2]},
        {"model": ModulePredictor(CORE, max_steps=3)},
    ],
    ids=["shared", "linear", "transformer", "module"],
)
def test_predictors_of_every_kind_come_out(options, tmp_path):
    for memory in (None, tmp_path):
        check_cells(small_assessment(memory=memory, **GAIN_ALONE, **options).fit())


def test_held_out_recordings_are_those_of_the_seed():
    X = OscillatorWorld(n_steps=20).sample(40, 0).X
    assessment = small_assessment(world=ArrayWorld(X), n_train=None, n_eval=None, **GAIN_ALONE)
    assessment.fit()
    check_cells(assessment)
    evaluation = assessment.evaluation(seed=1)
    assert len(evaluation.X) + len(evaluation.train.X) == len(X)


@pytest.mark.parametrize("head", ["exact", "sgd"])
def test_weights_in_the_store_are_not_trained_again(tmp_path, monkeypatch, head):
    model = GRUPredictor(3, max_steps=4, head=head)
    options = dict(model=model, modes=("full",), memory=tmp_path, **GAIN_ALONE)
    small_assessment(**options).fit()
    assessment = small_assessment(**options).fit()
    monkeypatch.setattr(Net, "train_on", lambda *args, **kwargs: pytest.fail("training started"))
    check_cells(assessment)
    loss = assessment.cube_.training_loss.sel(mode="full", condition="structured", seed=1)
    assert np.array_equal(assessment.predictor(seed=1).training_loss_, loss, equal_nan=True)


def test_damaged_weights_are_trained_again_with_a_warning(tmp_path):
    assessment = small_assessment(modes=("full",), memory=tmp_path, **GAIN_ALONE).fit()
    file = min(tmp_path.rglob("seed-0.weights"))
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.warns(UserWarning, match="cannot be read.*trained again"):
        predictor = assessment.predictor()
    nll = assessment.cube_.nll.sel(mode="full", condition="structured", seed=0).item()
    assert -predictor.score(assessment.evaluation().X) == nll


def test_parameters_that_change_after_fit_change_no_predictor():
    assessment = small_assessment(**GAIN_ALONE).fit()
    copied = copy.deepcopy(assessment).set_params(n_train=30, random_state=5, modes=("random",))
    check_cells(copied)


@pytest.fixture(scope="module")
def fitted():
    return small_assessment(
        param_grid={"hidden_size": [2, 3], "lr": [0.1]}, modes=("full",), **GAIN_ALONE
    ).fit()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"mode": "readout", "hidden_size": 2}, "mode=.*'readout' is not known.*choose.*'full'"),
        ({"condition": "resample", "hidden_size": 2}, "condition=.*'resample'.*'structured'"),
        ({"seed": 2, "hidden_size": 2}, "seed=2 is none.*from 0 to 1"),
        ({"seed": 0.0, "hidden_size": 2}, "seed=0.0 is none.*integer"),
        ({"hidden_size": 4}, "hidden_size=4 is no value.*one of 2, 3"),
        ({}, "hidden_size is a parameter of the grid.*one of 2, 3"),
        ({"hidden_size": 2, "max_steps": 1}, "max_steps=1 is about no.*hidden_size, lr"),
    ],
)
def test_cells_that_are_not_there_are_named_with_those_that_are(fitted, where, message):
    with pytest.raises(ValueError, match=message):
        fitted.predictor(**where)
    assert fitted.predictor(hidden_size=2).hidden_size == 2
