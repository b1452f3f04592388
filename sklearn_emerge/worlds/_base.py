"""The contract of a world."""

import warnings
from abc import ABC, abstractmethod
from contextlib import suppress
from copy import copy
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from .._missing import is_observed, mean_of_steps
from .._names import Estimator, did_you_mean
from .._random import substream
from .._roles import targets_of
from .._tokens import token_type
from .._typing import Floats, RandomState
from ._facts import WorldFacts
from ._flow import StatedFlow
from ._picture import facts_line, html_of
from ._sample import Sample, shown


class _Words(str):
    """Text that shows itself without quotation marks."""

    __repr__ = str.__str__


class World(StatedFlow, ABC, Estimator):
    """A source of sequences, with the facts that predictors and probes need to know about it.

    An estimator of scikit-learn: all that can be chosen is a parameter of ``__init__``, which keeps
    it as it is under its name, so that `clone`, `set_params` and grids such as ``world__omega``
    work. A subclass implements one method, ``_draw(n_sequences, stream)``, which returns a `Sample`
    whose numbers all come from the SeedSequence `stream`. One that has a `ceiling` implements
    ``_optimal()``, too, which returns the best possible predictor, not fitted. One that knows how
    its latents go on declares `flow_kind` and implements ``_move(latents, step)``, latents of shape
    (n_sequences, n_latents) one step after `step` without noise, and ``_emit(latents)``, what
    latents of shape (..., n_latents) show without noise; `flow` and `emission` are made of these.
    What it declares are the attributes below, as far as they differ; `facts` is the record of them.
    `sklearn_emerge.testing.check_world` says whether all of this holds. If nothing but the draws
    differs, `FunctionWorld` makes a world of a function.

    Attributes
    ----------
    observation : {"continuous", "binary", "token"}
        The kind of observations, which decides the default likelihood.
    latent_kind : {"continuous", "discrete"} or None
        The kind of latents, which decides the default probe; None if there are none.
    latent_names : tuple of str
        One name a latent.
    noise_std : float or "estimate"
        The standard deviation of the Gaussian predictive likelihood, in units of the data.
    input_scaling, output_scaling : {"standard", "first", None}
        How this world's sequences enter and leave a network, see `GRUPredictor`.
    n_tokens : int or "auto"
        Size of the vocabulary of a world of tokens.
    null_kinds : tuple of str
        The nulls that `null` knows for this world.
    default_n_train, default_n_eval : int
        Numbers of sequences that an assessment takes unless told otherwise.
    ceiling : {"exact", "bound"} or None
        What the score of `optimal_predictor` is: the best that is possible, the best known, or
        not known.
    flow_kind : {"exact", "mean", "noisy"} or None
        What is known of how latents go on, which must then be the whole state. "exact": as `flow`
        says; "mean": so in the mean over what disturbs them, as of linear systems; "noisy":
        disturbed by process noise, by inputs, pulses or switches, which `flow` leaves out. None:
        not known, as of recordings and of nulls; `flow` and `emission` then raise a ValueError.
    n_exogenous : int
        How many of the last channels of X are exogenous: they drive the others, and are seen, but
        never predicted. Row t has those that act between step t and step t + 1; `with_inputs`
        makes such rows.
    feedback : bool
        Whether what is predicted is seen, too. False is a task: its targets are predicted from the
        exogenous channels alone.

    Examples
    --------
    A random walk that cannot leave an interval, with its position as what a probe should find:

    >>> import numpy as np
    >>> from sklearn_emerge.testing import check_world
    >>> from sklearn_emerge.worlds import Sample, World
    >>> class BoundedWalk(World):
    ...     latent_kind = "continuous"
    ...     latent_names = ("position",)
    ...
    ...     def __init__(self, bound=3.0, n_steps=40):
    ...         self.bound = bound
    ...         self.n_steps = n_steps
    ...
    ...     def _draw(self, n_sequences, stream):
    ...         rng = np.random.default_rng(stream)
    ...         position = np.zeros((n_sequences, self.n_steps))
    ...         for t in range(1, self.n_steps):
    ...             moved = position[:, t - 1] + rng.normal(size=n_sequences)
    ...             position[:, t] = moved.clip(-self.bound, self.bound)
    ...         X = position + rng.normal(scale=0.3, size=position.shape)
    ...         return Sample(X, position[:, :, np.newaxis])
    >>> check_world(BoundedWalk())
    >>> BoundedWalk(bound=1.0).null("shuffle").sample(5, random_state=0).X.shape
    (5, 40)
    """

    _parameter_constraints: dict[str, Any] = {}
    observation: str = "continuous"
    latent_kind: str | None = None
    latent_names: tuple[str, ...] = ()
    noise_std: float | str = "estimate"
    input_scaling: str | None = "standard"
    output_scaling: str | None = None
    n_tokens: int | str = "auto"
    null_kinds: tuple[str, ...] = ("shuffle", "resample", "phase")
    default_n_train = 2000
    default_n_eval = 500
    ceiling: str | None = None
    n_exogenous: int = 0
    feedback: bool = True
    # Of nulls, how many there are around a world.
    _depth = 0
    # Whether sequences are recordings, or made from some, rather than drawn at will.
    _recorded = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "_sample" in vars(cls):
            warnings.warn(
                f"{cls.__name__} implements _sample, which is called _draw now and returns "
                "sklearn_emerge.worlds.Sample(X, latents); _sample will be ignored from 0.2 on.",
                FutureWarning,
                stacklevel=2,
            )
            cls._draw = lambda self, n_sequences, stream: Sample(  # type: ignore[method-assign]
                *self._sample(n_sequences, stream)
            )

    @property
    def likelihood(self) -> str:
        """Name of the likelihood that suits the observations."""
        return {"binary": "bernoulli", "token": "categorical"}.get(self.observation, "gaussian")

    @property
    def facts(self) -> WorldFacts:
        """The facts of the world, a `WorldFacts`; a ValueError if they do not fit together."""
        return WorldFacts.of(self)

    @abstractmethod
    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        """Return a Sample, all of whose randomness comes from the SeedSequence `stream`."""

    def sample(self, n_sequences: int, random_state: RandomState = None) -> Sample:
        """Draw sequences.

        Parameters
        ----------
        n_sequences : int
            How many sequences, at least 1.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of the draws; None gives other sequences every time.

        Returns
        -------
        Sample
            The sequences, their latents, and what else is known of them.

        Raises
        ------
        ValueError
            If a parameter of the world or `n_sequences` is out of range.
        """
        self._check_request(n_sequences)
        return self._completed(self._draw(int(n_sequences), substream(random_state, "sample")))

    def split(
        self, n_train: int, n_eval: int, random_state: RandomState = None
    ) -> tuple[Sample, Sample]:
        """Draw independent sequences for training and evaluation.

        Parameters
        ----------
        n_train, n_eval : int
            How many sequences of each.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of the draws.

        Returns
        -------
        train, evaluation : Sample
            As `sample` returns them; no sequence is in both.
        """
        self._check_request(n_train)
        self._check_request(n_eval)
        stream = substream(random_state)
        train, evaluation = (
            world._completed(world._draw(int(n), substream(stream, part)))
            for part, n, world in (
                ("train", n_train, self),
                ("evaluation", n_eval, self.evaluation_world()),
            )
        )
        return train, evaluation

    def splits(
        self, n_splits: int, n_train: int, n_eval: int, random_state: RandomState = None
    ) -> list[tuple[Sample, Sample]]:
        """Draw training and evaluation sequences several times, as for the seeds of an assessment.

        Parameters
        ----------
        n_splits : int
            How many times.
        n_train, n_eval : int
            How many sequences of each.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of the draws.

        Returns
        -------
        list of (train, evaluation)
            As `split` returns them, each from a stream of its own: the first are the same,
            however many there are. Worlds that draw do so anew; of recordings see
            `ArrayWorld.splits`.
        """
        stream = substream(random_state)
        return [self.split(n_train, n_eval, substream(stream, i)) for i in range(n_splits)]

    def units_per_split(self, n_train: int, n_eval: int) -> tuple[int, int] | None:
        """Return how many independent units a split trains on and holds out, if splits share any.

        Parameters
        ----------
        n_train, n_eval : int
            Numbers of sequences for training and evaluation.

        Returns
        -------
        (int, int) or None
            None for worlds that draw: their splits are independent replicates. Of recordings,
            and of their nulls, ``n_train`` and ``n_test`` of `corrected_resampled_test`.
        """
        return None

    def evaluation_world(self) -> "World":
        """Return the world that evaluation sequences come from.

        Returns
        -------
        World
            Itself, unless a part of what it draws is evaluated alone, as a task is.
        """
        return self

    def default_split(self, n_train: int | None, n_eval: int | None) -> tuple[int, int]:
        """Fill in numbers of sequences that are None.

        Parameters
        ----------
        n_train, n_eval : int or None
            Numbers of sequences for training and evaluation.

        Returns
        -------
        n_train, n_eval : int
            With `default_n_train` and `default_n_eval` in place of None.
        """
        n_train = self.default_n_train if n_train is None else n_train
        return n_train, self.default_n_eval if n_eval is None else n_eval

    def null(self, kind: str) -> "World":
        """Return the matched world in which the structure in time is destroyed.

        Parameters
        ----------
        kind : str
            One of `null_kinds`. "shuffle": every sequence is permuted along time on its own;
            what is left is exchangeable, not memoryless. "resample": values are permuted
            across sequences at every step, which keeps the distribution of each step and no
            memory at all. "phase": IAAFT surrogates with the same values and the same power
            spectra, those between channels included. "exchange", of worlds with exogenous
            channels: each sequence has those of another one, so that all dynamics are kept and
            what drives is lost. Exogenous channels stay as they are in all of them.

        Returns
        -------
        World
            A world like any other; nulls of nulls work.

        Raises
        ------
        ValueError
            If this world has no null of that kind.
        """
        from ._nulls import NULLS

        if kind not in self.null_kinds:
            raise ValueError(
                f"null={kind!r} is not known for {type(self).__name__}; "
                f"choose from {', '.join(map(repr, self.null_kinds))}."
                f"{did_you_mean(kind, self.null_kinds)}"
            )
        return NULLS[kind](self)

    def optimal_predictor(
        self, likelihood: str = "auto", noise_std: float | str = "auto"
    ) -> BaseEstimator | None:
        """Return the best possible predictor of this world, fitted, or None.

        Its `predict` is the conditional mean of the next step given all steps before, which no
        predictor can beat in squared error or, for binary observations, in likelihood.

        Parameters
        ----------
        likelihood : str, default="auto"
            Likelihood of its score; "auto" is that of the world.
        noise_std : float, "estimate" or "auto", default="auto"
            Standard deviation of the Gaussian; "auto" is that of the world.

        Returns
        -------
        predictor or None
            None where it is not known (`ceiling` is None). Where `ceiling` is "bound", it is the
            best one known, a bound from below on what is possible.
        """
        from ..ceilings._of_world import optimal_predictor

        return optimal_predictor(self, likelihood, noise_std)

    def step_means(self) -> Floats:
        """Return the expected observation at each step, without exogenous channels.

        Returns
        -------
        ndarray of shape (n_steps,) or (n_steps, n_channels)
            Of tokens the probability of each, of shape (n_steps, n_tokens). Where a world does not
            know them, means of 20,000 sequences; of steps that are missing in all, that of all
            others.
        """
        X = self.sample(20_000, random_state=0).X
        if self.n_exogenous:
            X = targets_of(X, self.n_exogenous)
        if self.observation == "token":
            X = X.reshape(X.shape[:2])
            observed, tokens = is_observed(X), range(int(self.n_tokens))
            return np.stack([mean_of_steps(token == X, observed) for token in tokens], axis=1)
        return mean_of_steps(X)

    def recorded_spread(self) -> Floats | None:
        """Return the standard deviation of each channel over all recordings.

        Returns
        -------
        ndarray of shape (n_channels,) or None
            None of worlds that draw. A channel that is constant in training sequences alone is
            scaled by it.
        """
        return None

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Return how it is made, and below it what an assessment has to know."""
        # Of recordings, their type and shape instead of some numbers.
        short = copy(self)
        for name, value in self.get_params(deep=False).items():
            if isinstance(value, np.ndarray):
                setattr(short, name, _Words(f"<{shown(value)}>"))
        made = super(World, short).__repr__(N_CHAR_MAX)
        with suppress(Exception):
            # Its parameters may be wrong, which is for others to say.
            return f"{made}\n{facts_line(self)}"
        return made

    def _html_repr(self) -> str:
        """Return what notebooks show."""
        return super()._html_repr() + html_of(self)

    def _check_request(self, n_sequences: int) -> None:
        self._validate_params()
        if not isinstance(n_sequences, Integral) or n_sequences < 1:
            raise ValueError(
                f"n_sequences={n_sequences!r} is not a number of sequences; pass an integer of "
                "at least 1."
            )

    def _completed(self, sample: Sample) -> Sample:
        """Return a sample after filling in the world, and the names of its latents."""
        if not isinstance(sample, Sample):
            raise TypeError(
                f"{type(self).__name__}._draw returned {type(sample).__name__}; return "
                "sklearn_emerge.worlds.Sample(X), or Sample(X, latents)."
            )
        if sample.latents is not None and not sample.latent_names:
            sample.latent_names = self.latent_names
        whole = isinstance(sample.X, np.ndarray) and sample.X.dtype.kind in "iu"
        if whole and self.observation == "token" and isinstance(self.n_tokens, Integral):
            sample.X = sample.X.astype(token_type(int(self.n_tokens)), copy=False)
        sample.world = self
        return sample
