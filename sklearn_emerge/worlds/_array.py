"""A world made of recordings."""

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Options

from .._dims import in_order, labelled
from .._latents import check_latents, given_classes
from .._missing import is_observed
from .._padding import even, is_uneven, lengths_of, missing_steps
from .._roles import without_partly_missing
from .._tables import check_aligned, check_digits, check_labels, text_error
from .._typing import Floats
from .._validation import as_array, as_numbers, check_finite, check_shape
from ._driven import known_in_rows, of_rows, with_inputs
from ._long import arrays_of
from ._recorded import RecordedWorld
from ._rows import Recorded, Rows, Which, check_observed, check_rows
from ._strata import Numbers

if TYPE_CHECKING:
    from ._recording import RecordingWorld


class ArrayWorld(RecordedWorld):
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
        animals, subjects or sessions of which there are several. Whole groups are held out. An
        assessment needs three, of which it trains on two, and four if there are latents, because
        these are decoded across groups.
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

    _parameter_constraints = {
        "X": ["array-like"],
        "latents": ["array-like", str, None],
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
        X: Any,
        latents: Any = None,
        latent_names: Sequence[str] | None = None,
        groups: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        observed: ArrayLike | None = None,
        inputs: Any = None,
        input_delay: int = 1,
        feedback: bool = True,
    ) -> None:
        self.X = X
        self.latents = latents
        self.latent_names = latent_names
        self.groups = groups
        self.lengths = lengths
        self.observed = observed
        self.inputs = inputs
        self.input_delay = input_delay
        self.feedback = feedback

    def _inputs(self) -> Floats:
        """Return the inputs as an array of three dimensions."""
        inputs = even(self.inputs)[0] if is_uneven(self.inputs) else as_array(self.inputs, "inputs")
        inputs = as_numbers(inputs, "inputs")
        check_finite(inputs, "inputs", missing=True)
        X = self._rows()
        if inputs.ndim not in (2, 3) or inputs.shape[:2] != X.shape[:2] or not inputs.size:
            raise ValueError(
                f"inputs has shape {inputs.shape}, but X has shape {X.shape}; pass the inputs of "
                "the same sequences and steps, of shape (n_sequences, n_steps) or (n_sequences, "
                "n_steps, n_inputs)."
            )
        return inputs.reshape(*inputs.shape[:2], -1)

    @classmethod
    def from_table(
        cls,
        frame: Any,
        *,
        id: str,
        time: str,
        values: str | list[str] | None = None,
        latents: str | list[str] | None = None,
        groups: str | None = None,
    ) -> Self:
        """Return the world of a long table, which has a row for each step of each sequence.

        Parameters
        ----------
        frame : DataFrame
            The table, in any order of its rows.
        id, time : str
            Columns that say to which sequence a row belongs, and at which time it was recorded:
            numbers or dates, equally spaced up to a tenth of a step. Each sequence begins at its
            first time. Times between that have no row are missing steps, and sequences may differ
            in length.
        values : str or list of str, default=None
            Columns of what was recorded; None are all others.
        latents : str or list of str, default=None
            Columns that a probe should decode.
        groups : str, default=None
            Column of the independent units, see `ArrayWorld`.

        Returns
        -------
        ArrayWorld

        Raises
        ------
        ValueError
            If there is no such column, id or time is missing in a row or the same in two, times
            are not equally spaced, or a sequence belongs to several groups.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> from sklearn_emerge import ArrayWorld
        >>> frame = pd.DataFrame({"trial": np.repeat(["a", "b"], 3), "t": [0, 1, 3, 0, 1, 2]})
        >>> frame["rate"] = np.random.default_rng(0).normal(size=6)
        >>> world = ArrayWorld.from_table(frame, id="trial", time="t", values="rate")
        >>> world.X.isnull().values.tolist()
        [[False, False, True, False], [False, False, False, True]]
        """
        return cls(**arrays_of(frame, id, time, values, latents, groups))

    @classmethod
    def from_recording(
        cls,
        series: Any,
        latents: Any = None,
        latent_names: Sequence[str] | None = None,
        *,
        length: int,
        gap: int | str = "auto",
        n_units: int = 10,
    ) -> "RecordingWorld":
        """Return the world of one long recording.

        Its units are blocks of consecutive sequences, with gaps between them: what is held out
        is never next to what is trained on.

        Parameters
        ----------
        series : array-like of shape (n_steps,) or (n_steps, n_channels)
            The recording. Of a memory map nothing but what is drawn is copied.
        latents : array-like of shape (n_steps,) or (n_steps, n_latents), default=None
            What a probe should decode, one value a step; or names of variables, if `series` is
            a Dataset.
        latent_names : sequence of str, default=None
            One name a latent, see `ArrayWorld`.
        length : int
            Steps of a sequence.
        gap : int or "auto", default="auto"
            Steps that are dropped between blocks. "auto" is after how many steps values are no
            longer correlated, as far as all gaps take no more than a quarter of the recording.
        n_units : int, default=10
            Number of blocks.

        Returns
        -------
        RecordingWorld

        Raises
        ------
        ValueError
            If blocks, gaps and sequences do not fit into the recording.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_emerge import ArrayWorld
        >>> series = np.random.default_rng(0).normal(size=36_000)
        >>> world = ArrayWorld.from_recording(series, length=100, gap=50, n_units=9)
        >>> world.describe_units()
        '1 recording of 36,000 steps: 9 blocks of 3,900 steps, 39 sequences each, 50 steps apart'
        """
        from ._recording import RecordingWorld

        world = RecordingWorld(
            series, latents, latent_names, length=length, gap=gap, n_units=n_units
        )
        world.layout()
        return world

    def _labelled(self) -> tuple[Any, Any]:
        """Return X and latents as they were passed, those of xarray with sequences first."""
        return labelled(self.X, self.latents)

    def _rows(self) -> Rows:
        """Return the sequences, without a copy of an array."""
        X = self._labelled()[0]
        uneven = is_uneven(X)
        values, missing = even(X) if uneven else (np.asarray(as_array(X, "X")), None)
        if values.dtype.kind not in "biuf":
            check_digits(values, "X")
            try:
                values = values.astype(np.float64)
            except ValueError as error:
                if "could not convert string" not in str(error):
                    raise
                raise text_error(X, error, "X") from None
        check_shape(values, "X")
        if self.lengths is not None or self.observed is not None:
            others = missing_steps(values.shape[:2], self.lengths, self.observed)
            missing = others if missing is None else missing | others
        return Rows(values, missing)

    def _given_classes(self, y: Any = None) -> NDArray[Any]:
        """Return latents as they were passed, to the world or to `fit`, one value a step."""
        given = self._labelled()[1] if y is None else in_order(y, "y")
        return given_classes(given, self._rows().shape[1])

    def _n_sequences(self) -> int:
        return len(self._rows()) if hasattr(self.X, "dims") else len(self.X)

    def check(self) -> None:
        """Check the recordings as they are now; an array may have been changed in place.

        Raises
        ------
        ValueError
            If no assessment of these recordings could be trusted.
        """
        self._found_of = None
        self.recorded()

    def recorded(self) -> Recorded:
        """Return the recordings, checked once for these parameters.

        Returns
        -------
        Recorded
            Sequences, their latents, and the unit of each.

        Raises
        ------
        ValueError
            If no assessment of these recordings could be trusted.
        """
        self._validate_params()
        X, given = self._labelled()
        self._check_labels(X, given)
        rows = self._rows()
        found = self._found()
        checked = "observed" in found
        if checked:
            observed = found["observed"]
        else:
            rows.check_finite()
            observed = rows.observed()
            # Of what is driven, some steps may never be asked for.
            least = 2 if self.feedback else 1
            check_observed(observed, least=least, each_step=self.inputs is None)
        units, latents = self._units(), None
        if self.inputs is None and not self.feedback:
            raise ValueError(
                "feedback=False, but inputs is None: predictors would see nothing; pass what X is "
                "to be predicted from as inputs, or feedback=True."
            )
        if given is not None:
            latents = check_latents(given, rows, observed=observed, lengths=lengths_of(X))
            self._names(latents)
        if not checked:
            # An assessment knows from the model whether integers are tokens.
            check_rows(rows, tokens=self.likelihood == "auto")
            if self.inputs is not None:
                driven = self._take(rows, slice(None))
                without_partly_missing(driven, self.n_exogenous, "inputs")
            found["observed"] = observed
        return Recorded(rows, latents, units)

    def _take(self, X: Rows, rows: Which) -> Floats:
        """Return some sequences, with the inputs that drive them."""
        taken = X.take(rows)
        if self.inputs is None:
            return taken
        inputs = self._inputs()[rows]
        return with_inputs(taken, inputs, self.input_delay, feedback=self.feedback)

    def _probed(self, X: Rows, latents: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Return at which steps latents are known: of a task, at which they and inputs are."""
        if self.feedback:
            return super()._probed(X, latents)
        known = is_observed(self._inputs())
        return known & is_observed(latents) if latents.dtype.kind == "f" else known

    def _known_of(
        self, X: Rows, latents: NDArray[Any] | None, rows: Numbers
    ) -> NDArray[np.bool_] | None:
        if self.feedback or latents is None:
            return None
        known: Any = self._probed(X, latents)
        return known_in_rows(known[rows], self.input_delay, self.feedback)

    def _latents_of(self, latents: NDArray[Any]) -> NDArray[Any]:
        """Return latents at the steps of sequences with their inputs."""
        return of_rows(latents, self.input_delay, self.feedback)

    def _check_labels(self, X: Any, latents: Any) -> None:
        check_labels(X, latents, "latents")
        check_aligned(X, self.groups, "groups")
