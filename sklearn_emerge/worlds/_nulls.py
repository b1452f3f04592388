"""Nulls: worlds made from a world by destroying its structure in time."""

from abc import abstractmethod
from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from .._missing import is_observed
from .._random import substream
from .._roles import exogenous_of, join, targets_of
from .._typing import Floats, RandomState
from ._base import World
from ._sample import Sample
from ._surrogates import surrogates


class Null(World):
    """What the nulls share: the facts of their world, its sequences, and no latents."""

    latent_kind = None
    latent_names = ()
    _parameter_constraints = {"world": [World]}

    def __init__(self, world: World) -> None:
        self.world = world

    observation = property(lambda self: self.world.observation)
    noise_std = property(lambda self: self.world.noise_std)
    input_scaling = property(lambda self: self.world.input_scaling)
    output_scaling = property(lambda self: self.world.output_scaling)
    n_tokens = property(lambda self: self.world.n_tokens)
    n_exogenous = property(lambda self: self.world.n_exogenous)
    feedback = property(lambda self: self.world.feedback)
    n_steps = property(lambda self: self.world.n_steps)
    # Whether steps are moved, and with them whether they are scored.
    _moves_steps = True
    # What `ceiling` is if sequences can be drawn at will.
    _ceiling: str | None = None

    @property
    def ceiling(self) -> str | None:
        """What the score of the optimal predictor is; recordings are too few to tell."""
        return None if self._recorded else self._ceiling

    @property
    def null_kinds(self) -> tuple[str, ...]:
        """The nulls of the world that can be made of sequences alone."""
        return tuple(kind for kind in self.world.null_kinds if kind in NULLS)

    def default_split(self, n_train: int | None, n_eval: int | None) -> tuple[int, int]:
        """Fill in numbers of sequences that are None, as the world does.

        Parameters
        ----------
        n_train, n_eval : int or None
            Numbers of sequences for training and evaluation.

        Returns
        -------
        n_train, n_eval : int
        """
        return self.world.default_split(n_train, n_eval)

    def units_per_split(self, n_train: int, n_eval: int) -> tuple[int, int] | None:
        """Return how many units a split trains on and holds out, as the world does.

        Parameters
        ----------
        n_train, n_eval : int
            Numbers of sequences for training and evaluation.

        Returns
        -------
        (int, int) or None
        """
        return self.world.units_per_split(n_train, n_eval)

    def split(
        self, n_train: int, n_eval: int, random_state: RandomState = None
    ) -> tuple[Sample, Sample]:
        """Split the world's sequences and destroy the structure of each part on its own.

        Parameters
        ----------
        n_train, n_eval : int
            How many sequences of each.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of the draws. The sequences are those that the world itself splits
            with the same `random_state`.

        Returns
        -------
        train, evaluation : Sample
            As `World.split` returns them, with ``latents=None``.
        """
        self._validate_params()
        stream = substream(random_state)
        return self._destroyed_split(self.world.split(n_train, n_eval, stream), stream)

    def splits(
        self, n_splits: int, n_train: int, n_eval: int, random_state: RandomState = None
    ) -> list[tuple[Sample, Sample]]:
        """Destroy the structure of each of the world's splits.

        Parameters
        ----------
        n_splits : int
            How many.
        n_train, n_eval : int
            How many sequences of each.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of the draws, see `split`.

        Returns
        -------
        list of (train, evaluation)
            As `split` returns them.
        """
        self._validate_params()
        stream = substream(random_state)
        splits = self.world.splits(n_splits, n_train, n_eval, stream)
        return [
            self._destroyed_split(parts, substream(stream, i)) for i, parts in enumerate(splits)
        ]

    def _destroyed_split(
        self, parts: tuple[Sample, Sample], stream: np.random.SeedSequence
    ) -> tuple[Sample, Sample]:
        train, evaluation = (
            self._completed(self._destroyed(part, substream(stream, name)))
            for part, name in zip(parts, ("train", "evaluation"), strict=True)
        )
        return train, evaluation

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        self.world._check_request(n_sequences)
        return self._destroyed(self.world._draw(n_sequences, stream), stream)

    def _destroyed(self, sample: Sample, stream: np.random.SeedSequence) -> Sample:
        # The depth keeps the null of a null from repeating the same permutation.
        rng = np.random.default_rng(substream(stream, "null", self._depth))
        X, scored = sample.X, sample.scored
        if self.n_exogenous:
            # What drives stays as it is, with its own structure; what it drove is lost.
            X, exogenous = targets_of(X, self.n_exogenous), exogenous_of(X, self.n_exogenous)
        destroy = self._destroy if sample.observed is None else self._destroy_observed
        if scored is None or not self._moves_steps:
            X = destroy(X, rng)
        else:
            # Steps keep whether they are scored.
            channels = X.reshape(*X.shape[:2], -1)
            both = destroy(np.concatenate([channels, scored[..., np.newaxis]], axis=2), rng)
            X, scored = both[..., :-1].reshape(X.shape), both[..., -1].astype(bool)
        observed = sample.observed
        if self.n_exogenous:
            X = self._driven(X, exogenous)
            if observed is not None:
                observed = is_observed(targets_of(X, self.n_exogenous))
        return Sample(X, scored=scored, observed=observed, groups=sample.groups)

    @abstractmethod
    def _destroy(self, X: Floats, rng: np.random.Generator) -> Floats:
        """Return sequences without their structure, of complete ones."""

    def _driven(self, targets: Floats, exogenous: Floats) -> Floats:
        """Return targets and exogenous channels together."""
        return join(targets, exogenous)

    def _destroy_observed(self, X: Floats, rng: np.random.Generator) -> Floats:
        """Return what `_destroy` does, where some steps are NaN; these stay where they are."""
        return self._destroy(X, rng)

    def recorded_spread(self) -> Floats | None:
        """Return the standard deviation of each channel over all recordings, as the world does.

        Returns
        -------
        ndarray of shape (n_channels,) or None
        """
        return self.world.recorded_spread()

    def evaluation_world(self) -> World:
        """Return the null of the world that evaluation sequences come from.

        Returns
        -------
        World
        """
        return clone(self).set_params(world=self.world.evaluation_world())

    _recorded = property(lambda self: self.world._recorded)

    @property
    def _depth(self) -> int:
        return 1 + self.world._depth


