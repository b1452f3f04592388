"""Corrections of the p-values of a family of tests."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from .._typing import Floats
from .._validation import as_numbers


def _hommel(p: Floats, left: NDArray[Any]) -> Floats:
    """Return Hommel's adjusted p-values: of every number of true nulls the Simes test."""
    adjusted = p.copy()
    for m in range(len(p), 1, -1):
        simes = (m * p[-m:] / np.arange(1, m + 1)).min()
        adjusted[-m:] = np.maximum(adjusted[-m:], simes)
        adjusted[:-m] = np.maximum(adjusted[:-m], np.minimum(m * p[:-m], simes))
    return adjusted


def _sidak(p: Floats, left: NDArray[Any] | int) -> Floats:
    # 1 - (1 - p)^n, of small p too.
    with np.errstate(divide="ignore"):
        return -np.expm1(left * np.log1p(-p))


# Of p-values that rise, and of how many there are from each on.
_METHODS: dict[str, Callable[[Floats, NDArray[Any]], Floats]] = {
    "bonferroni": lambda p, left: len(p) * p,
    "sidak": lambda p, left: _sidak(p, len(p)),
    "holm-sidak": lambda p, left: np.maximum.accumulate(_sidak(p, left)),
    "holm": lambda p, left: np.maximum.accumulate(left * p),
    "simes-hochberg": lambda p, left: np.minimum.accumulate((left * p)[::-1])[::-1],
    "hommel": _hommel,
    "fdr_bh": lambda p, left: stats.false_discovery_control(p, method="bh"),
    "fdr_by": lambda p, left: stats.false_discovery_control(p, method="by"),
}
CORRECTIONS = tuple(_METHODS)


def adjust_p_values(p_values: ArrayLike, correction: str | None = "holm") -> Floats:
    """Adjust the p-values of a family of tests, ignoring NaN.

    Parameters
    ----------
    p_values : array-like of any shape
        The family; NaN where there is no test.
    correction : str or None, default="holm"
        "bonferroni", "sidak", "holm-sidak", "holm", "simes-hochberg" or "hommel", which bound the
        chance of any false rejection, or "fdr_bh" or "fdr_by", which bound the share of false
        ones (`scipy.stats.false_discovery_control`). None leaves the p-values as they are.

    Returns
    -------
    ndarray
        Adjusted p-values, of the same shape.

    Raises
    ------
    ValueError
        If the correction is not known, or a p-value is not between 0 and 1.

    Examples
    --------
    >>> from sklearn_emerge.inference import adjust_p_values
    >>> adjust_p_values([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    adjusted = as_numbers(p_values, "p_values").copy()
    check_correction(correction)
    tested = ~np.isnan(adjusted)
    p = adjusted[tested]
    if ((p < 0) | (p > 1)).any():
        raise ValueError(
            f"p_values contains {p[(p < 0) | (p > 1)][0]:g}, which is no probability; pass numbers "
            "between 0 and 1, and NaN where there is no test."
        )
    # A single test needs no correction.
    if correction is not None and len(p) > 1:
        order = np.argsort(p)
        corrected = np.empty_like(p)
        corrected[order] = _METHODS[correction](p[order], np.arange(len(p), 0, -1))
        adjusted[tested] = np.minimum(corrected, 1)
    return adjusted


def check_correction(correction: str | None) -> None:
    """Raise a ValueError unless `correction` is None or a known method."""
    if correction is not None and correction not in CORRECTIONS:
        known = ", ".join(map(repr, CORRECTIONS))
        raise ValueError(f"correction={correction!r} is not known; choose None or one of {known}.")
