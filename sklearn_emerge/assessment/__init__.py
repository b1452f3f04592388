"""The main job: find out what training added."""

from .._moved import moved_names
from ._assessment import EmergenceAssessment
from ._comparison import compare_cubes
from ._concat import concat_cubes
from ._cube import load_cube
from ._explain import explain
from ._statistics import judge_cube
from ._summary import summarise

__all__ = [
    "EmergenceAssessment",
    "compare_cubes",
    "concat_cubes",
    "explain",
    "judge_cube",
    "load_cube",
    "summarise",
]

# It has a room of its own.
__getattr__ = moved_names(__name__, {"emergence_step": "emergence"})
