"""The best possible predictor of coins."""

from ..predictors import MeanPredictor
from ..predictors._base import BasePredictor
from ..worlds import BernoulliWorld
from ._of_world import best_predictor


@best_predictor.register
def of_bernoulli(world: BernoulliWorld) -> BasePredictor:
    """Return how often coins show a one."""
    return MeanPredictor(mean=world.probability)
