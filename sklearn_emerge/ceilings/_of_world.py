"""Which predictor is the best possible one of a world."""

from functools import singledispatch

from ..predictors import MeanPredictor
from ..predictors._base import BasePredictor
from ..worlds import (
    BernoulliWorld,
    DriftWorld,
    FlipFlopWorld,
    LinearSystemWorld,
    NoisyPeriodicWorld,
    OscillatorWorld,
    RegimeWorld,
    SwitchingLinearWorld,
    World,
)
from ..worlds._nulls import ResampleNull, ShuffleNull
from ._exchangeable import ExchangeablePredictor
from ._flip_flop import FlipFlopPredictor
from ._kalman import KalmanPredictor
from ._oscillator import OscillatorPredictor
from ._regime import RegimePredictor


@singledispatch
def best_predictor(world: World) -> BasePredictor:
    """Return the best possible predictor of a world, not fitted.

    Parameters
    ----------
    world : World
        A world with a `ceiling`.

    Returns
    -------
    predictor
        `World.optimal_predictor` fits it, with the likelihood and the noise of the world.

    Raises
    ------
    NotImplementedError
        If nothing says which predictor that is.

    Examples
    --------
    >>> from sklearn_emerge import RegimeWorld
    >>> from sklearn_emerge.ceilings import best_predictor
    >>> type(best_predictor(RegimeWorld())).__name__
    'RegimePredictor'
    """
    raise NotImplementedError(
        f"{type(world).__name__} has a ceiling, but nothing says which predictor reaches it; give "
        "it a method _optimal that returns one, or ceiling = None."
    )


@best_predictor.register
def _(world: DriftWorld) -> BasePredictor:
    return KalmanPredictor(
        Q=world.dynamics_std**2,
        R=world.observation_std**2,
        offset=world.velocity,
        initial_covariance=0.0,
    )


@best_predictor.register
def _(world: FlipFlopWorld) -> BasePredictor:
    return FlipFlopPredictor(world.pulse_probability)


@best_predictor.register
def _(world: SwitchingLinearWorld) -> BasePredictor:
    # Of one regime, which is when there is a ceiling.
    (A,), *matrices, _ = world.system()
    return KalmanPredictor(A, *matrices, initial_covariance=world.stationary()[1][0])


@best_predictor.register
def _(world: LinearSystemWorld | NoisyPeriodicWorld) -> BasePredictor:
    *matrices, initial = world.system()
    return KalmanPredictor(*matrices, initial_covariance=initial)


@best_predictor.register
def _(world: OscillatorWorld) -> BasePredictor:
    return OscillatorPredictor(
        world.omega, world.time_step, world.initial_std, world.observation_std
    )


@best_predictor.register
def _(world: RegimeWorld) -> BasePredictor:
    return RegimePredictor(world.period, world.stay_probability)


@best_predictor.register
def _(world: BernoulliWorld) -> BasePredictor:
    return MeanPredictor(mean=world.probability)


@best_predictor.register
def _(world: ShuffleNull) -> BasePredictor:
    return ExchangeablePredictor()


@best_predictor.register
def _(world: ResampleNull) -> BasePredictor:
    return MeanPredictor(per_step=True, mean=world.world._step_means())
