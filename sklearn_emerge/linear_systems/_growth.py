"""How risks grow with the horizon and fall with the size: what both lengths are read from."""

import warnings

import numpy as np
from numpy.typing import NDArray

from .._typing import Floats


def growth_exponents(risk: Floats, horizons: NDArray[np.integer], cut: float) -> Floats:
    """Return the log-log slopes over the last decade of horizons; 0 where there is no risk."""
    exponents = np.full(len(risk), np.nan)
    if len(horizons) < 2:
        return exponents
    last = horizons >= min(horizons[-1] / 10, horizons[-2])
    exponents[risk[:, -1] == 0] = 0.0
    positive = (risk[:, last] > 0).all(axis=1)
    if positive.any():
        logs = np.log(np.where(risk[positive] > 0, risk[positive], np.nan))
        slopes = np.polyfit(np.log(horizons[last]), logs[:, last].T, 1)[0]
        exponents[positive] = slopes
        local = np.diff(logs, axis=1) / np.diff(np.log(horizons))
        unsettled = (local[:, -2:-1] >= cut) & (local[:, -1:] < cut)
        if unsettled.any():
            warnings.warn(
                f"At horizon {horizons[-1]} the growth of the risk per step is still slowing down "
                f"for {unsettled.sum()} of {len(risk)} sizes, so that the shortest stable length "
                "may be too small or too large; add longer horizons.",
                stacklevel=4,
            )
    return exponents


def crossing(sizes: NDArray[np.integer], total: Floats, tolerated: float) -> float:
    """Return where the risk falls to what is tolerated, log-linear between two sizes."""
    below = np.flatnonzero(total <= tolerated)
    if not len(below) or below[0] == 0:
        return float(sizes[0]) if len(below) and total[0] == tolerated else np.nan
    i = below[0]
    if total[i] == 0:
        return float(sizes[i])
    share = np.log(total[i - 1] / tolerated) / np.log(total[i - 1] / total[i])
    return float(sizes[i - 1] + share * (sizes[i] - sizes[i - 1]))
