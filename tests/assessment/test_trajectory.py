"""Trajectories are those of the training, and change nothing in it."""

import json
from functools import partial

import numpy as np
import pytest
import torch
import xarray as xr
from conftest import ALL_MODES, GAIN_ALONE, TRIANGLE, small_assessment

from sklearn_emerge import (
    AutoregressivePredictor,
    GRUPredictor,
    MeanPredictor,
    OscillatorWorld,
    TransformerPredictor,
    TriangleWorld,
    load_cube,
)
from sklearn_emerge.measures import attention_head_gates, task_scores
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.training import TrainingContext

few_queries = partial(task_scores, n_queries=5, n_shots=1)


class Keep:
    """Keep what is recorded."""

    def __init__(self, at):
        self.at, self.seen = at, {}

    def __call__(self, replica, step, predictor, train_loss=None):
        weights = torch.nn.utils.parameters_to_vector(predictor.network_.parameters())
        self.seen[replica, step] = (weights.clone(), predictor.noise_std_.copy())


@pytest.mark.parametrize("training", ["full", "readout"])
@pytest.mark.parametrize("engine", ["torch", "numba"])
def test_a_recorded_step_is_a_shorter_training(engine, training):
    X = OscillatorWorld(n_steps=20).sample(30, random_state=0).X
    model = GRUPredictor(5, max_steps=6, batch_size=8, engine=engine, training=training, head="sgd")
    keep = Keep((0, 2, 5, 6))
    trained = fit_replicas(model, [X], [1, 2], TrainingContext(recorder=keep))
    assert set(keep.seen) == {(replica, step) for replica in (0, 1) for step in keep.at}
    for step in (2, 5, 6):
        shorter = fit_replicas(model.set_params(max_steps=step), [X], [1, 2])
        for replica, predictor in enumerate(shorter):
            weights = torch.nn.utils.parameters_to_vector(predictor.network_.parameters())
            assert torch.equal(keep.seen[replica, step][0], weights)
            assert np.array_equal(keep.seen[replica, step][1], predictor.noise_std_)
    plain = fit_replicas(model.set_params(max_steps=6), [X], [1, 2])
    for one, other in zip(trained, plain, strict=True):
        assert np.array_equal(one.predict(X), other.predict(X))
        assert np.array_equal(one.noise_std_, other.noise_std_)


def test_dropout_is_the_same_with_and_without_recording():
    X = TRIANGLE.sample(20, random_state=0).X
    options = dict(likelihood="categorical", dropout=0.3, max_steps=6, batch_size=8)
    model = TransformerPredictor(8, 1, 2, **options)
    (one,), (other,) = (
        fit_replicas(model, [X], [1], TrainingContext(recorder=recorder))
        for recorder in (Keep((0, 3)), None)
    )
    assert np.array_equal(one.predict(X), other.predict(X))


def test_cube_has_the_trajectory(tmp_path):
    world = OscillatorWorld(n_steps=20)
    with pytest.warns(UserWarning, match="record_at has 99, but training ends after max_steps=4"):
        assessment = small_assessment(
            world=world,
            modes=ALL_MODES,
            record_at=[0, 1, 4, 99],
            measures={"spread": hidden_spread},
            claims=("gain",),
        ).fit()
    cube = assessment.cube_
    trajectory = cube.nll_trajectory
    assert trajectory.dims == ("condition", "mode", "seed", "step")
    assert trajectory.step.values.tolist() == [0, 1, 4, 99]
    # Training ends after four updates; before it the core is the untrained one.
    full, random = (trajectory.sel(mode=mode) for mode in ("full", "random"))
    np.testing.assert_array_equal(full.sel(step=4), cube.nll.sel(mode="full"))
    np.testing.assert_array_equal(full.sel(step=0), cube.nll.sel(mode="readout"))
    assert np.isnan(full.sel(step=99)).all()
    assert (random == random.isel(step=0)).all()
    assert (full.sel(step=1) != full.sel(step=4)).all()
    assert cube.spread_trajectory.dims == trajectory.dims
    assert cube.spread_trajectory.attrs["long_name"] == "spread in the course of training"
    options = dict(modes=ALL_MODES, claims=("gain",), probe=None)
    without = small_assessment(world=world, **options).fit().cube_
    assert np.array_equal(without.nll, cube.nll)
    assessment.to_netcdf(tmp_path / "cube.nc")
    assert load_cube(tmp_path / "cube.nc").nll_trajectory.identical(trajectory)


