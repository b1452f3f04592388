"""The loss of outputs given targets, for use in compiled kernels; of tokens see `_softmax`."""

import math

from numba import njit

from ._compile import ARITHMETIC
from ._vector import LANES, tanh

_inline = njit(inline="always", **ARITHMETIC)


@_inline
def likelihood(out, d_out, ratio, bernoulli, weight, lanes):
    """Replace targets in `d_out` by the gradient of the loss times `weight`; return the loss.

    Rows of `LANES` belong to one channel after another; what is beyond the lanes that count stays.
    Gaussian of standard deviation 1 / ratio, without its constant, or Bernoulli with `out` as log
    odds; summed, in nats.
    """
    total, channel = 0.0, 0
    for first in range(0, len(out), LANES):
        n = min(lanes, len(out) - first)
        if bernoulli:
            total += _bernoulli(out, d_out, first, n, weight)
        elif n == LANES:
            # How many there are is a constant of the code then, which is faster.
            total += _gaussian(out, d_out, first, LANES, ratio[channel], weight)
        else:
            total += _gaussian(out, d_out, first, n, ratio[channel], weight)
        channel = channel + 1 if channel + 1 < len(ratio) else 0
    return total


@_inline
def _gaussian(out, d_out, first, n, ratio, weight):
    half, scale = out.dtype.type(0.5), weight * ratio
    total = out.dtype.type(0)
    for k in range(first, first + n):
        error = (out[k] - d_out[k]) * ratio
        total += half * error * error
        d_out[k] = scale * error
    return total


@_inline
def _bernoulli(out, d_out, first, n, weight):
    half = out.dtype.type(0.5)
    # One logarithm for many entries: none of the factors is below a half.
    total, product = out.dtype.type(0), out.dtype.type(1)
    for k in range(first, first + n):
        log_odds = out[k]
        likelier = half + half * tanh(half * abs(log_odds))
        product *= likelier
        total += max(log_odds, 0) - log_odds * d_out[k]
        d_out[k] = weight * (half + half * tanh(half * log_odds) - d_out[k])
    return total - math.log(product)
