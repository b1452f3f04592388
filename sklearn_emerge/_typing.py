"""Names of types that many signatures share."""

import os

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# A file, by its name.
PathLike = str | os.PathLike[str]
# What a `random_state` may be.
RandomState = int | np.random.SeedSequence | np.random.Generator | np.random.RandomState | None
