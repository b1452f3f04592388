"""What the alternatives to a network share: features, and heads that are fitted in closed form."""

from collections.abc import Sequence
from copy import copy
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._moments import MOST_BYTES_OF_MOMENTS, bytes_of_moments
from .._ridge import fit_ridge
from .._roles import exogenous_of, join
from .._threads import computed_ahead
from .._tokens import MOST_BYTES_OF_COLUMNS, check_room
from .._typing import Floats
from ..training import fit_head, moments_of, parts
from ._base import BasePredictor, warn_unless_converged
from ._roles import EXOGENOUS, ROLES
from ._scale import center_and_scale

# Sequences that the hyper-parameters of features are chosen on.
_N_TUNING = 150
# Rows of products in single precision come in multiples of these, see `filled_up`.
_ROWS = 96
# Moments of what is tried in several threads.
_MOST_BYTES_AT_ONCE = 2**22
# Steps for each feature that a head is fitted to, and the least number of sequences. The excess
# loss of a head is about half the number of features for each step, in nats: .001.
_STEPS_EACH, _LEAST = 500, 1000


def filled_up(n_rows: int) -> int:
    """Return the rows of a product in single precision, with zeros, for as many that count.

    Libraries of linear algebra take up to 48 at once, and some sum in another order in what is
    left, and in a row alone. So a sequence has the same features alone and among others.
    """
    return n_rows + -n_rows % _ROWS


class AlternativePredictor(BasePredictor):
    """Alternatives to a network, chosen by cross-validation over sequences.

    Subclasses implement `_learn`, which sets `cv_error_` and the heads.
    """

    knows_tokens = True
    takes_missing = True
    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "n_tokens": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        **EXOGENOUS,
        "time_channel": [StrOptions({"full_time"}), None],
    }

    def _check_vocabulary(self, n_tokens: int) -> None:
        n_bytes, name = bytes_of_moments(n_tokens, n_tokens), type(self).__name__
        check_room(n_bytes, MOST_BYTES_OF_MOMENTS, n_tokens, name, "regression")

    def _seen(self, X: Floats) -> Floats:
        """Return the columns that predictions are made from: of tokens one each."""
        if not self._has_tokens or not self._feedback:
            return super()._seen(X)
        return join(self._columns(X), exogenous_of(X, self._n_exogenous))

    def _fit(self, X: Floats) -> None:
        if self._has_tokens:
            n_tokens, name = self.n_tokens_, type(self).__name__
            check_room(8.0 * X.size * n_tokens, MOST_BYTES_OF_COLUMNS, n_tokens, name, "columns")
        self.center_, self.scale_ = self._scaling(X)
        self.target_scale_ = center_and_scale(self._columns(X))[1]
        self.converged_ = True
        self._learn(X)
        warn_unless_converged(self, "features", stacklevel=3)

    def _square_error(self, X: Floats) -> Floats:
        return self.cv_error_

    def _clock(self, n_steps: int) -> Floats:
        """Return the clock, of shape (n_steps, 0 or 1); it runs on at the pace of training."""
        clock = self._running_clock(n_steps)[:, np.newaxis]
        return clock if self.time_channel is not None else clock[:, :0]

    def _standardise(self, X: Floats) -> Floats:
        """Return what is seen, standardised."""
        return (self._seen(X) - self.center_) / self.scale_


class FeaturePredictor(AlternativePredictor):
    """One head for all steps on features; subclasses implement `_features` and `_choose`.

    `_features` turns sequences into an array of shape (n_sequences, n_steps, n_features), and
    `_choose` settles what they are.
    """

    _parameter_constraints = {**AlternativePredictor._parameter_constraints, **ROLES}

    def _learn(self, X: Floats) -> None:
        self._choose(X)
        n_features = self._n_features(X)
        some = enough(X, n_features)
        self.head_, ridge = fit_head(
            self._features_of,
            some,
            n_features,
            self._likelihood,
            self._targets,
            compute=computed_ahead,
            n_tokens=self.n_tokens_ if self._has_tokens else None,
        )
        self.cv_error_, self.converged_ = ridge.error, self.head_.converged
        self.n_parameters_ = self.head_.coef.size + self.head_.intercept.size

    def _n_features(self, X: Floats) -> int:
        return self._features_of(X[:1, :1]).shape[2]

    def _features_of(self, X: Floats) -> Floats:
        """Return the features of sequences that may have missing steps."""
        return self._features(self.fill_missing(X))

    def _best_of(self, X: Floats, candidates: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the candidate, attributes by name, with the least error."""
        tried = [copy(self) for _ in candidates]
        for each, candidate in zip(tried, candidates, strict=True):
            each.__dict__.update(candidate)
        # Each has moments of its own.
        size = bytes_of_moments(tried[0]._n_features(X), self.target_scale_.size)
        compute = computed_ahead if size <= _MOST_BYTES_AT_ONCE else map
        errors = list(compute(lambda each: each._tuning_error(X), tried))
        return candidates[int(np.argmin(errors))]

    def _tuning_error(self, X: Floats) -> float:
        """Return the held-out square error of some sequences, in variances, over channels."""
        some = _spread(X, _N_TUNING)
        size = self._n_features(X)
        moments, _ = moments_of(
            self._features_of,
            some,
            size,
            self._targets,
            again=False,
            compute=computed_ahead,
            n_tokens=self.n_tokens_ if self._has_tokens else None,
        )
        return float((fit_ridge(moments).error / self.target_scale_**2).sum())

    def _predict(self, X: Floats) -> Floats:
        def mean(part: Floats) -> Floats:
            return self.head_.mean(self._features(part), self._likelihood)

        means = list(computed_ahead(mean, parts(X, len(self.head_.coef))))
        return np.concatenate(means) if means else self._columns(X)


def enough(X: NDArray[Any], n_features: int) -> Floats:
    """Return sequences, evenly, to which a head on so many features is fitted."""
    return _spread(X, max(_LEAST, -(-_STEPS_EACH * n_features // (X.shape[1] - 1))))


def _spread(X: Floats, most: int) -> Floats:
    """Return some of the sequences, evenly."""
    if len(X) <= most:
        return X
    return X[np.linspace(0, len(X) - 1, most).astype(int)]
