"""Reports: one file that says what was found, how, and whether it can be trusted."""

from ._report import report

__all__ = ["report"]
