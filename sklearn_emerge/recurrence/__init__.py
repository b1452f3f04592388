"""Fast scans behind the recurrent predictors, on a CPU."""

from ._scan import Layout, Workspace, scan
from ._support import KINDS, choose_engine

__all__ = ["KINDS", "Layout", "Workspace", "choose_engine", "scan"]