class ShuffleNull(Null):
    """Every sequence permuted along time on its own.

    The null of *Emergence Without Scale*. What is left is exchangeable but not independent:
    values are drawn without replacement and each sequence keeps its own mean, so a predictor
    with a memory can still gain on it. Use `ResampleNull` for a null with no memory. The
    source calls this null spectrally matched; it is not, shuffling whitens the spectrum, and
    `PhaseNull` is the one that matches it.

    Parameters
    ----------
    world : World
        The world whose sequences are permuted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import OscillatorWorld
    >>> world = OscillatorWorld()
    >>> original = world.sample(2, random_state=0).X
    >>> shuffled = world.null("shuffle").sample(2, random_state=0).X
    >>> bool(np.all(np.sort(original) == np.sort(shuffled)))
    True
    """

    @property
    def _ceiling(self) -> str | None:
        """A bound with feedback: without it, what inputs tell of a sequence is not known."""
        return "bound" if self.feedback else None

    def _destroy(self, X: Floats, rng: np.random.Generator) -> Floats:
        return _permuted(X, rng, axis=1)


class ResampleNull(Null):
    """Values permuted across sequences, at every step anew: no memory within a sequence.

    The distribution of each step is exactly that of the world; a step says nothing about the
    next. No predictor can gain on it over the mean of each step.

    Parameters
    ----------
    world : World
        The world whose sequences are permuted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import OscillatorWorld
    >>> world = OscillatorWorld()
    >>> original = world.sample(9, random_state=0).X
    >>> resampled = world.null("resample").sample(9, random_state=0).X
    >>> bool(np.all(np.sort(original, axis=0) == np.sort(resampled, axis=0)))
    True
    """

    _ceiling = "exact"

    def _destroy(self, X: Floats, rng: np.random.Generator) -> Floats:
        return _permuted(X, rng, axis=0)


