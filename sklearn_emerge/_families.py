"""What is minimised by generalised linear models: the loss of a target given a linear output."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, softmax

from ._tokens import as_indices
from ._typing import Floats

# Beyond it a mean is out of every use, and its square would leave double precision.
_LARGEST_OUTPUT = 50.0


class Family(ABC):
    """A loss that is convex in the output, which is linear in features.

    Attributes
    ----------
    coupled : bool
        Whether the targets of a row are one choice.
    """

    coupled = False

    @abstractmethod
    def mean(self, output: Floats) -> Floats:
        """Return the means that outputs stand for."""

    @abstractmethod
    def inside(self, mean: Floats) -> Floats:
        """Return means of targets, off the edge of what is possible."""

    @abstractmethod
    def output(self, mean: Floats) -> Floats:
        """Return the outputs that stand for means."""

    @abstractmethod
    def curvature(self, mean: Floats) -> Floats:
        """Return the expected second derivative of the loss by the output."""

    @abstractmethod
    def losses(self, output: Floats, targets: Floats) -> tuple[float, Floats]:
        """Return the sum of the losses of rows, and their derivatives by the outputs."""


class Logistic(Family):
    """Zeros and ones, given log odds."""

    def mean(self, output: Floats) -> Floats:
        """Return probabilities."""
        return expit(output)

    def inside(self, mean: Floats) -> Floats:
        """Return shares inside [1e-6, 1 - 1e-6]."""
        return np.clip(mean, 1e-6, 1 - 1e-6)

    def output(self, mean: Floats) -> Floats:
        """Return log odds."""
        return np.log(mean / (1 - mean))

    def curvature(self, mean: Floats) -> Floats:
        """Return the variances."""
        return mean * (1 - mean)

    def losses(self, output: Floats, targets: Floats) -> tuple[float, Floats]:
        """Return the sum of log(1 + exp(x)) - t x, and derivatives."""
        loss = (np.logaddexp(0.0, output) - targets * output).sum()
        return loss, expit(output) - targets


class Softmax(Logistic):
    """One choice a row, given logits."""

    coupled = True

    def mean(self, output: Floats) -> Floats:
        """Return probabilities that sum to 1."""
        return softmax(output, axis=-1)

    def output(self, mean: Floats) -> Floats:
        """Return logits."""
        return np.log(mean)

    def losses(self, output: Floats, targets: Floats) -> tuple[float, Floats]:
        """Return the sum of log sum exp(x) - x[t], and derivatives; changes the output.

        Targets are which one was chosen, of shape (n_rows, 1).
        """
        # In place, which is faster.
        output -= output.max(axis=1, keepdims=True)
        chosen = np.arange(len(output)), as_indices(targets)
        loss = -output[chosen].sum()
        np.exp(output, out=output)
        total = output.sum(axis=1, keepdims=True)
        output /= total
        output[chosen] -= 1
        return loss + np.log(total).sum(), output


class Counts(Family):
    r"""Counts, given the logarithm of their mean.

    The loss of negative binomial counts is, up to what does not depend on the output x,

    .. math:: (t + 1 / \alpha) \log(1 + \alpha e^x) - t x,

    which is convex, and tends to that of Poisson counts, :math:`e^x - t x`, as the dispersion
    :math:`\alpha` goes to 0.

    Parameters
    ----------
    dispersion : float or ndarray of shape (n_targets,), default=0.0
        Dispersion; 0 is Poisson.
    """

    def __init__(self, dispersion: ArrayLike = 0.0) -> None:
        self.dispersion = np.asarray(dispersion, dtype=np.float64)

    def mean(self, output: Floats) -> Floats:
        """Return the exponentials."""
        return np.exp(np.minimum(output, _LARGEST_OUTPUT))

    def inside(self, mean: Floats) -> Floats:
        """Return means of at least 1e-6."""
        return np.maximum(mean, 1e-6)

    def output(self, mean: Floats) -> Floats:
        """Return logarithms."""
        return np.log(mean)

    def curvature(self, mean: Floats) -> Floats:
        """Return the squared mean over the variance."""
        return mean / (1 + self.dispersion * mean)

    def losses(self, output: Floats, targets: Floats) -> tuple[float, Floats]:
        """Return the sum of the losses, and derivatives."""
        mean = self.mean(output)
        if not self.dispersion.any():
            return (mean - targets * output).sum(), mean - targets
        grown = np.log1p(self.dispersion * mean)
        some = np.where(self.dispersion > 0, self.dispersion, 1.0)
        normalised = np.where(self.dispersion > 0, grown / some, mean)
        loss = (targets * grown + normalised - targets * output).sum()
        return loss, (mean - targets) / (1 + self.dispersion * mean)
