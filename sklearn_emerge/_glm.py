"""Generalised linear models of many rows, in chunks, to a gradient norm."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import block_diag, eigh
from scipy.optimize import minimize

from ._families import Family
from ._moments import Moments, blocks
from ._typing import Floats

# In nats a row and squared standard deviation of a feature: what keeps coefficients finite
# where the classes can be separated.
SMALLEST_PENALTY = 1e-7
_GRADIENT = 1e-6
# Iterations of the first search, and of those in better coordinates.
_FIRST, _ITERATIONS, _N_SEARCHES = 30, 100, 5
# Weights that are turned all together, and bytes of coordinates otherwise.
_MOST_COUPLED, _MOST_BYTES = 2000, 2**28
# Rows at once, of which there are products for each target.
_N_ROWS = 1000


@dataclass(frozen=True)
class GLMFit:
    """What `fit_glm` returns.

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


def fit_glm(
    chunks: Callable[[], Iterable[Any]],
    moments: Moments,
    penalty: float | Floats,
    family: Family,
    known: Any = None,
) -> GLMFit:
    r"""Fit generalised linear models, such as logistic regressions.

    .. math:: \frac{1}{n} \sum_i -\log p(y_i \mid a + x_i \cdot w)
              + \frac{\lambda}{2} \sum_j s_j^2 (w_j - w_j^0)^2

    by L-BFGS in coordinates in which the features are nearly white, so that their condition
    does not matter; if it has not converged soon, in those in which the loss itself curves alike
    in all directions, so that it does as Newton's method where there are few weights. Near its
    minimum the loss is that of `fit_ridge` times the curvature of the family (the variance of a
    target that is 0 or 1, the mean of a count), by which a penalty that was chosen there has to be
    multiplied.

    Parameters
    ----------
    chunks : callable
        Yields pairs of features (n_rows, n_features) and targets (n_rows, n_targets); called once
        for each evaluation of the loss.
    moments : Moments
        Of the same features and targets, or of more rows of them.
    penalty : float or ndarray of shape (n_targets,)
        :math:`\lambda`; what is smaller than 1e-7 counts as that.
    family : Family
        The loss.
    known : pair of ndarray, default=None
        Coefficients :math:`w^0` and intercepts of all rows, where the chunks are some of them;
        the intercept is then shrunk, too. None stands for zeros, and leaves the intercept free.

    Returns
    -------
    GLMFit
    """
    problem = _Problem(chunks, moments, np.maximum(penalty, SMALLEST_PENALTY), family, known)
    weights, gradient = problem.solve()
    return GLMFit(*problem.in_units_of_data(weights), gradient, gradient <= _GRADIENT)


