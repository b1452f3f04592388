"""Coins."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval

from .._typing import Floats
from ._base import World
from ._sample import Sample


class BernoulliWorld(World):
    """Independent binary observations: nothing to learn but their frequency.

    The null of the regime world in *Emergence Without Scale*.

    Parameters
    ----------
    probability : float, default=0.5
        Probability of a one.
    n_steps : int, default=128
        Length of a sequence.

    Examples
    --------
    >>> from sklearn_emerge import BernoulliWorld
    >>> BernoulliWorld(probability=1.0, n_steps=4).sample(1).X
    array([[1., 1., 1., 1.]])
    """

    observation = "binary"
    noise_std = 0.05
    input_scaling = None
    null_kinds = ("shuffle", "resample")
    ceiling = "exact"
    _parameter_constraints = {
        "probability": [Interval(Real, 0, 1, closed="both")],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(self, probability: float = 0.5, n_steps: int = 128) -> None:
        self.probability = probability
        self.n_steps = n_steps

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        rng = np.random.default_rng(stream)
        X = rng.random((n_sequences, self.n_steps)) < self.probability
        return Sample(X.astype(np.float64))

    def step_means(self) -> Floats:
        """Return the expected observation at each step, which is known."""
        return np.full(self.n_steps, float(self.probability))
