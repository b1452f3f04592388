"""Logistic regression of many rows, in chunks, to a gradient norm."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

# In nats a row and squared standard deviation of a feature: what keeps coefficients finite
# where the classes can be separated.
SMALLEST_PENALTY = 1e-7
_GRADIENT = 1e-6
_MAX_ITERATIONS = 1000


@dataclass(frozen=True)
class LogisticFit:
    """What `fit_logistic` returns.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_targets)
        Coefficients.
    intercept : ndarray of shape (n_targets,)
        Intercepts.
    gradient : float
        Largest entry of the gradient of the mean loss, by coefficients of scaled features.
    converged : bool
        Whether that is at most 1e-6.
    """

    coef: np.ndarray
    intercept: np.ndarray
    gradient: float
    converged: bool


def fit_logistic(chunks, moments, penalty, *, categorical, known=None):
    r"""Fit logistic regressions.

    .. math:: \frac{1}{n} \sum_i -\log p(y_i \mid a + x_i \cdot w)
              + \frac{\lambda}{2} \sum_j s_j^2 (w_j - w_j^0)^2

    by L-BFGS in coordinates in which the features are nearly white, so that their condition
    does not matter. Near its minimum the loss is that of `fit_ridge` times the variance of a
    target, by which a penalty that was chosen there has to be multiplied.

    Parameters
    ----------
    chunks : callable
        Yields pairs of features (n_rows, n_features) and targets (n_rows, n_targets), zeros and
        ones; called once for each evaluation of the loss.
    moments : Moments
        Of the same features and targets, or of more rows of them, if `known`.
    penalty : float
        :math:`\lambda`; what is smaller than 1e-7 counts as that.
    categorical : bool
        Whether the targets of a row are one choice (softmax), or one choice each.
    known : pair of ndarray, default=None
        Coefficients :math:`w^0` and intercepts of all rows, where the chunks are some of them;
        the intercept is then shrunk, too. None stands for zeros, and leaves the intercept free.

    Returns
    -------
    LogisticFit
    """
    problem = _Problem(chunks, moments, max(float(penalty), SMALLEST_PENALTY), categorical, known)
    weights, gradient = problem.solve()
    return LogisticFit(*problem.in_units_of_data(weights), gradient, gradient <= _GRADIENT)


def probabilities(output, categorical):
    """Return the probabilities that logits stand for."""
    return softmax(output, axis=-1) if categorical else expit(output)


class _Problem:
    """The loss with a penalty, by weights of whitened features.

    Weights have shape (1 + n_features, n_targets), intercepts first; divided by their size they
    weight the principal directions of the scaled features.
    """

    def __init__(self, chunks, moments, penalty, categorical, known):
        n, folds = moments.n_features, np.flatnonzero(moments.counts)
        self.chunks, self.penalty, self.categorical = chunks, penalty, categorical
        mean = moments.mean(folds)
        covariance = moments.about(mean, folds)[:n, :n]
        self.center = (mean + moments.origin)[:n]
        spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        constant = spread <= 64 * np.finfo(np.float64).eps * np.abs(self.center)
        self.scale = np.where(constant, 1.0, spread)
        variances, self.directions = eigh(
            covariance / np.outer(self.scale, self.scale), driver="evd"
        )
        share = np.clip((mean + moments.origin)[n:], 1e-6, 1 - 1e-6)
        # At the shares of the targets alone the loss curves by their variance.
        curvature = share * (1 - share)
        self.size = np.sqrt(np.outer(np.append(1.0, np.maximum(variances, 0.0)), curvature))
        self.size[1:] = np.hypot(self.size[1:], np.sqrt(penalty))
        self.shape = self.size.shape
        penalties = np.full((n + 1, 1), penalty)
        if known is None:
            odds = np.log(share) if categorical else np.log(share / (1 - share))
            known = np.zeros((n, len(share))), odds
            penalties[0] = 0.0
        self.start = self.of_whitened(*known)
        self.penalties = penalties / self.size**2

    def solve(self):
        """Return the weights of least loss, and the largest entry of the gradient there."""
        result = minimize(
            self._value,
            self.start.ravel(),
            jac=True,
            method="L-BFGS-B",
            callback=self._stop,
            options={"gtol": 0.0, "ftol": 0.0, "maxiter": _MAX_ITERATIONS, "maxcor": 20},
        )
        _, gradient = self._value(result.x)
        return result.x.reshape(self.shape), self._largest(gradient)

    def _stop(self, weights):
        """End the search where the gradient is small enough."""
        if self._largest(self.gradient) <= _GRADIENT / 2:
            raise StopIteration

    def _largest(self, gradient):
        """Return the largest entry of a gradient, by coefficients of scaled features."""
        gradient = gradient.reshape(self.shape) * self.size
        return float(np.abs(np.vstack([gradient[:1], self.directions @ gradient[1:]])).max())

    def in_units_of_data(self, weights):
        """Return coefficients and intercepts of the features as they are."""
        weights = weights / self.size
        coef = self.directions @ weights[1:] / self.scale[:, np.newaxis]
        return coef, weights[0] - self.center @ coef

    def of_whitened(self, coef, intercept):
        """Return the weights that stand for coefficients and intercepts."""
        scaled = self.directions.T @ (coef * self.scale[:, np.newaxis])
        return np.vstack([intercept + self.center @ coef, scaled]) * self.size

    def _value(self, flat):
        """Return the loss and its gradient."""
        weights = flat.reshape(self.shape)
        coef, intercept = self.in_units_of_data(weights)
        n_rows, total = 0, 0.0
        by_coef, by_intercept = np.zeros_like(coef), np.zeros_like(intercept)
        for features, targets in self.chunks():
            loss, error = self._losses(features @ coef + intercept, targets)
            n_rows += len(targets)
            total += loss
            by_coef += features.T @ error
            by_intercept += error.sum(axis=0)
        by_coef = (by_coef - np.outer(self.center, by_intercept)) / self.scale[:, np.newaxis]
        by_weights = np.vstack([by_intercept, self.directions.T @ by_coef]) / self.size / n_rows
        # The start is what the penalty shrinks to.
        change = self.penalties * (weights - self.start)
        value = total / n_rows + (change * (weights - self.start)).sum() / 2
        # Of the last step of the search, which asks for it once more.
        self.gradient = (by_weights + change).ravel()
        return value, self.gradient

    def _losses(self, output, targets):
        """Return the sum of the losses of rows, and their derivatives by the outputs."""
        if self.categorical:
            loss = -(targets * log_softmax(output, axis=1)).sum()
        else:
            # log(1 + exp(x)) - t x
            loss = (np.logaddexp(0.0, output) - targets * output).sum()
        return loss, probabilities(output, self.categorical) - targets