class _Problem:
    """The loss with a penalty, by weights of whitened features.

    Weights have shape (1 + n_features, n_targets), intercepts first; divided by their size they
    weight the principal directions of the scaled features.
    """

    def __init__(
        self,
        chunks: Callable[[], Iterable[Any]],
        moments: Moments,
        penalty: float | Floats,
        family: Family,
        known: Any,
    ) -> None:
        n, folds = moments.n_features, np.flatnonzero(moments.counts)
        self.chunks, self.family = chunks, family
        mean = moments.mean(folds)
        covariance = moments.about(mean, folds)[:n, :n]
        self.center = (mean + moments.origin)[:n]
        spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        constant = spread <= 64 * np.finfo(np.float64).eps * np.abs(self.center)
        self.scale = np.where(constant, 1.0, spread)
        variances, directions = eigh(covariance / np.outer(self.scale, self.scale), driver="evd")
        self.directions: Floats = directions
        of_targets = family.inside((mean + moments.origin)[n:])
        # If the means of the targets alone were known.
        curvature = family.curvature(of_targets)
        self.size = np.sqrt(np.outer(np.append(1.0, np.maximum(variances, 0.0)), curvature))
        self.size[1:] = np.hypot(self.size[1:], np.sqrt(penalty))
        self.shape = self.size.shape
        penalties = np.ones((n + 1, 1)) * penalty
        if known is None:
            known = np.zeros((n, len(of_targets))), family.output(of_targets)
            penalties[0] = 0.0
        self.start = self.of_whitened(*known)
        self.penalties = penalties

    def solve(self) -> tuple[Floats, float]:
        """Return the weights of least loss, and the largest entry of the gradient there."""
        weights = self._search(self.start, None, _FIRST)
        for _ in range(_N_SEARCHES):
            if self._converged():
                break
            weights = self._search(weights, self._turns(weights), _ITERATIONS)
        weights = self.start + self._change(weights) * self.size
        self._value(weights)
        return weights, self._largest(self.gradient)

    def _search(self, start: Floats, turns: Floats | None, n_iterations: int) -> Floats:
        """Return weights of less loss, by steps in the coordinates of `_turns`, None for these."""

        def turned(turns: Floats | None, columns: Floats) -> Floats:
            if turns is None:
                return columns
            of_groups = columns.T.reshape(len(turns), -1, 1)
            return (turns @ of_groups).reshape(columns.T.shape).T

        def value(flat: Floats) -> tuple[float, Floats]:
            loss, gradient = self._value(start + turned(turns, flat.reshape(self.shape)))
            return loss, turned(back, gradient).ravel()

        back = None if turns is None else turns.swapaxes(1, 2)
        result = minimize(
            value,
            np.zeros(start.size),
            jac=True,
            method="L-BFGS-B",
            callback=self._stop,
            options={"gtol": 0.0, "ftol": 0.0, "maxiter": n_iterations, "maxcor": 20},
        )
        return start + turned(turns, result.x.reshape(self.shape))

    def _stop(self, step: Any) -> None:
        """End the search where the gradient is small enough."""
        if self._converged():
            raise StopIteration

    def _converged(self) -> bool:
        return self._largest(self.gradient) <= _GRADIENT / 2

    def _turns(self, weights: Floats) -> Floats | None:
        """Return coordinates in which the loss curves by one in all directions, at some weights.

        The first coordinates know the features alone, and where rows are all but certain, few of
        these are left that the loss hangs on. Of shape (n_groups, n, n): a group for each target,
        or one of all weights if a row is one choice, which couples them, and they are not too
        many; None if they are too many even so.
        """
        n_weights, n_targets = self.shape
        coupled = self.family.coupled and weights.size <= _MOST_COUPLED
        if 8 * weights.size * n_weights > _MOST_BYTES:
            return None
        coef, intercept = self.in_units_of_data(weights)
        curvature, common = np.zeros((n_targets, n_weights, n_weights)), 0.0
        for features in self._blocks():
            p = self.family.mean(features @ coef + intercept)
            white = ((features - self.center) / self.scale) @ self.directions
            rows = np.column_stack([np.ones(len(white)), white])
            curved = p if coupled else self.family.curvature(p)
            for of_target, weight in zip(curvature, curved.T, strict=True):
                of_target += (rows * weight[:, np.newaxis]).T @ rows
            if coupled:
                each = (p[:, :, np.newaxis] * rows[:, np.newaxis]).reshape(len(rows), -1)
                common += each.T @ each
        if coupled:
            curvature = (block_diag(*curvature) - common)[np.newaxis]
        curvature /= self.n_rows
        size = self.size.T.reshape(len(curvature), -1)
        penalties = np.broadcast_to(np.maximum(self.penalties, SMALLEST_PENALTY), self.shape)
        diagonal = np.arange(size.shape[1])
        curvature[:, diagonal, diagonal] += penalties.T.reshape(size.shape)
        curvature /= size[:, :, np.newaxis] * size[:, np.newaxis]
        return np.linalg.inv(np.linalg.cholesky(curvature)).swapaxes(1, 2)

    def _blocks(self) -> Iterator[Any]:
        """Yield the features again, few rows at once."""
        for features, _ in self.chunks():
            for start in range(0, len(features), _N_ROWS):
                yield features[start : start + _N_ROWS]

    def _largest(self, gradient: Floats) -> float:
        """Return the largest entry of a gradient, by coefficients of scaled features."""
        gradient = gradient * self.size
        return float(np.abs(np.vstack([gradient[:1], self.directions @ gradient[1:]])).max())

    def in_units_of_data(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return coefficients and intercepts of the features as they are."""
        weights = weights / self.size
        coef = self.directions @ weights[1:] / self.scale[:, np.newaxis]
        return coef, weights[0] - self.center @ coef

    def of_whitened(self, coef: Floats, intercept: Floats) -> Floats:
        """Return the weights that stand for coefficients and intercepts."""
        scaled = self.directions.T @ (coef * self.scale[:, np.newaxis])
        return np.vstack([intercept + self.center @ coef, scaled]) * self.size

    def _change(self, weights: Floats) -> Floats:
        """Return what is added to the coefficients of the start, which the penalty shrinks to.

        The same for all choices of a row changes nothing but the penalty, which is least without
        it; left in, it would be a direction in which the loss is all but flat.
        """
        change = (weights - self.start) / self.size
        return change - change.mean(axis=1, keepdims=True) if self.family.coupled else change

    def _value(self, weights: Floats) -> tuple[float, Floats]:
        """Return the loss and its gradient."""
        coef, intercept = self.in_units_of_data(weights)
        self.n_rows, total = 0, 0.0
        by_coef: Floats = np.zeros_like(coef)
        by_intercept = np.zeros_like(intercept)
        for features, targets in self.chunks():
            # What has been turned into float64 is used twice.
            for rows, block in blocks(*features.shape):
                block[...] = features[rows]
                loss, error = self.family.losses(block @ coef + intercept, targets[rows])
                self.n_rows += len(error)
                total += loss
                by_coef += block.T @ error
                by_intercept += error.sum(axis=0)
        by_coef = (by_coef - np.outer(self.center, by_intercept)) / self.scale[:, np.newaxis]
        gradient = np.vstack([by_intercept, self.directions.T @ by_coef]) / self.n_rows
        change = self._change(weights)
        # Of the last step of the search, which asks for it once more.
        self.gradient: Floats = (gradient + self.penalties * change) / self.size
        return total / self.n_rows + (self.penalties * change**2).sum() / 2, self.gradient
