"""The main job: find out what training added."""

from ._assessment import EmergenceAssessment
from ._cube import load_cube
from ._trajectory import emergence_step

__all__ = ["EmergenceAssessment", "emergence_step", "load_cube"]
