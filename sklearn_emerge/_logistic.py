"""Logistic regression of many rows, in chunks, to a gradient norm."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

# In nats a row and squared standard deviation of a feature.
PENALTIES = (1e-7, 1e-5, 1e-3, 1e-1)
_GRADIENT = 1e-6
_MAX_ITERATIONS = 500


@dataclass(frozen=True)
class LogisticFit:
    """What `fit_logistic` returns.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_targets)
        Coefficients.
    intercept : ndarray of shape (n_targets,)
        Intercepts.
    penalty : float
        The penalty that was chosen.
    gradient : float
        Largest entry of the gradient of the mean loss, by coefficients of scaled features.
    converged : bool
        Whether that is at most 1e-6.
    """

    coef: np.ndarray
    intercept: np.ndarray
    penalty: float
    gradient: float
    converged: bool


def fit_logistic(chunks, moments, *, categorical, penalties=PENALTIES):
    r"""Fit logistic regressions with the penalty that predicts the fold left out best.

    .. math:: \frac{1}{n} \sum_i -\log p(y_i \mid a + x_i \cdot w)
              + \frac{\lambda}{2} \sum_j s_j^2 w_j^2

    by L-BFGS in coordinates in which the features are nearly white, so that their condition
    does not matter.

    Parameters
    ----------
    chunks : callable
        Called with a list of folds; yields pairs of features (n_rows, n_features) and targets
        (n_rows, n_targets) of these, zeros and ones.
    moments : Moments
        Of the same features and targets, by fold.
    categorical : bool
        Whether the targets of a row are one choice (softmax), or one choice each.
    penalties : sequence of float, default=PENALTIES
        What is tried for :math:`\lambda`, on the first fold left out.

    Returns
    -------
    LogisticFit
    """
    folds = np.flatnonzero(moments.counts).tolist()
    penalty = penalties[0]
    if len(penalties) > 1:
        left_out, others = folds[:1], folds[1:]
        losses, known = {}, None
        # From the largest on: each is a good start for the next.
        for penalty in sorted(penalties, reverse=True):
            problem = _Problem(chunks, moments, others, penalty, categorical)
            known = problem.in_units_of_data(problem.solve(known))
            losses[penalty] = problem.loss(*known, left_out)
        penalty = min(losses, key=losses.get)
    problem = _Problem(chunks, moments, folds, penalty, categorical)
    weights = problem.solve(None)
    gradient = problem.gradient(weights)
    coef, intercept = problem.in_units_of_data(weights)
    return LogisticFit(coef, intercept, penalty, gradient, gradient <= _GRADIENT)


class _Problem:
    """The loss of some folds with a penalty, by weights of whitened features.

    Weights have shape (1 + n_features, n_targets), intercepts first; of scaled features they
    are ``directions @ (weights[1:] / size)``.
    """

    def __init__(self, chunks, moments, folds, penalty, categorical):
        n = moments.n_features
        self.chunks, self.folds, self.penalty = chunks, folds, penalty
        self.categorical = categorical
        self.n_rows = moments.counts[folds].sum()
        mean = moments.mean(folds)
        covariance = moments.about(mean, folds)[:n, :n]
        self.center = (mean + moments.origin)[:n]
        spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        constant = spread <= 64 * np.finfo(np.float64).eps * np.abs(self.center)
        self.scale = np.where(constant, 1.0, spread)
        variances, self.directions = eigh(covariance / np.outer(self.scale, self.scale))
        # A logistic loss curves by a quarter of the variance at most.
        self.size = np.sqrt(np.maximum(variances, 0.0) / 4 + penalty)
        self.n_targets = moments.products.shape[1] - n
        self.share = np.clip((mean + moments.origin)[n:], 1e-6, 1 - 1e-6)

    def start(self):
        """Return the weights that know the shares of the targets alone."""
        odds = np.log(self.share) if self.categorical else np.log(self.share / (1 - self.share))
        return np.vstack([odds, np.zeros((len(self.size), self.n_targets))])

    def solve(self, known):
        """Return the weights of least loss, from coefficients and intercepts that are known."""
        start = self.start() if known is None else self.of_whitened(*known)
        result = minimize(
            self._value,
            start.ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"gtol": _GRADIENT / 10, "ftol": 0.0, "maxiter": _MAX_ITERATIONS, "maxcor": 20},
        )
        return result.x.reshape(start.shape)

    def loss(self, coef, intercept, folds):
        """Return the mean loss of rows of other folds."""
        total = n_rows = 0
        for features, targets in self.chunks(folds):
            total += self._losses(features @ coef + intercept, targets)[0]
            n_rows += len(targets)
        return total / n_rows

    def gradient(self, weights):
        """Return the largest entry of the gradient, by weights of scaled features."""
        gradient = self._value(weights.ravel())[1].reshape(weights.shape)
        scaled = self.directions @ (gradient[1:] * self.size[:, np.newaxis])
        return float(max(np.abs(gradient[0]).max(), np.abs(scaled).max(initial=0.0)))

    def in_units_of_data(self, weights):
        """Return coefficients and intercepts of the features as they are."""
        scaled = self.directions @ (weights[1:] / self.size[:, np.newaxis])
        coef = scaled / self.scale[:, np.newaxis]
        return coef, weights[0] - self.center @ coef

    def of_whitened(self, coef, intercept):
        """Return the weights that stand for coefficients and intercepts."""
        scaled = self.directions.T @ (coef * self.scale[:, np.newaxis])
        return np.vstack([intercept + self.center @ coef, scaled * self.size[:, np.newaxis]])

    def _value(self, flat):
        """Return the loss and its gradient."""
        weights = flat.reshape(-1, self.n_targets)
        coef, intercept = self.in_units_of_data(weights)
        total, by_coef, by_intercept = 0.0, np.zeros_like(coef), np.zeros_like(intercept)
        for features, targets in self.chunks(self.folds):
            loss, error = self._losses(features @ coef + intercept, targets)
            total += loss
            by_coef += features.T @ error
            by_intercept += error.sum(axis=0)
        by_coef = (by_coef - np.outer(self.center, by_intercept)) / self.scale[:, np.newaxis]
        by_weights = (self.directions.T @ by_coef) / self.size[:, np.newaxis] / self.n_rows
        shrunk = weights[1:] / self.size[:, np.newaxis]
        value = total / self.n_rows + self.penalty / 2 * (shrunk**2).sum()
        by_weights += self.penalty * shrunk / self.size[:, np.newaxis]
        return value, np.vstack([by_intercept / self.n_rows, by_weights]).ravel()

    def _losses(self, output, targets):
        """Return the sum of the losses of rows, and their derivatives by the outputs."""
        if self.categorical:
            return -(targets * log_softmax(output, axis=1)).sum(), softmax(output, axis=1) - targets
        # log(1 + exp(x)) - t x
        return (np.logaddexp(0.0, output) - targets * output).sum(), expit(output) - targets
