"""The best predictors of worlds of known law that need no file of their own."""

from numbers import Integral

import numpy as np
from scipy.special import softmax
from sklearn.utils._param_validation import Interval

from ._base import BasePredictor

# Sequences that are filtered at once.
_CHUNK = 256


class OptimalPredictor(BasePredictor):
    """What the optimal predictors share: they know the law and learn nothing but the noise."""

    def _fit(self, X):
        pass

    def _one_channel(self, X):
        if X.shape[2] != 1:
            raise ValueError(
                f"{type(self).__name__} is for one channel, and X has {X.shape[2]}; pass X of "
                "shape (n_sequences, n_steps)."
            )
        return X[:, :, 0]


class RegimePredictor(OptimalPredictor):
    r"""Predict by the exact filter of the regime world.

    Over hypotheses h about the first regime (and, with ``known_phase=False``, about the steps
    that had passed since the last flip before the start, uniform over the period),

    .. math::

        P(s_{t+1} = 1 \mid s_0 \dots s_t) = \sum_h P(h \mid s_0 \dots s_t)
        \, P(s_{t+1} = 1 \mid s_t, r_{t+1}(h)).

    Parameters
    ----------
    period : int, default=32
        Steps between flips of the regime.
    stay_probability : pair of float, default=(0.9, 0.6)
        Probability that the state stays the same in regime 0 and in regime 1.
    known_phase : bool, default=True
        Whether the times of the flips are known. A predictor without a clock does not know them.
    likelihood : {"auto", "gaussian", "bernoulli"}, default="auto"
        Likelihood of `score`. "auto" is Gaussian, or in an assessment that of the world.
    noise_std : float, "estimate" or "auto", default="auto"
        Standard deviation of the Gaussian in units of the data. "estimate" takes the root mean
        square error on the training data; "auto" does so too, or in an assessment takes the
        world's.

    Attributes
    ----------
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Notes
    -----
    Values above one half count as one. With unknown phase it is the optimum for flips at a
    uniformly random time; where they always come at multiples of the period, as in
    `RegimeWorld`, a predictor could learn their times by counting.

    Examples
    --------
    >>> from sklearn_emerge import RegimePredictor
    >>> RegimePredictor(stay_probability=(0.9, 0.5)).fit([[0, 0], [1, 1]]).predict([[1, 1]])
    array([[0.7       , 0.75714286]])
    """

    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "period": [Interval(Integral, 1, None, closed="left")],
        "stay_probability": ["array-like"],
        "known_phase": ["boolean"],
    }

    def __init__(
        self, period=32, stay_probability=(0.9, 0.6), *, known_phase=True, likelihood="auto",
        noise_std="auto",
    ):  # fmt: skip
        self.period = period
        self.stay_probability = stay_probability
        self.known_phase = known_phase
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _predict(self, X):
        state = self._one_channel(X) > 0.5
        n_steps = state.shape[1]
        stay = np.asarray(self.stay_probability, dtype=np.float64)
        if stay.shape != (2,) or not ((stay >= 0) & (stay <= 1)).all():
            raise ValueError(
                f"stay_probability={self.stay_probability!r} must be two probabilities, one a "
                "regime, each in [0, 1]."
            )
        phase = np.arange(1 if self.known_phase else self.period)
        flips = (np.arange(n_steps + 1) + phase[:, np.newaxis]) // self.period
        regimes = np.concatenate([flips % 2, (1 + flips) % 2])
        stays = stay[regimes]
        mean = np.empty(X.shape)
        for start in range(0, len(X), _CHUNK):
            s = state[start : start + _CHUNK]
            stayed = np.zeros((len(s), n_steps, 1), dtype=bool)
            stayed[:, 1:, 0] = s[:, 1:] == s[:, :-1]
            with np.errstate(divide="ignore"):
                step = np.where(stayed, np.log(stays.T[:-1]), np.log1p(-stays.T[:-1]))
            step[:, 0] = 0.0
            evidence = step.cumsum(axis=1)
            # Data that are impossible in every regime leave the hypotheses as they were.
            evidence[np.isneginf(evidence).all(axis=2)] = 0.0
            stay_next = (softmax(evidence, axis=2) * stays.T[1:]).sum(axis=2)
            mean[start : start + _CHUNK, :, 0] = np.where(s, stay_next, 1 - stay_next)
        return mean


class ExchangeablePredictor(BasePredictor):
    r"""Predict by the sum of the steps so far: the best linear predictor of shuffled sequences.

    In an exchangeable sequence the order says nothing, so that a linear predictor can use the sum
    of what has been seen only:

    .. math:: \hat y_{t+1} = \mu + k_t \sum_{s \le t} (y_s - \mu).

    A mean that differs between sequences makes :math:`k_t` positive, drawing values without
    replacement makes it negative. Nonlinear predictors may do better still.

    Parameters
    ----------
    likelihood : {"auto", "gaussian", "bernoulli"}, default="auto"
        Likelihood of `score`. "auto" is Gaussian, or in an assessment that of the world.
    noise_std : float, "estimate" or "auto", default="auto"
        Standard deviation of the Gaussian in units of the data. "estimate" takes the root mean
        square error on the training data; "auto" does so too, or in an assessment takes the
        world's.

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

    def __init__(self, *, likelihood="auto", noise_std="auto"):
        self.likelihood = likelihood
        self.noise_std = noise_std

    def _fit(self, X):
        self.mean_ = X.mean(axis=(0, 1))
        apart = X - self.mean_
        seen = apart.cumsum(axis=1)
        to_come = (seen[:, -1:] - seen)[:, :-1]
        to_come /= np.arange(X.shape[1] - 1, 0, -1)[:, np.newaxis]
        seen = seen[:, :-1]
        power = (seen**2).sum(axis=0)
        slope = (seen * to_come).sum(axis=0)
        self.coefs_ = np.divide(slope, power, out=np.zeros_like(power), where=power > 0)

    def _predict(self, X):
        seen = (X - self.mean_).cumsum(axis=1)
        # After the end of training the last coefficient stays.
        coefs = self.coefs_[np.minimum(np.arange(X.shape[1]), len(self.coefs_) - 1)]
        return self.mean_ + coefs * seen
