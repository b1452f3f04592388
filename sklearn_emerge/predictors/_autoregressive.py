"""Autoregression: a linear filter of the last steps, and shorter ones for the first."""

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lstsq
from sklearn.utils._param_validation import Interval

from .._docs import fill_doc
from .._typing import Floats
from ._base import BasePredictor
from ._roles import ROLES
from ._scale import center_and_scale


@fill_doc
class AutoregressivePredictor(BasePredictor):
    r"""Predict the next step by a linear filter of the last ones.

    .. math:: \hat y_{t+1} = c + \sum_{k=1}^{p} A_k y_{t+1-k},

    by least squares over all training sequences together (a vector autoregression if there
    are several channels). While fewer than `lags` steps have been seen, the filter of that
    shorter length is used, fitted in the same way. Predicted probabilities of binary data
    and means of counts are clipped to their range.

    Parameters
    ----------
    lags : int, default=32
        Length p of the filter; at most n_steps - 1 are used.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous)s
    feedback : bool or "auto", default="auto"
        %(feedback)s

    Attributes
    ----------
    lags_ : int
        Length of the longest filter.
    intercepts_ : ndarray of shape (``lags_``, n_channels)
        Intercept of the filter of each length, shortest first.
    coefs_ : list of ndarray of shape (length, n_channels, n_channels)
        Coefficients of the filter of each length, most recent step first;
        ``coefs_[p - 1][k, i, j]`` weights channel i, of those that are seen, of the step k back
        for channel j, of those that are predicted.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import AutoregressivePredictor
    >>> X = np.outer([1.0, 2.0, 3.0], 0.5 ** np.arange(6))
    >>> model = AutoregressivePredictor(lags=1).fit(X)
    >>> model.predict([[8.0] * 6])[0, 0].round(6)
    np.float64(4.0)
    """

    takes_missing = True
    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        **ROLES,
        "lags": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        lags: int = 32,
        *,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        n_exogenous: int | str = "auto",
        feedback: bool | str = "auto",
    ) -> None:
        self.lags = lags
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_exogenous = n_exogenous
        self.feedback = feedback

    def _fit(self, X: Floats) -> None:
        n_steps = X.shape[1]
        self.lags_ = min(self.lags, n_steps - 1)
        # Standardising keeps the normal equations well conditioned, whatever the units.
        center_seen, scale_seen = self._scaling(X)
        center, scale = center_and_scale(self._targets(X))
        observed, filled = self._observed(X), self.fill_missing(X)
        seen = (self._seen(filled) - center_seen) / scale_seen
        targets = (self._targets(filled) - center) / scale
        n_seen, n_targets = len(scale_seen), len(scale)
        n_columns = 1 + self.lags_ * n_seen
        gram = np.zeros((n_columns, n_columns))
        cross = np.zeros((n_columns, n_targets))
        # Steps with a full past first, then one shorter past after another: the equations of a
        # shorter filter are a corner of those of a longer one plus one more step.
        for t in range(self.lags_ - 1, n_steps - 1):
            _accumulate(seen, targets, t, self.lags_, gram, cross, observed[:, t + 1])
        self.intercepts_ = np.empty((self.lags_, n_targets))
        self.coefs_ = [None] * self.lags_
        for length in range(self.lags_, 0, -1):
            size = 1 + length * n_seen
            if length < self.lags_:
                gram, cross = gram[:size, :size], cross[:size]
                _accumulate(seen, targets, length - 1, length, gram, cross, observed[:, length])
            solution = lstsq(gram, cross)[0]
            coef = solution[1:].reshape(length, n_seen, n_targets)
            coef = coef * scale / scale_seen[:, np.newaxis]
            self.coefs_[length - 1] = coef
            away = center_seen @ coef.sum(axis=0)
            self.intercepts_[length - 1] = center + scale * solution[0] - away

    def _predict(self, X: Floats) -> Floats:
        mean: Floats = np.empty(self._targets(X).shape)
        for t in range(X.shape[1]):
            mean[:, t] = self._after(X, t)
        return mean

    def _last(self, X: Floats) -> Floats:
        return self._after(X, X.shape[1] - 1)

    def _after(self, X: Floats, t: int) -> Floats:
        """Return the means after step t."""
        length = min(t + 1, self.lags_)
        past = _past(self._seen(X), t, length).reshape(len(X), -1)
        intercept, coef = self.intercepts_[length - 1], self.coefs_[length - 1]
        mean: Floats = intercept + past @ coef.reshape(-1, len(intercept))
        return mean


def _past(X: Floats, t: int, length: int) -> Floats:
    """Return the last `length` steps up to t, most recent first."""
    return X[:, t - length + 1 : t + 1][:, ::-1]


def _accumulate(
    seen: Floats,
    targets: Floats,
    t: int,
    length: int,
    gram: Floats,
    cross: Floats,
    observed: NDArray[np.bool_],
) -> None:
    """Add the equations of step t + 1, where it is observed, given the last steps, in place."""
    if not observed.all():
        seen, targets = seen[observed], targets[observed]
    n_sequences = len(seen)
    past = _past(seen, t, length).reshape(n_sequences, -1)
    rows = np.hstack([np.ones((n_sequences, 1)), past])
    gram += rows.T @ rows
    cross += rows.T @ targets[:, t + 1]
