"""How many seeds and sequences there are, and where their randomness comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .._random import substream
from ..worlds import Sample, World

Part = TypeVar("Part")


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
        sizes = self.n_train, self.n_eval, self.stream("data")
        splits = [world.split(*sizes)] if self.shared_data else world.splits(self.n_seeds, *sizes)
        for train, evaluation in splits:
            evaluation.train = train
        return splits

    def stream(self, *names: str | int) -> np.random.SeedSequence:
        """Return the stream of random numbers of this name."""
        return substream(self.entropy, *names)


def of_seed(parts: Sequence[Part], seed: int) -> Part:
    """Return the part of a seed, of one for each or one that all share."""
    return parts[min(seed, len(parts) - 1)]
