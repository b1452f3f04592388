"""How many seeds and sequences there are, and where their randomness comes from."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .._random import substream
from ..worlds import Sample, World
from ..worlds._finite import FiniteWorld

Part = TypeVar("Part")
# The design, the world and the splits of the last that were drawn, within `splits_kept`.
_KEPT: ContextVar[list[Any] | None] = ContextVar("kept", default=None)


@dataclass(frozen=True)
class Design:
    """Seeds, and the sequences that each has.

    Attributes
    ----------
    n_seeds, n_train, n_eval : int
        Numbers of seeds, and of sequences for training and evaluation.
    shared_data : bool
        Whether all seeds train and are evaluated on the same sequences.
    entropy : list of int
        Root of all random streams. A seed's data and stream are the same in all conditions and
        modes, so that these pair.
    """

    n_seeds: int
    n_train: int
    n_eval: int
    shared_data: bool
    entropy: list[int]

    def splits(self, world: World) -> list[tuple[Sample, Sample]]:
        """Return the training and evaluation sequences of each seed, one pair if all share them.

        A seed's sequences are the same in all modes, and those of the nulls are made from them.
        The evaluation sequences have those of training as ``train``, for measures that ask whether
        something is new.
        """
        kept = _KEPT.get()
        if kept and kept[0] == self and kept[1] is world:
            return kept[2]
        if kept:
            # Not those of two worlds at once.
            kept.clear()
        sizes = self.n_train, self.n_eval, self.stream("data")
        splits = [world.split(*sizes)] if self.shared_data else world.splits(self.n_seeds, *sizes)
        for train, evaluation in splits:
            evaluation.train = train
        if kept is not None:
            kept[:] = self, world, splits
        return splits

    def rows(self, world: FiniteWorld) -> list[tuple[NDArray[np.integer], NDArray[np.integer]]]:
        """Return the numbers of the sequences of `splits`, without copies of recordings."""
        sizes = self.n_train, self.n_eval, self.stream("data")
        if self.shared_data:
            return [world._split_rows(*sizes)]
        return world._splits_rows(self.n_seeds, *sizes)

    def stream(self, *names: str | int) -> np.random.SeedSequence:
        """Return the stream of random numbers of this name."""
        return substream(self.entropy, *names)


@contextmanager
def splits_kept() -> Iterator[None]:
    """Let what runs here, one after the other, share sequences, which are drawn once a world.

    Other processes and threads draw their own.
    """
    token = _KEPT.set([])
    try:
        yield
    finally:
        _KEPT.reset(token)


def of_seed(parts: Sequence[Part], seed: int) -> Part:
    """Return the part of a seed, of one for each or one that all share."""
    return parts[min(seed, len(parts) - 1)]
