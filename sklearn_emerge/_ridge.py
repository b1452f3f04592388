"""Ridge regression from moments: all folds, penalties and targets from one pass over the data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack, solve_triangular

from ._moments import Moments
from ._typing import Floats

# In units of the variance of a feature. Below the first, what the normal equations say of the
# weakest directions is rounding; the last leaves next to nothing of the strongest.
PENALTIES = np.logspace(-14, 1, 16)
# Of the difference between the fit of some rows and that of all.
AMOUNTS = np.append(np.logspace(-7, 3, 11), np.inf)
# Rows for each feature up to which their span is worth looking for, measured with 512 features.
_FEW = 0.75
# Numbers of work space for a column, as LAPACK likes them.
_WORK = 64


@dataclass(frozen=True)
class ScaledFit:
    """Fits of columns of standard deviation 1.

    Attributes
    ----------
    scale : ndarray of shape (n_features + n_targets,)
        Standard deviations of the columns; 1 where a column is constant.
    scaled : dict
        For each fold the fit of the others, and for None that of all: the mean of the columns,
        from the origin of the moments, and the coefficients of columns of standard deviation 1.
    """

    scale: np.ndarray
    scaled: dict[int | None, tuple[Floats, Floats]]


@dataclass(frozen=True)
class RidgeFit(ScaledFit):
    """What `fit_ridge` returns.

    Attributes
    ----------
    scale, scaled
        As in `ScaledFit`.
    coef : ndarray of shape (n_features, n_targets)
        Coefficients.
    intercept : ndarray of shape (n_targets,)
        Intercepts.
    penalty : ndarray of shape (n_targets,)
        The penalties that were chosen, in units of the variance of a feature.
    error : ndarray of shape (n_targets,)
        Mean square error of rows of the folds left out, at that penalty.
    converged : bool
        Always, as there is nothing to iterate.
    """

    coef: np.ndarray
    intercept: np.ndarray
    penalty: np.ndarray
    error: np.ndarray
    converged: bool = True


def fit_ridge(moments: Moments, penalties: Floats = PENALTIES) -> RidgeFit:
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
    n_rows, n = moments.counts.sum(), moments.n_features
    # Few rows span few dimensions, in which all is done then; with more rows it takes longer.
    in_span = n_rows <= _FEW * n
    means, products = _of_kept(moments, slice(-1, None) if in_span else slice(None))
    mean = means[-1]
    variance = np.diag(products[-1])
    # A column that is constant up to rounding explains nothing.
    size = np.abs(mean + moments.origin)
    constant = variance <= (64 * np.finfo(np.float64).eps * size) ** 2
    scale = np.where(constant, 1.0, np.sqrt(np.where(constant, 1.0, variance)))
    unit = np.outer(scale, scale)
    products /= unit
    if in_span:
        basis = _basis(products[-1, :n, :n], int(n_rows) - 1)
        of_span = moments.turned(basis / scale[:n, np.newaxis], scale[n:])
        errors, paths = _paths(of_span, 1.0, *_of_kept(of_span), penalties)
        paths = basis @ paths
    else:
        errors, paths = _paths(moments, unit, means, products, penalties)
    best = errors.argmin(axis=0)
    targets = np.arange(len(best))
    scaled = {
        key: (center, path[best, :, targets].T)
        for key, center, path in zip([*folds, None], means, paths, strict=True)
    }
    of_features, of_targets = np.split(scale, [n])
    coef = scaled[None][1] * of_targets / of_features[:, np.newaxis]
    at_features, at_targets = np.split(mean + moments.origin, [n])
    return RidgeFit(
        coef=coef,
        intercept=at_targets - at_features @ coef,
        penalty=penalties[best],
        error=np.maximum(errors[best, targets], 0.0) * of_targets**2,
        scale=scale,
        scaled=scaled,
    )


def _basis(products: Floats, most: int) -> Floats:
    """Return an orthonormal basis of the span of a few rows: (n_features, at most `most`).

    Given are the mean products of columns of unit variance.
    """
    # A pivot is the variance that the columns before it leave of one; below this it is rounding.
    tol = 4 * np.finfo(np.float64).eps
    triangle, pivots, rank, _ = lapack.dpstrf(products, tol=tol, lower=1)
    size = min(rank, most)
    spanning = np.empty((len(products), size))
    spanning[pivots - 1] = np.tril(triangle)[:, :size]
    return np.linalg.qr(spanning)[0]


def _paths(
    moments: Moments, unit: Any, means: Floats, products: Floats, penalties: Floats
) -> tuple[Floats, Floats]:
    """Return errors of folds left out (n_penalties, n_targets), and coefficients for each fit.

    A fit is of all folds but one, or, the last one, of all. Given are the means and the products of
    the rows of each, the latter divided by `unit`; coefficients are (n_fits, n_penalties,
    n_features, n_targets).
    """
    n = moments.n_features
    sizes, directions = np.linalg.eigh(products[:, :n, :n])
    # Rounding can make the smallest eigenvalues negative.
    shrunk = np.maximum(sizes, 0.0)[:, np.newaxis, :, np.newaxis] + penalties[:, None, None]
    projected = directions.swapaxes(1, 2) @ products[:, :n, n:]
    # Rows about their mean span so many directions at most; of the others there is only rounding,
    # which small penalties would blow up.
    spanned = _kept(moments) @ moments.counts - 1
    projected[np.arange(n) < n - spanned[:, np.newaxis]] = 0.0
    paths = directions[:, np.newaxis] @ (projected[:, np.newaxis] / shrunk)
    squares = np.zeros((len(penalties), products.shape[1] - n))
    folds = np.flatnonzero(moments.counts)
    counts = moments.counts[folds]
    held_out = _about(
        moments.products[folds] / counts[:, np.newaxis, np.newaxis],
        moments.sums[folds] / counts[:, np.newaxis],
        means[:-1],
    )
    held_out /= unit
    for count, path, of_fold in zip(counts, paths, held_out, strict=False):
        squares += count * _errors(of_fold, path, n)
    return squares / moments.counts.sum(), paths


def first_ridges(moments: Moments, known: RidgeFit, sizes: Sequence[int]) -> list[ScaledFit]:
    """Return the fits of the first features alone, for several numbers of them.

    A triangle of all features has those of the first ones as its corners, so that this takes
    hardly longer than one fit. Penalties are those of the fit of all.

    Parameters
    ----------
    moments : Moments
        Of no more features than `known`.
    known : RidgeFit
        A fit, of which the scale and the penalties are taken.
    sizes : sequence of int
        Numbers of features.

    Returns
    -------
    list of ScaledFit
    """
    n, n_targets = moments.n_features, len(known.penalty)
    all_scales = np.append(known.scale[:n], known.scale[-n_targets:])
    means, products = _of_kept(moments)
    products /= np.outer(all_scales, all_scales)
    # What is less than rounding would not leave a triangle.
    penalties = np.maximum(known.penalty, 16 * np.finfo(np.float64).eps * n**2)
    used = np.arange(n)[:, np.newaxis, np.newaxis] < np.asarray(sizes)
    coefs = np.empty((len(means), n, n_targets, len(sizes)))
    for penalty in np.unique(penalties):
        targets = np.flatnonzero(penalties == penalty)
        for coef, matrix in zip(coefs, products, strict=True):
            triangle = np.linalg.cholesky(matrix[:n, :n] + penalty * np.eye(n))
            half = solve_triangular(triangle, matrix[:n, n + targets], lower=True)
            halves = (half[:, :, np.newaxis] * used).reshape(n, -1)
            whole = solve_triangular(triangle, halves, lower=True, trans="T")
            coef[:, targets] = whole.reshape(n, len(targets), -1)
    fits = []
    for k, size in enumerate(sizes):
        columns = np.append(np.arange(size), n + np.arange(n_targets))
        each = zip(means[:, columns], coefs[:, :size, :, k], strict=True)
        scaled = dict(zip([*np.flatnonzero(moments.counts), None], each, strict=True))
        fits.append(ScaledFit(scale=all_scales[columns], scaled=scaled))
    return fits


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
        Mean square error of rows of the folds left out; NaN if not asked for.
    """

    coef: np.ndarray
    intercept: np.ndarray
    error: np.ndarray

    def best(self) -> tuple[Floats, Floats, Floats]:
        """Return coefficients, intercept and error at the penalty of least error of a target."""
        return self.at(self.error.argmin(axis=0))

    def at(self, chosen: NDArray[np.integer]) -> tuple[Floats, Floats, Floats]:
        """Return coefficients, intercept and error at a penalty for each target."""
        targets = np.arange(len(chosen))
        return self.coef[chosen, :, targets].T, *(
            values[chosen, targets] for values in (self.intercept, self.error)
        )


