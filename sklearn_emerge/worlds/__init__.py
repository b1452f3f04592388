"""Worlds: sources of sequences whose latent dynamics are known."""

from ._algorithmic import AlgorithmicWorld
from ._array import ArrayWorld
from ._base import World
from ._bernoulli import BernoulliWorld
from ._cut import cut
from ._drift import DriftWorld
from ._driven import with_inputs
from ._dysts import DystsWorld
from ._facts import WorldFacts
from ._flip_flop import FlipFlopWorld
from ._flow import Cycle, RestPoints
from ._function import FunctionWorld
from ._gymnasium import GymnasiumWorld
from ._linear_system import LinearSystemWorld
from ._lorenz import LorenzWorld
from ._nested import NestedConditionalWorld
from ._noisy_periodic import NoisyPeriodicWorld
from ._nulls import ExchangeNull, PhaseNull, ResampleNull, ShuffleNull
from ._oscillator import OscillatorWorld
from ._read import read_recordings
from ._recording import RecordingWorld
from ._regime import RegimeWorld
from ._sample import Sample
from ._switching import SwitchingLinearWorld
from ._triangle import TriangleWorld

__all__ = [
    "AlgorithmicWorld",
    "ArrayWorld",
    "BernoulliWorld",
    "Cycle",
    "DriftWorld",
    "DystsWorld",
    "ExchangeNull",
    "FlipFlopWorld",
    "FunctionWorld",
    "GymnasiumWorld",
    "LinearSystemWorld",
    "LorenzWorld",
    "NestedConditionalWorld",
    "NoisyPeriodicWorld",
    "OscillatorWorld",
    "PhaseNull",
    "RecordingWorld",
    "RegimeWorld",
    "ResampleNull",
    "RestPoints",
    "Sample",
    "ShuffleNull",
    "SwitchingLinearWorld",
    "TriangleWorld",
    "World",
    "WorldFacts",
    "cut",
    "read_recordings",
    "with_inputs",
]
