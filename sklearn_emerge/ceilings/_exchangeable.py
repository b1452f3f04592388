"""The best possible predictor of steps in random order."""

import numpy as np

from .._docs import fill_doc
from .._typing import Floats
from ..predictors._base import BasePredictor
from ..predictors._roles import EXOGENOUS


@fill_doc
class ExchangeablePredictor(BasePredictor):
    r"""Predict by the sum of the steps so far: the best linear predictor of shuffled sequences.

    In an exchangeable sequence the order says nothing, so that a linear predictor can use the sum
    of what has been seen only:

    .. math:: \hat y_{t+1} = \mu + k_t \sum_{s \le t} (y_s - \mu).

    A mean that differs between sequences makes :math:`k_t` positive, drawing values without
    replacement makes it negative. Nonlinear predictors may do better still.

    Parameters
    ----------
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous_unused)s

    Attributes
    ----------
    mean_ : ndarray of shape (n_channels,)
        Training mean, :math:`\mu`.
    coefs_ : ndarray of shape (n_steps - 1, n_channels)
        Coefficients :math:`k_t`, by least squares on the mean of all steps to come.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> from sklearn_emerge import ExchangeablePredictor
    >>> model = ExchangeablePredictor().fit([[0, 1, 2], [2, 1, 0], [1, 0, 2]])
    >>> model.coefs_.ravel().tolist()
    [-0.5, -1.0]
    """

    _parameter_constraints = {**BasePredictor._parameter_constraints, **EXOGENOUS}

    def __init__(
        self,
        *,
        likelihood: str = "auto",
        noise_std: float | str = "auto",
        n_exogenous: int | str = "auto",
    ) -> None:
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_exogenous = n_exogenous

    def _fit(self, X: Floats) -> None:
        X = self._targets(X)
        self.mean_ = X.mean(axis=(0, 1))
        apart = X - self.mean_
        seen = apart.cumsum(axis=1)
        to_come = (seen[:, -1:] - seen)[:, :-1]
        to_come /= np.arange(X.shape[1] - 1, 0, -1)[:, np.newaxis]
        seen = seen[:, :-1]
        power = (seen**2).sum(axis=0)
        slope = (seen * to_come).sum(axis=0)
        self.coefs_ = np.divide(slope, power, out=np.zeros_like(power), where=power > 0)

    def _predict(self, X: Floats) -> Floats:
        X = self._targets(X)
        seen = (X - self.mean_).cumsum(axis=1)
        # After the end of training the last coefficient stays.
        coefs = self.coefs_[np.minimum(np.arange(X.shape[1]), len(self.coefs_) - 1)]
        return self.mean_ + coefs * seen
