"""The best possible predictor of a switching linear system of one regime: its Kalman filter."""

from ..predictors._base import BasePredictor
from ..worlds import SwitchingLinearWorld
from ._kalman import KalmanPredictor
from ._of_world import best_predictor


@best_predictor.register
def of_one_regime(world: SwitchingLinearWorld) -> BasePredictor:
    """Return the Kalman filter of the only regime, which is when there is a ceiling."""
    (A,), *matrices, _ = world.system()
    return KalmanPredictor(A, *matrices, initial_covariance=world.stationary()[1][0])
