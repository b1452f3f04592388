"""Recorded sequences as they are kept, of which only what is drawn becomes double precision."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._missing import is_observed, observed_only, without_partly
from .._recordings import check_constant, check_repeated
from .._typing import Floats
from .._validation import check_enough_observed, check_finite, check_scale

# Numbers of which all are looked at together: what takes more memory is read part by part.
_NUMBERS = 2**22
# Of sequences, by their numbers.
Which = slice | NDArray[np.integer]


class Rows:
    """Sequences in an array, or a memory map, that is not copied.

    Parameters
    ----------
    values : ndarray of shape (n_sequences, n_steps, ...) or (n_blocks, n_each, n_steps, ...)
        Numbers.
    missing : ndarray of bool of shape (n_sequences, n_steps), default=None
        Steps that are missing besides those that are NaN.
    in_blocks : bool, default=False
        Whether the first two axes are those of blocks and of the sequences of each: with gaps
        between blocks, one axis for both could not be had without a copy.
    """

    def __init__(
        self,
        values: NDArray[Any],
        missing: NDArray[np.bool_] | None = None,
        *,
        in_blocks: bool = False,
    ) -> None:
        self.values = values
        self.missing = missing
        self._n_each = values.shape[1] if in_blocks else None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of sequences, of steps, and of channels if there is an axis of them."""
        shape = self.values.shape
        return shape if self._n_each is None else (shape[0] * shape[1], *shape[2:])

    def __len__(self) -> int:
        return self.shape[0]

    def take(self, rows: Which) -> Floats:
        """Return some sequences as float64, NaN in all channels of missing steps.

        Parameters
        ----------
        rows : slice or ndarray of int
            Which. Of a slice of what is float64 and complete no copy is made.

        Returns
        -------
        ndarray of shape (n_rows, n_steps, ...)
        """
        X = self._numbers(rows)
        channels = X.reshape(*X.shape[:2], -1)
        complete = without_partly(channels)
        return X if complete is channels else complete.reshape(X.shape)

    def _numbers(self, rows: Which) -> Floats:
        """Return some sequences as float64; a step may be NaN in some channels."""
        if self._n_each is None and isinstance(rows, slice):
            X = np.asarray(self.values[rows], dtype=np.float64)
        else:
            rows = np.arange(len(self))[rows]
            X = np.empty((len(rows), *self.shape[1:]))
            # Part by part: what is not of double precision is not copied as it is, too.
            for part in self._slices(len(rows)):
                X[part] = self.values[self._places(rows[part])]
        if self.missing is None:
            return X
        missing = self.missing[rows]
        return np.where(missing.reshape(*missing.shape, *(1,) * (X.ndim - 2)), np.nan, X)

    def _places(self, rows: NDArray[np.integer]) -> Any:
        """Return where some sequences are in the array."""
        return rows if self._n_each is None else np.divmod(rows, self._n_each)

    def _slices(self, n_rows: int | None = None) -> list[slice]:
        """Return parts of so many sequences, of all by default."""
        n_rows = len(self) if n_rows is None else n_rows
        n = max(1, _NUMBERS // max(1, int(np.prod(self.shape[1:]))))
        return [slice(start, start + n) for start in range(0, n_rows, n)]

    def parts(self) -> Iterator[Floats]:
        """Yield all sequences, so many at once as a few dozen megabytes hold."""
        yield from map(self.take, self._slices())

    def check_finite(self) -> None:
        """Raise a ValueError that locates the first infinity, if there is one."""
        if any(np.isinf(self._numbers(part)).any() for part in self._slices()):
            check_finite(self._numbers(slice(None)), "X", missing=True)

    def observed(self) -> NDArray[np.bool_] | None:
        """Return which steps are observed, of shape (n_sequences, n_steps); None if all are."""
        if self.missing is None and self.values.dtype.kind != "f":
            return None
        if all(is_observed(part).all() for part in self.parts()):
            return None
        return np.concatenate([is_observed(part) for part in self.parts()])

    def ends(self) -> Floats:
        """Return the least and the largest value of each channel, of shape (1, 2, n_channels)."""
        ends = []
        for part in self.parts():
            known = observed_only(part.reshape(*part.shape[:2], -1))
            if known.size:
                ends += [known.min(axis=(0, 1)), known.max(axis=(0, 1))]
        return np.stack([np.min(ends, axis=0), np.max(ends, axis=0)])[np.newaxis]

    def spread(self) -> Floats:
        """Return the standard deviation of each channel over all steps that are observed."""
        if len(self._slices()) == 1:
            X = self.take(slice(None))
            known = observed_only(X.reshape(*X.shape[:2], -1))
            return X.std(axis=(0, 1)) if known.size == X.size else known.std(axis=(0, 1))
        parts = (observed_only(part.reshape(*part.shape[:2], -1)) for part in self.parts())
        moments = [(each.shape[1] * len(each), *_moments(each)) for each in parts if each.size]
        n, means, variances = (np.array(each) for each in zip(*moments, strict=True))
        mean = np.average(means, axis=0, weights=n)
        spread = np.sqrt(np.average(variances + (means - mean) ** 2, axis=0, weights=n))
        return spread if len(self.shape) > 2 else spread[0]


def _moments(X: Floats) -> tuple[Floats, Floats]:
    return X.mean(axis=(0, 1)), X.var(axis=(0, 1))


def check_observed(
    observed: NDArray[np.bool_] | None, *, least: int = 2, each_step: bool = True
) -> None:
    """Raise a ValueError unless enough steps of every sequence are observed.

    Parameters
    ----------
    observed : ndarray of bool of shape (n_sequences, n_steps) or None
        Which steps are observed; None if all are.
    least : int, default=2
        How many of each sequence.
    each_step : bool, default=True
        Whether each step has to be observed in some sequence.
    """
    if observed is None:
        return
    steps = np.where(observed, 0.0, np.nan)[:, :, np.newaxis]
    check_enough_observed(steps, each=True, least=least)
    if not each_step:
        return
    gone = np.flatnonzero(~observed.any(axis=0)).tolist()
    if gone:
        raise ValueError(
            f"X has no sequence in which step {gone[0]} is observed, so that nothing is known of "
            f"{len(gone)} of {observed.shape[1]} steps; leave them out, np.delete(X, {gone}, "
            "axis=1) (and so of observed and of the latents)."
        )


class Recorded(NamedTuple):
    """What was recorded.

    Attributes
    ----------
    rows : Rows
        Sequences.
    latents : ndarray of shape (n_sequences, n_steps, n_latents) or None
        Quantities, or the numbers of classes.
    units : ndarray of int of shape (n_sequences,)
        The independent unit of each sequence, numbered from 0 on.
    """

    rows: Rows
    latents: NDArray[Any] | None
    units: NDArray[np.integer]


def check_rows(rows: Rows, *, tokens: bool) -> None:
    """Raise a ValueError if no assessment of these recordings could be trusted.

    Parameters
    ----------
    rows : Rows
        The recordings, finite. Of many, what sequences share is looked for among neighbours.
    tokens : bool
        Whether they are tokens, or may be.
    """
    ends = rows.ends()
    check_scale(ends, "X")
    check_constant(ends, "X")
    if not tokens:
        for part in rows.parts():
            check_repeated(part)
