"""A limit cycle: one step of its dynamics, and its frequencies."""

from typing import TypeVar

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
