"""The truth that closed loops are held against: a world whose flow is exact."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import Floats
from ..worlds import Sample
from ..worlds._nulls import Null


def exact_world(sample: Sample, what: str) -> Any:
    """Return the world of a sample, whose flow is exact and moves quantities.

    Parameters
    ----------
    sample : Sample
        Sequences, as `World.sample` returns them.
    what : str
        What is asked for, as messages name it.

    Returns
    -------
    World or None
        None of a null, of which no flow is known.

    Raises
    ------
    ValueError
        If there is no such world, or there are no latents.
    """
    world = sample.get("world") if isinstance(sample, Mapping) else None
    if isinstance(world, Null):
        return None
    remedy = (
        "pass a sample of a world with flow_kind='exact' and latent_kind='continuous', as "
        "OscillatorWorld().sample(100) is, with its latents."
    )
    if world is None:
        raise ValueError(f"sample has no world, and {what} needs the flow of one; {remedy}")
    kinds = world.flow_kind, world.latent_kind
    if kinds != ("exact", "continuous"):
        raise ValueError(
            f"{type(world).__name__} has flow_kind={kinds[0]!r} and latent_kind={kinds[1]!r}, and "
            f"{what} needs quantities that go on without noise; {remedy}"
        )
    if sample.get("latents") is None:
        raise ValueError(f"sample has no latents, which {what} starts from; {remedy}")
    return world


def continuation(world: Any, sample: Sample, n_prompt: int, n_steps: int) -> Floats:
    """Return what a world shows without noise behind the first steps of its sequences.

    Parameters
    ----------
    world : World
        From `exact_world`.
    sample : Sample
        Its sequences.
    n_prompt, n_steps : int
        Steps before, and steps that are returned.

    Returns
    -------
    ndarray of shape (n_sequences, n_steps, n_channels)
    """
    following = world.flow(sample.latents[:, n_prompt - 1], n_steps, start=n_prompt - 1)
    return with_channels(world.emission(following))


def with_channels(X: NDArray[Any]) -> Floats:
    """Return sequences with an axis of channels."""
    X = np.asarray(X, dtype=np.float64)
    return X if X.ndim == 3 else X[:, :, np.newaxis]
