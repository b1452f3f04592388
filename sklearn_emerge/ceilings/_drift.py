"""The best possible predictor of a drift: its Kalman filter."""

from ..predictors._base import BasePredictor
from ..worlds import DriftWorld
from ._kalman import KalmanPredictor
from ._of_world import best_predictor


@best_predictor.register
def of_drift(world: DriftWorld) -> BasePredictor:
    """Return the Kalman filter of a point that drifts."""
    return KalmanPredictor(
        Q=world.dynamics_std**2,
        R=world.observation_std**2,
        offset=world.velocity,
        initial_covariance=0.0,
    )
