"""A world of so many sequences: which of them are trained on, and which are held out."""

from abc import abstractmethod
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._groups import check_groups
from .._missing import is_observed
from .._random import substream
from .._roles import targets_of
from .._typing import Floats, RandomState
from ._base import World
from ._folds import count_folds, fold_rows, in_turns, thin
from ._rows import Recorded, Rows, Which
from ._sample import Sample
from ._strata import Numbers, divide, unit_classes


class FiniteWorld(World):
    """A world of recorded sequences, of which none is trained on and held out in one split."""

    latents: Any
    groups: Any
    # Whether few of many sequences are taken from all units, instead of from few of these.
    _spread = False

    @abstractmethod
    def recorded(self) -> Recorded:
        """Return the recordings, checked: sequences, their latents, and the unit of each."""

    @abstractmethod
    def _n_sequences(self) -> int:
        """Return how many there are."""

    @abstractmethod
    def _names(self, latents: NDArray[Any]) -> tuple[str, ...]:
        """Return the names of the latents."""

    def default_split(self, n_train: int | None, n_eval: int | None) -> tuple[int, int]:
        """Fill in numbers of sequences that are None.

        Parameters
        ----------
        n_train, n_eval : int or None
            Numbers of sequences for training and evaluation.

        Returns
        -------
        n_train, n_eval : int
            For evaluation a fifth of the recordings, at least five, or what `n_train` leaves if
            that is less; for training what is left.

        Raises
        ------
        ValueError
            As of `splits`.
        """
        n_sequences = self._n_sequences()
        if n_eval is None:
            n_eval = ceil(n_sequences / self._count_folds(None)[0])
            if n_train is not None:
                n_eval = min(n_eval, max(1, n_sequences - n_train))
        if n_train is None:
            n_train = n_sequences - max(n_eval, self._count_folds(n_eval)[1])
        self._check_room(n_train, n_eval)
        return n_train, n_eval

    def units_per_split(self, n_train: int, n_eval: int) -> tuple[int, int]:
        """Return how many recordings, or groups of them, a split trains on and holds out.

        Parameters
        ----------
        n_train, n_eval : int
            Numbers of sequences for training and evaluation, as of `splits`.

        Returns
        -------
        n_train_units, n_eval_units : int
            Where groups or folds differ in size, about as many as are trained on, and as many as
            are held out at most.

        Raises
        ------
        ValueError
            As of `splits`.
        """
        n_folds = self._check_room(n_train, n_eval)
        n_sequences, n_units = self._n_sequences(), int(self._units().max()) + 1
        n_held_out = ceil(n_units / n_folds)
        n_trained = n_train if self._spread else n_units * n_train // n_sequences
        return max(1, min(n_trained, n_units - n_held_out)), n_held_out

    def _units(self) -> Numbers:
        """Return the unit of each sequence, numbered from 0 on."""
        n_sequences = self._n_sequences()
        if self.groups is None:
            return np.arange(n_sequences)
        return check_groups(self.groups, n_sequences)

    def _count_folds(self, n_eval: int | None) -> tuple[int, int]:
        """Return the number of folds, and the most sequences of one."""
        if n_eval is not None:
            self._check_request(n_eval)
        units, latents = self._units(), self.latents
        options = {"grouped": self._grouped(), "decoded": latents is not None}
        if all(options.values()):
            latents = self.recorded().latents
            options["stratified"] = unit_classes(latents, units) is not None
        return count_folds(units, n_eval, **options)

    def _check_room(self, n_train: int, n_eval: int) -> int:
        """Return the number of folds; refuse what cannot be trained on and held out."""
        n_sequences = self._n_sequences()
        if n_train + n_eval > n_sequences:
            raise ValueError(
                f"n_train={n_train} and n_eval={n_eval} add up to {n_train + n_eval} sequences, "
                f"but X holds {n_sequences}; leave both out, which takes four fifths and one, or "
                "pass less, or record more."
            )
        n_folds, largest = self._count_folds(n_eval)
        n_left = n_sequences - largest
        if n_train > n_left:
            raise ValueError(
                f"n_train={n_train} are too many of {n_sequences} sequences: with n_eval={n_eval} "
                f"they are held out in {n_folds} folds in turns, by whole groups if there are any, "
                f"the largest of up to {largest}. Pass n_train={n_left} or less."
            )
        return n_folds

    def _check_number(self, n_sequences: int) -> None:
        n_recorded = self._n_sequences()
        if n_sequences > n_recorded:
            raise ValueError(
                f"{n_sequences} sequences were asked for, but X holds {n_recorded}; ask for "
                "fewer (n_train and n_eval of an assessment add up) or record more."
            )

    def _grouped(self) -> bool:
        """Return whether the units are groups of sequences."""
        return self.groups is not None

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        arrays = self.recorded()
        self._check_number(n_sequences)
        rows = np.random.default_rng(stream).permutation(len(arrays[0]))
        return self._part(arrays, rows[:n_sequences])

    def _part(self, arrays: Recorded, rows: Numbers) -> Sample:
        """Return the Sample of some of all sequences."""
        recordings, latents, units = arrays
        known = self._known_of(recordings, latents, rows)
        X = self._take(recordings, rows)
        observed = is_observed(targets_of(X, self.n_exogenous) if self.n_exogenous else X)
        sample = Sample(
            X,
            observed=None if observed.all() else observed,
            known=known,
            groups=units[rows] if self._grouped() else None,
        )
        if latents is not None:
            here = self._latents_of(latents[rows])
            sample.update(latents=here, latent_names=self._names(latents))
        return self._completed(sample)

    def _take(self, X: Rows, rows: Which) -> Floats:
        """Return some sequences."""
        return X.take(rows)

    def _probed(self, X: Rows, latents: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Return at which steps latents are known, as far as sequences are; None is all."""
        return X.observed()

    def _known_of(
        self, X: Rows, latents: NDArray[Any] | None, rows: Numbers
    ) -> NDArray[np.bool_] | None:
        """Return at which steps the latents of some sequences are known, where they say so."""
        return None

    def _latents_of(self, latents: NDArray[Any]) -> NDArray[Any]:
        """Return latents at the steps of the sequences."""
        return latents

    def recorded_spread(self) -> Floats:
        """Return the standard deviation of each channel over all recordings, without inputs.

        Returns
        -------
        ndarray of shape (n_channels,)
        """
        return self.recorded().rows.spread()

    def split(
        self, n_train: int, n_eval: int, random_state: RandomState = None
    ) -> tuple[Sample, Sample]:
        """Divide the recordings at random into training and evaluation.

        If latents have one class a sequence, the division is stratified: every class of at
        least two sequences is in both parts, and twice in evaluation if it has three, as far as
        there is room. Several such latents are stratified by their combination if each occurs in
        at least three sequences, else by the first of them. With groups it is the first of the
        `splits`.

        Parameters
        ----------
        n_train, n_eval : int
            How many sequences of each, together at most as many as there are. With groups about
            `n_eval`: all sequences of those that are held out.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of the division.

        Returns
        -------
        train, evaluation : Sample
            As `World.sample` returns them; no sequence is in both, and no group.

        Raises
        ------
        ValueError
            If more sequences are asked for than were recorded, or groups are too few or too
            large.
        """
        return self._samples([self._split_rows(n_train, n_eval, random_state)])[0]

    def _split_rows(
        self, n_train: int, n_eval: int, random_state: RandomState = None
    ) -> tuple[Numbers, Numbers]:
        """Return the numbers of the sequences of a split, without a copy of these."""
        self._check_request(n_train)
        self._check_request(n_eval)
        stream = substream(random_state, "split")
        if self._grouped():
            return self._splits_rows(1, n_train, n_eval, stream)[0]
        _, latents, units = self.recorded()
        self._check_number(n_train + n_eval)
        rows: Numbers = np.random.default_rng(stream).permutation(len(units))
        classes = unit_classes(latents, units)
        if classes is not None:
            rows = divide(rows, classes, n_train, n_eval)
        return rows[:n_train], rows[n_train:][:n_eval]

    def splits(
        self, n_splits: int, n_train: int, n_eval: int, random_state: RandomState = None
    ) -> list[tuple[Sample, Sample]]:
        """Divide the recordings for repeated cross-validation: all are held out in turns.

        Of the K folds of a repetition each is held out once, and each repetition deals out the
        units, which are the recordings or their groups, anew: split s holds out fold s mod K of
        repetition s div K. So many folds are made that one has at most `n_eval` sequences on
        average, but at least two, and not so many that one may have fewer than five sequences
        (or than `n_eval`), or one group where there are latents. Folds have as many units, or one
        more, of sizes that are as equal as can be. If latents have one class a unit (see
        `split`), they are stratified by it instead; of a class of fewer than 2 K units some have
        two, because a probe needs two, and others none. Splits share units: they are no
        independent replicates, see `corrected_resampled_test`.

        Parameters
        ----------
        n_splits : int
            How many.
        n_train : int
            Sequences for training, the same number in every split: some of those that are not
            held out, or all. Those of a group are neighbours.
        n_eval : int
            About how many sequences to hold out.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream; the first splits are the same, however many there are.

        Returns
        -------
        list of (train, evaluation)
            As `split` returns them.

        Raises
        ------
        ValueError
            If more sequences are asked for than were recorded or than are left by a fold, or
            groups are too few or too large.
        """
        return self._samples(self._splits_rows(n_splits, n_train, n_eval, random_state))

    def _splits_rows(
        self, n_splits: int, n_train: int, n_eval: int, random_state: RandomState = None
    ) -> list[tuple[Numbers, Numbers]]:
        """Return the numbers of the sequences of splits, without copies of these."""
        self._check_request(n_train)
        _, latents, units = self.recorded()
        n_folds, classes = self._check_room(n_train, n_eval), unit_classes(latents, units)
        n_rows = n_train
        if self._spread:
            n_rows = len(units) - self._count_folds(n_eval)[1]
        divided = fold_rows(units, classes, n_folds, n_splits, n_rows, substream(random_state))
        if self._spread:
            divided = ((thin(a, n_train), in_turns(thin(b, n_eval), units)) for a, b in divided)
        return list(divided)

    def _sample_of(self, rows: Numbers) -> Sample:
        """Return the sequences of these numbers."""
        return self._part(self.recorded(), rows)

    def _samples(self, rows: list[tuple[Numbers, Numbers]]) -> list[tuple[Sample, Sample]]:
        """Return the sequences of splits."""
        arrays = self.recorded()
        return [(self._part(arrays, a), self._part(arrays, b)) for a, b in rows]
