"""A world made of recordings."""

import numpy as np

from .._random import substream
from .._validation import check_finite, check_latents
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
        world, scored by the Bernoulli likelihood.
    latents : array-like of shape (n_sequences,), (n_sequences, n_steps) or \
            (n_sequences, n_steps, n_latents), default=None
        What a probe should decode. Integers and booleans are classes, floats are quantities.
    latent_names : sequence of str, default=None
        One name a latent; "latent 0", "latent 1", ... if None.

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
    def latent_kind(self):
        """Discrete for integer or boolean latents, continuous for floats."""
        if self.latents is None:
            return None
        return "discrete" if np.asarray(self.latents).dtype.kind in "biu" else "continuous"

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

    def _arrays(self):
        self._validate_params()
        X = np.asarray(self.X, dtype=np.float64)
        if X.ndim not in (2, 3):
            raise ValueError(
                f"X has shape {X.shape}, but recordings are an array of shape (n_sequences, "
                "n_steps) or (n_sequences, n_steps, n_channels); one series alone is "
                "X.reshape(1, -1)."
            )
        check_finite(X, "X")
        latents = None if self.latents is None else check_latents(self.latents, X)
        named = latents is not None and self.latent_names is not None
        if named and len(set(self.latent_names)) != latents.shape[2]:
            raise ValueError(
                f"latent_names={self.latent_names!r} has {len(set(self.latent_names))} different "
                f"names for {latents.shape[2]} latents; give one each."
            )
        return X, latents

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
        if latents is None:
            bunch.latent_names = ()
        elif self.latent_names is None:
            bunch.latent_names = tuple(f"latent {i}" for i in range(latents.shape[2]))
        else:
            bunch.latent_names = tuple(self.latent_names)
        return bunch