def hidden_spread(predictor, evaluation):
    return predictor.transform(evaluation.X).std()


def test_labelled_measures_become_dimensions():
    world = TriangleWorld(**(TRIANGLE.get_params() | {"evaluation_task": "A->C"}))
    cube = (
        small_assessment(
            world=world,
            model=TransformerPredictor(8, 1, 2, max_steps=3),
            nulls=("redrawn",),
            record_at=[0, 3],
            measures={"tasks": few_queries, "steps": per_step},
            n_train=14,
            n_eval=14,
            claims=("gain",),
            probe=None,
        )
        .fit()
        .cube_
    )
    assert cube.tasks_trajectory.dims == ("condition", "mode", "seed", "step", "score", "task")
    assert cube.task.values.tolist() == list(TRIANGLE.tasks)
    assert cube.steps_trajectory.dims == ("condition", "mode", "seed", "step", "steps_item")
    # A network is scored by the words that count, and by nothing else.
    counted = cube.steps_trajectory.sel(steps_item="counted")
    np.testing.assert_allclose(counted, cube.nll_trajectory, rtol=1e-12)
    assert (abs(cube.steps_trajectory.sel(steps_item="all") - counted) > 1e-6).all()
    shares = cube.tasks_trajectory.sel(score=["words", "sentences"])
    assert ((shares >= 0) & (shares <= 1)).all()
    np.testing.assert_array_equal(
        cube.nll.sel(mode="full"), cube.nll_trajectory.sel(mode="full", step=3)
    )


def per_step(predictor, evaluation):
    loss = -predictor.score_steps(evaluation.X)
    return {"counted": loss[evaluation.scored[:, 1:]].mean(), "all": loss.mean()}


@pytest.mark.parametrize("engine", ["torch", "numba"])
@pytest.mark.parametrize("training", ["full", "readout"])
def test_training_loss_is_that_of_the_history(engine, training):
    X = OscillatorWorld(n_steps=20).sample(32, random_state=0).X
    model = GRUPredictor(
        5, max_steps=12, batch_size=8, engine=engine, training=training, head="sgd", noise_std=0.1
    )
    losses = {}

    class Losses(Keep):
        def __call__(self, replica, step, predictor, train_loss):
            losses[replica, step] = train_loss

    predictors = fit_replicas(model, [X], [1, 2], TrainingContext(recorder=Losses((0, 4, 8, 12))))
    for replica, predictor in enumerate(predictors):
        assert np.isnan(losses[replica, 0])
        # Four updates are an epoch.
        found = [losses[replica, step] for step in (4, 8, 12)]
        np.testing.assert_allclose(found, predictor.net_.history[:, "train_loss"], rtol=1e-6)


def test_every_configuration_has_the_examples_on_its_label():
    world = TriangleWorld(evaluation_task="A->C")
    seen = {}

    def examples(predictor, evaluation):
        return float(predictor.n_rows)

    class Rows(MeanPredictor):
        def fit(self, X, y=None):
            self.n_rows = len(X)
            return super().fit(X)

    cube = (
        small_assessment(
            world=world,
            model=Rows(likelihood="categorical"),
            modes=("full",),
            nulls=(),
            n_train=None,
            param_grid={"world__sparse_examples": [0, 200, 2000]},
            alpha=0.9,
            record_at=[0],
            n_eval=5,
            measures={"rows": examples},
            probe=None,
            baselines=("mean",),
        )
        .fit()
        .cube_
    )
    for size in (0, 200, 2000):
        own = TriangleWorld(sparse_examples=size)
        rows = cube.rows_trajectory.sel(world__sparse_examples=size).isel(condition=0, mode=0)
        assert (rows == own.default_n_train).all()
        sample = own.sample(own.default_n_train, random_state=0)
        seen[size] = len(sample.instances["A->C"])
    assert seen == {0: 0, 200: 200, 2000: 2000}


