"""The chaotic flow of Lorenz, and a step of any flow."""

from collections.abc import Callable

import numpy as np

from .._typing import Floats


def lorenz_flow(state: Floats, sigma: float, rho: float, beta: float) -> Floats:
    """Return the velocities of states (x, y, z), which are along the first axis."""
    x, y, z = state
    velocity = np.empty_like(state)
    velocity[0] = sigma * (y - x)
    velocity[1] = x * (rho - z) - y
    velocity[2] = x * y - beta * z
    return velocity


def runge_kutta_step(
    flow: Callable[[Floats], Floats], state: Floats, time_step: float | Floats
) -> Floats:
    """Return states after one step of the classical method of Runge and Kutta, of fourth order.

    Only sums and products of single numbers, which all processors round alike: chaos would
    magnify any difference.
    """
    half = time_step / 2
    first = flow(state)
    second = flow(state + half * first)
    third = flow(state + half * second)
    fourth = flow(state + time_step * third)
    return state + time_step / 6 * (first + 2 * second + 2 * third + fourth)
