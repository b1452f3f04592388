"""The best possible predictor of bits that are set by pulses."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from .._docs import fill_doc
from .._typing import Floats
from ..predictors._base import BasePredictor
from ..predictors._roles import ROLES
from ..worlds import FlipFlopWorld
from ._base import OptimalPredictor
from ._of_world import best_predictor


@fill_doc
class FlipFlopPredictor(OptimalPredictor):
    r"""Predict the outputs of a flip-flop from the pulses, which set its bits.

    The bit :math:`b_t` is the sign of the last pulse of its channel, zero before the first, and

    .. math:: E[y_{t+1} \mid u_1 \ldots u_t] = (1 - p)\, b_t, \qquad E[u_{t+1}] = 0,

    because a pulse at the next step, of probability p, sets the bit to either sign. In a task,
    whose outputs are the bits as zeros and ones that the last pulses have set, these are known.

    Parameters
    ----------
    pulse_probability : float, default=0.05
        Probability of a pulse, p, for each bit and step.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous)s
    feedback : bool or "auto", default="auto"
        %(feedback)s

    Attributes
    ----------
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Notes
    -----
    Channels are as in `FlipFlopWorld`: pulses first, and then as many outputs. A single channel
    has pulses alone, which cannot be predicted. In a task (``feedback=False``) they are the outputs
    and then as many pulses, which are exogenous.

    Examples
    --------
    >>> from sklearn_emerge import FlipFlopPredictor
    >>> X = [[[-1.0, -0.8], [0.0, -1.3], [1.0, 1.1], [0.0, 0.7]]] * 2
    >>> FlipFlopPredictor(pulse_probability=0.1, noise_std=1.0).fit(X).predict(X)[0].tolist()
    [[0.0, -0.9], [0.0, -0.9], [0.0, 0.9], [0.0, 0.9]]
    """

    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        **ROLES,
        "pulse_probability": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        pulse_probability: float = 0.05,
        *,
        likelihood: str = "auto",
        noise_std: float | str = "auto",
        n_exogenous: int | str = "auto",
        feedback: bool | str = "auto",
    ) -> None:
        self.pulse_probability = pulse_probability
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_exogenous = n_exogenous
        self.feedback = feedback

    def _fit(self, X: Floats) -> None:
        n_channels, n_exogenous = X.shape[2], self._n_exogenous
        if n_exogenous and (self._feedback or 2 * n_exogenous != n_channels):
            raise ValueError(
                f"FlipFlopPredictor sees n_exogenous={n_exogenous} of {n_channels} channels as "
                "inputs, but in a task they are the bits and as many pulses; pass these, and "
                "feedback=False."
            )
        if n_channels > 1 and n_channels % 2:
            raise ValueError(
                f"FlipFlopPredictor is for as many outputs as pulses, and X has {n_channels} "
                "channels; pass the pulses of all bits, and then their outputs."
            )

    def _predict(self, X: Floats) -> Floats:
        n_bits = X.shape[2] // 2
        pulses = X[:, :, :n_bits] if self._feedback else self._seen(X)
        steps = np.arange(X.shape[1])[:, np.newaxis]
        last = np.maximum.accumulate(np.where(pulses != 0, steps, 0), axis=1)
        bits = np.sign(np.take_along_axis(pulses, last, axis=1))
        if not self._feedback:
            return (bits + 1) / 2
        mean = np.zeros_like(X)
        if n_bits:
            mean[:, :, n_bits:] = (1 - self.pulse_probability) * bits
        return mean

    def _forecast(self, X: Floats, n_steps: int) -> Floats:
        """Return the means of steps to come: a bit stays until a pulse, and is either after it."""
        kept = (1 - self.pulse_probability) ** np.arange(n_steps)
        return self._last(X)[:, np.newaxis] * kept[:, np.newaxis]


@best_predictor.register
def of_flip_flop(world: FlipFlopWorld) -> BasePredictor:
    """Return what is predicted from the bits that pulses have set."""
    return FlipFlopPredictor(world.pulse_probability)
