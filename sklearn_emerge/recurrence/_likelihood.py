"""The loss of outputs given targets, for use in compiled kernels; of tokens see `_softmax`."""

import math

from numba import njit

from ._compile import ARITHMETIC
from ._vector import LANES, tanh


@njit(inline="always", **ARITHMETIC)
def likelihood(out, d_out, ratio, bernoulli, weight, lanes):
    """Replace targets in `d_out` by the gradient of the loss times `weight`; return the loss.

    Rows of `LANES` belong to one channel after another; what is beyond the lanes that count stays.
    Gaussian of standard deviation 1 / ratio, without its constant, or Bernoulli with `out` as log
    odds; summed, in nats.
    """
    half = out.dtype.type(0.5)
    total, channel = 0.0, 0
    for first in range(0, len(out), LANES):
        last = min(first + lanes, len(out))
        o, d = out[first:last], d_out[first:last]
        part = out.dtype.type(0)
        if bernoulli:
            # One logarithm for many entries: none of the factors is below a half.
            product = out.dtype.type(1)
            for k in range(len(o)):
                likelier = half + half * tanh(half * abs(o[k]))
                product *= likelier
                part += max(o[k], 0) - o[k] * d[k]
                d[k] = weight * (half + half * tanh(half * o[k]) - d[k])
            total -= math.log(product)
        else:
            of_channel = ratio[channel]
            for k in range(len(o)):
                error = (o[k] - d[k]) * of_channel
                part += half * error * error
                d[k] = weight * of_channel * error
        total += part
        channel = channel + 1 if channel + 1 < len(ratio) else 0
    return total
