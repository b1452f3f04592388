"""A world made of recordings."""

from math import ceil
from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Options

from .._groups import check_groups
from .._latents import check_latents, encode_latents
from .._missing import is_observed, observed_only, without_partly
from .._padding import even, is_uneven, missing_steps
from .._random import substream
from .._recordings import check_recordings
from .._roles import targets_of, without_partly_missing
from .._tables import check_aligned, check_labels, names_of, text_error, text_name
from .._validation import (
    as_array,
    as_numbers,
    check_enough_observed,
    check_finite,
    check_scale,
    check_shape,
)
from ._base import World
from ._driven import known_in_rows, of_rows, with_inputs
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
        assessment asks for the likelihood of the model: they may be counts, tokens or quantities. A
        list of arrays of unequal length is padded with NaN. A step that is NaN in any channel is
        missing: it neither counts nor teaches, and predictors see the last observed one in its
        place (before the first the mean, or the most frequent outcome); Kalman filters make no
        update.
    latents : array-like of shape (n_sequences,), (n_sequences, n_steps) or \
            (n_sequences, n_steps, n_latents), default=None
        What a probe should decode; or a table with one row a sequence and one named column a
        latent, or a list of arrays of unequal length. They may be NaN where X is missing. Floats
        are quantities. Integers, booleans, text and pandas categories are classes,
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
    lengths : array-like of int of shape (n_sequences,), default=None
        How many steps of each sequence were recorded, if X is padded with something else than NaN;
        at least 2.
    observed : array-like of bool of shape (n_sequences, n_steps), default=None
        Which steps were recorded, if others are not NaN, as of tokens, which are integers.
    inputs : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_inputs), \
            default=None
        What drives X, such as stimuli or controls: predictors see it, and never predict it. It has
        to be known up to the last observed step of X, and may be NaN behind. Nulls leave it as it
        is.
    input_delay : {0, 1}, default=1
        Steps after which inputs act: 1 on the next step, which is predicted from the inputs up to
        the present one; 0 on the same step, whose inputs are then known when it is predicted. See
        `with_inputs`.
    feedback : bool, default=True
        Whether predictors see X, too. False makes a task of it: X is what is to be given out, and
        predicted from the inputs alone, as by a network that is trained on a task and not fed its
        outputs. Steps at which nothing is asked are missing (`observed`), in all sequences if need
        be.

    Raises
    ------
    ValueError
        When sequences are drawn or an assessment starts: if values are infinite, masked or text,
        fewer than two steps of a sequence are observed, a step is missing in all, a
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

    Sequences of unequal length, of which one has a gap:

    >>> X = [np.array([0.1, 0.4, 0.2]), np.array([0.3, np.nan, 0.2, 0.5, 0.8])]
    >>> ArrayWorld(X).sample(2, random_state=0).observed.sum(axis=1).tolist()
    [3, 4]

    A recording that is driven by inputs, and a task, whose outputs are asked for at its last step:

    >>> X, inputs = np.random.default_rng(0).normal(size=(2, 12, 8))
    >>> driven = ArrayWorld(X, inputs=inputs)
    >>> driven.n_exogenous, driven.sample(12, random_state=0).X.shape
    (1, (12, 8, 2))
    >>> last = np.arange(8) == np.full((12, 1), 7)
    >>> task = ArrayWorld(X, observed=last, inputs=inputs, input_delay=0, feedback=False)
    >>> task.sample(12, random_state=0).observed.sum(axis=1).tolist()
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    """

    output_scaling = "standard"
    _recorded = True
    _parameter_constraints = {
        "X": ["array-like"],
        "latents": ["array-like", None],
        "latent_names": ["array-like", None],
        "groups": ["array-like", None],
        "lengths": ["array-like", None],
        "observed": ["array-like", None],
        "inputs": ["array-like", None],
        "input_delay": [Options(Integral, {0, 1})],
        "feedback": ["boolean"],
    }

    def __init__(
        self,
        X,
        latents=None,
        latent_names=None,
        groups=None,
        lengths=None,
        observed=None,
        inputs=None,
        input_delay=1,
        feedback=True,
    ):
        self.X = X
        self.latents = latents
        self.latent_names = latent_names
        self.groups = groups
        self.lengths = lengths
        self.observed = observed
        self.inputs = inputs
        self.input_delay = input_delay
        self.feedback = feedback

    @property
    def n_exogenous(self):
        """Number of channels of the inputs."""
        return 0 if self.inputs is None else self._inputs().shape[2]

    def _inputs(self):
        """Return the inputs as an array of three dimensions."""
        inputs = even(self.inputs)[0] if is_uneven(self.inputs) else as_array(self.inputs, "inputs")
        inputs = as_numbers(inputs, "inputs")
        check_finite(inputs, "inputs", missing=True)
        X = self._values()[0]
        if inputs.ndim not in (2, 3) or inputs.shape[:2] != X.shape[:2] or not inputs.size:
            raise ValueError(
                f"inputs has shape {inputs.shape}, but X has shape {X.shape}; pass the inputs of "
                "the same sequences and steps, of shape (n_sequences, n_steps) or (n_sequences, "
                "n_steps, n_inputs)."
            )
        return inputs.reshape(*inputs.shape[:2], -1)

    def _values(self):
        """Return X as one array, and which of its steps are missing; None if all that are NaN."""
        uneven = is_uneven(self.X)
        X, missing = even(self.X) if uneven else (np.asarray(as_array(self.X, "X")), None)
        if self.lengths is not None or self.observed is not None:
            others = missing_steps(X.shape[:2], self.lengths, self.observed)
            missing = others if missing is None else missing | others
        return X, missing

    def _known(self):
        """Yield what is known of the first sequence, and then of all."""
        X, missing = self._values()
        for rows in (slice(1), slice(None)):
            part = X[rows] if missing is None else X[rows][~missing[rows]]
            if part.dtype.kind == "f" and np.isnan(part).any():
                part = part[~np.isnan(part)]
            yield part

    @property
    def observation(self):
        """Binary if every value is 0 or 1, else continuous."""
        # Most recordings are known from their first sequence not to be.
        binary = all(((part == 0) | (part == 1)).all() for part in self._known())
        return "binary" if binary else "continuous"

    @property
    def facts(self):
        """The facts of the recordings, with the names of their latents."""
        _, latents, _ = self._arrays()
        names = () if latents is None else self._names(latents)
        return WorldFacts.of(self, latent_names=names)

    @property
    def null_kinds(self):
        """All nulls for continuous recordings; no phase surrogates of binary ones, nor of gaps.

        None that shuffles steps if each sequence of a task is asked for one alone.
        """
        kinds = ("shuffle", "resample") if self._has_order() else ("resample",)
        if self.observation != "binary" and not self._has_gaps():
            kinds = (*kinds, "phase")
        return kinds if self.inputs is None else (*kinds, "exchange")

    def null(self, kind):
        """Return the matched world in which the structure in time is destroyed.

        Parameters
        ----------
        kind : str
            One of `null_kinds`, see `World.null`. Missing steps stay where they are.

        Returns
        -------
        World

        Raises
        ------
        ValueError
            If these recordings have no null of that kind, as "phase" where steps before the end
            of a sequence are missing: what has gaps has no spectrum.
        """
        if kind == "phase" and self.observation != "binary" and self._has_gaps():
            raise ValueError(
                "null='phase' keeps the spectrum of each sequence, but X has sequences with "
                "missing steps before their last one, which have none; take 'shuffle' or "
                "'resample', or leave out sequences with gaps. Missing ends do no harm."
            )
        return super().null(kind)

    def _has_order(self):
        """Return whether several steps of a sequence are observed, as all have but in a task."""
        if self.feedback:
            return True
        X, missing = self._values()
        observed = is_observed(np.asarray(X)) if X.dtype.kind == "f" else np.ones(X.shape[:2], bool)
        observed = observed if missing is None else observed & ~missing
        return bool((observed.sum(axis=1) > 1).any())

    def _has_gaps(self):
        """Return whether steps are missing before the last observed one of a sequence."""
        X, missing = self._values()
        if X.dtype.kind == "f" and np.isnan(X).any():
            gone = ~is_observed(X)
            missing = gone if missing is None else missing | gone
        return missing is not None and bool((missing[:, :-1] & ~missing[:, 1:]).any())

    @property
    def likelihood(self):
        """As of every world, but "auto" for integers: they may be counts, tokens or quantities."""
        integers = self._values()[0].dtype.kind in "iu" and self.observation == "continuous"
        return "auto" if integers else super().likelihood

    @property
    def n_tokens(self):
        """One more than the largest of all tokens; "auto" if the recordings are none."""
        # Most recordings are known from their first sequence not to be tokens.
        for part in self._known():
            if not part.size or part.min() < 0 or (part != np.floor(part)).any():
                return "auto"
        return int(part.max()) + 1

    @property
    def latent_kind(self):
        """Discrete if latents are classes, continuous if they are quantities."""
        if self.latents is None:
            return None
        return (
            "discrete"
            if encode_latents(self.latents, self._values()[0].shape[1]).dtype.kind == "i"
            else "continuous"
        )

    @property
    def n_steps(self):
        """Length of a sequence."""
        more = self.inputs is not None and not self.feedback and self.input_delay == 0
        return self._values()[0].shape[1] + more

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
            latents = self._arrays()[1]
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
        for mapped in (each for each in (self.X, self.inputs) if isinstance(each, np.memmap)):
            # Here and in a worker, which maps the same file, the key of a cell is the same.
            array = np.asarray(mapped)
            state |= {key: array for key, value in state.items() if value is mapped}
            if state.get("_checked") is not None:
                state["_checked"] = tuple(
                    array if each is mapped else each for each in state["_checked"]
                )
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
        X, missing = self._values()
        try:
            X = np.asarray(X, dtype=np.float64)
        except ValueError as error:
            if "could not convert string" not in str(error):
                raise
            raise text_error(self.X, error, "X") from None
        check_shape(X, "X")
        if missing is not None:
            X = np.where(missing.reshape(*missing.shape, *(1,) * (X.ndim - 2)), np.nan, X)
        check_finite(X, "X", missing=True)
        channels = X.reshape(*X.shape[:2], -1)
        observed = is_observed(channels)
        if not observed.all():
            X = without_partly(channels).reshape(X.shape)
            check_enough_observed(channels, each=True, least=2 if self.feedback else 1)
            if self.inputs is None:
                # Of what is driven, some steps may never be asked for.
                _check_steps(observed)
        units = self._units()
        if self.inputs is None and not self.feedback:
            raise ValueError(
                "feedback=False, but inputs is None: predictors would see nothing; pass what X is "
                "to be predicted from as inputs, or feedback=True."
            )
        latents = None
        if self.latents is not None:
            known = None if observed.all() else observed
            latents = check_latents(self.latents, X, observed=known)
        if latents is not None:
            self._names(latents)
        # Once for an array, which workers receive with this mark.
        marks = self.X, self.lengths, self.observed, self.inputs
        checked = getattr(self, "_checked", None)
        if checked is None or any(
            one is not other for one, other in zip(checked, marks, strict=True)
        ):
            check_scale(X.reshape(*X.shape[:2], -1), "X")
            # An assessment knows from the model whether integers are tokens.
            check_recordings(X, tokens=self.likelihood == "auto")
            if self.inputs is not None:
                rows = self._rows(X, slice(None))
                without_partly_missing(rows, self.n_exogenous, "inputs")
            self._checked = marks
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
        known = None
        if latents is not None:
            if not self.feedback:
                known = self._probed(X, latents)[rows]
                known = known_in_rows(known, self.input_delay, self.feedback)
            latents = of_rows(latents[rows], self.input_delay, self.feedback)
        X = X[rows] if self.inputs is None else self._rows(X, rows)
        observed = is_observed(targets_of(X, self.n_exogenous) if self.inputs is not None else X)
        sample = Sample(
            X,
            observed=None if observed.all() else observed,
            known=known,
            groups=None if self.groups is None else units[rows],
        )
        if latents is not None:
            sample.update(latents=latents, latent_names=self._names(latents))
        return self._completed(sample)

    def _probed(self, X, latents):
        """Return at which steps latents are known: of a task, at which they and inputs are."""
        if self.feedback:
            return is_observed(X)
        known = is_observed(self._inputs())
        return known & is_observed(latents) if latents.dtype.kind == "f" else known

    def _rows(self, X, rows):
        """Return some of all sequences with the inputs that drive them."""
        inputs = self._inputs()[rows]
        return with_inputs(X[rows], inputs, self.input_delay, feedback=self.feedback)

    def recorded_spread(self):
        """Return the standard deviation of each channel over all recordings, without inputs.

        Returns
        -------
        ndarray of shape (n_channels,)
        """
        X = self._arrays()[0]
        observed = observed_only(X.reshape(*X.shape[:2], -1))
        return X.std(axis=(0, 1)) if observed.size == X.size else observed.std(axis=(0, 1))

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


def _check_steps(observed):
    """Raise a ValueError if a step is missing in all sequences."""
    gone = np.flatnonzero(~observed.any(axis=0)).tolist()
    if gone:
        raise ValueError(
            f"X has no sequence in which step {gone[0]} is observed, so that nothing is known of "
            f"{len(gone)} of {observed.shape[1]} steps; leave them out, np.delete(X, {gone}, "
            "axis=1) (and so of observed and of the latents)."
        )
