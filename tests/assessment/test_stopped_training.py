"""Early stopping in an assessment: whole groups are held out, and its course is kept."""

import numpy as np
import pytest
from conftest import small_assessment

from sklearn_emerge import ArrayWorld, GRUPredictor
from sklearn_emerge.reporting._facts import cases_of
from sklearn_emerge.reporting._training import draw_training
from sklearn_emerge.training import _early_stopping

STOPS = dict(early_stopping=True, validation_steps=2, n_iter_no_change=2, validation_fraction=0.3)
MODEL = GRUPredictor(4, max_steps=200, batch_size=8, lr=0.05, engine="numba", **STOPS)
RECORDED = dict(n_train=None, n_eval=None, n_seeds=3)


@pytest.fixture(scope="module")
def noise():
    """An assessment of noise in groups of unequal size, of which some seeds hold out more."""
    X = np.random.default_rng(0).normal(size=(40, 12))
    groups = np.repeat(np.arange(8), [3, 7, 4, 6, 3, 7, 5, 5])
    return small_assessment(world=ArrayWorld(X, groups=groups), model=MODEL, **RECORDED)


@pytest.fixture(scope="module")
def stopped(noise):
    return noise.fit()


def test_no_group_is_on_both_sides(noise, monkeypatch):
    found, original = [], _early_stopping.rows_held_out

    def look(job):
        found.append([job.groups[rows] for rows in original(job)])
        return original(job)

    monkeypatch.setattr("sklearn_emerge.training._engines.rows_held_out", look)
    noise.fit()
    assert len(found) >= 3
    for held_out, left in found:
        assert not set(held_out) & set(left)
        # .3 of six or seven groups.
        assert len(set(held_out)) == 2


def test_the_cube_tells_when_training_stopped_and_what_was_seen(stopped):
    cube = stopped.cube_
    here = cube.sel(condition="structured", mode="full")
    assert (here.stopped_at < 1).all()
    assert np.isnan(here.validation_loss.isel(block=-1)).all()
    assert here.validation_loss.isel(block=0).notnull().all()
    # An untrained core looks at nothing.
    assert cube.validation_loss.sel(mode="readout").isnull().all()
    assert "training had not ended" not in stopped.verdict_reason_
    for name in ("validation_loss", "stopped_at"):
        assert cube[name].attrs["long_name"]
    plain = small_assessment().fit().cube_
    assert not {"validation_loss", "stopped_at"} & set(plain)


def test_a_network_of_a_cell_is_the_one_that_stopped(stopped):
    predictor = stopped.predictor(mode="full", seed=1)
    here = stopped.cube_.sel(condition="structured", mode="full", seed=1)
    assert predictor.stopped_at_ == here.stopped_at
    assert np.array_equal(predictor.validation_loss_, here.validation_loss, equal_nan=True)


def test_curves_show_the_held_out_loss(stopped):
    figure = pytest.importorskip("matplotlib.figure").Figure(layout="constrained")
    from figure_checks import check_texts

    from sklearn_emerge.reporting._figures import training_curves

    draw_training(cases_of(stopped.cube_)[0], figure)
    ax = figure.axes[0]
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert len(dashed) == 3
    title = ax.get_title(loc="left")
    assert "\nheld out: " in title
    assert "\n3 of 3 stopped" in title
    assert ax.get_ylabel() == "loss\n(nats per step)"
    check_texts(figure)
    picture = training_curves(cases_of(stopped.cube_)[0])
    assert "two fifths" not in picture.caption
    assert "lowest held-out loss" in picture.caption
    assert "held-out loss" in picture.alt


def test_too_few_groups_are_refused_before_training():
    X = np.random.default_rng(0).normal(size=(40, 12))
    world = ArrayWorld(X, groups=np.repeat(np.arange(8), 5))
    model = GRUPredictor(4, max_steps=4, early_stopping=True, validation_fraction=0.05)
    with pytest.raises(ValueError, match=r"validation_fraction=0.05 of [67] groups is 0: some"):
        small_assessment(world=world, model=model, **RECORDED).fit()
