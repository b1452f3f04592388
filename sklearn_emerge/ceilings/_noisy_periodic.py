"""The best possible predictor of a noisy cycle: its Kalman filter."""

from ..predictors._base import BasePredictor
from ..worlds import NoisyPeriodicWorld
from ._kalman import KalmanPredictor
from ._of_world import best_predictor


@best_predictor.register
def of_noisy_cycle(world: NoisyPeriodicWorld) -> BasePredictor:
    """Return the Kalman filter of a rotation that is seen through noise."""
    *matrices, initial = world.system()
    return KalmanPredictor(*matrices, initial_covariance=initial)
