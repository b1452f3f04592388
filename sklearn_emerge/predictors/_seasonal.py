"""The value of one period ago."""

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import lstsq
from sklearn.utils._param_validation import Interval, StrOptions

from .._docs import fill_doc
from .._missing import is_observed, mean_of_steps
from .._typing import Floats
from ..training import folds
from ._alternative import AlternativePredictor


@fill_doc
class SeasonalPredictor(AlternativePredictor):
    r"""Predict the value of one period ago, mixed with the mean.

    .. math:: \hat y_{t+1} = (1 - w) \, m_{t+1} + w \, y_{t+1-p},

    with the mean m (or, with a clock, its regression on time) and a weight w between 0 and 1 by
    least squares, one a channel, or one for all tokens. Before a period has passed, the mean. Of
    zeros and ones, and of tokens, this is a probability.

    Parameters
    ----------
    period : int or "auto", default="auto"
        Steps p of the period. "auto" takes the one out of 2, 3, ..., n_steps // 2 that predicts
        sequences left out best by square error (one step where sequences have fewer than four).
    time_channel : {"full_time", None}, default=None
        "full_time" makes the mean a regression on the clock :math:`t / (T - 1)`.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std_held_out)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous_unused)s

    Attributes
    ----------
    period_ : int
        Steps of the period.
    weight_ : ndarray of shape (n_channels,)
        Weights of the value of one period ago.
    cv_error_ : ndarray of shape (n_channels,)
        Mean square error of sequences left out.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import SeasonalPredictor
    >>> X = np.tile([[0.0, 1.0, 5.0], [2.0, 3.0, -1.0], [1.0, 0.0, 4.0]], 4)
    >>> model = SeasonalPredictor().fit(X)
    >>> model.period_, model.predict(X)[0, 2:8].round(6).tolist()
    (3, [0.0, 1.0, 5.0, 0.0, 1.0, 5.0])
    """

    _parameter_constraints = {
        **AlternativePredictor._parameter_constraints,
        "period": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    }

    def __init__(
        self,
        period: int | str = "auto",
        *,
        time_channel: str | None = None,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        n_tokens: int | str = "auto",
        n_exogenous: int | str = "auto",
    ) -> None:
        self.period = period
        self.time_channel = time_channel
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_tokens = n_tokens
        self.n_exogenous = n_exogenous

    def _learn(self, X: Floats) -> None:
        # Nothing but targets is used: the predictor of one period ago is not driven.
        seen, X = self._columns(self.fill_missing(X)), self._columns(X)
        n_sequences, n_steps, n_channels = X.shape
        period = None if isinstance(self.period, str) else int(self.period)
        if period is not None and period >= n_steps:
            raise ValueError(
                f"period={self.period} does not pass within sequences of {n_steps} steps; use at "
                f"most period={n_steps - 1}, or period='auto'."
            )
        periods = [*range(2, n_steps // 2 + 1)] or [1]
        if period is not None:
            periods = [period]
        squares = np.zeros((len(periods), n_channels))
        for rows in folds(n_sequences):
            left_out = np.zeros(n_sequences, dtype=bool)
            left_out[rows] = True
            kept = X[~left_out], seen[~left_out]
            mean = self._means(self._regress(kept[0]), n_steps - 1)
            for k, period in enumerate(periods):
                weight = self._weight(*kept, mean, period)
                mixed = self._mix(seen[left_out, :-1], mean, period, weight)
                squares[k] += np.nansum((X[left_out, 1:] - mixed) ** 2, axis=(0, 1))
        best = (squares / self.target_scale_**2).sum(axis=1).argmin()
        self.period_ = int(periods[best])
        self.cv_error_ = squares[best] / int(is_observed(X)[:, 1:].sum())
        self.line_ = self._regress(X)
        mean = self._means(self.line_, n_steps - 1)
        self.weight_ = self._weight(X, seen, mean, self.period_)

    def _regress(self, X: Floats) -> tuple[Floats, int]:
        """Return intercept and slope of the mean of the next step, and how many steps there are."""
        clock = self._clock(X.shape[1] - 1)
        design = np.hstack([np.ones((len(clock), 1)), clock])
        observed = is_observed(X)[:, 1:]
        if observed.all():
            return lstsq(design, X[:, 1:].mean(axis=0))[0], len(X) * len(clock)
        # Each step counts as often as it is observed.
        count = observed.sum(axis=0)[:, np.newaxis]
        root = np.sqrt(count)
        return lstsq(root * design, root * mean_of_steps(X[:, 1:]))[0], int(count.sum())

    def _means(self, line: tuple[Floats, int], n_steps: int) -> Floats:
        """Return the mean of the step after each, of shape (n_steps, n_channels)."""
        coef, count = line
        mean = coef[0] + self._clock(n_steps) @ coef[1:]
        return self._likelihood.frequency(self._likelihood.possible(mean) * count, count)

    def _weight(self, X: Floats, seen: Floats, mean: Floats, period: int) -> Floats:
        """Return the weights of least square error."""
        past, following, mean = seen[:, :-period], X[:, period:], mean[period - 1 :]
        axes = (0, 1, 2) if self._likelihood.tokens else (0, 1)
        past, following = past - mean, following - mean
        observed = is_observed(following)
        n_pairs = int(observed.sum())
        if n_pairs < observed.size:
            past, following = (
                np.where(observed[:, :, np.newaxis], part, 0.0) for part in (past, following)
            )
        product = (past * following).sum(axis=axes)
        square = (past**2).sum(axis=axes)
        weight = np.clip(product / np.where(square > 0, square, 1.0), 0.0, 1.0)
        if self._likelihood.discrete:
            # Laplace's rule: no surprise is impossible.
            weight = np.minimum(weight, (n_pairs + 1) / (n_pairs + 2))
        return np.broadcast_to(weight, X.shape[2:])

    def _mix(self, X: Floats, mean: Floats, period: int, weight: Floats) -> Floats:
        """Return the prediction of the step after each."""
        mixed = np.broadcast_to(mean, X.shape).copy()
        late = mixed[:, period - 1 :]
        late += weight * (X[:, : late.shape[1]] - late)
        return mixed

    def _predict(self, X: Floats) -> Floats:
        X = self._columns(X)
        return self._mix(X, self._means(self.line_, X.shape[1]), self.period_, self.weight_)
