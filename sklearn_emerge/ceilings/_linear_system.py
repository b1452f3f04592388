"""The best possible predictor of a linear system: its Kalman filter."""

from ..predictors._base import BasePredictor
from ..worlds import LinearSystemWorld
from ._kalman import KalmanPredictor
from ._of_world import best_predictor


@best_predictor.register
def of_linear_system(world: LinearSystemWorld) -> BasePredictor:
    """Return the Kalman filter of a linear system."""
    *matrices, initial = world.system()
    return KalmanPredictor(*matrices, initial_covariance=initial, B=world.B)
