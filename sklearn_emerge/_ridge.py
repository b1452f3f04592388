"""Ridge regression from moments: all folds, penalties and targets from one pass over the data."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

# In units of the variance of a feature. Below the first, what the normal equations say of the
# weakest directions is rounding; the last leaves next to nothing of the strongest.
PENALTIES = np.logspace(-14, 1, 16)
# Of the difference between the fit of some rows and that of all.
AMOUNTS = np.append(np.logspace(-7, 3, 11), np.inf)
# Bytes of rows at once, which stay in the cache.
_BLOCK_BYTES = 2**22
# Numbers of work space for a column, as LAPACK likes them.
_WORK = 64


class Moments:
    """Sums and products of features and targets, fold by fold.

    Parameters
    ----------
    n_folds, n_features, n_targets : int
        Sizes.
    origin : ndarray of shape (n_features + n_targets,), default=None
        What products are about; None takes the mean of the first rows.
    """

    def __init__(self, n_folds, n_features, n_targets, origin=None):
        n_columns = n_features + n_targets
        self.n_features = n_features
        self.counts = np.zeros(n_folds)
        self.sums = np.zeros((n_folds, n_columns))
        self.products = np.zeros((n_folds, n_columns, n_columns))
        self.origin = origin

    def add(self, fold, features, targets):
        """Add rows to a fold.

        Parameters
        ----------
        fold : int
            Which.
        features, targets : ndarray of shape (n_rows, n_features) and (n_rows, n_targets)
            The rows.
        """
        n = self.n_features
        if self.origin is None:
            # Products about a mean lose no digits where the mean is large.
            means = [columns.mean(axis=0, dtype=np.float64) for columns in (features, targets)]
            self.origin = np.concatenate(means)
        size = max(1, _BLOCK_BYTES // (8 * len(self.origin)))
        block = np.empty((min(size, len(features)), len(self.origin)))
        for start in range(0, len(features), size):
            rows = slice(start, start + size)
            columns = block[: len(features[rows])]
            np.subtract(features[rows], self.origin[:n], out=columns[:, :n])
            np.subtract(targets[rows], self.origin[n:], out=columns[:, n:])
            self.counts[fold] += len(columns)
            self.sums[fold] += columns.sum(axis=0)
            self.products[fold] += columns.T @ columns

    def include(self, others):
        """Add the rows of other moments, about the same origin."""
        self.counts += others.counts
        self.sums += others.sums
        self.products += others.products

    def part(self, features):
        """Return a copy that knows some of the features only, and all targets."""
        n_targets = len(self.origin) - self.n_features
        columns = np.concatenate([features, self.n_features + np.arange(n_targets)])
        part = Moments(len(self.counts), len(features), n_targets, self.origin[columns])
        part.counts = self.counts.copy()
        part.sums = self.sums[:, columns]
        part.products = self.products[:, columns[:, np.newaxis], columns]
        return part

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
    scale : ndarray of shape (n_features + n_targets,)
        Standard deviations of the columns; 1 where a column is constant.
    scaled : dict
        For each fold the fit of the others, and for None that of all: the mean of the columns,
        from the origin of the moments, and the coefficients of columns of standard deviation 1.
    """

    coef: np.ndarray
    intercept: np.ndarray
    penalty: np.ndarray
    error: np.ndarray
    scale: np.ndarray
    scaled: dict


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
    n = moments.n_features
    kept = _kept(moments)
    means = kept @ moments.sums
    mean = means[-1]
    products = np.tensordot(kept, moments.products, 1)
    products -= means[:, :, np.newaxis] * means[:, np.newaxis]
    variance = np.diag(products[-1])
    # A column that is constant up to rounding explains nothing.
    size = np.abs(mean + moments.origin)
    constant = variance <= (64 * np.finfo(np.float64).eps * size) ** 2
    scale = np.where(constant, 1.0, np.sqrt(np.where(constant, 1.0, variance)))
    unit = np.outer(scale, scale)
    products /= unit
    sizes, directions = np.linalg.eigh(products[:, :n, :n])
    # Rounding can make the smallest eigenvalues negative.
    shrunk = np.maximum(sizes, 0.0)[:, np.newaxis, :, np.newaxis] + penalties[:, None, None]
    projected = directions.swapaxes(1, 2) @ products[:, :n, n:]
    paths = directions[:, np.newaxis] @ (projected[:, np.newaxis] / shrunk)
    squares = np.zeros((len(penalties), len(scale) - n))
    counts = moments.counts[folds]
    held_out = _about(
        moments.products[folds] / counts[:, np.newaxis, np.newaxis],
        moments.sums[folds] / counts[:, np.newaxis],
        means[:-1],
    )
    held_out /= unit
    for count, path, of_fold in zip(counts, paths, held_out, strict=False):
        squares += count * _errors(of_fold, path, n)
    errors = squares / moments.counts.sum()
    best = errors.argmin(axis=0)
    targets = np.arange(len(best))
    scaled = {
        key: (center, path[best, :, targets].T)
        for key, center, path in zip([*folds, None], means, paths, strict=True)
    }
    of_features, of_targets = np.split(scale, [moments.n_features])
    coef = scaled[None][1] * of_targets / of_features[:, np.newaxis]
    at_features, at_targets = np.split(mean + moments.origin, [moments.n_features])
    return RidgeFit(
        coef=coef,
        intercept=at_targets - at_features @ coef,
        penalty=penalties[best],
        error=np.maximum(errors[best, targets], 0.0) * of_targets**2,
        scale=scale,
        scaled=scaled,
    )


