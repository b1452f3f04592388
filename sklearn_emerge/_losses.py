"""What training minimises: the criterion of each likelihood, in torch."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student_t
from torch import nn

from ._typing import Floats

# Means of counts beyond it would overflow.
_LARGEST_LOG_MEAN = 20.7
# Bytes of logits that are reduced at once.
_CHUNK_BYTES = 2**24


class Loss(nn.Module):
    """Negative log-likelihood per step, in nats; subclasses implement `forward`.

    Attributes
    ----------
    no_kernel : str
        Why compiled kernels cannot compute it; empty if they can.
    ratio : ndarray of shape (n_channels,) or None
        What kernels multiply errors by; None stands for the loss of log odds.
    constant : float
        What kernels add.
    tokens : bool
        Whether it is that of logits of tokens.
    """

    no_kernel = "its likelihood has no kernel"
    ratio: NDArray[np.float32] | None = None
    constant = 0.0
    tokens = False

    def at_best_noise(self, losses: Floats) -> Floats:
        """Return what mean losses are under the noise that is best for them, if there is any."""
        return losses


class GaussianLoss(Loss):
    """Negative log-likelihood per step of scaled data, in nats on the raw scale.

    Parameters
    ----------
    noise_std : ndarray of shape (n_channels,)
        Standard deviation on the raw scale.
    scale : ndarray of shape (n_channels,)
        What the data were divided by.
    """

    no_kernel = ""

    def __init__(self, noise_std: ArrayLike, scale: Floats) -> None:
        super().__init__()
        noise_std = np.broadcast_to(noise_std, np.shape(scale))
        ratio = np.asarray(scale / noise_std, dtype=np.float32)
        self.ratio = ratio
        self.register_buffer("_ratio", torch.from_numpy(ratio))
        self.constant = float(np.sum(np.log(noise_std) + 0.5 * np.log(2 * np.pi)))

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over sequences and steps, summed over channels."""
        standardised = (output - target) * self._ratio
        return 0.5 * _per_step(standardised.square()) + self.constant

    def at_best_noise(self, losses: Floats) -> Floats:
        r"""Return what mean losses are under the noise that is best for them.

        .. math:: c + \frac{C}{2} (1 + \log m), \qquad \ell = c + \frac{C}{2} m,

        where m is the mean square error over the C channels in units of the noise of this loss.
        The best one is a multiple of that, the same for all channels, as a loss does not tell
        these apart: with several it is no less than if each had its own.

        Parameters
        ----------
        losses : ndarray
            Means of what `forward` returns.

        Returns
        -------
        ndarray of the same shape
        """
        assert self.ratio is not None
        half = len(self.ratio) / 2
        # What is less is lost in the rounding of the loss.
        least = np.finfo(np.float32).eps * (1 + abs(self.constant))
        square = np.maximum((losses - self.constant) / half, least)
        return self.constant + half * (1 + np.log(square))


class BernoulliLoss(Loss):
    """Negative log-likelihood per step of zeros and ones given log odds, in nats."""

    no_kernel = ""

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over sequences and steps, summed over channels."""
        loss = nn.functional.binary_cross_entropy_with_logits(output, target, reduction="none")
        return _per_step(loss)


class CategoricalLoss(Loss):
    """Negative log-likelihood per step of tokens given logits, in nats."""

    no_kernel = ""
    tokens = True

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over sequences and steps of logits, given tokens of shape (..., 1)."""
        # In single precision, whatever that of the network.
        logits = output.float().flatten(end_dim=-2)
        return _CrossEntropy.apply(logits, target.long().flatten()[:, None])


class CountLoss(Loss):
    """Negative log-likelihood per step of counts given logarithms of their means, in nats.

    Parameters
    ----------
    dispersion : ndarray of shape (n_channels,)
        Dispersion of negative binomial counts; 0 is Poisson.
    """

    def __init__(self, dispersion: Floats) -> None:
        super().__init__()
        # What is less cannot be told from 0 in single precision.
        some = np.asarray(dispersion) > 1e-6
        alpha = np.where(some, dispersion, 1.0).astype(np.float32)
        self.register_buffer("_some", torch.from_numpy(some))
        self.register_buffer("_alpha", torch.from_numpy(alpha))

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over sequences and steps, summed over channels."""
        output = output.float()
        # Beyond 1e9 as its tangent, whose gradient is finite.
        beyond = (output - _LARGEST_LOG_MEAN).relu()
        mean = (output - beyond).exp() * (1 + beyond)
        factorial = torch.lgamma(target + 1)
        poisson = mean - target * output + factorial
        if not self._some.any():
            return _per_step(poisson)
        # In double precision: differences of gamma functions lose digits, but no gradient.
        size = 1 / self._alpha.double()
        chosen = torch.lgamma(target.double() + size) - torch.lgamma(size)
        chosen = (chosen + target.double() * self._alpha.double().log()).float()
        grown = torch.log1p(self._alpha * mean)
        loss = (target + 1 / self._alpha) * grown - target * output - chosen + factorial
        return _per_step(torch.where(self._some, loss, poisson))


class StudentTLoss(Loss):
    """Negative log-likelihood per step of scaled data under Student's t, in nats on the raw scale.

    Parameters
    ----------
    noise_std : ndarray of shape (n_channels,)
        Scale of the noise, in units of the data.
    scale : ndarray of shape (n_channels,)
        What the data were divided by.
    freedom : ndarray of shape (n_channels,)
        Degrees of freedom.
    """

    def __init__(self, noise_std: ArrayLike, scale: Floats, freedom: ArrayLike) -> None:
        super().__init__()
        noise_std = np.broadcast_to(noise_std, np.shape(scale))
        ratio, freedom = (np.asarray(each, np.float32) for each in (scale / noise_std, freedom))
        self.register_buffer("_ratio", torch.from_numpy(ratio))
        self.register_buffer("_freedom", torch.from_numpy(freedom))
        self.constant = float((np.log(noise_std) - student_t.logpdf(0.0, freedom)).sum())

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over sequences and steps, summed over channels."""
        squares = ((output - target) * self._ratio).square()
        tails = torch.log1p(squares / self._freedom)
        return _per_step((self._freedom + 1) / 2 * tails) + self.constant


class _CrossEntropy(torch.autograd.Function):
    """The mean of -log softmax(x)[t], whose gradient takes the place of the logits.

    That of torch takes three more arrays of their size, which for many tokens are most of the
    memory of an update. A second way back through the same logits is an error.
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        parts = logits.split(max(1, _CHUNK_BYTES // (4 * logits.shape[1])))
        normaliser = torch.cat([part.logsumexp(dim=1, keepdim=True) for part in parts])
        ctx.save_for_backward(logits, tokens, normaliser)
        return (normaliser - logits.gather(1, tokens)).mean()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, by_loss: torch.Tensor) -> tuple[torch.Tensor, None]:
        logits, tokens, normaliser = ctx.saved_tensors
        gradient = logits.sub_(normaliser).exp_()
        gradient.scatter_add_(1, tokens, -torch.ones_like(normaliser))
        return gradient.mul_(by_loss / len(logits)), None


def _per_step(loss: torch.Tensor) -> torch.Tensor:
    """Average over sequences and steps, sum over channels."""
    return loss.mean() * loss.shape[-1]
