"""The best possible predictors of nulls."""

from ..predictors import MeanPredictor
from ..predictors._base import BasePredictor
from ..worlds import ResampleNull, ShuffleNull
from ._exchangeable import ExchangeablePredictor
from ._of_world import best_predictor


@best_predictor.register
def of_shuffled(world: ShuffleNull) -> BasePredictor:
    """Return the best linear predictor of sequences whose order says nothing."""
    return ExchangeablePredictor()


@best_predictor.register
def of_resampled(world: ResampleNull) -> BasePredictor:
    """Return the means of each step of the world that is resampled."""
    return MeanPredictor(per_step=True, mean=world.world.step_means())
