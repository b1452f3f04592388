"""Worlds: sources of sequences whose latent dynamics are known."""

from ._array import ArrayWorld
from ._base import World
from ._bernoulli import BernoulliWorld
from ._drift import DriftWorld
from ._facts import WorldFacts
from ._function import FunctionWorld
from ._linear_system import LinearSystemWorld
from ._nested import NestedConditionalWorld
from ._nulls import PhaseNull, ResampleNull, ShuffleNull
from ._oscillator import OscillatorWorld
from ._regime import RegimeWorld
from ._sample import Sample
from ._triangle import TriangleWorld

__all__ = [
    "ArrayWorld",
    "BernoulliWorld",
    "DriftWorld",
    "FunctionWorld",
    "LinearSystemWorld",
    "NestedConditionalWorld",
    "OscillatorWorld",
    "PhaseNull",
    "RegimeWorld",
    "ResampleNull",
    "Sample",
    "ShuffleNull",
    "TriangleWorld",
    "World",
    "WorldFacts",
]
