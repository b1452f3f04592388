"""The best possible predictor of a regime that is hidden."""

from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.utils._param_validation import Interval

from .._docs import fill_doc
from .._typing import Floats
from ..predictors._base import BasePredictor
from ..worlds import RegimeWorld
from ..worlds._regime import check_stay
from ._base import OptimalPredictor
from ._of_world import best_predictor

# Sequences that are filtered at once.
_CHUNK = 256


@fill_doc
class RegimePredictor(OptimalPredictor):
    r"""Predict by the exact filter of the regime world.

    Over hypotheses h about the first regime (and, with ``known_phase=False``, about the steps
    that had passed since the last flip before the start, uniform over the period),

    .. math::

        P(s_{t+1} = 1 \mid s_0 \ldots s_t) = \sum_h P(h \mid s_0 \ldots s_t)
        \, P(s_{t+1} = 1 \mid s_t, r_{t+1}(h)).

    Parameters
    ----------
    period : int, default=32
        Steps between flips of the regime.
    stay_probability : pair of float, default=(0.9, 0.6)
        Probability that the state stays the same in regime 0 and in regime 1.
    known_phase : bool, default=True
        Whether the times of the flips are known. A predictor without a clock does not know them.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s

    Attributes
    ----------
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Notes
    -----
    Values above one half count as one. With unknown phase it is the optimum for flips at a
    uniformly random time; where they always come at multiples of the period, as in
    `RegimeWorld`, a predictor could learn their times by counting.

    Examples
    --------
    >>> from sklearn_emerge import RegimePredictor
    >>> RegimePredictor(stay_probability=(0.9, 0.5)).fit([[0, 0], [1, 1]]).predict([[1, 1]])
    array([[0.7       , 0.75714286]])
    """

    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "period": [Interval(Integral, 1, None, closed="left")],
        "stay_probability": ["array-like"],
        "known_phase": ["boolean"],
    }

    def __init__(
        self,
        period: int = 32,
        stay_probability: tuple[float, float] = (0.9, 0.6),
        *,
        known_phase: bool = True,
        likelihood: str = "auto",
        noise_std: float | str = "auto",
    ) -> None:
        self.period = period
        self.stay_probability = stay_probability
        self.known_phase = known_phase
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _predict(self, X: Floats) -> Floats:
        state = self._one_channel(X) > 0.5
        stays = self._stays(state.shape[1])
        mean = np.empty(X.shape)
        for start in range(0, len(X), _CHUNK):
            s = state[start : start + _CHUNK]
            stay_next = (_belief(s, stays) * stays.T[1:]).sum(axis=2)
            mean[start : start + _CHUNK, :, 0] = np.where(s, stay_next, 1 - stay_next)
        return mean

    def _forecast(self, X: Floats, n_steps: int) -> Floats:
        """Return the means of steps to come: of each hypothesis a chain, by what is believed."""
        state, n_prompt = self._one_channel(X) > 0.5, X.shape[1]
        stays = self._stays(n_prompt + n_steps - 1)
        mean = np.empty((len(X), n_steps, 1))
        for start in range(0, len(X), _CHUNK):
            s = state[start : start + _CHUNK]
            belief = _belief(s, stays[:, : n_prompt + 1])[:, -1]
            # The probability of a one under each hypothesis.
            one = np.repeat(s[:, -1:].astype(np.float64), len(stays), axis=1)
            for k, stay in enumerate(stays.T[n_prompt:]):
                one = one * stay + (1 - one) * (1 - stay)
                mean[start : start + _CHUNK, k, 0] = (belief * one).sum(axis=1)
        return mean

    def _stays(self, n_steps: int) -> Floats:
        """Return the probability of staying, of each hypothesis and step up to the next one."""
        phase = np.arange(1 if self.known_phase else self.period)
        flips = (np.arange(n_steps + 1) + phase[:, np.newaxis]) // self.period
        regimes = np.concatenate([flips % 2, (1 + flips) % 2])
        return check_stay(self.stay_probability)[regimes]


def _belief(states: NDArray[np.bool_], stays: Floats) -> Floats:
    """Return the posterior of each hypothesis after each step, along the last axis."""
    stayed = np.zeros((*states.shape, 1), dtype=bool)
    stayed[:, 1:, 0] = states[:, 1:] == states[:, :-1]
    with np.errstate(divide="ignore"):
        step = np.where(stayed, np.log(stays.T[:-1]), np.log1p(-stays.T[:-1]))
    step[:, 0] = 0.0
    evidence = step.cumsum(axis=1)
    # Data that are impossible in every regime leave the hypotheses as they were.
    evidence[np.isneginf(evidence).all(axis=2)] = 0.0
    belief: Floats = softmax(evidence, axis=2)
    return belief


@best_predictor.register
def of_regime(world: RegimeWorld) -> BasePredictor:
    """Return the filter of a hidden regime."""
    return RegimePredictor(world.period, world.stay_probability)
