"""The best possible predictor of bits that are set by pulses."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from .._docs import fill_doc
from .._typing import Floats
from ..predictors._base import BasePredictor
from ..worlds import FlipFlopWorld
from ._base import OptimalPredictor
from ._of_world import best_predictor


@fill_doc
class FlipFlopPredictor(OptimalPredictor):
    r"""Predict the outputs of a flip-flop from the pulses, which set its bits.

    The bit :math:`b_t` is the sign of the last pulse of its channel, zero before the first, and

    .. math:: E[y_{t+1} \mid u_1 \dots u_t] = (1 - p)\, b_t, \qquad E[u_{t+1}] = 0,

    because a pulse at the next step, of probability p, sets the bit to either sign.

    Parameters
    ----------
    pulse_probability : float, default=0.05
        Probability of a pulse, p, for each bit and step.
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
    Channels are as in `FlipFlopWorld`: pulses first, and then as many outputs. A single channel
    has pulses alone, which cannot be predicted.

    Examples
    --------
    >>> from sklearn_emerge import FlipFlopPredictor
    >>> X = [[[-1.0, -0.8], [0.0, -1.3], [1.0, 1.1], [0.0, 0.7]]] * 2
    >>> FlipFlopPredictor(pulse_probability=0.1, noise_std=1.0).fit(X).predict(X)[0].tolist()
    [[0.0, -0.9], [0.0, -0.9], [0.0, 0.9], [0.0, 0.9]]
    """

    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "pulse_probability": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        pulse_probability: float = 0.05,
        *,
        likelihood: str = "auto",
        noise_std: float | str = "auto",
    ) -> None:
        self.pulse_probability = pulse_probability
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _fit(self, X: Floats) -> None:
        n_channels = X.shape[2]
        if n_channels > 1 and n_channels % 2:
            raise ValueError(
                f"FlipFlopPredictor is for as many outputs as pulses, and X has {n_channels} "
                "channels; pass the pulses of all bits, and then their outputs."
            )

    def _predict(self, X: Floats) -> Floats:
        n_bits = X.shape[2] // 2
        pulses = X[:, :, :n_bits]
        steps = np.arange(X.shape[1])[:, np.newaxis]
        last = np.maximum.accumulate(np.where(pulses != 0, steps, 0), axis=1)
        bits = np.sign(np.take_along_axis(pulses, last, axis=1))
        mean = np.zeros_like(X)
        if n_bits:
            mean[:, :, n_bits:] = (1 - self.pulse_probability) * bits
        return mean


@best_predictor.register
def of_flip_flop(world: FlipFlopWorld) -> BasePredictor:
    """Return what is predicted from the bits that pulses have set."""
    return FlipFlopPredictor(world.pulse_probability)
