"""Compiled scans that train recurrent networks on a CPU, and compiled attention."""

from ._attention import ATTENTION_LANES, attention_kernels
from ._compile import Compiled
from ._scan import HeadLoss, Layout, ScanLoss, run_forward, scan
from ._support import KINDS, MAX_TOKENS, choose_engine, is_plain
from ._team import Team
from ._vector import LANES, aligned

__all__ = [
    "ATTENTION_LANES",
    "KINDS",
    "LANES",
    "MAX_TOKENS",
    "Compiled",
    "HeadLoss",
    "Layout",
    "ScanLoss",
    "Team",
    "aligned",
    "attention_kernels",
    "choose_engine",
    "is_plain",
    "run_forward",
    "scan",
]
