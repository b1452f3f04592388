"""The main job: what did training add?"""

from ._assessment import EmergenceAssessment
from ._cube import load_cube

__all__ = ["EmergenceAssessment", "load_cube"]
