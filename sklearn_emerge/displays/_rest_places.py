"""Points of a plane that do not move, of a world or of a predictor."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._typing import Floats, RandomState
from ..operators import fixed_points
from ..operators._loops import clock_stands
from ..predictors._stepping import CellRollouts


class RestPlaces(NamedTuple):
    """Points of the plane that do not move.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
        Where they are.
    stable : ndarray of bool of shape (n_points,)
        Whether what is near ends there.
    """

    points: Floats
    stable: NDArray[np.bool_]


def rest_of(predictor: Any, X: NDArray[Any], clock: Any, stream: RandomState) -> Any:
    """Return the rest points of a predictor that has one closed loop; None of others."""
    counted = getattr(predictor, "input_scaling_", None) == "first"
    has_state = isinstance(predictor, CellRollouts) and predictor._cell_and_head() is not None
    if not (clock_stands(predictor, clock) and has_state) or counted:
        return None
    found = fixed_points(predictor, X[:64], clock=clock, random_state=stream)
    return found if len(found.states) else None


def are_stable(jacobians: Floats | None) -> NDArray[np.bool_]:
    """Return whether what is near rest points ends there."""
    assert jacobians is not None
    moduli = np.abs(np.linalg.eigvals(jacobians)).max(axis=1)
    # What turns without growing is no more than that, whatever rounding says.
    return np.asarray(moduli < 1 - 1e-9)
