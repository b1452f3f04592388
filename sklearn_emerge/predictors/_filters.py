"""Linear filters of finite length, the same at every step."""

from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import lstsq, qr
from sklearn.utils._param_validation import Interval, StrOptions

from .._docs import fill_doc
from .._missing import is_observed
from .._typing import Floats
from ..dynamics import check_system, steady_filter
from ._base import BasePredictor
from ._scale import center_and_scale

# Rows of equations that are reduced at once.
_ROWS = 20_000


class FilterPredictor(BasePredictor):
    """What the filters share: a prediction from the last steps by `coef_`."""

    takes_missing = True

    def _predict(self, X: Floats) -> Floats:
        mean = np.zeros_like(X)
        for k, weights in enumerate(self.coef_[: X.shape[1]]):
            mean[:, k:] += X[:, : X.shape[1] - k] @ weights
        return mean

    def _last(self, X: Floats) -> Floats:
        mean = np.zeros_like(X[:, 0])
        for k, weights in enumerate(self.coef_[: X.shape[1]]):
            mean += X[:, -1 - k] @ weights
        return mean


@fill_doc
class FiniteFilterPredictor(FilterPredictor):
    r"""Predict the next step by a filter of the last ones, the same at every step.

    .. math:: \hat y_{t+1} = \sum_{k=1}^{h} F_k y_{t+1-k},

    by least squares over all training sequences together, without an intercept; steps before
    the first count as zero. The learner of *State space models, emergence, and ergodicity*.
    `AutoregressivePredictor` is the better predictor of short sequences: it has an intercept and
    filters of their own for the first steps.

    Parameters
    ----------
    length : int, default=1
        Length h of the filter; at most n_steps - 1 are used.
    padding : {"zero", "drop"}, default="zero"
        "zero": all steps are fitted. "drop": only those with h steps before them.
    alpha : float, default=0.0
        Ridge penalty: alpha times the sum of squared coefficients is added to the sum of squared
        errors over all steps of all sequences, in squared units of the data.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s

    Attributes
    ----------
    coef_ : ndarray of shape (length, n_channels, n_channels)
        %(filter_coef_)s
    dc_gain_ : ndarray of shape (n_channels, n_channels)
        Their sum over the steps. On a random walk the risk per step stays bounded only if it is
        one, and a filter fitted at a finite horizon misses that by a little.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    References
    ----------
    %(state_space_models)s

    Examples
    --------
    >>> from sklearn_emerge import FiniteFilterPredictor
    >>> model = FiniteFilterPredictor(length=2).fit([[1.0, 1.0, 2.0, 3.0], [0.0, 1.0, 1.0, 2.0]])
    >>> model.coef_.ravel().round(6).tolist(), model.dc_gain_.item()
    ([1.0, 1.0], 2.0)
    """

    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "length": [Interval(Integral, 1, None, closed="left")],
        "padding": [StrOptions({"zero", "drop"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        length: int = 1,
        padding: str = "zero",
        alpha: float = 0.0,
        *,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
    ) -> None:
        self.length = length
        self.padding = padding
        self.alpha = alpha
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _fit(self, X: Floats) -> None:
        n_sequences, n_steps, n_channels = X.shape
        length = min(self.length, n_steps - 1)
        scale = center_and_scale(X)[1]
        past = np.zeros((n_sequences, n_steps + length - 1, n_channels))
        past[:, length - 1 :] = self.fill_missing(X) / scale
        observed = is_observed(X)
        size = length * n_channels
        # The penalty is on coefficients in the units of the data.
        penalty = np.sqrt(self.alpha) * np.tile(1 / scale, length)
        triangle = np.hstack([np.diag(penalty), np.zeros((size, n_channels))])
        # All steps as one tall matrix would be large; its triangle can be had step by step.
        steps = range(length - 1 if self.padding == "drop" else 0, n_steps - 1)
        for together in np.array_split(steps, max(1, len(steps) * n_sequences // _ROWS)):
            rows = [triangle]
            for t in together:
                window = past[:, t : t + length][:, ::-1].reshape(n_sequences, size)
                equations, seen = np.hstack([window, past[:, t + length]]), observed[:, t + 1]
                rows.append(equations if seen.all() else equations[seen])
            triangle = qr(np.vstack(rows), mode="r")[0][: size + n_channels]
        # Equal columns, so that none is taken for rounding.
        norms = np.linalg.norm(triangle[:, :size], axis=0)
        norms[norms == 0] = 1.0
        coef = lstsq(triangle[:, :size] / norms, triangle[:, size:])[0] / norms[:, np.newaxis]
        coef = coef.reshape(length, n_channels, n_channels)
        self.coef_ = coef * scale / scale[:, np.newaxis]
        self.dc_gain_ = self.coef_.sum(axis=0)


@fill_doc
class TruncatedKalmanPredictor(FilterPredictor):
    r"""Predict by the first coefficients of a known system's Kalman filter.

    .. math:: \hat y_{t+1} = \sum_{k=1}^{h} C (A - L C)^{k-1} L \, y_{t+1-k},

    with the gain L of the steady filter: what is left of the optimal predictor if its memory is
    cut off. Nothing is fitted anew, so that on a random walk its coefficients sum to
    :math:`1 - \rho^h` and the risk per step diverges with the horizon for every fixed length. That
    is what the proof in *State space models, emergence, and ergodicity* shows; a filter that is
    fitted does not diverge.

    Parameters
    ----------
    length : int, default=1
        Length h of the filter.
    A : float or array-like of shape (n_states, n_states), default=1.0
        Transition matrix.
    C : float or array-like of shape (n_states,) or (n_channels, n_states), default=1.0
        %(C)s
    Q : float or array-like of shape (n_states, n_states), default=0.1
        %(Q)s
    R : float or array-like of shape (n_channels, n_channels), default=1.0
        %(R)s
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s

    Attributes
    ----------
    coef_ : ndarray of shape (length, n_channels, n_channels)
        %(filter_coef_)s
    dc_gain_ : ndarray of shape (n_channels, n_channels)
        Their sum over the steps.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Notes
    -----
    The paper prints the power k for k - 1 (its equation 17).

    References
    ----------
    %(state_space_models)s

    Examples
    --------
    >>> from sklearn_emerge import TruncatedKalmanPredictor
    >>> model = TruncatedKalmanPredictor(3, Q=1.0).fit([[0.0, 1.0], [1.0, 0.0]])
    >>> model.coef_.ravel().round(4).tolist(), model.dc_gain_.item().__round__(4)
    ([0.618, 0.2361, 0.0902], 0.9443)
    """

    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "length": [Interval(Integral, 1, None, closed="left")],
        **{
            name: [Interval(Real, None, None, closed="neither"), "array-like"]
            for name in ("A", "C", "Q", "R")
        },
    }

    def __init__(
        self,
        length: int = 1,
        A: ArrayLike = 1.0,
        C: ArrayLike = 1.0,
        Q: ArrayLike = 0.1,
        R: ArrayLike = 1.0,
        *,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
    ) -> None:
        self.length = length
        self.A = A
        self.C = C
        self.Q = Q
        self.R = R
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _fit(self, X: Floats) -> None:
        A, C, Q, R = check_system(self.A, self.C, self.Q, self.R, X.shape[2])
        gain = steady_filter(A, C, Q, R).gain
        self.coef_ = np.empty((self.length, len(C), len(C)))
        reach = gain
        for k in range(self.length):
            self.coef_[k] = (C @ reach).T
            reach = (A - gain @ C) @ reach
        self.dc_gain_ = self.coef_.sum(axis=0)
