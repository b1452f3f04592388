"""The contract of a predictor."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._missing import is_observed, observed_only
from .._names import Estimator
from .._padding import even, is_uneven
from .._roles import exogenous_of
from .._typing import Floats
from .._validation import as_numbers, check_sequences, constant_channels
from ..likelihoods import LIKELIHOODS, Likelihood
from ._roles import Roles

# A function that returns the standard deviation of each channel over all recordings, of which
# training sequences are a part in which a channel may be constant.
Spread = Callable[[], Floats | None]
_SPREAD: ContextVar[Spread] = ContextVar("spread", default=lambda: None)


class BasePredictor(Roles, ABC, Estimator):
    """Next-step prediction with a likelihood; subclasses implement `_fit` and `_predict`.

    One whose state can be reset implements ``_predict_from(X, n_inputs)``, too, which returns the
    means given the last inputs before each step alone, with the clock of the true steps; all
    inputs where there are no more. It then has `score_from_last`, and so a `memory_curve`.

    Both receive float64 arrays of shape (n_sequences, n_steps, n_channels); `_predict` returns
    the means of the next steps in the same shape. Tokens arrive as channels, one a token of the
    vocabulary, of which one is 1 and the others 0, so that their mean is a probability, too.

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
        ndarray of shape (n_sequences, n_steps, n_channels or n_tokens)
            The sequences as the predictor sees them.

        Raises
        ------
        ValueError
            As in `fit`.

        Examples
        --------
        >>> from sklearn_emerge import MeanPredictor
        >>> MeanPredictor(likelihood="categorical").prepare([[0, 1], [2, 0]]).shape
        (2, 2, 3)
        """
        self._validate_params()
        self._settle_roles()
        X = check_sequences(
            self, X, reset=True, n_exogenous=self._n_exogenous, feedback=self._feedback
        )
        self.n_steps_ = X.shape[1]
        self.likelihood_ = "gaussian" if self.likelihood == "auto" else self.likelihood
        if self._likelihood.tokens:
            if not self.knows_tokens:
                raise ValueError(
                    f"likelihood='categorical' is for tokens, which {type(self).__name__} cannot "
                    "predict; use a network, or a predictor of means, persistence or Markov chains."
                )
            n_tokens = None if self.n_tokens == "auto" else int(self.n_tokens)
            X = self._encode_channels(X, self._likelihood, n_tokens)
            self.n_tokens_ = X.shape[2] - self._n_exogenous
        if self.takes_missing:
            self._learn_usual_step(X, self._likelihood)
        targets = self._targets(X)
        self._likelihood.check(targets)
        if not self._estimates_noise:
            check_noise(self.noise_std, targets.shape[2])
        return X

    def fill_missing(self, X: Floats) -> Floats:
        """Return sequences with something in place of what is missing, as predictions see them.

        Parameters
        ----------
        X : ndarray of shape (n_sequences, n_steps, n_channels or n_tokens)
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
        ndarray of shape (n_sequences, n_steps, n_channels or n_tokens)
            Of tokens a channel each, see above. Missing steps are NaN in all of them.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`.

        Examples
        --------
        >>> from sklearn_emerge import MeanPredictor
        >>> model = MeanPredictor(likelihood="categorical").fit([[0, 1], [2, 0]])
        >>> model.encode([[1, 2]]).tolist()
        [[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]
        """
        check_is_fitted(self)
        X = check_sequences(self, X, reset=False, n_exogenous=self._n_exogenous)
        if not self._likelihood.tokens:
            return X
        return self._encode_channels(X, self._likelihood, self.n_tokens_)

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
            spread = _spread_of_constant(targets)
            if spread is not None:
                # Nothing was learned of such a channel, by any predictor.
                floor = np.fmax(floor, spread)
            return np.maximum(np.sqrt(self._square_error(X)), floor)

        noise_std = self._likelihood.noise(targets.shape[2], given, estimate)
        self.noise_std_, self.shape_ = self._likelihood.settle(
            noise_std,
            given is not None,
            lambda: (targets[:, 1:], self._predict(self.fill_missing(X))[:, :-1]),
        )

    def _scaling(self, X: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the channels that are seen; 1 if constant."""
        parts = [center_and_scale(self._targets(X))] if self._feedback else []
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

    def score_samples(self, X: ArrayLike) -> Floats:
        """Return the log-likelihood of each sequence given its first step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.

        Returns
        -------
        ndarray of shape (n_sequences,)
            Sum over the n_steps - 1 predicted steps (and the channels), in nats; missing steps
            are left out.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`.
        """
        return _total(*self._scored(X))

    def score_steps(self, X: ArrayLike) -> Floats:
        """Return the log-likelihood of each step given those before it.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps - 1)
            Of steps 1, 2, ..., summed over the channels, in nats; NaN where a step is missing.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`.
        """
        return self._scored(X)[0]

    def _scored(self, X: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the log-likelihood of each predicted step, and which of these are observed."""
        X = self.encode(X)
        # What the last step predicts is not known.
        return self._score_against(X, self._predict(self.fill_missing(X)[:, :-1]))

    def _score_against(self, X: Floats, mean: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return as `_scored` does, given the means of all but the last step."""
        observed, known = self._observed(X)[:, 1:], self._targets(self.fill_missing(X))[:, 1:]
        noise = self.noise_std_, self.shape_
        score = self._likelihood.log_density(known, mean, *noise).sum(axis=2)
        return score if observed.all() else np.where(observed, score, np.nan), observed

    @available_if(lambda self: hasattr(self, "_predict_from"))
    def score_from_last(self, X: ArrayLike, n_inputs: int) -> Floats:
        """Return the log-likelihood of each step given the last inputs before it alone.

        Only predictors whose state can be reset have it, as networks and reservoirs.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.
        n_inputs : int
            How many inputs are seen, at least 1; all where there are no more.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps - 1)
            As `score_steps` returns them.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            As in `predict`, or if `n_inputs` is out of range.

        Examples
        --------
        >>> from sklearn_emerge import GRUPredictor, OscillatorWorld
        >>> X = OscillatorWorld(n_steps=32).sample(100, random_state=0).X
        >>> model = GRUPredictor(8, max_steps=10, random_state=0).fit(X)
        >>> bool(model.score_from_last(X, 1).mean() < model.score_from_last(X, 32).mean())
        True
        """
        if not isinstance(n_inputs, Integral) or n_inputs < 1:
            raise ValueError(f"n_inputs={n_inputs!r} must be an integer of at least 1.")
        X = self.encode(X)
        mean = self._predict_from(self.fill_missing(X)[:, :-1], int(n_inputs))
        return self._score_against(X, mean)[0]

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Return the mean log-likelihood per predicted step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.
        y : None, default=None
            Ignored.

        Returns
        -------
        float
            Nats per step; higher is better. The negative log-likelihood is ``-score(X)``. Missing
            steps do not count.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`.
        """
        steps, observed = self._scored(X)
        total = _total(steps, observed)
        if observed.all():
            return float(total.mean() / observed.shape[1])
        return float(total.sum() / observed.sum())

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


def _total(steps: Floats, observed: NDArray[np.bool_]) -> Floats:
    """Return the sum over the observed steps of each sequence."""
    return steps.sum(axis=1) if observed.all() else np.where(observed, steps, 0.0).sum(axis=1)


def center_and_scale(X: Floats, *, recorded: bool = True) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each channel; 1 where it is constant.

    If the spread over all recordings is known, it is that where a channel is constant, but for
    exogenous channels (`recorded` is False). Missing steps have no part in it.
    """
    X = observed_only(X)
    center, scale = X.mean(axis=(0, 1)), X.std(axis=(0, 1))
    constant = constant_channels(X) | (scale <= 8 * np.finfo(np.float64).eps * np.abs(center))
    scale = np.where(constant, 1.0, scale)
    spread = _spread_of_constant(X) if recorded else None
    return center, scale if spread is None else np.where(spread > 0, spread, scale)


def _spread_of_constant(X: Floats) -> Floats | None:
    """Return the spread over all recordings of channels that are constant, NaN of others.

    None if no channel is, or the spread is not known.
    """
    constant = constant_channels(X)
    spread = _SPREAD.get()() if constant.any() else None
    return None if spread is None else np.where(constant, spread, np.nan)


@contextmanager
def spread_known(spread: Spread) -> Iterator[None]:
    """Let predictors that are fitted here know the spread over all recordings.

    Parameters
    ----------
    spread : callable
        Returns the standard deviation of each channel, or None; called if a channel is constant.
    """
    token = _SPREAD.set(spread)
    try:
        yield
    finally:
        _SPREAD.reset(token)


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
