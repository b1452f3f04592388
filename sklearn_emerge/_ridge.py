"""Ridge regression from moments: all folds, penalties and targets from one pass over the data."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

# In units of the variance of a feature. Below the first, what the normal equations say of the
# weakest directions is rounding; the last leaves next to nothing of the strongest.
PENALTIES = np.logspace(-14, 1, 16)


class Moments:
    """Sums and products of features and targets, fold by fold.

    Parameters
    ----------
    n_folds, n_features, n_targets : int
        Sizes.
    """

    def __init__(self, n_folds, n_features, n_targets):
        n_columns = n_features + n_targets
        self.n_features = n_features
        self.counts = np.zeros(n_folds)
        self.sums = np.zeros((n_folds, n_columns))
        self.products = np.zeros((n_folds, n_columns, n_columns))
        self.origin = None

    def add(self, fold, features, targets):
        """Add rows to a fold.

        Parameters
        ----------
        fold : int
            Which.
        features, targets : ndarray of shape (n_rows, n_features) and (n_rows, n_targets)
            The rows.
        """
        columns = np.hstack([features, targets]).astype(np.float64, copy=False)
        if self.origin is None:
            # Products about a mean lose no digits where the mean is large.
            self.origin = columns.mean(axis=0)
        columns = columns - self.origin
        self.counts[fold] += len(columns)
        self.sums[fold] += columns.sum(axis=0)
        self.products[fold] += columns.T @ columns

    def about(self, mean, folds):
        """Return the mean products of deviations from `mean`, over some of the folds."""
        count, total = self.counts[folds].sum(), self.sums[folds].sum(axis=0)
        cross = np.outer(total, mean)
        products = self.products[folds].sum(axis=0) - cross - cross.T
        return products / count + np.outer(mean, mean)

    def mean(self, folds):
        """Return the mean of the columns, from `origin`, over some of the folds."""
        return self.sums[folds].sum(axis=0) / self.counts[folds].sum()


@dataclass(frozen=True)
class RidgeFit:
    """What `fit_ridge` returns.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_targets)
        Coefficients.
    intercept : ndarray of shape (n_targets,)
        Intercepts.
    penalty : ndarray of shape (n_targets,)
        The penalties that were chosen, in units of the variance of a feature.
    error : ndarray of shape (n_targets,)
        Mean square error of rows of the folds left out, at that penalty.
    """

    coef: np.ndarray
    intercept: np.ndarray
    penalty: np.ndarray
    error: np.ndarray


def fit_ridge(moments, penalties=PENALTIES):
    r"""Fit ridge regressions, each with the penalty that predicts the folds left out best.

    .. math:: \frac{1}{n} \sum_i (y_i - a - x_i \cdot w)^2 + \lambda \sum_j s_j^2 w_j^2,

    where s is the standard deviation of a feature, so that units do not matter.

    Parameters
    ----------
    moments : Moments
        Of at least two folds that have rows.
    penalties : array-like, default=PENALTIES
        What is tried for :math:`\lambda`.

    Returns
    -------
    RidgeFit
    """
    penalties = np.asarray(penalties, dtype=np.float64)
    folds = np.flatnonzero(moments.counts)
    mean = moments.mean(folds)
    variance = np.diag(moments.about(mean, folds)).copy()
    # A column that is constant up to rounding explains nothing.
    size = np.abs(mean + moments.origin)
    constant = variance <= (64 * np.finfo(np.float64).eps * size) ** 2
    scale = np.where(constant, 1.0, np.sqrt(np.where(constant, 1.0, variance)))
    squares = np.zeros((len(penalties), len(scale) - moments.n_features))
    for fold in folds:
        others = folds[folds != fold]
        center = moments.mean(others)
        coef = _solve(moments, others, center, scale, penalties)
        left_out = moments.about(center, [fold]) / np.outer(scale, scale)
        squares += moments.counts[fold] * _errors(left_out, coef, moments.n_features)
    errors = squares / moments.counts.sum()
    best = errors.argmin(axis=0)
    targets = np.arange(len(best))
    coef = _solve(moments, folds, mean, scale, penalties)[best, :, targets].T
    of_features, of_targets = np.split(scale, [moments.n_features])
    coef = coef * of_targets / of_features[:, np.newaxis]
    at_features, at_targets = np.split(mean + moments.origin, [moments.n_features])
    return RidgeFit(
        coef=coef,
        intercept=at_targets - at_features @ coef,
        penalty=penalties[best],
        error=np.maximum(errors[best, targets], 0.0) * of_targets**2,
    )


def _solve(moments, folds, mean, scale, penalties):
    """Return the coefficients of scaled columns, (n_penalties, n_features, n_targets)."""
    covariance = moments.about(mean, folds) / np.outer(scale, scale)
    n = moments.n_features
    sizes, directions = eigh(covariance[:n, :n])
    projected = directions.T @ covariance[:n, n:]
    # Rounding can make the smallest eigenvalues negative.
    shrunk = np.maximum(sizes, 0.0)[np.newaxis, :] + penalties[:, np.newaxis]
    return directions @ (projected / shrunk[:, :, np.newaxis])


def _errors(products, coef, n):
    """Return the mean square errors of coefficients from products of deviations."""
    explained = (coef * products[:n, n:]).sum(axis=1)
    spread = (coef * (products[:n, :n] @ coef)).sum(axis=1)
    return np.diag(products[n:, n:]) - 2 * explained + spread
