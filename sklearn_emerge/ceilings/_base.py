"""What optimal predictors share."""

from .._typing import Floats
from ..predictors._base import BasePredictor


class OptimalPredictor(BasePredictor):
    """What the optimal predictors share: they know the law and learn nothing but the noise."""

    def _fit(self, X: Floats) -> None:
        pass

    def _one_channel(self, X: Floats) -> Floats:
        if X.shape[2] != 1:
            raise ValueError(
                f"{type(self).__name__} is for one channel, and X has {X.shape[2]}; pass X of "
                "shape (n_sequences, n_steps)."
            )
        return X[:, :, 0]
