"""Whether a world, a predictor or a measure of your own keeps to its contract."""

from ._measures import check_measure
from ._predictors import check_predictor
from ._worlds import check_world

__all__ = ["check_measure", "check_predictor", "check_world"]
