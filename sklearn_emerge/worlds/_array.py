"""A world made of recordings."""

from math import ceil

import numpy as np

from .._groups import check_groups
from .._latents import check_latents, encode_latents
from .._random import substream
from .._recordings import check_recordings
from .._tables import check_aligned, check_labels, names_of, text_error, text_name
from .._validation import as_array, check_finite, check_scale, check_shape
from ._base import World
from ._facts import WorldFacts
from ._folds import count_folds, fold_rows
from ._sample import Sample
from ._strata import divide, unit_classes


class ArrayWorld(World):
    """Your own recordings as a world.

    Everything but the ceiling works on it: nulls, baselines, probes, assessment. Its
    sequences are drawn without replacement, and training and evaluation never share one, nor
    sequences of one group.

    Parameters
    ----------
    X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        The recordings, each row an independent unit unless there are `groups`. Values that are
        all 0 or 1 make a binary world, scored by the Bernoulli likelihood. Of other integers an
        assessment asks for the likelihood of the model: they may be counts, tokens or quantities.
    latents : array-like of shape (n_sequences,), (n_sequences, n_steps) or \
            (n_sequences, n_steps, n_latents), default=None
        What a probe should decode; or a table with one row a sequence and one named column a
        latent. Floats are quantities. Integers, booleans, text and pandas categories are classes,
        of which the last two are numbered in sorted order, in a table those of each column.
    latent_names : sequence of str, default=None
        One name a latent. None takes those of labelled latents (the name of a Series or
        DataArray, columns, coordinates), or "latent 0", "latent 1", ....
    groups : array-like of shape (n_sequences,), default=None
        Labels, integers or text, of the independent units if these are not the sequences: of
        animals, subjects or sessions of which there are several. Whole groups are held out. At
        least two are needed, four if there are latents, because these are decoded across groups.
        `EmergenceAssessment.fit` takes no groups; pass ``ArrayWorld(X, y, groups=groups)`` as
        its world.

    Raises
    ------
    ValueError
        When sequences are drawn or an assessment starts: if values are missing, masked or text, a
        channel is constant, sequences share samples, as overlapping windows do, many of them
        begin or end in equal values, as padded ones do, or labels of X and latents disagree.
        Whether integers repeat is asked when an assessment starts, unless they are tokens. Also
        if there is not one label of a group a sequence, one is missing, or groups are too few.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import ArrayWorld
    >>> world = ArrayWorld(np.arange(20.0).reshape(5, 4))
    >>> train, evaluation = world.split(3, 2, random_state=0)
    >>> sorted(np.concatenate([train.X[:, 0], evaluation.X[:, 0]]).tolist())
    [0.0, 4.0, 8.0, 12.0, 16.0]

    Three sessions of each of four animals, of which every one is held out in turns:

    >>> animals = np.repeat(["a", "b", "c", "d"], 3)
    >>> X = np.random.default_rng(0).normal(size=(12, 8))
    >>> world = ArrayWorld(X, groups=animals)
    >>> world.default_split(None, None), world.units_per_split(6, 6)
    ((6, 6), (2, 2))
    >>> splits = world.splits(2, 6, 6, random_state=0)
    >>> [np.unique(evaluation.groups).tolist() for _, evaluation in splits]
    [[1, 3], [0, 2]]
    """

    output_scaling = "standard"
    _recorded = True
    _parameter_constraints = {
        "X": ["array-like"],
        "latents": ["array-like", None],
        "latent_names": ["array-like", None],
        "groups": ["array-like", None],
    }

    def __init__(self, X, latents=None, latent_names=None, groups=None):
        self.X = X
        self.latents = latents
        self.latent_names = latent_names
        self.groups = groups

    @property
    def observation(self):
        """Binary if every value is 0 or 1, else continuous."""
        X = np.asarray(self.X)
        # Most recordings are known from their first sequence not to be.
        binary = all(((part == 0) | (part == 1)).all() for part in (X[:1], X))
        return "binary" if binary else "continuous"

    @property
    def facts(self):
        """The facts of the recordings, with the names of their latents."""
        _, latents, _ = self._arrays()
        names = () if latents is None else self._names(latents)
        return WorldFacts.of(self, latent_names=names)

    @property
    def null_kinds(self):
        """All nulls for continuous recordings; no phase surrogates of binary ones."""
        kinds = ("shuffle", "resample")
        return kinds if self.observation == "binary" else (*kinds, "phase")

    @property
    def likelihood(self):
        """As of every world, but "auto" for integers: they may be counts, tokens or quantities."""
        integers = np.asarray(self.X).dtype.kind in "iu" and self.observation == "continuous"
        return "auto" if integers else super().likelihood

    @property
    def n_tokens(self):
        """One more than the largest of all tokens; "auto" if the recordings are none."""
        X = np.asarray(self.X)
        # Most recordings are known from their first sequence not to be tokens.
        for part in (X[:1], X):
            if not part.size or part.min() < 0 or (part != np.floor(part)).any():
                return "auto"
        return int(X.max()) + 1

    @property
    def latent_kind(self):
        """Discrete if latents are classes, continuous if they are quantities."""
        if self.latents is None:
            return None
        return (
            "discrete"
            if encode_latents(self.latents, self.n_steps).dtype.kind == "i"
            else "continuous"
        )

    @property
    def n_steps(self):
        """Length of a sequence."""
        return np.shape(self.X)[1]

    def default_split(self, n_train, n_eval):
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
        n_sequences = len(self.X)
        if n_eval is None:
            n_eval = ceil(n_sequences / self._count_folds(None)[0])
            if n_train is not None:
                n_eval = min(n_eval, max(1, n_sequences - n_train))
        if n_train is None:
            n_train = n_sequences - max(n_eval, self._count_folds(n_eval)[1])
        self._check_room(n_train, n_eval)
        return n_train, n_eval

    def units_per_split(self, n_train, n_eval):
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
        n_sequences, n_units = len(self.X), int(self._units().max()) + 1
        n_held_out = ceil(n_units / n_folds)
        n_trained = n_units * n_train // n_sequences
        return max(1, min(n_trained, n_units - n_held_out)), n_held_out

    def _units(self):
        """Return the unit of each sequence, numbered from 0 on."""
        n_sequences = len(self.X)
        if self.groups is None:
            return np.arange(n_sequences)
        return check_groups(self.groups, n_sequences)

    def _count_folds(self, n_eval):
        """Return the number of folds, and the most sequences of one."""
        if n_eval is not None:
            self._check_request(n_eval)
        units, latents = self._units(), self.latents
        options = {"grouped": self.groups is not None, "decoded": latents is not None}
        if all(options.values()):
            latents = check_latents(latents, np.asarray(self.X))
            options["stratified"] = unit_classes(latents, units) is not None
        return count_folds(units, n_eval, **options)

    def _check_room(self, n_train, n_eval):
        """Return the number of folds; refuse what cannot be trained on and held out."""
        self._check_number(n_train + n_eval)
        n_folds, largest = self._count_folds(n_eval)
        n_left = len(self.X) - largest
        if n_train > n_left:
            raise ValueError(
                f"n_train={n_train} are too many of {len(self.X)} sequences: with n_eval={n_eval} "
                f"they are held out in {n_folds} folds in turns, by whole groups if there are any, "
                f"the largest of up to {largest}. Pass n_train={n_left} or less."
            )
        return n_folds

    def _check_number(self, n_sequences):
        if n_sequences > len(self.X):
            raise ValueError(
                f"{n_sequences} sequences were asked for, but X holds {len(self.X)}; ask for "
                "fewer (n_train and n_eval of an assessment add up) or record more."
            )

    def __sklearn_clone__(self):
        # Recordings are large and never changed: clones share them.
        return type(self)(**self.get_params(deep=False))

    def __getstate__(self):
        state = dict(super().__getstate__())
        if isinstance(self.X, np.memmap):
            # Here and in a worker, which maps the same file, the key of a cell is the same.
            mapped, array = self.X, np.asarray(self.X)
            state |= {key: array for key, value in state.items() if value is mapped}
        return state

    def check(self):
        """Check the recordings as they are now; an array may have been changed in place.

        Raises
        ------
        ValueError
            If no assessment of these recordings could be trusted.
        """
        self._checked = None
        self._arrays()

    def _arrays(self):
        self._validate_params()
        check_labels(self.X, self.latents, "latents")
        check_aligned(self.X, self.groups, "groups")
        X = as_array(self.X, "X")
        try:
            X = np.asarray(X, dtype=np.float64)
        except ValueError as error:
            if "could not convert string" not in str(error):
                raise
            raise text_error(self.X, error, "X") from None
        check_shape(X, "X")
        check_finite(X, "X")
        units = self._units()
        latents = None if self.latents is None else check_latents(self.latents, X)
        if latents is not None:
            self._names(latents)
        # Once for an array, which workers receive with this mark.
        if getattr(self, "_checked", None) is not self.X:
            check_scale(X.reshape(*X.shape[:2], -1), "X")
            # An assessment knows from the model whether integers are tokens.
            check_recordings(X, tokens=self.likelihood == "auto")
            self._checked = self.X
        return X, latents, units

    def _names(self, latents):
        """Return the names of the latents, as text."""
        names, n_latents = self.latent_names, latents.shape[2]
        if names is None:
            names = names_of(self.latents, latents.shape[1])
        if names is None:
            return tuple(f"latent {i}" for i in range(n_latents))
        names = tuple(text_name(name) for name in names)
        if len(set(names)) != n_latents or len(names) != n_latents:
            raise ValueError(
                f"latent_names={list(names)} has {len(set(names))} different names for "
                f"{n_latents} latents; give one each."
            )
        wrong = [name for name in names if not name or "\0" in name]
        if wrong:
            raise ValueError(
                f"latent_names has {wrong[0]!r}, which a file cannot keep; give a name of text "
                "without NUL."
            )
        return names

    def _draw(self, n_sequences, stream):
        arrays = self._arrays()
        self._check_number(n_sequences)
        rows = np.random.default_rng(stream).permutation(len(arrays[0]))
        return self._part(arrays, rows[:n_sequences])

    def _part(self, arrays, rows):
        """Return the Sample of some of all sequences."""
        X, latents, units = arrays
        sample = Sample(X[rows], groups=None if self.groups is None else units[rows])
        if latents is not None:
            sample.update(latents=latents[rows], latent_names=self._names(latents))
        return self._completed(sample)

    def recorded_spread(self):
        """Return the standard deviation of each channel over all recordings.

        Returns
        -------
        ndarray of shape (n_channels,)
        """
        return self._arrays()[0].std(axis=(0, 1))

    def split(self, n_train, n_eval, random_state=None):
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
        self._check_request(n_train)
        self._check_request(n_eval)
        stream = substream(random_state, "split")
        if self.groups is not None:
            return self.splits(1, n_train, n_eval, stream)[0]
        arrays = self._arrays()
        _, latents, units = arrays
        self._check_number(n_train + n_eval)
        rows = np.random.default_rng(stream).permutation(len(units))
        classes = unit_classes(latents, units)
        if classes is not None:
            rows = divide(rows, classes, n_train, n_eval)
        return tuple(self._part(arrays, part) for part in (rows[:n_train], rows[n_train:][:n_eval]))

    def splits(self, n_splits, n_train, n_eval, random_state=None):
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
        self._check_request(n_train)
        arrays = self._arrays()
        _, latents, units = arrays
        n_folds, classes = self._check_room(n_train, n_eval), unit_classes(latents, units)
        divided = fold_rows(units, classes, n_folds, n_splits, n_train, substream(random_state))
        return [tuple(self._part(arrays, rows) for rows in each) for each in divided]