def test_resample_null_keeps_what_counts():
    world = TriangleWorld(evaluation_task="A->C")
    train, evaluation = world.split(60, 30, random_state=0)
    parts = world.null("resample").split(60, 30, random_state=0)
    for part, original in zip(parts, (train, evaluation), strict=True):
        assert np.array_equal(part.scored.sum(axis=0), original.scored.sum(axis=0))
        counted, before = part.X[part.scored], original.X[original.scored]
        assert np.array_equal(np.sort(counted), np.sort(before))
        assert not np.array_equal(part.X, original.X)


def test_grid_and_memory(tmp_path):
    options = dict(
        param_grid={"max_steps": [2, 4]},
        alpha=0.6,
        record_at=[2, 4],
        memory=tmp_path,
        measures={"spread": hidden_spread},
        modes=("full", "random"),
        baselines=("mean",),
        **GAIN_ALONE,
    )
    first = small_assessment(**options).fit().cube_
    assert np.isnan(first.nll_trajectory.sel(mode="full", max_steps=2, step=4)).all()
    assert first.drop_attrs().identical(small_assessment(**options).fit().cube_.drop_attrs())
    other = small_assessment(**options | {"record_at": [1]}).fit().cube_
    assert other.step.values.tolist() == [1]


def test_a_measure_can_be_taken_at_some_of_the_updates(tmp_path):
    taken, path = {"spread": hidden_spread}, tmp_path / "calls"
    slow = {"slow": (partial(counted_spread, path), [2, 4])}
    options = dict(modes=("full", "random"), nulls=(), probe=None, claims=("gain",), n_seeds=2)
    options |= dict(alpha=0.6, record_at=[0, 2, 3, 4], memory=tmp_path)
    cube = small_assessment(**options, measures=taken | slow).fit().cube_
    # Tried; at two updates of each network that trains, and once of each that does not.
    assert path.stat().st_size == 1 + 2 * 2 + 2
    found, everywhere = cube.slow_trajectory, cube.spread_trajectory
    assert found.dims == everywhere.dims
    assert np.isnan(found.sel(step=[0, 3])).all()
    np.testing.assert_array_equal(found.sel(step=[2, 4]), everywhere.sel(step=[2, 4]))
    assert not np.isnan(everywhere).any()
    said = json.loads(cube.attrs["configuration"])["measures"]
    assert said["spread"] == f"{__name__}.hidden_spread"
    assert said["slow"][1] == [2, 4]
    # Other updates make another cell, the same ones are read.
    again = small_assessment(**options, measures=taken | slow).fit().cube_
    assert path.stat().st_size == 1 + 2 * 2 + 2 + 1
    assert again.slow_trajectory.identical(found)
    slow = {"slow": (partial(counted_spread, path), np.array([0, 4]))}
    other = small_assessment(**options, measures=taken | slow).fit().cube_.slow_trajectory
    assert not np.isnan(other.sel(step=0)).any()
    assert np.isnan(other.sel(step=[2, 3])).all()


def counted_spread(path, predictor, evaluation):
    with path.open("a") as file:
        file.write(".")
    return hidden_spread(predictor, evaluation)


def test_predictors_that_do_not_train_stay_as_they_are():
    cube = (
        small_assessment(model=AutoregressivePredictor(2), modes=("full",), record_at=[0, 10])
        .fit()
        .cube_
    )
    for step in (0, 10):
        np.testing.assert_array_equal(cube.nll_trajectory.sel(step=step), cube.nll)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"record_at": [3, 2]}, r"record_at=\[3, 2\] must be increasing numbers of updates"),
        ({"record_at": [0.5]}, "record_at"),
        ({"record_at": []}, "record_at"),
        ({"record_at": [-1]}, "record_at"),
        ({"measures": {"a": len}}, "measures are given, but record_at is None"),
        ({"record_at": [1], "measures": {"a b": len}}, "the name 'a b'; pass names that are ident"),
        ({"record_at": [1], "measures": {"nll": len}}, "the name 'nll'"),
        (
            {"record_at": [1], "measures": {"train_loss": len}},
            "not 'nll' or 'train_loss', which are always recorded",
        ),
        ({"record_at": [1], "measures": {"a": 3}}, r"measures\['a'\]=3 is not callable"),
        (
            {"record_at": [1], "measures": {"a": [len, [1]]}},
            r"or, .* only, \(function, \[0, 1000\]",
        ),
        (
            {"record_at": [0, 10], "measures": {"a": (len, [0, 3])}},
            r"measures\['a'\] is to be taken at update 3, which is not in record_at=\[0, 10\]; add",
        ),
        (
            {"record_at": [0, 10], "measures": {"a": (len, [10, 0])}},
            r"measures\['a'\] at \[10, 0\] must be increasing numbers of updates",
        ),
        ({"record_at": [0, 10], "measures": {"a": (len, 10)}}, r"measures\['a'\] at 10 must be"),
        ({"param_grid": {"step": [1]}}, "'step' is the name of a dimension"),
    ],
)
def test_bad_requests_are_refused_before_training(options, message):
    with pytest.raises(ValueError, match=message):
        small_assessment(**options).fit()


