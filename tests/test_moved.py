"""Names that have moved are found where they were, with a warning that says where they are."""

import pytest

import sklearn_emerge
from sklearn_emerge import (
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
        ("head_gates", thresholds, measures),
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
        with pytest.warns(FutureWarning, match=f"{name} now; import it from there") as caught:
            assert getattr(old, name).__name__ == name
        assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = old.Nothing
    assert getattr(sklearn_emerge, old.__name__.rpartition(".")[2]) is old
