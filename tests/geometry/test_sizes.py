"""Cubes of several sizes are joined by label."""

import numpy as np
import pytest
import xarray as xr

from sklearn_emerge.geometry import collapse_floor, join_sizes, scale_invariance


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
    assert scale_invariance(floors, joined.n_parameters).verdict.item() == "depends on size"


def test_what_cannot_be_joined_is_named():
    with pytest.raises(ValueError, match="cubes is empty; pass"):
        join_sizes({})
    with pytest.raises(ValueError, match=r"cubes\['a'\] has no trajectories .*; pass cubes of"):
        join_sizes({"a": cube(9, ["one"], 1.0)[["nll"]]})
    with pytest.raises(ValueError, match=r"\[9, 9\] parameters; sizes must differ"):
        join_sizes({"a": cube(9, ["one"], 1.0), "b": cube(9, ["one"], 1.0)})
