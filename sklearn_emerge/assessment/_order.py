"""Arrays whose steps seem to be along another axis than that of steps."""

import warnings
from typing import Any

import numpy as np

from .._padding import is_uneven
from .._typing import Floats

# Entries of each axis that are looked at, and how many it takes to tell.
_SHOWN, _FEW = (200, 200, 50), 8
# Correlations of neighbours that are those of steps, and that are not.
_ALIKE, _UNLIKE = 0.5, 0.2


def warn_if_steps_are_elsewhere(X: Any) -> None:
    """Warn if entries next to each other are alike along another axis, and not along steps.

    Sequences are independent, so that neighbours among them are as unlike as any.

    Parameters
    ----------
    X : object
        Sequences, as they were passed. Names of dimensions leave no doubt, nor do lists of unequal
        length.
    """
    if hasattr(X, "dims") or is_uneven(X) or np.ndim(X) not in (2, 3):
        return
    shown = np.asarray(X)[tuple(slice(n) for n in _SHOWN[: np.ndim(X)])]
    if shown.dtype.kind not in "biuf":
        return
    found = neighbour_correlations(shown.astype(np.float64))
    others = [axis for axis in range(shown.ndim) if axis != 1 and found[axis] > _ALIKE]
    if not others or not found[1] < _UNLIKE:
        return
    axis = max(others, key=lambda each: found[each])
    read = ", ".join(("n_sequences", "n_steps", "n_channels")[: shown.ndim])
    warnings.warn(
        f"X has shape {np.shape(X)}, which is read as ({read}). Neighbours along axis {axis} are "
        f"alike (correlation {found[axis]:.2f}), and neighbouring steps, along axis 1, are not "
        f"({found[1]:.2f}). If axis {axis} is time, pass np.swapaxes(X, {axis}, 1), and see that "
        "axis 0 is that of sequences.",
        UserWarning,
        stacklevel=5,
    )


def neighbour_correlations(X: Floats) -> list[float]:
    """Return the correlation of neighbours along each axis, NaN of axes that are too short.

    Parameters
    ----------
    X : ndarray of float64
        An array; NaN is left out. What entries of an axis have in common is subtracted first.

    Returns
    -------
    list of float
    """
    with warnings.catch_warnings():
        # Of slices that are missing altogether.
        warnings.simplefilter("ignore", RuntimeWarning)
        for axis in range(X.ndim):
            rest = tuple(other for other in range(X.ndim) if other != axis)
            X = X - np.nanmean(X, axis=rest, keepdims=True)
        variance = np.nanmean(X**2)
        if not variance > 0:
            return [np.nan] * X.ndim
        differences = [np.nanmean(np.diff(X, axis=axis) ** 2) for axis in range(X.ndim)]
    found = [1 - difference / (2 * variance) for difference in differences]
    long = [n >= _FEW for n in X.shape]
    return [float(r) if enough else np.nan for r, enough in zip(found, long, strict=True)]
