"""Seeds, modes and nulls that are added later train alone, and give what all at once give."""

import pickle
from contextlib import contextmanager
from shutil import rmtree

import numpy as np
import pytest
import xarray as xr
from conftest import GAIN_ALONE, small_assessment

from sklearn_emerge import (
    ArrayWorld,
    GRUPredictor,
    LinearFilterPredictor,
    OscillatorWorld,
    TransformerPredictor,
    concat_cubes,
)
from sklearn_emerge.assessment._networks import Networks

WORLD = OscillatorWorld(n_steps=10)
GRU = GRUPredictor(2, max_steps=4, engine="torch")
FEW = dict(world=WORLD, model=GRU, modes=("full",), baselines=("mean", "persistence"))
FEW |= dict(alpha=0.6, **GAIN_ALONE)


def assessment(n_seeds, **options):
    return small_assessment(**FEW | {"n_seeds": n_seeds} | options)


def same(one, other):
    """Fail unless two cubes are equal to the last bit, attributes too, but for times."""
    one, other = (cube.drop_vars("fit_seconds").copy() for cube in (one, other))
    for cube in (one, other):
        del cube.attrs["date_created"], cube.attrs["history"]
    xr.testing.assert_identical(one, other)


@contextmanager
def trained(monkeypatch):
    """Collect condition, mode and seeds of networks that are computed together."""
    seen, measure = [], Networks.measure

    def counted(self, seeds, *args):
        condition = "structured" if self.world.__class__ is OscillatorWorld else "null"
        seen.append((condition, self.mode, self.model.hidden_size, *seeds))
        return measure(self, seeds, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Networks, "measure", counted)
        yield seen


RECORDINGS = ArrayWorld(WORLD.sample(40, 0).X)
CASES = {
    # Compiled scans train all seeds at once.
    "gru": dict(model=GRUPredictor(3, max_steps=5, engine="numba"), record_at=[0, 3]),
    "transformer": dict(model=TransformerPredictor(4, 1, 1, max_steps=3)),
    # Stopping early, replicas have as many sequences as are left to each.
    "stopped": dict(
        model=GRUPredictor(3, max_steps=6, engine="numba", early_stopping=True),
        world=RECORDINGS,
        n_train=None,
        n_eval=None,
    ),
    "no network": dict(model=LinearFilterPredictor()),
    "shared": dict(shared_data=True, baselines=("mean", "linear_filter", "echo_state")),
    # Of so many sequences the first seed tells which baseline is best.
    "all": dict(claims="auto", reservoir_sizes=[2], probe="auto", nulls=("phase",), n_train=250),
}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(options, id=name, marks=[pytest.mark.slow] * (name in ("all", "transformer")))
        for name, options in CASES.items()
    ],
)
def test_seeds_that_are_added_are_those_of_all_at_once(tmp_path, options):
    whole = assessment(4, **options).fit().cube_
    grown = assessment(2, **options, memory=tmp_path).fit()
    same(assessment(4, **options, memory=tmp_path).fit().cube_, whole)
    # Without the store, too.
    rmtree(tmp_path)
    same(grown.add_seeds(2).cube_, whole)
    assert grown.n_seeds == 4


def test_only_what_is_missing_is_trained(tmp_path, monkeypatch):
    def fit(n_seeds, **options):
        with trained(monkeypatch) as seen:
            assessment(n_seeds, memory=tmp_path, **options).fit()
        return seen

    assert fit(2) == [("structured", "full", 2, 0, 1)]
    assert fit(4) == [("structured", "full", 2, 2, 3)]
    assert fit(4, modes=("full", "readout")) == [("structured", "readout", 2, 0, 1, 2, 3)]
    assert fit(4, nulls=("resample",)) == [("null", "full", 2, 0, 1, 2, 3)]
    grid = {"hidden_size": [2, 3]}
    assert fit(4, param_grid=grid) == [("structured", "full", 3, 0, 1, 2, 3)]
    assert fit(5, param_grid=grid) == [("structured", "full", 2, 4), ("structured", "full", 3, 4)]
    assert fit(3) == []
    # One that is lost is computed alone.
    for file in tmp_path.rglob("networks/*/seed-1.pkl"):
        file.unlink()
    assert fit(3) == [("structured", "full", 2, 1)]


def test_seeds_are_added_without_a_store_and_after_a_copy(monkeypatch):
    fitted = pickle.loads(pickle.dumps(assessment(2).fit()))
    # Parameters of today are not those of then.
    fitted.set_params(n_train=30, world__n_steps=7)
    with trained(monkeypatch) as seen:
        fitted.add_seeds(1).add_seeds(1)
    assert seen == [("structured", "full", 2, 2), ("structured", "full", 2, 3)]
    same(fitted.cube_, assessment(4).fit().cube_)
    nll = fitted.cube_.nll.sel(condition="structured", mode="full", seed=3).item()
    assert -fitted.predictor(seed=3).score(fitted.evaluation(seed=3).X) == nll


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "2"])
def test_a_number_of_seeds_that_is_none_is_refused(n):
    with pytest.raises(ValueError, match=r"n=.* is no number of seeds to add; pass an integer"):
        assessment(2).fit().add_seeds(n)


def test_given_networks_have_no_more_seeds():
    X = WORLD.sample(9, 0).X
    networks = [GRUPredictor(2, max_steps=1, random_state=i).fit(X) for i in (0, 1)]
    fitted = assessment(None, model=networks).fit()
    with pytest.raises(ValueError, match="n=1 seeds cannot be added to networks that are trained"):
        fitted.add_seeds(1)


def test_seeds_that_were_added_are_joined_with_others(tmp_path):
    few = assessment(2, memory=tmp_path).fit().cube_
    whole = assessment(4, memory=tmp_path).fit().cube_
    joined = concat_cubes([few, whole.sel(seed=[2, 3])])
    xr.testing.assert_equal(joined, whole)
    with pytest.raises(ValueError, match=r"cubes\[1\] has the seed 0 of the same random_state"):
        concat_cubes([few, whole])


def test_what_is_only_read_leaves_the_training_of_more_seeds(tmp_path, monkeypatch):
    assessment(2, memory=tmp_path).fit()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Networks, "_score", interrupt)
        assessment(4, memory=tmp_path).fit()
    states = {path: path.stat() for path in tmp_path.rglob("net-*.pt")}
    assert states
    assessment(2, memory=tmp_path).fit()
    assert {path: path.stat() for path in tmp_path.rglob("net-*.pt")} == states
    assessment(4, memory=tmp_path).fit()
    assert not list(tmp_path.rglob("net-*.pt"))


def interrupt(*args):
    raise KeyboardInterrupt


def test_an_interrupted_addition_changes_nothing(monkeypatch):
    fitted = assessment(2).fit()
    before = fitted.cube_.copy(deep=True)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Networks, "measure", interrupt)
        fitted.add_seeds(1)
    assert fitted.n_seeds == 2
    xr.testing.assert_identical(fitted.cube_, before)
    assert np.isfinite(fitted.predictor(seed=1).score(fitted.evaluation(seed=1).X))
