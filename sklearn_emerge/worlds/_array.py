"""A world made of recordings."""

import numpy as np

from .._latents import check_latents, encode_latents
from .._random import substream
from .._recordings import check_recordings
from .._tables import check_labels, names_of, text_error, text_name
from .._validation import as_array, check_finite, check_scale, check_shape
from ._base import World
from ._strata import divide, sequence_classes


class ArrayWorld(World):
    """Your own recordings as a world.

    Everything but the ceiling works on it: nulls, baselines, probes, assessment. Its
    sequences are drawn without replacement, and training and evaluation never share one.

    Parameters
    ----------
    X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        The recordings, each row an independent unit. Values that are all 0 or 1 make a binary
        world, scored by the Bernoulli likelihood. Of other integers an assessment asks for the
        likelihood of the model: they may be tokens or quantities.
    latents : array-like of shape (n_sequences,), (n_sequences, n_steps) or \
            (n_sequences, n_steps, n_latents), default=None
        What a probe should decode; or a table with one row a sequence and one named column a
        latent. Floats are quantities. Integers, booleans, text and pandas categories are classes,
        of which the last two are numbered in sorted order, in a table those of each column.
    latent_names : sequence of str, default=None
        One name a latent. None takes those of labelled latents (the name of a Series or
        DataArray, columns, coordinates), or "latent 0", "latent 1", ....

    Raises
    ------
    ValueError
        When sequences are drawn or an assessment starts: if values are missing, masked or text, a
        channel is constant, sequences share samples, as overlapping windows do, many of them
        begin or end in equal values, as padded ones do, or labels of X and latents disagree.
        Whether integers repeat is asked when an assessment starts, unless they are tokens.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import ArrayWorld
    >>> world = ArrayWorld(np.arange(20.0).reshape(5, 4))
    >>> train, evaluation = world.split(3, 2, random_state=0)
    >>> sorted(np.concatenate([train.X[:, 0], evaluation.X[:, 0]]).tolist())
    [0.0, 4.0, 8.0, 12.0, 16.0]
    """

    output_scaling = "standard"
    _parameter_constraints = {
        "X": ["array-like"],
        "latents": ["array-like", None],
        "latent_names": ["array-like", None],
    }

    def __init__(self, X, latents=None, latent_names=None):
        self.X = X
        self.latents = latents
        self.latent_names = latent_names

    @property
    def observation(self):
        """Binary if every value is 0 or 1, else continuous."""
        X = np.asarray(self.X)
        return "binary" if ((X == 0) | (X == 1)).all() else "continuous"

    @property
    def null_kinds(self):
        """All nulls for continuous recordings; no phase surrogates of binary ones."""
        kinds = ("shuffle", "resample")
        return kinds if self.observation == "binary" else (*kinds, "phase")

    @property
    def likelihood(self):
        """As of every world, but "auto" for integers, which may be tokens or quantities."""
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
            What the other leaves; if both are None, a quarter of the recordings, at least five,
            is for evaluation.
        """
        n_sequences = len(self.X)
        if n_eval is None:
            n_eval = max(5, n_sequences // 4) if n_train is None else n_sequences - n_train
        return n_sequences - n_eval if n_train is None else n_train, n_eval

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

    def _check(self):
        """Raise a ValueError if no assessment of these recordings could be trusted."""
        self._checked = None
        self._arrays()

    def _arrays(self):
        self._validate_params()
        check_labels(self.X, self.latents, "latents")
        X = as_array(self.X, "X")
        try:
            X = np.asarray(X, dtype=np.float64)
        except ValueError as error:
            if "could not convert string" not in str(error):
                raise
            raise text_error(self.X, error, "X") from None
        check_shape(X, "X")
        check_finite(X, "X")
        latents = None if self.latents is None else check_latents(self.latents, X)
        if latents is not None:
            self._names(latents)
        # Once for an array, which workers receive with this mark.
        if getattr(self, "_checked", None) is not self.X:
            check_scale(X.reshape(*X.shape[:2], -1), "X")
            # An assessment knows from the model whether integers are tokens.
            check_recordings(X, tokens=self.likelihood == "auto")
            self._checked = self.X
        return X, latents

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

    def _draw(self, n_sequences, stream, n_train=None):
        X, latents = self._arrays()
        if n_sequences > len(X):
            raise ValueError(
                f"{n_sequences} sequences were asked for, but X holds {len(X)}; ask for fewer "
                "(n_train and n_eval of an assessment add up) or record more."
            )
        rows = np.random.default_rng(stream).permutation(len(X))
        classes = None if n_train is None else sequence_classes(latents)
        if classes is not None:
            rows = divide(rows, classes, n_train, n_sequences - n_train)
        rows = rows[:n_sequences]
        return X[rows], None if latents is None else latents[rows]

    def _sample(self, n_sequences, stream):
        return self._draw(n_sequences, stream)

    def _spread(self):
        return self._arrays()[0].std(axis=(0, 1))

    def split(self, n_train, n_eval, random_state=None):
        """Divide the recordings at random into training and evaluation.

        If latents have one class a sequence, the division is stratified: every class of at
        least two sequences is in both parts, and twice in evaluation if it has three, as far as
        there is room. Several such latents are stratified by their combination if each occurs in
        at least three sequences, else by the first of them.

        Parameters
        ----------
        n_train, n_eval : int
            How many sequences of each, together at most as many as there are.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of the division.

        Returns
        -------
        train, evaluation : sklearn.utils.Bunch
            As `World.sample` returns them; no sequence is in both.

        Raises
        ------
        ValueError
            If more sequences are asked for than were recorded.
        """
        self._check_request(n_train)
        self._check_request(n_eval)
        stream = substream(random_state, "split")
        X, latents = self._draw(n_train + n_eval, stream, n_train)
        parts = (slice(None, n_train), slice(n_train, None))
        return tuple(
            self._bunch(X[part], None if latents is None else latents[part]) for part in parts
        )

    def _bunch(self, X, latents):
        bunch = super()._bunch(X, latents)
        bunch.latent_names = () if latents is None else self._names(latents)
        return bunch
