"""Cross-validated scores of ridge regressions, all targets and penalties from one pass."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from ._ridge import Moments
from ._typing import Floats


def ridge_scores(
    features: Floats,
    targets: Floats,
    folds: Iterable[NDArray[np.integer]],
    penalties: Sequence[float],
) -> Floats:
    r"""Return how well ridge regressions of the other folds predict each, all folds together.

    What ``make_pipeline(StandardScaler(), Ridge(alpha))`` predicts of the fold left out enters one
    :math:`R^2` over all rows, here from sums and products of each fold alone,

    .. math:: R^2 = 1 - \frac{\sum_f \sum_{i \in f} (y_i - a_f - x_i \cdot w_f)^2}
                             {\sum_i (y_i - \bar y)^2}.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_features)
        Features.
    targets : ndarray of shape (n_rows, n_targets)
        Targets, none of them constant.
    folds : iterable of ndarray of int
        The rows of each fold; every row is in one.
    penalties : sequence of float
        Values of alpha.

    Returns
    -------
    ndarray of shape (n_penalties, n_targets)
    """
    folds, n = list(folds), features.shape[1]
    moments = Moments(len(folds), n, targets.shape[1])
    for fold, rows in enumerate(folds):
        moments.add(fold, features[rows], targets[rows])
    errors = np.zeros((len(penalties), targets.shape[1]))
    for fold, count in enumerate(moments.counts):
        others = np.arange(len(folds)) != fold
        mean = moments.mean(others)
        products = moments.about(mean, others)
        scale = _scale(products, mean + moments.origin, moments.counts[others].sum(), n)
        standard = products[:n] / scale[:, np.newaxis]
        standard[:, :n] /= scale
        left_out = moments.about(mean, [fold])
        for errors_of_one, penalty in zip(errors, penalties, strict=True):
            ridge = penalty / moments.counts[others].sum() * np.eye(n)
            coef = cho_solve(cho_factor(standard[:, :n] + ridge), standard[:, n:])
            coef /= scale[:, np.newaxis]
            explained = 2 * left_out[n:, :n] @ coef - coef.T @ left_out[:n, :n] @ coef
            errors_of_one += count * np.diag(left_out[n:, n:] - explained)
    everything = slice(None)
    total = np.diag(moments.about(moments.mean(everything), everything))[n:]
    return 1 - errors / (moments.counts.sum() * total)


def _scale(products: Floats, mean: Floats, n_rows: float, n: int) -> Floats:
    """Return the standard deviations of features; 1 where one is constant up to rounding."""
    variance, size = np.diag(products)[:n], mean[:n] ** 2
    eps = np.finfo(np.float64).eps
    # What scikit-learn takes for rounding.
    constant = variance <= n_rows * eps * variance + n_rows**2 * eps**2 * size
    return np.where(constant, 1.0, np.sqrt(np.where(constant, 1.0, variance)))