def test_measures_that_return_nonsense_are_named():
    def pairs(predictor, evaluation):
        return [1.0, 2.0]

    def reserved(predictor, evaluation):
        return xr.DataArray([1.0], {"seed": [0]})

    def beside(predictor, evaluation):
        return xr.DataArray([1.0], {"layer": [0], "name": ("layer", ["first"])}, "layer")

    def changing(predictor, evaluation):
        return {str(len(calls)): calls.append(0) or 1.0}

    calls = []

    with pytest.raises(ValueError, match=r"measures\['pairs'\] returned .* must return a number"):
        small_assessment(record_at=[0], measures={"pairs": pairs}).fit()
    with pytest.raises(ValueError, match="Other coordinates must be numbers along one dimension"):
        small_assessment(record_at=[0], measures={"beside": beside}).fit()
    with pytest.raises(ValueError, match="the dimension 'seed', which the cube has already"):
        small_assessment(record_at=[0], measures={"seeds": reserved}).fit()
    with pytest.raises(ValueError, match=r"measures\['new'\] returned other names than before"):
        small_assessment(record_at=[0], measures={"new": changing}).fit()


def test_measures_are_tried_before_training(monkeypatch):
    def refused(*args, **kwargs):
        raise AssertionError("training has begun")

    monkeypatch.setattr("sklearn_emerge.assessment._networks.Networks.run", refused)
    with pytest.raises(ValueError, match="sequences of OscillatorWorld have no tasks"):
        small_assessment(record_at=[0], measures={"tasks": task_scores}).fit()
    # The structured world has tasks, its null has none.
    options = {"world": TRIANGLE, "record_at": [0], "n_train": 14, "n_eval": 14}
    with pytest.raises(ValueError, match="sequences of ResampleNull have no tasks") as caught:
        small_assessment(nulls=("resample",), measures={"tasks": few_queries}, **options).fit()
    assert "in measures['tasks']" in caught.value.__notes__[0]
    assert "in the condition 'resample', before training" in caught.value.__notes__[1]
    with pytest.raises(ValueError, match="'hidden_size', which the cube has already"):
        small_assessment(
            param_grid={"hidden_size": [2, 4]},
            alpha=0.6,
            record_at=[0],
            measures={"sizes": by_size},
        ).fit()


def by_size(predictor, evaluation):
    return xr.DataArray([1.0], {"hidden_size": [2]})


def test_scrambled_weights_have_no_trajectory():
    with pytest.raises(ValueError, match="modes has 'scrambled', but record_at is given"):
        small_assessment(modes=("full", "scrambled"), record_at=[0]).fit()


@pytest.mark.slow
def test_labels_of_a_measure_may_differ_between_cells():
    cube = (
        small_assessment(
            model=TransformerPredictor(8, 1, 2, max_steps=1),
            param_grid={"n_layers": [1, 2]},
            record_at=[0, 1],
            measures={"spread": spread_of_layers},
            n_train=10,
            baselines=("mean",),
            **GAIN_ALONE,
        )
        .fit()
        .cube_
    )
    spread = cube.spread_trajectory
    assert spread.spread_item.values.tolist() == ["0", "1", "2"]
    missing = np.isnan(spread).all(["mode", "seed", "step", "condition"])
    assert missing.transpose("n_layers", "spread_item").values.tolist() == [
        [False, False, True],
        [False, False, False],
    ]
    assert spread.attrs["long_name"] == "spread in the course of training"