def shrink_ridge(
    moments: Moments, known: ScaledFit, penalties: Floats = AMOUNTS, *, held_out: bool = True
) -> ShrunkPath:
    r"""Fit some of the rows with coefficients shrunk towards those of all rows.

    The penalty of `fit_ridge` is on the difference from these, that of the intercept (at the
    mean of all rows) among them. At an infinite penalty nothing differs.

    Parameters
    ----------
    moments : Moments
        Of some of the rows, about the origin of the moments of all.
    known : ScaledFit
        The fit of all rows.
    penalties : array-like, default=AMOUNTS
        Penalties, in units of the variance of a feature.
    held_out : bool, default=True
        Whether to fit without each of the folds, too, for the errors.

    Returns
    -------
    ShrunkPath
    """
    penalties = np.asarray(penalties, dtype=np.float64)
    some = moments.counts > 0
    products = _with_constant(moments, known.scale)
    n = 1 + moments.n_features
    # The last is of all folds.
    used = slice(None if held_out else -1, None)
    fits = (known.scaled[key] for key in [*np.flatnonzero(some), None])
    means, coefs = (np.array(each) for each in zip(*fits, strict=True))
    centers = np.pad(means / known.scale, ((0, 0), (1, 0)))
    kept = np.tensordot(_weights(moments)[used], products, 1)
    kept = _about(kept, kept[:, 0], centers[used])
    paths = []
    for matrix, coef in zip(kept, coefs[used], strict=True):
        start = np.vstack([np.zeros(coef.shape[1]), coef])
        apart = matrix[:n, n:] - matrix[:n, :n] @ start
        paths.append(start + _shrunk(matrix[:n, :n], apart, penalties))
    path = paths.pop()
    error = np.full(path[:, 0].shape, 0.0 if held_out else np.nan)
    if held_out:
        counts = moments.counts[some]
        left_out = products[some] / counts[:, np.newaxis, np.newaxis]
        left_out = _about(left_out, left_out[:, 0], centers[:-1])
        for count, matrix, without in zip(counts, left_out, paths, strict=True):
            error += count / counts.sum() * _errors(matrix, without, n)
    of_features, of_targets = np.split(known.scale, [n - 1])
    coef = path[:, 1:] * of_targets / of_features[:, np.newaxis]
    at_features, at_targets = np.split(means[-1] + moments.origin, [n - 1])
    return ShrunkPath(
        coef=coef,
        intercept=at_targets + path[:, 0] * of_targets - at_features @ coef,
        error=np.maximum(error, 0.0) * of_targets**2,
    )


