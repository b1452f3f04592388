"""Cubes of several sizes are joined by label."""

import json
from functools import partial

import numpy as np
import pytest
import xarray as xr

from sklearn_emerge.assessment._cube import describe
from sklearn_emerge.geometry import (
    collapse_floor,
    join_sizes,
    last_block,
    layer_order,
    scale_invariance,
)


def cube(n_parameters, layers, value):
    shape = (2, 3, len(layers))
    return xr.Dataset(
        {
            "states_trajectory": (("seed", "step", "layer"), np.full(shape, value)),
            "n_parameters": n_parameters,
            "nll": (("seed",), [1.0, 2.0]),
        },
        {"seed": [0, 1], "step": [0, 100, 200], "layer": layers},
    )


def test_sizes_keep_their_values_and_layers_that_one_lacks_are_nan():
    joined = join_sizes(
        {"2": cube(50, ["one", "two", "hidden"], 3.0), "1": cube(9, ["one", "hidden"], 2.0)}
    )
    assert joined.size.values.tolist() == ["2", "1"]
    assert joined.n_parameters.values.tolist() == [50, 9]
    assert list(joined.data_vars) == ["states_trajectory"]
    states = joined.states_trajectory
    assert (states.sel(size="2") == 3).all()
    assert (states.sel(size="1", layer=["one", "hidden"]) == 2).all()
    assert states.sel(size="1", layer="two").isnull().all()
    floors = collapse_floor(states.sel(layer="hidden")).floor
    assert scale_invariance(floors, joined.n_parameters).verdict.item() == "trend"


def test_what_cannot_be_joined_is_named():
    with pytest.raises(ValueError, match="cubes is empty; pass"):
        join_sizes({})
    with pytest.raises(ValueError, match="must be a dict of cubes by their size, not list; pass"):
        join_sizes([cube(9, ["one"], 1.0)])
    with pytest.raises(ValueError, match=r"cubes\['a'\] has no trajectories .*; pass cubes of"):
        join_sizes({"a": cube(9, ["one"], 1.0)[["nll"]]})
    with pytest.raises(ValueError, match=r"\[9, 9\] parameters; sizes must differ"):
        join_sizes({"a": cube(9, ["one"], 1.0), "b": cube(9, ["one"], 1.0)})


def measured_as(n_parameters, n_eval=9, **measures):
    """A cube that says how it was made."""
    configuration = json.dumps(describe({"n_eval": n_eval, "measures": measures}))
    return cube(n_parameters, ["one"], 1.0).assign_attrs(configuration=configuration)


def test_measures_of_other_rows_are_refused():
    many = measured_as(9, states=partial(last_block, n_rows=1000))
    few = measured_as(20, states=(partial(last_block, n_rows=50), [0, 100]))
    with pytest.raises(ValueError, match=r"'states' .* n_rows \(a: 1000, b: 50\), which cannot"):
        join_sizes({"a": many, "b": few})
    without = few.rename(states_trajectory="other_trajectory")
    join_sizes({"a": many, "b": without})
    # Other visits, and other measures beside it, do not matter.
    alike = measured_as(20, states=(partial(last_block, n_rows=1000), [0]), other=last_block)
    join_sizes({"a": many, "b": alike})


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (measured_as(9), measured_as(20, n_eval=5), r"numbers of sequences \(a: 9, b: 5\)"),
        (
            measured_as(9, states=partial(last_block, n_draws=8)),
            measured_as(20, states=partial(last_block, n_draws=9)),
            r"'states' was taken with different n_draws \(a: 8, b: 9\)\.",
        ),
        (
            measured_as(9, states=partial(last_block, n_rows=1000)),
            measured_as(20, states=last_block),
            r"n_rows \(a: 1000, b: 'its default'\)\.",
        ),
    ],
)
def test_what_may_not_be_comparable_is_told(one, other, told):
    with pytest.warns(UserWarning, match=told):
        join_sizes({"a": one, "b": other})


def test_objects_that_measure_and_heads_of_a_size_are_no_difference():
    class Measure:
        def __call__(self, predictor, evaluation):
            return 1.0

    few, many = measured_as(9, states=Measure()), measured_as(20, states=Measure())
    heads = {"a": few.expand_dims(head=[0]), "b": many.expand_dims(head=[0, 1])}
    counts = {name: 9 * each.sizes["head"] for name, each in heads.items()}
    join_sizes({name: each.assign(n_parameters=counts[name]) for name, each in heads.items()})


