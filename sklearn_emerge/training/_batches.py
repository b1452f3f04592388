"""Batches of preloaded tensors, or of their rows."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from skorch.dataset import Dataset


class ShuffledRows:
    """Batches of numbers of rows in reshuffled epochs, `max_steps` of them in all.

    Inputs and targets of a batch are both the numbers; what is in the rows is not looked at.

    Parameters
    ----------
    dataset : skorch.dataset.Dataset
        Holds the tensors X and y, with a row a sequence.
    batch_size : int
        Sequences a batch; the last of an epoch may be smaller.
    rngs : list of numpy.random.Generator
        What draws the order of each replica. With several, batches have an axis of replicas.
    max_steps : int
        Batches in all, over all epochs.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        rngs: Sequence[np.random.Generator],
        max_steps: int,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.rngs = rngs
        self.remaining = max_steps

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yield the batches of one epoch."""
        order = np.stack([rng.permutation(len(self.dataset.X)) for rng in self.rngs])
        rows = torch.from_numpy(order if len(order) > 1 else order[0]).to(self.dataset.X.device)
        for chosen in rows.split(self.batch_size, dim=-1)[: self.remaining]:
            self.remaining -= 1
            yield self._batch(chosen)

    def _batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return rows, rows


class ShuffledBatches(ShuffledRows):
    """Batches of what is in the rows: inputs and targets, of one replica."""

    def _batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.dataset.X.index_select(0, rows), self.dataset.y.index_select(0, rows)
