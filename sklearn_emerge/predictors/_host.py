"""What the parts of a network predictor are part of, for type checkers alone."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._base import BasePredictor as Host
else:
    Host = object

__all__ = ["Host"]
