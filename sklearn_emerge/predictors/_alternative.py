"""What the alternatives to a network share: features, and heads that are fitted in closed form."""

import warnings
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions

from .._logistic import fit_logistic, probabilities
from .._ridge import Moments, fit_ridge
from ._base import BasePredictor, center_and_scale

_N_FOLDS = 5
# Sequences that the hyper-parameters of features are chosen on.
_N_TUNING = 150
# Bytes of features at once, and up to which they are kept where they are needed again.
_CHUNK_BYTES = 2**24
_KEPT_BYTES = 2**29


@dataclass(frozen=True)
class Head:
    """A fitted map from features to the mean of the next step, or to its logits.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_channels)
        Coefficients.
    intercept : ndarray of shape (n_channels,)
        Intercepts.
    converged : bool
        Whether the loss is at its minimum.
    """

    coef: np.ndarray
    intercept: np.ndarray
    converged: bool = True

    def mean(self, features, likelihood):
        """Return the means of the next steps."""
        output = features @ self.coef + self.intercept
        if likelihood == "gaussian":
            return output
        return probabilities(output, likelihood == "categorical")


class AlternativePredictor(BasePredictor):
    """Alternatives to a network, chosen by cross-validation over sequences.

    Subclasses implement `_learn`, which sets `cv_error_` and the heads.
    """

    _knows_tokens = True
    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "n_tokens": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "time_channel": [StrOptions({"full_time"}), None],
    }

    def _fit(self, X):
        self.center_, self.scale_ = center_and_scale(X)
        self.converged_ = True
        self._learn(X)
        if not self.converged_:
            warnings.warn(
                f"A head of {type(self).__name__} has not converged (see converged_): its loss is "
                "all but flat in some direction. Fit more sequences, or fewer features.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _square_error(self, X):
        return self.cv_error_

    def _folds(self, X):
        """Return slices of sequences; neighbours, which may be alike, stay together."""
        edges = np.linspace(0, len(X), min(_N_FOLDS, len(X)) + 1).astype(int)
        return [slice(start, stop) for start, stop in pairwise(edges)]

    def _clock(self, n_steps):
        """Return the clock, of shape (n_steps, 0 or 1); it runs on at the pace of training."""
        clock = np.arange(n_steps)[:, np.newaxis] / (self.n_steps_ - 1)
        return clock if self.time_channel is not None else clock[:, :0]

    def _standardise(self, X):
        return (X - self.center_) / self.scale_

    def _head(self, ridge, chunks, moments):
        """Return the head under the likelihood, given the ridge regression."""
        if self.likelihood_ == "gaussian":
            return Head(ridge.coef, ridge.intercept)
        # One penalty for all that vary; the variance of zeros and ones is a quarter at most.
        variance = ridge.scale[moments.n_features :] ** 2
        varying = variance < 0.5
        penalty = np.exp(np.log((ridge.penalty * variance)[varying]).mean()) if varying.any() else 1
        return self._logistic_head(chunks, moments, penalty)

    def _logistic_head(self, chunks, moments, penalty, known=None):
        categorical = self.likelihood_ == "categorical"
        fit = fit_logistic(chunks, moments, penalty, categorical=categorical, known=known)
        self.converged_ &= fit.converged
        return Head(fit.coef, fit.intercept, fit.converged)


class FeaturePredictor(AlternativePredictor):
    """One head for all steps on features; subclasses implement `_features` and `_choose`.

    `_features` turns sequences into an array of shape (n_sequences, n_steps, n_features), and
    `_choose` settles what they are.
    """

    def _learn(self, X):
        self._choose(X)
        moments, chunks = self._moments(X)
        ridge = fit_ridge(moments)
        self.cv_error_, self.head_ = ridge.error, self._head(ridge, chunks, moments)
        self.n_parameters_ = self.head_.coef.size + self.head_.intercept.size

    def _tuning_error(self, X):
        """Return the held-out square error of some sequences, in variances, over channels."""
        some = np.linspace(0, len(X) - 1, min(_N_TUNING, len(X))).astype(int)
        return (fit_ridge(self._moments(X[some])[0]).error / self.scale_**2).sum()

    def _moments(self, X):
        """Return the moments of the features, and a function that yields them in chunks."""
        folds, n_features = self._folds(X), self._features(X[:1, :-1]).shape[2]
        moments = Moments(len(folds), n_features, X.shape[2])
        keep = self.likelihood_ != "gaussian" and X[:, :, 0].size * n_features * 8 <= _KEPT_BYTES
        kept = []
        for fold, rows in enumerate(folds):
            for chunk in self._chunks(X[rows], n_features):
                moments.add(fold, *chunk)
                if keep:
                    kept.append(chunk)
        return moments, lambda: kept if keep else self._chunks(X, n_features)

    def _chunks(self, X, n_features):
        """Yield features and targets of some sequences after others."""
        for part in self._parts(X, n_features):
            features = self._features(part[:, :-1])
            yield features.reshape(-1, n_features), part[:, 1:].reshape(-1, X.shape[2])

    def _parts(self, X, n_features):
        """Yield sequences whose features do not take much memory."""
        size = max(1, _CHUNK_BYTES // (8 * X.shape[1] * max(1, n_features)))
        for start in range(0, len(X), size):
            yield X[start : start + size]

    def _predict(self, X):
        parts = self._parts(X, len(self.head_.coef))
        means = [self.head_.mean(self._features(part), self.likelihood_) for part in parts]
        return np.concatenate(means) if means else X
