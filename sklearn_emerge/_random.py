"""Random streams: everything random derives from a `SeedSequence`, nothing from global state."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from ._typing import RandomState


def seed_sequence(
    random_state: RandomState | Sequence[int] = None,
) -> np.random.SeedSequence:
    """Turn any accepted `random_state` into a fresh `numpy.random.SeedSequence`.

    Parameters
    ----------
    random_state : None, int, sequence of int, SeedSequence, Generator or RandomState, default=None
        None draws entropy from the operating system. Integers, or a SeedSequence, always
        stand for the same stream. A Generator or RandomState is advanced by the call.

    Returns
    -------
    numpy.random.SeedSequence
    """
    if isinstance(random_state, np.random.SeedSequence):
        return random_state
    if isinstance(random_state, np.random.Generator):
        return np.random.SeedSequence(random_state.integers(2**32, size=4).tolist())
    if isinstance(random_state, np.random.RandomState):
        return np.random.SeedSequence(random_state.randint(2**32, size=4, dtype=np.uint32).tolist())
    try:
        return np.random.SeedSequence(random_state)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"random_state={random_state!r} cannot seed a random stream; pass a non-negative "
            "integer, a numpy Generator or None."
        ) from error


def substream(
    random_state: RandomState | Sequence[int], *identity: str | int
) -> np.random.SeedSequence:
    """Derive the stream that belongs to `identity`, whatever else is derived before or after.

    Parameters
    ----------
    random_state : see `seed_sequence`
        The parent stream.
    *identity : str or int
        What the stream is for, for instance ``("train",)`` or ``("model", 3)``.

    Returns
    -------
    numpy.random.SeedSequence
    """
    parent = seed_sequence(random_state)
    words = tuple(crc32(part.encode()) if isinstance(part, str) else part for part in identity)
    return np.random.SeedSequence(parent.entropy, spawn_key=parent.spawn_key + words)


def integer_seed(stream: np.random.SeedSequence) -> int:
    """Reduce a stream to one 32-bit integer, for estimators that take an integer seed."""
    return int(stream.generate_state(1)[0])
