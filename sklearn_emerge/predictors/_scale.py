"""The scale of channels: by training sequences, or all recordings where it is known."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from .._missing import observed_only
from .._typing import Floats
from .._validation import constant_channels

# A function that returns the standard deviation of each channel over all recordings, of which
# training sequences are a part in which a channel may be constant.
Spread = Callable[[], Floats | None]
_SPREAD: ContextVar[Spread] = ContextVar("spread", default=lambda: None)


def center_and_scale(X: Floats, *, recorded: bool = True) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each channel; 1 where it is constant.

    If the spread over all recordings is known, it is that where a channel is constant, but for
    exogenous channels (`recorded` is False). Missing steps have no part in it.
    """
    X = observed_only(X)
    center, scale = X.mean(axis=(0, 1)), X.std(axis=(0, 1))
    constant = constant_channels(X) | (scale <= 8 * np.finfo(np.float64).eps * np.abs(center))
    scale = np.where(constant, 1.0, scale)
    spread = spread_of_constant(X) if recorded else None
    return center, scale if spread is None else np.where(spread > 0, spread, scale)


def spread_of_constant(X: Floats) -> Floats | None:
    """Return the spread over all recordings of channels that are constant, NaN of others.

    None if no channel is, or the spread is not known.
    """
    constant = constant_channels(X)
    spread = _SPREAD.get()() if constant.any() else None
    return None if spread is None else np.where(constant, spread, np.nan)


@contextmanager
def spread_known(spread: Spread) -> Iterator[None]:
    """Let predictors that are fitted here know the spread over all recordings.

    Parameters
    ----------
    spread : callable
        Returns the standard deviation of each channel, or None; called if a channel is constant.
    """
    token = _SPREAD.set(spread)
    try:
        yield
    finally:
        _SPREAD.reset(token)
