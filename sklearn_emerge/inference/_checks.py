"""Checks of samples, levels and sources of draws."""

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from .._typing import Floats, RandomState
from .._validation import as_numbers


def check_alpha(alpha: float, name: str = "alpha") -> None:
    """Raise a ValueError unless `alpha` is a number strictly between 0 and 1."""
    if not isinstance(alpha, Real) or isinstance(alpha, bool) or not 0 < alpha < 1:
        raise ValueError(
            f"{name}={alpha!r} is not a level; pass a number strictly between 0 and 1, like 0.05."
        )


def check_number(number: float, name: str) -> Floats:
    """Return a number as an array; raise a ValueError unless it is one finite number."""
    value = as_numbers(number, name)
    if value.ndim or not np.isfinite(value):
        raise ValueError(
            f"{name}={number!r} must be one finite number; pass a difference like 0.01."
        )
    return value


def check_sample(values: ArrayLike, name: str) -> Floats:
    """Return a sample as an array; raise a ValueError unless it is two finite numbers or more."""
    values = as_numbers(values, name)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(
            f"{name} has shape {values.shape}; a test needs one dimension of at least 2 values."
        )
    if not np.isfinite(values).all():
        raise ValueError(f"{name}={values.tolist()} must be finite; drop the failed runs first.")
    return values


def make_generator(random_state: RandomState) -> np.random.Generator:
    """Return the generator that a `random_state` stands for; a generator is used as it is."""
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"random_state={random_state!r} is no source of draws; pass a non-negative integer, a "
            "numpy Generator or None."
        ) from error
