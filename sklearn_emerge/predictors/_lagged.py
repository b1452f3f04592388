"""Moments of the next step and the last ones, at each step."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._moments import Moments
from .._typing import Floats
from ..training import folds

# Columns that the products of a block of steps have beyond those of the lags.
_WIDTH = 512


class LaggedMoments:
    """Moments of each step, out of the products of all steps with each other.

    Those of neighbours overlap, so that this is far quicker than to multiply the rows of each.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        Sequences.
    clock : ndarray of shape (n_steps, 0 or 1)
        A feature that is known at each step.
    lags : int
        The most that will be asked for.
    observed : ndarray of bool of shape (n_sequences, n_steps), default=None
        Which next steps have a part in the moments; None is all.
    roles : pair of ndarray of int, default=None
        Channels of which the last steps are features, and of which the next one is the target;
        None is all, for both.
    """

    def __init__(
        self,
        X: Floats,
        clock: Floats,
        lags: int,
        observed: NDArray[np.bool_] | None = None,
        roles: Any = None,
    ) -> None:
        self.X, self.clock, self.lags = X, clock, lags
        self.observed: Any = observed
        self.seen: Any
        self.targets: Any
        self.seen, self.targets = (slice(None), slice(None)) if roles is None else roles
        self.n_seen, self.n_targets = (X[0, 0, role].size for role in (self.seen, self.targets))
        self.complete = observed is None or observed.all()
        self.means = X.mean(axis=0)
        self.steps = max(1, _WIDTH // X.shape[2])
        self.block: int | None = None

    def mean(self, t: int, lags: int) -> Floats:
        """Return the means at step t: of the clock, the last steps (latest first), the next."""
        past = self.means[t - lags + 1 : t + 1, self.seen][::-1]
        return np.concatenate([self.clock[t], past.ravel(), self.means[t + 1, self.targets]])

    def at(self, t: int, lags: int, origin: Floats) -> Moments:
        """Return the moments at step t, about an origin."""
        if not self.complete:
            return self._of_observed(t, lags, origin)
        if self.block != t // self.steps:
            self._fill(t // self.steps)
        n_channels, c = self.X.shape[2], self.clock.shape[1]
        n = c + lags * self.n_seen
        moments = Moments(len(self.products), n, self.n_targets, origin)
        # From the last step of the block backwards.
        start = (self.last - t - 1) * n_channels
        stop = start + n_channels
        if isinstance(self.seen, slice):
            target, past = slice(start, stop), slice(stop, stop + n - c)
        else:
            target = start + self.targets
            past = (stop + np.arange(lags)[:, np.newaxis] * n_channels + self.seen).ravel()
        places = (slice(c, n), past), (slice(n, None), target)
        sums = np.zeros_like(moments.sums)
        for to, of in places:
            sums[:, to] = self.sums[:, of]
            for other_to, other_of in places:
                moments.products[:, to, other_to] = self.products[:, of][:, :, other_of]
        # So far they are about the means of the step.
        moments.counts += self.counts
        away = self.mean(t, lags) - origin
        moments.sums += sums + self.counts[:, np.newaxis] * away
        moments.products += moments.sums[:, :, np.newaxis] * away
        moments.products += away[:, np.newaxis] * sums[:, np.newaxis]
        return moments

    def _of_observed(self, t: int, lags: int, origin: Floats) -> Moments:
        """Return the moments of the sequences in which the next step is observed."""
        n_sequences = len(self.X)
        past = self.X[:, t - lags + 1 : t + 1, self.seen][:, ::-1].reshape(n_sequences, -1)
        clock = np.broadcast_to(self.clock[t], (n_sequences, self.clock.shape[1]))
        rows, targets = np.hstack([clock, past]), self.X[:, t + 1, self.targets]
        by_fold = folds(n_sequences)
        moments = Moments(len(by_fold), rows.shape[1], self.n_targets, origin)
        for fold, part in enumerate(by_fold):
            observed = self.observed[part, t + 1]
            moments.add(fold, rows[part][observed], targets[part][observed])
        return moments

    def _fill(self, block: int) -> None:
        """Multiply the steps that a block of steps needs."""
        self.block = block
        first = max(0, block * self.steps - self.lags + 1)
        self.last = min((block + 1) * self.steps, len(self.means) - 1)
        apart = self.X[:, first : self.last + 1] - self.means[first : self.last + 1]
        columns = apart[:, ::-1].reshape(len(self.X), -1)
        by_fold = [columns[rows] for rows in folds(len(columns))]
        self.counts = np.array([float(len(part)) for part in by_fold])
        self.sums = np.array([part.sum(axis=0) for part in by_fold])
        self.products = np.array([part.T @ part for part in by_fold])