def _kept(moments: Moments) -> Floats:
    """Return which folds are in all but one, for each, and in all."""
    some = moments.counts > 0
    return np.vstack([~np.eye(len(some), dtype=bool)[some], some]) * some


def _weights(moments: Moments) -> Floats:
    """Return the weights of folds in the means of all but one, for each, and of all."""
    kept = _kept(moments)
    return kept / np.maximum(kept @ moments.counts, 1)[:, np.newaxis]


def _of_kept(moments: Moments, used: slice = slice(None)) -> tuple[Floats, Floats]:
    """Return the means of all folds but one, for each, and of all, and the products about them.

    Products are those of the `used` fits alone.
    """
    kept = _weights(moments)
    means = kept @ moments.sums
    products = np.tensordot(kept[used], moments.products, 1)
    products -= means[used, :, np.newaxis] * means[used, np.newaxis]
    return means, products


def _with_constant(moments: Moments, scale: Floats) -> Floats:
    """Return the products of scaled columns, a column of ones before them, fold by fold."""
    n_columns = 1 + len(scale)
    products = np.empty((len(moments.counts), n_columns, n_columns))
    products[:, 0, 0] = moments.counts
    products[:, 0, 1:] = products[:, 1:, 0] = moments.sums / scale
    np.divide(moments.products, np.outer(scale, scale), out=products[:, 1:, 1:])
    return products


def _about(products: Floats, sums: Any, means: Floats) -> Floats:
    """Return mean products about other means, given the mean of each column: of several folds."""
    products = products - sums[:, :, np.newaxis] * means[:, np.newaxis]
    products -= means[:, :, np.newaxis] * (sums - means)[:, np.newaxis]
    return products


def _shrunk(matrix: Floats, target: Floats, penalties: Floats) -> Floats:
    """Solve (matrix + penalty I) x = target for every penalty: (n_penalties, n, n_targets).

    Of several by a tridiagonal form, which takes a third of the time of eigenvectors.
    """
    n = len(matrix)
    if len(penalties) == 1 and np.isfinite(penalties[0]):
        return np.linalg.solve(matrix + penalties[0] * np.eye(n), target)[np.newaxis]
    reflectors, diagonal, beside, factors, _ = lapack.dsytrd(matrix, lower=1)
    reflectors = np.asfortranarray(reflectors[1:, :-1])

    def turn(columns: Floats, way: str) -> Floats:
        # The first row is left alone.
        rest = lapack.dormqr("L", way, reflectors, factors, columns[1:], _WORK * columns.shape[1])
        return np.vstack([columns[:1], rest[0]])

    paths = np.zeros((len(penalties), n, target.shape[1]))
    finite = np.isfinite(penalties)
    if finite.any():
        turned = turn(target, "T")
        solved = [
            lapack.dgtsv(beside, diagonal + penalty, beside, turned)[3]
            for penalty in penalties[finite]
        ]
        back = turn(np.hstack(solved), "N").reshape(n, len(solved), -1)
        paths[finite] = back.swapaxes(0, 1)
    return paths


def _errors(products: Floats, coef: Floats, n: int) -> Floats:
    """Return the mean square errors of coefficients from products of deviations."""
    explained = (coef * products[:n, n:]).sum(axis=1)
    spread = (coef * (products[:n, :n] @ coef)).sum(axis=1)
    return np.diag(products[n:, n:]) - 2 * explained + spread
