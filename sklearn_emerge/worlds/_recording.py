"""A world made of one long recording, whose blocks are its units."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._axes import Axes, axes_of, check_even
from .._dims import labelled
from .._latents import encode_latents, given_classes
from .._tables import labels, names_of
from .._validation import check_integer
from ._array import ArrayWorld
from ._cut import as_recording, pieces_of, steps_until_independent, values_of
from ._rows import Recorded, Rows
from ._strata import Numbers

# Blocks below which a test over them has little to go by, with latents: two for a fold.
_FEW, _FEW_DECODED = 5, 10
# Sequences of a fold, of which there are at least two.
_N_HELD_OUT = 5
# The share of a recording that gaps may take unless they are asked for.
_GAPS = 0.25


class RecordingWorld(ArrayWorld):
    """One long recording as a world, see `ArrayWorld.from_recording`.

    It is cut into blocks with gaps between them, and each block into sequences without gaps.
    Sequences of a block are neighbours in time and depend on each other, so that the blocks are
    the independent units, which are held out whole: no two steps of training and evaluation are
    nearer to each other than the gap. If fewer sequences are asked for than there are, by
    `n_train` and `n_eval` of an assessment, these are spread evenly over the blocks, and nothing
    else is copied.

    Parameters
    ----------
    series : array-like of shape (n_steps,) or (n_steps, n_channels)
        The recording. Of a memory map nothing but what is drawn is copied.
    latents : array-like of shape (n_steps,) or (n_steps, n_latents), default=None
        What a probe should decode, one value a step; or names of variables, if `series` is a
        Dataset.
    latent_names : sequence of str, default=None
        One name a latent, see `ArrayWorld`.
    length : int
        Steps of a sequence.
    gap : int or "auto", default="auto"
        Steps that are dropped between blocks. "auto" is after how many steps values are no
        longer correlated, as far as all gaps take no more than a quarter of the recording.
    n_units : int, default=10
        Number of blocks.

    Raises
    ------
    ValueError
        As of `ArrayWorld`, and if blocks, gaps and sequences do not fit into the recording.

    Warns
    -----
    UserWarning
        When an assessment starts: if the gap is shorter than values are correlated, or blocks
        are few for a test over them.

    Notes
    -----
    Rejections at .05 of `corrected_resampled_test` of a claim that is false: that the mean of a
    recording of 4,000 steps is above zero. Five folds of ten blocks, against five folds of 200
    sequences of 20 steps as if these were independent (1,000 recordings each):

    ============  ======  =========
    recording     blocks  sequences
    ============  ======  =========
    white noise   .012    .012
    AR(1), .95    .015    .051
    AR(1), .99    .013    .194
    long memory   .158    .337
    ============  ======  =========

    Where memory is long (here fractional noise, d = .4), no gap that leaves room for blocks makes
    them independent, and a short recording does not show it: a trend or a rhythm of the whole
    recording is not for this test.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.worlds import RecordingWorld
    >>> noise = np.random.default_rng(0).normal(size=3000)
    >>> series = np.convolve(noise, np.ones(5), "valid")
    >>> world = RecordingWorld(series, length=20)
    >>> world.describe_units()
    '1 recording of 2,996 steps: 10 blocks of 280 steps, 14 sequences each, 8 steps apart'
    """

    groups = lengths = observed = inputs = None
    input_delay, feedback = 1, True
    _spread = True
    _parameter_constraints = {}

    def __init__(
        self,
        series: Any,
        latents: Any = None,
        latent_names: Sequence[str] | None = None,
        *,
        length: int,
        gap: int | str = "auto",
        n_units: int = 10,
    ) -> None:
        self.series = series
        self.latents = latents
        self.latent_names = latent_names
        self.length = length
        self.gap = gap
        self.n_units = n_units

    @property
    def axes(self) -> Axes:
        """Names, units and coordinates that the recording and latents bring with them, `Axes`."""
        series, latents = self._recording()
        n_latents = 0 if latents is None else len(self.facts.latent_names)
        return axes_of(series, latents, n_latents, time_axis=0)

    @property
    def X(self) -> Any:
        """The recording."""
        return self.series

    def _recording(self) -> tuple[Any, Any]:
        """Return the recording and its latents, steps first."""
        series, latents = labelled(self.series, self.latents, recording=True)
        return as_recording(series), latents

    def _values(self) -> NDArray[Any]:
        return values_of(self._recording()[0])

    def steps_until_independent(self) -> int:
        """Return how many steps apart values are no longer correlated.

        Returns
        -------
        int
            The smallest lag after which no autocorrelation of any channel is significant; where
            it may still be large, as of recordings that are short for how slow they are, at least
            three correlation times, after which that of an AR(1) process is .05.
        """
        return self._once("lag", lambda: steps_until_independent(self._values()))

    def layout(self) -> tuple[int, int]:
        """Return how the recording is cut.

        Returns
        -------
        n_each : int
            Sequences of a block.
        gap : int
            Steps that are dropped between blocks.

        Raises
        ------
        ValueError
            If blocks, gaps and sequences do not fit into the recording.
        """
        least = 2 if self.latents is None else 4
        check_integer(self.length, "length", 2)
        check_integer(self.n_units, "n_units", least)
        n_steps, n_gaps = len(self._recording()[0]), self.n_units - 1
        if isinstance(self.gap, str) and self.gap == "auto":
            gap = min(self.steps_until_independent(), int(_GAPS * n_steps) // n_gaps)
        else:
            check_integer(self.gap, "gap", 0)
            gap = int(self.gap)
        n_each, needed = self._room(self.n_units, gap)
        if n_each < needed:
            possible = (n_steps - n_gaps * gap) // (self.n_units * needed)
            remedy = (
                f"length={possible} or less, or fewer n_units or a smaller gap"
                if possible >= 2
                else "a smaller gap or fewer n_units, or record more"
            )
            raise ValueError(
                f"length={self.length}: series has {n_steps:,} steps, of which n_units="
                f"{self.n_units} blocks with gaps of {gap} steps leave room for {n_each} "
                f"sequences each, and at least {needed} are needed; pass {remedy}."
            )
        return n_each, gap

    def _room(self, n_units: int, gap: int) -> tuple[int, int]:
        """Return for how many sequences a block has room, and how many are needed."""
        left = len(self._recording()[0]) - (n_units - 1) * gap
        # Two folds, of which the smaller one has half of the blocks.
        return max(0, left) // (n_units * self.length), -(-_N_HELD_OUT // (n_units // 2))

    def describe_units(self) -> str:
        """Return in words how many independent units the recording has.

        Returns
        -------
        str
        """
        n_each, gap = self.layout()
        n_steps = len(self._recording()[0])
        each = "1 sequence" if n_each == 1 else f"{n_each} sequences"
        return (
            f"1 recording of {n_steps:,} steps: {self.n_units} blocks of "
            f"{n_each * self.length:,} steps, {each} each, {gap} steps apart"
        )

    def check(self) -> None:
        """Check the recording as it is now; the array may have been changed in place.

        Raises
        ------
        ValueError
            If no assessment of this recording could be trusted.

        Warns
        -----
        UserWarning
            If the gap is shorter than values are correlated, or blocks are few.
        """
        super().check()
        gap, lag = self.layout()[1], self.steps_until_independent()
        few = _FEW if self.latents is None else _FEW_DECODED
        if gap < lag:
            remedies = "remove what drifts or repeats over the whole recording, or record more"
            for n_units in range(self.n_units, few - 1, -1):
                n_each, needed = self._room(n_units, lag)
                # A gap that takes most of a recording does not help.
                if n_each >= needed and 2 * (n_units - 1) * lag <= len(self._recording()[0]):
                    fewer = "" if n_units == self.n_units else f" with n_units={n_units}"
                    remedies = f"pass gap={lag}{fewer}, or {remedies}"
                    break
            warnings.warn(
                f"gap={gap} is shorter than values of the recording are correlated, about {lag} "
                "steps, so that blocks are not independent and claims may hold by chance more "
                f"often than they should ({self.describe_units()}); {remedies}.",
                UserWarning,
                stacklevel=4,
            )
        if self.n_units < few:
            warnings.warn(
                f"n_units={self.n_units} blocks are few for a test over them, so that next to "
                f"nothing can be significant ({self.describe_units()}); pass n_units={few} or "
                "more, and shorter sequences if these do not fit.",
                UserWarning,
                stacklevel=4,
            )

    @property
    def n_steps(self) -> int:
        """Length of a sequence."""
        return self.length

    def _rows(self) -> Rows:
        return Rows(self._pieces(self._values()), in_blocks=True)

    def _pieces(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values in blocks and sequences, of shape (n_blocks, n_each, length, ...)."""
        n_each, gap = self.layout()
        blocks = pieces_of(values, n_each * self.length, gap)[: self.n_units]
        return blocks.reshape(self.n_units, n_each, self.length, *values.shape[1:])

    def recorded(self) -> Recorded:
        """Return sequences, latents and the unit of each, see `ArrayWorld.recorded`."""
        if "observed" not in self._found():
            self._check_missing()
        return super().recorded()

    def _check_missing(self) -> None:
        """Refuse what a recording has no rows to leave out of: gaps, and latents that are NaN."""
        rows, latents = self._rows(), self._labelled()[1]
        observed = rows.observed()
        if observed is not None and (gone := int((observed.sum(axis=1) < 2).sum())):
            raise ValueError(
                f"series has gaps: of {gone} of {len(rows)} sequences of length={self.length} "
                "fewer than two steps are observed. Leave these out, pieces = cut(series, "
                f"{self.length}); keep = np.isfinite(pieces.reshape(*pieces.shape[:2], -1))"
                ".all(axis=2).sum(axis=1) >= 2, and make the parts of the recording the units, "
                "ArrayWorld(pieces[keep], groups=np.flatnonzero(keep) * "
                f"{self.n_units} // len(keep)) (and cut latents alike)."
            )
        if latents is None or latents.dtype.kind != "f":
            return
        unknown = np.isnan(latents).any(axis=2)
        unknown &= True if observed is None else observed
        if unknown.any():
            raise ValueError(
                f"latents is NaN at {int(unknown.sum())} of {unknown.size} steps at which series "
                "was observed. Make these steps missing, which keeps all others where "
                "they are: series = np.array(series, float); series[np.isnan(latents).reshape("
                "len(series), -1).any(axis=1)] = np.nan."
            )

    def _labelled(self) -> tuple[Any, Any]:
        """Return the recording, and latents as sequences."""
        series, latents = self._recording()
        if latents is None:
            return series, None
        n_steps = len(series)
        return series, self._sequences(encode_latents(latents, n_steps), n_steps)

    def _sequences(self, latents: NDArray[Any], n_steps: int) -> NDArray[Any]:
        """Return latents of all steps as those of sequences."""
        if latents.ndim not in (1, 2) or len(latents) != n_steps:
            raise ValueError(
                f"latents has shape {latents.shape}, but series has {n_steps} steps; pass one "
                f"value a step, of shape ({n_steps},) or ({n_steps}, n_latents)."
            )
        pieces = self._pieces(latents.reshape(n_steps, -1))
        return pieces.reshape(-1, *pieces.shape[2:])

    def _check_labels(self, X: Any, latents: Any) -> None:
        series, latents = self._recording()
        steps, others = labels(series, 0), labels(latents, 0)
        check_even(steps, "series")
        if steps is not None and others is not None and not steps.equals(others):
            raise ValueError(
                "latents has steps with other labels than those of series; align them, latents = "
                "latents.reindex_like(series), or, if the order is the same already, pass "
                "latents.to_numpy()."
            )

    def _names_given(self, n_steps: int) -> Any:
        latents = self._recording()[1]
        return names_of(latents, len(self._recording()[0]))

    def _given_classes(self, y: Any = None) -> NDArray[Any]:
        latents = self._recording()[1]
        n_steps = len(self._recording()[0])
        return self._sequences(given_classes(latents, 1)[:, 0], n_steps)

    def _n_sequences(self) -> int:
        return self.n_units * self.layout()[0]

    def _units(self) -> Numbers:
        return np.repeat(np.arange(self.n_units), self.layout()[0])

    def _count_folds(self, n_eval: int | None) -> tuple[int, int]:
        # Of what is held out `n_eval` sequences are evaluated; folds are those of blocks.
        if n_eval is not None:
            self._check_request(n_eval)
        return super()._count_folds(None)

    def _grouped(self) -> bool:
        return True
