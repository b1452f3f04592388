"""The main job: find out what training added."""

from ._assessment import EmergenceAssessment
from ._cube import load_cube

__all__ = ["EmergenceAssessment", "load_cube"]
