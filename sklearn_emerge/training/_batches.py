"""Batches of preloaded tensors."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from skorch.dataset import Dataset


class ShuffledBatches:
    """Batches of preloaded tensors in reshuffled epochs, `max_steps` of them in all.

    Parameters
    ----------
    dataset : skorch.dataset.Dataset
        Holds the tensors X and y.
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
        X, y = self.dataset.X, self.dataset.y
        order = np.stack([rng.permutation(len(X)) for rng in self.rngs])
        order = torch.from_numpy(order if len(order) > 1 else order[0]).to(X.device)
        for rows in order.split(self.batch_size, dim=-1)[: self.remaining]:
            self.remaining -= 1
            chosen = _rows_of(X, rows)
            yield chosen, chosen if y is X else _rows_of(y, rows)


def _rows_of(data: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return data[rows]: several times as fast, where rows have two dimensions."""
    return data.index_select(0, rows.flatten()).view(*rows.shape, *data.shape[1:])
