"""Names that have changed are found where they were, with a warning that says what they are."""

import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone

import sklearn_emerge
from sklearn_emerge import (
    EmergenceCurve,
    EmergenceCurveDisplay,
    MarkovPredictor,
    assessment,
    emergence,
    inference,
    linear_systems,
    measures,
    tasks,
    thresholds,
)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("emergence_step", assessment, emergence),
        ("fit_curve", thresholds, emergence),
        ("filter_risk", thresholds, linear_systems),
        ("task_scores", tasks, measures),
        ("hoeffding_interval", tasks, inference),
    ],
)
def test_a_name_that_has_moved_says_where_it_is(name, old, new):
    message = f"{old.__name__}.{name} is {new.__name__}.{name} now; import it from there"
    with pytest.warns(FutureWarning, match=message):
        assert getattr(old, name) is getattr(new, name)


@pytest.mark.parametrize("old", [tasks, thresholds])
def test_all_names_of_rooms_that_are_gone_are_found(old):
    for name in old.__all__:
        with pytest.warns(FutureWarning, match=f"{old.__name__}.{name} is ") as caught:
            found = getattr(old, name)
        assert f".{found.__name__} now; import it from there" in str(caught[0].message)
        assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = old.Nothing
    assert getattr(sklearn_emerge, old.__name__.rpartition(".")[2]) is old


@pytest.mark.parametrize(
    ("old", "room", "new"),
    [
        ("effective_capacity", measures, "capacity"),
        ("gate_activation", measures, "attention_gate"),
        ("head_gates", measures, "attention_head_gates"),
        ("stability_threshold", linear_systems, "shortest_stable_length"),
    ],
)
@pytest.mark.parametrize("in_the_old_room", [False, True])
def test_a_name_that_has_changed_says_what_it_is(old, room, new, in_the_old_room):
    place = thresholds if in_the_old_room else room
    message = f"{place.__name__}.{old} is {room.__name__}.{new} now; import it from there"
    with pytest.warns(FutureWarning, match=message):
        assert getattr(place, old) is getattr(room, new)


CAPACITY = np.array([1.0, 10, 100, 1000, 10_000, 1e5])
RATE = np.array([0.0, 0.05, 0.1, 0.6, 0.7, 0.8])


def test_attributes_that_have_changed_are_found():
    curve = EmergenceCurve(asymptote=0.8).fit(CAPACITY, RATE)
    assert not hasattr(EmergenceCurve(), "threshold_")
    with pytest.warns(FutureWarning, match="threshold_ is location_ now; use that") as caught:
        assert curve.threshold_ == curve.location_
    assert caught[0].filename == __file__
    with pytest.warns(FutureWarning, match="ceiling_ is asymptote_ now"):
        assert curve.ceiling_ == curve.asymptote_
    with pytest.warns(FutureWarning, match='"threshold" is "location" now; pass that'):
        assert curve.interval("threshold") == curve.interval("location")
    markov = MarkovPredictor().fit([[0, 1, 0, 1], [1, 0, 1, 1]])
    with pytest.warns(FutureWarning, match="threshold_ is split_ now"):
        assert markov.threshold_ is markov.split_
    sweep = linear_systems.PredictionRiskSweep(horizons=[100, 1000]).fit()
    with pytest.warns(FutureWarning, match="stability_threshold_ is shortest_stable_length_ now"):
        assert sweep.stability_threshold_ == sweep.shortest_stable_length_
    # Variables of a cube cannot warn.
    assert sweep.cube_.stability_threshold.equals(sweep.cube_.shortest_stable_length)


def test_arguments_that_have_changed_are_taken():
    scores = xr.DataArray(RATE, {"size": CAPACITY}, "size")
    with pytest.warns(FutureWarning, match="threshold= is level= now; pass that") as caught:
        step = emergence.emergence_step(scores.rename(size="step"), threshold=0.5)
    assert step == 1000
    assert caught[0].filename == __file__
    with pytest.warns(FutureWarning, match="ceiling= is asymptote= now"):
        curve = emergence.fit_curve(scores, "size", ceiling=0.8)
    assert curve.asymptote == 0.8
    with pytest.warns(FutureWarning, match="threshold= is location= now"):
        display = EmergenceCurveDisplay(*[RATE] * 6, threshold=(1.0, 2.0, 3.0))
    with pytest.warns(FutureWarning, match="threshold is location now"):
        assert display.threshold == display.location == (1.0, 2.0, 3.0)
    with (
        pytest.warns(FutureWarning, match="ceiling= is asymptote= now"),
        pytest.raises(TypeError, match="pass asymptote= alone"),
    ):
        emergence.fit_curve(scores, "size", ceiling=0.8, asymptote=0.9)


@pytest.mark.parametrize(
    ("estimator", "old", "new", "value", "other", "data"),
    [
        (EmergenceCurve, "ceiling", "asymptote", 0.8, 0.9, (CAPACITY, RATE)),
        (EmergenceCurve, "ceiling", "asymptote", "fit", 0.9, (CAPACITY, RATE)),
        (MarkovPredictor, "threshold", "split", 0.5, 0.6, (np.outer(RATE, RATE),)),
    ],
)
def test_parameters_that_have_changed_are_taken(estimator, old, new, value, other, data):
    expected = estimator(**{new: value}).fit(*data)
    said = rf"{old} of {estimator.__name__} is {new} now; pass {new}={value!r}"
    for model in (estimator(**{old: value}), estimator().set_params(**{old: value})):
        assert clone(model).get_params()[old] == value
        with pytest.warns(FutureWarning, match=said):
            found = clone(model).fit(*data)
        np.testing.assert_array_equal(found.predict(data[0]), expected.predict(data[0]))
    assert repr(estimator()) == f"{estimator.__name__}()"
    with pytest.raises(ValueError, match=f"are one; pass {new} alone"):
        estimator(**{old: value, new: other}).fit(*data)
