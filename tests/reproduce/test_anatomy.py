"""The experiments of the anatomy paper, at a size that takes seconds."""

import json
from dataclasses import replace
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_emerge import AlgorithmicWorld, TransformerPredictor
from sklearn_emerge.reproduce import EXPERIMENTS, reproduce, run_experiment
from sklearn_emerge.reproduce._anatomy import visits
from sklearn_emerge.reproduce._figures import draw_recipe


def tiny(experiment):
    """The same experiment of two tasks, a network of one layer of 32 units, and few rows."""

    def smaller(measure):
        function, *at = measure if isinstance(measure, tuple) else (measure,)
        words = function.keywords if isinstance(function, partial) else {}
        less = {"n_rows": 4} | {n: 8 for n in ("n_burn_in", "n_draws") if n in words}
        return (partial(function, **less), *at) if at else partial(function, **less)

    options = experiment.options
    measures = {name: smaller(measure) for name, measure in options["measures"].items()}
    return replace(
        experiment,
        world=AlgorithmicWorld(["COPY", "SORT"], [1], row_length=10),
        model=TransformerPredictor(32, 1, 1, head="sgd", max_steps=experiment.model.max_steps),
        options=options | {"measures": measures, "n_train": 200, "n_eval": 20},
    )


def test_visits_are_dense_while_states_collapse_and_end_with_training():
    steps = visits(10_000)
    assert steps[:3] == [0, 10, 20]
    assert steps[-1] == 10_000
    assert (np.diff(steps) > 0).all()
    assert (np.diff([step for step in steps if step <= 200]) <= 20).all()
    late = np.array([step for step in steps if step >= 200])
    assert (late[1:] / late[:-1] < 1.13).all()
    assert visits(50) == [0, 10, 20, 30, 40, 50]


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name.startswith("anatomy")])
def test_measures_at_some_of_the_updates_are_among_the_visits(name):
    options = EXPERIMENTS[name].options
    timed = [each[1] for each in options["measures"].values() if isinstance(each, tuple)]
    assert all(set(at) <= set(options["record_at"]) for at in timed)
    assert EXPERIMENTS[name].model.max_steps == options["record_at"][-1]


def test_the_cube_has_answers_states_and_the_loss(monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "anatomy", tiny(EXPERIMENTS["anatomy"]))
    with pytest.warns(UserWarning, match="n_seeds=1 cannot reach"):
        cube = run_experiment("anatomy", max_steps=20, n_seeds=1, progress=False).cube_
    assert cube.step.values.tolist() == [0, 10, 20]
    assert set(cube.answers_trajectory.dims) >= {"step", "score", "task", "level", "condition"}
    # Nobody has said under which protocol.
    assert cube.condition.values.tolist() == ["structured", "permuted"]
    assert not json.loads(cube.attrs["configuration"])["shared_data"]
    assert cube.states_trajectory.notnull().any("step").all()
    for name in "gradients", "curvature", "trace", "coefficient":
        value = cube[f"{name}_trajectory"].sel(estimate="value")
        assert value.sel(step=[0, 20]).notnull().all(), name
        assert value.sel(step=10).isnull().all(), name
    assert "task" in cube.gradients_trajectory.dims
    assert "task" not in cube.curvature_trajectory.dims


def test_the_figure_has_answers_and_states(monkeypatch, close_figures):
    monkeypatch.setitem(EXPERIMENTS, "anatomy-quick", tiny(EXPERIMENTS["anatomy-quick"]))
    with pytest.warns(UserWarning, match="n_seeds=2 cannot reach"):
        cubes, comparison = reproduce("anatomy-quick", max_steps=20, progress=False)
    assert not len(comparison)
    figure = plt.figure(layout="constrained")
    draw_recipe("anatomy-quick", cubes, figure)
    answers, states = figure.axes
    assert answers.get_ylabel() == "answers that are right (share)"
    assert states.get_ylabel() == "RankMe of layer 1 output (directions)"
    assert answers.get_ylim() == (0, 1)
