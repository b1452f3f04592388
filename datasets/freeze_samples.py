"""Write the frozen samples of every world and their checksums.

Run it only when a generator changes on purpose, and say so in CHANGES.md.
"""

from hashlib import sha256
from pathlib import Path

import numpy as np

from sklearn_emerge._registry import WORLDS as NAMED
from sklearn_emerge._registry import make_world
from sklearn_emerge.worlds import (
    AlgorithmicWorld,
    NestedConditionalWorld,
    OscillatorWorld,
    TriangleWorld,
)

SAMPLES = Path(__file__).parent / "samples"
WORLDS = {name: make_world(name) for name in NAMED} | {
    "oscillator-shuffle": OscillatorWorld().null("shuffle"),
    "oscillator-resample": OscillatorWorld().null("resample"),
    "oscillator-phase": OscillatorWorld().null("phase"),
    "triangle-two-tokens": TriangleWorld(tokens_per_word=2),
    "triangle-redrawn": TriangleWorld().null("redrawn"),
    "nested-conditional-graded": NestedConditionalWorld(depth=5, difficulty=0.5),
    "nested-conditional-permuted": NestedConditionalWorld().null("permuted"),
    "algorithmic-permuted": AlgorithmicWorld().null("permuted"),
}


def frozen_sample(world):
    """Return the arrays that are frozen of a world: three sequences of the stream 0."""
    sample = world.sample(3, random_state=0)
    # The files have the name that `scored` had before.
    arrays = {"X": sample.X, "latents": sample.latents, "counts": sample.scored}
    return {name: array for name, array in arrays.items() if array is not None}


if __name__ == "__main__":
    lines = []
    for name, world in WORLDS.items():
        path = SAMPLES / f"{name}.npz"
        np.savez_compressed(path, **frozen_sample(world))
        lines.append(f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    (SAMPLES / "SHA256SUMS").write_text("".join(lines))