class PhaseNull(Null):
    r"""Surrogates with the values and the spectra of each sequence, and random phases.

    Iterative amplitude-adjusted Fourier transform: the amplitudes of the spectrum and the
    sorted values are imposed in turn, the values last, so that the values are exact and the
    spectrum is close (Schreiber and Schmitz, 1996). What a linear filter can predict remains;
    what needs the nonlinear dynamics, or their phase, is gone.

    Several channels keep their cross-spectra, too: the same random phase is added to all channels
    of a frequency (Prichard and Theiler, 1994), and where values are imposed, the phases
    :math:`\psi_c` that these leave are replaced by those of the data, :math:`\phi_c`, turned by
    the one angle that is nearest to all (Schreiber and Schmitz, 2000):

    .. math:: \alpha = \arg \sum_c e^{i (\psi_c - \phi_c)}.

    Parameters
    ----------
    world : World
        The world whose sequences are replaced, of continuous observations.
    n_iterations : int, default=50
        Rounds at most; it stops earlier when no sequence changes.

    References
    ----------
    Prichard, D. and Theiler, J. (1994). Generating surrogate data for time series with several
    simultaneously measured variables. Physical Review Letters 73, 951-954.

    Schreiber, T. and Schmitz, A. (2000). Surrogate time series. Physica D 142, 346-382.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import OscillatorWorld
    >>> world = OscillatorWorld()
    >>> original = world.sample(2, random_state=0).X
    >>> surrogate = world.null("phase").sample(2, random_state=0).X
    >>> bool(np.all(np.sort(original) == np.sort(surrogate)))
    True
    """

    _parameter_constraints = {
        "world": [World],
        "n_iterations": [Interval(Integral, 1, None, closed="left")],
    }

    # Values of all times make a surrogate: no step of it is one of the data.
    _moves_steps = False

    def __init__(self, world: World, n_iterations: int = 50) -> None:
        super().__init__(world)
        self.n_iterations = n_iterations

    def _destroy_observed(self, X: Floats, rng: np.random.Generator) -> Floats:
        # Each sequence at its own length.
        lengths = is_observed(X).sum(axis=1)
        surrogate = X.copy()
        for length in np.unique(lengths):
            rows = lengths == length
            surrogate[rows, :length] = self._destroy(X[rows, :length], rng)
        return surrogate

    def _destroy(self, X: Floats, rng: np.random.Generator) -> Floats:
        return surrogates(X, rng, self.n_iterations)


class ExchangeNull(Null):
    """Sequences that have the exogenous channels of another one.

    Targets and what drives them keep all of their own structure, and have nothing to do with each
    other. In a task, whose predictors do not see the targets, nothing but the mean of each step is
    left to predict; with feedback what a sequence tells of itself remains. Where the exogenous
    channels of another sequence end before, the targets are missing. One sequence alone stays.

    Parameters
    ----------
    world : World
        The world whose sequences are exchanged, with exogenous channels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import ArrayWorld
    >>> X, U = np.random.default_rng(0).normal(size=(2, 6, 8))
    >>> world = ArrayWorld(X, inputs=U)
    >>> original = world.sample(6, random_state=0).X
    >>> exchanged = world.null("exchange").sample(6, random_state=0).X
    >>> bool(np.all(exchanged[:, :, 1] == original[:, :, 1]))
    True
    >>> bool(np.any(exchanged[:, 0, 0] == original[:, 0, 0]))
    False
    """

    @property
    def _ceiling(self) -> str | None:
        """Exact without feedback: sequences are independent of each other."""
        return None if self.feedback else "exact"

    def _destroy(self, X: Floats, rng: np.random.Generator) -> Floats:
        # One cycle through all, so that none stays where it is.
        order = rng.permutation(len(X))
        exchanged = np.empty_like(X)
        exchanged[order] = X[np.roll(order, 1)]
        return exchanged

    def _driven(self, targets: Floats, exogenous: Floats) -> Floats:
        unknown = ~is_observed(exogenous)
        if unknown.any():
            after = np.logical_or.accumulate(unknown, axis=1)[:, :-1]
            targets = targets.astype(np.float64)
            targets[:, 1:][after] = np.nan
        return super()._driven(targets, exogenous)


def _permuted(X: Floats, rng: np.random.Generator, axis: int) -> Floats:
    """Return X with its steps permuted along an axis, each on its own; missing ones stay."""
    order = rng.random(X.shape[:2])
    missing = ~is_observed(X)
    order[missing] = np.inf
    # Channels of one step stay together.
    shape = (*order.shape, *(1,) * (X.ndim - 2))
    values = np.take_along_axis(X, order.argsort(axis=axis).reshape(shape), axis=axis)
    if not missing.any():
        return values
    # Those that are observed are first; they go to the places of these.
    places = missing.argsort(axis=axis, kind="stable").reshape(shape)
    permuted = np.empty_like(X)
    np.put_along_axis(permuted, places, values, axis=axis)
    return permuted


NULLS: dict[str, type[Null]] = {
    "shuffle": ShuffleNull,
    "resample": ResampleNull,
    "phase": PhaseNull,
    "exchange": ExchangeNull,
}
