"""What an emergence curve can be fitted to, with messages that say what to do."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .._typing import Floats
from .._validation import as_numbers


def in_columns(X: ArrayLike) -> ArrayLike:
    """Return X with capacities of one resource, in one dimension or alone, as a column."""
    array = np.asarray(X)
    if array.dtype == object and hasattr(X, "toarray"):
        return X
    return array.reshape(-1, 1) if array.ndim < 2 else X


def check_points(X: ArrayLike, y: ArrayLike, n_needed: int) -> None:
    """Raise a ValueError unless there are enough points, each of a capacity and a rate.

    Parameters
    ----------
    X : array-like of shape (n_points, n_resources)
        Capacities.
    y : array-like of shape (n_points,)
        Rates.
    n_needed : int
        Points that it takes at least.
    """
    X, rates = np.asarray(X), np.asarray(y).shape
    if not X.ndim:
        # Not a matrix that numpy knows; refused by scikit-learn.
        return
    n_points = len(X)
    if len(rates) == 2 and rates[1] > 1:
        repeat = "tile" if rates[1] == n_points else "repeat"
        n_networks = rates[0] if repeat == "tile" else rates[1]
        raise ValueError(
            f"y has shape {rates}, but should be a 1d array of a rate for each point. Rates of "
            "several networks are points of their own: pass "
            f"np.{repeat}(X, {n_networks}) and np.ravel(y)."
        )
    if n_points == 1 and rates and rates[0] == X.size > 1:
        raise ValueError(
            f"X has shape {X.shape}, 1 sample, but y has {rates[0]} rates; capacities in one "
            "row are np.ravel(X)."
        )
    if 0 < n_points < n_needed:
        raise ValueError(
            f"X has {n_points} sample{'s' * (n_points > 1)}, but a minimum of {n_needed} is "
            "required, one more for each end that is fitted, better a dozen; measure the accuracy "
            "at more capacities."
        )
    if rates and rates[0] != n_points > 0:
        raise ValueError(
            f"X has {n_points} capacities, but y has {rates[0]} rates; pass a rate for each."
        )


def check_rates(
    y: Floats,
    n_trials: ArrayLike | None,
    chance: float | Literal["fit"],
    asymptote: float | Literal["fit"],
) -> Floats | None:
    """Check rates against ends and trials.

    Parameters
    ----------
    y : ndarray of shape (n_points,)
        Rates.
    n_trials : int, array-like of shape (n_points,) or None
        Trials behind each.
    chance, asymptote : float or "fit"
        Ends of the curve.

    Returns
    -------
    ndarray of shape (n_points,) or None
        The trials.

    Raises
    ------
    ValueError
        If rates lie outside of what the ends allow, or do not come from such numbers of trials.
    """
    known = [end for end in (chance, asymptote) if not isinstance(end, str)]
    if len(known) == 2 and not known[0] < known[1]:
        raise ValueError(f"chance={chance!r} must lie below asymptote={asymptote!r}; swap them?")
    probabilities = n_trials is not None or len(known) == 2
    lowest, highest = min([0.0, *known]), max([1.0, *known])
    if n_trials is not None and (lowest < 0 or highest > 1):
        raise ValueError(
            f"chance={chance!r}, asymptote={asymptote!r}: with n_trials they are probabilities "
            "between 0 and 1."
        )
    if probabilities and (y.min() < lowest or y.max() > highest):
        wrong = y.min() if y.min() < lowest else y.max()
        if n_trials is not None:
            remedy = "Divide counts by n_trials, or percentages by 100."
        else:
            remedy = (
                "Divide percentages by 100 and counts by their trials, or pass chance='fit' and "
                "asymptote='fit' for another scale."
            )
        raise ValueError(
            f"y contains {wrong:g}, outside of {lowest:g} to {highest:g}: it must hold rates. "
            f"{remedy}"
        )
    if n_trials is None:
        return None
    trials = as_numbers(n_trials, "n_trials")
    if trials.shape not in ((), y.shape):
        raise ValueError(
            f"n_trials has shape {trials.shape}, but there are {len(y)} rates; pass one "
            "number, or one for each rate."
        )
    trials = np.broadcast_to(trials, y.shape)
    if not np.isfinite(trials).all() or (trials < 1).any() or (trials % 1).any():
        raise ValueError(f"n_trials={n_trials!r} must be whole numbers of at least 1.")
    right = trials * y
    if np.abs(right - np.round(right)).max() > 1e-6 * trials.max():
        i = int(np.abs(right - np.round(right)).argmax())
        raise ValueError(
            f"y[{i}]={y[i]:g} times n_trials={trials[i]:g} is not a whole number of right "
            "answers; pass the trials that each rate comes from, or leave n_trials out."
        )
    return trials
