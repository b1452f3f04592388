"""The contract of a predictor."""

import warnings
from abc import ABC, abstractmethod
from copy import copy
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._missing import is_observed
from .._padding import even, is_uneven
from .._roles import exogenous_of
from .._tokens import vocabulary_size
from .._typing import Floats
from .._validation import as_numbers, check_sequences
from ..likelihoods import LIKELIHOODS, Likelihood
from ._rollout import Rollouts
from ._scale import center_and_scale, spread_of_constant
from ._states import RecurrentStates


class BasePredictor(RecurrentStates, Rollouts, ABC):
    """Next-step prediction with a likelihood; subclasses implement `_fit` and `_predict`.

    One whose state can be reset implements ``_predict_from(X, n_inputs)``, too, which returns the
    means given the last inputs before each step alone, with the clock of the true steps; all
    inputs where there are no more. It then has `score_from_last`, and so a `memory_curve`.

    Both receive float64 arrays of shape (n_sequences, n_steps, n_channels); `_predict` returns
    the means of the next steps in the same shape. Tokens arrive as one channel of integers, and
    their means are probabilities, of shape (n_sequences, n_steps, ``n_tokens_``).

    One that knows of exogenous channels has a parameter `n_exogenous`: the last channels of X,
    which are seen and not predicted, and one that need not see what it predicts a parameter
    `feedback`, too. Its `_fit` and `_predict` receive all channels, ask `_targets` and `_seen` for
    those that are predicted and that predictions are made from, and `_predict` returns the means
    of the targets alone.

    Attributes
    ----------
    training_modes : tuple of str
        What a parameter `training` may be; a predictor without one is always fully trained.
    knows_tokens : bool
        Whether the predictor knows the categorical likelihood; it then has a parameter `n_tokens`.
    takes_missing : bool
        Whether sequences may have missing steps, which are NaN. `_fit` then receives these, and
        `_predict` what `fill_missing` puts in their place: the last observed step.
    """

    _parameter_constraints: dict[str, Any] = {
        "likelihood": [StrOptions({"auto", *LIKELIHOODS})],
        "noise_std": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto", "estimate"}),
            "array-like",
        ],
    }
    training_modes: tuple[str, ...] = ("full",)
    knows_tokens = False

    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn to predict the next step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Training sequences, at least two, of at least two steps each. Steps that are NaN are
            missing, see `ArrayWorld`: what is missing neither counts nor teaches. The last
            `n_exogenous` channels, of predictors that have this parameter, drive the others and
            are not predicted: those of step t are seen when step t + 1 is predicted.
        y : None, default=None
            Ignored; the targets are the sequences themselves.

        Returns
        -------
        self : predictor
            Fitted.

        Raises
        ------
        ValueError
            If X or a parameter is not as described.
        """
        X = self.prepare(X)
        self._fit(X)
        self._finish(X)
        return self

    def prepare(self, X: ArrayLike) -> Floats:
        """Check parameters and sequences, and settle the likelihood: all of `fit` but learning.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Training sequences.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_channels)
            The sequences as the predictor sees them; tokens stay numbers.

        Raises
        ------
        ValueError
            As in `fit`.

        Examples
        --------
        >>> from sklearn_emerge import MeanPredictor
        >>> MeanPredictor(likelihood="categorical").prepare([[0, 1], [2, 0]]).shape
        (2, 2, 1)
        """
        self._validate_params()
        self._settle_roles()
        X = check_sequences(
            self, X, reset=True, n_exogenous=self._n_exogenous, feedback=self._feedback
        )
        self.n_steps_ = X.shape[1]
        self.likelihood_ = "gaussian" if self.likelihood == "auto" else self.likelihood
        self._has_tokens = self._likelihood.tokens
        if self._has_tokens:
            if not self.knows_tokens:
                raise ValueError(
                    f"likelihood='categorical' is for tokens, which {type(self).__name__} cannot "
                    "predict; use a network, or a predictor of means, persistence or Markov chains."
                )
            n_tokens = None if self.n_tokens == "auto" else int(self.n_tokens)
            self.n_tokens_ = vocabulary_size(self._targets(X), n_tokens)
            self._check_vocabulary(self.n_tokens_)
        if self.takes_missing:
            self._learn_usual_step(X, self._likelihood)
        targets = self._targets(X)
        self._likelihood.check(targets)
        if not self._estimates_noise:
            check_noise(self.noise_std, self._n_means(X))
        return X

    def _check_vocabulary(self, n_tokens: int) -> None:
        """Raise a ValueError if a vocabulary is too large for what is learned."""

    def _n_means(self, X: Floats) -> int:
        """Return how many means a step has: of tokens the vocabulary."""
        return self.n_tokens_ if self._has_tokens else self._targets(X).shape[2]

    def fill_missing(self, X: Floats) -> Floats:
        """Return sequences with something in place of what is missing, as predictions see them.

        Parameters
        ----------
        X : ndarray of shape (n_sequences, n_steps, n_channels)
            Sequences as `encode` returns them, NaN where a step is missing.

        Returns
        -------
        ndarray of the same shape
            In place of a missing step the one before, and before the first one what is usual in
            the training data. If nothing is missing, X itself.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_emerge import MeanPredictor
        >>> model = MeanPredictor().fit([[0.0, 1.0], [2.0, 1.0]])
        >>> model.fill_missing(model.encode([[2.0, np.nan]])).ravel().tolist()
        [2.0, 2.0]
        """
        return self._fill_channels(X) if self.takes_missing else X

    @property
    def _likelihood(self) -> Likelihood:
        """The likelihood in use."""
        return LIKELIHOODS[self.likelihood_]

    def encode(self, X: ArrayLike) -> Floats:
        """Check sequences against those of `fit`, and return them as the predictor sees them.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_channels)
            In float64. Missing steps are NaN in all channels that are predicted.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`.

        Examples
        --------
        >>> from sklearn_emerge import MeanPredictor
        >>> model = MeanPredictor(likelihood="categorical").fit([[0, 1], [2, 0]])
        >>> model.encode([[1, 2]]).tolist()
        [[[1.0], [2.0]]]
        """
        check_is_fitted(self)
        X = check_sequences(self, X, reset=False, n_exogenous=self._n_exogenous)
        if self._has_tokens:
            vocabulary_size(self._targets(X), self.n_tokens_)
        return X

    @property
    def _estimates_noise(self) -> bool:
        """Whether the noise of quantities comes from the data."""
        return isinstance(self.noise_std, str)

    def _finish(self, X: Floats) -> None:
        """Settle the noise."""
        given = None if self._estimates_noise else self.noise_std
        targets = self._targets(X)

        def estimate() -> Floats:
            # The floor keeps the density finite where the prediction is perfect.
            floor = np.finfo(np.float64).eps * center_and_scale(targets)[1]
            spread = spread_of_constant(targets)
            if spread is not None:
                # Nothing was learned of such a channel, by any predictor.
                floor = np.fmax(floor, spread)
            return np.maximum(np.sqrt(self._square_error(X)), floor)

        noise_std = self._likelihood.noise(self._n_means(X), given, estimate)
        self.noise_std_, self.shape_ = self._likelihood.settle(
            noise_std,
            given is not None,
            lambda: (targets[:, 1:], self._predict(self.fill_missing(X))[:, :-1]),
        )

    def _scaling(self, X: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the columns that are seen; 1 if constant."""
        parts = [center_and_scale(self._columns(X))] if self._feedback else []
        if self._n_exogenous:
            parts.append(center_and_scale(exogenous_of(X, self._n_exogenous), recorded=False))
        center, scale = (np.concatenate(each) for each in zip(*parts, strict=True))
        return center, scale

    def _square_error(self, X: Floats) -> Floats:
        """Return the mean square error a channel that the noise is estimated by."""
        targets = self._targets(X)
        residual = targets[:, 1:] - self._predict(self.fill_missing(X))[:, :-1]
        observed = is_observed(targets)[:, 1:]
        if not observed.all():
            residual = residual[observed][np.newaxis]
        return (residual**2).mean(axis=(0, 1))

    def predict(self, X: ArrayLike) -> Floats:
        """Predict the mean of every next step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.

        Returns
        -------
        ndarray of the shape of X, without exogenous channels
            Entry t is the mean of step t + 1 given the steps up to t, on the scale of the
            data (a probability under the Bernoulli likelihood, above 0 of counts). The last entry
            predicts the step after the end. For tokens the probability of each, of shape
            (n_sequences, n_steps, n_tokens). Missing steps are predicted, too.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If X does not have the number of steps and channels seen in `fit`.
        """
        mean = self._predict(self.fill_missing(self.encode(X)))
        mean = self._likelihood.clip(mean)
        several = np.ndim(even(X)[0] if is_uneven(X) else X) == 3 or self._likelihood.tokens
        return mean if several else mean[:, :, 0]

    def at_length(self, n_steps: int) -> Self:
        """Return a fitted copy that takes sequences of another length.

        Evaluating on longer or shorter sequences than in training is a scientific question
        (does it generalise in length?), so it is asked for explicitly; otherwise a wrong
        length is an error. The clock of a network runs on at the pace of training, beyond 1
        for longer sequences.

        Parameters
        ----------
        n_steps : int
            The length, at least 2.

        Returns
        -------
        predictor
            A copy that shares what was learned; the original is unchanged.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If the length is below 2.

        Examples
        --------
        >>> from sklearn_emerge import PersistencePredictor
        >>> from sklearn_emerge.datasets import make_drift
        >>> model = PersistencePredictor(noise_std=0.05).fit(make_drift(random_state=0).X)
        >>> model.at_length(200).predict(make_drift(n_steps=200, random_state=1).X).shape
        (100, 200)
        """
        check_is_fitted(self)
        if not isinstance(n_steps, Integral) or n_steps < 2:
            raise ValueError(f"n_steps={n_steps!r} is not a length; pass an integer of at least 2.")
        other = copy(self)
        other.n_features_in_ = int(n_steps)
        # Names of columns belong to the length of training.
        other.__dict__.pop("feature_names_in_", None)
        return other

    @abstractmethod
    def _fit(self, X: Floats) -> None:
        """Learn from X."""

    @abstractmethod
    def _predict(self, X: Floats) -> Floats:
        """Return the predicted means."""


def check_noise(noise_std: ArrayLike, n_channels: int) -> None:
    """Raise a ValueError unless a noise is one number above 0, or one for each channel."""
    values = as_numbers(noise_std, "noise_std")
    if values.shape not in ((), (n_channels,)):
        raise ValueError(
            f"noise_std={noise_std!r} has shape {values.shape}, but X has {n_channels} "
            f"channel{'s' * (n_channels > 1)}; pass one number, or one for each channel."
        )
    if not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(
            f"noise_std={noise_std!r} must be finite and above 0 in every channel; pass standard "
            "deviations in units of the data, or 'estimate'."
        )


def warn_unless_converged(predictor: Any, columns: str, stacklevel: int) -> None:
    """Warn that a head of a predictor has not converged, if it has not.

    Parameters
    ----------
    predictor : predictor
        Fitted, with `converged_`.
    columns : str
        What its heads read.
    stacklevel : int
        As in `warnings.warn`, from where this is called.
    """
    if not predictor.converged_:
        warnings.warn(
            f"A head of {type(predictor).__name__} has not converged (see converged_): its loss is "
            f"all but flat in some direction. Fit more sequences, or fewer {columns}.",
            ConvergenceWarning,
            stacklevel=stacklevel + 1,
        )
