"""The sequences that a world draws."""

import numpy as np
from sklearn.utils import Bunch


class Sample(Bunch):
    """Sequences, and what is known of them; shown by shapes instead of numbers."""

    def __repr__(self):
        width = max(map(len, self), default=0)
        lines = (f"  {name:{width}}  {_shown(value)}" for name, value in self.items())
        return "\n".join(["Sample", *lines])


def _shown(value):
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items())
    return " ".join(repr(value).split())