def test_tasks_that_a_size_lacks_are_named():
    tasks = {name: cube(n, ["one"], 1.0) for name, n in (("a", 9), ("b", 20))}
    tasks = {
        "a": tasks["a"].expand_dims(task=["COPY", "PAR", "MUL"]),
        "b": tasks["b"].expand_dims(task=["COPY"]),
    }
    tasks = {name: each.assign(n_parameters=each.sizes["task"]) for name, each in tasks.items()}
    with pytest.warns(UserWarning, match="other labels: b has no task PAR, MUL"):
        join_sizes(tasks)


def ladder(n_layers, floors, n_parameters):
    """A cube of five runs, whose layers have the floors."""
    layers = ["embedding", *(f"layer {i + 1} output" for i in range(n_layers)), "hidden"]
    one = cube(n_parameters, layers, 9.0)
    one["states_trajectory"] = one.states_trajectory * np.array([3, 1, 2.0])[:, np.newaxis]
    blocks = one.layer.str.startswith("layer")
    scale = xr.DataArray(np.r_[1.0, floors, 1.0], dims="layer")
    one["states_trajectory"] = one.states_trajectory.where(~blocks, one.states_trajectory * scale)
    depth = [*(i / n_layers for i in range(n_layers + 1)), 1.0]
    return one.assign_coords(depth=("layer", depth))


def test_sizes_of_different_depth_keep_the_order_of_their_layers():
    """As text layer 10 comes before layer 2."""
    # Floors rise by number, and would fall in the order of text.
    floors = np.array([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.1])
    cubes = {
        "1": ladder(1, [1.0], 9),
        "2": ladder(2, [2.0, 1.0], 20),
        "12": ladder(12, floors, 100),
    }
    joined = join_sizes(cubes)
    blocks = [f"layer {i} output" for i in range(1, 13)]
    assert joined.layer.values.tolist() == ["embedding", *blocks, "hidden"]
    assert joined.depth.sel(size="2", layer=blocks[:2]).values.tolist() == [0.5, 1.0]
    assert joined.depth.sel(size="12").values.tolist() == cubes["12"].depth.values.tolist()
    states = joined.states_trajectory.sel(layer=blocks)
    share = layer_order(states).share.sel(claim="gradient")
    # One layer has no order, and the order of another size is none of its own.
    assert np.isnan(share.sel(size="1"))
    assert share.sel(size=["2", "12"]).values.tolist() == [1.0, 0.0]
    for size in ("2", "12"):
        own = cubes[size].states_trajectory
        alone = layer_order(own.sel(layer=own.layer.str.startswith("layer")))
        joint = layer_order(states).share.sel(size=size)
        assert joint.values.tolist() == alone.share.values.tolist()


def test_a_run_that_failed_at_a_layer_has_no_order():
    states = join_sizes({"2": ladder(2, [2.0, 1.0], 20), "3": ladder(3, [3.0, 2.0, 1.0], 30)})
    states = states.states_trajectory.sel(layer=[f"layer {i} output" for i in (1, 2, 3)])
    failed = (states["size"] == "3") & (states.seed == 0) & (states.layer == "layer 2 output")
    share = layer_order(states.where(~failed)).run_share.sel(claim="gradient")
    assert np.isnan(share.sel(size="3", seed=0))
    assert (share.sel(size="3", seed=1), *share.sel(size="2")) == (1, 1, 1)


def test_the_last_block_of_each_size_is_its_own():
    joined = join_sizes({"1": ladder(1, [1.0], 9), "2": ladder(2, [2.0, 1.0], 20)})
    states = joined.states_trajectory
    # What was not recorded at a visit is not taken from another block.
    states = states.where((states["size"] != "2") | (states.step != 100))
    found = last_block(states)
    assert found.dims == ("size", "seed", "step")
    for size, name in (("1", "layer 1 output"), ("2", "layer 2 output")):
        np.testing.assert_array_equal(found.sel(size=size), states.sel(size=size, layer=name))
    alone = last_block(states.sel(size="1"))
    np.testing.assert_array_equal(alone, found.sel(size="1"))
    with pytest.raises(ValueError, match="layers embedding, hidden, and none is the output of a"):
        last_block(states.sel(layer=["embedding", "hidden"]))
    with pytest.raises(ValueError, match="and no layer"):
        last_block(found)
