"""A limit cycle: one step of its dynamics, its frequencies, and what is known of both."""

import math
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from .._typing import Floats

# A number, or one of each of many states.
Numbers = TypeVar("Numbers", float, Floats)


def frequencies_of(omega: ArrayLike, n_steps: int) -> Floats:
    """Return the angular frequency of each step."""
    frequencies = np.asarray(omega, dtype=np.float64)
    if frequencies.shape not in ((), (2,)) or not np.isfinite(frequencies).all():
        raise ValueError(
            f"omega={omega!r} is neither a frequency nor a pair (first, last); pass a "
            "finite number or two."
        )
    start, stop = np.broadcast_to(frequencies, 2)
    return np.linspace(start, stop, n_steps)


def euler_step(
    x: Numbers, y: Numbers, frequency: float, time_step: float
) -> tuple[Numbers, Numbers]:
    """Return both coordinates after one step of the dynamics."""
    growth = 1.0 - x**2 - y**2
    return (
        x + time_step * (growth * x - frequency * y),
        y + time_step * (growth * y + frequency * x),
    )


class LimitCycle(NamedTuple):
    """The cycle that states of the oscillator end on."""

    period: float
    """Steps of a turn."""
    radius: float
    multiplier: float
    """The factor by which a small distance from the cycle shrinks in a step."""


def euler_cycle(frequency: float, time_step: float) -> LimitCycle | None:
    r"""Return the limit cycle of the steps of `euler_step`, or None if there is none.

    A step multiplies :math:`x + i y` by :math:`1 + h (1 - r^2) + i h \omega`. On the cycle this has
    a modulus of 1, so that :math:`r^2 = 1 + (1 - c) / h` with :math:`c = \sqrt{1 - h^2 \omega^2}`,
    its angle is :math:`\arcsin h \omega`, and the slope of the step in r is
    :math:`1 - 2 h r^2 c`. Without a frequency every state on the circle rests.

    Parameters
    ----------
    frequency : float
        Angular frequency, in radians per unit of time.
    time_step : float
        Length of a step in units of time.

    Returns
    -------
    LimitCycle or None
    """
    turned = time_step * frequency
    if not 0 < abs(turned) <= 1:
        return None
    cosine = math.sqrt(1 - turned**2)
    square = 1 + (1 - cosine) / time_step
    multiplier = 1 - 2 * time_step * square * cosine
    if abs(multiplier) >= 1:
        return None
    return LimitCycle(2 * math.pi / math.asin(abs(turned)), math.sqrt(square), multiplier)


def euler_rest_jacobian(frequency: float, time_step: float) -> Floats:
    """Return the Jacobian of a step at the origin, where the oscillator rests."""
    turned = time_step * frequency
    return np.array([[1 + time_step, -turned], [turned, 1 + time_step]])
