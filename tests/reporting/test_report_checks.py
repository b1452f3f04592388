"""Checks of a report turn with what they are about."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from report_cubes import facts_of, with_options

from sklearn_emerge.reporting import _sections
from sklearn_emerge.reporting._checks import run_checks


def checks_of(cube):
    return {check.question: check for check in run_checks(facts_of(cube))}


def changed(cube, name, value, **place):
    cube = cube.copy(deep=True)
    cube[name].loc[place] = value
    return cube


HERE = dict(condition="structured", mode="full")


@pytest.mark.parametrize(
    ("question", "change", "found", "remedy"),
    [
        (
            "Has training ended?",
            lambda cube: changed(cube, "training_loss", -np.arange(20) / 8, **HERE),
            "fell by 0.50 nats per step (the world: all weights), the most of those that matter",
            "See what to run next.",
        ),
        (
            "Have all networks stayed finite?",
            lambda cube: changed(cube, "status", "diverged", seed=3, **HERE),
            "1 of 30 fits diverged",
            "Lower lr.",
        ),
        (
            "Have the heads of the networks converged?",
            lambda cube: changed(cube, "status", "head not converged", seed=[1, 3], **HERE),
            "2 of 30 fits have a head that has not",
            "Fit more sequences",
        ),
        (
            "Have the alternatives converged?",
            lambda cube: changed(
                cube,
                "status_baseline",
                "head not converged",
                condition="structured",
                seed=0,
                baseline="linear_filter",
            ),
            "a linear filter has not",
            "leave it out",
        ),
        (
            "Are there seeds enough?",
            lambda cube: with_options(cube, alpha=0.01),
            "5 seeds: the smallest possible p-value is 0.031, for alpha = 0.01 and 1 "
            "configuration; 7 are needed",
            "Raise n_seeds",
        ),
        (
            "Are there seeds enough for the latents?",
            lambda cube: with_options(cube, alpha=0.05),
            "0.062, for alpha = 0.05 and 2 latents; 6 are needed",
            "Raise n_seeds",
        ),
        (
            "Was every claim decided?",
            lambda cube: changed(
                changed(cube, "claim_state", "open", claim="gain"),
                "claim_difference",
                [0.04, 0.02, -0.01, 0.03, 0.01],
                claim="gain",
            ),
            "Not decided: gain: about 6 seeds would do (1 of 9 claims)",
            "Take more seeds",
        ),
        (
            "Are the units of the tests independent?",
            lambda cube: with_options(cube, shared_data=True),
            "All seeds share the same sequences",
            "shared_data=False",
        ),
        (
            "Are the trained networks alike?",
            lambda cube: changed(cube, "nll", [1.0, 1.01, 1.0, 1.01, 9.0], **HERE),
            "1 of 5 networks stands apart",
            "look at the seeds",
        ),
    ],
)
def test_a_check_turns_with_what_it_is_about(question, change, found, remedy, cube):
    ended = changed(cube, "training_loss", 1.0)
    ended = changed(ended, "nll", [1.0, 1.01, 1.02, 1.03, 1.04], **HERE)
    before, after = checks_of(ended)[question], checks_of(change(ended))[question]
    assert before.passed is True
    assert after.passed is False
    assert found in after.found
    assert remedy in after.remedy


def test_whether_networks_are_alike_is_not_known_where_some_diverged(cube):
    question = "Are the trained networks alike?"
    alike = changed(cube, "nll", [1.0, 1.01, 1.02, 1.03, 1.04], **HERE)
    lost = changed(alike, "nll", np.nan, seed=2, **HERE)
    check = checks_of(lost)[question]
    assert check.passed is None
    assert check.found == "It cannot be told where networks have no finite loss."
    grid = alike.expand_dims(lr=[0.1, 0.2])
    assert checks_of(grid)[question].passed is True
    grid = changed(grid, "nll", np.nan, lr=0.2, seed=2, **HERE)
    check = checks_of(grid)[question]
    assert check.passed is None
    assert "0 of 5 networks stand apart" in check.found
    assert "no finite loss (lr = 0.2)." in check.found
    grid = changed(grid, "nll", [1.0, 1.01, 1.0, 1.01, 9.0], lr=0.1, **HERE)
    assert checks_of(grid)[question].passed is False


def test_checks_of_one_are_in_the_singular(cube):
    one = cube.isel(seed=[0])
    found = checks_of(one)
    assert found["Are the units of the tests independent?"].passed is None
    assert found["Are there seeds enough?"].found.startswith("1 seed: there are no tests of one")
    for check in found.values():
        assert "1 seeds" not in check.found
        assert "of 1 seed " not in check.found
    assert "over 1 seed in nats" in _sections.claims_table(facts_of(one).cases[0]).caption
    decided = changed(cube.sel(claim=["gain"]), "claim_state", "holds", claim="gain")
    question = "Was every claim decided?"
    assert checks_of(decided)[question].found == "The one claim holds or fails."
    assert checks_of(cube.sel(claim=[]))[question].passed is None


def test_numbers_of_seeds_say_what_they_are_for(cube):
    found = checks_of(with_options(cube, alpha=0.05))
    told = found["Are there seeds enough?"].found
    assert "5 are needed for all claims but those about a latent." in told
    told = found["Are there seeds enough for the latents?"].found
    assert "6 are needed for claims about a latent, which are corrected over latents" in told


def test_training_in_a_null_where_nothing_is_gained_does_not_matter(cube):
    falling = changed(cube, "training_loss", 1.0)
    null = dict(condition="resample", mode="full")
    falling = changed(falling, "training_loss", -np.arange(20) / 8, **null)
    question = "Has training ended?"
    assert checks_of(changed(falling, "nll", 1e3, **null))[question].passed
    assert not checks_of(changed(falling, "nll", -1e3, **null))[question].passed
    assert checks_of(cube.drop_vars("training_loss"))[question].passed is None


def test_the_check_of_training_says_how_many_networks_stopped_early(cube):
    looked = cube.training_loss.where(False)
    looked.loc[HERE] = np.linspace(2, 1, 20)
    stopped_at = looked.isel(block=0, drop=True).where(False)
    stopped_at.loc[HERE | {"seed": [0, 1, 4]}] = 0.9
    ended = changed(cube, "training_loss", 1.0)
    check = checks_of(ended.assign(validation_loss=looked, stopped_at=stopped_at))
    found = check["Has training ended?"]
    assert found.passed is False
    assert found.found.endswith(" 3 of 5 networks stopped early.")
    assert "the lowest loss of held-out sequences fell by 0.084 nats per step" in found.found
    stopped_at.loc[HERE] = 0.9
    check = checks_of(ended.assign(validation_loss=looked, stopped_at=stopped_at))
    assert check["Has training ended?"].passed is True


def test_the_check_of_training_names_the_loss_of_the_configuration_that_it_is_about(cube):
    looks, ends = cube.training_loss.where(False), cube.nll.where(False)
    plain = changed(cube, "training_loss", 1.0).assign(validation_loss=looks, stopped_at=ends)
    steep = changed(plain, "training_loss", -np.arange(20) / 8, **HERE)
    slow = changed(plain, "validation_loss", 1.0, **HERE)
    early = changed(plain, "validation_loss", np.linspace(2, 1, 20), **HERE)
    stops = pd.Index([False, True], name="early_stopping")
    for pair, loss, which in ((steep, slow), "the loss", False), ((plain, early), "the low", True):
        both = xr.concat(pair, stops, coords="minimal")
        found = checks_of(both)["Has training ended?"].found
        assert f"of the updates {loss}" in found
        assert f"(early_stopping = {which}, the world: all weights)" in found
