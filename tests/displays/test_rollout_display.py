"""Forecasts of many steps beside what comes."""

import numpy as np
import pytest
from figure_checks import check_texts
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from sklearn_emerge import (
    LinearFilterPredictor,
    MeanPredictor,
    OscillatorWorld,
    PersistencePredictor,
    RegimeWorld,
    RolloutDisplay,
    TriangleWorld,
)
from sklearn_emerge.operators import flow_errors

pytestmark = pytest.mark.usefixtures("close_figures")
WORLD = OscillatorWorld(n_steps=50)


@pytest.fixture(scope="module")
def models():
    X = WORLD.sample(60, random_state=0).X
    return {"filter": LinearFilterPredictor(8).fit(X), "last": PersistencePredictor().fit(X)}


@pytest.fixture(scope="module")
def unseen():
    return WORLD.sample(10, random_state=1)


def test_forecasts_and_truth_are_those_of_the_shown_sequence(models, unseen):
    display = RolloutDisplay.from_estimator(models, unseen, prompt=20, n_steps=25, sequence=3)
    *paths, errors = display.axes_
    moved = WORLD.flow(unseen.latents[3:4, 19], 25, 19)
    best = WORLD.optimal_predictor().rollout(unseen.X[3:4, :20], 25)
    for ax, model in zip(paths, models.values(), strict=True):
        drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
        np.testing.assert_array_equal(drawn["observed"], unseen.X[3, :45])
        forecast = model.rollout(unseen.X[3:4, :20], 25)
        np.testing.assert_allclose(drawn["forecast"], forecast[0])
        np.testing.assert_allclose(drawn["without noise"], WORLD.emission(moved)[0])
        np.testing.assert_allclose(drawn["best possible forecast"], best[0])
    drawn = {line.get_label(): line.get_ydata() for line in errors.lines}
    for name, model in models.items():
        expected = flow_errors(model, unseen, prompts=[20], horizon=25)
        np.testing.assert_allclose(drawn[name], expected.isel(prompt=0))
    assert errors.get_xlabel() == "step"
    footer = display.figure_.get_supxlabel().replace("\n", " ")
    assert footer.endswith("It is from what the world does without noise.")
    ends = [f"{name} {drawn[name][-1]:.2f}" for name in models]
    assert repr(display).endswith(f"over the longest horizon: {', '.join(ends)}>")
    check_texts(display.figure_)


def test_one_predictor_is_named_by_its_class(models, unseen):
    display = RolloutDisplay.from_estimator(models["last"], unseen)
    assert list(display.forecasts) == ["PersistencePredictor"]
    # A quarter of the sequences is seen.
    assert len(display.forecasts["PersistencePredictor"]) == 50 - 12


def test_errors_of_outcomes_are_probabilities_and_none_of_0_is_hidden_unsaid():
    world = RegimeWorld(n_steps=20)
    unseen = world.sample(10, random_state=1)
    models = {"best": world.optimal_predictor(), "mean": MeanPredictor().fit(unseen.X)}
    display = RolloutDisplay.from_estimator(models, unseen, n_paths=2)
    assert display.axes_[-1].get_ylabel() == "error (probability)"
    footer = display.figure_.get_supxlabel().replace("\n", " ")
    assert "It is from the forecast of the best possible predictor." in footer
    assert (display.errors["best"] == 0).any()
    assert footer.endswith("Errors of 0, or beyond all numbers, are not shown.")


def test_a_forecast_of_one_step_is_a_dot(models, unseen):
    display = RolloutDisplay.from_estimator(models["last"], unseen, prompt=20, n_steps=1)
    ax = display.axes_[0]
    (forecast,) = (line for line in ax.lines if line.get_label() == "forecast")
    assert forecast.get_marker() == "o"
    assert ax.get_xlim()[0] < forecast.get_xdata()[0] < ax.get_xlim()[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prompt": 50}, "prompt=50 is out of range; pass an integer from 1 to 49"),
        ({"prompt": 40, "n_steps": 11}, "n_steps=11 is out of range"),
        ({"sequence": 10}, "sequence=10 is out of range"),
        ({"channel": 1}, "channel=1 is out of range"),
        ({"axes": [None]}, "axes has 1 axes; pass 2"),
        ({"n_paths": 0}, "n_paths=0 must be an integer of at least 1"),
    ],
)
def test_what_is_out_of_range_is_refused(models, unseen, options, said):
    with pytest.raises(ValueError, match=said):
        RolloutDisplay.from_estimator(models["last"], unseen, **options)


def test_what_cannot_forecast_is_refused(models, unseen):
    with pytest.raises(NotFittedError):
        RolloutDisplay.from_estimator(PersistencePredictor(), unseen)
    with pytest.raises(ValueError, match="estimator 'Ridge' is a Ridge; pass a fitted predictor"):
        RolloutDisplay.from_estimator(Ridge().fit([[0.0], [1.0]], [0, 1]), unseen)
    with pytest.raises(ValueError, match="estimator 'list' is a list; pass a fitted predictor"):
        RolloutDisplay.from_estimator(list(models.values()), unseen)
    with pytest.raises(ValueError, match="estimator is empty"):
        RolloutDisplay.from_estimator({}, unseen)
    with pytest.raises(ValueError, match="No forecast can be drawn"):
        RolloutDisplay.from_estimator(models["last"], TriangleWorld().sample(3))
