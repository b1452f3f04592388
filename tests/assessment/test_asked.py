"""What is asked or told of a user's own data before training, and that the remedies work."""

import warnings

import numpy as np
import pytest

from sklearn_emerge import EmergenceAssessment, FunctionWorld, GRUPredictor
from sklearn_emerge._dims import labelled
from sklearn_emerge.assessment._prepare import check_plan, make_plan
from sklearn_emerge.worlds import World

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(3.0, (40, 20))


def planned(data, y=None, *, model=None, **options):
    """Return the plan of an assessment, after all that is checked before training."""
    world = data if isinstance(data, World) else None
    model = GRUPredictor(2, max_steps=1) if model is None else model
    options = {"reservoir_sizes": None, "progress": False, "random_state": 0} | options
    assessment = EmergenceAssessment(world, model, **options)
    assessment._validate_params()
    X, y = labelled(None if world is not None else data, y, "y")
    plan = make_plan(assessment, X, y)
    check_plan(plan, y)
    return plan


def of(likelihood):
    return GRUPredictor(2, max_steps=1, likelihood=likelihood)


def counts(n_sequences, rng):
    return rng.poisson(3.0, (n_sequences, 20))


def test_integers_of_a_function_are_asked_for_as_those_of_an_array_are():
    for data in (FunctionWorld(counts), COUNTS):
        with pytest.raises(ValueError, match=r"integers, 0 to \d+, .*poisson.*tokens.*float\)"):
            planned(data)
    for options in (
        {"model": of("poisson")},
        {"model": of("gaussian")},
        {"param_grid": {"likelihood": ["poisson", "negative_binomial"]}},
    ):
        assert planned(FunctionWorld(counts), **options)
    assert planned(FunctionWorld(lambda n, rng: counts(n, rng).astype(float)))
    assert planned(FunctionWorld(lambda n, rng: counts(n, rng) % 4, observation="token", n_tokens=4))
    assert planned(FunctionWorld(lambda n, rng: counts(n, rng) % 2, observation="binary"))
