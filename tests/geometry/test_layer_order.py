"""Whether deeper layers fall lower, and earlier."""

import numpy as np
import pytest
import xarray as xr

from sklearn_emerge.geometry import layer_order

STEPS = np.arange(0, 300, 20)


def fall(floor, arrival):
    """Return measures that fall from 40 in a line and are at their floor from an update on."""
    floor, arrival = (np.asarray(a, float)[..., np.newaxis] for a in (floor, arrival))
    return np.where(arrival > STEPS, 40 - 0.01 * STEPS, floor)


def labelled(values, dims):
    return xr.DataArray(values, dims=dims, coords={"step": STEPS})


def test_two_claims_are_two():
    floor = np.tile([8, 6, 4.0], (5, 1))
    early, late = (np.tile(a, (5, 1)) for a in ([120, 80, 40], [40, 80, 120]))
    dims = ("seed", "layer", "step")
    for arrival, share in ((early, 1), (late, 0), (np.full((5, 3), 60), 0.5)):
        found = layer_order(labelled(fall(floor, arrival), dims))
        assert found.share.sel(claim="gradient") == 1
        assert found.share.sel(claim="propagation") == share
        assert found.p_value.sel(claim="gradient") == 1 / 32
        expected = {1: 1 / 32, 0: 1.0, 0.5: 1.0}[share]
        assert found.p_value.sel(claim="propagation") == expected
    below = layer_order(labelled(fall(floor[:, ::-1], early), dims))
    assert below.share[0] == below.low[0] == 0
    assert 0 < below.high[0] < 1


def test_shares_are_of_task_levels_within_runs():
    rng = np.random.default_rng(0)
    floor = rng.uniform(2, 9, (4, 2, 3, 2, 2))
    dims = ("task", "level", "seed", "layer", "size", "step")
    found = layer_order(labelled(fall(floor, np.full(floor.shape, 60)), dims))
    expected = (floor[:, :, :, 1] < floor[:, :, :, 0]).mean(axis=(0, 1))
    np.testing.assert_allclose(
        found.run_share.sel(claim="gradient").transpose("seed", "size"), expected
    )
    assert set(found.share.dims) == {"claim", "size"}


def test_two_layers_agree_by_chance_half_the_time():
    rng, n = np.random.default_rng(0), 200
    shape = (12, n, 5, 2)
    values = fall(rng.uniform(2, 9, shape), rng.choice(STEPS[1:10], shape))
    found = layer_order(labelled(values, ("task", "size", "seed", "layer", "step")))
    np.testing.assert_allclose(found.share.mean("size"), 0.5, atol=0.02)
    assert ((found.p_value <= 0.05).mean("size") < 0.08).all()


def test_nearly_at_the_floor_is_there():
    """A layer that creeps on for its last tenth has arrived before."""
    values = np.full((5, 2, len(STEPS)), 40.0)
    values[:, 0, 4:] = 5.0
    values[:, 1, 3:] = 5.4
    values[:, 1, 6:] = 5.0
    measure = labelled(values, ("seed", "layer", "step"))
    for nearly, share in ((1.1, 1), (1.05, 0)):
        assert layer_order(measure, nearly=nearly).share.sel(claim="propagation") == share


def test_depth_is_that_of_the_layers():
    """The slope goes by depth, and not by the order in which layers stand."""
    values = fall(np.tile([4.0, 8, 6], (5, 1)), np.full((5, 3), 60))
    measure = labelled(values, ("seed", "layer", "step"))
    assert layer_order(measure).share[0] == 0
    numbered = measure.assign_coords(layer=[3, 1, 2])
    assert layer_order(numbered).share[0] == 1
    named = measure.assign_coords(layer=["c", "a", "b"], depth=("layer", [1.0, 0.2, 0.5]))
    assert layer_order(named).share[0] == 1


def test_runs_that_failed_are_left_out():
    values = fall(np.tile([8.0, 4], (4, 1)), np.full((4, 2), 60))
    values[1] = np.nan
    found = layer_order(labelled(values, ("seed", "layer", "step")))
    assert found.p_value.sel(claim="gradient") == 1 / 8
    assert np.isnan(found.run_share.isel(seed=1)).all()


MEASURE = labelled(fall(np.tile([8.0, 4], (3, 1)), np.full((3, 2), 60)), ("seed", "layer", "step"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layer_order(MEASURE.isel(layer=0)), "dimensions seed, step, and no layer"),
        (lambda: layer_order(MEASURE.isel(layer=[0])), "measure has one layer.*record more"),
        (lambda: layer_order(MEASURE.isel(seed=[0])), "measure has one seed.*train more"),
        (lambda: layer_order(MEASURE.expand_dims("head")), "has the dimension head; select one"),
        (lambda: layer_order(MEASURE.isel(step=[1, 0, 2])), "must rise.*0 follows 20"),
        (lambda: layer_order(MEASURE, window=(1, 9)), "holds no visit"),
        (lambda: layer_order(MEASURE, nearly=0.9), "'nearly' .* Got 0.9"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call()
