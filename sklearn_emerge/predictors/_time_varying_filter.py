"""A linear filter with coefficients of each step."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._docs import fill_doc
from .._moments import Moments
from .._ridge import AMOUNTS, RidgeFit, shrink_ridge
from .._typing import Floats
from ..training import Head
from ._lagged import LaggedMoments
from ._linear_filter import LinearFilterPredictor, is_enough, shrunk_head

# An amount of shrinking is chosen on so many steps, or more if that makes fewer coefficients.
_SOME_STEPS, _SOME_COEFFICIENTS = 32, 4096


@fill_doc
class TimeVaryingFilterPredictor(LinearFilterPredictor):
    r"""Predict the next step by a linear filter of the last ones with coefficients of each step.

    .. math:: \hat y_{t+1} = c_t + \sum_{k=1}^{p} A_{k, t} y_{t+1-k}

    shrunk towards the filter that is the same at every step, by a ridge penalty on the difference.
    How much is chosen by cross-validation over sequences, all the way among the choices. What a
    clock is worth to a linear predictor.

    Parameters
    ----------
    lags : int or "auto", default="auto"
        Length p of the filter. "auto" takes that of `LinearFilterPredictor`.
    time_channel : {"full_time", None}, default=None
        "full_time" adds the clock :math:`t / (T - 1)` to what the filter that is the same at
        every step regresses on; those of each step need none.
    link : {"auto", "identity", "log"}, default="auto"
        What of the mean of counts is linear: itself, or its logarithm. "auto" takes what predicts
        the sequences better that are left out. Other likelihoods have one link, "auto".
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std_held_out)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous)s
    feedback : bool or "auto", default="auto"
        %(feedback)s

    Attributes
    ----------
    lags_ : int
        Length of the filter.
    amount_ : ndarray of shape (n_channels,)
        Penalty on differences, in units of the variance of the data; infinite where the filter
        is the same at every step.
    coefs_ : ndarray of shape (n_steps - ``lags_``, ``lags_``, n_channels, n_channels)
        Coefficients of the filter of each step that has a full past, most recent step first.
        After the last step of training its filter is used on.
    intercepts_ : ndarray of shape (n_steps - ``lags_``, n_channels)
        Their intercepts.
    coef_ : ndarray of shape (``lags_``, n_channels, n_channels)
        Coefficients of the filter that is the same at every step.
    intercept_ : ndarray of shape (n_channels,)
        Its intercept.
    link_ : {"identity", "log", "logit"}
        As in `LinearFilterPredictor`.
    cv_error_ : ndarray of shape (n_channels,)
        %(cv_error_)s
    converged_ : bool
        %(regressions_converged_)s
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    See Also
    --------
    LinearFilterPredictor : The same at every step that has a full past.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import TimeVaryingFilterPredictor
    >>> X = np.cumprod([1.0, 0.5, 3.0, 0.5], axis=0) * np.array([[1.0], [2.0], [3.0], [5.0]])
    >>> model = TimeVaryingFilterPredictor(lags=1).fit(X)
    >>> model.coefs_.ravel().round(2).tolist()
    [0.5, 3.0, 0.5]
    """

    def _steady(
        self, X: Floats, lagged: LaggedMoments, pooled: Moments, ridge: RidgeFit
    ) -> tuple[list[Head], Any]:
        n_channels = len(self.target_scale_)
        steps = range(self.lags_ - 1, X.shape[1] - 1)
        some = _spread(steps, max(_SOME_STEPS, _SOME_COEFFICIENTS // pooled.n_features))
        moments = [lagged.at(t, self.lags_, pooled.origin) for t in some]
        errors = [shrink_ridge(each, ridge).error for each in moments if is_enough(each)]
        # Nothing is known of steps that are hardly observed but the filter of all.
        error = np.mean(errors, axis=0) if errors else np.tile(ridge.error, (len(AMOUNTS), 1))
        if not errors:
            best = np.full(n_channels, len(AMOUNTS) - 1)
        elif self._head_likelihood.closed_form:
            best = error.argmin(axis=0)
        else:
            best = np.full(n_channels, (error / self.target_scale_**2).sum(axis=1).argmin())
        self.amount_ = AMOUNTS[best]
        [steady], _ = super()._steady(X, lagged, pooled, ridge)
        if self._head_likelihood.closed_form:
            of_steps = (lagged.at(t, self.lags_, pooled.origin) for t in steps)
            heads = [shrunk_head(each, ridge, best) for each in of_steps]
        else:
            heads = [self._varied(X, lagged, t, pooled, steady) for t in steps]
        self.coefs_ = np.array([self._weights(head) for head in heads])
        self.intercepts_ = np.array([head.intercept for head in heads])
        return heads, error[best, np.arange(n_channels)]

    def _varied(
        self, X: Floats, lagged: LaggedMoments, t: int, pooled: Moments, steady: Head
    ) -> Head:
        """Return the head of step t, shrunk towards the one of all."""
        if np.isinf(self.amount_[0]) or not lagged.observed[:, t + 1].any():
            return steady
        penalty = self.amount_[0] * np.mean(self.scale_**2)
        known = steady.coef, steady.intercept
        chunks = self._kept(X, lagged.observed, [t], self.lags_)
        likelihood: Any = self._head_likelihood
        fit = likelihood.shrink_head(chunks, pooled, penalty, known)
        return Head(fit.coef, fit.intercept, fit.converged)


def _spread(steps: Sequence[int], most: int) -> list[int]:
    """Return some steps, evenly."""
    return [steps[k] for k in np.linspace(0, len(steps) - 1, min(most, len(steps))).astype(int)]
