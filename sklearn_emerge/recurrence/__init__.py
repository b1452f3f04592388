"""Compiled scans that train recurrent networks on a CPU."""

from ._compile import Compiled
from ._scan import HeadLoss, Layout, ScanLoss, run_forward, scan
from ._support import KINDS, choose_engine, is_plain
from ._vector import LANES

__all__ = [
    "KINDS",
    "LANES",
    "Compiled",
    "HeadLoss",
    "Layout",
    "ScanLoss",
    "choose_engine",
    "is_plain",
    "run_forward",
    "scan",
]
