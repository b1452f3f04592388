"""Names of types that many signatures share."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# What a `random_state` may be.
RandomState = int | np.random.SeedSequence | np.random.Generator | np.random.RandomState | None
