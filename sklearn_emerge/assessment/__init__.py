"""The main job: find out what training added."""

from ._assessment import EmergenceAssessment
from ._cube import load_cube
from ._explain import explain
from ._summary import summarise
from ._trajectory import emergence_step

__all__ = ["EmergenceAssessment", "emergence_step", "explain", "load_cube", "summarise"]
