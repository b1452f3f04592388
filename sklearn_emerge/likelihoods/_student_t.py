"""Quantities with heavy tails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, stdtrit
from scipy.stats import t as student_t

from .._typing import Floats
from ._base import Pairs
from ._gaussian import Gaussian

if TYPE_CHECKING:
    from .._losses import Loss

# Degrees of freedom: with the most of them it is a Gaussian.
_LEAST, _MOST = 0.1, 1e4
# The scale is no less than this times the root mean square, so that equal values end no search.
_NARROWEST = 1e-3


class StudentT(Gaussian):
    r"""Quantities, around whose means there is noise with the tails of Student's t.

    .. math:: -\log p(x) = \log \sigma + \frac{\nu + 1}{2}
              \log\Big(1 + \frac{(x - \mu)^2}{\nu \sigma^2}\Big) + c(\nu)

    Scale :math:`\sigma` and degrees of freedom :math:`\nu` of a channel are those of greatest
    likelihood of its residuals in training. Where the head is fitted in closed form, these are
    enlarged first to the root mean square of sequences left out. A scale that is given stays. The
    head in closed form is the ridge regression, whose penalty is chosen by square error.
    """

    name = "student_t"

    def criterion(
        self, noise_std: float | Floats, scale: Floats, shape: Floats | None = None
    ) -> Loss:
        """Return the loss on the scale of the data."""
        from .._losses import StudentTLoss

        assert shape is not None
        return StudentTLoss(noise_std, scale, shape)

    def settle(self, noise_std: Floats, given: bool, pairs: Pairs) -> tuple[Floats, Floats]:
        """Return scales and degrees of freedom."""
        x, mean = pairs()
        apart = (x - mean).reshape(-1, x.shape[-1])
        noise_std = np.broadcast_to(noise_std, apart.shape[1])
        fits = [
            _fit(of_channel[np.isfinite(of_channel)], std, given)
            for of_channel, std in zip(apart.T, noise_std, strict=True)
        ]
        scale, freedom = np.array(fits).T
        return scale, freedom

    def log_density(
        self, x: Floats, mean: Floats, noise_std: float | Floats, shape: Floats | None = None
    ) -> Floats:
        """Return the log density of each channel, in nats."""
        return student_t.logpdf(x, _MOST if shape is None else shape, mean, noise_std)

    def draw(
        self, mean: Floats, uniforms: Floats, noise_std: float | Floats, shape: Floats | None = None
    ) -> Floats:
        """Return quantities, some of them far away."""
        return mean + noise_std * stdtrit(_MOST if shape is None else shape, uniforms)


def _fit(apart: Floats, std: float, given: bool) -> tuple[float, float]:
    """Return scale and degrees of freedom of residuals, enlarged to a root mean square."""
    size = np.sqrt((apart**2).mean())
    if not size > 0:
        return std, _MOST
    # In units of the scale that is given, or of the root mean square.
    unit = std if given else max(std, size)
    squares = (apart / (std if given else size)) ** 2

    def loss(params: Floats) -> tuple[float, Floats]:
        log_scale, nu = (0.0, np.exp(params[0])) if given else (params[0], np.exp(params[1]))
        scaled = squares * np.exp(-2 * log_scale)
        grown = np.log1p(scaled / nu)
        pull = (nu + 1) * scaled / (nu + scaled)
        density = student_t.logpdf(0.0, nu) - log_scale - (nu + 1) / 2 * grown.mean()
        by_nu = (digamma((nu + 1) / 2) - digamma(nu / 2) - 1 / nu - grown.mean()) / 2
        by_nu += pull.mean() / (2 * nu)
        slope = [-nu * by_nu] if given else [1 - pull.mean(), -nu * by_nu]
        return -density, np.array(slope)

    bounds = [(np.log(_LEAST), np.log(_MOST))]
    # The middle half of a Gaussian is within .67 standard deviations.
    start = [np.log(max(np.sqrt(np.median(squares)) / 0.6745, 2 * _NARROWEST)), np.log(5.0)]
    if given:
        start = start[1:]
    else:
        bounds = [(np.log(_NARROWEST), np.log(2.0)), *bounds]
    found = minimize(
        loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"gtol": 1e-9, "ftol": 0}
    ).x
    return (unit if given else unit * float(np.exp(found[0]))), float(np.exp(found[-1]))