@pytest.mark.slow
def test_depth_of_layers_lies_along_the_grid_where_it_differs(tmp_path):
    options = {
        "model": TransformerPredictor(8, 1, 2, max_steps=1),
        "record_at": [0, 1],
        "measures": {"gate": partial(attention_head_gates, n_focus=2)},
        "n_train": 10,
        "baselines": ("mean",),
        **GAIN_ALONE,
    }
    several = small_assessment(param_grid={"n_layers": [1, 2]}, **options).fit()
    several.to_netcdf(tmp_path / "cube.nc")
    for cube in several.cube_, load_cube(tmp_path / "cube.nc"):
        depth = cube.gate_trajectory.depth
        assert depth.dims == ("n_layers", "layer")
        np.testing.assert_array_equal(depth, [[1, np.nan], [0.5, 1]])
        assert depth.attrs["long_name"] == "layer, as a share of all layers"
        deep = cube.gate_trajectory.sel(n_layers=2)
        assert deep.depth.dims == ("layer",)
    # Of one number of layers it belongs to layers alone.
    options["model"] = TransformerPredictor(8, 2, 2, max_steps=1)
    one = small_assessment(**options).fit().cube_
    assert one.depth.dims == ("layer",)
    assert one.depth.values.tolist() == [0.5, 1]
    # Where something is called depth already, that comes first.
    options["measures"]["of_depth"] = by_depth
    both = small_assessment(**options).fit().cube_
    assert both.depth.dims == ("depth",)
    assert both.gate_trajectory.drop_vars("layer").equals(
        one.gate_trajectory.drop_vars(["layer", "depth"])
    )


def by_depth(predictor, evaluation):
    return xr.DataArray([1.0, 2.0, 3.0], {"depth": [1, 2, 3]})


@pytest.mark.slow
def test_numbers_that_label_a_measure_may_differ_between_seeds():
    """Such as the depths that there are in a sample; what is missing is NaN, in order."""
    cube = (
        small_assessment(
            record_at=[0, 4],
            n_seeds=3,
            nulls=(),
            modes=("full", "random"),
            measures={"some": some_numbers, "all": all_numbers},
        )
        .fit()
        .cube_
    )
    assert cube.number.values.tolist() == [0, 1, 2, 3]
    some = cube.some_trajectory.sel(condition="structured")
    assert np.isfinite(cube.all_trajectory.sel(number=[1, 2])).all()
    assert np.isnan(cube.all_trajectory.sel(number=[0, 3])).all()
    # Each seed has evaluation sequences of one kind, and both kinds occur.
    known = some.notnull().transpose("seed", "mode", "step", "number").values
    assert (known.sum(axis=3) == 1).all()
    assert np.array_equal(known[:, 0, 0], known[:, 1, 1])


def some_numbers(predictor, evaluation):
    return xr.DataArray([1.0], {"number": [3 * int(evaluation.X[0, 0] > 0)]})


def all_numbers(predictor, evaluation):
    return xr.DataArray([1.0, 2.0], {"number": [1, 2]})


@pytest.mark.slow
def test_a_training_that_stops_early_leaves_what_it_kept():
    world = TriangleWorld(**(TRIANGLE.get_params() | {"evaluation_task": "A->B"}))
    model = TransformerPredictor(
        16,
        1,
        2,
        max_steps=400,
        lr=0.02,
        early_stopping=True,
        validation_fraction=0.3,
        validation_steps=5,
        n_iter_no_change=2,
    )
    cube = (
        small_assessment(
            world=world,
            model=model,
            nulls=(),
            modes=("full",),
            probe=None,
            n_train=30,
            n_eval=10,
            record_at=[0, 5, 395, 400],
        )
        .fit()
        .cube_
    )
    nll = cube.nll_trajectory.sel(condition="structured", mode="full")
    # Training that stopped before has the kept weights from then on, those of the final score.
    assert np.isnan(cube.train_loss_trajectory.sel(mode="full", step=[395, 400])).all()
    for step in (395, 400):
        np.testing.assert_array_equal(
            nll.sel(step=step), cube.nll.sel(condition="structured", mode="full")
        )
    assert (nll.sel(step=5) != nll.sel(step=400)).all()


def spread_of_layers(predictor, evaluation):
    layers = range(len(predictor.network_.core.blocks) + 1)
    return {str(i): predictor.transform(evaluation.X, i).std() for i in layers}