@dataclass(frozen=True)
class ShrunkPath:
    """What `shrink_ridge` returns, for every penalty.

    Attributes
    ----------
    coef : ndarray of shape (n_penalties, n_features, n_targets)
        Coefficients.
    intercept : ndarray of shape (n_penalties, n_targets)
        Intercepts.
    error : ndarray of shape (n_penalties, n_targets)
        Mean square error of rows of the folds left out.
    """

    coef: np.ndarray
    intercept: np.ndarray
    error: np.ndarray

    def best(self):
        """Return coefficients, intercept and error at the penalty of least error of a target."""
        return self.at(self.error.argmin(axis=0))

    def at(self, chosen):
        """Return coefficients, intercept and error at a penalty for each target."""
        targets = np.arange(len(chosen))
        return self.coef[chosen, :, targets].T, *(
            values[chosen, targets] for values in (self.intercept, self.error)
        )


def shrink_ridge(moments, known, penalties=AMOUNTS):
    r"""Fit some of the rows with coefficients shrunk towards those of all rows.

    The penalty of `fit_ridge` is on the difference from these, that of the intercept (at the
    mean of all rows) among them. At an infinite penalty nothing differs.

    Parameters
    ----------
    moments : Moments
        Of some of the rows, about the origin of the moments of all.
    known : RidgeFit
        The fit of all rows.
    penalties : array-like, default=AMOUNTS
        Penalties, in units of the variance of a feature.

    Returns
    -------
    ShrunkPath
    """
    penalties = np.asarray(penalties, dtype=np.float64)
    counts = moments.counts[moments.counts > 0]
    scaled = _with_constant(moments, known.scale)
    n = 1 + moments.n_features
    errors = 0.0
    means, coefs = zip(*known.scaled.values(), strict=True)
    centers = np.pad(np.array(means) / known.scale, ((0, 0), (1, 0)))
    kept = np.tensordot(_kept(moments), scaled, 1)
    kept = _about(kept, kept[:, 0], centers)
    held_out = scaled[moments.counts > 0] / counts[:, np.newaxis, np.newaxis]
    held_out = _about(held_out, held_out[:, 0], centers[:-1])
    for k, (products, coef) in enumerate(zip(kept, coefs, strict=True)):
        start = np.vstack([np.zeros(coef.shape[1]), coef])
        apart = products[:n, n:] - products[:n, :n] @ start
        path = start + _shrunk(products[:n, :n], apart, penalties)
        if k < len(counts):
            errors = errors + counts[k] * _errors(held_out[k], path, n)
    of_features, of_targets = np.split(known.scale, [n - 1])
    coef = path[:, 1:] * of_targets / of_features[:, np.newaxis]
    at_features, at_targets = np.split(means[-1] + moments.origin, [n - 1])
    return ShrunkPath(
        coef=coef,
        intercept=at_targets + path[:, 0] * of_targets - at_features @ coef,
        error=np.maximum(errors / moments.counts.sum(), 0.0) * of_targets**2,
    )


def _kept(moments):
    """Return the weights of folds in the means of all but one, for each, and of all."""
    some = moments.counts > 0
    kept = np.vstack([~np.eye(len(some), dtype=bool)[some], some]) * some
    return kept / (kept @ moments.counts)[:, np.newaxis]


def _with_constant(moments, scale):
    """Return the products of scaled columns, a column of ones before them, fold by fold."""
    n_columns = 1 + len(scale)
    products = np.empty((len(moments.counts), n_columns, n_columns))
    products[:, 0, 0] = moments.counts
    products[:, 0, 1:] = products[:, 1:, 0] = moments.sums / scale
    np.divide(moments.products, np.outer(scale, scale), out=products[:, 1:, 1:])
    return products


def _about(products, sums, means):
    """Return mean products about other means, given the mean of each column: of several folds."""
    products = products - sums[:, :, np.newaxis] * means[:, np.newaxis]
    products -= means[:, :, np.newaxis] * (sums - means)[:, np.newaxis]
    return products


def _shrunk(matrix, target, penalties):
    """Solve (matrix + penalty I) x = target for every penalty: (n_penalties, n, n_targets).

    By a tridiagonal form, which takes a third of the time of eigenvectors.
    """
    n = len(matrix)
    reflectors, diagonal, beside, factors, _ = lapack.dsytrd(matrix, lower=1)
    reflectors = np.asfortranarray(reflectors[1:, :-1])

    def turn(columns, way):
        # The first row is left alone.
        rest = lapack.dormqr("L", way, reflectors, factors, columns[1:], _WORK * columns.shape[1])
        return np.vstack([columns[:1], rest[0]])

    turned = turn(target, "T")
    finite = np.isfinite(penalties)
    solved = [
        lapack.dgtsv(beside, diagonal + penalty, beside, turned)[3] for penalty in penalties[finite]
    ]
    paths = np.zeros((len(penalties), n, target.shape[1]))
    back = turn(np.hstack(solved), "N").reshape(n, len(solved), -1)
    paths[finite] = back.swapaxes(0, 1)
    return paths


def _errors(products, coef, n):
    """Return the mean square errors of coefficients from products of deviations."""
    explained = (coef * products[:n, n:]).sum(axis=1)
    spread = (coef * (products[:n, :n] @ coef)).sum(axis=1)
    return np.diag(products[n:, n:]) - 2 * explained + spread
