"""Sums and products of features and targets, fold by fold, from one pass over the rows.

What ridge regressions need to know of rows: heads, probes, linear filters and random cores solve
for all folds, penalties and targets from these.
"""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from ._tokens import count_tokens, indicators
from ._typing import Floats

# Bytes of rows at once, which stay in the cache.
_BLOCK_BYTES = 2**22
# Bytes that moments may take; a fit holds about four times as many.
MOST_BYTES_OF_MOMENTS = 2**30
_N_FOLDS = 5


def blocks(n_rows: int, n_columns: int) -> Iterator[tuple[slice, Floats]]:
    """Yield slices of rows that stay in the cache, and room for each in float64."""
    size = max(1, _BLOCK_BYTES // (8 * max(1, n_columns)))
    room = np.empty((min(size, n_rows), n_columns))
    for start in range(0, n_rows, size):
        rows = slice(start, min(start + size, n_rows))
        yield rows, room[: rows.stop - start]


def bytes_of_moments(n_features: int, n_targets: int) -> float:
    """Return what the moments of five folds take."""
    return 8.0 * _N_FOLDS * (n_features + n_targets) ** 2


class Moments:
    """Sums and products of features and targets, fold by fold.

    Parameters
    ----------
    n_folds, n_features, n_targets : int
        Sizes.
    origin : ndarray of shape (n_features + n_targets,), default=None
        What products are about; None takes the mean of the first rows.
    tokens : bool, default=False
        Whether targets are added as tokens, each of which is a column of zeros and ones here.
    """

    def __init__(
        self,
        n_folds: int,
        n_features: int,
        n_targets: int,
        origin: Floats | None = None,
        *,
        tokens: bool = False,
    ) -> None:
        n_columns = n_features + n_targets
        self.n_features, self.tokens = n_features, tokens
        self.counts = np.zeros(n_folds)
        self.sums = np.zeros((n_folds, n_columns))
        self.products = np.zeros((n_folds, n_columns, n_columns))
        # Set by the first rows.
        self.origin: Any = origin

    def add(self, fold: int, features: Any, targets: Any) -> None:
        """Add rows to a fold.

        Parameters
        ----------
        fold : int
            Which.
        features, targets : ndarray of shape (n_rows, n_features) and (n_rows, n_targets or 1)
            The rows.
        """
        n, n_targets = self.n_features, self.sums.shape[1] - self.n_features

        def columns_of(targets: Any) -> Any:
            return indicators(targets, n_targets) if self.tokens else targets

        if self.origin is None:
            # Products about a mean lose no digits where the mean is large.
            of_features = features.mean(axis=0, dtype=np.float64)
            if self.tokens:
                of_targets = count_tokens(targets[:, np.newaxis], n_targets)[0] / len(targets)
            else:
                of_targets = targets.mean(axis=0, dtype=np.float64)
            self.origin = np.concatenate([of_features, of_targets])
        for rows, columns in blocks(len(features), len(self.origin)):
            np.subtract(features[rows], self.origin[:n], out=columns[:, :n])
            np.subtract(columns_of(targets[rows]), self.origin[n:], out=columns[:, n:])
            self.counts[fold] += len(columns)
            self.sums[fold] += columns.sum(axis=0)
            self.products[fold] += columns.T @ columns

    def include(self, others: Self, folds: slice = slice(None)) -> None:
        """Add the rows of other moments, about the same origin, to as many folds."""
        self.counts[folds] += others.counts
        self.sums[folds] += others.sums
        self.products[folds] += others.products

    def of_fold(self, features: Any, targets: Any) -> "Moments":
        """Return moments of rows of a single fold, about the same origin, to include them."""
        n_targets = self.sums.shape[1] - self.n_features
        only = Moments(1, self.n_features, n_targets, self.origin, tokens=self.tokens)
        only.add(0, features, targets)
        return only

    def part(self, features: Any) -> "Moments":
        """Return a copy that knows some of the features only, and all targets."""
        n_targets = len(self.origin) - self.n_features
        columns = np.concatenate([features, self.n_features + np.arange(n_targets)])
        part = Moments(len(self.counts), len(features), n_targets, self.origin[columns])
        part.counts = self.counts.copy()
        part.sums = self.sums[:, columns]
        part.products = self.products[:, columns[:, np.newaxis], columns]
        return part

    def turned(self, turn: Floats, scale: Floats) -> "Moments":
        """Return the moments of ``(features - origin) @ turn``, ``(targets - origin) / scale``."""
        n, size = turn.shape
        turned = Moments(len(self.counts), size, len(scale), np.zeros(size + len(scale)))
        turned.counts = self.counts.copy()
        turned.sums[:, :size] = self.sums[:, :n] @ turn
        turned.sums[:, size:] = self.sums[:, n:] / scale
        turned.products[:, :size, :size] = turn.T @ self.products[:, :n, :n] @ turn
        turned.products[:, :size, size:] = turn.T @ (self.products[:, :n, n:] / scale)
        turned.products[:, size:, :size] = turned.products[:, :size, size:].swapaxes(1, 2)
        turned.products[:, size:, size:] = self.products[:, n:, n:] / np.outer(scale, scale)
        return turned

    def about(self, mean: Floats, folds: Any) -> Floats:
        """Return the mean products of deviations from `mean`, over some of the folds."""
        count, total = self.counts[folds].sum(), self.sums[folds].sum(axis=0)
        cross = np.outer(total, mean)
        products = self.products[folds].sum(axis=0) - cross - cross.T
        return products / count + np.outer(mean, mean)

    def mean(self, folds: Any) -> Floats:
        """Return the mean of the columns, from `origin`, over some of the folds."""
        return self.sums[folds].sum(axis=0) / self.counts[folds].sum()
