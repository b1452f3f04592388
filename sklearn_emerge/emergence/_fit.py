"""Families of curves of accuracy against capacity, and their fit to many data sets at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, xlog1py, xlogy

from .._typing import Floats

# Probabilities are kept this far from 0 and 1, so that one surprise stays finite.
_SMALLEST = 1e-9
_ITERATIONS = 60


# An end of a curve, or what stands for it in each of several.
End = float | Floats


def _logistic(
    theta: Floats, x: Floats, low: End, high: End, inside: Callable[[End], End], scale: float
) -> Floats:
    with np.errstate(over="ignore"):
        return low + (high - low) * expit(np.exp(theta[:, :1]) * (x - theta[:, 1:2]))


def _power_law(
    theta: Floats, x: Floats, low: End, high: End, inside: Callable[[End], End], scale: float
) -> Floats:
    largest = inside(theta[:, 1:2]) - low
    with np.errstate(over="ignore"):
        return low + largest * np.exp(np.exp(theta[:, :1]) * (x - x.max()))


def _saturation(
    theta: Floats, x: Floats, low: End, high: End, inside: Callable[[End], End], scale: float
) -> Floats:
    with np.errstate(over="ignore"):
        return high - (high - low) * np.exp(
            -np.exp(theta[:, :1]) * np.logaddexp(0, scale * (x - theta[:, 1:2]))
        )


def _weibull(
    theta: Floats, x: Floats, low: End, high: End, inside: Callable[[End], End], scale: float
) -> Floats:
    with np.errstate(over="ignore"):
        t = np.exp(expit(theta[:, :1]) * scale * (x - theta[:, 1:2]))
    return high - (high - low) * np.exp(-t)


def _gompertz(
    theta: Floats, x: Floats, low: End, high: End, inside: Callable[[End], End], scale: float
) -> Floats:
    with np.errstate(over="ignore"):
        t = np.exp(-expit(theta[:, :1]) * scale * (x - theta[:, 1:2]))
    return low + (high - low) * np.exp(-t)


def _line(
    theta: Floats, x: Floats, low: End, high: End, inside: Callable[[End], End], scale: float
) -> Floats:
    first, last = inside(theta[:, :1]), inside(theta[:, 1:2])
    start = x[np.isfinite(x)].min()
    share = np.maximum((x - start) / (x.max() - start), 0.0)
    return first + (last - first) * share


def _constant(
    theta: Floats, x: Floats, low: End, high: End, inside: Callable[[End], End], scale: float
) -> Floats:
    return inside(theta[:, :1]) + np.zeros(len(x))


@dataclass(frozen=True)
class Family:
    """A family of curves.

    Attributes
    ----------
    mean : callable
        Function of (theta, x, chance, asymptote, inside, scale) that returns the means, where
        ``inside`` maps a parameter to a value between the ends.
    starts : tuple of ndarray
        Where the search starts, a grid of the parameters.
    bounds : tuple of (float, float)
        What the parameters cannot leave.
    ends : tuple of str
        Ends that the family has; those that are not known are fitted.
    formula : str
        For reports.
    """

    mean: Callable[..., Floats]
    starts: tuple[Floats, ...]
    bounds: tuple[tuple[float, float], ...]
    ends: tuple[str, ...]
    formula: str


_LEVELS = np.linspace(-5, 5, 15)
FAMILIES = {
    "logistic": Family(
        _logistic,
        (np.linspace(-1, 3, 9), np.linspace(-3, 3, 19)),
        ((-6, 6), (-12, 12)),
        ("chance", "asymptote"),
        "accuracy is 1 / (1 + (C / C_c)^-alpha)",
    ),
    "power law": Family(
        _power_law,
        (np.linspace(-3, 2, 13), _LEVELS),
        ((-12, 5), (-30, 30)),
        ("chance",),
        "accuracy grows as C^k, without end",
    ),
    "saturation": Family(
        _saturation,
        (np.linspace(-4, 4, 13), np.linspace(-3, 8, 19)),
        ((-12, 12), (-20, 20)),
        ("chance", "asymptote"),
        "error falls as (1 + C / C_0)^-k",
    ),
    # Steeper ones, with k above 1, are steps themselves, of another shape than the logistic.
    "Weibull": Family(
        _weibull,
        (np.linspace(-4, 6, 11), np.linspace(-3, 3, 19)),
        ((-12, 12), (-20, 20)),
        ("chance", "asymptote"),
        "1 - exp(-(C / C_0)^k), k at most 1",
    ),
    "Gompertz": Family(
        _gompertz,
        (np.linspace(-4, 6, 11), np.linspace(-3, 3, 19)),
        ((-12, 12), (-20, 20)),
        ("chance", "asymptote"),
        "exp(-(C / C_0)^-k), k at most 1",
    ),
    "line": Family(
        _line, (_LEVELS, _LEVELS), ((-30, 30), (-30, 30)), (), "accuracy is linear in log C"
    ),
    "constant": Family(_constant, (_LEVELS,), ((-30, 30),), (), "accuracy does not depend on C"),
}


@dataclass(frozen=True)
class Data:
    """What curves are fitted to.

    Attributes
    ----------
    x : ndarray of shape (n,)
        Standardised log capacities; minus infinity for a capacity of zero.
    rate : ndarray of shape (n_sets, n)
        Rates of each data set.
    trials : ndarray of shape (n,) or None
        Trials behind the rates; None fits by least squares.
    chance, asymptote : float or None
        Ends of the curve; None fits them.
    scale : float
        Nats of log capacity in a unit of x.
    """

    x: Floats
    rate: Floats
    trials: Floats | None
    chance: float | None
    asymptote: float | None
    scale: float

    def unknown(self, family: str) -> list[str]:
        """Return the ends that a family has and that are not known."""
        return [end for end in FAMILIES[family].ends if getattr(self, end) is None]


def n_parameters(data: Data, family: str) -> int:
    """Return the number of parameters of a curve, a variance of residuals included."""
    return len(FAMILIES[family].bounds) + len(data.unknown(family)) + (data.trials is None)


def curve(data: Data, family: str, theta: Floats, x: Floats | None = None) -> Floats:
    """Return the means of the curves, of shape (n_sets, n)."""
    kind = FAMILIES[family]
    i = len(kind.bounds)
    ends: dict[str, End | None] = {"chance": data.chance, "asymptote": data.asymptote}
    probabilities = data.trials is not None
    for end in data.unknown(family):
        ends[end] = theta[:, i : i + 1]
        i += 1
    low, high = ends["chance"], ends["asymptote"]
    if probabilities:
        # Fitted ends are probabilities.
        low = 0.0 if low is None else low
        low = expit(low) if data.chance is None and "chance" in kind.ends else low
        if data.asymptote is None and "asymptote" in kind.ends:
            high = low + (1 - low) * expit(high)
        high = 1.0 if high is None else high

    def inside(value: End) -> End:
        if low is None or high is None:
            return value
        return low + (high - low) * expit(value)

    return kind.mean(theta, data.x if x is None else x, low, high, inside, data.scale)


def misfit(data: Data, mean: Floats) -> Floats:
    """Return -2 log-likelihood (up to a constant), or the sum of squares, of each data set."""
    if data.trials is None:
        return ((data.rate - mean) ** 2).sum(axis=1)
    p = np.clip(mean, _SMALLEST, 1 - _SMALLEST)
    return -2 * (data.trials * (xlogy(data.rate, p) + xlog1py(1 - data.rate, -p))).sum(axis=1)


def fit(
    data: Data, family: str, fixed: Mapping[int, Floats] | None = None
) -> tuple[Floats, Floats]:
    """Fit a curve to each data set, by damped Fisher scoring from the best point of a grid.

    Parameters
    ----------
    data : Data
        The data sets.
    family : str
        One of `FAMILIES`.
    fixed : dict of int to ndarray of shape (n_sets,), default=None
        Parameters that are not fitted, and their values for each data set.

    Returns
    -------
    theta : ndarray of shape (n_sets, n_parameters)
        Parameters of the curve, as it takes them.
    misfit : ndarray of shape (n_sets,)
        What is left, see `misfit`.
    """
    fixed = fixed or {}
    theta = _start(data, family, fixed)
    free = [i for i in range(theta.shape[1]) if i not in fixed]
    left = misfit(data, curve(data, family, theta))
    if not free:
        return theta, left
    damping = np.full(len(theta), 1e-3)
    unknown = [(-np.inf, np.inf)] * len(data.unknown(family))
    bounds = np.array([*FAMILIES[family].bounds, *unknown])
    low, high = bounds[:, 0], bounds[:, 1]
    for _ in range(_ITERATIONS):
        mean = curve(data, family, theta)
        slopes = _slopes(data, family, theta, mean, free)
        weight = np.ones_like(mean)
        if data.trials is not None:
            p = np.clip(mean, _SMALLEST, 1 - _SMALLEST)
            weight = data.trials / (p * (1 - p))
        weighted = slopes * weight[:, :, np.newaxis]
        gradient = np.einsum("bnp,bn->bp", weighted, data.rate - mean)
        information = np.einsum("bnp,bnq->bpq", weighted, slopes)
        diagonal = np.einsum("bpp->bp", information)
        damped = information + (
            np.eye(len(free)) * (damping[:, np.newaxis] * diagonal + 1e-12)[:, np.newaxis]
        )
        step = np.linalg.solve(damped, gradient[:, :, np.newaxis])[:, :, 0]
        proposed = theta.copy()
        # Long steps leave the region in which the curve is nearly a plane.
        proposed[:, free] += np.clip(step, -2, 2)
        proposed = np.clip(proposed, low, high)
        value = misfit(data, curve(data, family, proposed))
        better = value < left
        gain = np.where(better, left - value, 0.0)
        theta[better], left = proposed[better], np.minimum(left, value)
        damping = np.where(better, damping / 5, damping * 8)
        if (gain <= 1e-10 * (np.abs(left) + 1e-10)).all() and (better | (damping > 1e6)).all():
            break
        damping = np.clip(damping, 1e-9, 1e7)
    return theta, left


def _start(data: Data, family: str, fixed: Mapping[int, Floats]) -> Floats:
    """Return the best point of a grid for each data set."""
    n_sets = len(data.rate)
    starts: Sequence[Floats] = FAMILIES[family].starts
    lowest, highest = data.rate.min(axis=1), data.rate.max(axis=1)
    if data.trials is None:
        ends = {"chance": lowest, "asymptote": highest}
        if data.chance is None or data.asymptote is None:
            # Levels are values themselves.
            spread = np.linspace(data.rate.min(), data.rate.max(), len(_LEVELS))
            starts = [spread if axis is _LEVELS else axis for axis in starts]
    else:
        low = np.clip(lowest, 0.01, 0.98)
        ends = {
            "chance": logit(low),
            "asymptote": logit(np.clip((highest - low) / (1 - low), 0.02, 0.98)),
        }
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*starts)], axis=1)
    unknown = [ends[end] for end in data.unknown(family)]
    best, lowest_misfit = np.empty(0), np.full(n_sets, np.inf)
    for point in grid:
        theta = np.column_stack([np.tile(point, (n_sets, 1)), *unknown])
        for i, values in fixed.items():
            theta[:, i] = values
        value = misfit(data, curve(data, family, theta))
        if not len(best):
            best = theta.copy()
        better = value < lowest_misfit
        best[better], lowest_misfit[better] = theta[better], value[better]
    return best


def _slopes(data: Data, family: str, theta: Floats, mean: Floats, free: Sequence[int]) -> Floats:
    """Return the derivatives of the means by the free parameters, of shape (n_sets, n, n_free)."""
    slopes = np.empty((*mean.shape, len(free)))
    for j, i in enumerate(free):
        moved = theta.copy()
        h = 1e-6 * (1 + np.abs(theta[:, i]))
        moved[:, i] += h
        slopes[:, :, j] = (curve(data, family, moved) - mean) / h[:, np.newaxis]
    return slopes
