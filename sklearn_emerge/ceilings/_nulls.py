"""The best possible predictors of nulls."""

from ..predictors import MeanPredictor
from ..predictors._base import BasePredictor
from ..worlds import ExchangeNull, ResampleNull, ShuffleNull
from ._exchangeable import ExchangeablePredictor
from ._of_world import best_predictor


@best_predictor.register
def of_shuffled(world: ShuffleNull) -> BasePredictor:
    """Return the best linear predictor of sequences whose order says nothing."""
    return ExchangeablePredictor()


@best_predictor.register(ResampleNull)
@best_predictor.register(ExchangeNull)
def of_resampled(world: ResampleNull | ExchangeNull) -> BasePredictor:
    """Return the means of each step of the world that is resampled, or has others' inputs."""
    return MeanPredictor(per_step=True, mean=world.world.step_means())
