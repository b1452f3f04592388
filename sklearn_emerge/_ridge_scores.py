"""Cross-validated scores of ridge regressions, all targets and penalties from one pass."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from ._moments import Moments
from ._typing import Floats


def ridge_scores(
    features: Floats,
    targets: Floats,
    folds: Sequence[NDArray[np.integer]],
    penalties: Sequence[float],
) -> Floats:
    r"""Return how well ridge regressions of the other folds predict each, all folds together.

    What ``make_pipeline(StandardScaler(), Ridge(alpha))`` predicts of the fold left out enters one
    :math:`R^2` over all rows,

    .. math:: R^2 = 1 - \frac{\sum_f \sum_{i \in f} (y_i - a_f - x_i \cdot w_f)^2}
                             {\sum_i (y_i - \bar y)^2}.

    It is computed from sums and products of columns, fold by fold; of fewer rows than features,
    from products of rows, which are fewer.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_features)
        Features.
    targets : ndarray of shape (n_rows, n_targets)
        Targets, none of them constant.
    folds : sequence of ndarray of int
        The rows of each fold; every row is in one.
    penalties : sequence of float
        Values of alpha, above 0.

    Returns
    -------
    ndarray of shape (n_penalties, n_targets)
    """
    n_rows, n_features = features.shape
    squares = _squares_of_rows if n_rows < n_features else _squares_of_moments
    return 1 - squares(features, targets, folds, penalties) / (n_rows * targets.var(axis=0))


def _squares_of_rows(
    features: Floats,
    targets: Floats,
    folds: Sequence[NDArray[np.integer]],
    penalties: Sequence[float],
) -> Floats:
    """Return the sums of square errors by penalty and target, from products of rows."""
    squares = np.zeros((len(penalties), targets.shape[1]))
    for rows in folds:
        others = np.delete(np.arange(len(targets)), rows)
        center = features[others].mean(axis=0)
        fitted, left_out = features[others] - center, features[rows] - center
        # Twice, as the mean of a column that hardly varies is rounded.
        near = fitted.mean(axis=0)
        scale = _scale(((fitted - near) ** 2).mean(axis=0), center, len(others))
        for each in (fitted, left_out):
            each -= near
            each /= scale
        products, across = fitted @ fitted.T, left_out @ fitted.T
        mean = targets[others].mean(axis=0)
        for squares_of_one, penalty in zip(squares, penalties, strict=True):
            ridge = products + penalty * np.eye(len(others))
            factor = cho_factor(ridge, overwrite_a=True, check_finite=False)
            weights = cho_solve(factor, targets[others] - mean, check_finite=False)
            predicted = mean + across @ weights
            squares_of_one += ((targets[rows] - predicted) ** 2).sum(axis=0)
    return squares


def _squares_of_moments(
    features: Floats,
    targets: Floats,
    folds: Sequence[NDArray[np.integer]],
    penalties: Sequence[float],
) -> Floats:
    """Return the sums of square errors by penalty and target, from the moments of each fold."""
    n, n_folds = features.shape[1], len(folds)
    n_columns = n + targets.shape[1]
    counts = np.array([len(rows) for rows in folds], dtype=np.float64)
    # Means in two parts, so that differences between nearly equal ones keep their digits.
    origins, means = np.empty((2, n_folds, n_columns))
    products = np.empty((n_folds, n_columns, n_columns))
    for fold, rows in enumerate(folds):
        # Each about its own mean, so that what is constant in the others is so without rounding.
        moments = Moments(1, n, n_columns - n)
        moments.add(0, features[rows], targets[rows])
        origins[fold], means[fold] = moments.origin, moments.mean([0])
        products[fold] = moments.about(means[fold], [0])
    squares = np.zeros((len(penalties), n_columns - n))
    for fold, count in enumerate(counts):
        shares = np.where(np.arange(n_folds) == fold, 0.0, counts)
        n_others = shares.sum()
        shares /= n_others
        near = (fold + 1) % n_folds
        away = (origins - origins[near]) + (means - means[near])
        mean = shares @ away
        away -= mean
        mean += origins[near] + means[near]
        of_others = np.tensordot(shares, products, 1) + (away.T * shares) @ away
        scale = _scale(np.diag(of_others)[:n], mean[:n], n_others)
        standard = of_others[:n] / scale[:, np.newaxis]
        standard[:, :n] /= scale
        left_out = products[fold] + np.outer(away[fold], away[fold])
        diagonal = np.arange(n), np.arange(n)
        for squares_of_one, penalty in zip(squares, penalties, strict=True):
            ridge = standard[:, :n].copy()
            ridge[diagonal] += penalty / n_others
            factor = cho_factor(ridge, overwrite_a=True, check_finite=False)
            coef = cho_solve(factor, standard[:, n:], check_finite=False) / scale[:, np.newaxis]
            explained = 2 * left_out[:n, n:] - left_out[:n, :n] @ coef
            squares_of_one += count * (np.diag(left_out)[n:] - (coef * explained).sum(axis=0))
    return squares


def _scale(variance: Floats, mean: Floats, n_rows: float) -> Floats:
    """Return standard deviations; 1 where a column is constant up to rounding."""
    eps = np.finfo(np.float64).eps
    # What scikit-learn takes for rounding.
    constant = variance <= n_rows * eps * variance + (n_rows * eps * mean) ** 2
    return np.where(constant, 1.0, np.sqrt(np.where(constant, 1.0, variance)))
