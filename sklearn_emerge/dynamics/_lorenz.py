"""The chaotic flow of Lorenz and where it rests, and a step of any flow."""

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


def lorenz_rest_points(sigma: float, rho: float, beta: float) -> Floats | None:
    """Return the states of shape (n_points, 3) at which the flow of Lorenz rests.

    The origin and, if `rho` is above 1, the middles of both wings; None if they fill a line.
    """
    if sigma == 0 or beta == 0:
        return None
    if rho <= 1:
        return np.zeros((1, 3))
    x = np.sqrt(beta * (rho - 1))
    return np.array([[0, 0, 0], [-x, -x, rho - 1], [x, x, rho - 1]])


def lorenz_jacobian(state: Floats, sigma: float, rho: float, beta: float) -> Floats:
    """Return the Jacobian of the velocity at one state."""
    x, y, z = state
    return np.array([[-sigma, sigma, 0.0], [rho - z, -1.0, -x], [y, x, -beta]])


def runge_kutta_rest_jacobian(jacobian: Floats, time_step: float) -> Floats:
    r"""Return the Jacobian of a step of `runge_kutta_step` at a rest point of the flow.

    All four stages are at the same state there, so that it is the Taylor polynomial of
    :math:`\exp(h J)` to fourth order.

    Parameters
    ----------
    jacobian : ndarray of shape (n_states, n_states)
        That of the velocity at the rest point, J.
    time_step : float
        Length of the step, h.

    Returns
    -------
    ndarray of shape (n_states, n_states)
    """
    identity, scaled = np.eye(len(jacobian)), time_step * jacobian
    # By Horner's rule.
    step = identity
    for n in (4, 3, 2, 1):
        step = identity + scaled @ step / n
    return step
